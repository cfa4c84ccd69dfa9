#ifndef BELFRY_HTTP_SERVER_H
#define BELFRY_HTTP_SERVER_H

#include <belfry/base/buf.h>
#include <belfry/base/loop.h>
#include <belfry/core/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * HTTP/1.1 (RFC 9112) on our loop, by libmicrohttpd. Requests are checked before a
 * handler sees them (hub/http/guard.c: smuggling, Host, sizes, media type, deadlines,
 * connection limits) and bodies are read whole.
 */
struct http_server;
struct http_request;

/*
 * Called once a request is whole. The handler answers each request exactly once, by
 * http_answer() or http_problem(), now or later from the loop; the request is valid until
 * then, even if the client has gone or the deadline has been answered with a 503: the
 * answer is then dropped.
 */
typedef void (*http_handler)(void *arg, struct http_request *req);

#define HTTP_PARAMS_MAX 3
struct http_route {
	const char *method;  /* "GET" (HEAD is answered by it, too), "POST", ... */
	const char *pattern; /* "/v1/feeds/{feed}/events"; {x} is one segment, decoded */
	http_handler handler;
	/* Media types a body may have, separated by spaces; NULL: a body is refused. */
	const char *accepts;
	bool body_optional;
	uint64_t max_body_bytes; /* 0: that of the limits */
};

struct http_limits {
	uint64_t max_body_bytes;
	uint64_t max_connections;
	uint64_t max_connections_per_ip;
	uint64_t
		request_timeout_ms; /* first byte to whole request, and whole to answer */
};

/*
 * Listens on ADDR (port 0: the kernel's choice, see http_server_port()). ROUTES end with
 * a NULL pattern and live as long as the server, as ARG does, which every handler gets.
 * NULL: could not listen, and WHY says what to do.
 */
struct http_server *http_server_create(struct loop *loop, const struct config_addr *addr,
				       const struct http_limits *limits,
				       const struct http_route *routes, void *arg,
				       char *why, size_t why_size);
uint16_t http_server_port(const struct http_server *s);
/* Takes no more connections; requests under way go on. */
void http_server_quiesce(struct http_server *s);
/* Requests not yet answered and sent. */
size_t http_server_active(const struct http_server *s);
/* Bytes of the bodies that were answered and have not been taken by their clients. */
size_t http_server_unsent(const struct http_server *s);
/*
 * What was answered is sent as far as the client takes it at once. Outstanding requests
 * are cut off; handlers may still answer them, to no effect.
 */
void http_server_destroy(struct http_server *s);

const char *http_param(const struct http_request *req, size_t index); /* of the pattern */
const char *http_header(const struct http_request *req, const char *name); /* or NULL */
const char *http_query(const struct http_request *req, const char *name);  /* or NULL */
/* The first query parameter that is not among NAMES (separated by spaces), or NULL. */
const char *http_query_unknown(const struct http_request *req, const char *names);
/* The header was sent more than once: http_header() shows the first. */
bool http_header_repeated(const struct http_request *req, const char *name);
const char *http_method(const struct http_request *req);
const char *http_path(const struct http_request *req); /* as asked for */
const char *
http_content_type(const struct http_request *req); /* media type only, or NULL */
const char *http_body(const struct http_request *req, size_t *len);
/* False: the client has gone, or the deadline was answered; an answer is dropped. */
bool http_awaited(const struct http_request *req);
/* A pointer of the handler's, carried along. */
void http_set_context(struct http_request *req, void *context);
void *http_context(const struct http_request *req);

/*
 * An extra header of the answer; copied. Before the answer. Cache-Control is "no-store"
 * where it is not one of them.
 */
void http_add_header(struct http_request *req, const char *name, const char *value);
/* BODY is taken (left empty); NULL: none. */
void http_answer(struct http_request *req, unsigned status, const char *content_type,
		 struct buf *body);
/*
 * An RFC 9457 problem document. TYPE is the stable last part of its URN,
 * "urn:belfry:problem:TYPE"; TITLE the short text of that type; DETAIL says what to do.
 */
void http_problem(struct http_request *req, unsigned status, const char *type,
		  const char *title, const char *detail);

/* Counters for /metrics. */
struct http_stats {
	uint64_t requests, refused_guard, refused_connections, deadline_answers;
	uint64_t status_class[6]; /* [2]: answers 2xx, ... */
	uint64_t connections, active;
	/* From whole request to answer; upper bounds in http_latency_bounds_ms[], last
	 * +Inf. */
	uint64_t latency[12];
	double latency_sum_ms;
};
extern const double http_latency_bounds_ms[11];
void http_server_stats(const struct http_server *s, struct http_stats *out);

#endif
