#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

/* COMMAND on all tokens; or on one (ID), with its JSON. */
static void tokens_send(struct call *c, const char *command, const char *id,
			const char *json)
{
	cmd_begin(c->s, command);
	cmd_part_key(c->s, 0, "tokens");
	if (id)
		cmd_text(c->s, id);
	if (json)
		cmd_text(c->s, json);
	cmd_end(c);
	call_send(c);
}

void redis_token_put(struct store *st, const char *id, const char *json, store_cb cb,
		     void *arg)
{
	struct plain_op *op = plain_new(redis_of(st), cb, arg);
	tokens_send(&op->call, "HSET", id, json);
}

struct token_op {
	struct call call;
	store_token_cb token_cb;
	store_tokens_cb tokens_cb;
	store_cb cb;
	void *arg;
};

static void on_token(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct token_op op = *(struct token_op *)c;
	call_free(c);
	if (!err && reply->type == REDIS_REPLY_NIL)
		err = BELFRY_ENOENT;
	if (!err && !reply_str(reply))
		err = reply_broken("a token");
	if (err)
		op.token_cb(op.arg, err, NULL, 0);
	else
		op.token_cb(op.arg, BELFRY_OK, reply->str, reply->len);
}

void redis_token_get(struct store *st, const char *id, store_token_cb cb, void *arg)
{
	struct token_op *op = call_new(redis_of(st), sizeof *op, on_token);
	op->token_cb = cb;
	op->arg = arg;
	tokens_send(&op->call, "HGET", id, NULL);
}

static void on_token_gone(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct token_op op = *(struct token_op *)c;
	uint64_t removed = 0;
	call_free(c);
	if (!err && reply_u64(reply, &removed) < 0)
		err = reply_broken("a token");
	op.cb(op.arg, !err && !removed ? BELFRY_ENOENT : err);
}

void redis_token_delete(struct store *st, const char *id, store_cb cb, void *arg)
{
	struct token_op *op = call_new(redis_of(st), sizeof *op, on_token_gone);
	op->cb = cb;
	op->arg = arg;
	tokens_send(&op->call, "HDEL", id, NULL);
}

static void on_tokens(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct token_op op = *(struct token_op *)c;
	size_t count = 0;
	call_free(c);
	if (!err && !reply_is_array(reply, 0))
		err = reply_broken("the tokens");
	if (err) {
		op.tokens_cb(op.arg, err, NULL, NULL, 0);
		return;
	}
	const char **ids = xcalloc(reply->elements + 1, sizeof *ids);
	const char **json = xcalloc(reply->elements + 1, sizeof *json);
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		ids[count] = reply_str(reply->element[i]);
		json[count] = reply_str(reply->element[i + 1]);
		if (ids[count] && json[count])
			count++;
	}
	op.tokens_cb(op.arg, BELFRY_OK, ids, json, count);
	free(ids);
	free(json);
}

void redis_token_list(struct store *st, store_tokens_cb cb, void *arg)
{
	struct token_op *op = call_new(redis_of(st), sizeof *op, on_tokens);
	op->tokens_cb = cb;
	op->arg = arg;
	tokens_send(&op->call, "HGETALL", NULL, NULL);
}
