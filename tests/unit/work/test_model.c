#include "model.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/core/id.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Random histories of one feed under a real engine: publish, join, leave, split, trim,
 * bounces at once and late, dead letters, people who pause, have quiet hours or digests,
 * come and go, redrive and drop, items that are replaced and retracted, events that are
 * to come later, stanzas that the server does not take, links that break with stanzas on
 * them, crashes, take-overs, a store that is away or begins a new epoch. In every other
 * history there is a multicast service, with a queue of its own that outlives streams,
 * which comes and goes. Checked against what is promised: nobody is missed, nobody gets
 * what is not his, first copies come in the log's order, what came back is sent again, or
 * it is told that it is gone, each delivery counts once.
 *
 * MODEL_SEED=n plays that history alone; MODEL_HISTORIES=n plays that many.
 */
enum { HISTORIES = 2000, STEPS = 250, LULL = 30 };

/* ---- The app: its calls are not waited for, so that they fall into every gap ------- */

struct asked {
	struct model *m;
	struct person *p;
};

static struct asked *asked(struct model *m, struct person *p)
{
	struct asked *a = malloc(sizeof(*a));
	*a = (struct asked){m, p};
	return a;
}

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct model *m = arg;
	if (err) {
		CHECK(m, "a commit", err == BELFRY_EAWAY);
		return;
	}
	struct posted *e = model_posted(m, done->id);
	CHECK(m, "positions grow", e == m->e || pos_cmp(e[-1].pos, done->pos) < 0);
	e->pos = done->pos;
}

static void step_post(struct model *m)
{
	char id[EVENT_ID_SIZE];
	struct store *app = m->w.app;
	if (m->posted + app->ops->pending(app) >= EVENTS)
		return;
	event_id_make(clock_wall_ms(), id);
	bool urgent = below(m, 5) == 0;
	id[EVENT_ID_SIZE - 2] = urgent ? 'a' : 'b';
	const struct store_commit c = {.feed = "feed",
				       .id = id,
				       .item = id,
				       .priority =
					       urgent ? PRIORITY_URGENT : PRIORITY_NORMAL,
				       .at_ms = clock_wall_ms(),
				       .expires_ms = plans_expiry(m, id),
				       .doc = "{}",
				       .doc_len = 2};
	app->ops->commit(app, &c, on_commit, m);
}

static void on_join(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct asked a = *(struct asked *)arg;
	(void)row;
	free(arg);
	if (err) {
		CHECK(a.m, "a join", err == BELFRY_EAWAY);
		return;
	}
	CHECK(a.m, "joining anew makes a row", a.p->ended || created != a.p->joined);
	if (created)
		a.p->generation = ++a.m->generation;
	a.p->joined = true;
	if (a.m->buckets == 0)
		a.m->buckets = 1;
}

static void step_join(struct model *m)
{
	struct person *p = &m->p[below(m, PEOPLE)];
	if (!p->ended)
		m->w.app->ops->join(m->w.app, "feed", p->jid, SUB_FOLLOW(FORMAT_CHAT),
				    on_join, asked(m, p));
}

static void on_leave(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct asked a = *(struct asked *)arg;
	(void)row;
	(void)created;
	free(arg);
	if (err == BELFRY_EAWAY)
		return;
	CHECK(a.m, "leaving",
	      a.p->ended || err == (a.p->joined ? BELFRY_OK : BELFRY_ENOENT));
	a.p->joined = false;
}

static void step_leave(struct model *m)
{
	struct person *p = &m->p[below(m, PEOPLE)];
	m->w.app->ops->leave(m->w.app, "feed", p->jid, on_leave, asked(m, p));
}

static void on_split(void *arg, enum belfry_err err)
{
	struct model *m = arg;
	if (!err)
		m->buckets++;
}

static void step_split(struct model *m)
{
	if (m->buckets < 200)
		m->w.app->ops->split(m->w.app, "feed", m->buckets, on_split, m);
}

static void on_trim(void *arg, enum belfry_err err)
{
	struct model *m = arg;
	CHECK(m, "trim", !err || err == BELFRY_EAWAY);
}

static void step_trim(struct model *m)
{
	m->w.app->ops->trim(m->w.app, "feed", below(m, m->trims), 0, on_trim, m);
}

/* ---- Workers ------------------------------------------------------------------------
 */

static void bury(struct worker **k)
{
	if (!*k)
		return;
	worker_kill(*k);
	free(*k);
	*k = NULL;
}

static void hire(struct model *m)
{
	m->worker = malloc(sizeof(*m->worker));
	m->stream++;
	m->w.group = m->absent ? 0 : m->group;
	presence_stale(m);
	worker_start(&m->w, m->worker, 0);
	plans_watch(m, m->worker->store);
	m->looked = 0;
}

