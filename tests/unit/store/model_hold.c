#include "model_int.h"

#include <stdlib.h>
#include <string.h>

struct pos model_before(struct pos p)
{
	return (struct pos){p.epoch, p.n - 1};
}

/* The event behind H's position, if it came back. */
static bool came_back(const struct sub_hold *h, struct pos pos)
{
	return h->tries && h->condition[0] && pos.epoch == h->pos.epoch &&
	       pos.n == h->pos.n + 1;
}

/* Is the one at POS, which is behind H's position, in the counters as taken? */
static bool is_counted(const struct sub_hold *h, struct pos pos)
{
	return pos_cmp(pos, h->counted) <= 0 && !came_back(h, pos);
}

static bool over(enum fate fate)
{
	return fate == FATE_TAKEN || fate == FATE_FILTERED || fate == FATE_DEAD;
}

static bool fits(const struct posted *e, enum fate fate, const struct sub_hold *h,
		 bool held, struct pos cursor)
{
	if (pos_cmp(e->pos, cursor) > 0)
		return fate == FATE_OWED;
	if (!held || pos_cmp(e->pos, h->pos) <= 0 || (h->urgent && e->urgent) ||
	    is_counted(h, e->pos))
		return over(fate);
	return fate == FATE_HELD;
}

void model_check_rows(struct model *m, const struct store_run *run)
{
	for (size_t b = 0; b < run->bucket_count; b++) {
		const struct store_bucket *k = &run->buckets[b];
		for (size_t r = k->first; r < k->first + k->count; r++) {
			const struct sub *sub = &run->rows[r].sub;
			const struct person *p = model_find(m, run->rows[r].jid);
			struct sub_hold h;
			sub_hold_read(sub, &h);
			for (size_t i = m->first; i < m->posted; i++)
				if (pos_cmp(m->e[i].pos, sub->since) > 0)
					CHECK(m, "a hold tells what became of each event",
					      fits(&m->e[i], m->e[i].fate[p - m->p], &h,
						   sub_held(sub), k->cursor));
		}
	}
}

void model_forgive(struct model *m, const struct person *p, const struct sub_hold *h)
{
	for (size_t i = m->first; i < m->posted; i++)
		if (came_back(h, m->e[i].pos) && pos_cmp(h->counted, h->pos) > 0) {
			CHECK(m, "what came back is held",
			      m->e[i].fate[p - m->p] == FATE_HELD);
			m->e[i].fate[p - m->p] = FATE_TAKEN;
		}
}

void model_touch(struct person *p, const struct sub_hold *was, const struct sub_hold *now)
{
	char a[HOLD_TEXT_SIZE], b[HOLD_TEXT_SIZE];
	sub_hold_text(was, a);
	sub_hold_text(now, b);
	p->touched += strcmp(a, b) != 0;
}

void model_urgent_again(struct model *m, const struct person *p, struct pos from,
			struct pos to)
{
	for (size_t i = m->first; i < m->posted; i++)
		if (m->e[i].urgent && m->e[i].fate[p - m->p] == FATE_TAKEN &&
		    pos_cmp(m->e[i].pos, from) > 0 && pos_cmp(m->e[i].pos, to) <= 0)
			m->e[i].fate[p - m->p] = FATE_HELD;
}

/* ---- A pass over what is due ---- */

enum { MOVES = 2 * EVENTS };
/* One row of it. */
struct held {
	struct person *p;
	unsigned generation, touched;
	enum fate fate[EVENTS]; /* NONE: as it was */
	bool back[EVENTS];
	bool left;
	struct store_move moves[MOVES];
	struct store_done_row row;
};
struct due_piece {
	struct store_done d;
	struct store_done_bucket bucket;
	struct held *held[PEOPLE];
	struct store_done_row rows[PEOPLE];
};

static void move(struct held *y, struct pos pos, enum store_count from,
		 enum store_count to)
{
	y->moves[y->row.move_count++] = (struct store_move){pos, from, to};
}

