#include "store/redis_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queued {
	struct call *call;
	unsigned left; /* answers still to come */
	uint64_t sent_us;
};

/* A ring. */
struct reply_queue {
	struct queued *slots;
	size_t size, first, count; /* size is a power of two */
};

static struct queued *queue_push(struct reply_queue *q)
{
	if (q->count == q->size) {
		size_t size = q->size ? q->size * 2 : 64;
		struct queued *slots = xreallocarray(NULL, size, sizeof *slots);
		for (size_t i = 0; i < q->count; i++)
			slots[i] = q->slots[(q->first + i) & (q->size - 1)];
		free(q->slots);
		*q = (struct reply_queue){slots, size, 0, q->count};
	}
	return &q->slots[(q->first + q->count++) & (q->size - 1)];
}

void *call_new(struct redis_store *s, size_t size, call_cb on_reply)
{
	struct call *c = xcalloc(1, size);
	c->s = s;
	c->on_reply = on_reply;
	s->pending++;
	return c;
}

void call_free(struct call *c)
{
	if (!c->internal)
		c->s->pending--;
	buf_free(&c->cmd);
	free(c);
}

void call_reset(struct call *c, call_cb on_reply)
{
	buf_clear(&c->cmd);
	c->commands = c->left = 0;
	c->script = c->resent = false;
	c->on_reply = on_reply;
}

/* ---- Writing commands ---- */

