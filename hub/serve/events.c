#include "moments.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/event.h>
#include <belfry/core/feed.h>
#include <belfry/core/id.h>
#include <belfry/core/render.h>
#include <belfry/http/json.h>

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDEMPOTENCY_KEY_MAX 255
#define DIGEST_SIZE 65

/* What is in the event, and what header and query say instead. */
struct effective {
	struct event event;
	const char *item; /* NULL: the event's id */
	enum event_priority priority;
	uint64_t at_ms;
	struct moments moments;
	const char *key; /* Idempotency-Key, or NULL */
};

static int parse_document(struct call *call, struct event *event)
{
	char why[256];
	size_t len;
	const char *body = http_body(call->req, &len);
	bool text = !strcmp(http_content_type(call->req), "text/plain");

	if (!(text ? event_parse_text : event_parse_json)(event, body, len, why,
							  sizeof why))
		return 0;
	call_problem(call, &problem_bad_document, why);
	return -1;
}

/* header > query > document */
static int choose_priority(struct call *call, struct effective *e)
{
	const char *text = http_header(call->req, "Belfry-Priority");

	e->priority = e->event.priority;
	if (!text)
		text = http_query(call->req, "priority");
	if (!text || !priority_parse(text, strlen(text), &e->priority))
		return 0;
	call_problem(call, &problem_bad_parameter,
		     "priority must be low, normal, high or urgent.");
	return -1;
}

/* The rules for an item's id are those of the document's member. */
static bool item_valid(const char *item)
{
	struct event event;
	struct buf json = {0};
	char why[256];
	int bad;

	buf_adds(&json, "{");
	json_add_member(&json, "item", item);
	buf_adds(&json, "}");
	bad = event_parse_json(&event, json.data, json.len, why, sizeof why);
	if (!bad)
		event_free(&event);
	buf_free(&json);
	return !bad;
}

static int choose_item(struct call *call, struct effective *e)
{
	const char *item = http_query(call->req, "item");

	e->item = item ? item : e->event.item;
	if (!item || item_valid(item))
		return 0;
	call_problem(call, &problem_bad_parameter,
		     "item must be 1 to 255 bytes without control characters.");
	return -1;
}

static int choose_key(struct call *call, struct effective *e)
{
	const char *key = http_header(call->req, "Idempotency-Key");
	size_t len = key ? strlen(key) : 0;
	bool sound = len > 0 && len <= IDEMPOTENCY_KEY_MAX &&
		     !http_header_repeated(call->req, "Idempotency-Key");

	e->key = key;
	for (size_t i = 0; i < len; i++)
		sound = sound && key[i] > 0x20 && key[i] < 0x7f;
	if (!key || sound)
		return 0;
	call_problem(call, &problem_bad_parameter,
		     "Idempotency-Key must be 1 to 255 visible ASCII characters.");
	return -1;
}

static int check_size(struct call *call, const struct effective *e)
{
	uint64_t max = call->service->config->xmpp.max_stanza_bytes;

	if (render_fits(&e->event, max))
		return 0;
	call_problemf(
		call, &problem_event_too_large,
		"As a stanza this event may take %zu bytes, and xmpp.max_stanza_bytes "
		"is %llu. Shorten it, or post a url instead.",
		render_bound(&e->event), (unsigned long long)max);
	return -1;
}

/* A part of what a digest is over; its length keeps the parts apart. */
static void digest_part(crypto_generichash_state *state, const char *data, size_t len)
{
	uint64_t n = len;

	crypto_generichash_update(state, (const unsigned char *)&n, sizeof n);
	crypto_generichash_update(state, (const unsigned char *)data, len);
}

static void digest_end(crypto_generichash_state *state, char out[DIGEST_SIZE])
{
	unsigned char hash[32];

	crypto_generichash_final(state, hash, sizeof hash);
	sodium_bin2hex(out, DIGEST_SIZE, hash, sizeof hash);
}

static void digest_key(const struct call *call, const char *key, char out[DIGEST_SIZE])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	digest_part(&state, call->token.id, strlen(call->token.id));
	digest_part(&state, call->feed, strlen(call->feed));
	digest_part(&state, key, strlen(key));
	digest_end(&state, out);
}

/* As it was given: a delay is the same when the request is repeated. */
static void digest_when(crypto_generichash_state *state, const char *name,
			const struct when *w)
{
	char text[64];
	int len =
		snprintf(text, sizeof text, "%s %d %" PRIu64, name, (int)w->kind, w->ms);

	if (w->kind != WHEN_NONE)
		digest_part(state, text, (size_t)len);
}

