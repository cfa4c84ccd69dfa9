#include "component_timing.h"
#include "session.h"
#include "stream.h"

#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/xmpp/component.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0xc0339043u
#define BUFFER_BYTES ((size_t)64 * 1024)
#define TAG_BYTES_SHORT ((size_t)1024)
#define ANSWERS_BACKLOG_MAX ((size_t)1024 * 1024)
const struct component_timing component_timing_default = {
	.connect_ms = 5000,
	.ask_ms = 5000,
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
	bool asking;  /* up, and nobody was told: the multicast service is being asked */
	size_t group; /* receivers that a stanza to the service may have; 0: not used */
	char trouble[128];	     /* why it is not; "": it is, or there is none */
	struct loop_timer *deadline; /* of connecting and of closing */
	struct loop_timer *tick;     /* looks for a peer that is silent */
	uint64_t moved_ms;	     /* the peer's last sign of life */
	uint64_t barrier_asked, barrier_passed;
	/* The newest ping that came back from ourselves; of the service: sent, answered.
	 */
	uint64_t own_back, service_asked, service_back;
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
	c->up = c->asking = false;
	session_end(c->session);
}

static void send_iq(struct component *c, struct buf *iq)
{
	stream_send(c->stream, iq->data, iq->len);
	c->stats.bytes_sent += iq->len;
	buf_free(iq);
}

/* TROUBLE NULL: groups of up to GROUP receivers may be sent. */
static void tell_up(struct component *c, size_t group, const char *trouble)
{
	c->asking = false;
	c->group = group;
	snprintf(c->trouble, sizeof(c->trouble), "%s", trouble != NULL ? trouble : "");
	loop_timer_disarm(c->deadline);
	if (trouble != NULL)
		log_warn("xmpp.multicast cannot be used, each receiver gets a stanza of "
			 "its own until the next stream",
			 log_s("service", c->config->xmpp.multicast),
			 log_s("why", trouble),
			 log_s("hint", "`belfry check` says what to do"));
	c->handlers->up(c->arg);
}

static void ask_service(struct component *c)
{
	struct buf iq = {0};
	c->asking = true;
	loop_timer_arm(c->deadline, c->timing->ask_ms);
	session_ask_service(c->session, &iq);
	send_iq(c, &iq);
}

static void on_up(void *arg)
{
	struct component *c = arg;
	assert(c->magic == MAGIC);
	c->up = true;
	c->pinged = false;
	c->moved_ms = clock_mono_ms();
	c->barrier_passed = c->own_back = c->barrier_asked;
	c->service_asked = c->service_back = c->barrier_asked;
	loop_timer_arm(c->tick, c->timing->tick_ms);
	session_begin(c->session);
	if (c->config->xmpp.multicast != NULL)
		ask_service(c);
	else
		tell_up(c, 0, NULL);
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
	if (c->up && !c->asking)
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
	if (c->asking)
		tell_up(c, 0, "no answer");
	else if (c->up)
		stream_fail(c->stream, LINK_END_ASKED, "");
	else
		stream_fail(c->stream, LINK_END_CONNECT, "no answer in time");
}

static void send_ping(struct component *c, uint64_t number)
{
	struct buf ping = {0};
	session_ping(c->session, number, &ping);
	send_iq(c, &ping);
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

/* As those who deliver: large answers must not take all the room from them. */
static bool session_out_room(void *arg)
{
	const struct component *c = arg;
	return c->up && stream_room(c->stream);
}

/* Where the service was pinged, too, both have to be back. */
static void look_at_barriers(struct component *c)
{
	uint64_t number = c->own_back;
	if (c->service_back < c->service_asked && c->service_back < number)
		number = c->service_back;
	if (number <= c->barrier_passed)
		return;
	c->barrier_passed = number;
	c->barrier_ms = clock_mono_ms();
	c->handlers->barrier(c->arg, number);
}

static void session_out_barrier(void *arg, uint64_t number)
{
	struct component *c = arg;
	if (number <= c->own_back || number > c->barrier_asked)
		return;
	c->own_back = number;
	look_at_barriers(c);
}

static void session_out_service_barrier(void *arg, uint64_t number)
{
	struct component *c = arg;
	if (number <= c->service_back || number > c->service_asked)
		return;
	c->service_back = number;
	look_at_barriers(c);
}

/* What is not confirmed is sent again, on a stream that knows that it is not there. */
static void session_out_service_gone(void *arg, uint64_t number, const char *condition)
{
	struct component *c = arg;
	if (c->asking) {
		tell_up(c, 0, condition);
	} else if (c->up && number > 0) {
		log_warn("xmpp.multicast went away, opening a new stream",
			 log_s("service", c->config->xmpp.multicast),
			 log_s("condition", condition));
		stream_fail(c->stream, LINK_END_ASKED, "the multicast service is gone");
	}
}

static void session_out_service_says(void *arg, size_t most, const char *trouble)
{
	struct component *c = arg;
	if (c->asking)
		tell_up(c, most, trouble);
}

static void session_out_bounce(void *arg, const struct link_bounce *bounce)
{
	struct component *c = arg;
	c->handlers->bounce(c->arg, bounce);
}

static void session_out_received(void *arg, const char *id, const char *from)
{
	struct component *c = arg;
	if (c->handlers->received != NULL)
		c->handlers->received(c->arg, id, from);
}

static const struct session_out session_out = {
	.send = session_out_send,
	.room = session_out_room,
	.barrier = session_out_barrier,
	.bounce = session_out_bounce,
	.received = session_out_received,
	.service_barrier = session_out_service_barrier,
	.service_gone = session_out_service_gone,
	.service_says = session_out_service_says,
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
	c->asking = false;
	stream_close(c->stream);
	loop_timer_disarm(c->tick);
	loop_timer_arm(c->deadline, c->timing->close_ms);
}

static bool component_is_up(const struct link *l)
{
	const struct component *c = component_of(l);
	return c->up && !c->asking;
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
	if (c->group == 0)
		return;
	struct buf ping = {0};
	c->service_asked = number;
	session_ping_service(c->session, number, &ping);
	send_iq(c, &ping);
}

static size_t component_group(const struct link *l)
{
	return component_of(l)->group;
}

static void component_ungroup(struct link *l)
{
	component_of(l)->group = 0;
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
	.group = component_group,
	.ungroup = component_ungroup,
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
	session_use_service(c->session, config->xmpp.multicast);
	session_use_contacts(c->session, config);
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

const char *component_multicast_trouble(const struct link *l)
{
	const struct component *c = component_of(l);
	return c->trouble[0] != '\0' ? c->trouble : NULL;
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