size_t format_u64(uint64_t v, char out[24])
{
	char tmp[24];
	size_t n = 0;
	do
		tmp[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (size_t i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

static void put_header(struct buf *b, char type, uint64_t v)
{
	char text[28];
	text[0] = type;
	size_t n = 1 + format_u64(v, text + 1);
	text[n++] = '\r';
	text[n++] = '\n';
	buf_add(b, text, n);
}

void arg_add(struct buf *args, const char *data, size_t len)
{
	put_header(args, '$', len);
	buf_add(args, data, len);
	buf_add(args, "\r\n", 2);
}

void arg_add_u64(struct buf *args, uint64_t v)
{
	char text[24];
	arg_add(args, text, format_u64(v, text));
}

void cmd_args(struct redis_store *s, const struct buf *args, unsigned count)
{
	buf_add(&s->args, args->data, args->len);
	s->argc += count;
}

void cmd_data(struct redis_store *s, const char *data, size_t len)
{
	arg_add(&s->args, data, len);
	s->argc++;
}

void cmd_text(struct redis_store *s, const char *text)
{
	cmd_data(s, text, strlen(text));
}

void cmd_u64(struct redis_store *s, uint64_t v)
{
	char text[24];
	cmd_data(s, text, format_u64(v, text));
}

void cmd_pos(struct redis_store *s, struct pos p)
{
	char text[POS_TEXT_SIZE];
	cmd_data(s, text, pos_format(p, text));
}

/* FNV-1a: where a feed's keys are must not change, ever. */
uint32_t partition_of(const struct redis_store *s, const char *feed)
{
	uint32_t h = 2166136261u;
	for (const char *p = feed; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h % s->partitions;
}

void cmd_part_key(struct redis_store *s, uint32_t partition, const char *kind)
{
	char key[64];
	int n = snprintf(key, sizeof key, "belfry:{p%" PRIu32 "}:%s", partition, kind);
	cmd_data(s, key, (size_t)n);
}

void cmd_feed_key(struct redis_store *s, const char *kind, const char *feed)
{
	char key[256];
	int n = snprintf(key, sizeof key, "belfry:{p%" PRIu32 "}:%s:%s",
			 partition_of(s, feed), kind, feed);
	cmd_data(s, key, (size_t)n < sizeof key ? (size_t)n : sizeof key - 1);
}

void cmd_bucket_key(struct redis_store *s, const char *feed, uint32_t bucket)
{
	char key[256];
	int n = snprintf(key, sizeof key, "belfry:{p%" PRIu32 "}:b:%s:%" PRIu32,
			 partition_of(s, feed), feed, bucket);
	cmd_data(s, key, (size_t)n < sizeof key ? (size_t)n : sizeof key - 1);
}

void cmd_begin(struct redis_store *s, const char *name)
{
	buf_clear(&s->args);
	s->argc = 0;
	cmd_text(s, name);
}

void cmd_due_member(struct redis_store *s, const char *feed, uint32_t bucket)
{
	char member[256];
	int n = snprintf(member, sizeof member, "%s|%" PRIu32, feed, bucket);
	cmd_data(s, member, (size_t)n < sizeof member ? (size_t)n : sizeof member - 1);
}

void cmd_end(struct call *c)
{
	struct redis_store *s = c->s;
	buf_reserve(&c->cmd, s->args.len + 32);
	put_header(&c->cmd, '*', s->argc);
	buf_add(&c->cmd, s->args.data, s->args.len);
	c->commands++;
}

void cmd_words(struct call *c, const char *name, ...)
{
	va_list ap;
	const char *word;
	cmd_begin(c->s, name);
	va_start(ap, name);
	while ((word = va_arg(ap, const char *)))
		cmd_text(c->s, word);
	va_end(ap);
	cmd_end(c);
}

void script_begin(struct call *c, enum script script, uint64_t keys)
{
	c->script = true;
	cmd_begin(c->s, "EVALSHA");
	cmd_text(c->s, c->s->sha[script]);
	cmd_u64(c->s, keys);
}

/* ---- Sending, failing ---- */

void call_fail(struct call *c, enum belfry_err err)
{
	struct redis_store *s = c->s;
	c->failure = err;
	c->next = NULL;
	*s->failed_tail = c;
	s->failed_tail = &c->next;
	if (s->tell && !loop_timer_armed(s->tell))
		loop_timer_arm(s->tell, 0);
}

static void tell_failed(struct redis_store *s)
{
	struct call *list = s->failed;
	s->failed = NULL;
	s->failed_tail = &s->failed;
	while (list) {
		struct call *c = list;
		list = c->next;
		unsigned answers = c->commands ? c->commands : 1;
		while (answers--) {
			c->left = answers;
			/* C may be gone after its last answer. */
			c->on_reply(c, c->failure, NULL);
		}
	}
}

static void on_tell(void *arg)
{
	tell_failed(arg);
}

void call_send(struct call *c)
{
	struct redis_store *s = c->s;
	if (s->state != SESSION_UP && !(c->handshake && s->state == SESSION_HANDSHAKE)) {
		call_fail(c, BELFRY_EAWAY);
		return;
	}
	struct queued *q = queue_push(s->queue);
	*q = (struct queued){c, c->commands, clock_mono_us()};
	buf_add(conn_out(s->conn), c->cmd.data, c->cmd.len);
	conn_flush(s->conn);
	s->stats.commands += c->commands;
	session_arm_deadline(s);
}

uint64_t calls_oldest_ms(const struct redis_store *s)
{
	const struct reply_queue *q = s->queue;
	if (!q->count)
		return 0;
	const struct queued *oldest = &q->slots[q->first];
	return (oldest->call->since_us ? oldest->call->since_us : oldest->sent_us) / 1000;
}

void calls_lose(struct redis_store *s)
{
	struct reply_queue lost = *s->queue;
	*s->queue = (struct reply_queue){0};
	for (size_t i = 0; i < lost.count; i++) {
		struct queued *q = &lost.slots[(lost.first + i) & (lost.size - 1)];
		while (q->left) {
			q->call->left = --q->left;
			q->call->on_reply(q->call, BELFRY_EAWAY, NULL);
		}
	}
	free(lost.slots);
}

/* ---- Answers ---- */

static const struct {
	const char *word;
	enum belfry_err err;
} statuses[] = {
	{"OK", BELFRY_OK},	    {"RETRY", BELFRY_ESTALE}, {"STALE", BELFRY_ESTALE},
	{"NOFEED", BELFRY_ENOFEED}, {"NOENT", BELFRY_ENOENT}, {"EXISTS", BELFRY_EEXIST},
	{"REUSED", BELFRY_EREUSED}, {"LOST", BELFRY_ELOST},   {"FULL", BELFRY_EFULL},
	{"LIMIT", BELFRY_ELIMIT},
};

static enum belfry_err status_of(const redisReply *reply)
{
	if (reply_is_array(reply, 1))
		for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
			if (reply_is(reply->element[0], statuses[i].word))
				return statuses[i].err;
	return reply_broken("a script's status");
}

/* What an error reply means. DROP: this connection is of no use any more. */
static const struct {
	const char *prefix;
	enum belfry_err err;
	bool drop;
} errors[] = {
	{"OOM ", BELFRY_EFULL, false},
	{"MISCONF ", BELFRY_EFULL, false},
	{"NOREPLICAS ", BELFRY_EREPLICAS, false},
	{"BUSY ", BELFRY_EAWAY, false},
	{"LOADING ", BELFRY_EAWAY, true},
	{"READONLY ", BELFRY_EAWAY, true},
	{"MASTERDOWN ", BELFRY_EAWAY, true},
	{"NOAUTH ", BELFRY_EAWAY, true},
	{"UNKILLABLE ", BELFRY_EAWAY, false},
};

static enum belfry_err error_of(const redisReply *reply, bool *drop)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		if (reply_has_prefix(reply, errors[i].prefix)) {
			*drop = errors[i].drop;
			return errors[i].err;
		}
	}
	/* A script's error begins with the code of the command that failed in it. */
	if (reply->str && strstr(reply->str, "maxmemory"))
		return BELFRY_EFULL;
	log_error("redis refused a command", log_s("reply", reply->str));
	return BELFRY_EINTERNAL;
}

/* The script cache is empty: load them, then the same again. */
static bool resend(struct call *c, const redisReply *reply)
{
	struct redis_store *s = c->s;
	if (!c->script || c->resent || !reply_has_prefix(reply, "NOSCRIPT"))
		return false;
	if (!s->reloading) {
		s->stats.noscript++;
		session_load_scripts(s, false);
	}
	if (c->commands > 1)
		return false; /* some of them may have been run */
	c->resent = true;
	call_send(c);
	return true;
}

static void note_round_trip(struct redis_store *s, uint64_t sent_us)
{
	uint64_t us = clock_mono_us() - sent_us;
	uint64_t old = s->stats.round_trip_us;
	s->stats.round_trip_us = old ? old - old / 16 + us / 16 : us;
}

void calls_answer(struct redis_store *s, const redisReply *reply)
{
	struct reply_queue *ring = s->queue;
	if (!ring->count) {
		session_drop(s, "Redis answers what was not asked");
		return;
	}
	struct queued *q = &ring->slots[ring->first];
	struct call *c = q->call;
	enum belfry_err err = BELFRY_OK;
	bool drop = false;
	if (reply->type == REDIS_REPLY_ERROR && !reply_has_prefix(reply, "NOSCRIPT") &&
	    !c->handshake)
		err = error_of(reply, &drop);
	if (drop) {
		session_drop(s, reply->str); /* which ends all calls, this one too */
		return;
	}
	c->left = --q->left;
	if (!c->left) {
		note_round_trip(s, q->sent_us);
		ring->first = (ring->first + 1) & (ring->size - 1);
		ring->count--;
	}
	if (reply->type == REDIS_REPLY_ERROR && !c->handshake && resend(c, reply))
		return;
	if (reply->type == REDIS_REPLY_ERROR && !c->handshake) {
		if (!err)
			err = c->resent ? reply_broken("NOSCRIPT after SCRIPT LOAD")
					: BELFRY_EAWAY;
		reply = NULL;
	} else if (c->script) {
		err = status_of(reply);
	}
	c->on_reply(c, err, reply);
}

enum belfry_err reply_broken(const char *what)
{
	log_error("redis holds or says what Belfry did not write", log_s("what", what));
	return BELFRY_EINTERNAL;
}

void calls_init(struct redis_store *s)
{
	s->queue = xcalloc(1, sizeof *s->queue);
	s->failed_tail = &s->failed;
	s->tell = loop_timer_create(s->loop, on_tell, s);
}

void calls_finish(struct redis_store *s)
{
	loop_timer_destroy(s->tell);
	s->tell = NULL;
	calls_lose(s);
	while (s->failed)
		tell_failed(s);
	free(s->queue->slots);
	free(s->queue);
	buf_free(&s->args);
}

/* ---- Plain operations ---- */

static void on_plain(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct plain_op *op = (struct plain_op *)c;
	store_cb cb = op->cb;
	void *arg = op->arg;
	(void)reply;
	call_free(c);
	cb(arg, err);
}

struct plain_op *plain_new(struct redis_store *s, store_cb cb, void *arg)
{
	struct plain_op *op = call_new(s, sizeof *op, on_plain);
	op->cb = cb;
	op->arg = arg;
	return op;
}
