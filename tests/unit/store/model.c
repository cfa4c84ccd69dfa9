#include "model.h"

#include "../../lib/store/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 40, EVENTS = 400, PIECE = 4 };

/* One subscription as the model knows it; made anew, it is another generation. */
struct person {
	char jid[32];
	bool joined;
	struct pos since;
	struct pos bounced; /* the newest event that came back */
};

struct posted {
	char id[16];
	struct pos pos;
	bool trimmed;
	uint64_t taken, bounced, left; /* as `done` and late bounces must have counted */
	bool owed[PEOPLE];	       /* to whom it is still to be delivered */
};

struct model {
	const struct model_world *w;
	uint64_t seed, rng;
	int step;
	char feed[24];
	struct person p[PEOPLE];
	struct posted e[EVENTS];
	size_t posted, first; /* first: not trimmed */
	struct pos settled;
	struct store_owner owner, former;
	struct store *worker;
	bool had_former;
	uint32_t pass; /* the next bucket of the pass under way */
};

#define CHECK(m, what, cond)                                                             \
	do {                                                                             \
		if (!(cond))                                                             \
			fail(m, what, __LINE__);                                         \
	} while (0)

_Noreturn static void fail(const struct model *m, const char *what, int line)
{
	fprintf(stderr, "model.c:%d: %s\nMODEL_SEED=%llu repeats it (step %d)\n", line,
		what, (unsigned long long)m->seed, m->step);
	abort();
}

static uint32_t below(struct model *m, uint32_t bound)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (uint32_t)((m->rng >> 16) % bound);
}

static struct person *find(struct model *m, const char *jid)
{
	for (int i = 0; i < PEOPLE; i++)
		if (strcmp(m->p[i].jid, jid) == 0)
			return &m->p[i];
	fail(m, "an unknown row", __LINE__);
}

static struct posted *event_at(struct model *m, struct pos pos)
{
	for (size_t i = 0; i < m->posted; i++)
		if (pos_cmp(m->e[i].pos, pos) == 0)
			return &m->e[i];
	fail(m, "an unknown event", __LINE__);
}

static struct store *any(struct model *m)
{
	return below(m, 2) ? m->w->a : m->w->b;
}

/* ---- What happens ---- */

static void forget(struct model *m, struct person *p)
{
	p->joined = false;
	for (size_t i = 0; i < m->posted; i++)
		m->e[i].owed[p - m->p] = false;
}

static void step_post(struct model *m)
{
	if (m->posted == EVENTS)
		return;
	struct posted *e = &m->e[m->posted];
	snprintf(e->id, sizeof e->id, "e%zu", m->posted);
	CHECK(m, "a commit", !sync_post(any(m), m->feed, e->id, NULL, &e->pos));
	for (size_t i = 0; i < m->posted; i++)
		CHECK(m, "positions grow", pos_cmp(m->e[i].pos, e->pos) < 0);
	for (int i = 0; i < PEOPLE; i++)
		e->owed[i] = m->p[i].joined;
	m->posted++;
}

static void join(struct model *m, struct person *p)
{
	struct sub sub;
	bool created;
	CHECK(m, "a join",
	      !sync_join(any(m), m->feed, p->jid, FORMAT_CHAT, &sub, &created));
	CHECK(m, "joining anew makes a row", created != p->joined);
	CHECK(m, "since is kept", !p->joined || pos_cmp(sub.since, p->since) == 0);
	if (!p->joined)
		CHECK(m, "since is the head",
		      !m->posted || pos_cmp(sub.since, m->e[m->posted - 1].pos) == 0);
	if (created)
		p->bounced = (struct pos){0, 0};
	p->joined = true;
	p->since = sub.since;
}

static void step_join(struct model *m)
{
	join(m, &m->p[below(m, PEOPLE)]);
}

static void leave(struct model *m, struct person *p)
{
	enum belfry_err err = sync_leave(any(m), m->feed, p->jid, NULL);
	CHECK(m, "leaving", err == (p->joined ? BELFRY_OK : BELFRY_ENOENT));
	forget(m, p);
}

