#include "internal.h"
#include "problem.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

const double http_latency_bounds_ms[11] = {1,	2,   5,	  10,	25,  50,
					   100, 250, 500, 1000, 5000};

/*
 * Requests that were answered together are freed together, and the next ones ask for the
 * same again: keeping a few whole spares malloc the work.
 */
#define SPARES_MAX 128
#define SPARE_BYTES_MAX 8192 /* of each buffer */

static struct http_request *request_new(struct http_server *s)
{
	struct http_request *req = s->spare;

	if (!req) {
		req = xcalloc(1, sizeof *req);
		req->headers =
			xreallocarray(NULL, GUARD_HEADERS_MAX, sizeof *req->headers);
		return req;
	}
	s->spare = req->next;
	s->spares--;
	struct http_request again = {.headers = req->headers,
				     .head_text = req->head_text,
				     .body = req->body,
				     .extra = req->extra};
	*req = again;
	return req;
}

/* False: it is to be freed. */
static bool request_keep(struct http_request *req)
{
	struct http_server *s = req->server;
	struct buf *bufs[] = {&req->head_text, &req->body, &req->extra};

	if (!s || s->destroyed || s->spares == SPARES_MAX)
		return false;
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) {
		if (bufs[i]->cap > SPARE_BYTES_MAX)
			return false;
		buf_clear(bufs[i]);
	}
	req->next = s->spare;
	s->spare = req;
	s->spares++;
	return true;
}

static void request_drop(struct http_request *req)
{
	buf_free(&req->head_text);
	buf_free(&req->body);
	buf_free(&req->extra);
	free(req->headers);
	free(req);
}

void http_requests_free_spare(struct http_server *s)
{
	while (s->spare) {
		struct http_request *req = s->spare;

		s->spare = req->next;
		request_drop(req);
	}
	s->spares = 0;
}

struct http_request *http_request_create(struct http_server *s, struct conn *c,
					 struct MHD_Connection *mc)
{
	struct http_request *req = request_new(s);

	req->magic = REQUEST_MAGIC;
	req->server = s;
	req->conn = c;
	req->mc = mc;
	c->req = req;
	req->next = s->requests;
	if (req->next)
		req->next->prev = req;
	s->requests = req;
	return req;
}

static void request_free(struct http_request *req)
{
	if (req->next)
		req->next->prev = req->prev;
	if (req->prev)
		req->prev->next = req->next;
	else if (req->server)
		req->server->requests = req->next;
	if (req->response)
		MHD_destroy_response(req->response);
	router_match_free(&req->match);
	query_free(&req->query);
	free(req->method);
	free(req->uri);
	free(req->media);
	req->magic = 0;
	if (!request_keep(req))
		request_drop(req);
}

void http_request_release(struct http_request *req)
{
	if (req->conn)
		req->conn->req = NULL;
	if (req->suspended && req->server)
		req->server->suspended--;
	if (req->server)
		req->server->unsent -= req->response_len;
	req->response_len = 0;
	req->suspended = false;
	req->conn = NULL;
	req->mc = NULL;
	if (!req->handler_has)
		request_free(req);
}

static bool extra_has(const struct http_request *req, const char *name)
{
	for (size_t at = 0; at < req->extra.len;) {
		const char *here = req->extra.data + at;

		if (strcmp(here, name) == 0)
			return true;
		at += strlen(here) + 1;
		at += strlen(req->extra.data + at) + 1;
	}
	return false;
}

static void add_headers(struct MHD_Response *r, const struct http_request *req,
			const char *content_type)
{
	if (content_type)
		MHD_add_response_header(r, "Content-Type", content_type);
	if (!extra_has(req, "Cache-Control"))
		MHD_add_response_header(r, "Cache-Control", "no-store");
	for (size_t at = 0; at < req->extra.len;) {
		const char *name = req->extra.data + at;
		const char *value = name + strlen(name) + 1;

		MHD_add_response_header(r, name, value);
		at += strlen(name) + strlen(value) + 2;
	}
	if (req->close || (req->server && req->server->quiesced))
		MHD_add_response_header(r, "Connection", "close");
}

