#include "store/redis_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* Of one call: a script keeps Redis from everything else while it runs. */
#define BATCH_EVENTS 64
#define BATCH_BYTES ((size_t)128 * 1024)
/* How many of the gathered feeds are looked through for the one of the next event. */
#define BATCH_LOOK 16

/* One event. */
struct commit {
	struct commit *next;
	store_commit_cb cb;
	void *arg;
	const char *item; /* in id[], too */
	char id[];
};

/*
 * A call with one event or several of one feed, because what a script costs is more its
 * beginning than an event more. With redis.wait_replicas it is kept until enough of them
 * have it.
 */
struct commit_op {
	struct call call;
	struct commit_op *next; /* in s->gathered or s->waiting */
	char *feed;
	struct buf events, items; /* as arguments */
	unsigned item_count;	  /* of those with an item that is not their id */
	bool counted;		  /* in s->commits_out */
	size_t count;
	struct commit *first, **tail;
	struct pos pos;	 /* of the first event */
	uint64_t due_ms; /* it is scheduled; then it is the only one */
	bool replayed;	 /* then it is the only one, and this was the answer: */
	char *id, *item;
};

static void commit_end(struct commit_op *op, enum belfry_err err)
{
	struct commit_op o = *op;

	op->call.s->pending -= o.count - 1;
	call_free(&op->call);
	for (struct commit *c = o.first, *next; c; c = next) {
		struct store_committed done = {.id = o.replayed ? o.id : c->id,
					       .item = o.replayed ? o.item : c->item,
					       .replayed = o.replayed,
					       .pos = o.pos,
					       .due_ms = o.due_ms};

		next = c->next;
		o.pos.n++;
		c->cb(c->arg, err, err ? NULL : &done);
		free(c);
	}
	free(o.feed);
	free(o.id);
	free(o.item);
	buf_free(&o.events);
	buf_free(&o.items);
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

static void send_gathered(void *arg);

/*
 * One WAIT is out at a time, because it blocks the connection. One that is answered too
 * late and the next together still end within the time-out.
 */
static void wait_send(struct redis_store *s)
{
	if (s->wait_sent)
		return;
	if (!s->commits_out && s->gather) {
		/* Before it, which then is theirs, too: behind it they were held up. */
		loop_timer_disarm(s->gather);
		send_gathered(s);
	}
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
	op->next = NULL;
	*s->waiting_tail = op;
	s->waiting_tail = &op->next;
	wait_send(s);
}

/*
 * At the end of this turn, if Redis is through with those before. What comes meanwhile
 * waits and goes together: one sync for all of it, where two calls on their way would
 * share the same events among more syncs.
 */
static void gather_soon(struct redis_store *s)
{
	if (!s->gathered || !s->gather || s->commits_out || loop_timer_armed(s->gather))
		return;
	loop_timer_arm(s->gather, 0);
	conn_flush(s->conn); /* behind the timer, in the same pass */
}

/*
 * OK, the first position; and of a replay the id and the item, and when it is due if that
 * was asked of what is scheduled.
 */
static enum belfry_err reply_take(struct commit_op *op, const redisReply *reply)
{
	redisReply *const *e = reply->element;

	if (reply->elements < 2 || reply_pos(e[1], &op->pos) < 0)
		return reply_broken("a commit");
	op->replayed = reply->elements > 2;
	if (!op->replayed)
		return BELFRY_OK;
	if (op->count != 1 || reply->elements < 4 || !reply_str(e[2]) || !reply_str(e[3]))
		return reply_broken("a commit");
	op->id = xstrdup(e[2]->str);
	op->item = xstrdup(e[3]->str);
	if (op->due_ms && (reply->elements < 5 || reply_u64(e[4], &op->due_ms) < 0))
		return reply_broken("what is scheduled");
	return BELFRY_OK;
}

static void on_commit(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct commit_op *op = (struct commit_op *)c;

	c->s->commits_out -= op->counted;
	gather_soon(c->s);
	if (err == BELFRY_EAWAY && c->failure)
		err = BELFRY_EUNSENT; /* call_send() did not take it */
	if (!err)
		err = reply_take(op, reply);
	if (!err && c->s->wait_replicas)
		commit_wait(op);
	else
		commit_end(op, err);
}

/* ---- gathering ---- */

static struct commit_op *op_new(struct redis_store *s, const char *feed)
{
	struct commit_op *op = call_new(s, sizeof *op, on_commit);

	s->pending--; /* counted by event */
	op->feed = xstrdup(feed);
	op->tail = &op->first;
	return op;
}

/* Its id, the rest of its head, its document; and its item, if that is not its id. */
static void add_event(struct commit_op *op, const struct store_commit *c)
{
	struct buf rest = {0};
	event_head_add(&rest, c);
	arg_add(&op->events, c->id, strlen(c->id));
	arg_add(&op->events, rest.data, rest.len);
	buf_free(&rest);
	if (strcmp(c->item, c->id) != 0) {
		arg_add_u64(&op->items, op->count);
		arg_add(&op->items, c->item, strlen(c->item));
		op->item_count++;
	}
	arg_add(&op->events, c->doc, c->doc_len);
}

static void op_add(struct commit_op *op, const struct store_commit *c, store_commit_cb cb,
		   void *arg)
{
	size_t id_size = strlen(c->id) + 1, item_size = strlen(c->item) + 1;
	struct commit *commit = xmalloc(sizeof *commit + id_size + item_size);

	*commit = (struct commit){.cb = cb, .arg = arg, .item = commit->id + id_size};
	memcpy(commit->id, c->id, id_size);
	memcpy(commit->id + id_size, c->item, item_size);
	*op->tail = commit;
	op->tail = &commit->next;
	op->count++;
	op->call.s->pending++;
	buf_reserve(&op->events, c->doc_len + id_size + item_size + 96);
	add_event(op, c);
}

void cmd_idem_key(struct redis_store *s, const char *feed, const char *key)
{
	struct buf kind = {0};
	buf_printf(&kind, "k:%s", key);
	cmd_feed_key(s, kind.data, feed);
	buf_free(&kind);
}

/* The keys and the first arguments of the scripts that append to the log. IDEM_KEY: one
 * key more, or NULL. */
static void append_begin(struct commit_op *op, enum script script, const char *idem_key)
{
	struct redis_store *s = op->call.s;
	uint32_t p = partition_of(s, op->feed);

	script_begin(&op->call, script, idem_key ? 8 : 7);
	cmd_feed_key(s, "f", op->feed);
	cmd_feed_key(s, "l", op->feed);
	cmd_feed_key(s, "i", op->feed);
	cmd_feed_key(s, "d", op->feed);
	cmd_part_key(s, p, "behind");
	cmd_part_key(s, p, "epoch");
	cmd_feed_key(s, "r", op->feed);
	if (idem_key)
		cmd_idem_key(s, op->feed, idem_key);
	cmd_text(s, s->run_id);
	cmd_text(s, op->feed);
	cmd_text(s, s->channel);
}

static void cmd_commit(struct commit_op *op, const struct store_commit *idem)
{
	struct redis_store *s = op->call.s;

	append_begin(op, S_COMMIT, idem ? idem->idem_key : NULL);
	cmd_text(s, idem && idem->idem_digest ? idem->idem_digest : "");
	cmd_u64(s, idem && idem->idem_ttl_s ? idem->idem_ttl_s : 1);
	cmd_u64(s, op->count);
	cmd_args(s, &op->events, 3 * (unsigned)op->count);
	cmd_args(s, &op->items, 2 * op->item_count);
	cmd_end(&op->call);
}

/* ALONE: the one commit that has an idempotency key or is scheduled, or NULL. */
static void op_send(struct commit_op *op, const struct store_commit *alone)
{
	struct redis_store *s = op->call.s;

	if (alone && alone->due_ms)
		cmd_schedule(&op->call, alone);
	else
		cmd_commit(op, alone);
	buf_free(&op->events);
	buf_free(&op->items);
	/* Those alone wait for nobody: whoever waited for them might wait for ever.
	 */
	op->counted = !alone;
	s->commits_out += op->counted;
	call_send(&op->call);
}

static void send_gathered(void *arg)
{
	struct redis_store *s = arg;
	struct commit_op *list = s->gathered;

	s->gathered = NULL;
	s->gathered_tail = &s->gathered;
	while (list) {
		struct commit_op *op = list;
		list = op->next;
		op_send(op, NULL);
	}
}

/* The one that takes the next event of FEED: gathered already, with room, or new. */
static struct commit_op *op_gathered(struct redis_store *s, const char *feed)
{
	struct commit_op *op = s->gathered;

	for (int i = 0; op && i < BATCH_LOOK; i++, op = op->next)
		if (op->count < BATCH_EVENTS && op->events.len < BATCH_BYTES &&
		    strcmp(op->feed, feed) == 0)
			return op;
	op = op_new(s, feed);
	op->call.since_us = clock_mono_us();
	*s->gathered_tail = op;
	s->gathered_tail = &op->next;
	return op;
}

void redis_commit(struct store *st, const struct store_commit *c, store_commit_cb cb,
		  void *arg)
{
	struct redis_store *s = redis_of(st);
	bool full = session_is_full(s) && s->state == SESSION_UP;
	bool alone = c->idem_key || c->due_ms;

	if (!full && !alone && s->gather) {
		op_add(op_gathered(s, c->feed), c, cb, arg);
		gather_soon(s);
		return;
	}
	struct commit_op *op = op_new(s, c->feed);
	op_add(op, c, cb, arg);
	op->due_ms = c->due_ms;
	if (full)
		call_fail(&op->call, BELFRY_EFULL);
	else
		op_send(op, alone ? c : NULL);
}

/* One event more, in a call of its own. */
void redis_retract(struct store *st, const struct store_retract *r, store_commit_cb cb,
		   void *arg)
{
	struct redis_store *s = redis_of(st);
	struct commit_op *op = op_new(s, r->feed);

	op_add(op, &(struct store_commit){.id = r->id, .item = r->item, .doc = ""}, cb,
	       arg);
	buf_free(&op->events);
	buf_free(&op->items);
	if (session_is_full(s) && s->state == SESSION_UP) {
		call_fail(&op->call, BELFRY_EFULL);
		return;
	}
	append_begin(op, S_RETRACT, NULL);
	cmd_text(s, r->item);
	cmd_pos(s, r->newest);
	cmd_text(s, r->id);
	cmd_u64(s, r->at_ms);
	cmd_data(s, r->doc, r->doc_len);
	cmd_end(&op->call);
	call_send(&op->call);
}

void commits_init(struct redis_store *s)
{
	s->waiting_tail = &s->waiting;
	s->gathered_tail = &s->gathered;
	s->gather = loop_timer_create(s->loop, send_gathered, s);
}

void commits_finish(struct redis_store *s)
{
	loop_timer_destroy(s->gather);
	s->gather = NULL;
	send_gathered(s); /* which fails: the session has ended */
}
