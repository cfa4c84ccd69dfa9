#include "store/redis_internal.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MAX 65536u
#define FEEDS_MAX 1000u

/* ---- Of all partitions, what is due first ---- */

struct member {
	char *text;
	uint64_t ms;
};

/*
 * VALID says which members make sense, TELL tells the caller of the first READY ones, or
 * of op->err; the next one is due in WAIT_MS.
 */
struct due_op {
	struct call call;
	bool (*valid)(const char *text);
	void (*tell)(const struct due_op *op, size_t ready, uint64_t wait_ms);
	store_dues_cb buckets_cb;
	store_times_cb feeds_cb;
	void *arg;
	size_t limit;
	uint64_t now_ms, within_ms;
	struct member *list; /* those to come as well */
	size_t count;
	enum belfry_err err;
};

static enum belfry_err take_members(struct due_op *op, const redisReply *reply)
{
	if (!reply_is_array(reply, 0) || reply->elements % 2)
		return reply_broken("what is due");
	op->list = xreallocarray(op->list, op->count + reply->elements / 2 + 1,
				 sizeof *op->list);
	for (size_t i = 0; i < reply->elements; i += 2) {
		const char *text = reply_str(reply->element[i]);
		uint64_t ms;
		if (text && op->valid(text) && reply_u64(reply->element[i + 1], &ms) == 0)
			op->list[op->count++] = (struct member){xstrdup(text), ms};
		else
			reply_broken("something that is due");
	}
	return BELFRY_OK;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct member *)a)->ms;
	uint64_t y = ((const struct member *)b)->ms;
	return x < y ? -1 : x > y;
}

static void due_end(struct due_op *op)
{
	struct due_op o = *op;
	uint64_t wait = HOLD_NEVER;
	size_t ready = 0;
	call_free(&op->call);
	/* So that no partition keeps the others waiting. */
	if (o.count)
		qsort(o.list, o.count, sizeof *o.list, by_time);
	while (ready < o.count && ready < o.limit &&
	       o.list[ready].ms <= o.now_ms + o.within_ms)
		ready++;
	if (ready < o.count)
		wait = o.list[ready].ms > o.now_ms ? o.list[ready].ms - o.now_ms : 0;
	if (o.err)
		o.tell(&o, 0, HOLD_NEVER);
	else
		o.tell(&o, ready, wait);
	for (size_t i = 0; i < o.count; i++)
		free(o.list[i].text);
	free(o.list);
}

static void on_due(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct due_op *op = (struct due_op *)c;
	bool first = c->left == c->commands - 1;
	if (!err && first && reply_time_ms(reply, &op->now_ms) < 0)
		err = reply_broken("the time");
	else if (!err && !first)
		err = take_members(op, reply);
	if (err)
		op->err = err;
	if (!c->left)
		due_end(op);
}

/* The sorted sets KEY of the partitions: members by their times. */
static struct due_op *due_new(struct redis_store *s, const char *key, size_t limit)
{
	struct due_op *op = call_new(s, sizeof *op, on_due);
	op->limit = limit;
	cmd_words(&op->call, "TIME", NULL);
	for (uint32_t p = 0; p < s->partitions; p++) {
		cmd_begin(s, "ZRANGE");
		cmd_part_key(s, p, key);
		cmd_text(s, "0");
		cmd_u64(s, limit); /* one more than may be told: the next */
		cmd_text(s, "WITHSCORES");
		cmd_end(&op->call);
	}
	return op;
}

/* ---- Buckets with holds ---- */

/* "FEED|BUCKET" */
static int bucket_parse(const char *text, size_t *feed_len, uint32_t *bucket)
{
	const char *bar = strrchr(text, '|');
	uint64_t n;
	if (!bar || bar == text || bar - text > FEED_NAME_MAX ||
	    parse_u64(bar + 1, strlen(bar + 1), UINT32_MAX, &n) < 0)
		return -1;
	*feed_len = (size_t)(bar - text);
	*bucket = (uint32_t)n;
	return 0;
}

static bool bucket_valid(const char *text)
{
	size_t feed_len;
	uint32_t bucket;
	return !bucket_parse(text, &feed_len, &bucket);
}

static void tell_buckets(const struct due_op *op, size_t ready, uint64_t wait_ms)
{
	struct store_due *list = xcalloc(ready + 1, sizeof *list);
	for (size_t i = 0; i < ready; i++) {
		char *text = op->list[i].text;
		size_t feed_len = 0;
		bucket_parse(text, &feed_len, &list[i].bucket);
		text[feed_len] = '\0';
		list[i].feed = text;
	}
	op->buckets_cb(op->arg, op->err, op->err ? NULL : list, ready, wait_ms);
	free(list);
}

void redis_due_within(struct store *st, uint64_t within_ms, size_t limit,
		      store_dues_cb cb, void *arg)
{
	struct due_op *op =
		due_new(redis_of(st), "due", limit < BUCKETS_MAX ? limit : BUCKETS_MAX);
	op->valid = bucket_valid;
	op->tell = tell_buckets;
	op->buckets_cb = cb;
	op->arg = arg;
	op->within_ms = within_ms;
	call_send(&op->call);
}

void redis_due(struct store *st, size_t limit, store_dues_cb cb, void *arg)
{
	redis_due_within(st, 0, limit, cb, arg);
}

/* ---- Feeds with something scheduled ---- */

static bool feed_valid(const char *text)
{
	return feed_name_valid(text, strlen(text));
}

static void tell_feeds(const struct due_op *op, size_t ready, uint64_t wait_ms)
{
	const char **feeds = xcalloc(ready + 1, sizeof *feeds);
	for (size_t i = 0; i < ready; i++)
		feeds[i] = op->list[i].text;
	op->feeds_cb(op->arg, op->err, op->err ? NULL : feeds, ready, wait_ms);
	free(feeds);
}

void redis_scheduled_due(struct store *st, size_t limit, store_times_cb cb, void *arg)
{
	struct due_op *op =
		due_new(redis_of(st), "at", limit < FEEDS_MAX ? limit : FEEDS_MAX);
	op->valid = feed_valid;
	op->tell = tell_feeds;
	op->feeds_cb = cb;
	op->arg = arg;
	call_send(&op->call);
}
