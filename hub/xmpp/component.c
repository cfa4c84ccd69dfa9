#include "component_timing.h"
#include "session.h"
#include "stream.h"

#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/xmpp/component.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0xc0339043u
#define BUFFER_BYTES ((size_t)64 * 1024)
#define TAG_BYTES_SHORT ((size_t)1024)
#define ANSWERS_BACKLOG_MAX ((size_t)4 * 1024 * 1024)
const struct component_timing component_timing_default = {
	.connect_ms = 5000,
	.close_ms = 1000,
	.idle_ms = 30000,
	.answer_ms = 30000,
	.barrier_ms = 15000,
	.tick_ms = 1000,
};

struct component {
	struct link link;
	unsigned magic;
	struct loop *loop;
	const struct config *config;
	const struct link_handlers *handlers;
	void *arg;
	const struct component_timing *timing;
	struct session *session;
	struct stream *stream;
	bool up, pinged;
	struct loop_timer *deadline; /* of connecting and of closing */
	struct loop_timer *tick;     /* looks for a peer that is silent */
	uint64_t moved_ms;	     /* the peer's last sign of life */
	uint64_t barrier_asked, barrier_passed;
	uint64_t barrier_ms; /* when the oldest open barrier was asked for */
	struct component_stats stats;
};

static struct component *component_of(const struct link *l)
{
	/* The contract hands out const links; the object never is. */
	union {
		const struct link *in;
		struct component *out;
	} u = {.in = l};
	assert(u.out->magic == MAGIC);
	return u.out;
}

/* ---- The stream -------------------------------------------------------------------- */

static void drop_stream(struct component *c)
{
	loop_timer_disarm(c->deadline);
	loop_timer_disarm(c->tick);
	stream_destroy(c->stream);
	c->stream = NULL;
	c->up = false;
	session_begin(c->session);
}

static void on_up(void *arg)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	c->up = true;
	c->pinged = false;
	c->moved_ms = clock_mono_ms();
	c->barrier_passed = c->barrier_asked;
	loop_timer_disarm(c->deadline);
	loop_timer_arm(c->tick, c->timing->tick_ms);
	session_begin(c->session);
	c->handlers->up(c->arg);
}

static void on_ended(void *arg, const struct link_down *why)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	/* WHY lives in the stream. */
	char *condition = xstrdup(why->condition), *text = xstrdup(why->text);
	struct link_down copy = {.end = why->end, .condition = condition, .text = text};
	drop_stream(c);
	c->handlers->down(c->arg, &copy); /* may destroy the link */
	free(condition);
	free(text);
}

static void on_moved(void *arg)
{
	struct component *c = arg;
	c->moved_ms = clock_mono_ms();
	c->pinged = false;
}

static void on_room(void *arg)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	if (c->up)
		c->handlers->room(c->arg);
}

static void on_stanza(void *arg, xmpp_stanza_t *stanza)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	session_stanza(c->session, stanza);
}

static const struct stream_handlers stream_handlers = {
	.up = on_up,
	.stanza = on_stanza,
	.moved = on_moved,
	.room = on_room,
	.ended = on_ended,
};

static void on_deadline(void *arg)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	if (c->up)
		stream_fail(c->stream, LINK_END_ASKED, "");
	else
		stream_fail(c->stream, LINK_END_CONNECT, "no answer in time");
}

static void send_ping(struct component *c, uint64_t number)
{
	struct buf ping = {0};
	session_ping(c->session, number, &ping);
	stream_send(c->stream, ping.data, ping.len);
	c->stats.bytes_sent += ping.len;
	buf_free(&ping);
}

static void on_tick(void *arg)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	const struct component_timing *t = c->timing;
	uint64_t now = clock_mono_ms(), silent = now - c->moved_ms;
	bool pending = c->barrier_asked > c->barrier_passed;
	if ((pending && silent > t->barrier_ms && now - c->barrier_ms > t->barrier_ms) ||
	    silent > t->idle_ms + t->answer_ms) {
		stream_fail(c->stream, LINK_END_LOST, "the server is silent");
		return;
	}
	if (silent > t->idle_ms && !c->pinged) {
		send_ping(c, 0);
		c->pinged = true;
	}
	loop_timer_arm(c->tick, t->tick_ms);
}

/* ---- The session ------------------------------------------------------------------- */

/*
 * If longer than TAG_BYTES_SHORT, else 0. '>' is escaped wherever it does not end a tag,
 * '<' where it does not begin one; so there is no need to look at the short ones, which
 * are nearly all.
 */
static size_t longest_tag(const char *data, size_t len)
{
	const char *end = data + len, *at = data;
	size_t longest = 0;
	while ((size_t)(end - at) > TAG_BYTES_SHORT) {
		const char *last = memrchr(at, '>', TAG_BYTES_SHORT);
		if (last == NULL) {
			const char *from = at + TAG_BYTES_SHORT;
			last = memchr(from, '>', (size_t)(end - from));
			if (last == NULL)
				break;
			const char *tag = memrchr(at, '<', (size_t)(last - at));
			if (tag != NULL && (size_t)(last + 1 - tag) > longest)
				longest = (size_t)(last + 1 - tag);
		}
		at = last + 1;
	}
	return longest;
}

