#include "pubsub_int.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>
#include <belfry/core/render.h>

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 100 /* in one answer */

static const struct reply_error bad_request = {"modify", "bad-request", NULL, NULL};
static const struct reply_error node_required = {"modify", "bad-request",
						 "nodeid-required", NULL};
static const struct reply_error item_required = {"modify", "bad-request", "item-required",
						 NULL};
static const struct reply_error invalid_jid = {"modify", "bad-request", "invalid-jid",
					       NULL};
static const struct reply_error not_subscribed = {"cancel", "unexpected-request",
						  "not-subscribed", NULL};
static const struct reply_error forbidden = {"auth", "forbidden", NULL, NULL};

void pubsub_unsupported(struct session *s, const struct incoming *in, const char *feature)
{
	reply_error(s, in,
		    &(struct reply_error){"cancel", "feature-not-implemented",
					  "unsupported", feature});
}

char *pubsub_jid(xmpp_stanza_t *e)
{
	const char *jid = xmpp_stanza_get_attribute(e, "jid"), *why;
	return jid != NULL ? jid_normalize(jid, strlen(jid), &why) : NULL;
}

bool pubsub_jid_of(const char *jid, const char *bare)
{
	return jid_bare_len(jid) == strlen(bare) && memcmp(jid, bare, strlen(bare)) == 0;
}

static void say_subscribed(struct request *r, const char *state,
			   const struct sub *options)
{
	struct buf out = {0};
	reply_begin(&out, r->to, r->from, r->id);
	buf_adds(&out, "<pubsub xmlns='" NS_PUBSUB "'>");
	pubsub_subscription_add(&out, r->feed, r->jid, state);
	if (options != NULL)
		pubsub_options_add(&out, NULL, NULL, "result", options);
	buf_adds(&out, "</pubsub>");
	reply_send(r->session, &out);
}

static void say_unowned(struct request *r)
{
	const struct reply_error e = reply_error_of(BELFRY_EUNOWNED);
	struct buf text = {0};
	buf_printf(&text, REPLY_UNOWNED_TEXT, r->feed);
	reply_request_error_text(r, &e, text.data);
	buf_free(&text);
}

/* XEP-0060 6.1.4, and 6.1.3.7 for who asks again. */
static void answer_subscribe(struct request *r, enum belfry_err err, bool created,
			     const struct sub *options)
{
	bool unowned = err == BELFRY_EUNOWNED;
	if (request_live(r) && (err == BELFRY_EPENDING || unowned) && created)
		say_subscribed(r, "pending", NULL);
	else if (request_live(r) && unowned)
		say_unowned(r);
	else if (reply_request_ok(r, err))
		say_subscribed(r, "subscribed", options);
	request_free(r);
}

static void on_subscribed(void *arg, enum belfry_err err, const struct sub *sub,
			  bool created)
{
	(void)sub;
	answer_subscribe(arg, err, created, NULL);
}

/* Who sent options is told what they are now. */
static void on_subscribed_so(void *arg, enum belfry_err err, const struct sub *sub,
			     bool created)
{
	answer_subscribe(arg, err, created, sub);
}

static void subscribe(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
		      const char *node)
{
	xmpp_stanza_t *options = element_find(in->child, "options", NULL);
	struct sub_change c = {.set = SUB_SET_FORMAT, .format = FORMAT_EVENT};
	char *jid = pubsub_jid(e);
	if (jid == NULL || !pubsub_jid_of(jid, in->bare)) {
		reply_error(s, in, &invalid_jid);
	} else if (options != NULL &&
		   (xmpp_stanza_get_attribute(options, "node") != NULL ||
		    xmpp_stanza_get_attribute(options, "jid") != NULL)) {
		reply_error(s, in, &bad_request);
	} else if (pubsub_options_read(options, &c) != 0) {
		reply_error(s, in, &pubsub_invalid_options);
	} else {
		struct request *r = request_create(s, in, false);
		if (r != NULL) {
			r->feed = xstrdup(node);
			r->jid = xstrdup(jid);
			s->hub->ops->subscribe(
				s->hub->hub, in->from, node, jid, &c,
				options != NULL ? on_subscribed_so : on_subscribed, r);
		}
	}
	free(jid);
}

