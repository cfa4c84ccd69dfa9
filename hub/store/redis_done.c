#include "store/done.h"
#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 16u

/* What done() was given, copied: it is sent again where splits were made since. */
struct done_op {
	struct call call;
	store_cb cb;
	void *arg;
	struct store_owner owner;
	struct store_done d;
	uint32_t buckets_most; /* that the feed may have by now, and are named */
	unsigned tries;
};

void fence_format(const struct store_owner *o, char out[FENCE_TEXT_SIZE])
{
	snprintf(out, FENCE_TEXT_SIZE, "%llu %s", (unsigned long long)o->fence, o->token);
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
	{'h', offsetof(struct store_counters, held)},
	{'d', offsetof(struct store_counters, dead)},
	{'b', offsetof(struct store_counters, bounced)},
	{'l', offsetof(struct store_counters, left)},
	{'k', offsetof(struct store_counters, skipped)},
	{'f', offsetof(struct store_counters, filtered)},
	{'e', offsetof(struct store_counters, expired)},
	{'u', offsetof(struct store_counters, superseded)},
	{'r', offsetof(struct store_counters, received)},
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
		/* As its descendants may be split again before this is there. */
		op->buckets_most = now + AHEAD;
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
	for (uint32_t b = op->d.feed_buckets; b < op->buckets_most; b++)
		count += done_named(&op->d, b) != NULL;
	return count;
}

/* "FROM TO POS" without the blanks. */
static void cmd_move(struct redis_store *s, const struct store_move *m)
{
	char text[POS_TEXT_SIZE + 2];
	text[0] = m->from ? (char)m->from : '-';
	text[1] = m->to ? (char)m->to : '-';
	cmd_data(s, text, 2 + pos_format(m->pos, text + 2));
}

void cmd_hold(struct redis_store *s, const struct sub_hold *want)
{
	struct sub_hold h = *want;
	char text[HOLD_TEXT_SIZE];
	if (h.due_ms != HOLD_NEVER)
		h.due_ms = done_delay(want);
	cmd_data(s, text, h.reason ? sub_hold_text(&h, text) : 0);
}

static void cmd_row(struct redis_store *s, const struct store_done_row *r)
{
	cmd_text(s, r->jid);
	cmd_pos(s, r->pos);
	cmd_text(s, r->end ? "1" : r->unprove ? "2" : "0");
	cmd_data(s, r->was_len ? r->was : "", r->was_len);
	cmd_hold(s, &r->hold);
	cmd_u64(s, r->move_count);
	for (size_t i = 0; i < r->move_count; i++)
		cmd_move(s, &r->moves[i]);
}

/* Whether this is about holds: few are. */
static bool about_holds(const struct store_done *d)
{
	return d->row_count || d->due;
}

static void done_keys(struct done_op *op)
{
	struct redis_store *s = op->call.s;
	const struct store_done *d = &op->d;
	uint32_t partition = partition_of(s, d->feed);
	cmd_part_key(s, partition, "fence");
	cmd_feed_key(s, "f", d->feed);
	cmd_feed_key(s, "c", d->feed);
	for (size_t i = 0; i < d->bucket_count; i++)
		cmd_bucket_key(s, d->feed, d->buckets[i].bucket);
	for (uint32_t b = d->feed_buckets; b < op->buckets_most; b++)
		if (done_named(d, b))
			cmd_bucket_key(s, d->feed, b);
	if (!about_holds(d))
		return;
	cmd_part_key(s, partition, "due");
	cmd_feed_key(s, "x", d->feed);
	cmd_part_key(s, partition, "dead");
	cmd_feed_key(s, "l", d->feed);
}

static void done_send(struct done_op *op)
{
	struct redis_store *s = op->call.s;
	const struct store_done *d = &op->d;
	uint64_t buckets = d->bucket_count + descendants(op);
	char fence[FENCE_TEXT_SIZE];
	fence_format(&op->owner, fence);
	call_reset(&op->call, on_done);
	script_begin(&op->call, S_DONE, 3 + buckets + (about_holds(d) ? 4 : 0));
	done_keys(op);
	cmd_text(s, op->owner.name);
	cmd_text(s, fence);
	cmd_u64(s, d->feed_buckets);
	cmd_u64(s, op->buckets_most);
	cmd_pos(s, d->to);
	cmd_u64(s, buckets);
	cmd_u64(s, counters(NULL, d));
	cmd_u64(s, d->row_count);
	cmd_text(s, d->feed);
	cmd_text(s, d->due ? "1" : "0");
	for (size_t i = 0; i < d->bucket_count; i++) {
		cmd_u64(s, d->buckets[i].bucket);
		cmd_pos(s, d->buckets[i].from);
	}
	for (uint32_t b = d->feed_buckets; b < op->buckets_most; b++) {
		const struct store_done_bucket *n = done_named(d, b);
		if (n) {
			cmd_u64(s, b);
			cmd_pos(s, n->from);
		}
	}
	counters(s, d);
	for (size_t i = 0; i < d->row_count; i++)
		cmd_row(s, &d->rows[i]);
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
	op->buckets_most = d->feed_buckets;
	done_copy(&op->d, d);
	if (done_valid(d))
		done_send(op);
	else
		call_fail(&op->call, BELFRY_EINVAL);
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
