#include "service.h"
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

#define SUBSCRIBERS_LIMIT 100
#define SUBSCRIBERS_LIMIT_MAX 1000

/* ---- list ----------------------------------------------------------------------- */

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct call *call = arg;
	struct buf out = {0};
	char cursor[24];

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"subscribers\":[");
	for (size_t i = 0; i < count; i++) {
		buf_adds(&out, i ? ",\n" : "\n");
		subscriber_write(&out, &rows[i]);
	}
	snprintf(cursor, sizeof cursor, "%lu", (unsigned long)next);
	call_answer_page(call, &out, next ? cursor : NULL);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *after = http_query(call->req, "after");
	uint64_t cursor = 0;

	if (!call_feed_valid(call))
		return;
	if (after && parse_u64(after, strlen(after), UINT32_MAX, &cursor))
		call_problem(call, &problem_bad_parameter,
			     "after takes a cursor as it was given in 'next'.");
	else if (!call_limit(call, SUBSCRIBERS_LIMIT, SUBSCRIBERS_LIMIT_MAX))
		store->ops->sub_list(store, call->feed, (uint32_t)cursor, call->limit,
				     on_rows, call);
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

/* It follows, whatever else is remembered of it. */
static void on_forgotten(void *arg, enum belfry_err err)
{
	struct call *call = arg;
	struct buf out = {0};

	(void)err;
	buf_adds(&out, call->more);
	call_answer(call, call->created ? 201 : 200, &out);
}

static void on_joined(void *arg, enum belfry_err err, const struct store_row *row,
		      bool created)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	const struct store_pending none = {.jid = call->text, .format = FORMAT_CHAT};
	struct buf out = {0};

	if (err || !call->invited) {
		call_row(call, err, row, created);
		return;
	}
	write_row(&out, row);
	call->more = buf_steal(&out);
	call->created = call->created || created;
	store->ops->pending_put(store, call->feed, &none, PENDING_PERSON, NOTICE_NONE,
				on_forgotten, call);
}

/* It follows now, or had not asked to, and does so by being entered here. */
static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	struct call *call = arg;
	struct store *store = call->service->store;

	(void)row;
	call->created = created;
	call->invited = err == BELFRY_EPENDING;
	if (err && err != BELFRY_ENOENT && err != BELFRY_EPENDING &&
	    err != BELFRY_EREFUSED)
		call_pending_error(call, err);
	else
		store->ops->join(store, call->feed, call->text, &call->change, on_joined,
				 call);
}

static void on_access(void *arg, enum belfry_err err, const struct store_feed *feed,
		      bool created)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	struct feed_config config;
	char why[256];

	(void)created;
	if (err) {
		call_error(call, err);
		return;
	}
	feed_config_init(&config);
	feed_config_patch(&config, feed->config, strlen(feed->config), why, sizeof why);
	enum feed_admission admission = feed_admits(
		&config, call->text, call->service->config->xmpp.trusted_domains);
	feed_config_free(&config);
	if (admission == ADMIT_NO)
		call_error(call, BELFRY_EDENIED);
	else /* whoever manages the feed over HTTP decides for its owners */
		store_decide(store, call->feed, call->text, true, on_decided, call);
}

static void put_checked(struct call *call)
{
	struct store *store = call->service->store;
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
		store->ops->feed_get(store, call->feed, on_access, call);
	else
		call_invite(call);
}

void subscriber_put(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", put_checked);
}
