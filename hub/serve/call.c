#include "service.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/http/json.h>

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One line about a cause of 5xx in so much time; the others are counted in the next. */
#define CAUSE_QUIET_MS 10000

static void call_free(struct call *call)
{
	token_free(&call->token);
	free(call->text);
	free(call->more);
	if (call->own)
		call->free_own(call->own);
	free(call);
}

void call_answer(struct call *call, unsigned status, struct buf *json)
{
	http_answer(call->req, status, json ? "application/json" : NULL, json);
	call_free(call);
}

#define TAG_SIZE (2 * 16 + 1)

static void make_tag(const struct buf *body, char out[TAG_SIZE])
{
	unsigned char hash[16];

	crypto_generichash(hash, sizeof hash, (const unsigned char *)body->data,
			   body->len, NULL, 0);
	sodium_bin2hex(out, TAG_SIZE, hash, sizeof hash);
}

void call_answer_tagged(struct call *call, const char *tag, const char *cache,
			const char *type, struct buf *body)
{
	const char *known = http_header(call->req, "If-None-Match");
	struct buf etag = {0};

	buf_printf(&etag, "\"%s\"", tag);
	bool same = known && (strstr(known, etag.data) || !strcmp(known, "*"));
	http_add_header(call->req, "ETag", etag.data);
	http_add_header(call->req, "Cache-Control", cache);
	buf_free(&etag);
	/* With the body, so that its length is told; a 304 leaves the bytes out. */
	http_answer(call->req, same ? 304 : 200, type, body);
	call_free(call);
}

void call_answer_cached(struct call *call, const char *type, struct buf *body)
{
	char tag[TAG_SIZE];

	make_tag(body, tag);
	call_answer_tagged(call, tag, "private, max-age=300", type, body);
}

void call_problem(struct call *call, const struct problem *problem, const char *detail)
{
	char seconds[24];
	uint64_t wait_s = problem->retry_after_s;

	if (wait_s) {
		if (wait_s < call->wait_s)
			wait_s = call->wait_s;
		snprintf(seconds, sizeof seconds, "%" PRIu64, wait_s);
		http_add_header(call->req, "Retry-After", seconds);
	}
	http_problem(call->req, problem->status, problem->type, problem->title,
		     detail ? detail : problem->detail);
	call_free(call);
}

void call_problemf(struct call *call, const struct problem *problem, const char *fmt, ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	call_problem(call, problem, detail);
}

void call_error(struct call *call, enum belfry_err err)
{
	const struct problem *problem = problem_of(err);
	struct service *s = call->service;

	if (problem->status >= 500) {
		uint64_t now = clock_mono_ms();

		s->causes[err].unlogged++;
		if (!s->causes[err].logged_ms ||
		    now - s->causes[err].logged_ms > CAUSE_QUIET_MS) {
			log_warn("requests fail", log_u("status", problem->status),
				 log_s("cause", belfry_err_text(err)),
				 log_u("requests", s->causes[err].unlogged));
			s->causes[err].unlogged = 0;
			s->causes[err].logged_ms = now;
		}
	}
	call_problem(call, problem, NULL);
}

void call_answer_page(struct call *call, struct buf *list, const char *next)
{
	buf_adds(list, "]");
	if (next)
		json_add_member(list, "next", next);
	else
		json_add_member_raw(list, "next", "null", 4);
	buf_adds(list, "}\n");
	call_answer(call, 200, list);
}

void call_removed(void *arg, enum belfry_err err)
{
	if (err)
		call_error(arg, err);
	else
		call_answer(arg, 204, NULL);
}

bool call_feed_valid(struct call *call)
{
	if (feed_name_valid(call->feed, strlen(call->feed)))
		return true;
	call_error(call, BELFRY_ENOFEED);
	return false;
}

int call_limit(struct call *call, size_t default_limit, size_t max)
{
	const char *text = http_query(call->req, "limit");
	uint64_t n = default_limit;

	if (text && (parse_u64(text, strlen(text), max, &n) || !n)) {
		call_problemf(call, &problem_bad_parameter,
			      "limit must be a number from 1 to %zu.", max);
		return -1;
	}
	call->limit = (size_t)n;
	return 0;
}

/* ---- what several handlers do ---------------------------------------------------- */

#define PEOPLE_LIMIT 100
#define PEOPLE_LIMIT_MAX 1000

int call_people(struct call *call)
{
	const char *after = http_query(call->req, "after");

	if (!call_feed_valid(call))
		return -1;
	if (!after || !parse_u64(after, strlen(after), UINT64_MAX, &call->cursor))
		return call_limit(call, PEOPLE_LIMIT, PEOPLE_LIMIT_MAX);
	call_problem(call, &problem_bad_parameter,
		     "after takes a cursor as it was given in 'next'.");
	return -1;
}