/* What comes of E, and where that leaves the row; false: it goes no further. */
static bool walk(struct model *m, struct held *y, const struct sub_hold *was, size_t i)
{
	const struct posted *e = &m->e[i];
	struct sub_hold *h = &y->row.hold;
	bool counted = is_counted(was, e->pos);
	uint32_t dice = m->calm ? 20 : model_below(m, 40);
	if (dice == 0) {
		move(y, e->pos, counted ? COUNT_TAKEN : COUNT_HELD, COUNT_LEFT);
		y->fate[i] = FATE_LEFT;
		y->row.pos = e->pos;
		y->row.end = y->left = true;
		return false;
	}
	if (dice < 6) {
		move(y, e->pos, COUNT_NONE, COUNT_BOUNCED);
		y->back[i] = true;
		if (counted)
			move(y, e->pos, COUNT_TAKEN, COUNT_HELD);
		y->fate[i] = FATE_HELD;
		y->row.pos = e->pos;
		h->pos = model_before(e->pos);
		h->reason = dice < 2 ? HOLD_DEAD : HOLD_BOUNCED;
		h->due_ms = dice < 2 ? HOLD_NEVER : 0;
		h->tries = was->tries + 1;
		h->first_ms = 1;
		h->condition[0] = 'x';
		return false;
	}
	h->pos = e->pos;
	h->condition[0] = '\0';
	if (model_below(m, 2)) /* or it is not forgotten yet */
		h->tries = 0;
	if (!counted) {
		y->fate[i] = dice < 9 ? FATE_FILTERED : FATE_TAKEN;
		move(y, e->pos, COUNT_HELD, dice < 9 ? COUNT_FILTERED : COUNT_TAKEN);
	}
	return !was->condition[0] && dice < 37;
}

static bool give_up(struct held *y, const struct sub_hold *was, const struct posted *e,
		    size_t i)
{
	if (!is_counted(was, e->pos)) {
		y->fate[i] = FATE_DEAD;
		move(y, e->pos, COUNT_HELD, COUNT_DEAD);
	}
	y->row.hold.pos = e->pos;
	return true;
}

static void serve(struct model *m, struct held *y, struct sub_hold was, struct pos cursor)
{
	struct sub_hold *h = &y->row.hold;
	bool on = true;
	*h = was;
	h->due_ms = 0;
	for (size_t i = m->first; i < m->posted && on; i++) {
		const struct posted *e = &m->e[i];
		enum fate fate = e->fate[y->p - m->p];
		if (pos_cmp(e->pos, was.pos) <= 0 || pos_cmp(e->pos, cursor) > 0 ||
		    (was.urgent && e->urgent) || fate == FATE_FILTERED ||
		    fate == FATE_DEAD)
			continue;
		on = was.reason == HOLD_DROPPED ? give_up(y, &was, e, i)
						: walk(m, y, &was, i);
	}
	if (!on)
		return;
	/* It has caught up. */
	y->row.pos = cursor;
	*h = (struct sub_hold){0};
	if (was.tries && !m->calm && model_below(m, 2))
		*h = (struct sub_hold){.reason = HOLD_PROVING,
				       .tries = was.tries,
				       .first_ms = 1,
				       .due_ms = model_below(m, 2) ? 0 : 3600000};
}

static struct held *hold_new(struct model *m, const struct store_row *row)
{
	struct held *y = calloc(1, sizeof *y);
	y->p = model_find(m, row->jid);
	y->generation = y->p->generation;
	y->touched = y->p->touched;
	y->row = (struct store_done_row){.jid = y->p->jid,
					 .was = row->sub.hold,
					 .was_len = row->sub.hold_len,
					 .moves = y->moves};
	return y;
}

static void due_row(struct model *m, struct due_piece *w, const struct store_run *run,
		    const struct store_row *row, struct pos cursor)
{
	struct sub_hold was;
	sub_hold_read(&row->sub, &was);
	if (!was.due_ms || was.due_ms > run->now_ms)
		return;
	struct held *y = w->held[w->d.row_count] = hold_new(m, row);
	y->row.pos = was.pos;
	if (sub_held(&row->sub) && pos_cmp(run->trimmed, was.pos) > 0) {
		was.pos = run->trimmed; /* a gap, which is told */
		was.condition[0] = '\0';
	}
	if (was.reason == HOLD_PROVING) {
		y->row.hold = (struct sub_hold){0};
	} else if (was.reason != HOLD_DROPPED && !m->calm && model_below(m, 6) == 0) {
		y->row.hold = was; /* it has to wait again */
		y->row.hold.reason = HOLD_PAUSED;
		y->row.hold.due_ms = HOLD_NEVER;
	} else {
		serve(m, y, was, cursor);
	}
	w->rows[w->d.row_count++] = y->row;
}

static void account(struct model *m, const struct held *y)
{
	ptrdiff_t k = y->p - m->p;
	if (!y->p->joined || y->p->generation != y->generation ||
	    y->p->touched != y->touched)
		return; /* left alone, with all that it would have moved */
	for (size_t i = m->first; i < m->posted; i++) {
		m->e[i].beside.bounced += y->back[i];
		if (y->fate[i])
			m->e[i].fate[k] = y->fate[i];
	}
	if (y->left)
		model_forget(m, y->p);
}

