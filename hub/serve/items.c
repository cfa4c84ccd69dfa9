#include "service.h"

#include <belfry/http/json.h>
#include <belfry/store/retract.h>

#include <string.h>

/* Items are taken back. */

static void answer(struct call *call, const char *id)
{
	struct buf out = {0}, location = {0};

	call->service->count.retracted++;
	if (!id) { /* nobody has had it, and nobody will */
		call_removed(call, BELFRY_OK);
		return;
	}
	buf_printf(&location, "/v1/feeds/%s/events/%s", call->feed, id);
	http_add_header(call->req, "Location", location.data);
	buf_free(&location);
	buf_adds(&out, "{");
	json_add_member(&out, "id", id);
	json_add_member(&out, "feed", call->feed);
	json_add_member(&out, "item", http_param(call->req, 1));
	json_add_member(&out, "status", "queued");
	buf_adds(&out, "}\n");
	call_answer(call, 202, &out);
}

static void on_retracted(void *arg, enum belfry_err err, const char *id)
{
	struct call *call = arg;

	/* Where that is not known, it counts: it may have been stored. */
	if (err ? err != BELFRY_EAWAY && err != BELFRY_EREPLICAS : !id)
		rates_give_back(call);
	rates_show(call);
	if (err == BELFRY_ENOENT)
		call_problem(call, &problem_no_item, NULL);
	else if (err == BELFRY_ESTALE)
		call_problem(call, &problem_conflict, NULL);
	else if (err)
		call_error(call, err);
	else
		answer(call, id);
}

static void retract(struct call *call)
{
	if (!rates_take(call))
		store_retract_item(call->service->store, call->feed,
				   http_param(call->req, 1), on_retracted, call);
}

static void delete_checked(struct call *call)
{
	size_t len = strlen(http_param(call->req, 1));

	if (!call_feed_valid(call))
		return;
	if (!len || len > EVENT_ITEM_MAX)
		call_problem(call, &problem_no_item, NULL);
	else
		call_rated(call, retract);
}

void item_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH, "", delete_checked);
}
