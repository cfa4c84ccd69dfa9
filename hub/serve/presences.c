#include "service.h"

#include <belfry/core/presence.h>
#include <belfry/http/json.h>

#include <stdlib.h>
#include <string.h>

#define SCOPES (SCOPE_PUBLISH | SCOPE_MANAGE)

char *presence_shown(const char *stored)
{
	struct feed_presence p = {0};
	char why[256];

	if (stored)
		feed_presence_parse(&p, stored, strlen(stored), why, sizeof why);
	char *json = feed_presence_json(&p);
	feed_presence_free(&p);
	return json;
}

static void answer(struct call *call, const char *json)
{
	struct buf out = {0};

	buf_adds(&out, json);
	buf_adds(&out, "\n");
	call_answer(call, 200, &out);
}

/* ---- GET ------------------------------------------------------------------------ */

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	(void)created;
	if (err) {
		call_error(arg, err);
		return;
	}
	char *json = presence_shown(feed->presence);
	answer(arg, json);
	free(json);
}

static void get_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (call_feed_valid(call))
		store->ops->feed_get(store, call->feed, on_feed, call);
}

void presence_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPES, "", get_checked);
}

/* ---- PUT, DELETE ---------------------------------------------------------------- */

static void on_stored(void *arg, enum belfry_err err)
{
	struct call *call = arg;

	if (err)
		call_error(call, err);
	else
		answer(call, call->text);
}

static void put_checked(struct call *call)
{
	struct store *store = call->service->store;
	struct feed_presence p;
	char why[256];
	size_t len;
	const char *body = http_body(call->req, &len);

	if (!call_feed_valid(call))
		return;
	if (feed_presence_parse(&p, body, len, why, sizeof why)) {
		call_problem(call, &problem_bad_document, why);
		return;
	}
	call->text = feed_presence_json(&p);
	store->ops->presence_put(store, call->feed,
				 feed_presence_is_default(&p) ? NULL : call->text,
				 on_stored, call);
	feed_presence_free(&p);
}

void presence_put(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPES, "", put_checked);
}

static void delete_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (call_feed_valid(call))
		store->ops->presence_put(store, call->feed, NULL, call_removed, call);
}

void presence_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPES, "", delete_checked);
}
