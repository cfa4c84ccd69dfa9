#include "internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void addr_of(const struct sockaddr *sa, struct in6_addr *out)
{
	memset(out, 0, sizeof *out);
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 sin6;

		memcpy(&sin6, sa, sizeof sin6);
		*out = sin6.sin6_addr;
	} else if (sa->sa_family == AF_INET) {
		struct sockaddr_in sin;

		memcpy(&sin, sa, sizeof sin);
		out->s6_addr[10] = out->s6_addr[11] = 0xff;
		memcpy(&out->s6_addr[12], &sin.sin_addr, 4);
	}
}

struct conn *conn_of(struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *c = info ? info->socket_context : NULL;

	if (c && c->magic != CONN_MAGIC)
		abort();
	return c;
}

enum MHD_Result conn_admit(void *server, const struct sockaddr *addr, socklen_t len)
{
	struct http_server *s = server;
	struct in6_addr who;
	uint64_t same = 0;

	(void)len;
	addr_of(addr, &who);
	for (const struct conn *c = s->conns; c; c = c->next)
		same += !memcmp(&c->addr, &who, sizeof who);
	if (same < s->limits.max_connections_per_ip)
		return MHD_YES;
	s->stats.refused_connections++;
	return MHD_NO;
}

static void *conn_open(struct http_server *s, struct MHD_Connection *mc)
{
	struct conn *c = xcalloc(1, sizeof *c);
	const union MHD_ConnectionInfo *info;

	c->magic = CONN_MAGIC;
	info = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info ? info->connect_fd : -1;
	info = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && info->client_addr)
		addr_of(info->client_addr, &c->addr);
	conn_set_phase(s, c, CONN_IDLE, s->limits.request_timeout_ms);
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	s->stats.connections++;
	return c;
}

static void conn_closed(struct http_server *s, struct conn *c)
{
	if (c->req) {
		c->req->conn = NULL;
		c->req->mc = NULL;
	}
	if (c->next)
		c->next->prev = c->prev;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	s->stats.connections--;
	if (c->phase != CONN_IDLE)
		s->stats.active--;
	free(c->uri);
	c->magic = 0;
	free(c);
	/* The library listens again after a flood only when it is run once more. */
	server_run_soon(s);
}

void conn_notify(void *server, struct MHD_Connection *mc, void **context,
		 enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = conn_open(server, mc);
	} else if (*context) {
		conn_closed(server, *context);
		*context = NULL;
	}
}

void *conn_request_line(void *server, const char *uri, struct MHD_Connection *mc)
{
	struct http_server *s = server;
	struct conn *c = conn_of(mc);

	if (!c)
		return NULL;
	free(c->uri);
	c->uri = xstrdup(uri ? uri : "");
	c->uri_end = uri ? uri + strlen(uri) : NULL;
	if (c->served)
		conn_set_phase(s, c, CONN_READING, s->limits.request_timeout_ms);
	else
		conn_set_phase(s, c, CONN_READING, 0);
	return NULL;
}

/* ALLOW_MS from now; 0: the deadline stays what it is. */
void conn_set_phase(struct http_server *s, struct conn *c, enum conn_phase phase,
		    uint64_t allow_ms)
{
	if (c->phase == CONN_IDLE && phase != CONN_IDLE)
		s->stats.active++;
	if (c->phase != CONN_IDLE && phase == CONN_IDLE)
		s->stats.active--;
	c->phase = phase;
	if (allow_ms)
		c->deadline_ms = clock_mono_ms() + allow_ms;
}

/*
 * The library gives no way to answer a request that is not whole. Nothing else is being
 * sent in this phase, so the socket itself takes the answer; what does not fit is lost.
 */
static void say_too_slow(const struct conn *c)
{
	static const char text[] = "HTTP/1.1 408 Request Timeout\r\n"
				   "Connection: close\r\nContent-Length: 0\r\n\r\n";

	(void)!send(c->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * The library overlooks an end of the stream that came together with data. Seen twice: so
 * it has had the time to use all that came before.
 */
static bool left_in_the_middle(struct conn *c)
{
	char byte;
	bool ended = c->phase == CONN_READING &&
		     recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
	bool twice = ended && c->ended;

	c->ended = ended;
	return twice;
}

void conn_sweep(struct http_server *s, uint64_t now_ms)
{
	for (struct conn *c = s->conns; c; c = c->next) {
		if (left_in_the_middle(c))
			shutdown(c->fd, SHUT_RDWR);
		if (now_ms < c->deadline_ms)
			continue;
		if (c->phase == CONN_WAITING) {
			if (c->req)
				http_request_expire(c->req);
			continue;
		}
		if (c->phase == CONN_READING) {
			say_too_slow(c);
			s->stats.deadline_answers++;
		}
		/* The library sees the end of the stream and cleans up. */
		if (c->fd >= 0)
			shutdown(c->fd, SHUT_RDWR);
		c->deadline_ms = UINT64_MAX;
	}
}
