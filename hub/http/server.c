#include "internal.h"
#include "listen.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each resume walks all that are suspended. */
#define SUSPENDED_MAX 2048
/* Of a refused body, read before the answer, so that the client gets to see it. */
#define DRAIN_MAX (1024 * 1024)
/* Memory of the library for one connection: its head, and half of it read buffer. */
#define CONNECTION_MEMORY (24 * 1024)
/* An answer's receiver must take at least this much a millisecond. */
#define SLOW_READER_BYTES_PER_MS 16

/* ---- requests ------------------------------------------------------------------- */

/*
 * Answering a request whose body is still on its way closes the connection, and the
 * client, busy sending, may never read why. So the body is read and thrown away first,
 * unless it is too much of it, the client waits for the word to send it, or the framing
 * is in doubt.
 */
static bool answer_first(const struct http_request *req, const struct guard_fault *fault)
{
	bool body = req->facts.chunked || req->facts.length;

	return fault->close ||
	       (body && (req->facts.expects_continue || req->facts.length > DRAIN_MAX));
}

static enum MHD_Result answer_queue(struct http_request *req)
{
	struct http_server *s = req->server;
	struct MHD_Response *response = req->response;
	enum MHD_Result result;

	conn_set_phase(s, req->conn, CONN_SENDING,
		       s->limits.request_timeout_ms +
			       req->response_len / SLOW_READER_BYTES_PER_MS);
	req->conn->served = true;
	req->response = NULL;
	result = MHD_queue_response(req->mc, req->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result request_first(struct http_server *s, struct MHD_Connection *mc,
				     const char *method, const char *version,
				     void **context)
{
	struct http_request *req = http_request_create(s, conn_of(mc), mc);
	const struct guard_fault *fault = head_read(req, method, version);

	*context = req;
	if (!fault)
		return MHD_YES;
	req->close = fault->close || answer_first(req, fault);
	http_request_fault(req, fault);
	if (req->close)
		return answer_queue(req);
	req->draining = true;
	return MHD_YES;
}

static enum MHD_Result request_data(struct http_request *req, const char *data,
				    size_t len)
{
	if (!req->draining && req->body.len + len > req->max_body_bytes) {
		req->draining = true;
		req->close = true;
		buf_free(&req->body);
		http_request_fault(req,
				   guard_too_large(req->match.route->max_body_bytes));
	}
	if (!req->draining) {
		buf_add(&req->body, data, len);
		return MHD_YES;
	}
	req->drained += len;
	return req->drained > DRAIN_MAX ? MHD_NO : MHD_YES;
}

static void request_dispatch(struct http_server *s, struct http_request *req)
{
	static const struct guard_fault busy = {
		503, "busy", "Too many requests under way", "Try again shortly.", false};

	req->whole = true;
	req->whole_us = clock_mono_us();
	s->stats.requests++;
	if (req->response)
		return;
	if (req->match.route->accepts && !req->match.route->body_optional &&
	    !req->body.len) {
		http_request_fault(req, &guard_empty);
	} else if (s->suspended >= SUSPENDED_MAX) {
		http_add_header(req, "Retry-After", "1");
		http_request_fault(req, &busy);
	} else {
		conn_set_phase(s, req->conn, CONN_WAITING, s->limits.request_timeout_ms);
		req->handler_has = true;
		req->match.route->handler(s->arg, req);
	}
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mc, const char *url,
				  const char *method, const char *version,
				  const char *data, size_t *len, void **context)
{
	struct http_server *s = arg;
	struct http_request *req = *context;

	(void)url;
	if (s->destroyed && !(req && req->response))
		return MHD_NO;
	if (!req)
		return request_first(s, mc, method, version, context);
	if (*len) {
		size_t taken = *len;

		*len = 0;
		return request_data(req, data, taken);
	}
	if (!req->whole)
		request_dispatch(s, req);
	if (req->response)
		return answer_queue(req);
	req->suspended = true;
	s->suspended++;
	MHD_suspend_connection(mc);
	return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *mc, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *s = arg;
	struct http_request *req = *context;
	struct conn *c = conn_of(mc);

	(void)code;
	if (c)
		conn_set_phase(s, c, CONN_IDLE, s->limits.request_timeout_ms);
	*context = NULL;
	if (req)
		http_request_release(req);
}

/* ---- the loop ------------------------------------------------------------------- */

static void server_run(void *arg)
{
	struct http_server *s = arg;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(s->mhd);
	if (MHD_get_timeout(s->mhd, &wait_ms) == MHD_YES)
		loop_timer_arm(s->poll, wait_ms);
	else
		loop_timer_disarm(s->poll);
}

static void on_readable(void *arg, unsigned events)
{
	(void)events;
	server_run(arg);
}

static void on_deferred(void *arg)
{
	struct http_server *s = arg;

	s->run_deferred = false;
	if (s->destroyed)
		free(s);
	else
		server_run(s);
}

void server_run_soon(struct http_server *s)
{
	if (s->run_deferred || s->destroyed)
		return;
	s->run_deferred = true;
	loop_defer(s->loop, on_deferred, s);
}

/* Deadlines are kept to a tenth. */
static uint64_t sweep_interval(const struct http_server *s)
{
	uint64_t ms = s->limits.request_timeout_ms / 10;

	return ms < 10 ? 10 : ms > 1000 ? 1000 : ms;
}

static void on_sweep(void *arg)
{
	struct http_server *s = arg;

	conn_sweep(s, clock_mono_ms());
	loop_timer_arm(s->sweep, sweep_interval(s));
}

/* ---- life ----------------------------------------------------------------------- */

/* Percent-escapes are decoded by the router, after the path has been split. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mc, char *s)
{
	(void)arg;
	(void)mc;
	return strlen(s);
}

#if MHD_VERSION >= 0x01000000
#define STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT
#endif

static struct MHD_Daemon *daemon_start(struct http_server *s, int fd)
{
	/* A backstop only: conn_sweep() keeps the real deadlines. */
	unsigned idle_s = (unsigned)(s->limits.request_timeout_ms / 1000) * 2 + 2;

	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, conn_admit, s, on_request, s,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)s->limits.max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
		idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_NOTIFY_CONNECTION, conn_notify, s, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, conn_request_line, s,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, s, STRICTNESS, 1,
		MHD_OPTION_END);
}

