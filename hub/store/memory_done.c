#include "store/done.h"
#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <string.h>

static enum belfry_err done_check(struct memory *m, const struct mem_op *op,
				  const struct mem_feed *f)
{
	const struct store_done *d = &op->done;
	if (!done_valid(d))
		return BELFRY_EINVAL;
	if (!mem_owns(m, &op->owner))
		return BELFRY_ELOST;
	if (!f)
		return BELFRY_ENOFEED;
	if (f->buckets < d->feed_buckets)
		return BELFRY_ESTALE;
	for (uint32_t b = 0; b < f->buckets; b++) {
		const struct store_done_bucket *n = done_named(d, b);
		if (n && pos_cmp(f->cursors[b], n->from) != 0)
			return BELFRY_ESTALE;
	}
	return BELFRY_OK;
}

/* Was it made before what R is about? */
static bool made_before(const struct mem_row *row, const struct store_done_row *r)
{
	if (pos_cmp(row->sub.since, r->pos) < 0)
		return true;
	/* One that is made anew is not held. */
	return !r->end && (r->was_len ||
			   (r->hold.reason && pos_cmp(row->sub.since, r->hold.pos) <= 0));
}

/* Sent although ROW is held, whose hold was changed meanwhile. */
static bool came_back_urgent(const struct store_done *d, const struct mem_row *row,
			     const struct store_done_row *r, const struct sub_hold *old)
{
	return !d->due && r->was_len && old->urgent && sub_held(&row->sub) &&
	       pos_cmp(row->sub.since, r->pos) < 0;
}

static void done_row(struct memory *m, struct mem_feed *f, const struct store_done *d,
		     const struct store_done_row *r)
{
	struct mem_row *row = mem_row_find(f, r->jid);
	const struct store_done_bucket *b =
		row ? done_named(d, bucket_of(row->hash, f->buckets)) : NULL;
	struct sub_hold old, h = r->hold;
	if (!b)
		return;
	sub_hold_read(&row->sub, &old);
	if (!mem_row_was(row, r)) {
		if (!came_back_urgent(d, row, r, &old))
			return;
		h.pos = old.pos;
		h.counted = old.counted;
		h.awaited = old.awaited;
	} else if (!made_before(row, r)) {
		return;
	}
	if (old.urgent && !r->end && r->hold.reason && r->hold.reason != HOLD_PROVING &&
	    !r->hold.urgent)
		mem_count_urgent(
			f, row, pos_cmp(old.counted, old.pos) > 0 ? old.counted : old.pos,
			b->from);
	for (size_t i = 0; i < r->move_count; i++)
		mem_count(f, &r->moves[i]);
	if (r->end) {
		mem_row_remove(f, row);
		return;
	}
	if (r->unprove)
		mem_row_unprove(row);
	mem_row_want(m, row, &h);
}

/* As in Redis' store, where the first answer is that a bucket was split. */
static void done_again(const struct mem_op *first)
{
	struct mem_op *op =
		mem_op_new((struct store *)first->s, first->run, first->feed, first->arg);
	op->cb = first->cb;
	op->owner = first->owner;
	op->flag = true;
	done_copy(&op->done, &first->done);
	mem_op_put(op);
}

static void run_done(struct mem_op *op, enum belfry_err err)
{
	const struct store_done *d = &op->done;
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err)
		err = done_check(op->s->m, op, f);
	if (!err && f->buckets > d->feed_buckets && !op->flag) {
		done_again(op);
		return;
	}
	for (uint32_t b = 0; !err && b < f->buckets; b++)
		if (done_named(d, b))
			f->cursors[b] = d->to;
	for (size_t i = 0; !err && i < d->event_count; i++) {
		struct mem_event *e = mem_event_at(f, d->events[i].pos);
		const struct store_counters *a = &d->events[i].add;
		if (!e)
			continue;
		e->counters.taken += a->taken;
		e->counters.held += a->held;
		e->counters.dead += a->dead;
		e->counters.sent += a->sent;
		e->counters.bounced += a->bounced;
		e->counters.left += a->left;
		e->counters.skipped += a->skipped;
		e->counters.filtered += a->filtered;
		e->counters.expired += a->expired;
		e->counters.superseded += a->superseded;
		e->counters.received += a->received;
	}
	for (size_t i = 0; !err && i < d->row_count; i++)
		done_row(op->s->m, f, d, &d->rows[i]);
	op->cb.plain(op->arg, err);
}

