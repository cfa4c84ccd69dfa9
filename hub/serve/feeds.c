#include "service.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/http/json.h>

#include <stdlib.h>
#include <string.h>

#define FEEDS_LIMIT 100
#define FEEDS_LIMIT_MAX 1000

/* The members of the configuration, without the braces. */
static void write_config_members(struct buf *out, const char *stored)
{
	struct feed_config config;
	char why[256];

	feed_config_init(&config);
	feed_config_patch(&config, stored, strlen(stored), why, sizeof why);
	char *json = feed_config_json(&config);
	size_t len = strlen(json);
	if (len > 2) {
		buf_adds(out, ",");
		buf_add(out, json + 1, len - 2);
	}
	free(json);
	feed_config_free(&config);
}

/* What it shows of itself as a contact. */
static void write_look(struct buf *out, const struct store_feed *feed)
{
	char *presence = presence_shown(feed->presence);

	if (feed->face)
		json_add_member(out, "avatar", feed->face);
	else
		json_add_member_raw(out, "avatar", "null", 4);
	json_add_member_raw(out, "presence", presence, strlen(presence));
	free(presence);
}

static void write_feed(struct buf *out, const struct service *s,
		       const struct store_feed *feed)
{
	const char *domain = s->config->xmpp.domain;
	struct buf jid = {0};
	char created[CLOCK_TEXT_SIZE];

	clock_format(feed->created_ms, created);
	buf_adds(out, "{");
	json_add_member(out, "name", feed->name);
	write_config_members(out, feed->config);
	write_look(out, feed);
	json_add_member_u64(out, "subscribers", feed->subscribers);
	json_add_member(out, "created", created);
	if (domain) {
		buf_printf(&jid, "%s@%s", feed->name, domain);
		json_add_member(out, "node", feed->name);
		json_add_member(out, "jid", jid.data);
		buf_free(&jid);
	}
	buf_adds(out, "}");
}

static void answer_feed(struct call *call, const struct store_feed *feed, bool created)
{
	struct buf out = {0}, location = {0};

	if (created) {
		buf_printf(&location, "/v1/feeds/%s", feed->name);
		http_add_header(call->req, "Location", location.data);
		buf_free(&location);
	}
	write_feed(&out, call->service, feed);
	buf_adds(&out, "\n");
	call_answer(call, created ? 201 : 200, &out);
}

/* ---- list ----------------------------------------------------------------------- */

static void on_feeds(void *arg, enum belfry_err err, const struct store_feed *feeds,
		     size_t count, bool more)
{
	struct call *call = arg;
	struct buf out = {0};
	size_t shown = 0;

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"feeds\":[");
	for (size_t i = 0; i < count; i++) {
		if (!token_allows(&call->token, SCOPE_MANAGE, feeds[i].name) &&
		    !token_allows(&call->token, SCOPE_ADMIN, feeds[i].name))
			continue;
		buf_adds(&out, shown++ ? ",\n" : "\n");
		write_feed(&out, call->service, &feeds[i]);
	}
	call_answer_page(call, &out, more && count ? feeds[count - 1].name : NULL);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;
	const char *after = http_query(call->req, "after");

	if (after && !feed_name_valid(after, strlen(after)))
		call_problem(call, &problem_bad_parameter,
			     "after takes a cursor as it was given in 'next'.");
	else if (!call_limit(call, FEEDS_LIMIT, FEEDS_LIMIT_MAX))
		store->ops->feed_list(store, after ? after : "", call->limit, on_feeds,
				      call);
}

void feed_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "after limit", list_checked);
}

/* ---- one feed ------------------------------------------------------------------- */

static void answer_changed(struct call *call, const struct store_feed *feed, bool created)
{
	rates_forget(call->service->rates, feed->name);
	answer_feed(call, feed, created);
}

static void on_put(void *arg, enum belfry_err err, const struct store_feed *feed,
		   bool created)
{
	if (err)
		call_pending_error(arg, err); /* outcasts are to be told */
	else
		answer_changed(arg, feed, created);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	(void)created;
	if (err)
		call_error(arg, err);
	else
		answer_feed(arg, feed, false);
}

static void get_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (call_feed_valid(call))
		store->ops->feed_get(store, call->feed, on_feed, call);
}

void feed_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", get_checked);
}

/* The request's body applied to *config; -1 and the call has been answered. */
static int config_apply(struct call *call, struct feed_config *config)
{
	char why[256];
	size_t len;
	const char *body = http_body(call->req, &len);

	if (!len || !feed_config_patch(config, body, len, why, sizeof why))
		return 0;
	call_problem(call, &problem_bad_document, why);
	return -1;
}

static void put_checked(struct call *call)
{
	struct store *store = call->service->store;
	struct feed_config config;

	if (!feed_name_valid(call->feed, strlen(call->feed)) ||
	    feed_name_reserved(call->feed)) {
		call_problem(call, &problem_bad_name, NULL);
		return;
	}
	feed_config_init(&config);
	if (!config_apply(call, &config)) {
		char *json = feed_config_json(&config);

		store->ops->feed_put(store, call->feed, json, NULL, clock_wall_ms(),
				     on_put, call);
		free(json);
	}
	feed_config_free(&config);
}

void feed_put(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", put_checked);
}

static void patch_read(struct call *call);

static void on_patched(void *arg, enum belfry_err err, const struct store_feed *feed,
		       bool created)
{
	struct call *call = arg;

	(void)created;
	if (err == BELFRY_ESTALE && ++call->tries < STORE_TRIES)
		patch_read(call);
	else if (err)
		call_pending_error(call, err);
	else
		answer_changed(call, feed, false);
}

static void on_patch_read(void *arg, enum belfry_err err, const struct store_feed *feed,
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
	if (!config_apply(call, &config)) {
		char *json = feed_config_json(&config);

		store->ops->feed_put(store, call->feed, json, feed->config,
				     clock_wall_ms(), on_patched, call);
		free(json);
	}
	feed_config_free(&config);
}

static void patch_read(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->feed_get(store, call->feed, on_patch_read, call);
}

static void patch_checked(struct call *call)
{
	if (call_feed_valid(call))
		patch_read(call);
}

void feed_patch(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", patch_checked);
}

static void delete_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (!call_feed_valid(call))
		return;
	avatars_supersede(call->service, call->feed);
	store->ops->feed_delete(store, call->feed, call_removed, call);
}

void feed_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", delete_checked);
}
