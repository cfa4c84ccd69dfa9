#include "service.h"
#include "subscriber_json.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>
#include <belfry/http/json.h>
#include <belfry/serve/event_json.h>
#include <belfry/store/dead_letters.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_LIMIT 100
#define DEAD_LIMIT_MAX 1000
/* A request looks at so many feeds; few of them have none. */
#define FEEDS_MAX 100
/* So many are redriven or dropped by one request. */
#define ORDERS_MAX 1000

/* ---- list ----------------------------------------------------------------------- */

/* Feeds in the order of their names, and how far a page is. */
struct walk {
	char **names;
	size_t count, at, looked;
	uint32_t index; /* in the feed's list: where to go on */
	char start[FEED_NAME_MAX + 1];
	size_t found;
	struct buf out;
};

static void walk_free(void *own)
{
	struct walk *w = own;

	for (size_t i = 0; i < w->count; i++)
		free(w->names[i]);
	free(w->names);
	buf_free(&w->out);
	free(w);
}

static void look(struct call *call);

static void answer_page(struct call *call)
{
	struct walk *w = call->own;
	struct buf out = w->out;
	char next[FEED_NAME_MAX + 24];
	bool more = w->at < w->count;

	if (more)
		snprintf(next, sizeof next, "%s~%" PRIu32, w->names[w->at], w->index);
	w->out = (struct buf){0};
	call_answer_page(call, &out, more ? next : NULL);
}

static void on_dead(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct call *call = arg;
	struct walk *w = call->own;

	/* A feed may have gone since it was named; but not the one that was asked for. */
	if (err && (err != BELFRY_ENOFEED || http_query(call->req, "feed"))) {
		call_error(call, err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		buf_adds(&w->out, w->found++ ? ",\n{" : "\n{");
		json_add_member(&w->out, "feed", w->names[w->at]);
		subscriber_members(&w->out, &rows[i]);
		buf_adds(&w->out, "}");
	}
	w->index = next;
	if (!next) {
		w->at++;
		w->looked++;
	}
	look(call);
}

static void look(struct call *call)
{
	struct store *store = call->service->store;
	struct walk *w = call->own;

	if (w->at == w->count || w->found >= call->limit || w->looked == FEEDS_MAX)
		answer_page(call);
	else
		store->ops->dead_list(store, w->names[w->at], w->index,
				      call->limit - w->found, on_dead, call);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(struct walk *w, const char *name)
{
	w->names = xreallocarray(w->names, w->count + 1, sizeof *w->names);
	w->names[w->count++] = xstrdup(name);
}

static void on_feeds(void *arg, enum belfry_err err, const char *const *names,
		     size_t count)
{
	struct call *call = arg;
	struct walk *w = call->own;

	if (err) {
		call_error(call, err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], w->start) >= 0 &&
		    token_allows(&call->token, SCOPE_MANAGE, names[i]))
			add_name(w, names[i]);
	if (w->count)
		qsort(w->names, w->count, sizeof *w->names, by_name);
	if (!w->count || strcmp(w->names[0], w->start) != 0)
		w->index = 0;
	look(call);
}

/* "deploys~100" */
static int read_cursor(const char *after, struct walk *w)
{
	const char *tilde = strchr(after, '~');
	size_t len = tilde ? (size_t)(tilde - after) : 0;
	uint64_t index;

	if (!tilde || !feed_name_valid(after, len) ||
	    parse_u64(tilde + 1, strlen(tilde + 1), UINT32_MAX, &index))
		return -1;
	memcpy(w->start, after, len);
	w->index = (uint32_t)index;
	return 0;
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *after = http_query(call->req, "after");
	const char *feed = http_query(call->req, "feed");
	struct walk *w = xcalloc(1, sizeof *w);

	call->own = w;
	call->free_own = walk_free;
	buf_adds(&w->out, "{\"dead_letters\":[");
	if (after && (read_cursor(after, w) || (feed && strcmp(feed, w->start) != 0))) {
		call_problem(call, &problem_bad_parameter,
			     "after takes a cursor as it was given in 'next'.");
		return;
	}
	if (call_limit(call, DEAD_LIMIT, DEAD_LIMIT_MAX))
		return;
	if (!feed) {
		store->ops->dead_feeds(store, on_feeds, call);
		return;
	}
	call->feed = feed;
	if (!call_may(call, feed) || !call_feed_valid(call))
		return;
	add_name(w, feed);
	look(call);
}

void dead_letter_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "feed after limit", list_checked);
}

/* ---- one ------------------------------------------------------------------------ */

/* The answer as far as it is known, and since when it is one. */
struct letter {
	struct buf out;
	struct pos pos;
};

static void letter_free(void *own)
{
	struct letter *l = own;

	buf_free(&l->out);
	free(l);
}

