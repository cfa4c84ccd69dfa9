#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* ---- Who has pieces -------------------------------------------------------------- */

static void activate(struct feed *f)
{
	struct engine *e = f->engine;
	if (f->active)
		return;
	f->active = true;
	e->active[e->active_count++] = f;
}

void feed_deactivate(struct feed *f)
{
	struct engine *e = f->engine;
	if (!f->active)
		return;
	f->active = false;
	size_t i = 0;
	while (e->active[i] != f)
		i++;
	e->active[i] = e->active[--e->active_count];
}

/* Without anything left to send, it waits for its turn among the others. */
static void settle_turn(struct feed *f)
{
	if (f->unsent)
		return;
	feed_deactivate(f);
	if (f->engine->feed_count > BATCHES_MAX) {
		batch_unref(f->batch); /* read again at its turn */
		batch_unref(f->old);
		f->batch = f->old = NULL;
	}
	if (!f->gone && f->state == FEED_PASS && f->next < f->end)
		fairq_push(&f->engine->waiting, &f->turn);
}

static void no_longer_unsent(struct piece *p)
{
	if (p->state == PIECE_SENT)
		return;
	if (p->state == PIECE_READING)
		p->feed->engine->reading--;
	p->state = PIECE_SENT;
	p->feed->unsent--;
	p->feed->engine->unsent--;
	settle_turn(p->feed);
}

static void piece_free(struct piece *p)
{
	rows_forget(p);
	store_run_free(p->run);
	batch_unref(p->batch);
	rendered_free(&p->together_out);
	free(p->unit_state);
	free(p->seen);
	free(p);
}

size_t piece_event(const struct piece *p, struct pos pos)
{
	for (size_t k = 0; k < p->events; k++)
		if (pos_cmp(p->batch->events[p->event + k].pos, pos) == 0)
			return k;
	return p->events;
}

void piece_called(struct piece *p)
{
	p->calls--;
	if (p->dropped && p->calls == 0)
		piece_free(p);
}

static void piece_drop(struct piece *p)
{
	struct feed *f = p->feed;
	for (struct piece **at = &f->pieces; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	no_longer_unsent(p);
	if (f->engine->alone_piece == p)
		f->engine->alone_piece = NULL;
	p->dropped = true;
	if (p->calls == 0)
		piece_free(p);
	late_flush(f);
	receipts_flush(f);
}

void pieces_drop(struct feed *f)
{
	f->next = f->end;
	flight_forget(f->engine, f);
	while (f->pieces)
		piece_drop(f->pieces);
	fairq_remove(&f->engine->waiting, &f->turn);
	feed_deactivate(f);
}

void piece_units_done(struct piece *p, size_t count)
{
	struct feed *f = p->feed;
	p->left -= count;
	if (p->left == 0 && p->state == PIECE_SENT && !p->dropped) {
		piece_drop(p);
		feed_step(f);
	}
}

void piece_sent(struct piece *p)
{
	no_longer_unsent(p);
	piece_units_done(p, 0);
}

void pieces_unread(struct feed *f)
{
	for (struct piece *p = f->pieces, *next; p; p = next) {
		next = p->next;
		if (p->state != PIECE_READY)
			continue;
		p->left -= p->run->bucket_count - p->unit;
		piece_sent(p);
	}
}

struct piece *piece_ready(const struct feed *f)
{
	struct piece *p = f->pieces;
	while (p && p->state != PIECE_READY)
		p = p->next;
	return p;
}

struct feed *pieces_next(const struct engine *e)
{
	struct feed *best = NULL;
	for (size_t i = 0; i < e->active_count; i++) {
		struct feed *f = e->active[i];
		if (piece_ready(f) && (!best || fairq_before(&f->turn, &best->turn)))
			best = f;
	}
	return best;
}

/* ---- Claiming -------------------------------------------------------------------- */

static void claim(struct feed *f)
{
	struct engine *e = f->engine;
	fairq_remove(&e->waiting, &f->turn);
	activate(f);
	struct piece *p = xcalloc(1, sizeof(*p));
	p->feed = f;
	p->holds = f->holds;
	if (p->holds) {
		p->first = f->serving[f->next];
		p->count = 1;
	} else {
		p->first = f->next;
		p->count = f->end - f->next < f->run ? f->end - f->next : f->run;
	}
	f->next += p->count;
	struct piece **at = &f->pieces;
	while (*at)
		at = &(*at)->next;
	*at = p;
	f->unsent++;
	e->unsent++;
	e->reading++;
	if (!p->holds)
		f->woken = false;
	piece_read(p);
}

/* The active feed that may read ahead and is served next. */
static struct feed *read_ahead(const struct engine *e)
{
	struct feed *best = NULL;
	if (e->unsent >= 2 * e->ahead)
		return NULL;
	for (size_t i = 0; i < e->active_count; i++) {
		struct feed *f = e->active[i];
		if (f->state == FEED_PASS && f->next < f->end && f->unsent < e->ahead &&
		    (!best || fairq_before(&f->turn, &best->turn)))
			best = f;
	}
	return best;
}

static struct feed *from_turn(struct fairq_node *n)
{
	return n ? (struct feed *)((char *)n - offsetof(struct feed, turn)) : NULL;
}

/* It will be served before all that has been read. */
static bool goes_first(const struct engine *e, const struct feed *f)
{
	for (size_t i = 0; i < e->active_count; i++)
		if (!fairq_before(&f->turn, &e->active[i]->turn))
			return false;
	return true;
}

void pieces_claim(struct engine *e)
{
	while (engine_can_claim(e) && !late_many(e)) {
		struct feed *w = e->active_count < ACTIVE_MAX
					 ? from_turn(fairq_first(&e->waiting))
					 : NULL;
		/* A little is read ahead, so that who is next is also ready. */
		bool full = !e->link->ops->room(e->link) ||
			    (!windows_may_send(e->windows) && e->unsent >= 2 * e->ahead);
		if (full && !(w && goes_first(e, w)))
			return;
		struct feed *f = full ? NULL : read_ahead(e);
		if (w && (!f || fairq_before(&w->turn, &f->turn)))
			f = w;
		if (!f)
			return;
		claim(f);
	}
}