static void count_answer(struct http_server *s, const struct http_request *req)
{
	double ms = req->whole ? (double)(clock_mono_us() - req->whole_us) / 1000 : 0;
	size_t i = 0;

	while (i < 11 && ms > http_latency_bounds_ms[i])
		i++;
	s->stats.latency[i]++;
	s->stats.latency_sum_ms += ms;
	if (req->status / 100 < 6)
		s->stats.status_class[req->status / 100]++;
}

void http_request_respond(struct http_request *req, unsigned status,
			  const char *content_type, struct buf *body)
{
	size_t len = body ? body->len : 0;
	char *data = len ? buf_steal(body) : NULL;

	req->response = MHD_create_response_from_buffer(
		len, data, data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!req->response)
		abort(); /* out of memory */
	req->answered = true;
	req->response_len = len;
	req->server->unsent += len;
	req->status = status;
	add_headers(req->response, req, content_type);
	count_answer(req->server, req);
	if (!req->suspended)
		return;
	req->suspended = false;
	req->server->suspended--;
	MHD_resume_connection(req->mc);
	server_run_soon(req->server);
}

void http_request_fault(struct http_request *req, const struct guard_fault *fault)
{
	struct buf body = {0};

	problem_write(&body, fault->status, fault->type, fault->title, fault->detail);
	req->server->stats.refused_guard++;
	http_request_respond(req, fault->status, PROBLEM_CONTENT_TYPE, &body);
	buf_free(&body);
}

void http_request_expire(struct http_request *req)
{
	static const struct guard_fault late = {503, "deadline", "No answer in time",
						"The request may have been carried "
						"out; repeat it, an event with the "
						"same Idempotency-Key.",
						false};
	struct buf body = {0};

	if (req->answered || !req->mc)
		return;
	buf_clear(&req->extra);
	http_add_header(req, "Retry-After", "1");
	problem_write(&body, late.status, late.type, late.title, late.detail);
	req->server->stats.deadline_answers++;
	http_request_respond(req, late.status, PROBLEM_CONTENT_TYPE, &body);
	buf_free(&body);
}

/* ---- what handlers use ---------------------------------------------------------- */

void http_answer(struct http_request *req, unsigned status, const char *content_type,
		 struct buf *body)
{
	if (req->magic != REQUEST_MAGIC || !req->handler_has)
		abort();
	req->handler_has = false;
	if (req->mc && req->server && !req->answered)
		http_request_respond(req, status, content_type, body);
	if (body)
		buf_free(body);
	if (!req->mc)
		request_free(req);
}

void http_problem(struct http_request *req, unsigned status, const char *type,
		  const char *title, const char *detail)
{
	struct buf body = {0};

	problem_write(&body, status, type, title, detail);
	http_answer(req, status, PROBLEM_CONTENT_TYPE, &body);
}

void http_add_header(struct http_request *req, const char *name, const char *value)
{
	if (!req->extra.data)
		buf_reserve(&req->extra, 255);
	buf_add(&req->extra, name, strlen(name) + 1);
	buf_add(&req->extra, value, strlen(value) + 1);
}

const char *http_param(const struct http_request *req, size_t index)
{
	return index < HTTP_PARAMS_MAX ? req->match.params[index] : NULL;
}

const char *http_header(const struct http_request *req, const char *name)
{
	for (size_t i = 0; i < req->header_count; i++)
		if (guard_named(&req->headers[i], name))
			return req->headers[i].value;
	return NULL;
}

bool http_header_repeated(const struct http_request *req, const char *name)
{
	size_t times = 0;

	for (size_t i = 0; i < req->header_count; i++)
		times += guard_named(&req->headers[i], name);
	return times > 1;
}

const char *http_query(const struct http_request *req, const char *name)
{
	return query_get(&req->query, name);
}

const char *http_query_unknown(const struct http_request *req, const char *names)
{
	return query_unknown(&req->query, names);
}

const char *http_method(const struct http_request *req)
{
	return req->method;
}

const char *http_path(const struct http_request *req)
{
	return req->path;
}

const char *http_content_type(const struct http_request *req)
{
	return req->media;
}

const char *http_body(const struct http_request *req, size_t *len)
{
	*len = req->body.len;
	return req->body.data ? req->body.data : "";
}

bool http_awaited(const struct http_request *req)
{
	return req->mc && !req->answered;
}

void http_set_context(struct http_request *req, void *context)
{
	req->context = context;
}

void *http_context(const struct http_request *req)
{
	return req->context;
}
