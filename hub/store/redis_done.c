#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What done() was given, copied: it is sent again where splits were made since. */
struct done_op {
	struct call call;
	store_cb cb;
	void *arg;
	struct store_owner owner;
	struct store_done d;
	uint32_t buckets_now; /* of the feed, as last heard */
	unsigned tries;
};

void fence_format(const struct store_owner *o, char out[FENCE_TEXT_SIZE])
{
	snprintf(out, FENCE_TEXT_SIZE, "%llu %s", (unsigned long long)o->fence, o->token);
}

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = xreallocarray(NULL, count + 1, size);
	if (count)
		memcpy(to, from, count * size);
	return to;
}

static void done_copy(struct store_done *to, const struct store_done *from)
{
	*to = *from;
	to->feed = xstrdup(from->feed);
	to->buckets = copy(from->buckets, from->bucket_count, sizeof *from->buckets);
	to->events = copy(from->events, from->event_count, sizeof *from->events);
	struct store_done_row *rows = copy(from->rows, from->row_count, sizeof *rows);
	for (size_t i = 0; i < from->row_count; i++)
		rows[i].jid = xstrdup(from->rows[i].jid);
	to->rows = rows;
}

static void done_free(struct store_done *d)
{
	for (size_t i = 0; i < d->row_count; i++)
		free((char *)(uintptr_t)d->rows[i].jid);
	free((char *)(uintptr_t)d->feed);
	free((void *)(uintptr_t)d->buckets);
	free((void *)(uintptr_t)d->events);
	free((void *)(uintptr_t)d->rows);
}

/* The place of BUCKET, or of what it was split from, in what the caller named; or -1. */
static long named(const struct store_done *d, uint32_t bucket)
{
	uint32_t then = bucket < d->feed_buckets
				? bucket
				: bucket_ancestor(bucket, d->feed_buckets);
	for (size_t i = 0; i < d->bucket_count; i++)
		if (d->buckets[i].bucket == then)
			return (long)i;
	return -1;
}

static void cmd_counter(struct redis_store *s, struct pos pos, char kind, uint64_t add)
{
	char field[POS_TEXT_SIZE + 2];
	size_t n = pos_format(pos, field);
	field[n++] = ':';
	field[n++] = kind;
	cmd_data(s, field, n);
	cmd_u64(s, add);
}

const struct counter_kind counter_kinds[COUNTER_KINDS] = {
	{'t', offsetof(struct store_counters, taken)},
	{'s', offsetof(struct store_counters, sent)},
	{'b', offsetof(struct store_counters, bounced)},
	{'l', offsetof(struct store_counters, left)},
	{'k', offsetof(struct store_counters, skipped)},
	{'f', offsetof(struct store_counters, filtered)},
};

uint64_t *counter_of(struct store_counters *c, size_t kind)
{
	return (uint64_t *)(void *)((char *)c + counter_kinds[kind].offset);
}

/* Counts them if S is NULL, else writes those that are not 0. */
static uint64_t counters(struct redis_store *s, const struct store_done *d)
{
	uint64_t count = 0;
	for (size_t i = 0; i < d->event_count; i++) {
		struct store_counters add = d->events[i].add;
		for (size_t k = 0; k < COUNTER_KINDS; k++) {
			uint64_t value = *counter_of(&add, k);
			if (!value)
				continue;
			if (s)
				cmd_counter(s, d->events[i].pos, counter_kinds[k].letter,
					    value);
			count++;
		}
	}
	return count;
}

static void done_send(struct done_op *op);

static void on_done(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct done_op *op = (struct done_op *)c;
	uint32_t now;
	if (err == BELFRY_ESTALE && reply_is(reply->element[0], "RETRY") &&
	    reply->elements == 2 && reply_u32(reply->element[1], &now) == 0 &&
	    now > op->d.feed_buckets && ++op->tries < RETRIES_MAX) {
		op->buckets_now = now;
		done_send(op);
		return;
	}
	store_cb cb = op->cb;
	void *arg = op->arg;
	done_free(&op->d);
	call_free(c);
	cb(arg, err);
}

static uint64_t descendants(const struct done_op *op)
{
	uint64_t count = 0;
	for (uint32_t b = op->d.feed_buckets; b < op->buckets_now; b++)
		count += named(&op->d, b) >= 0;
	return count;
}

static void done_send(struct done_op *op)
{
	struct redis_store *s = op->call.s;
	const struct store_done *d = &op->d;
	char fence[FENCE_TEXT_SIZE];
	fence_format(&op->owner, fence);
	call_reset(&op->call, on_done);
	script_begin(&op->call, S_DONE, 3 + d->bucket_count + descendants(op));
	cmd_part_key(s, partition_of(s, d->feed), "fence");
	cmd_feed_key(s, "f", d->feed);
	cmd_feed_key(s, "c", d->feed);
	for (size_t i = 0; i < d->bucket_count; i++)
		cmd_bucket_key(s, d->feed, d->buckets[i].bucket);
	for (uint32_t b = d->feed_buckets; b < op->buckets_now; b++)
		if (named(d, b) >= 0)
			cmd_bucket_key(s, d->feed, b);
	cmd_text(s, op->owner.name);
	cmd_text(s, fence);
	cmd_u64(s, op->buckets_now);
	cmd_pos(s, d->to);
	cmd_u64(s, counters(NULL, d));
	cmd_u64(s, d->row_count);
	for (size_t i = 0; i < d->bucket_count; i++) {
		cmd_u64(s, d->buckets[i].bucket);
		cmd_pos(s, d->buckets[i].from);
	}
	for (uint32_t b = d->feed_buckets; b < op->buckets_now; b++) {
		long i = named(d, b);
		if (i >= 0) {
			cmd_u64(s, b);
			cmd_pos(s, d->buckets[i].from);
		}
	}
	counters(s, d);
	for (size_t i = 0; i < d->row_count; i++) {
		cmd_text(s, d->rows[i].jid);
		cmd_pos(s, d->rows[i].pos);
		cmd_text(s, d->rows[i].end ? "1" : "0");
	}
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_done(struct store *st, const struct store_owner *o, const struct store_done *d,
		store_cb cb, void *arg)
{
	struct done_op *op = call_new(redis_of(st), sizeof *op, on_done);
	op->cb = cb;
	op->arg = arg;
	op->owner = *o;
	op->buckets_now = d->feed_buckets;
	done_copy(&op->d, d);
	bool bad = d->feed_buckets == 0;
	for (size_t i = 0; i < d->bucket_count; i++)
		bad |= pos_cmp(d->to, d->buckets[i].from) < 0 ||
		       d->buckets[i].bucket >= d->feed_buckets;
	if (bad)
		call_fail(&op->call, BELFRY_EINVAL);
	else
		done_send(op);
}

void redis_settle(struct store *st, const struct store_owner *o, const char *feed,
		  uint32_t feed_buckets, struct pos pos, store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	uint32_t p = partition_of(s, feed);
	char fence[FENCE_TEXT_SIZE];
	fence_format(o, fence);
	script_begin(&op->call, S_SETTLE, 3);
	cmd_part_key(s, p, "fence");
	cmd_feed_key(s, "f", feed);
	cmd_part_key(s, p, "behind");
	cmd_text(s, o->name);
	cmd_text(s, fence);
	cmd_u64(s, feed_buckets);
	cmd_pos(s, pos);
	cmd_text(s, feed);
	cmd_end(&op->call);
	call_send(&op->call);
}