static void on_head(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct call *call = arg;
	struct letter *l = call->own;
	struct buf out = l->out;

	(void)created;
	if (err) {
		call_error(call, err);
		return;
	}
	/* Numbers begin anew with each epoch. */
	if (feed->head.epoch == l->pos.epoch && feed->head.n >= l->pos.n)
		json_add_member_u64(&out, "missed", feed->head.n - l->pos.n);
	buf_adds(&out, "}\n");
	l->out = (struct buf){0};
	call_answer(call, 200, &out);
}

static void on_first(void *arg, enum belfry_err err, const struct store_event *events,
		     size_t count, bool more)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	struct letter *l = call->own;
	struct buf event = {0};

	(void)more;
	if (err) {
		call_error(call, err);
		return;
	}
	if (count) {
		buf_adds(&event, "{");
		event_json_members(&event, call->feed, events);
		buf_adds(&event, "}");
		json_add_member_raw(&l->out, "event", event.data, event.len);
		buf_free(&event);
	}
	store->ops->feed_get(store, call->feed, on_head, call);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	struct sub_hold hold = {0};

	(void)created;
	if (err && err != BELFRY_ENOENT) {
		call_error(call, err);
		return;
	}
	if (!err)
		sub_hold_read(&row->sub, &hold);
	if (hold.reason != HOLD_DEAD) {
		call_problem(call, &problem_no_dead_letter, NULL);
		return;
	}
	struct letter *l = xcalloc(1, sizeof *l);

	call->own = l;
	call->free_own = letter_free;
	l->pos = hold.pos;
	buf_adds(&l->out, "{");
	json_add_member(&l->out, "feed", call->feed);
	subscriber_members(&l->out, row);
	store->ops->events(store, call->feed, hold.pos, false, 1, on_first, call);
}

static void get_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (!call_jid(call))
		store->ops->sub_get(store, call->feed, call->text, on_row, call);
}

void dead_letter_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", get_checked);
}

/* ---- redrive, drop -------------------------------------------------------------- */

struct order {
	enum hold_order order;
	char *feed, *jid; /* jid NULL: all */
};

static void order_free(void *own)
{
	struct order *o = own;

	free(o->feed);
	free(o->jid);
	free(o);
}

static void on_orders(void *arg, enum belfry_err err, size_t count, bool more)
{
	struct call *call = arg;
	const struct order *o = call->own;
	bool redrive = o->order == ORDER_REDRIVE;
	struct buf out = {0};

	*(redrive ? &call->service->count.redriven : &call->service->count.dropped) +=
		count;
	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{");
	json_add_member_u64(&out, redrive ? "redriven" : "dropped", count);
	json_add_member_raw(&out, "more", more ? "true" : "false", more ? 4 : 5);
	buf_adds(&out, "}\n");
	call_answer(call, 200, &out);
}

static void on_order(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	(void)row;
	(void)created;
	if (err == BELFRY_ENOENT)
		call_problem(arg, &problem_no_dead_letter, NULL);
	else
		on_orders(arg, err, !err, false);
}

static const char order_wrong[] =
	"The body is {\"feed\": \"deploys\", \"jid\": \"ann@example.org\"}, or "
	"{\"feed\": \"deploys\", \"all\": true}.";

/* NULL, or what is wrong with BODY. */
static const char *order_read(const json_t *body, struct order *o)
{
	const char *feed = json_string_value(json_object_get(body, "feed"));
	const json_t *jid = json_object_get(body, "jid"),
		     *all = json_object_get(body, "all");
	const char *why = order_wrong;

	if (!feed || json_object_size(body) != 2 ||
	    (!json_is_string(jid) && !json_is_true(all)))
		return order_wrong;
	o->feed = xstrdup(feed);
	if (!jid)
		return NULL;
	o->jid = jid_normalize(json_string_value(jid), json_string_length(jid), &why);
	return o->jid ? NULL : "\"jid\" is no JID.";
}

static void order_checked(struct call *call, enum hold_order order)
{
	struct store *store = call->service->store;
	struct order *o = xcalloc(1, sizeof *o);
	size_t len;
	const char *text = http_body(call->req, &len), *why;
	json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	call->own = o;
	call->free_own = order_free;
	o->order = order;
	why = order_read(body, o);
	json_decref(body);
	if (why) {
		call_problem(call, &problem_bad_document, why);
		return;
	}
	call->feed = o->feed;
	if (!call_may(call, o->feed) || !call_feed_valid(call))
		return;
	if (o->jid)
		store->ops->hold_order(store, o->feed, o->jid, order, on_order, call);
	else
		store_dead_order(store, o->feed, order, ORDERS_MAX, on_orders, call);
}

static void redrive_checked(struct call *call)
{
	order_checked(call, ORDER_REDRIVE);
}

void dead_letter_redrive(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", redrive_checked);
}

static void drop_checked(struct call *call)
{
	order_checked(call, ORDER_DROP);
}

void dead_letter_drop(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", drop_checked);
}
