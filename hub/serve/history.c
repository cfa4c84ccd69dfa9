#include "service.h"

#include <belfry/base/mem.h>
#include <belfry/core/id.h>
#include <belfry/http/json.h>
#include <belfry/serve/event_json.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_LIMIT 50
#define HISTORY_LIMIT_MAX 100
/* A page ends early when it has become so large. */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* While clients are slow to take so much, a page is one event. */
#define UNSENT_BYTES_MAX ((size_t)64 * 1024 * 1024)

bool history_must_be_short(const struct call *call)
{
	return http_server_unsent(call->service->http) > UNSENT_BYTES_MAX;
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct call *call = arg;
	const struct pos *had = call->own;
	struct buf out = {0};
	char next[POS_TEXT_SIZE];
	size_t i = 0, room = PAGE_BYTES_MAX;

	if (err) {
		call_error(call, err);
		return;
	}
	if (history_must_be_short(call))
		room = 0;
	buf_adds(&out, "{");
	uint64_t missed = had && count ? pos_between(*had, events[0].pos) : 0;
	if (missed)
		buf_printf(&out, "\"missed\":%" PRIu64 ",", missed);
	buf_adds(&out, "\"events\":[");
	for (; i < count && (!i || out.len < room); i++) {
		buf_adds(&out, i ? ",\n" : "\n");
		buf_adds(&out, "{");
		event_json_members(&out, call->feed, &events[i]);
		buf_adds(&out, "}");
	}
	bool cut = i && (more || i < count);
	if (cut)
		pos_format(events[i - 1].pos, next);
	call_answer_page(call, &out, cut ? next : NULL);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *after = http_query(call->req, "after");
	const char *before = http_query(call->req, "before");
	const char *cursor = before ? before : after;
	struct pos from = {0, 0};

	if (!call_feed_valid(call))
		return;
	if (after && before) {
		call_problem(call, &problem_bad_parameter,
			     "Give after or before, not both.");
		return;
	}
	if (cursor && !(before && !strcmp(before, "newest")) &&
	    pos_parse(cursor, strlen(cursor), &from)) {
		call_problem(call, &problem_bad_parameter,
			     "after and before take a cursor as it was given in "
			     "'next'; before=newest begins with the newest event.");
		return;
	}
	if (call_limit(call, HISTORY_LIMIT, HISTORY_LIMIT_MAX))
		return;
	if (history_must_be_short(call)) /* what is not shown is not read, either */
		call->limit = 1;
	if (after) {
		struct pos *had = xcalloc(1, sizeof *had);

		*had = from;
		call->own = had;
		call->free_own = free;
	}
	store->ops->events(store, call->feed, from, before, call->limit, on_events, call);
}

void history_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "after before limit",
		   list_checked);
}

static void add_deliveries(struct buf *out, uint64_t subscribers,
			   const struct store_counters *c)
{
	struct buf json = {0};

	buf_adds(&json, "{");
	json_add_member_u64(&json, "subscribers", subscribers);
	json_add_member_u64(&json, "taken", c->taken);
	json_add_member_u64(&json, "sent", c->sent);
	json_add_member_u64(&json, "held", c->held);
	json_add_member_u64(&json, "dead", c->dead);
	json_add_member_u64(&json, "bounced", c->bounced);
	json_add_member_u64(&json, "left", c->left);
	json_add_member_u64(&json, "skipped", c->skipped);
	json_add_member_u64(&json, "filtered", c->filtered);
	json_add_member_u64(&json, "expired", c->expired);
	json_add_member_u64(&json, "superseded", c->superseded);
	json_add_member_u64(&json, "received", c->received);
	buf_adds(&json, "}");
	json_add_member_raw(out, "deliveries", json.data, json.len);
	buf_free(&json);
}

static void get(struct call *call);

static void on_scheduled(void *arg, enum belfry_err err,
			 const struct store_scheduled *list, size_t count, bool more)
{
	struct call *call = arg;
	struct buf out = {0};

	(void)count;
	(void)more;
	if (err == BELFRY_ENOENT && call->tries++ == 0) {
		get(call); /* it may have been released between the two looks */
		return;
	}
	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{");
	scheduled_json_members(&out, call->feed, list);
	buf_adds(&out, "}\n");
	call_answer(call, 200, &out);
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	struct buf out = {0};

	if (err == BELFRY_ENOENT && !call->tries) {
		store->ops->scheduled_get(store, call->feed, http_param(call->req, 1),
					  on_scheduled, call);
		return;
	}
	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{");
	event_json_members(&out, call->feed, event);
	json_add_member(&out, "status", event_status(counters, settled));
	add_deliveries(&out, event->subscribers, counters);
	buf_adds(&out, "}\n");
	call_answer(call, 200, &out);
}

static void get(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->event_get(store, call->feed, http_param(call->req, 1), on_event,
			      call);
}

static void get_checked(struct call *call)
{
	const char *id = http_param(call->req, 1);

	if (!call_feed_valid(call))
		return;
	if (!event_id_valid(id, strlen(id)))
		call_error(call, BELFRY_ENOENT);
	else
		get(call);
}

void history_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "", get_checked);
}
