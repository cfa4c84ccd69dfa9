#include "model_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_fail(const struct model *m, const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\nMODEL_SEED=%llu repeats it (step %d)\n", file, line,
		what, (unsigned long long)m->seed, m->step);
	abort();
}

uint32_t model_below(struct model *m, uint32_t bound)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (uint32_t)((m->rng >> 16) % bound);
}

struct person *model_find(struct model *m, const char *jid)
{
	for (int i = 0; i < PEOPLE; i++)
		if (strcmp(m->p[i].jid, jid) == 0)
			return &m->p[i];
	model_fail(m, "an unknown row", __FILE__, __LINE__);
}

struct store *model_any(struct model *m)
{
	return model_below(m, 2) ? m->w->a : m->w->b;
}

/* ---- What happens ---- */

void model_count(struct store_counters *c, enum fate fate)
{
	switch (fate) {
	case FATE_TAKEN:
		c->taken++;
		break;
	case FATE_HELD:
		c->held++;
		break;
	case FATE_DEAD:
		c->dead++;
		break;
	case FATE_FILTERED:
		c->filtered++;
		break;
	case FATE_LEFT:
		c->left++;
		break;
	case FATE_NONE:
	case FATE_OWED:
		break;
	}
}

void model_forget(struct model *m, struct person *p)
{
	p->joined = false;
	p->generation++;
	for (size_t i = 0; i < m->posted; i++) {
		model_count(&m->e[i].beside, m->e[i].fate[p - m->p]);
		m->e[i].fate[p - m->p] = FATE_NONE;
	}
}

static void step_post(struct model *m)
{
	if (m->posted == EVENTS)
		return;
	struct posted *e = &m->e[m->posted];
	snprintf(e->id, sizeof e->id, "e%zu", m->posted);
	e->urgent = model_below(m, 4) == 0;
	struct store_commit c = {.feed = m->feed,
				 .id = e->id,
				 .item = e->id,
				 .priority = e->urgent ? PRIORITY_URGENT : PRIORITY_HIGH,
				 .doc = "{}",
				 .doc_len = 2};
	CHECK(m, "a commit", !sync_commit(model_any(m), &c, &e->pos, NULL, NULL));
	for (size_t i = 0; i < m->posted; i++)
		CHECK(m, "positions grow", pos_cmp(m->e[i].pos, e->pos) < 0);
	for (int i = 0; i < PEOPLE; i++)
		e->fate[i] = m->p[i].joined ? FATE_OWED : FATE_NONE;
	m->posted++;
}

/* Who is held is due, as its person is there. */
static void check_redriven(struct model *m, struct person *p, const struct sub_hold *was,
			   const struct sub *sub)
{
	struct sub_hold now;
	sub_hold_read(sub, &now);
	if (!was->reason || was->reason == HOLD_PROVING) {
		CHECK(m, "is left alone", now.reason == was->reason);
		return;
	}
	CHECK(m, "is due", now.due_ms && pos_cmp(now.pos, was->pos) == 0);
	CHECK(m, "is redriven", now.reason != HOLD_DEAD);
	if (was->reason == HOLD_DEAD)
		model_forgive(m, p, was);
	model_touch(p, was, &now);
}

void model_join(struct model *m, struct person *p)
{
	struct sub sub;
	struct sub_hold was = {0};
	bool created;
	if (p->joined) {
		CHECK(m, "a row", !sync_sub_get(model_any(m), m->feed, p->jid, &sub));
		sub_hold_read(&sub, &was);
	}
	const struct sub_change c = {
		.set = SUB_SET_FORMAT | SUB_SET_PAUSED | SUB_SET_QUIET | SUB_SET_OFFLINE |
		       SUB_SET_SHOWS,
		.format = FORMAT_CHAT,
		.options = {.paused = model_below(m, 2),
			    .hold_offline = model_below(m, 2),
			    .shows = model_below(m, 2),
			    .quiet = {model_below(m, 2), 60, 120, "UTC"}}};
	CHECK(m, "a join",
	      !sync_change(model_any(m), m->feed, p->jid, &c, &sub, &created));
	CHECK(m, "joining anew makes a row", created != p->joined);
	CHECK(m, "since is kept", !p->joined || pos_cmp(sub.since, p->since) == 0);
	if (!p->joined)
		CHECK(m, "since is the head",
		      !m->posted || pos_cmp(sub.since, m->e[m->posted - 1].pos) == 0);
	check_redriven(m, p, &was, &sub);
	p->joined = true;
	p->since = sub.since;
}

