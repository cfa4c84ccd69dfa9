#include "store/done.h"
#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

/* What clients confirm: as received.lua. */

static const struct pos nowhere;

void mem_row_unprove(struct mem_row *row)
{
	struct sub_options o;
	sub_options_read(&row->sub, &o);
	o.proven = (struct pos){0, 0};
	mem_row_options(row, &o);
}

static void prove(struct mem_row *row, const struct store_receipts *r, struct pos cursor)
{
	struct sub_options o;
	for (size_t i = 0; i < r->count; i++) {
		if (pos_cmp(r->list[i], row->sub.since) <= 0 ||
		    pos_cmp(r->list[i], cursor) > 0)
			continue;
		sub_options_read(&row->sub, &o);
		o.proven = cursor;
		mem_row_options(row, &o);
		return;
	}
}

static bool confirm(struct mem_feed *f, struct sub_hold *h, struct pos pos)
{
	if (!hold_awaits(h, pos) || pos_cmp(pos, h->counted) > 0)
		return false;
	h->awaited &= ~((uint64_t)1 << (pos.n - h->pos.n - 1));
	hold_forget(h, h->pos);
	/* What was repeated for another's sake may have been counted before. */
	const struct mem_event *e = mem_event_at(f, pos);
	if (e && e->counters.taken)
		mem_count(f, &(struct store_move){pos, COUNT_TAKEN, COUNT_RECEIVED});
	return true;
}

/* Some of it was confirmed: does it go on? */
static void went_on(struct sub_hold *h, struct pos cursor, uint64_t now, uint64_t give_up)
{
	bool more = pos_cmp(cursor, h->counted) > 0;
	h->tries = 0;
	h->first_ms = h->resends = h->give_up_ms = 0;
	if (h->reason != HOLD_CONFIRM)
		return;
	if (!h->awaited) {
		h->again_ms = 0;
		h->end = (struct pos){0, 0};
		h->due_ms = more ? now : 0;
		if (!more)
			h->reason = HOLD_NONE;
	} else if (more && h->counted.n - h->pos.n <= HOLD_WINDOW / 2) {
		h->due_ms = now;
	} else if (more && !h->again_ms) {
		h->give_up_ms = now + give_up;
	}
}

static bool take(struct memory *m, struct mem_feed *f, struct mem_row *row,
		 const struct store_receipts *r)
{
	struct pos cursor = f->cursors[bucket_of(row->hash, f->buckets)];
	uint64_t now = mem_now_ms(m);
	struct sub_hold h;
	bool changed = false;
	if (!sub_proven(&row->sub, NULL)) {
		prove(row, r, cursor);
		return false;
	}
	sub_hold_read(&row->sub, &h);
	if (!sub_held(&row->sub) || !h.awaited || (h.tries && h.condition[0]))
		return false;
	for (size_t i = 0; i < r->count; i++)
		changed |= confirm(f, &h, r->list[i]);
	if (changed)
		went_on(&h, cursor, now, r->give_up_ms);
	/* Also what has been sent again already, where that is not all. */
	bool partly = h.reason == HOLD_CONFIRM && pos_cmp(h.end, nowhere) != 0;
	if (r->again_ms && h.awaited && (!h.again_ms || partly)) {
		h.again_ms = now + r->again_ms;
		h.end = nowhere;
		changed = true;
		if (h.reason == HOLD_CONFIRM && (!h.due_ms || h.again_ms < h.due_ms))
			h.due_ms = h.again_ms;
	}
	if (changed)
		mem_row_hold(m, row, &h);
	return h.reason && h.due_ms && h.due_ms <= now + r->again_ms;
}

static void run_received(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	struct mem_row *row = NULL;
	bool due = false;
	if (!err && (!op->text[0] || op->receipts.count > RECEIPTS_MAX))
		err = BELFRY_EINVAL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err && !mem_owns(m, &op->owner))
		err = BELFRY_ELOST;
	if (!err)
		row = mem_row_find(f, op->text);
	if (!err && (!row || !sub_asks(&row->sub, op->receipts.by_feed)))
		err = BELFRY_ENOENT;
	if (!err)
		due = take(m, f, row, &op->receipts);
	free((void *)(uintptr_t)op->receipts.list);
	op->cb.received(op->arg, err, due);
}

void memory_received(struct store *st, const struct store_owner *o, const char *feed,
		     const char *jid, const struct store_receipts *r,
		     store_received_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_received, feed, arg);
	op->cb.received = cb;
	op->owner = *o;
	op->text = xstrdup(jid);
	op->receipts = *r;
	op->receipts.list = receipts_copy(r);
	mem_op_put(op);
}