static void step_leave(struct model *m)
{
	leave(m, &m->p[below(m, PEOPLE)]);
}

static void step_split(struct model *m)
{
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(any(m), m->feed, &f));
	enum belfry_err err = sync_split(any(m), m->feed, f.buckets);
	if (f.buckets < 24)
		CHECK(m, "a split", err == (f.buckets ? BELFRY_OK : BELFRY_ESTALE));
}

static void step_restart(struct model *m)
{
	m->w->restart();
}

/* Another worker takes the name; what the former one still says is refused. */
static void step_take_over(struct model *m)
{
	struct store *s = m->worker == m->w->a ? m->w->b : m->w->a;
	struct store_lease_seen seen = {0};
	struct store_owner next;
	enum belfry_err err = sync_lease_take(s, m->feed, NULL, &next, &seen);
	if (err == BELFRY_EEXIST)
		err = sync_lease_take(s, m->feed, &seen, &next, &seen);
	CHECK(m, "taking over", !err && next.fence > m->owner.fence);
	m->former = m->owner;
	m->had_former = m->former.token[0] != '\0';
	m->owner = next;
	m->worker = s;
	m->pass = 0;
}

/* ---- Delivery ---- */

/* What one piece of work will say when it is done. */
struct piece {
	struct store_done d;
	struct store_done_bucket buckets[PIECE];
	struct store_done_event events[EVENTS];
	struct store_done_row rows[PEOPLE * 4];
	bool sent[PEOPLE][EVENTS];
};

/* The fate of one delivery: mostly taken. */
static void send(struct model *m, struct piece *w, struct person *p, size_t event,
		 bool *ended)
{
	struct store_counters *add = &w->events[w->d.event_count].add;
	uint32_t fate = below(m, 20);
	w->sent[p - m->p][event] = true;
	if (fate >= 2 || w->d.row_count == PEOPLE * 4) {
		add->taken++;
		return;
	}
	*ended = fate == 0;
	++*(fate == 0 ? &add->left : &add->bounced);
	w->rows[w->d.row_count++] =
		(struct store_done_row){p->jid, m->e[event].pos, fate == 0};
}

/* Reads a run of buckets and plays the sending of what they miss, in the log's order. */
static void work(struct model *m, struct piece *w, const struct store_run *run)
{
	bool ended[PEOPLE] = {false};
	w->d = (struct store_done){.feed = m->feed,
				   .feed_buckets = run->feed_buckets,
				   .to = run->head,
				   .buckets = w->buckets,
				   .events = w->events,
				   .rows = w->rows};
	for (size_t i = m->first; i < m->posted; i++) {
		w->events[w->d.event_count] =
			(struct store_done_event){.pos = m->e[i].pos};
		for (size_t b = 0; b < run->bucket_count; b++) {
			const struct store_bucket *k = &run->buckets[b];
			if (pos_cmp(k->cursor, m->e[i].pos) >= 0)
				continue;
			for (size_t r = k->first; r < k->first + k->count; r++) {
				struct person *p = find(m, run->rows[r].jid);
				if (ended[p - m->p] ||
				    pos_cmp(run->rows[r].sub.since, m->e[i].pos) >= 0)
					continue;
				send(m, w, p, i, &ended[p - m->p]);
			}
		}
		w->d.event_count++;
	}
	for (size_t b = 0; b < run->bucket_count; b++)
		w->buckets[w->d.bucket_count++] = (struct store_done_bucket){
			run->buckets[b].bucket, run->buckets[b].cursor};
}