static void digest_request(const struct call *call, const struct effective *e,
			   char out[DIGEST_SIZE])
{
	crypto_generichash_state state;
	const char *type = http_content_type(call->req);
	const char *priority = priority_text(e->priority);
	const char *item = e->item ? e->item : "";
	size_t len;
	const char *body = http_body(call->req, &len);

	crypto_generichash_init(&state, NULL, 0, 32);
	digest_part(&state, body, len);
	digest_part(&state, type, strlen(type));
	digest_part(&state, priority, strlen(priority));
	digest_part(&state, item, strlen(item));
	digest_when(&state, "deliver", &e->moments.deliver);
	digest_when(&state, "expires", &e->moments.expires);
	digest_end(&state, out);
}

static void on_committed(void *arg, enum belfry_err err,
			 const struct store_committed *done)
{
	struct call *call = arg;
	struct buf out = {0}, location = {0};
	char due[CLOCK_TEXT_SIZE];

	/* Where that is not known, it counts: it may have been stored. */
	if (err ? err != BELFRY_EAWAY && err != BELFRY_EREPLICAS : done->replayed)
		rates_give_back(call);
	rates_show(call);
	if (err) {
		call->service->count.refused++;
		if (err == BELFRY_ELIMIT)
			call_problem(call, &problem_too_many_scheduled, NULL);
		else
			call_error(call, err);
		return;
	}
	if (done->replayed) {
		call->service->count.replays++;
		http_add_header(call->req, "Idempotency-Replayed", "true");
	} else {
		call->service->count.events++;
	}
	buf_reserve(&location, FEED_NAME_MAX + EVENT_ID_SIZE + 32);
	buf_adds(&location, "/v1/feeds/");
	buf_adds(&location, call->feed);
	buf_adds(&location, "/events/");
	buf_adds(&location, done->id);
	http_add_header(call->req, "Location", location.data);
	buf_free(&location);
	buf_reserve(&out, 2 * (FEED_NAME_MAX + EVENT_ID_SIZE));
	buf_adds(&out, "{");
	json_add_member(&out, "id", done->id);
	json_add_member(&out, "feed", call->feed);
	json_add_member(&out, "item", done->item);
	json_add_member(&out, "status", done->due_ms ? "scheduled" : "queued");
	if (done->due_ms) {
		clock_format(done->due_ms, due);
		json_add_member(&out, "deliver_at", due);
	}
	buf_adds(&out, "}\n");
	call_answer(call, 202, &out);
}

static void commit(struct call *call, const struct effective *e)
{
	struct store *store = call->service->store;
	char id[EVENT_ID_SIZE], key[DIGEST_SIZE], digest[DIGEST_SIZE];
	struct store_commit c = {
		.feed = call->feed,
		.id = id,
		.item = e->item ? e->item : id,
		.priority = e->priority,
		.at_ms = e->at_ms,
		.due_ms = e->moments.due_ms,
		.expires_ms = e->moments.expires_ms,
		.doc = e->event.doc,
		.doc_len = e->event.doc_len,
		.idem_ttl_s = call->service->config->http.idempotency_ttl_s,
	};

	event_id_make(c.at_ms, id);
	if (e->key) {
		digest_key(call, e->key, key);
		digest_request(call, e, digest);
		c.idem_key = key;
		c.idem_digest = digest;
	}
	store->ops->commit(store, &c, on_committed, call);
}

static void event_check(struct call *call)
{
	struct effective e = {0};

	if (parse_document(call, &e.event))
		return;
	e.at_ms = clock_wall_ms();
	if (!choose_priority(call, &e) && !choose_item(call, &e) &&
	    !choose_key(call, &e) &&
	    !moments_choose(call, &e.event, e.at_ms, &e.moments) &&
	    !check_size(call, &e) && !rates_take(call))
		commit(call, &e);
	event_free(&e.event);
}

/* Without the rate the event goes on: if the feed is not there, commit says so. */
static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct call *call = arg;
	struct feed_config config;
	char why[256];

	(void)created;
	if (!err) {
		feed_config_init(&config);
		feed_config_patch(&config, feed->config, strlen(feed->config), why,
				  sizeof why);
		call->feed_rate = config.rate;
		rates_learn(call->service->rates, call->feed, &config.rate,
			    clock_mono_ms());
		feed_config_free(&config);
	}
	call->then(call);
}

void call_rated(struct call *call, void (*then)(struct call *call))
{
	struct service *s = call->service;

	call->then = then;
	if (rates_known(s->rates, call->feed, clock_mono_ms(), &call->feed_rate))
		then(call);
	else
		s->store->ops->feed_get(s->store, call->feed, on_feed, call);
}

static void event_begin(struct call *call)
{
	if (call_feed_valid(call))
		call_rated(call, event_check);
}

void event_post(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH,
		   "item priority deliver_at delay expires_at expires", event_begin);
}