void call_answer_people(struct call *call, struct buf *list, uint64_t next)
{
	char cursor[24];

	snprintf(cursor, sizeof cursor, "%" PRIu64, next);
	call_answer_page(call, list, next ? cursor : NULL);
}

int call_config(struct call *call, enum belfry_err err, const struct store_feed *feed,
		struct feed_config *out)
{
	char why[256];

	if (err) {
		call_error(call, err);
		return -1;
	}
	feed_config_init(out);
	feed_config_patch(out, feed->config, strlen(feed->config), why, sizeof why);
	return 0;
}

/* ---- who asks ------------------------------------------------------------------- */

static void unauthorized(struct call *call, const char *challenge)
{
	call->service->count.unauthorized++;
	http_add_header(call->req, "WWW-Authenticate", challenge);
	call_problem(call, &problem_unauthorized, NULL);
}

static void unknown_token(struct call *call)
{
	unauthorized(call, "Bearer realm=\"belfry\", error=\"invalid_token\"");
}

static void token_copy(struct token *to, const struct token *from)
{
	*to = *from;
	to->feeds = xstrdup(from->feeds);
	to->note = NULL;
}

static bool scope_held(const struct token *token, unsigned scopes, const char *feed)
{
	static const enum token_scope each[] = {SCOPE_PUBLISH, SCOPE_MANAGE, SCOPE_ADMIN};

	if (!feed) /* of all feeds, the handler shows those that the globs match */
		return token->scopes & (scopes | SCOPE_ADMIN);
	for (size_t i = 0; i < sizeof each / sizeof *each; i++)
		if (scopes & each[i] && token_allows(token, each[i], feed))
			return true;
	return false;
}

static void forbidden(struct call *call)
{
	call->service->count.forbidden++;
	call_problem(call, &problem_forbidden, NULL);
}

bool call_may(struct call *call, const char *feed)
{
	if (scope_held(&call->token, call->scopes, feed))
		return true;
	forbidden(call);
	return false;
}

static void authorize(struct call *call, const struct token *token)
{
	if (!token_hash_equal(token->hash, call->hash)) {
		unknown_token(call);
		return;
	}
	token_copy(&call->token, token);
	if (scope_held(token, call->scopes, call->feed))
		call->then(call);
	else
		forbidden(call);
}

static void on_token(void *arg, enum belfry_err err, const char *json, size_t len)
{
	struct call *call = arg;
	struct auth_cache *cache = call->service->auth;
	struct token token = {0};

	if (err == BELFRY_ENOENT) {
		auth_cache_put_unknown(cache, call->token.id, clock_mono_ms());
		unknown_token(call);
	} else if (err) {
		call_error(call, err);
	} else if (token_parse(&token, call->token.id, json, len)) {
		log_error("a token in the store cannot be read",
			  log_s("token", call->token.id));
		call_error(call, BELFRY_EINTERNAL);
	} else {
		authorize(call, auth_cache_put(cache, &token, clock_mono_ms()));
	}
}

static void authenticate(struct call *call)
{
	const char *header = http_header(call->req, "Authorization");
	struct service *s = call->service;
	const struct token *token;

	if (!header || http_header_repeated(call->req, "Authorization") ||
	    strncasecmp(header, "Bearer ", 7) != 0) {
		unauthorized(call, "Bearer realm=\"belfry\"");
		return;
	}
	header += 7 + strspn(header + 7, " ");
	if (token_split(header, strlen(header), call->token.id, call->hash)) {
		unknown_token(call);
		return;
	}
	switch (auth_cache_find(s->auth, call->token.id, clock_mono_ms(), &token)) {
	case AUTH_KNOWN:
		authorize(call, token);
		break;
	case AUTH_UNKNOWN:
		unknown_token(call);
		break;
	case AUTH_ASK:
		s->store->ops->token_get(s->store, call->token.id, on_token, call);
		break;
	}
}

void call_begin(struct service *s, struct http_request *req, unsigned scopes,
		const char *allowed, void (*then)(struct call *call))
{
	struct call *call = xcalloc(1, sizeof *call);
	const char *unknown = http_query_unknown(req, allowed);

	call->service = s;
	call->req = req;
	call->then = then;
	call->feed = http_param(req, 0);
	call->scopes = scopes;
	if (!s->checked)
		call_problem(call, &problem_not_ready, NULL);
	else if (unknown)
		call_problemf(call, &problem_bad_parameter,
			      "There is no query parameter '%.64s' here; known: %s.",
			      unknown, *allowed ? allowed : "none");
	else
		authenticate(call);
}