void memory_done(struct store *st, const struct store_owner *o,
		 const struct store_done *d, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_done, d->feed, arg);
	op->cb.plain = cb;
	op->owner = *o;
	done_copy(&op->done, d);
	mem_op_put(op);
}

/* A late bounce: what stands in the row, and what came back. */
struct late {
	struct mem_feed *f;
	struct mem_row *row;
	const struct mem_event *e; /* NULL: it was trimmed */
	const struct store_done_row *r;
	struct pos pos;
	struct sub_hold old;
	bool held;
	struct pos cursor, reached; /* REACHED: what the row has had, or is on its way */
	struct pos counted;	    /* what is up to here is counted as taken */
	struct pos proven;
	bool proves, waits; /* WAITS: it is awaited */
};

/* What came back, and what came with it, as far as it is counted as FROM. */
static void late_count(const struct late *l, enum store_count from, enum store_count to)
{
	const struct store_done_row *r = l->r;
	mem_count(l->f, &(struct store_move){l->pos, from, to});
	for (size_t i = 0; i < r->move_count; i++)
		if (pos_cmp(r->moves[i].pos, l->counted) <= 0)
			mem_count(l->f, &(struct store_move){r->moves[i].pos, from, to});
}

/* Is it behind what is awaited first? */
static bool is_inside(const struct late *l)
{
	return l->old.awaited && pos_cmp(l->pos, l->old.pos) > 0 &&
	       pos_cmp(l->pos, l->reached) <= 0;
}

/* Is it counted as held, as it is tried alone? */
static bool is_tried(const struct late *l)
{
	return l->waits && l->old.tries && l->old.condition[0] &&
	       l->pos.n == l->old.pos.n + 1;
}

static void count_first_awaited(const struct late *l)
{
	struct pos first = {l->old.pos.epoch, l->old.pos.n + 1};
	if (!(l->old.tries && l->old.condition[0]))
		mem_count(l->f,
			  &(struct store_move){first, mem_taken(l->row), COUNT_HELD});
}

/*
 * What came back is before all that is awaited: it, and that, is awaited. Where there is
 * no room, or all was to be repeated before, all is.
 */
static uint64_t awaits_before(const struct late *l)
{
	uint64_t shift = l->old.pos.n + 1 - l->pos.n;
	bool repeats = l->held && pos_cmp(l->old.counted, l->old.pos) > 0;
	if (!l->old.awaited)
		return l->proves && !repeats;
	return l->old.pos.epoch == l->pos.epoch && shift < HOLD_AWAITED_MAX &&
			       !(l->old.awaited >> (HOLD_AWAITED_MAX - shift))
		       ? 1 | l->old.awaited << shift
		       : 0;
}

/* It is awaited, too, and what came with it; where there is no room for it, all is. */
static void late_await(const struct late *l, struct sub_hold *h)
{
	bool fits = hold_await(h, l->pos);
	for (size_t i = 0; fits && i < l->r->move_count; i++)
		fits = hold_await(h, l->r->moves[i].pos);
	if (!fits)
		h->awaited = 0;
}

static void late_hold(struct memory *m, const struct late *l)
{
	struct sub_hold h = l->r->hold;
	bool digest = sub_hold_members(&h), passed = pos_cmp(l->pos, l->reached) > 0;
	h.pos = l->reached;
	h.counted = l->counted;
	h.urgent = false;
	h.awaited = h.again_ms = h.give_up_ms = 0;
	if (!digest || passed || is_inside(l))
		sub_hold_digest(&h, (struct pos){0, 0}, 0);
	if (l->held && l->old.urgent)
		mem_count_urgent(l->f, l->row, l->reached, l->cursor);
	if (is_inside(l) || (passed && l->old.awaited)) {
		h.pos = l->old.pos;
		h.awaited = l->old.awaited;
		if (!passed)
			late_await(l, &h);
		count_first_awaited(l);
	} else if (!passed) {
		if (l->held)
			mem_count_first(l->f, l->row, &l->old);
		h.pos = (struct pos){l->pos.epoch, l->pos.n - 1};
		late_count(l, mem_taken(l->row), COUNT_HELD);
		/* A digest is first, then all that is counted. */
		h.awaited = digest ? 0 : awaits_before(l);
	}
	late_count(l, COUNT_NONE, COUNT_BOUNCED);
	mem_row_want(m, l->row, &h);
}

