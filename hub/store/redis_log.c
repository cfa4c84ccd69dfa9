#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A commit; with redis.wait_replicas it is kept until enough of them have it. */
struct commit_op {
	struct call call;
	store_commit_cb cb;
	void *arg;
	struct commit_op *next; /* in s->waiting */
	char *id, *item;	/* while it waits */
	struct store_committed done;
};

static void commit_end(struct commit_op *op, enum belfry_err err)
{
	struct commit_op o = *op;
	call_free(&op->call);
	o.cb(o.arg, err, err ? NULL : &o.done);
	free(o.id);
	free(o.item);
}

/* All whose answer came before WAIT's were written before it. */
static void on_wait(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct redis_store *s = c->s;
	struct commit_op *list = s->waiting;
	uint64_t have = 0;
	call_free(c);
	s->waiting = NULL;
	s->waiting_tail = &s->waiting;
	s->wait_sent = false;
	if (!err && reply_u64(reply, &have) < 0)
		err = reply_broken("WAIT");
	if (!err && have < s->wait_replicas) {
		err = BELFRY_EREPLICAS;
		s->stats.wait_failures++;
	}
	while (list) {
		struct commit_op *commit = list;
		list = commit->next;
		commit_end(commit, err);
	}
}

/*
 * One WAIT is out at a time, because it blocks the connection. One that is answered too
 * late and the next together still end within the time-out.
 */
static void wait_send(struct redis_store *s)
{
	if (s->wait_sent)
		return;
	struct call *c = call_new(s, sizeof *c, on_wait);
	c->internal = true;
	s->pending--;
	s->wait_sent = true;
	cmd_begin(s, "WAIT");
	cmd_u64(s, s->wait_replicas);
	cmd_u64(s, s->timeout_ms / 3 + 1);
	cmd_end(c);
	call_send(c);
}

static void commit_wait(struct commit_op *op)
{
	struct redis_store *s = op->call.s;
	op->done.id = op->id = xstrdup(op->done.id);
	op->done.item = op->item = xstrdup(op->done.item);
	op->next = NULL;
	*s->waiting_tail = op;
	s->waiting_tail = &op->next;
	wait_send(s);
}

static void on_commit(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct commit_op *op = (struct commit_op *)c;
	if (!err) {
		uint64_t replayed = 0;
		redisReply *const *e = reply->element;
		if (reply->elements < 5 || reply_pos(e[1], &op->done.pos) < 0 ||
		    !(op->done.id = reply_str(e[2])) ||
		    !(op->done.item = reply_str(e[3])) || reply_u64(e[4], &replayed) < 0)
			err = reply_broken("a commit");
		op->done.replayed = replayed == 1;
	}
	if (!err && c->s->wait_replicas)
		commit_wait(op);
	else
		commit_end(op, err);
}

static void cmd_idem_key(struct redis_store *s, const char *feed, const char *key)
{
	struct buf kind = {0};
	buf_printf(&kind, "k:%s", key);
	cmd_feed_key(s, kind.data, feed);
	buf_free(&kind);
}

void redis_commit(struct store *st, const struct store_commit *c, store_commit_cb cb,
		  void *arg)
{
	struct redis_store *s = redis_of(st);
	struct commit_op *op = call_new(s, sizeof *op, on_commit);
	char channel[32];
	op->cb = cb;
	op->arg = arg;
	if (session_is_full(s) && s->state == SESSION_UP) {
		call_fail(&op->call, BELFRY_EFULL);
		return;
	}
	uint32_t p = partition_of(s, c->feed);
	script_begin(&op->call, S_COMMIT, c->idem_key ? 7 : 6);
	cmd_feed_key(s, "f", c->feed);
	cmd_feed_key(s, "l", c->feed);
	cmd_feed_key(s, "i", c->feed);
	cmd_feed_key(s, "d", c->feed);
	cmd_part_key(s, p, "behind");
	cmd_part_key(s, p, "epoch");
	if (c->idem_key)
		cmd_idem_key(s, c->feed, c->idem_key);
	cmd_text(s, s->run_id);
	cmd_text(s, c->feed);
	cmd_text(s, c->id);
	cmd_text(s, c->item);
	cmd_u64(s, (uint64_t)c->priority);
	cmd_u64(s, c->at_ms);
	cmd_data(s, c->doc, c->doc_len);
	snprintf(channel, sizeof channel, "belfry:wake:%" PRIu32, s->url.db);
	cmd_text(s, channel);
	if (c->idem_key) {
		cmd_text(s, c->idem_digest ? c->idem_digest : "");
		cmd_u64(s, c->idem_ttl_s ? c->idem_ttl_s : 1);
	}
	cmd_end(&op->call);
	call_send(&op->call);
}