static void on_unsubscribed(void *arg, enum belfry_err err, const struct sub *sub,
			    bool created)
{
	(void)created;
	struct request *r = arg;
	if (request_live(r) && err == BELFRY_ENOENT) {
		reply_request_error(r, &not_subscribed);
	} else if (reply_request_ok(r, err == BELFRY_EPENDING ? BELFRY_OK : err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		reply_send(r->session, &out);
	}
	if (err == BELFRY_OK)
		presence_left(r, r->jid, sub);
	request_free(r);
}

static void unsubscribe(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			const char *node)
{
	char *jid = pubsub_jid(e);
	if (jid == NULL) {
		reply_error(s, in, &invalid_jid);
	} else if (!pubsub_jid_of(jid, in->bare)) {
		reply_error(s, in, &forbidden);
	} else {
		struct request *r = request_create(s, in, false);
		if (r != NULL) {
			r->feed = xstrdup(node);
			r->jid = xstrdup(jid);
			s->hub->ops->unsubscribe(s->hub->hub, node, jid, on_unsubscribed,
						 r);
		}
	}
	free(jid);
}

static void add_item(struct buf *out, const struct request *r, const struct hub_item *it)
{
	render_item(out, &(struct render_event){.feed = r->feed,
						.id = it->id,
						.item = it->item,
						.pos = it->pos,
						.at_ms = it->at_ms,
						.event = it->event});
}

/* The newest that fit, in the order of the log: those before them are not rendered. */
static void add_items(struct buf *out, const struct request *r,
		      const struct hub_item *items, size_t count)
{
	struct buf newest[ITEMS_MAX] = {{0}};
	size_t left = session_list_bytes(r->session), n = 0;
	for (; n < count && n < ITEMS_MAX; n++) {
		add_item(&newest[n], r, &items[count - 1 - n]);
		if (newest[n].len > left) {
			buf_free(&newest[n]);
			break;
		}
		left -= newest[n].len;
	}
	while (n-- > 0) {
		buf_add(out, newest[n].data, newest[n].len);
		buf_free(&newest[n]);
	}
}

static void on_items(void *arg, enum belfry_err err, const struct hub_item *items,
		     size_t count)
{
	struct request *r = arg;
	if (reply_request_ok(r, err == BELFRY_ENOENT ? BELFRY_OK : err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		buf_adds(&out, "<pubsub xmlns='" NS_PUBSUB "'><items");
		reply_attr(&out, "node", r->feed);
		buf_addc(&out, '>');
		if (err == BELFRY_OK)
			add_items(&out, r, items, count);
		buf_adds(&out, "</items></pubsub>");
		reply_send(r->session, &out);
	}
	request_free(r);
}

static bool named(const char *id, const char *const *ids, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* The ids that are asked for: their number, or -1 after an error was answered. */
static int item_ids(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
		    const char **ids)
{
	int count = 0;
	for (e = element_first(e); e != NULL; e = element_next(e)) {
		if (!element_is(e, "item", NULL))
			continue;
		const char *id = xmpp_stanza_get_id(e);
		if (id == NULL || id[0] == '\0') {
			reply_error(s, in, &item_required);
			return -1;
		}
		if (named(id, ids, count))
			continue;
		if (count == ITEMS_MAX) {
			reply_error(s, in, &bad_request);
			return -1;
		}
		ids[count++] = id;
	}
	return count;
}

static void retrieve(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
		     const char *node)
{
	const char *ids[ITEMS_MAX];
	const char *max = xmpp_stanza_get_attribute(e, "max_items");
	uint64_t limit = ITEMS_MAX;
	if (max != NULL &&
	    (parse_u64(max, strlen(max), UINT64_MAX, &limit) != 0 || limit == 0)) {
		reply_error(s, in, &bad_request);
		return;
	}
	int count = item_ids(s, in, e, ids);
	struct request *r = count < 0 ? NULL : request_costly(s, in, COST_ITEMS);
	if (r == NULL)
		return;
	r->feed = xstrdup(node);
	s->hub->ops->items(s->hub->hub, in->from, node, ids, (size_t)count,
			   limit < ITEMS_MAX ? (size_t)limit : ITEMS_MAX, on_items, r);
}

struct action {
	const char *name;
	/* NULL: not implemented, and FEATURE is its name. */
	void (*handler)(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			const char *node);
	const char *feature;
	bool needs_node; /* else it may be NULL */
};

static const struct action gets[] = {
	{"items", retrieve, NULL, true},
	{"subscriptions", pubsub_subscriptions, NULL, false},
	{"affiliations", pubsub_affiliations, NULL, false},
	{"options", pubsub_options_get, NULL, true},
	{"default", NULL, "retrieve-default-sub", true},
	{NULL, NULL, NULL, false},
};
static const struct action sets[] = {
	{"subscribe", subscribe, NULL, true},
	{"unsubscribe", unsubscribe, NULL, true},
	{"publish", NULL, "publish", true},
	{"retract", NULL, "retract-items", true},
	{"create", NULL, "create-nodes", true},
	{"configure", NULL, "config-node", true},
	{"options", pubsub_options_set, NULL, true},
	{NULL, NULL, NULL, false},
};
static const struct action owner[] = {
	{"configure", NULL, "config-node", true},
	{"default", NULL, "retrieve-default", true},
	{"delete", NULL, "delete-nodes", true},
	{"purge", NULL, "purge-nodes", true},
	{"subscriptions", NULL, "manage-subscriptions", true},
	{"affiliations", pubsub_owner_affiliations, NULL, true},
	{NULL, NULL, NULL, false},
};

static void act(struct session *s, const struct incoming *in,
		const struct action *actions)
{
	xmpp_stanza_t *e = element_first(in->child);
	const char *name = e != NULL ? xmpp_stanza_get_name(e) : "";
	while (actions->name != NULL && strcmp(actions->name, name) != 0)
		actions++;
	if (actions->name == NULL) {
		reply_error(s, in, &bad_request);
		return;
	}
	if (actions->handler == NULL) {
		pubsub_unsupported(s, in, actions->feature);
		return;
	}
	const char *node = xmpp_stanza_get_attribute(e, "node");
	struct reply_error not_found = reply_error_of(BELFRY_ENOFEED);
	if (node == NULL && !actions->needs_node)
		actions->handler(s, in, e, NULL);
	else if (node == NULL || node[0] == '\0')
		reply_error(s, in, &node_required);
	else if (!feed_name_valid(node, strlen(node)))
		reply_error(s, in, &not_found);
	else
		actions->handler(s, in, e, node);
}

/* The nodes are on the service: elsewhere there is no pubsub. */
static bool on_service(struct session *s, const struct incoming *in)
{
	if (in->place == PLACE_SERVICE)
		return true;
	reply_error(s, in,
		    &(struct reply_error){"cancel", "service-unavailable", NULL, NULL});
	return false;
}

void pubsub_request(struct session *s, const struct incoming *in)
{
	if (!vcard_items(s, in) && on_service(s, in))
		act(s, in, in->set ? sets : gets);
}

void pubsub_owner_request(struct session *s, const struct incoming *in)
{
	if (on_service(s, in))
		act(s, in, owner);
}
