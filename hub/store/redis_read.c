#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/*
 * A run of buckets is read in one go, though not in a MULTI, which a full Redis refuses
 * even for reading. The feed is looked at before and after: were a bucket split between
 * the two, rows that have moved might be hidden whose bucket `done` would then move. What
 * joins after the first look has a `since` that is not below its head.
 */
struct read_op {
	struct call call;
	store_run_cb cb;
	void *arg;
	char *feed;
	uint32_t first, count;
	unsigned tries;
	struct store_run *run;
	uint64_t born; /* of the feed */
	size_t rows_cap, text_len, text_cap;
	enum belfry_err err;
	bool broken; /* a bucket cannot be read */
};

struct list_rows_op {
	store_rows_cb cb;
	void *arg;
};

static enum belfry_err look(const redisReply *fields, struct store_run *run,
			    uint64_t *born)
{
	if (!reply_is_array(fields, 6))
		return reply_broken("a feed");
	redisReply *const *e = fields->element;
	if (reply_is_text(e[0]) || !reply_is_text(e[1]))
		return BELFRY_ENOFEED;
	if (reply_u64(e[1], &run->head.epoch) < 0 || reply_u64(e[2], &run->head.n) < 0 ||
	    reply_u32(e[3], &run->feed_buckets) < 0 || reply_u64(e[4], born) < 0 ||
	    (reply_is_text(e[5]) && reply_pos(e[5], &run->trimmed) < 0))
		return reply_broken("a feed");
	return BELFRY_OK;
}

/* Room for all that FIELDS hold: options are a part of the value. */
static void make_room(struct read_op *op, const redisReply *fields)
{
	struct store_run *run = op->run;
	size_t rows = run->row_count + fields->elements / 2, text = op->text_len;
	for (size_t i = 0; i < fields->elements; i += 2)
		text += fields->element[i]->len + 1 + fields->element[i + 1]->len;
	if (rows > op->rows_cap) {
		op->rows_cap = rows > 2 * op->rows_cap ? rows : 2 * op->rows_cap;
		run->rows = xreallocarray(run->rows, op->rows_cap, sizeof *run->rows);
	}
	if (text > op->text_cap) {
		op->text_cap = text > 2 * op->text_cap ? text : 2 * op->text_cap;
		run->text = xreallocarray(run->text, op->text_cap, 1);
	}
}

static void keep_text(struct read_op *op, const char *text, size_t len)
{
	if (len)
		memcpy(op->run->text + op->text_len, text, len);
	op->text_len += len;
}

/* One bucket's rows, whose JIDs, holds and options stand in the text one after the other;
 * -1 if it is not one, or has no cursor. */
static int take_bucket(struct read_op *op, const redisReply *fields, uint32_t number)
{
	struct store_run *run = op->run;
	struct store_bucket *b = &run->buckets[run->bucket_count++];
	bool cursor = false;
	*b = (struct store_bucket){.bucket = number, .first = run->row_count};
	if (!reply_is_array(fields, 2) || fields->elements % 2)
		return -1;
	make_room(op, fields);
	for (size_t i = 0; i < fields->elements; i += 2) {
		const redisReply *key = fields->element[i],
				 *value = fields->element[i + 1];
		struct store_row *row = &run->rows[run->row_count];
		if (!reply_is_text(key) || !reply_is_text(value))
			return -1;
		if (key->len == 0) {
			cursor = reply_pos(value, &b->cursor) == 0;
			continue;
		}
		if (sub_parse(value->str, value->len, &row->sub) < 0 ||
		    memchr(key->str, '\0', key->len)) {
			reply_broken("a row"); /* nobody can deliver to it */
			continue;
		}
		row->jid_len = key->len;
		keep_text(op, key->str, key->len + 1);
		keep_text(op, row->sub.hold, row->sub.hold_len);
		keep_text(op, row->sub.options, row->sub.options_len);
		run->row_count++;
	}
	b->count = run->row_count - b->first;
	return cursor ? 0 : -1;
}

static void read_send(struct read_op *op);

static void read_end(struct read_op *op)
{
	struct read_op o = *op;
	call_free(&op->call);
	free(o.feed);
	if (o.err) {
		store_run_free(o.run);
		o.run = NULL;
	} else {
		const char *text = o.run->text;
		for (size_t i = 0; i < o.run->row_count; i++) {
			struct store_row *row = &o.run->rows[i];
			row->jid = text;
			text += row->jid_len + 1;
			row->sub.hold = row->sub.hold_len ? text : NULL;
			text += row->sub.hold_len;
			row->sub.options = row->sub.options_len ? text : NULL;
			text += row->sub.options_len;
		}
	}
	o.cb(o.arg, o.err, o.run);
}

/* The second look; false: it has changed meanwhile. */
static bool same_feed(struct read_op *op, const redisReply *reply)
{
	struct store_run now = {0};
	uint64_t born = 0;
	op->err = look(reply, &now, &born);
	return op->err || (now.feed_buckets == op->run->feed_buckets && born == op->born);
}

