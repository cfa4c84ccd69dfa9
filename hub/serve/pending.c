#include "service.h"
#include "subscriber_json.h"

#include <belfry/base/clock.h>
#include <belfry/core/feed.h>
#include <belfry/store/decide.h>

#include <jansson.h>
#include <string.h>

void call_pending_error(struct call *call, enum belfry_err err)
{
	struct store_health health = {0};

	call->service->store->ops->health(call->service->store, &health);
	if (err == BELFRY_ENOENT)
		call_problem(call, &problem_not_pending, NULL);
	else if (err == BELFRY_EFULL && !health.full)
		call_problem(call, &problem_pending_full, NULL);
	else
		call_error(call, err);
}

/* ---- list ----------------------------------------------------------------------- */

static void on_list(void *arg, enum belfry_err err, const struct store_pending *list,
		    size_t count, uint64_t next)
{
	struct call *call = arg;
	struct buf out = {0};

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, "{\"pending\":[");
	for (size_t i = 0; i < count; i++) {
		buf_adds(&out, i ? ",\n" : "\n");
		pending_write(&out, &list[i]);
	}
	call_answer_people(call, &out, next);
}

static void list_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (!call_people(call))
		store->ops->pending_list(store, call->feed, call->cursor, call->limit,
					 on_list, call);
}

void pending_list(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "after limit", list_checked);
}

/* ---- one ------------------------------------------------------------------------ */

static void on_one(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct call *call = arg;
	struct buf out = {0};

	if (err) {
		call_pending_error(call, err);
		return;
	}
	pending_write(&out, p);
	buf_adds(&out, "\n");
	call_answer(call, 200, &out);
}

static void show(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->pending_get(store, call->feed, call->text, on_one, call);
}

static void get_checked(struct call *call)
{
	if (!call_jid(call))
		show(call);
}

void pending_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", get_checked);
}

/* ---- the owners' answer --------------------------------------------------------- */

/* -1: the body is no decision. */
static int decision_read(const char *body, size_t len, bool *allow)
{
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	const char *word = json_string_value(json_object_get(root, "decision"));
	int status = -1;

	if (word && json_object_size(root) == 1) {
		*allow = strcmp(word, "allow") == 0;
		status = *allow || strcmp(word, "deny") == 0 ? 0 : -1;
	}
	json_decref(root);
	return status;
}

static void problem_outcast(struct call *call)
{
	call_problem(call, problem_of(BELFRY_EDENIED),
		     "This JID is an outcast of the feed. Take it, or its domain, out of "
		     "'outcasts' first, or deny it.");
}

static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	struct call *call = arg;

	if (err == BELFRY_EDENIED)
		problem_outcast(call);
	else if (err)
		call_pending_error(call, err);
	else if (row)
		call_row(call, err, row, created);
	else
		show(call);
}

static void decide(struct call *call, bool allow)
{
	store_decide(call->service->store, call->feed, call->text, allow, on_decided,
		     call);
}

/* Nobody is let in whom the feed casts out. */
static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct call *call = arg;
	struct feed_config config;

	(void)created;
	if (call_config(call, err, feed, &config))
		return;
	bool outcast = feed_affiliation_of(&config, call->text) == AFFILIATION_OUTCAST;
	feed_config_free(&config);
	if (outcast)
		problem_outcast(call);
	else
		decide(call, true);
}

static void put_checked(struct call *call)
{
	struct store *store = call->service->store;
	size_t len;
	const char *body = http_body(call->req, &len);
	bool allow = false;

	if (call_jid(call))
		return;
	if (decision_read(body, len, &allow))
		call_problem(call, &problem_bad_document,
			     "The body is {\"decision\": \"allow\"} or {\"decision\": "
			     "\"deny\"}.");
	else if (allow)
		store->ops->feed_get(store, call->feed, on_feed, call);
	else
		decide(call, false);
}

void pending_put(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", put_checked);
}

/* ---- taking back ---------------------------------------------------------------- */

static void look_again(struct call *call);

static void on_removed(void *arg, enum belfry_err err)
{
	struct call *call = arg;

	if (err == BELFRY_ESTALE && ++call->tries < STORE_TRIES)
		look_again(call);
	else if (err)
		call_pending_error(call, err);
	else
		call_removed(call, err);
}

static void on_removal(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct call *call = arg;
	struct store *store = call->service->store;
	struct store_pending none = {.jid = call->text, .format = FORMAT_CHAT};

	if (err) {
		call_pending_error(call, err);
		return;
	}
	switch (p->state) {
	case PENDING_OWNERS: /* he waits, and is to hear something */
		call_error(call, BELFRY_EPENDING);
		break;
	case PENDING_REFUSED:
		call_error(call, BELFRY_EREFUSED);
		break;
	case PENDING_NONE:
	case PENDING_PERSON:
	case PENDING_INVITED:
	case PENDING_DENIED:
	case PENDING_WITHDRAWN:
		/* Who has the invitation has a question in the contact list, too. */
		store->ops->pending_put(store, call->feed, &none, p->state,
					p->state == PENDING_INVITED ? NOTICE_UNINVITED
								    : NOTICE_NONE,
					on_removed, call);
		break;
	}
}

static void look_again(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->pending_get(store, call->feed, call->text, on_removal, call);
}

static void delete_checked(struct call *call)
{
	if (!call_jid(call))
		look_again(call);
}

void pending_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", delete_checked);
}