/* What came back late, and was not told to the store, is lost with the worker. */
static void forgive(struct model *m)
{
	for (size_t k = 0; k < m->posted; k++) {
		struct posted *e = &m->e[k];
		for (size_t i = 0; i < PEOPLE; i++)
			if (e->taken[i])
				e->back[i] = false;
	}
}

static void step_crash(struct model *m)
{
	bury(&m->worker);
	forgive(m);
	hire(m);
}

static void step_take_over(struct model *m)
{
	bury(&m->former);
	m->former = m->worker;
	m->former->valid = false;
	forgive(m);
	hire(m);
}

/* It wakes up, and the server answers what it had asked. */
static void step_former(struct model *m)
{
	if (m->former)
		recorder_serve(m->former->link);
}

static void step_away(struct model *m)
{
	memory_set_away(m->w.memory, true);
	world_turns(&m->w, 1 + below(m, 4));
	memory_set_away(m->w.memory, false);
}

static void step_epoch(struct model *m)
{
	memory_restart(m->w.memory);
}

static void step_time(struct model *m)
{
	world_pass(&m->w, below(m, 1200));
}

static void step_turn(struct model *m)
{
	world_turns(&m->w, 1 + below(m, 3));
}

/* ---- The end ------------------------------------------------------------------------
 */

/* He had it, or was told that he did not, or was rid of it. */
static bool is_served(struct model *m, size_t k, size_t i)
{
	const struct posted *e = &m->e[k];
	const struct person *p = &m->p[i];
	if ((e->taken[i] && !e->back[i]) || e->confirmed[i] || e->given_up[i] ||
	    k < p->told || e->expires || retract_excuses(m, k, i))
		return true;
	/* What comes back when the event is gone has no effect. */
	return (e->taken[i] && world_event_err(&m->w, "feed", e->id)) || p->dropping ||
	       rest_holds(m, k, i);
}

static void check_all(struct model *m)
{
	for (size_t k = 0; k < m->posted; k++)
		for (size_t i = 0; i < PEOPLE; i++)
			CHECK(m, "everybody got everything",
			      m->p[i].ended || !m->p[i].joined ||
				      m->e[k].owed[i] != m->p[i].generation ||
				      poisonous(&m->e[k], i) || is_served(m, k, i));
}

/* Each delivery that is owed counts once; those of who left meanwhile may. */
static void check_counters(struct model *m)
{
	bool settled;
	for (size_t k = 0; k < m->posted; k++) {
		if (world_event_err(&m->w, "feed", m->e[k].id))
			continue; /* trimmed */
		struct store_counters c =
			world_counters(&m->w, "feed", m->e[k].id, &settled);
		uint64_t most = 0, least = 0, poison = 0, kept = 0, dropped = 0;
		uint64_t all = c.taken + c.received + c.held + c.dead + c.left +
			       c.skipped + c.expired + c.superseded;
		for (size_t i = 0; i < PEOPLE; i++) {
			const struct person *p = &m->p[i];
			most += m->e[k].owed[i] != 0;
			poison += m->e[k].owed[i] && poisonous(&m->e[k], i);
			kept += m->e[k].owed[i] && rest_holds(m, k, i);
			dropped +=
				m->e[k].owed[i] && (m->e[k].given_up[i] || p->dropping);
			least += m->e[k].owed[i] == p->generation && p->joined &&
				 !p->ended && m->e[k].owed[i];
		}
		CHECK(m, "is settled", settled);
		/* Urgent events of a hold are counted as held once they may no longer
		 * pass: the store does not know who was not sent one all the same. */
		uint64_t again = m->e[k].urgent ? poison : 0;
		/* An older copy of what was dropped may come back: it counts as dead. */
		CHECK(m, "counted once", all >= least && all <= most + again + dropped);
		CHECK(m, "its time is over", !c.expired || m->e[k].expires);
		CHECK(m, "held for who is gone, or waits, alone",
		      c.held <= most - least + kept);
		CHECK(m, "only the culprit is skipped", c.skipped <= poison + again);
		CHECK(m, "nobody asked for headlines", c.sent == 0);
	}
}

static bool at_rest(struct model *m, unsigned turns, bool reading)
{
	struct engine_gauges g;
	struct store_feed f = world_feed_get(&m->w, "feed");
	engine_gauges(m->worker->engine, &g);
	if (g.feeds_behind || pos_cmp(f.head, f.settled) > 0 || plans_left(m))
		return false;
	if (turns < LULL) /* what came back is told once the store is there again */
		return false;
	return turns % 5 == 0 && rest_is_over(m, reading);
}

