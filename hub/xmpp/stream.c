#include "stream_int.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What may wait in the process while the peer does not read: two of the buffers. */
#define BACKLOG_BYTES ((size_t)128 * 1024)
#define READ_BYTES 4096 /* as libstrophe does */
#define READS_A_TURN 32

static void resolve(struct stream *s, const char *host)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(host, NULL, &hints, &list);
	if (rc != 0)
		snprintf(s->text, sizeof(s->text), "%s: %s", host, gai_strerror(rc));
	for (struct addrinfo *a = list; a != NULL && s->address_count < ADDRESSES_MAX;
	     a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, s->addresses[s->address_count],
				NI_MAXHOST, NULL, 0, NI_NUMERICHOST) == 0)
			s->address_count++;
	if (list != NULL)
		freeaddrinfo(list);
}

static void disconnect(struct stream *s)
{
	loop_fd_destroy(s->watch);
	s->watch = NULL;
	strophe_end(s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->pair >= 0)
		close(s->pair);
	s->fd = s->pair = -1;
	guard_free(&s->guard);
	s->guard = (struct guard){0};
}

static void on_fd(void *arg, unsigned events);

static int connect_to(struct stream *s, const char *address)
{
	if (strophe_begin(s, address) != 0)
		return -1;
	s->fd = fcntl(s->theirs, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	/* Writable: connected, or refused. */
	s->watch = loop_fd_create(s->loop, s->fd, LOOP_WRITE, on_fd, s);
	return 0;
}

static void end_soon(struct stream *s, enum link_end end)
{
	if (s->told)
		return;
	s->dead = true;
	s->end = end;
	loop_timer_arm(s->soon, 0);
}

/* Tries the addresses of the host one after another. */
static void connect_next(struct stream *s)
{
	while (s->address_next < s->address_count) {
		const char *address = s->addresses[s->address_next++];
		s->dead = false;
		if (connect_to(s, address) == 0)
			return;
		snprintf(s->text, sizeof(s->text), "%s:%u: cannot connect", address,
			 s->port);
		s->dead = true; /* disconnect() may call on_conn() */
		disconnect(s);
	}
	end_soon(s, LINK_END_CONNECT);
}

static void tell_end(struct stream *s)
{
	if (s->told || s->doomed)
		return;
	disconnect(s);
	if (!s->up && s->end == LINK_END_CONNECT && s->condition[0] == '\0' &&
	    s->address_next < s->address_count) {
		connect_next(s);
		return;
	}
	s->told = true;
	s->handlers->ended(s->arg, &(struct link_down){.end = s->end,
						       .condition = s->condition,
						       .text = s->text});
}

static void on_soon(void *arg)
{
	struct stream *s = arg;
	assert(s->magic == STREAM_MAGIC);
	tell_end(s);
}

static void watch_events(struct stream *s)
{
	if (s->watch != NULL)
		loop_fd_events(s->watch,
			       LOOP_READ |
				       (s->outbox.len > s->outbox_sent ? LOOP_WRITE : 0));
}

static void outbox_flush(struct stream *s)
{
	while (s->outbox_sent < s->outbox.len) {
		ssize_t n =
			send(s->fd, s->outbox.data + s->outbox_sent,
			     s->outbox.len - s->outbox_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		/* Any other error shows on reading, behind the server's last words. */
		if (n < 0)
			break;
		s->outbox_sent += (size_t)n;
		/* There was no room before: the peer has taken something. */
		s->handlers->moved(s->arg);
	}
	if (s->outbox_sent == s->outbox.len) {
		buf_clear(&s->outbox);
		s->outbox_sent = 0;
	}
}

static void tell_room(struct stream *s)
{
	if (!s->crowded || !stream_room(s))
		return;
	s->crowded = false;
	s->handlers->room(s->arg);
}

/* What libstrophe writes: its part of the handshake. */
static void take_theirs(struct stream *s)
{
	char data[READ_BYTES];
	ssize_t n;
	while ((n = recv(s->pair, data, sizeof(data), MSG_DONTWAIT)) > 0)
		buf_add(&s->outbox, data, (size_t)n);
}

static bool has_input(const struct stream *s)
{
	int n = 0;
	return ioctl(s->theirs, FIONREAD, &n) == 0 && n > 0;
}

/* Lets libstrophe read what is in the pair, and write what it has to say to that. */
static void run_strophe(struct stream *s)
{
	do
		xmpp_run_once(s->ctx, 0);
	while (!s->dead && !s->doomed && has_input(s));
	if (s->up || s->dead || s->doomed)
		return;
	xmpp_run_once(s->ctx, 0);
	if (!s->dead && !s->doomed)
		take_theirs(s);
}

static void feed_strophe(struct stream *s, const struct buf *in)
{
	for (size_t at = 0; at < in->len && !s->dead && !s->doomed;) {
		size_t len = in->len - at < READ_BYTES ? in->len - at : READ_BYTES;
		ssize_t n = send(s->pair, in->data + at, len, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
		run_strophe(s);
	}
}

/* What users send comes as these; all else is between the server and us. */
static bool is_stanza(const char *xml)
{
	static const char *const names[] = {"<iq", "<message", "<presence"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);
		if (strncmp(xml, names[i], len) == 0 &&
		    strchr(" \t\r\n/>", xml[len]) != NULL)
			return true;
	}
	return false;
}

static int take_input(struct stream *s, const char *data, size_t len)
{
	uint64_t left_out = s->guard.left_out;
	int rc = 0;
	while (!s->dead && !s->doomed && (rc = guard_next(&s->guard, &data, &len)) > 0)
		if (!s->up || !is_stanza(s->guard.piece.data))
			feed_strophe(s, &s->guard.piece);
		else if (strophe_stanza(s, s->guard.piece.data) != 0)
			s->guard.left_out++;
	if (s->guard.left_out != left_out)
		log_debug("hostile stanzas left out",
			  log_u("count", s->guard.left_out - left_out));
	return rc < 0 ? -1 : 0;
}

/* The connection has ended: let libstrophe find out. */
static void read_end(struct stream *s)
{
	shutdown(s->pair, SHUT_WR);
	xmpp_run_once(s->ctx, 0);
	if (!s->dead && !s->doomed)
		end_soon(s, s->up ? LINK_END_LOST : LINK_END_CONNECT);
}

static void read_input(struct stream *s)
{
	char data[READ_BYTES];
	for (int i = 0; i < READS_A_TURN && !s->dead && !s->doomed; i++) {
		ssize_t n = recv(s->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			read_end(s);
			break;
		}
		s->handlers->moved(s->arg);
		if (take_input(s, data, (size_t)n) != 0) {
			snprintf(s->text, sizeof(s->text), "the server speaks no XMPP");
			end_soon(s, s->up ? LINK_END_LOST : LINK_END_CONNECT);
		}
		if ((size_t)n < sizeof(data))
			break; /* that was all there was */
	}
}

/* The connection stands, or does not. Puts the pair in its place for libstrophe. */
static int connected(struct stream *s)
{
	int error = 0, pair[2];
	socklen_t len = sizeof(error);
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0 &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		error = errno;
	if (error != 0) {
		snprintf(s->text, sizeof(s->text), "%s:%u: %s",
			 s->addresses[s->address_next - 1], s->port, strerror(error));
		return -1;
	}
	int rc = dup3(pair[0], s->theirs, O_CLOEXEC);
	close(pair[0]);
	s->pair = pair[1];
	return rc < 0 ? -1 : 0;
}

/* Returns false if S is gone. */
static bool pump(struct stream *s, unsigned events)
{
	s->pumping = true;
	if (s->pair < 0) {
		if (connected(s) == 0)
			run_strophe(s);
		else
			end_soon(s, LINK_END_CONNECT);
	} else if (events & LOOP_READ) {
		read_input(s);
	}
	s->pumping = false;
	if (s->doomed) {
		stream_destroy(s);
		return false;
	}
	return true;
}

static void on_fd(void *arg, unsigned events)
{
	struct stream *s = arg;
	assert(s->magic == STREAM_MAGIC);
	if (!pump(s, events))
		return;
	if (s->dead) {
		tell_end(s);
		return;
	}
	outbox_flush(s);
	watch_events(s);
	tell_room(s); /* last: the handler may destroy the stream */
}

struct stream *stream_open(struct loop *loop, const char *host, uint16_t port,
			   const char *domain, const char *secret,
			   const struct stream_handlers *handlers, void *arg)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	s->magic = STREAM_MAGIC;
	s->loop = loop;
	s->port = port;
	s->domain = domain;
	s->secret = secret;
	s->handlers = handlers;
	s->arg = arg;
	s->fd = s->pair = s->theirs = -1;
	s->soon = loop_timer_create(loop, on_soon, s);
	resolve(s, host);
	connect_next(s);
	return s;
}

void stream_destroy(struct stream *s)
{
	if (s == NULL)
		return;
	assert(s->magic == STREAM_MAGIC);
	s->doomed = true;
	if (s->pumping)
		return;
	disconnect(s);
	loop_timer_destroy(s->soon);
	buf_free(&s->outbox);
	s->magic = 0;
	free(s);
}

void stream_send(struct stream *s, const char *data, size_t len)
{
	if (!s->up || s->dead || s->closing || len == 0)
		return;
	bool idle = s->outbox.len == 0;
	size_t sent = 0;
	if (idle) {
		ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent == len)
		return;
	if (s->outbox_sent > BACKLOG_BYTES) {
		s->outbox.len -= s->outbox_sent;
		memmove(s->outbox.data, s->outbox.data + s->outbox_sent, s->outbox.len);
		s->outbox_sent = 0;
	}
	buf_add(&s->outbox, data + sent, len - sent);
	if (!stream_room(s))
		s->crowded = true;
	if (idle)
		watch_events(s);
}

void stream_close(struct stream *s)
{
	static const char good_bye[] = "</stream:stream>";
	stream_send(s, good_bye, sizeof(good_bye) - 1);
	s->closing = true;
}

void stream_fail(struct stream *s, enum link_end end, const char *text)
{
	if (s->dead)
		return;
	snprintf(s->text, sizeof(s->text), "%s", text);
	s->address_next = s->address_count;
	end_soon(s, end);
}

bool stream_room(const struct stream *s)
{
	return s->up && stream_backlog_bytes(s) <= BACKLOG_BYTES;
}

size_t stream_backlog_bytes(const struct stream *s)
{
	return s->outbox.len - s->outbox_sent;
}
