#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define DEAD_MAX 1000u

/*
 * The feed and the JIDs first, then the rows, with the feed before and after: a split in
 * between may have moved some.
 */
struct dead_op {
	struct call call;
	store_rows_cb cb;
	void *arg;
	char *feed;
	uint32_t first, buckets, salt;
	size_t limit;
	bool more;
	unsigned tries;
	enum belfry_err err;
	char **jids;
	size_t jid_count;
	struct store_row *rows; /* what their subs point to is in texts */
	char **texts;
	size_t row_count;
};

static void forget_page(struct dead_op *op)
{
	for (size_t i = 0; i < op->jid_count; i++)
		free(op->jids[i]);
	for (size_t i = 0; i < op->row_count; i++)
		free(op->texts[i]);
	free(op->jids);
	free(op->rows);
	free(op->texts);
	op->jids = op->texts = NULL;
	op->rows = NULL;
	op->jid_count = op->row_count = 0;
}

static void dead_end(struct dead_op *op)
{
	struct dead_op o = *op;
	uint32_t next = o.more ? o.first + (uint32_t)o.jid_count : 0;
	call_free(&op->call);
	if (o.err)
		o.cb(o.arg, o.err, NULL, 0, 0);
	else
		o.cb(o.arg, BELFRY_OK, o.rows, o.row_count, next);
	forget_page(&o);
	free(o.feed);
}

static void dead_begin(struct dead_op *op);

static enum belfry_err dead_look(const redisReply *fields, uint32_t *salt,
				 uint32_t *buckets)
{
	if (!reply_is_array(fields, 3))
		return reply_broken("a feed");
	if (reply_is_text(fields->element[0]) || !reply_is_text(fields->element[1]))
		return BELFRY_ENOFEED;
	if (reply_u32(fields->element[1], salt) < 0 ||
	    reply_u32(fields->element[2], buckets) < 0)
		return reply_broken("a feed");
	return BELFRY_OK;
}

static void cmd_dead_look(struct dead_op *op)
{
	struct redis_store *s = op->call.s;
	cmd_begin(s, "HMGET");
	cmd_feed_key(s, "f", op->feed);
	cmd_text(s, "state");
	cmd_text(s, "salt");
	cmd_text(s, "buckets");
	cmd_end(&op->call);
}

/* What is no longer there, or no longer dead, is passed over. */
static void take_dead(struct dead_op *op, const char *jid, const redisReply *reply)
{
	struct store_row *row = &op->rows[op->row_count];
	struct sub_hold hold = {0};
	if (!reply_is_text(reply))
		return;
	char *text = xmemdup0(reply->str, reply->len);
	if (sub_parse(text, reply->len, &row->sub) < 0)
		reply_broken("a row");
	else
		sub_hold_read(&row->sub, &hold);
	if (hold.reason != HOLD_DEAD) {
		row->sub = (struct sub){0};
		free(text);
		return;
	}
	row->jid = jid;
	row->jid_len = strlen(jid);
	op->texts[op->row_count++] = text;
}

static void on_dead_rows(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct dead_op *op = (struct dead_op *)c;
	uint32_t salt = 0, buckets = 0;
	if (!err && c->left)
		take_dead(op, op->jids[op->jid_count - c->left], reply);
	else if (!err)
		err = dead_look(reply, &salt, &buckets);
	if (err)
		op->err = err;
	if (c->left)
		return;
	if (!op->err && (salt != op->salt || buckets != op->buckets)) {
		forget_page(op);
		if (++op->tries < RETRIES_MAX) {
			dead_begin(op);
			return;
		}
		op->err = BELFRY_EAWAY;
	}
	dead_end(op);
}

static void dead_rows_send(struct dead_op *op)
{
	struct redis_store *s = op->call.s;
	call_reset(&op->call, on_dead_rows);
	op->rows = xcalloc(op->jid_count + 1, sizeof *op->rows);
	op->texts = xcalloc(op->jid_count + 1, sizeof *op->texts);
	for (size_t i = 0; i < op->jid_count; i++) {
		uint32_t hash = row_hash(op->salt, op->jids[i], strlen(op->jids[i]));
		cmd_begin(s, "HGET");
		cmd_bucket_key(s, op->feed, bucket_of(hash, op->buckets));
		cmd_text(s, op->jids[i]);
		cmd_end(&op->call);
	}
	cmd_dead_look(op);
	call_send(&op->call);
}

static enum belfry_err take_jids(struct dead_op *op, const redisReply *reply)
{
	if (!reply_is_array(reply, 0))
		return reply_broken("the dead letters");
	op->jids = xcalloc(reply->elements + 1, sizeof *op->jids);
	op->more = reply->elements > op->limit;
	for (size_t i = 0; i < reply->elements && i < op->limit; i++) {
		const char *jid = reply_str(reply->element[i]);
		op->jids[op->jid_count++] = xstrdup(jid ? jid : "");
	}
	return BELFRY_OK;
}

static void on_dead_jids(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct dead_op *op = (struct dead_op *)c;
	if (!err)
		err = c->left ? dead_look(reply, &op->salt, &op->buckets)
			      : take_jids(op, reply);
	if (err && !op->err)
		op->err = err;
	if (c->left)
		return;
	if (op->err || !op->jid_count || !op->buckets)
		dead_end(op);
	else
		dead_rows_send(op);
}

static void dead_begin(struct dead_op *op)
{
	struct redis_store *s = op->call.s;
	call_reset(&op->call, on_dead_jids);
	cmd_dead_look(op);
	cmd_begin(s, "ZRANGE");
	cmd_feed_key(s, "x", op->feed);
	cmd_u64(s, op->first);
	cmd_u64(s, op->first + (uint64_t)op->limit);
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_dead_list(struct store *st, const char *feed, uint32_t first, size_t limit,
		     store_rows_cb cb, void *arg)
{
	struct dead_op *op = call_new(redis_of(st), sizeof *op, on_dead_jids);
	op->cb = cb;
	op->arg = arg;
	op->feed = xstrdup(feed);
	op->first = first;
	op->limit = limit < 1 ? 1 : limit > DEAD_MAX ? DEAD_MAX : limit;
	dead_begin(op);
}