struct http_server *http_server_create(struct loop *loop, const struct config_addr *addr,
				       const struct http_limits *limits,
				       const struct http_route *routes, void *arg,
				       char *why, size_t why_size)
{
	struct http_server *s = xcalloc(1, sizeof *s);
	const union MHD_DaemonInfo *info;
	int fd = listen_open(addr, &s->port, why, why_size);

	if (fd < 0)
		goto err_server;
	s->loop = loop;
	s->limits = *limits;
	s->routes = routes;
	s->arg = arg;
	s->mhd = daemon_start(s, fd);
	if (!s->mhd) {
		snprintf(why, why_size, "the HTTP server did not start on %s port %u",
			 addr->host, (unsigned)s->port);
		goto err_socket;
	}
	info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	s->watch = loop_fd_create(loop, info->epoll_fd, LOOP_READ, on_readable, s);
	s->poll = loop_timer_create(loop, server_run, s);
	s->sweep = loop_timer_create(loop, on_sweep, s);
	loop_timer_arm(s->sweep, sweep_interval(s));
	server_run_soon(s);
	return s;

err_socket:
	close(fd);
err_server:
	free(s);
	return NULL;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_quiesce(struct http_server *s)
{
	if (s->quiesced)
		return;
	s->quiesced = true;
	int fd = MHD_quiesce_daemon(s->mhd);
	if (fd >= 0)
		close(fd);
}

size_t http_server_unsent(const struct http_server *s)
{
	return s->unsent;
}

size_t http_server_active(const struct http_server *s)
{
	return s->stats.active;
}

/*
 * The library takes a turn to begin an answer, and another to send it. What a client does
 * not take at once is cut off.
 */
#define LAST_TURNS 3

/* Handlers keep what they have not answered; it no longer knows of us. */
static void requests_orphan(struct http_server *s)
{
	while (s->requests) {
		struct http_request *req = s->requests;

		s->requests = req->next;
		if (s->requests)
			s->requests->prev = NULL;
		req->next = NULL;
		req->server = NULL;
		req->conn = NULL;
		req->mc = NULL;
	}
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	s->destroyed = true;
	loop_fd_destroy(s->watch);
	loop_timer_destroy(s->poll);
	loop_timer_destroy(s->sweep);
	for (struct http_request *req = s->requests; req; req = req->next)
		if (req->suspended) {
			req->suspended = false;
			s->suspended--;
			MHD_resume_connection(req->mc);
		}
	for (int i = 0; i < LAST_TURNS; i++)
		MHD_run(s->mhd);
	MHD_stop_daemon(s->mhd);
	requests_orphan(s);
	http_requests_free_spare(s);
	if (!s->run_deferred)
		free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
	*out = s->stats;
}