static void on_run(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct read_op *op = (struct read_op *)c;
	uint32_t answer = op->count + 2 - c->left;
	if (err && !op->err)
		op->err = err;
	if (!op->err && answer == 0)
		op->err = look(reply, op->run, &op->born);
	else if (!op->err && c->left == 1)
		op->err = reply_time_ms(reply, &op->run->now_ms) < 0
				  ? reply_broken("the time")
				  : BELFRY_OK;
	else if (!op->err && c->left && op->first + answer - 1 < op->run->feed_buckets &&
		 take_bucket(op, reply, op->first + answer - 1) < 0)
		op->broken = true;
	if (c->left)
		return;
	if (!op->err && !same_feed(op, reply)) {
		if (++op->tries < RETRIES_MAX) {
			read_send(op);
			return;
		}
		op->err = BELFRY_EAWAY;
	}
	if (!op->err && op->broken)
		op->err = reply_broken("a bucket");
	read_end(op);
}

static void cmd_look(struct read_op *op)
{
	struct redis_store *s = op->call.s;
	cmd_begin(s, "HMGET");
	cmd_feed_key(s, "f", op->feed);
	cmd_text(s, "state");
	cmd_text(s, "epoch");
	cmd_text(s, "n");
	cmd_text(s, "buckets");
	cmd_text(s, "born");
	cmd_text(s, "trimmed");
	cmd_end(&op->call);
}

static void read_send(struct read_op *op)
{
	struct call *c = &op->call;
	store_run_free(op->run);
	op->run = xcalloc(1, sizeof *op->run);
	op->run->buckets = xcalloc(op->count + 1, sizeof *op->run->buckets);
	op->run->rows = xcalloc(1, sizeof *op->run->rows);
	op->run->text = xcalloc(1, 1);
	op->rows_cap = op->text_cap = 1;
	op->text_len = 0;
	op->broken = false;
	call_reset(c, on_run);
	cmd_look(op);
	for (uint32_t i = 0; i < op->count; i++) {
		cmd_begin(c->s, "HGETALL");
		cmd_bucket_key(c->s, op->feed, op->first + i);
		cmd_end(c);
	}
	cmd_words(c, "TIME", NULL);
	cmd_look(op);
	call_send(c);
}

void redis_read(struct store *st, const char *feed, uint32_t first, uint32_t count,
		store_run_cb cb, void *arg)
{
	struct read_op *op = call_new(redis_of(st), sizeof *op, on_run);
	op->cb = cb;
	op->arg = arg;
	op->feed = xstrdup(feed);
	op->first = first;
	op->count = count > RUN_BUCKETS_MAX ? RUN_BUCKETS_MAX : count;
	read_send(op);
}

/* ---- A page of subscribers ---- */

static void on_rows(void *arg, enum belfry_err err, struct store_run *run)
{
	struct list_rows_op op = *(struct list_rows_op *)arg;
	uint32_t next = 0;
	free(arg);
	if (!err && run->bucket_count) {
		next = run->buckets[run->bucket_count - 1].bucket + 1;
		if (next >= run->feed_buckets)
			next = 0;
	}
	op.cb(op.arg, err, err ? NULL : run->rows, err ? 0 : run->row_count, next);
	store_run_free(run);
}

void redis_sub_list(struct store *st, const char *feed, uint32_t cursor, size_t limit,
		    store_rows_cb cb, void *arg)
{
	struct list_rows_op *op = xmalloc(sizeof *op);
	*op = (struct list_rows_op){cb, arg};
	size_t count = limit / BUCKET_ROWS;
	if (count < 1)
		count = 1;
	if (count > 16)
		count = 16;
	redis_read(st, feed, cursor, (uint32_t)count, on_rows, op);
}

/* ---- Feeds that are in a set of each partition ---- */

struct names_op {
	struct call call;
	store_names_cb cb;
	void *arg;
	struct name_list list;
	enum belfry_err err;
};

static void on_set(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct names_op *op = (struct names_op *)c;
	if (!err && name_list_add(&op->list, reply) < 0)
		err = reply_broken("a set of feeds");
	if (err)
		op->err = err;
	if (c->left)
		return;
	struct names_op o = *op;
	call_free(c);
	o.cb(o.arg, o.err, o.err ? NULL : (const char *const *)o.list.names,
	     o.err ? 0 : o.list.count);
	name_list_free(&o.list);
}

static void read_sets(struct redis_store *s, const char *kind, store_names_cb cb,
		      void *arg)
{
	struct names_op *op = call_new(s, sizeof *op, on_set);
	op->cb = cb;
	op->arg = arg;
	for (uint32_t p = 0; p < s->partitions; p++) {
		cmd_begin(s, "SMEMBERS");
		cmd_part_key(s, p, kind);
		cmd_end(&op->call);
	}
	call_send(&op->call);
}

void redis_behind(struct store *st, store_names_cb cb, void *arg)
{
	read_sets(redis_of(st), "behind", cb, arg);
}

void redis_dead_feeds(struct store *st, store_names_cb cb, void *arg)
{
	read_sets(redis_of(st), "dead", cb, arg);
}