/* Some bucket that is said to be due; or any. */
static uint32_t due_bucket(struct model *m)
{
	static struct sync_dues due;
	struct store_feed f;
	CHECK(m, "what is due", !sync_due(model_any(m), 1000, &due));
	if (due.count && (m->calm || model_below(m, 4)))
		return due.d[model_below(m, (uint32_t)due.count)].bucket;
	CHECK(m, "a feed", !sync_feed_get(m->worker, m->feed, &f));
	return f.buckets ? model_below(m, f.buckets) : 0;
}

void model_hold_pass(struct model *m)
{
	struct due_piece w = {0};
	struct store_run *run;
	CHECK(m, "a read", !sync_read(m->worker, m->feed, due_bucket(m), 1, &run));
	if (!run->bucket_count) {
		store_run_free(run);
		return;
	}
	model_check_rows(m, run);
	w.bucket = (struct store_done_bucket){run->buckets[0].bucket,
					      run->buckets[0].cursor};
	w.d = (struct store_done){.feed = m->feed,
				  .feed_buckets = run->feed_buckets,
				  .to = w.bucket.from,
				  .buckets = &w.bucket,
				  .bucket_count = 1,
				  .rows = w.rows,
				  .due = true};
	for (size_t r = 0; r < run->row_count; r++)
		due_row(m, &w, run, &run->rows[r], w.bucket.from);
	if (!m->calm) {
		model_disturb(m);
		model_disturb(m);
	}
	bool crash = !m->calm && model_below(m, 8) == 0;
	if (!crash)
		CHECK(m, "done", !sync_done(m->worker, &m->owner, &w.d));
	for (size_t i = 0; i < w.d.row_count; i++) {
		if (!crash)
			account(m, w.held[i]);
		free(w.held[i]);
	}
	store_run_free(run);
}

/* ---- People, and servers that are late ---- */

static bool held_by(struct model *m, const struct person *p, struct sub *sub,
		    struct sub_hold *h)
{
	enum belfry_err err = sync_sub_get(model_any(m), m->feed, p->jid, sub);
	CHECK(m, "a row", err == (p->joined ? BELFRY_OK : BELFRY_ENOENT));
	*h = (struct sub_hold){0};
	if (err)
		return false;
	sub_hold_read(sub, h);
	return sub_held(sub);
}

void model_order(struct model *m)
{
	struct person *p = &m->p[model_below(m, PEOPLE)];
	enum hold_order order = model_below(m, 2) ? ORDER_REDRIVE : ORDER_DROP;
	struct sub sub;
	struct sub_hold h, now;
	bool held = held_by(m, p, &sub, &h);
	bool fit = held && (order == ORDER_REDRIVE || h.reason == HOLD_DEAD);
	enum belfry_err err = sync_hold_order(model_any(m), m->feed, p->jid, order, &now);
	CHECK(m, "an order", err == (fit ? BELFRY_OK : BELFRY_ENOENT));
	if (err)
		return;
	CHECK(m, "due, where it was", now.due_ms && pos_cmp(now.pos, h.pos) == 0);
	if (order == ORDER_DROP) {
		CHECK(m, "dropped", now.reason == HOLD_DROPPED && now.tries == h.tries);
	} else {
		CHECK(m, "redriven", now.tries == 0 && now.reason != HOLD_DEAD);
		model_forgive(m, p, &h);
	}
	model_touch(p, &h, &now);
}

/* It is held from before E on, and what it has had is counted. */
static void bounce(struct model *m, const struct person *p, struct posted *e, bool held,
		   const struct sub_hold *h)
{
	struct pos newest = m->posted ? m->e[m->posted - 1].pos : e->pos;
	e->beside.bounced++;
	if (held && h->urgent)
		model_urgent_again(m, p, h->pos, newest);
	if (!held || pos_cmp(e->pos, h->pos) <= 0) {
		if (held)
			model_forgive(m, p, h);
		e->fate[p - m->p] = FATE_HELD;
	}
}