/* Nobody touches a row: what is missed comes by itself. READING: clients are there. */
static void rest(struct model *m, bool reading)
{
	for (unsigned turns = 0; !at_rest(m, turns, reading); turns++) {
		plans_find(m);
		step_up(m);
		presence_give_up(m);
		step_serve(m);
		if (reading)
			receipts_read_all(m);
		/* What was confirmed to a worker that died is asked for again. */
		if (reading && turns % 100 == 99)
			step_break(m);
		world_turns(&m->w, 3);
		world_pass(&m->w, turns % 20 ? 100 : 600000);
		CHECK(m, "it comes to an end", turns < 20000);
	}
	check_all(m);
	receipts_check(m);
	check_counters(m);
}

static void finish(struct model *m)
{
	m->sour = 0;
	bury(&m->former);
	plans_let_go(m);
	presence_let_go(m);
	digest_let_go(m);
	rest(m, false);
	rest_let_go(m);
	rest(m, true);
	plans_check(m);
	for (size_t i = 0; i < PEOPLE; i++)
		CHECK(m, "nobody is held for ever", !m->p[i].kept.reason);
	bury(&m->worker);
	receipts_free(m);
}

static const struct {
	void (*step)(struct model *m);
	uint32_t weight;
} steps_table[] = {
	{step_turn, 40},
	{step_serve, 25},
	{step_post, 8},
	{step_item, 4},
	{step_retract, 4},
	{step_join, 12},
	{step_leave, 3},
	{step_split, 3},
	{step_trim, 2},
	{step_bounce, 4},
	{step_break, 2},
	{step_up, 8},
	{step_crash, 1},
	{step_take_over, 1},
	{step_away, 2},
	{step_epoch, 1},
	{step_time, 4},
	{step_former, 2},
	{step_pause, 6},
	{step_quiet, 4},
	{step_order, 4},
	{step_hours, 2},
	{step_digest, 4},
	{step_sour, 4},
	{step_plan, 6},
	{step_cancel, 2},
	{step_ask, 3},
	{step_read, 20},
	{step_server, 1},
	{step_choose, 4},
	{step_presence, 8},
	{step_answer, 4},
	/* Where there is a multicast service: */
	{step_parcels, 8},
	{step_service, 3},
};

/* Some of the people are not the service's: of another domain, or not plainly ASCII. */
static void people(struct model *m)
{
	for (int i = 0; i < PEOPLE; i++) {
		struct person *p = &m->p[i];
		p->by_service = i % 4 != 0 && i % 7 != 0;
		snprintf(p->jid, sizeof(p->jid), "user%d%s@%s", i,
			 i % 7 ? "" : "\xc3\xa4", i % 4 ? "example.org" : "example.net");
	}
}

static void play(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	m->seed = seed;
	m->rng = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
	chance_begin(m);
	people(m);
	static const size_t groups[] = {0, 3, 0, 20};
	m->group = groups[seed % 4];
	world_start(&m->w);
	holds_begin(m);
	plans_begin(m);
	presence_begin(m);
	hire(m);
	size_t kinds = sizeof(steps_table) / sizeof(steps_table[0]) - (m->group ? 0 : 2);
	uint32_t total = 0;
	for (size_t i = 0; i < kinds; i++)
		total += steps_table[i].weight;
	for (m->step = 0; m->step < STEPS; m->step++) {
		uint32_t dice = below(m, total);
		size_t i = 0;
		for (; dice >= steps_table[i].weight; i++)
			dice -= steps_table[i].weight;
		plans_find(m);
		steps_table[i].step(m);
	}
	finish(m);
	world_finish(&m->w);
	free(m);
}

/* They failed once. */
static const uint64_t kept[] = {
	1795349956937158, 1795349868498538, 1795409582432504, 1795415035919592,
	1795415450512682, 1795416074397371, 1795416550431662, 1795417223407329,
	1795416258068621, 1795415540697128, 1795416280783334, 1795415518987399,
	1795417585811196, 1795418251016054, 1795416326142778, 1795422554644967};

static void test_histories(void **state)
{
	const char *seed = getenv("MODEL_SEED"), *count = getenv("MODEL_HISTORIES");
	uint64_t n = count ? strtoull(count, NULL, 10) : HISTORIES;
	uint64_t first = clock_wall_ms() * 1000;
	(void)state;
	if (seed)
		play(strtoull(seed, NULL, 10));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && !seed; i++)
		play(kept[i]);
	for (uint64_t i = 0; i < n && !seed; i++)
		play(first + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};
	log_setup("test", (enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	return cmocka_run_group_tests_name("work/model", tests, NULL, NULL);
}
