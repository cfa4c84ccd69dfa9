#include "service.h"

#include <belfry/base/clock.h>
#include <belfry/core/id.h>
#include <belfry/http/json.h>

#include <string.h>

#define HISTORY_LIMIT 50
#define HISTORY_LIMIT_MAX 100
/* A page ends early when it has become so large. */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* While clients are slow to take so much, a page is one event. */
#define UNSENT_BYTES_MAX ((size_t)64 * 1024 * 1024)

static void write_event(struct buf *out, const char *feed, const struct store_event *e)
{
	char at[CLOCK_TEXT_SIZE], pos[POS_TEXT_SIZE];

	clock_format(e->at_ms, at);
	pos_format(e->pos, pos);
	buf_adds(out, "{");
	json_add_member(out, "id", e->id);
	json_add_member(out, "feed", feed);
	json_add_member(out, "item", e->item);
	json_add_member(out, "at", at);
	json_add_member(out, "cursor", pos);
	json_add_member(out, "priority", priority_text(e->priority));
	json_add_member_raw(out, "event", e->doc, e->doc_len);
}

static bool must_be_short(const struct call *call)
{
	return http_server_unsent(call->service->http) > UNSENT_BYTES_MAX;
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct call *call = arg;
	struct buf out = {0};
	char next[POS_TEXT_SIZE];
	size_t i = 0, room = PAGE_BYTES_MAX;

	if (err) {
		call_error(call, err);
		return;
	}
	if (must_be_short(call))
		room = 0;
	buf_adds(&out, "{\"events\":[");
	for (; i < count && (!i || out.len < room); i++) {
		buf_adds(&out, i ? ",\n" : "\n");
		write_event(&out, call->feed, &events[i]);
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
	if (must_be_short(call)) /* what is not shown is not read, either */
		call->limit = 1;
	store->ops->events(store, call->feed, from, before, call->limit, on_events, call);
}

void history_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "after before limit",
		   list_checked);
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct call *call = arg;
	struct buf out = {0}, deliveries = {0};

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&deliveries, "{");
	json_add_member_u64(&deliveries, "subscribers", event->subscribers);
	json_add_member_u64(&deliveries, "taken", counters->taken);
	json_add_member_u64(&deliveries, "sent", counters->sent);
	json_add_member_u64(&deliveries, "bounced", counters->bounced);
	json_add_member_u64(&deliveries, "left", counters->left);
	json_add_member_u64(&deliveries, "skipped", counters->skipped);
	json_add_member_u64(&deliveries, "filtered", counters->filtered);
	buf_adds(&deliveries, "}");
	write_event(&out, call->feed, event);
	json_add_member(&out, "status", settled ? "done" : "queued");
	json_add_member_raw(&out, "deliveries", deliveries.data, deliveries.len);
	buf_adds(&out, "}\n");
	buf_free(&deliveries);
	call_answer(call, 200, &out);
}

static void get_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *id = http_param(call->req, 1);

	if (!call_feed_valid(call))
		return;
	if (!event_id_valid(id, strlen(id)))
		call_error(call, BELFRY_ENOENT);
	else
		store->ops->event_get(store, call->feed, id, on_event, call);
}

void history_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "", get_checked);
}
