#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <string.h>

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = xreallocarray(NULL, count + 1, size);
	if (count)
		memcpy(to, from, count * size);
	return to;
}

/* What the caller named as BUCKET, or as what it was split from since; or NULL. */
static const struct store_done_bucket *named(const struct store_done *d, uint32_t bucket)
{
	uint32_t then = bucket < d->feed_buckets
				? bucket
				: bucket_ancestor(bucket, d->feed_buckets);
	for (size_t i = 0; i < d->bucket_count; i++)
		if (d->buckets[i].bucket == then)
			return &d->buckets[i];
	return NULL;
}

static enum belfry_err done_check(struct memory *m, const struct mem_op *op,
				  const struct mem_feed *f)
{
	const struct store_done *d = &op->done;
	for (size_t i = 0; i < d->bucket_count; i++)
		if (pos_cmp(d->to, d->buckets[i].from) < 0 ||
		    d->buckets[i].bucket >= d->feed_buckets)
			return BELFRY_EINVAL;
	if (!mem_owns(m, &op->owner))
		return BELFRY_ELOST;
	if (!f)
		return BELFRY_ENOFEED;
	if (d->feed_buckets == 0)
		return BELFRY_EINVAL;
	if (f->buckets < d->feed_buckets)
		return BELFRY_ESTALE;
	for (uint32_t b = 0; b < f->buckets; b++) {
		const struct store_done_bucket *n = named(d, b);
		if (n && pos_cmp(f->cursors[b], n->from) != 0)
			return BELFRY_ESTALE;
	}
	return BELFRY_OK;
}

static void done_row(struct mem_feed *f, const struct store_done *d,
		     const struct store_done_row *r)
{
	struct mem_row *row = mem_row_find(f, r->jid);
	if (!row || !named(d, bucket_of(row->hash, f->buckets)) ||
	    pos_cmp(r->pos, row->sub.since) <= 0)
		return;
	if (r->end)
		mem_row_remove(f, row);
	else if (pos_cmp(r->pos, row->sub.bounced) > 0)
		row->sub.bounced = r->pos;
}

static void done_put(struct mem_op *op, const struct store_done *d)
{
	op->done = *d;
	op->done.buckets = copy(d->buckets, d->bucket_count, sizeof *d->buckets);
	op->done.events = copy(d->events, d->event_count, sizeof *d->events);
	struct store_done_row *rows = copy(d->rows, d->row_count, sizeof *d->rows);
	for (size_t i = 0; i < d->row_count; i++)
		rows[i].jid = xstrdup(d->rows[i].jid);
	op->done.rows = rows;
	mem_op_put(op);
}

/* As in Redis' store, where the first answer is that a bucket was split. */
static void done_again(const struct mem_op *first)
{
	struct mem_op *op =
		mem_op_new((struct store *)first->s, first->run, first->feed, first->arg);
	op->cb = first->cb;
	op->owner = first->owner;
	op->flag = true;
	done_put(op, &first->done);
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
		if (named(d, b))
			f->cursors[b] = d->to;
	for (size_t i = 0; !err && i < d->event_count; i++) {
		struct mem_event *e = mem_event_at(f, d->events[i].pos);
		const struct store_counters *a = &d->events[i].add;
		if (!e)
			continue;
		e->counters.taken += a->taken;
		e->counters.sent += a->sent;
		e->counters.bounced += a->bounced;
		e->counters.left += a->left;
		e->counters.skipped += a->skipped;
		e->counters.filtered += a->filtered;
	}
	for (size_t i = 0; !err && i < d->row_count; i++)
		done_row(f, d, &d->rows[i]);
	op->cb.plain(op->arg, err);
}

void memory_done(struct store *st, const struct store_owner *o,
		 const struct store_done *d, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_done, d->feed, arg);
	op->cb.plain = cb;
	op->owner = *o;
	done_put(op, d);
}

static void count_late(struct store_counters *c, enum sub_format format, bool end)
{
	uint64_t *first = format == FORMAT_HEADLINE ? &c->sent : &c->taken;
	uint64_t *other = format == FORMAT_HEADLINE ? &c->taken : &c->sent;
	uint64_t *from = *first ? first : other;
	if (!*from)
		return;
	--*from;
	++*(end ? &c->left : &c->bounced);
}

static void run_late(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	struct mem_row *row = NULL;
	struct mem_event *e = NULL;
	if (!err && !op->text[0])
		err = BELFRY_EINVAL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err) {
		row = mem_row_find(f, op->text);
		e = mem_event_at(f, op->pos);
		if (!row || !e || pos_cmp(op->pos, row->sub.since) <= 0)
			err = BELFRY_ENOENT;
	}
	if (!err && pos_cmp(op->pos, f->cursors[bucket_of(row->hash, f->buckets)]) <= 0 &&
	    pos_cmp(op->pos, row->sub.bounced) > 0) {
		count_late(&e->counters, row->sub.format, op->flag);
		if (op->flag)
			mem_row_remove(f, row);
		else
			row->sub.bounced = op->pos;
	}
	op->cb.plain(op->arg, err);
}

void memory_late_bounce(struct store *st, const char *feed, const char *jid,
			struct pos pos, bool end, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_late, feed, arg);
	op->cb.plain = cb;
	op->text = xstrdup(jid);
	op->pos = pos;
	op->flag = end;
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