/*
 * Whole stanzas. A server whose Expat puts off long tags (see strophe.c; Prosody's is
 * one) would keep the last of them, and all that we say later, until there are twice as
 * many bytes. White space behind a stanza means nothing, and makes up for them.
 */
static void write_out(struct component *c, const char *data, size_t len)
{
	if (!c->up)
		return;
	stream_send(c->stream, data, len);
	c->stats.bytes_sent += len;
	size_t missing = longest_tag(data, len);
	if (missing <= TAG_BYTES_SHORT)
		return;
	char *spaces = xmalloc(missing);
	memset(spaces, ' ', missing);
	stream_send(c->stream, spaces, missing);
	c->stats.bytes_sent += missing;
	free(spaces);
}

/* Unlike those who deliver, those who ask do not wait for room: so answers are dropped.
 */
static void session_out_send(void *arg, const char *data, size_t len)
{
	struct component *c = arg;
	if (c->up && stream_backlog_bytes(c->stream) <= ANSWERS_BACKLOG_MAX)
		write_out(c, data, len);
}

static void session_out_barrier(void *arg, uint64_t number)
{
	struct component *c = arg;
	if (number <= c->barrier_passed || number > c->barrier_asked)
		return;
	c->barrier_passed = number;
	c->barrier_ms = clock_mono_ms();
	c->handlers->barrier(c->arg, number);
}

static void session_out_bounce(void *arg, const struct link_bounce *bounce)
{
	struct component *c = arg;
	c->handlers->bounce(c->arg, bounce);
}

static const struct session_out session_out = {
	.send = session_out_send,
	.barrier = session_out_barrier,
	.bounce = session_out_bounce,
};

/* ---- The link ---------------------------------------------------------------------- */

static void component_open(struct link *l)
{
	struct component *c = component_of(l);
	assert(c->stream == NULL);
	c->stream = stream_open(c->loop, c->config->xmpp.server.host,
				c->config->xmpp.server.port, c->config->xmpp.domain,
				c->config->xmpp.secret, &stream_handlers, c);
	loop_timer_arm(c->deadline, c->timing->connect_ms);
}

static void component_close(struct link *l)
{
	struct component *c = component_of(l);
	if (c->stream == NULL)
		return;
	if (!c->up) {
		stream_fail(c->stream, LINK_END_ASKED, "");
		return;
	}
	stream_close(c->stream);
	loop_timer_disarm(c->tick);
	loop_timer_arm(c->deadline, c->timing->close_ms);
}

static bool component_is_up(const struct link *l)
{
	return component_of(l)->up;
}

static void component_send(struct link *l, const char *data, size_t len)
{
	write_out(component_of(l), data, len);
}

static bool component_room(const struct link *l)
{
	const struct component *c = component_of(l);
	return c->up && stream_room(c->stream);
}

static void component_barrier(struct link *l, uint64_t number)
{
	struct component *c = component_of(l);
	if (!c->up)
		return;
	if (c->barrier_asked <= c->barrier_passed)
		c->barrier_ms = clock_mono_ms();
	c->barrier_asked = number;
	send_ping(c, number);
}

static void component_destroy(struct link *l)
{
	if (l == NULL)
		return;
	struct component *c = component_of(l);
	stream_destroy(c->stream);
	session_destroy(c->session);
	loop_timer_destroy(c->deadline);
	loop_timer_destroy(c->tick);
	c->magic = 0;
	free(c);
}

static const struct link_ops component_ops = {
	.open = component_open,
	.close = component_close,
	.is_up = component_is_up,
	.send = component_send,
	.room = component_room,
	.barrier = component_barrier,
	.destroy = component_destroy,
};

struct link *component_create_timed(struct loop *loop, const struct config *config,
				    const struct xmpp_hub *hub,
				    const struct link_handlers *handlers, void *arg,
				    const struct component_timing *timing)
{
	struct component *c = xcalloc(1, sizeof(*c));
	c->link.ops = &component_ops;
	c->magic = MAGIC;
	c->loop = loop;
	c->config = config;
	c->handlers = handlers;
	c->arg = arg;
	c->timing = timing;
	c->session =
		session_create(config->xmpp.domain, (size_t)config->xmpp.max_stanza_bytes,
			       hub, &session_out, c);
	c->deadline = loop_timer_create(loop, on_deadline, c);
	c->tick = loop_timer_create(loop, on_tick, c);
	return &c->link;
}

struct link *component_create(struct loop *loop, const struct config *config,
			      const struct xmpp_hub *hub,
			      const struct link_handlers *handlers, void *arg)
{
	return component_create_timed(loop, config, hub, handlers, arg,
				      &component_timing_default);
}

void component_stats(const struct link *l, struct component_stats *out)
{
	const struct component *c = component_of(l);
	const struct session_counters *n = &c->session->counters;
	*out = c->stats;
	out->stanzas_received = n->stanzas_received;
	out->bounces_received = n->bounces_received;
	out->iqs_answered = n->iqs_answered;
	out->chats_answered = n->chats_answered;
	out->presences_answered = n->presences_sent;
	if (c->stream != NULL)
		out->backlog_buffers =
			(stream_backlog_bytes(c->stream) + BUFFER_BYTES - 1) /
			BUFFER_BYTES;
}