/* Everything owed was sent, nothing that was not; then it is owed no more. */
static void account(struct model *m, const struct piece *w)
{
	bool ended[PEOPLE] = {false};
	for (size_t i = 0; i < w->d.event_count; i++) {
		struct posted *e = event_at(m, w->d.events[i].pos);
		e->taken += w->d.events[i].add.taken;
		e->bounced += w->d.events[i].add.bounced;
		e->left += w->d.events[i].add.left;
		for (int k = 0; k < PEOPLE; k++)
			if (w->sent[k][e - m->e])
				e->owed[k] = false;
	}
	for (size_t i = 0; i < w->d.row_count; i++) {
		struct person *p = find(m, w->rows[i].jid);
		if (!p->joined || pos_cmp(w->rows[i].pos, p->since) <= 0)
			continue; /* left, or made anew, meanwhile */
		p->bounced = w->rows[i].pos;
		ended[p - m->p] = w->rows[i].end;
	}
	for (int k = 0; k < PEOPLE; k++)
		if (ended[k])
			forget(m, &m->p[k]);
}

static void check_owed(struct model *m, const struct store_run *run,
		       const struct piece *w)
{
	for (size_t r = 0; r < run->row_count; r++) {
		const struct person *p = find(m, run->rows[r].jid);
		bool gone = false;
		for (size_t i = 0; i < w->d.row_count; i++)
			gone |= w->rows[i].end && w->rows[i].jid == p->jid;
		for (size_t i = m->first; i < m->posted && p->joined && !gone; i++)
			CHECK(m, "sent what is owed, and nothing else",
			      w->sent[p - m->p][i] == m->e[i].owed[p - m->p]);
	}
}

static void disturb(struct model *m)
{
	switch (below(m, 8)) {
	case 0:
		step_join(m);
		break;
	case 1:
		step_leave(m);
		break;
	case 2:
		step_split(m);
		break;
	case 3:
		step_post(m);
		break;
	default:
		break;
	}
}

static void step_deliver(struct model *m)
{
	struct store_run *run;
	static struct piece w;
	memset(&w, 0, sizeof w);
	CHECK(m, "a read",
	      !sync_read(m->worker, m->feed, m->pass, 1 + below(m, PIECE), &run));
	if (!run->bucket_count) {
		m->pass = 0;
		store_run_free(run);
		return;
	}
	work(m, &w, run);
	check_owed(m, run, &w);
	disturb(m);
	disturb(m);
	if (w.d.row_count && below(m, 4) == 0) { /* whose bounce is on its way */
		struct person *p = find(m, w.rows[below(m, (uint32_t)w.d.row_count)].jid);
		leave(m, p);
		join(m, p);
	}
	uint32_t fate = below(m, 10);
	if (fate == 0) { /* crash: what was sent will be sent again */
		m->pass = 0;
	} else if (fate == 1) { /* stopped, overtaken, awake again */
		step_take_over(m);
		CHECK(m, "a late done is refused",
		      sync_done(m->w->a, &m->former, &w.d) == BELFRY_ELOST);
	} else {
		m->pass += (uint32_t)run->bucket_count;
		CHECK(m, "done", !sync_done(m->worker, &m->owner, &w.d));
		account(m, &w);
		if (below(m, 4) == 0 && run->head.n) {
			bool moves = pos_cmp(w.buckets[0].from, w.d.to) != 0;
			enum belfry_err err = sync_done(m->worker, &m->owner, &w.d);
			if (moves)
				CHECK(m, "done twice is stale", err == BELFRY_ESTALE);
			else /* nothing to count in it */
				CHECK(m, "done of nothing", !err || err == BELFRY_ESTALE);
		}
	}
	store_run_free(run);
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
	disturb(m);
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
			CHECK(m, "what is settled is owed to nobody", !m->e[i].owed[k]);
}

static void step_late_bounce(struct model *m)
{
	struct person *p = &m->p[below(m, PEOPLE)];
	if (!m->posted)
		return;
	struct posted *e = &m->e[below(m, (uint32_t)m->posted)];
	bool end = below(m, 4) == 0;
	enum belfry_err err = sync_late_bounce(any(m), m->feed, p->jid, e->pos, end);
	if (!p->joined || e->trimmed || pos_cmp(e->pos, p->since) <= 0) {
		CHECK(m, "a bounce of nothing", err == BELFRY_ENOENT);
		return;
	}
	CHECK(m, "a late bounce", !err);
	if (e->owed[p - m->p] || pos_cmp(e->pos, p->bounced) <= 0)
		return; /* still to be sent, or counted before */
	if (e->taken) {
		e->taken--;
		++*(end ? &e->left : &e->bounced);
	}
	p->bounced = e->pos;
	if (end)
		forget(m, p);
}

