#include "service.h"

#include <belfry/base/text.h>
#include <belfry/core/id.h>
#include <belfry/http/json.h>
#include <belfry/serve/event_json.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Events that are to come. */

#define SCHEDULED_LIMIT 50
#define SCHEDULED_LIMIT_MAX 100
#define SCOPES (SCOPE_PUBLISH | SCOPE_MANAGE)

static void on_list(void *arg, enum belfry_err err, const struct store_scheduled *list,
		    size_t count, bool more)
{
	struct call *call = arg;
	struct buf out = {0};
	char next[EVENT_ID_SIZE + 24];

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"events\":[");
	for (size_t i = 0; i < count; i++) {
		buf_adds(&out, i ? ",\n{" : "\n{");
		scheduled_json_members(&out, call->feed, &list[i]);
		buf_adds(&out, "}");
	}
	if (more && count)
		snprintf(next, sizeof next, "%" PRIu64 "~%s", list[count - 1].due_ms,
			 list[count - 1].event.id);
	call_answer_page(call, &out, more && count ? next : NULL);
}

/* "1763812345678~01a202d8-..." */
static const char *read_cursor(const char *after, uint64_t *due_ms)
{
	const char *tilde = strchr(after, '~');

	if (!tilde || parse_u64(after, (size_t)(tilde - after), UINT64_MAX, due_ms) ||
	    !event_id_valid(tilde + 1, strlen(tilde + 1)))
		return NULL;
	return tilde + 1;
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *after = http_query(call->req, "after"), *id = "";
	uint64_t due_ms = 0;

	if (!call_feed_valid(call))
		return;
	if (after)
		id = read_cursor(after, &due_ms);
	if (!id) {
		call_problem(call, &problem_bad_parameter,
			     "after takes a cursor as it was given in 'next'.");
		return;
	}
	if (call_limit(call, SCHEDULED_LIMIT, SCHEDULED_LIMIT_MAX))
		return;
	if (history_must_be_short(call))
		call->limit = 1;
	store->ops->scheduled_list(store, call->feed, due_ms, id, call->limit, on_list,
				   call);
}

void scheduled_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPES, "after limit", list_checked);
}

static void on_cancelled(void *arg, enum belfry_err err)
{
	if (err == BELFRY_ENOENT)
		call_problem(arg, &problem_not_scheduled, NULL);
	else
		call_removed(arg, err);
}

static void delete_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *id = http_param(call->req, 1);

	if (!call_feed_valid(call))
		return;
	if (!event_id_valid(id, strlen(id)))
		call_problem(call, &problem_not_scheduled, NULL);
	else
		store->ops->scheduled_cancel(store, call->feed, id, NULL, on_cancelled,
					     call);
}

void scheduled_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPES, "", delete_checked);
}
