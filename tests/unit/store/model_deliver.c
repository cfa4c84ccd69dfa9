#include "model_int.h"

#include <stdlib.h>
#include <string.h>

/* What one piece of work will say when it is done. */
struct piece {
	struct store_done d;
	struct store_done_bucket buckets[PIECE];
	struct store_done_event events[EVENTS];
	struct store_done_row rows[PEOPLE];
	enum fate fate[PEOPLE][EVENTS];
	unsigned generation[PEOPLE];
	bool again[PEOPLE]; /* an urgent one came back: all of them are sent again */
	struct pos from[PEOPLE];
	bool undisturbed;
};

/* One row of a piece, while its events are gone through. */
struct play {
	struct model *m;
	struct piece *w;
	struct person *p;
	struct sub_hold was, hold;
	bool held, ended;
	struct store_done_row *row; /* what is to be said of it; NULL: nothing */
};

static struct store_done_row *say(struct play *y, const struct sub *sub, struct pos pos)
{
	struct store_done_row *r = &y->w->rows[y->w->d.row_count++];
	*r = (struct store_done_row){
		.jid = y->p->jid, .pos = pos, .was = sub->hold, .was_len = sub->hold_len};
	return r;
}

static uint64_t some_delay(struct model *m)
{
	static const uint64_t delays[] = {0, 0, 3600000, HOLD_NEVER};
	return delays[model_below(m, 4)];
}

static enum hold_reason some_choice(struct model *m)
{
	static const enum hold_reason choices[] = {HOLD_QUIET, HOLD_OFFLINE, HOLD_SHOW};
	return choices[model_below(m, 3)];
}

/* The events from E on are held. */
static void hold_from(struct play *y, const struct sub *sub, const struct posted *e,
		      bool bounced)
{
	struct model *m = y->m;
	bool dead = bounced && model_below(m, 4) == 0;
	y->held = true;
	y->hold = (struct sub_hold){.reason = dead	? HOLD_DEAD
					      : bounced ? HOLD_BOUNCED
							: some_choice(m),
				    .pos = model_before(e->pos),
				    .due_ms = dead ? HOLD_NEVER : some_delay(m),
				    .urgent = !bounced && model_below(m, 2)};
	if (bounced) {
		y->hold.condition[0] = 'x';
		y->hold.tries = y->was.tries + 1;
		y->hold.first_ms = 1;
	}
	y->row = say(y, sub, bounced ? e->pos : y->hold.pos);
}

/* An urgent event that did not wait came back: nor do the others any more. */
static void urgent_back(struct play *y, const struct sub *sub, size_t event)
{
	enum fate *fate = y->w->fate[y->p - y->m->p];
	for (size_t i = 0; i < event; i++)
		if (y->m->e[i].urgent && fate[i] == FATE_TAKEN)
			fate[i] = FATE_HELD;
	y->hold = (struct sub_hold){.reason = HOLD_BOUNCED,
				    .pos = y->was.pos,
				    .tries = 1,
				    .first_ms = 1,
				    .condition = "x",
				    .counted = y->was.counted,
				    .due_ms = some_delay(y->m)};
	y->w->again[y->p - y->m->p] = y->w->undisturbed = true;
	y->row = say(y, sub, y->m->e[event].pos);
}

static enum fate play_event(struct play *y, const struct sub *sub, size_t event,
			    uint64_t *bounced)
{
	struct posted *e = &y->m->e[event];
	uint32_t dice = y->m->calm ? 99 : model_below(y->m, 60);
	if (y->held && !(y->hold.urgent && e->urgent))
		return FATE_HELD;
	if (y->held && (dice || y->row))
		return FATE_TAKEN;
	if (dice == 0 && y->held) {
		++*bounced;
		urgent_back(y, sub, event);
		return FATE_HELD;
	}
	if (dice == 0) {
		y->row = say(y, sub, e->pos);
		y->ended = y->row->end = true;
		return FATE_LEFT;
	}
	if (dice < 5) {
		*bounced += dice < 4;
		hold_from(y, sub, e, dice < 4);
		return y->hold.urgent && e->urgent ? FATE_TAKEN : FATE_HELD;
	}
	return dice < 8 ? FATE_FILTERED : FATE_TAKEN;
}

static void play_row(struct model *m, struct piece *w, const struct store_bucket *b,
		     const struct store_row *row)
{
	struct play y = {.m = m, .w = w, .p = model_find(m, row->jid)};
	ptrdiff_t k = y.p - m->p;
	sub_hold_read(&row->sub, &y.was);
	y.held = sub_held(&row->sub);
	if (y.held)
		y.hold = y.was;
	w->generation[k] = y.p->generation;
	w->from[k] = b->cursor;
	for (size_t i = m->first; i < m->posted && !y.ended; i++) {
		struct pos pos = m->e[i].pos;
		if (pos_cmp(b->cursor, pos) < 0 && pos_cmp(row->sub.since, pos) < 0 &&
		    pos_cmp(pos, w->d.to) <= 0)
			w->fate[k][i] = play_event(&y, &row->sub, i,
						   &w->events[i - m->first].add.bounced);
	}
	if (y.row && !y.ended)
		y.row->hold = y.hold;
}

