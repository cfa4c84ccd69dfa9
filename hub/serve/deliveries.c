#include "service.h"
#include "subscriber_json.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/delivery.h>
#include <belfry/core/id.h>
#include <belfry/http/json.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What became of an event for each of its followers, page by page: as many buckets of
 * rows as make about so many rows.
 */
#define DELIVERIES_LIMIT 100
#define DELIVERIES_LIMIT_MAX 1000

/* The event that is asked about. */
struct subject {
	uint32_t first, count;	  /* buckets of the page */
	struct pos pos, retracts; /* 0-0: it is an item */
	uint64_t at_ms;
	struct event event;
};

static void subject_free(void *own)
{
	struct subject *s = own;

	event_free(&s->event);
	free(s);
}

static void write_delivery(struct buf *out, const struct store_row *row, enum delivery d)
{
	struct buf jid = {0};

	buf_add(&jid, row->jid, row->jid_len);
	buf_adds(out, out->data[out->len - 1] == '[' ? "\n{" : ",\n{");
	json_add_member(out, "jid", jid.data);
	json_add_member(out, "format", sub_format_text(row->sub.format));
	json_add_member(out, "state", delivery_text(d));
	if (d == DELIVERY_HELD || d == DELIVERY_DEAD)
		subscriber_add_hold(out, &row->sub);
	buf_adds(out, "}");
	buf_free(&jid);
}

static enum delivery state_of(const struct subject *s, const struct store_row *row,
			      struct pos cursor)
{
	if (s->retracts.n)
		return delivery_of_retraction(&row->sub, cursor, &s->event, s->pos,
					      s->retracts, s->at_ms);
	return delivery_of(&row->sub, cursor, &s->event, s->pos, s->at_ms);
}

static void write_bucket(struct buf *out, const struct subject *s,
			 const struct store_run *run, const struct store_bucket *b)
{
	for (size_t i = b->first; i < b->first + b->count; i++) {
		const struct store_row *row = &run->rows[i];
		enum delivery d = state_of(s, row, b->cursor);

		if (d != DELIVERY_NOT_ITS)
			write_delivery(out, row, d);
	}
}

static void on_run(void *arg, enum belfry_err err, struct store_run *run)
{
	struct call *call = arg;
	const struct subject *s = call->own;
	struct buf out = {0};
	char next[24];

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"deliveries\":[");
	for (size_t i = 0; i < run->bucket_count; i++)
		write_bucket(&out, s, run, &run->buckets[i]);
	uint64_t behind = (uint64_t)s->first + s->count;
	bool more = behind < run->feed_buckets;
	snprintf(next, sizeof next, "%" PRIu64, behind);
	store_run_free(run);
	call_answer_page(call, &out, more ? next : NULL);
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	struct subject *s = call->own;
	char why[256];

	(void)counters;
	(void)settled;
	if (!err &&
	    event_parse_json(&s->event, event->doc, event->doc_len, why, sizeof why))
		err = BELFRY_EINTERNAL;
	if (err) {
		call_error(call, err);
		return;
	}
	s->event.priority = event->priority;
	s->pos = event->pos;
	s->at_ms = event->at_ms;
	if (event->kind == EVENT_RETRACT) {
		s->retracts = event->retracted.versions[0];
		s->at_ms = event->retracted.at_ms;
	}
	store->ops->read(store, call->feed, s->first, s->count, on_run, call);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *id = http_param(call->req, 1);
	const char *after = http_query(call->req, "after");
	uint64_t first = 0;

	if (!call_feed_valid(call))
		return;
	if (after && parse_u64(after, strlen(after), UINT32_MAX, &first)) {
		call_problem(call, &problem_bad_parameter,
			     "after takes a cursor as it was given in 'next'.");
		return;
	}
	if (call_limit(call, DELIVERIES_LIMIT, DELIVERIES_LIMIT_MAX))
		return;
	if (!event_id_valid(id, strlen(id))) {
		call_error(call, BELFRY_ENOENT);
		return;
	}
	struct subject *s = xcalloc(1, sizeof *s);

	s->first = (uint32_t)first;
	s->count = (uint32_t)(call->limit + BUCKET_ROWS - 1) / BUCKET_ROWS;
	call->own = s;
	call->free_own = subject_free;
	store->ops->event_get(store, call->feed, id, on_event, call);
}

void delivery_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "after limit", list_checked);
}
