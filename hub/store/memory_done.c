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
	} else if (!made_before(row, r)) {
		return;
	}
	if (old.urgent && !r->end && r->hold.reason && r->hold.reason != HOLD_PROVING &&
	    !r->hold.urgent)
		mem_count_urgent(f, row, old.pos, b->from);
	for (size_t i = 0; i < r->move_count; i++)
		mem_count(f, &r->moves[i]);
	if (r->end)
		mem_row_remove(f, row);
	else
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

/* What came back, and what came with it, as far as it is counted as taken. */
static void late_count(struct mem_feed *f, const struct mem_row *row,
		       const struct store_done_row *r, enum store_count to,
		       struct pos counted)
{
	enum store_count from = to == COUNT_BOUNCED ? COUNT_NONE : mem_taken(row);
	mem_count(f, &(struct store_move){r->pos, from, to});
	for (size_t i = 0; i < r->move_count; i++)
		if (pos_cmp(r->moves[i].pos, counted) <= 0)
			mem_count(f, &(struct store_move){r->moves[i].pos, from, to});
}

/* What is up to here is counted as taken. */
static struct pos late_counted(const struct mem_row *row, struct pos reached)
{
	struct sub_hold old;
	sub_hold_read(&row->sub, &old);
	return sub_held(&row->sub) && pos_cmp(old.counted, old.pos) > 0 ? old.counted
									: reached;
}

/* REACHED: where the row is, before what came back or, where that did not wait, behind.
 */
static void late_hold(struct memory *m, struct mem_feed *f, struct mem_row *row,
		      const struct store_done_row *r, struct pos reached)
{
	bool held = sub_held(&row->sub);
	struct sub_hold old, h = r->hold;
	sub_hold_read(&row->sub, &old);
	h.pos = reached;
	h.counted = late_counted(row, reached);
	h.urgent = false;
	if (held && old.urgent)
		mem_count_urgent(f, row, reached,
				 f->cursors[bucket_of(row->hash, f->buckets)]);
	if (pos_cmp(r->pos, reached) <= 0) {
		if (held)
			mem_count_first(f, row, &old);
		h.pos = (struct pos){r->pos.epoch, r->pos.n - 1};
		late_count(f, row, r, COUNT_HELD, h.counted);
	} else {
		sub_hold_digest(&h, (struct pos){0, 0}, 0);
	}
	late_count(f, row, r, COUNT_BOUNCED, h.counted);
	mem_row_want(m, row, &h);
}

static enum belfry_err late(struct memory *m, struct mem_feed *f,
			    const struct store_done_row *r)
{
	struct mem_row *row = mem_row_find(f, r->jid);
	const struct mem_event *e = mem_event_at(f, r->pos);
	if (!row || pos_cmp(r->pos, row->sub.since) <= 0 ||
	    (!e && pos_cmp(r->pos, f->trimmed) > 0))
		return BELFRY_ENOENT;
	struct sub_hold old;
	struct pos cursor = f->cursors[bucket_of(row->hash, f->buckets)];
	sub_hold_read(&row->sub, &old);
	bool held = sub_held(&row->sub);
	struct pos reached = held ? old.pos : cursor;
	bool sent = pos_cmp(r->pos, reached) <= 0 ||
		    (held && old.urgent && e && e->e.priority == PRIORITY_URGENT);
	if (pos_cmp(r->pos, cursor) > 0 || !sent)
		return BELFRY_OK; /* it is still to be sent */
	if (!mem_row_was(row, r))
		return BELFRY_ESTALE;
	if (r->end) {
		late_count(f, row, r, COUNT_LEFT, late_counted(row, reached));
		mem_row_remove(f, row);
	} else {
		late_hold(m, f, row, r, reached);
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