/* Has its person confirmed it? */
static bool is_confirmed(const struct late *l)
{
	if (pos_cmp(l->pos, l->reached) > 0 || l->waits)
		return false;
	return l->proves && pos_cmp(l->pos, l->proven) > 0 &&
	       (is_inside(l) || !(l->e && l->e->e.priority == PRIORITY_URGENT));
}

static void late_look(struct late *l)
{
	sub_hold_read(&l->row->sub, &l->old);
	l->held = sub_held(&l->row->sub);
	if (!l->held)
		l->old.awaited = 0;
	l->cursor = l->f->cursors[bucket_of(l->row->hash, l->f->buckets)];
	l->reached = l->held ? hold_reached(&l->old) : l->cursor;
	l->counted = l->held && pos_cmp(l->old.counted, l->old.pos) > 0 ? l->old.counted
									: l->reached;
	l->proves = sub_proven(&l->row->sub, &l->proven);
	l->waits = hold_awaits(&l->old, l->pos);
}

static enum belfry_err late(struct memory *m, struct mem_feed *f,
			    const struct store_done_row *r)
{
	struct late l = {.f = f,
			 .row = mem_row_find(f, r->jid),
			 .e = mem_event_at(f, r->pos),
			 .r = r,
			 .pos = r->pos};
	if (!l.row || pos_cmp(r->pos, l.row->sub.since) <= 0 ||
	    (!l.e && pos_cmp(r->pos, f->trimmed) > 0))
		return BELFRY_ENOENT;
	late_look(&l);
	bool sent = pos_cmp(r->pos, l.reached) <= 0 ||
		    (l.held && l.old.urgent && l.e && l.e->e.priority == PRIORITY_URGENT);
	if (pos_cmp(r->pos, l.cursor) > 0 || !sent)
		return BELFRY_OK; /* it is still to be sent */
	if (!mem_row_was(l.row, r))
		return BELFRY_ESTALE;
	bool confirmed = is_confirmed(&l);
	if (r->end) {
		late_count(&l,
			   confirmed	  ? COUNT_RECEIVED
			   : is_tried(&l) ? COUNT_HELD
					  : mem_taken(l.row),
			   COUNT_LEFT);
		mem_row_remove(f, l.row);
	} else if (!confirmed) {
		late_hold(m, &l);
	}
	return BELFRY_OK;
}

static void run_late(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	const struct store_done_row *r = op->done.rows;
	if (!err && !done_late_valid(r))
		err = BELFRY_EINVAL;
	if (!err && !mem_owns(m, &op->owner))
		err = BELFRY_ELOST;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err)
		err = late(m, f, r);
	op->cb.plain(op->arg, err);
}

void memory_late_bounce(struct store *st, const struct store_owner *o, const char *feed,
			const struct store_done_row *row, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_late, feed, arg);
	op->cb.plain = cb;
	op->owner = *o;
	done_copy(&op->done,
		  &(struct store_done){.feed = feed, .rows = row, .row_count = 1});
	mem_op_put(op);
}

static void run_settle(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !mem_owns(op->s->m, &op->owner))
		err = BELFRY_ELOST;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err && (f->buckets != op->u || pos_cmp(op->pos, mem_head(f)) > 0))
		err = BELFRY_ESTALE;
	if (!err) {
		if (pos_cmp(op->pos, f->settled) > 0)
			f->settled = op->pos;
		if (pos_cmp(op->pos, mem_head(f)) == 0)
			f->behind = false;
		else
			err = BELFRY_ESTALE;
	}
	op->cb.plain(op->arg, err);
}

void memory_settle(struct store *st, const struct store_owner *o, const char *feed,
		   uint32_t feed_buckets, struct pos pos, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_settle, feed, arg);
	op->cb.plain = cb;
	op->owner = *o;
	op->u = feed_buckets;
	op->pos = pos;
	mem_op_put(op);
}
