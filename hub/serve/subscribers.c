#include "row_page.h"
#include "subscriber_json.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>
#include <belfry/core/subscription.h>
#include <belfry/http/json.h>
#include <belfry/store/decide.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- list ----------------------------------------------------------------------- */

static void on_listed(void *arg, const struct store_row *row, struct pos cursor)
{
	struct buf *out = arg;

	(void)cursor;
	buf_adds(out, out->data[out->len - 1] == '[' ? "\n" : ",\n");
	subscriber_write(out, row);
}

static void on_run(void *arg, enum belfry_err err, struct store_run *run)
{
	struct call *call = arg;
	struct buf out = {0};
	char next[ROW_CURSOR_SIZE];

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"subscribers\":[");
	row_page_each(call->own, run, on_listed, &out, next);
	store_run_free(run);
	call_answer_page(call, &out, next[0] ? next : NULL);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	struct row_page *page = xcalloc(1, sizeof *page);

	call->own = page;
	call->free_own = free;
	if (call_feed_valid(call) && !row_page_of(call, page))
		store->ops->read(store, call->feed, page->first, page->count, on_run,
				 call);
}

void subscriber_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "after limit", list_checked);
}

/* ---- one subscriber ------------------------------------------------------------- */

int call_jid(struct call *call)
{
	const char *jid = http_param(call->req, 1), *why = "";

	if (!call_feed_valid(call))
		return -1;
	call->text = jid_normalize(jid, strlen(jid), &why);
	if (call->text)
		return 0;
	call_problemf(call, &problem_bad_parameter, "This is no JID: %s.", why);
	return -1;
}

static void write_row(struct buf *out, const struct store_row *row)
{
	subscriber_write(out, row);
	buf_adds(out, "\n");
}

static void answer_row(struct call *call, const struct store_row *row, bool created)
{
	struct buf out = {0};

	write_row(&out, row);
	call_answer(call, created ? 201 : 200, &out);
}

void call_row(void *arg, enum belfry_err err, const struct store_row *row, bool created)
{
	struct call *call = arg;

	if (err)
		call_error(call, err);
	else
		answer_row(call, row, created || call->created);
}

static void get_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (!call_jid(call))
		store->ops->sub_get(store, call->feed, call->text, call_row, call);
}

void subscriber_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", get_checked);
}

static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	(void)row;
	(void)created;
	call_removed(arg, err);
}

static void delete_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (!call_jid(call))
		store->ops->leave(store, call->feed, call->text, on_left, call);
}

void subscriber_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", delete_checked);
}

/* ---- follow --------------------------------------------------------------------- */

static void enter(struct call *call);
static void look_again(struct call *call);

static void on_entered(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	struct call *call = arg;

	if (err == BELFRY_ESTALE && ++call->tries < STORE_TRIES)
		look_again(call);
	else
		call_row(call, err, row, created);
}

/* Who asked is let in, as he wished, and told; then he is here as any other. */
static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	struct call *call = arg;

	if (!err && created && strcmp(row->jid, call->text) == 0)
		call->created = true;
	if (err && err != BELFRY_ENOENT && err != BELFRY_EPENDING &&
	    err != BELFRY_EREFUSED)
		call_pending_error(call, err);
	else
		enter(call);
}

static void on_known(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct call *call = arg;
	struct store *store = call->service->store;

	if (err && err != BELFRY_ENOENT)
		call_error(call, err);
	else if (!err && (p->state == PENDING_OWNERS || p->state == PENDING_DENIED))
		store_decide(store, call->feed, call->text, true, on_decided, call);
	else /* he answers an invitation, or thinks again, by being entered here */
		store->ops->admit(store, call->feed, call->text, &call->change, p,
				  NOTICE_NONE, on_entered, call);
}

static void enter(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->pending_get(store, call->feed, call->text, on_known, call);
}

static void on_access(void *arg, enum belfry_err err, const struct store_feed *feed,
		      bool created)
{
	struct call *call = arg;
	struct feed_config config;

	(void)created;
	if (call_config(call, err, feed, &config))
		return;
	enum feed_admission admission = feed_admits(
		&config, call->text, call->service->config->xmpp.trusted_domains);
	feed_config_free(&config);
	call->change.casts = feed->casts;
	if (admission == ADMIT_NO)
		call_error(call, BELFRY_EDENIED);
	else /* whoever manages the feed over HTTP decides for its owners */
		enter(call);
}

static void look_again(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->feed_get(store, call->feed, on_access, call);
}

static void put_checked(struct call *call)
{
	char *const *trusted = call->service->config->xmpp.trusted_domains;
	size_t len;
	const char *body = http_body(call->req, &len), *why;

	if (call_jid(call))
		return;
	why = subscriber_read(body, len, &call->change);
	if (why) {
		call_problem(call, &problem_bad_document, why);
		return;
	}
	if (call->change.format != FORMAT_EVENT)
		call->text[jid_bare_len(call->text)] = '\0';
	if (jid_domain_in(call->text, trusted))
		look_again(call);
	else
		call_invite(call);
}

void subscriber_put(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", put_checked);
}

/* ---- change --------------------------------------------------------------------- */

static void patch_checked(struct call *call)
{
	struct store *store = call->service->store;
	struct sub_change *c = &call->change;
	size_t len;
	const char *body = http_body(call->req, &len), *why;

	if (call_jid(call))
		return;
	why = subscriber_read(body, len, c);
	c->only_existing = true;
	if (why)
		call_problem(call, &problem_bad_document, why);
	else if (c->set & SUB_SET_FORMAT && c->format != FORMAT_EVENT &&
		 jid_has_resource(call->text))
		call_problem(call, &problem_bad_document,
			     "A JID with a resource has the format event; follow by the "
			     "bare JID for another one.");
	else
		store->ops->join(store, call->feed, call->text, c, call_row, call);
}

void subscriber_patch(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", patch_checked);
}
