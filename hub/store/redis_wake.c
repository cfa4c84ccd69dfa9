#include "store/redis_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

#define PING_MS 1000

/* A connection of its own, subscribed to the channel on which feeds are told. */
struct wake {
	struct redis_store *s;
	struct conn *conn;
	struct loop_timer *retry;
	struct loop_timer *ping; /* while connected: is it still alive? */
	struct backoff backoff;
	uint64_t heard_ms; /* the last sign of life, or when the connect began */
	bool open;
	store_wake_cb cb;
	void *arg;
};

static void wake_lost(void *arg, const char *why)
{
	struct wake *w = arg;
	log_debug("wake-up channel lost", log_s("why", why));
	w->open = false;
	conn_close(w->conn);
	loop_timer_disarm(w->ping);
	loop_timer_arm(w->retry, backoff_next(&w->backoff));
}

static void wake_ping(void *arg)
{
	struct wake *w = arg;
	if (clock_mono_ms() - w->heard_ms > w->s->timeout_ms) {
		wake_lost(w, "no answer in time");
		return;
	}
	if (w->open)
		conn_put(w->conn, (const char *const[]){"PING"}, 1);
	loop_timer_arm(w->ping, PING_MS);
}

static void wake_open(void *arg)
{
	struct wake *w = arg;
	const struct redis_url *u = &w->s->url;
	const char *password = w->s->password ? w->s->password : u->password;
	w->open = true;
	w->heard_ms = clock_mono_ms();
	if (password)
		conn_put_auth(w->conn, u->user, password);
	conn_put(w->conn, (const char *const[]){"SUBSCRIBE", w->s->channel}, 2);
}

/* What is told of is a feed's name, with a mark before it that no name begins with. */
static void wake_told(struct wake *w, const char *text)
{
	enum store_wake what = text[0] == '@'	? WAKE_LOOK
			       : text[0] == '!' ? WAKE_NOTICE
			       : text[0] == '%' ? WAKE_DUE
			       : text[0] == '+' ? WAKE_SCHEDULED
						: WAKE_EVENTS;
	if (what != WAKE_EVENTS)
		text++;
	if (text[0] && strlen(text) <= FEED_NAME_MAX)
		w->cb(w->arg, what, text);
}

static void wake_reply(void *arg, const redisReply *reply)
{
	struct wake *w = arg;
	w->heard_ms = clock_mono_ms();
	if (reply->type == REDIS_REPLY_ERROR) {
		wake_lost(w, reply->str);
		return;
	}
	if (!reply_is_array(reply, 3))
		return; /* of AUTH or PING */
	if (reply_is(reply->element[0], "subscribe")) {
		backoff_reset(&w->backoff);
		w->cb(w->arg, WAKE_ALL, "");
	} else if (reply_is(reply->element[0], "message")) {
		const char *text = reply_str(reply->element[2]);
		if (text)
			wake_told(w, text);
	}
}

static const struct conn_events events = {wake_open, wake_reply, wake_lost};

/* Where the master is not known, wake_follow() comes when it is. */
static void wake_connect(void *arg)
{
	struct wake *w = arg;
	if (w->s->sentinels && w->s->state != SESSION_UP)
		return;
	w->heard_ms = clock_mono_ms();
	loop_timer_arm(w->ping, PING_MS);
	conn_connect(w->conn);
}

void wake_follow(struct wake *w)
{
	if (!w)
		return;
	w->open = false;
	conn_close(w->conn);
	loop_timer_disarm(w->ping);
	backoff_reset(&w->backoff);
	loop_timer_arm(w->retry, 0);
}

void wake_destroy(struct wake *w)
{
	if (!w)
		return;
	loop_timer_destroy(w->retry);
	loop_timer_destroy(w->ping);
	conn_destroy(w->conn);
	free(w);
}

static struct wake *wake_create(struct redis_store *s)
{
	struct wake *w = xcalloc(1, sizeof *w);
	w->s = s;
	w->backoff = (struct backoff){.first_ms = 100, .max_ms = 5000};
	w->conn = conn_create(s->loop, &s->url, &events, w);
	w->retry = loop_timer_create(s->loop, wake_connect, w);
	w->ping = loop_timer_create(s->loop, wake_ping, w);
	loop_timer_arm(w->retry, 0);
	return w;
}

void redis_listen(struct store *st, store_wake_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	if (!cb) {
		wake_destroy(s->wake);
		s->wake = NULL;
		return;
	}
	if (!s->wake)
		s->wake = wake_create(s);
	s->wake->cb = cb;
	s->wake->arg = arg;
}