/* Plays the sending of what a run of buckets misses. */
static void work(struct model *m, struct piece *w, const struct store_run *run)
{
	w->d = (struct store_done){.feed = m->feed,
				   .feed_buckets = run->feed_buckets,
				   .to = run->head,
				   .buckets = w->buckets,
				   .events = w->events,
				   .rows = w->rows};
	for (size_t i = m->first; i < m->posted; i++)
		w->events[w->d.event_count++].pos = m->e[i].pos;
	for (size_t b = 0; b < run->bucket_count; b++) {
		const struct store_bucket *k = &run->buckets[b];
		w->buckets[w->d.bucket_count++] =
			(struct store_done_bucket){k->bucket, k->cursor};
		for (size_t r = k->first; r < k->first + k->count; r++)
			play_row(m, w, k, &run->rows[r]);
	}
	for (int k = 0; k < PEOPLE; k++)
		for (size_t i = m->first; i < m->posted; i++)
			model_count(&w->events[i - m->first].add, w->fate[k][i]);
}

/* Everything owed has its fate, nothing that was not. */
static void check_owed(struct model *m, const struct store_run *run,
		       const struct piece *w)
{
	for (size_t r = 0; r < run->row_count; r++) {
		const struct person *p = model_find(m, run->rows[r].jid);
		bool gone = false;
		for (size_t i = m->first; i < m->posted && p->joined && !gone; i++) {
			enum fate fate = w->fate[p - m->p][i];
			CHECK(m, "sent what is owed, and nothing else",
			      (fate != FATE_NONE) ==
				      (m->e[i].fate[p - m->p] == FATE_OWED));
			gone = fate == FATE_LEFT;
		}
	}
}

static void account_person(struct model *m, const struct piece *w, struct person *p)
{
	ptrdiff_t k = p - m->p;
	bool same = p->joined && p->generation == w->generation[k], left = false;
	for (size_t i = 0; i < m->posted; i++) {
		enum fate fate = w->fate[k][i];
		left |= fate == FATE_LEFT;
		if (same && fate && fate != FATE_LEFT)
			m->e[i].fate[k] = fate;
		else
			model_count(&m->e[i].beside, fate);
	}
	if (same && left)
		model_forget(m, p);
	else if (same && w->again[k])
		for (size_t r = 0; r < w->d.row_count; r++)
			if (w->rows[r].jid == p->jid)
				model_urgent_again(m, p, w->rows[r].hold.pos, w->from[k]);
}

static void account(struct model *m, const struct piece *w, size_t first)
{
	for (size_t i = 0; i < w->d.event_count; i++)
		m->e[first + i].beside.bounced += w->events[i].add.bounced;
	for (int k = 0; k < PEOPLE; k++)
		account_person(m, w, &m->p[k]);
}

static void done_again(struct model *m, const struct piece *w)
{
	enum belfry_err err = sync_done(m->worker, &m->owner, &w->d);
	if (pos_cmp(w->buckets[0].from, w->d.to) != 0)
		CHECK(m, "done twice is stale", err == BELFRY_ESTALE);
	else /* nothing to count in it */
		CHECK(m, "done of nothing", !err || err == BELFRY_ESTALE);
}

/* A row whose bounce is on its way leaves, and is made anew. */
static void come_back(struct model *m, const struct piece *w)
{
	struct person *p =
		model_find(m, w->rows[model_below(m, (uint32_t)w->d.row_count)].jid);
	model_leave(m, p);
	model_join(m, p);
}

static void end_piece(struct model *m, const struct piece *w, size_t first,
		      size_t buckets)
{
	uint32_t fate = model_below(m, 10);
	if (fate == 0) { /* crash: what was sent will be sent again */
		m->pass = 0;
	} else if (fate == 1) { /* stopped, overtaken, awake again */
		model_take_over(m);
		CHECK(m, "a late done is refused",
		      sync_done(m->w->a, &m->former, &w->d) == BELFRY_ELOST);
	} else {
		m->pass += (uint32_t)buckets;
		CHECK(m, "done", !sync_done(m->worker, &m->owner, &w->d));
		account(m, w, first);
		if (model_below(m, 4) == 0 && w->d.to.n)
			done_again(m, w);
	}
}

void model_deliver(struct model *m)
{
	static struct piece w;
	struct store_run *run;
	size_t first = m->first;
	memset(&w, 0, sizeof w);
	CHECK(m, "a read",
	      !sync_read(m->worker, m->feed, m->pass, 1 + model_below(m, PIECE), &run));
	model_check_rows(m, run);
	if (!run->bucket_count) {
		m->pass = 0;
		store_run_free(run);
		return;
	}
	work(m, &w, run);
	check_owed(m, run, &w);
	if (!w.undisturbed) {
		model_disturb(m);
		model_disturb(m);
		if (w.d.row_count && model_below(m, 4) == 0)
			come_back(m, &w);
	}
	end_piece(m, &w, first, run->bucket_count);
	store_run_free(run);
}

void model_deliver_all(struct model *m)
{
	static struct piece w;
	struct store_run *run;
	struct store_feed f;
	CHECK(m, "a feed", !sync_feed_get(m->worker, m->feed, &f));
	for (uint32_t b = 0; b < f.buckets; b += PIECE) {
		memset(&w, 0, sizeof w);
		CHECK(m, "a read", !sync_read(m->worker, m->feed, b, PIECE, &run));
		work(m, &w, run);
		check_owed(m, run, &w);
		CHECK(m, "done", !sync_done(m->worker, &m->owner, &w.d));
		account(m, &w, m->first);
		store_run_free(run);
	}
}
