#include "stream_int.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

/* A window of stanzas, so that it is written at one go; the windows bound what waits. */
#define SNDBUF_BYTES (256 * 1024)
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"

/* Which stream is connecting: the sockopt callback has no argument of its own. */
static struct stream *connecting;

static void *mem_alloc(const size_t size, void *const userdata)
{
	(void)userdata;
	return xmalloc(size);
}

static void mem_free(void *p, void *const userdata)
{
	(void)userdata;
	free(p);
}

static void *mem_realloc(void *p, const size_t size, void *const userdata)
{
	(void)userdata;
	return xrealloc(p, size);
}

/* At debug level libstrophe prints the handshake and every stanza: those stay unread. */
static void on_log(void *const userdata, const xmpp_log_level_t level,
		   const char *const area, const char *const msg)
{
	(void)userdata;
	if (level < XMPP_LEVEL_INFO)
		return;
	log_debug("libstrophe", log_s("area", area), log_s("text", msg));
}

static const xmpp_mem_t memory = {mem_alloc, mem_free, mem_realloc, NULL};
static const xmpp_log_t logger = {on_log, NULL};

/*
 * errno is set because libstrophe 0.14 looks at it, and would keep the socket on a stale
 * EINPROGRESS.
 */
static int on_sockopt_refuse(xmpp_conn_t *conn, void *sock)
{
	(void)conn;
	(void)sock;
	errno = ECONNREFUSED;
	return -1;
}

static int on_sockopt(xmpp_conn_t *conn, void *sock)
{
	(void)conn;
	struct stream *s = connecting;
	int fd = *(int *)sock, on = 1, size = SNDBUF_BYTES;
	/* libstrophe select()s. */
	if (s == NULL || fd >= FD_SETSIZE) {
		errno = EMFILE;
		return -1;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* None of these is needed for things to work. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->theirs = fd;
	return 0;
}

static void note_stream_error(struct stream *s, const xmpp_stream_error_t *error)
{
	xmpp_stanza_t *child =
		error->stanza ? xmpp_stanza_get_children(error->stanza) : NULL;
	for (; child != NULL; child = xmpp_stanza_get_next(child)) {
		const char *ns = xmpp_stanza_get_ns(child);
		const char *name = xmpp_stanza_get_name(child);
		if (ns == NULL || name == NULL || strcmp(ns, NS_STREAM_ERRORS) != 0 ||
		    strcmp(name, "text") == 0)
			continue;
		snprintf(s->condition, sizeof(s->condition), "%s", name);
		break;
	}
	if (s->condition[0] == '\0')
		snprintf(s->condition, sizeof(s->condition), "undefined-condition");
	if (error->text != NULL)
		snprintf(s->text, sizeof(s->text), "%s", error->text);
}

/* What a stream error means where it is not "may be due to what we sent". */
static const struct {
	const char *condition;
	enum link_end before, after; /* it was up */
} endings[] = {
	{"conflict", LINK_END_CONFLICT, LINK_END_CONFLICT},
	{"not-authorized", LINK_END_AUTH, LINK_END_ERROR},
	{"host-unknown", LINK_END_AUTH, LINK_END_LOST},
	{"invalid-namespace", LINK_END_AUTH, LINK_END_ERROR},
	{"host-gone", LINK_END_CONNECT, LINK_END_LOST},
	{"system-shutdown", LINK_END_CONNECT, LINK_END_LOST},
	{"connection-timeout", LINK_END_CONNECT, LINK_END_LOST},
	{"internal-server-error", LINK_END_CONNECT, LINK_END_LOST},
	{"remote-connection-failed", LINK_END_CONNECT, LINK_END_LOST},
	{"reset", LINK_END_CONNECT, LINK_END_LOST},
	{"see-other-host", LINK_END_CONNECT, LINK_END_LOST},
};

static enum link_end classify(const struct stream *s)
{
	if (s->condition[0] == '\0')
		return s->up ? LINK_END_LOST : LINK_END_CONNECT;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(endings[i].condition, s->condition) == 0)
			return s->up ? endings[i].after : endings[i].before;
	return s->up ? LINK_END_ERROR : LINK_END_CONNECT;
}

static void on_conn(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
		    xmpp_stream_error_t *stream_error, void *userdata)
{
	struct stream *s = userdata;
	(void)conn;
	assert(s->magic == STREAM_MAGIC);
	if (s->dead || s->doomed)
		return;
	if (event == XMPP_CONN_CONNECT) {
		s->up = true;
		s->handlers->up(s->arg);
		return;
	}
	if (stream_error != NULL)
		note_stream_error(s, stream_error);
	else if (!s->up)
		snprintf(s->text, sizeof(s->text), "%s:%u: %s",
			 s->addresses[s->address_next - 1], s->port,
			 error ? strerror(error) : "no connection");
	s->end = s->closing ? LINK_END_ASKED : classify(s);
	s->dead = true;
}

/*
 * Up to 0.14 libstrophe allocates its XEP-0198 state in xmpp_connect_client() alone, and
 * dereferences it for every stanza and on every disconnect, of a component, too. So we
 * let it begin to connect as a client, and refuse it the socket: that fails at once, but
 * leaves the state behind.
 */
static void allocate_sm_state(xmpp_conn_t *conn)
{
	xmpp_conn_set_sockopt_callback(conn, on_sockopt_refuse);
	(void)xmpp_connect_client(conn, "127.0.0.1", 1, on_conn, NULL);
}

int strophe_begin(struct stream *s, const char *address)
{
	s->ctx = xmpp_ctx_new(&memory, &logger);
	s->conn = s->ctx != NULL ? xmpp_conn_new(s->ctx) : NULL;
	if (s->conn == NULL)
		return -1;
	xmpp_conn_set_jid(s->conn, s->domain);
	xmpp_conn_set_pass(s->conn, s->secret);
	(void)xmpp_conn_set_flags(s->conn,
				  XMPP_CONN_FLAG_DISABLE_TLS | XMPP_CONN_FLAG_DISABLE_SM);
	allocate_sm_state(s->conn);
	xmpp_conn_set_sockopt_callback(s->conn, on_sockopt);
	connecting = s;
	int rc = xmpp_connect_component(s->conn, address, s->port, on_conn, s);
	connecting = NULL;
	return rc == XMPP_EOK && s->theirs >= 0 ? 0 : -1;
}

/*
 * Each stanza has a parser of its own, which gets it in one piece. One parser for the
 * stream would make it everybody's trouble what a single user sent:
 * - Expat 2.6 and later, given a part of a tag that does not end it, looks again when
 *   there is twice as much: the end of a long tag, and all that is behind it, would wait
 *   for as many bytes to come.
 * - With the first stanza that is not well-formed it is done for. ejabberd hands on
 *   prefixes that are declared nowhere but in the header of the sender's own stream.
 */
int strophe_stanza(struct stream *s, const char *xml)
{
	xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(s->ctx, xml);
	if (stanza == NULL)
		return -1;
	s->handlers->stanza(s->arg, stanza);
	xmpp_stanza_release(stanza);
	return 0;
}

void strophe_end(struct stream *s)
{
	if (s->conn != NULL)
		xmpp_conn_release(s->conn);
	if (s->ctx != NULL)
		xmpp_ctx_free(s->ctx);
	s->conn = NULL;
	s->ctx = NULL;
	s->theirs = -1;
}