static void step_join(struct model *m)
{
	model_join(m, &m->p[model_below(m, PEOPLE)]);
}

void model_leave(struct model *m, struct person *p)
{
	enum belfry_err err = sync_leave(model_any(m), m->feed, p->jid, NULL);
	CHECK(m, "leaving", err == (p->joined ? BELFRY_OK : BELFRY_ENOENT));
	model_forget(m, p);
}

static void step_leave(struct model *m)
{
	model_leave(m, &m->p[model_below(m, PEOPLE)]);
}

static void step_split(struct model *m)
{
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(model_any(m), m->feed, &f));
	enum belfry_err err = sync_split(model_any(m), m->feed, f.buckets);
	if (f.buckets < 24)
		CHECK(m, "a split", err == (f.buckets ? BELFRY_OK : BELFRY_ESTALE));
}

static void step_restart(struct model *m)
{
	m->w->restart();
}

/* Another worker takes the name; what the former one still says is refused. */
void model_take_over(struct model *m)
{
	struct store *s = m->worker == m->w->a ? m->w->b : m->w->a;
	struct store_lease_seen seen = {0};
	struct store_owner next;
	enum belfry_err err = sync_lease_take(s, m->feed, NULL, &next, &seen);
	if (err == BELFRY_EEXIST)
		err = sync_lease_take(s, m->feed, &seen, &next, &seen);
	CHECK(m, "taking over", !err && next.fence > m->owner.fence);
	m->former = m->owner;
	m->owner = next;
	m->worker = s;
	m->pass = 0;
}

static void step_trim(struct model *m);

void model_disturb(struct model *m)
{
	static void (*const some[])(struct model *) = {step_join, step_leave,  step_split,
						       step_post, model_order, step_trim};
	uint32_t i = model_below(m, 12);
	if (i < sizeof some / sizeof *some)
		some[i](m);
}

/* The real owner's way: look at every bucket, and settle on what was seen. */
static void step_settle(struct model *m)
{
	struct store_run *run;
	CHECK(m, "a read", !sync_read(m->worker, m->feed, 0, 256, &run));
	struct pos low = run->head;
	for (size_t i = 0; i < run->bucket_count; i++)
		if (pos_cmp(run->buckets[i].cursor, low) < 0)
			low = run->buckets[i].cursor;
	model_disturb(m);
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(m->worker, m->feed, &f));
	bool same = f.buckets == run->feed_buckets;
	bool head = pos_cmp(low, f.head) == 0;
	if (low.n && run->feed_buckets) {
		enum belfry_err err = sync_settle(m->worker, &m->owner, m->feed,
						  run->feed_buckets, low);
		CHECK(m, "settle", err == (same && head ? BELFRY_OK : BELFRY_ESTALE));
		if (same && pos_cmp(low, m->settled) > 0)
			m->settled = low;
	}
	store_run_free(run);
	for (size_t i = m->first; i < m->posted; i++)
		for (int k = 0; k < PEOPLE && pos_cmp(m->e[i].pos, m->settled) <= 0; k++)
			CHECK(m, "what is settled is owed to nobody",
			      m->e[i].fate[k] != FATE_OWED);
}

static void step_trim(struct model *m)
{
	struct sync_events *page = calloc(1, sizeof *page);
	uint64_t keep = model_below(m, 30);
	CHECK(m, "trim", !sync_trim(model_any(m), m->feed, keep, 0));
	CHECK(m, "the log",
	      !sync_events(model_any(m), m->feed, (struct pos){0, 0}, false, 1000, page));
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(model_any(m), m->feed, &f));
	size_t want = m->first;
	while (want < m->posted && m->posted - want > keep &&
	       pos_cmp(m->e[want].pos, f.settled) <= 0)
		m->e[want++].trimmed = true;
	CHECK(m, "trimmed what is over and settled, and nothing else",
	      page->count == m->posted - want);
	for (size_t i = want; i < m->posted; i++)
		for (int k = 0; k < PEOPLE; k++)
			CHECK(m, "settled is as we know it",
			      pos_cmp(m->e[i].pos, f.settled) > 0 ||
				      m->e[i].fate[k] != FATE_OWED);
	if (want > 0)
		CHECK(m, "the newest that was trimmed",
		      pos_cmp(f.trimmed, m->e[want - 1].pos) == 0);
	m->first = want;
	free(page);
}

