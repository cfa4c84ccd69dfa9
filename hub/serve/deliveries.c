#include "row_page.h"
#include "subscriber_json.h"

#include <belfry/base/mem.h>
#include <belfry/core/delivery.h>
#include <belfry/core/id.h>
#include <belfry/http/json.h>

#include <stdlib.h>
#include <string.h>

/* What became of an event for each of its followers, page by page. */

/* The event that is asked about. */
struct subject {
	struct row_page page;
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

/* While a page is written. */
struct writing {
	const struct subject *subject;
	struct buf *out;
};

static void on_row(void *arg, const struct store_row *row, struct pos cursor)
{
	struct writing *w = arg;
	enum delivery d = state_of(w->subject, row, cursor);

	if (d != DELIVERY_NOT_ITS)
		write_delivery(w->out, row, d);
}

static void on_run(void *arg, enum belfry_err err, struct store_run *run)
{
	struct call *call = arg;
	const struct subject *s = call->own;
	struct buf out = {0};
	char next[ROW_CURSOR_SIZE];

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"deliveries\":[");
	row_page_each(&s->page, run, on_row, &(struct writing){s, &out}, next);
	store_run_free(run);
	call_answer_page(call, &out, next[0] ? next : NULL);
}

static void no_event(struct call *call)
{
	call_problem(call, problem_of(BELFRY_ENOENT),
		     "There is no such event in this feed's history: it is scheduled "
		     "still, or is no longer kept (max_items, max_age), or never was.");
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
	if (err == BELFRY_ENOENT) {
		no_event(call);
		return;
	}
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
	store->ops->read(store, call->feed, s->page.first, s->page.count, on_run, call);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *id = http_param(call->req, 1);
	struct row_page page;

	if (!call_feed_valid(call) || row_page_of(call, &page))
		return;
	if (!event_id_valid(id, strlen(id))) {
		no_event(call);
		return;
	}
	struct subject *s = xcalloc(1, sizeof *s);

	s->page = page;
	call->own = s;
	call->free_own = subject_free;
	store->ops->event_get(store, call->feed, id, on_event, call);
}

void delivery_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "after limit", list_checked);
}