static void step_trim(struct model *m)
{
	struct sync_events *page = calloc(1, sizeof *page);
	uint64_t keep = below(m, 30);
	CHECK(m, "trim", !sync_trim(any(m), m->feed, keep, 0));
	CHECK(m, "the log",
	      !sync_events(any(m), m->feed, (struct pos){0, 0}, false, 1000, page));
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(any(m), m->feed, &f));
	size_t want = m->first;
	while (want < m->posted && m->posted - want > keep &&
	       pos_cmp(m->e[want].pos, f.settled) <= 0)
		m->e[want++].trimmed = true;
	CHECK(m, "trimmed what is over and settled, and nothing else",
	      page->count == m->posted - want);
	for (size_t i = want; i < m->posted; i++)
		for (int k = 0; k < PEOPLE; k++)
			CHECK(m, "settled is as we know it",
			      pos_cmp(m->e[i].pos, f.settled) > 0 || !m->e[i].owed[k]);
	m->first = want;
	free(page);
}

static void step_counters(struct model *m)
{
	struct store_counters c;
	if (m->posted == m->first)
		return;
	struct posted *e = &m->e[m->first + below(m, (uint32_t)(m->posted - m->first))];
	CHECK(m, "an event", !sync_event_get(any(m), m->feed, e->id, &c, NULL, NULL));
	CHECK(m, "taken", c.taken == e->taken);
	CHECK(m, "bounced", c.bounced == e->bounced);
	CHECK(m, "left", c.left == e->left);
}

/* Nothing disturbs any more: all that is owed is delivered, and the feed settles. */
static void finish(struct model *m)
{
	struct store_run *run;
	static struct piece w;
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(any(m), m->feed, &f));
	for (uint32_t b = 0; b < f.buckets; b += PIECE) {
		memset(&w, 0, sizeof w);
		CHECK(m, "a read", !sync_read(m->worker, m->feed, b, PIECE, &run));
		work(m, &w, run);
		check_owed(m, run, &w);
		CHECK(m, "done", !sync_done(m->worker, &m->owner, &w.d));
		account(m, &w);
		store_run_free(run);
	}
	for (size_t i = m->first; i < m->posted; i++) {
		for (int k = 0; k < PEOPLE; k++)
			CHECK(m, "everybody got everything", !m->e[i].owed[k]);
		CHECK(m, "was settled", f.buckets || !m->posted || f.settled.n);
	}
	if (f.buckets && m->posted)
		CHECK(m, "settled",
		      !sync_settle(m->worker, &m->owner, m->feed, f.buckets, f.head));
	uint64_t joined = 0;
	for (int k = 0; k < PEOPLE; k++)
		joined += m->p[k].joined;
	CHECK(m, "a feed", !sync_feed_get(any(m), m->feed, &f));
	CHECK(m, "the count of subscribers", f.subscribers == joined);
	CHECK(m, "deletion", !sync_feed_delete(any(m), m->feed));
}

static const struct {
	void (*step)(struct model *m);
	uint32_t weight;
} steps_table[] = {
	{step_post, 20},	{step_join, 20},    {step_leave, 6}, {step_split, 4},
	{step_deliver, 30},	{step_settle, 8},   {step_trim, 5},  {step_take_over, 1},
	{step_late_bounce, 10}, {step_counters, 5},
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
	step_take_over(m);
	uint32_t total = 0;
	for (size_t i = 0; i < sizeof steps_table / sizeof steps_table[0]; i++)
		total += steps_table[i].weight;
	for (m->step = 0; m->step < steps; m->step++) {
		if (w->restart && below(m, 150) == 0)
			step_restart(m);
		uint32_t dice = below(m, total);
		size_t i = 0;
		for (; dice >= steps_table[i].weight; i++)
			dice -= steps_table[i].weight;
		steps_table[i].step(m);
	}
	finish(m);
	free(m);
}