static void check_counters(struct model *m, const struct posted *e)
{
	struct store_counters c;
	CHECK(m, "an event",
	      !sync_event_get(model_any(m), m->feed, e->id, &c, NULL, NULL));
	struct store_counters want = e->beside;
	for (int k = 0; k < PEOPLE; k++)
		model_count(&want, e->fate[k]);
	CHECK(m, "taken", c.taken == want.taken);
	CHECK(m, "held", c.held == want.held);
	CHECK(m, "dead", c.dead == want.dead);
	CHECK(m, "filtered", c.filtered == want.filtered);
	CHECK(m, "bounced", c.bounced == want.bounced);
	CHECK(m, "left", c.left == want.left);
}

static void step_counters(struct model *m)
{
	uint32_t count = (uint32_t)(m->posted - m->first);
	if (count)
		check_counters(m, &m->e[m->first + model_below(m, count)]);
}

/* Nothing disturbs any more: all that is owed is delivered, and the feed settles. */
static void finish(struct model *m)
{
	struct store_feed f;
	m->calm = true;
	model_deliver_all(m);
	model_release_all(m);
	CHECK(m, "a feed", !sync_feed_get(model_any(m), m->feed, &f));
	for (size_t i = m->first; i < m->posted; i++) {
		for (int k = 0; k < PEOPLE; k++)
			CHECK(m, "everybody got everything",
			      m->e[i].fate[k] != FATE_OWED &&
				      m->e[i].fate[k] != FATE_HELD);
		CHECK(m, "was settled", f.buckets || !m->posted || f.settled.n);
		check_counters(m, &m->e[i]);
	}
	if (f.buckets && m->posted)
		CHECK(m, "settled",
		      !sync_settle(m->worker, &m->owner, m->feed, f.buckets, f.head));
	uint64_t joined = 0;
	for (int k = 0; k < PEOPLE; k++)
		joined += m->p[k].joined;
	CHECK(m, "a feed", !sync_feed_get(model_any(m), m->feed, &f));
	CHECK(m, "the count of subscribers", f.subscribers == joined);
	CHECK(m, "deletion", !sync_feed_delete(model_any(m), m->feed));
}

static const struct {
	void (*step)(struct model *m);
	uint32_t weight;
} steps_table[] = {
	{step_post, 20},	{step_join, 20},	 {step_leave, 6},
	{step_split, 4},	{model_deliver, 30},	 {model_hold_pass, 20},
	{step_settle, 8},	{step_trim, 5},		 {model_take_over, 1},
	{model_order, 4},	{model_late_bounce, 10}, {step_counters, 5},
	{model_check_found, 3},
};

void model_play(const struct model_world *w, uint64_t seed, int steps)
{
	struct model *m = calloc(1, sizeof *m);
	m->w = w;
	m->seed = seed;
	m->rng = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
	snprintf(m->feed, sizeof m->feed, "model-%llu", (unsigned long long)seed);
	for (int i = 0; i < PEOPLE; i++)
		snprintf(m->p[i].jid, sizeof m->p[i].jid, "user%d@example.org", i);
	CHECK(m, "a feed", !sync_feed_put(w->a, m->feed, "{}", NULL, NULL, NULL));
	if (w->salt)
		w->salt(m->feed);
	model_take_over(m);
	uint32_t total = 0;
	for (size_t i = 0; i < sizeof steps_table / sizeof steps_table[0]; i++)
		total += steps_table[i].weight;
	for (m->step = 0; m->step < steps; m->step++) {
		if (w->restart && model_below(m, 150) == 0)
			step_restart(m);
		uint32_t dice = model_below(m, total);
		size_t i = 0;
		for (; dice >= steps_table[i].weight; i++)
			dice -= steps_table[i].weight;
		steps_table[i].step(m);
	}
	finish(m);
	free(m);
}