void model_late_bounce(struct model *m)
{
	struct person *p = &m->p[model_below(m, PEOPLE)];
	struct sub sub = {0};
	struct sub_hold h;
	if (!m->posted)
		return;
	struct posted *e = &m->e[model_below(m, (uint32_t)m->posted)];
	enum fate fate = e->fate[p - m->p];
	bool held = held_by(m, p, &sub, &h), wrong = model_below(m, 5) == 0;
	struct store_done_row row = {.jid = p->jid,
				     .pos = e->pos,
				     .end = model_below(m, 4) == 0,
				     .was = sub.hold,
				     .was_len = sub.hold_len,
				     .hold = {.reason = HOLD_BOUNCED,
					      .tries = h.tries + 1,
					      .first_ms = 1,
					      .condition = "x"}};
	if (wrong) {
		row.was = "hp:1-1:0:0:0::0-0";
		row.was_len = strlen(row.was);
	}
	if (fate == FATE_DEAD || fate == FATE_FILTERED)
		return; /* it was not sent */
	bool sent = fate == FATE_TAKEN &&
		    (!held || pos_cmp(e->pos, h.pos) <= 0 || (h.urgent && e->urgent));
	if (e->trimmed) /* or it was told that it is gone, which came back */
		sent = !held || pos_cmp(e->pos, h.pos) <= 0;
	enum belfry_err err = sync_late_bounce(model_any(m), &m->owner, m->feed, &row);
	if (!p->joined || pos_cmp(e->pos, p->since) <= 0)
		CHECK(m, "a bounce of nothing", err == BELFRY_ENOENT);
	else
		CHECK(m, "a late bounce",
		      err == (sent && wrong ? BELFRY_ESTALE : BELFRY_OK));
	if (err || !sent)
		return;
	if (row.end) {
		e->fate[p - m->p] = FATE_LEFT;
		model_forget(m, p);
	} else {
		bounce(m, p, e, held, &h);
	}
}

/* ---- What is found without its row ---- */

static bool is_listed(const struct sync_dead *dead, const char *jid)
{
	for (size_t i = 0; i < dead->count; i++)
		if (strcmp(dead->r[i].jid, jid) == 0)
			return true;
	return false;
}

static bool is_due(const struct sync_dues *due, uint32_t bucket)
{
	for (size_t i = 0; i < due->count; i++)
		if (due->d[i].bucket == bucket)
			return true;
	return false;
}

static bool chooses(const struct sub *sub, enum hold_reason why)
{
	struct sub_options o;
	sub_options_read(sub, &o);
	switch (why) {
	case HOLD_PAUSED:
		return o.paused;
	case HOLD_QUIET:
		return o.quiet.set;
	case HOLD_OFFLINE:
		return o.hold_offline;
	case HOLD_SHOW:
		return o.shows;
	default:
		return true;
	}
}

void model_check_found(struct model *m)
{
	static struct sync_dead dead;
	static struct sync_dues due;
	struct store_run *run;
	size_t count = 0;
	CHECK(m, "a read", !sync_read(model_any(m), m->feed, 0, 256, &run));
	CHECK(m, "what is due", !sync_due(model_any(m), 1000, &due));
	CHECK(m, "dead letters", !sync_dead_list(model_any(m), m->feed, 0, 1000, &dead));
	for (size_t b = 0; b < run->bucket_count; b++) {
		const struct store_bucket *k = &run->buckets[b];
		for (size_t r = k->first; r < k->first + k->count; r++) {
			struct sub_hold h;
			sub_hold_read(&run->rows[r].sub, &h);
			CHECK(m, "what is due is told",
			      !h.due_ms || h.due_ms > run->now_ms ||
				      is_due(&due, k->bucket));
			CHECK(m, "who waits no longer by choice is due",
			      chooses(&run->rows[r].sub, h.reason) ||
				      (h.due_ms && h.due_ms <= run->now_ms));
			CHECK(m, "dead letters are told",
			      (h.reason == HOLD_DEAD) ==
				      is_listed(&dead, run->rows[r].jid));
			count += h.reason == HOLD_DEAD;
		}
	}
	CHECK(m, "nothing else is told", count == dead.count);
	store_run_free(run);
}

void model_release_all(struct model *m)
{
	static struct sync_dues due;
	m->calm = true;
	for (int k = 0; k < PEOPLE; k++) {
		struct sub sub;
		struct sub_hold h;
		if (!held_by(m, &m->p[k], &sub, &h) || h.reason == HOLD_DROPPED)
			continue;
		CHECK(m, "an order",
		      !sync_hold_order(m->w->a, m->feed, m->p[k].jid, ORDER_REDRIVE,
				       NULL));
		model_forgive(m, &m->p[k], &h);
	}
	CHECK(m, "what is due", !sync_due(m->w->a, 1000, &due));
	while (due.count) {
		model_hold_pass(m);
		CHECK(m, "what is due", !sync_due(m->w->a, 1000, &due));
	}
	for (int k = 0; k < PEOPLE; k++) {
		struct sub sub;
		struct sub_hold h;
		CHECK(m, "nothing is held", !held_by(m, &m->p[k], &sub, &h));
	}
}
