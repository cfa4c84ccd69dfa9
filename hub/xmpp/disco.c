#include "caps.h"
#include "forms.h"
#include "page.h"
#include "reply.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 100

static const char *const service_features[] = {
	NS_DISCO_INFO,
	NS_DISCO_ITEMS,
	NS_PING,
	NS_VERSION,
	NS_RSM,
	NS_COMMANDS,
	NS_PUBSUB,
	NS_PUBSUB "#access-authorize",
	NS_PUBSUB "#access-open",
	NS_PUBSUB "#access-whitelist",
	NS_PUBSUB "#item-ids",
	NS_PUBSUB "#member-affiliation",
	NS_PUBSUB "#meta-data",
	NS_PUBSUB "#modify-affiliations",
	NS_PUBSUB "#outcast-affiliation",
	NS_PUBSUB "#persistent-items",
	NS_PUBSUB "#retrieve-affiliations",
	NS_PUBSUB "#retrieve-items",
	NS_PUBSUB "#retrieve-subscriptions",
	NS_PUBSUB "#subscribe",
	NS_PUBSUB "#subscription-notifications",
	NS_PUBSUB "#subscription-options",
	NULL,
};
/* The hub and the feeds are written to: a feed's pubsub node is on the service. */
static const char *const bot_features[] = {
	NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING,	    NS_VERSION, NS_CAPS,
	NS_VCARD,      NS_VCARD4,      NS_COMMANDS, NULL,
};
static const char *const node_features[] = {NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PUBSUB,
					    NULL};

static void identity(struct buf *out, const char *category, const char *type,
		     const char *name, const char *const *features)
{
	buf_printf(out, "<identity category='%s' type='%s'", category, type);
	if (name != NULL)
		reply_attr(out, "name", name);
	buf_adds(out, "/>");
	for (size_t i = 0; features[i] != NULL; i++) {
		buf_adds(out, "<feature");
		reply_attr(out, "var", features[i]);
		buf_adds(out, "/>");
	}
}

static void info_begin(struct buf *out, const char *from, const char *to, const char *id,
		       const char *ns, const char *node)
{
	reply_begin(out, from, to, id);
	buf_adds(out, "<query");
	reply_attr(out, "xmlns", ns);
	if (node != NULL)
		reply_attr(out, "node", node);
	buf_addc(out, '>');
}

static void query_end(struct session *s, struct buf *out)
{
	buf_adds(out, "</query>");
	reply_send(s, out);
}

const char *const *disco_bot_features(void)
{
	return bot_features;
}

/* What the capabilities in presence stand for; they say nothing of this feed alone. */
static void info_caps(struct session *s, const struct incoming *in, const char *node)
{
	struct buf out = {0};
	info_begin(&out, in->to, in->from, in->id, NS_DISCO_INFO, node);
	identity(&out, "client", "bot", NULL, bot_features);
	query_end(s, &out);
}

static void addresses(struct buf *out, const char *var, char *const *uris)
{
	if (uris == NULL || uris[0] == NULL)
		return;
	form_field(out, var, "list-multi", NULL, false);
	for (; *uris != NULL; uris++)
		form_field_value(out, *uris);
	form_field_end(out);
}

/* XEP-0157; nothing where there are none. */
static void contacts(struct buf *out, const struct config *c)
{
	struct buf fields = {0};
	if (c == NULL)
		return;
	addresses(&fields, "abuse-addresses", c->contact.abuse);
	addresses(&fields, "admin-addresses", c->contact.admin);
	addresses(&fields, "feedback-addresses", c->contact.feedback);
	addresses(&fields, "sales-addresses", c->contact.sales);
	addresses(&fields, "security-addresses", c->contact.security);
	addresses(&fields, "status-addresses", c->contact.status);
	addresses(&fields, "support-addresses", c->contact.support);
	if (fields.len > 0) {
		form_begin(out, "result");
		form_type(out, "http://jabber.org/network/serverinfo");
		buf_add(out, fields.data, fields.len);
		form_end(out);
	}
	buf_free(&fields);
}

static void info_service(struct session *s, const struct incoming *in)
{
	struct buf out = {0};
	info_begin(&out, in->to, in->from, in->id, NS_DISCO_INFO, NULL);
	identity(&out, "pubsub", "service", "Belfry", service_features);
	contacts(&out, s->contacts);
	query_end(s, &out);
}

static void info_hub(struct session *s, const struct incoming *in)
{
	struct buf out = {0};
	info_begin(&out, in->to, in->from, in->id, NS_DISCO_INFO, NULL);
	identity(&out, "client", "bot", "Belfry", bot_features);
	query_end(s, &out);
}

/* XEP-0060 5.4. Access "local" has no name there, and is left out. */
static void meta_data(struct buf *out, const struct hub_feed *f)
{
	static const char *const access_models[] = {
		[ACCESS_OPEN] = "open",
		[ACCESS_LOCAL] = NULL,
		[ACCESS_WHITELIST] = "whitelist",
		[ACCESS_AUTHORIZE] = "authorize",
	};
	char created[CLOCK_TEXT_SIZE], count[24];
	clock_format(f->created_ms, created);
	snprintf(count, sizeof(count), "%llu", (unsigned long long)f->subscribers);
	form_begin(out, "result");
	form_type(out, NS_PUBSUB "#meta-data");
	form_value(out, "pubsub#title", NULL, f->title);
	form_value(out, "pubsub#description", NULL, f->description);
	form_value(out, "pubsub#creation_date", NULL, created);
	form_value(out, "pubsub#num_subscribers", NULL, count);
	form_value(out, "pubsub#access_model", NULL, access_models[f->access]);
	form_end(out);
}

/* A node of the service, or the feed's own JID. */
static void on_info_feed(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	if (reply_request_ok(r, err)) {
		bool node = r->place == PLACE_SERVICE;
		const char *name = feed->title != NULL ? feed->title : feed->name;
		struct buf out = {0};
		info_begin(&out, r->to, r->from, r->id, NS_DISCO_INFO,
			   node ? r->feed : NULL);
		if (node) {
			identity(&out, "pubsub", "leaf", name, node_features);
			meta_data(&out, feed);
		} else {
			identity(&out, "client", "bot", name, bot_features);
		}
		query_end(r->session, &out);
	}
	request_free(r);
}

/*
 * The feed that is asked about: the node, or the JID itself; NULL: none. False: there
 * cannot be one, and that has been answered.
 */
static bool feed_meant(struct session *s, const struct incoming *in, const char **feed)
{
	const char *node = xmpp_stanza_get_attribute(in->child, "node");
	*feed = in->place == PLACE_FEED ? in->feed : node;
	if ((node == NULL || in->place == PLACE_SERVICE) &&
	    (*feed == NULL || feed_name_valid(*feed, strlen(*feed))))
		return true;
	struct reply_error e = reply_error_of(BELFRY_ENOENT);
	reply_error(s, in, &e);
	return false;
}

void disco_info(struct session *s, const struct incoming *in)
{
	const char *feed, *node = xmpp_stanza_get_attribute(in->child, "node");
	if (in->place != PLACE_SERVICE && node != NULL && caps_is_node(node)) {
		info_caps(s, in, node);
		return;
	}
	if (commands_info(s, in) || !feed_meant(s, in, &feed))
		return;
	if (feed == NULL && in->place == PLACE_HUB) {
		info_hub(s, in);
		return;
	}
	if (feed == NULL) {
		info_service(s, in);
		return;
	}
	struct request *r = request_create(s, in, false);
	if (r == NULL)
		return;
	if (r->feed == NULL)
		r->feed = xstrdup(feed);
	s->hub->ops->feed(s->hub->hub, in->from, feed, on_info_feed, r);
}

static void item(struct buf *out, const char *jid, const char *node, const char *name)
{
	buf_adds(out, "<item");
	reply_attr(out, "jid", jid);
	if (node != NULL)
		reply_attr(out, "node", node);
	if (name != NULL)
		reply_attr(out, "name", name);
	buf_adds(out, "/>");
}

/* The service lists nodes, the hub lists the JIDs to write to. */
static void feed_item(struct buf *out, const struct request *r, const struct hub_feed *f)
{
	const char *domain = r->session->domain;
	const char *name = f->title != NULL ? f->title : f->name;
	if (r->place == PLACE_SERVICE) {
		item(out, domain, f->name, name);
		return;
	}
	struct buf jid = {0};
	buf_printf(&jid, "%s@%s", f->name, domain);
	item(out, jid.data, NULL, name);
	buf_free(&jid);
}

/* The hub stands before the first of the service's nodes. */
static bool begins_with_hub(const struct request *r)
{
	return r->place == PLACE_SERVICE && r->after[0] == '\0';
}

static void add_page(struct buf *out, const struct request *r,
		     const struct hub_feed *feeds, size_t count, bool more)
{
	struct buf hub = {0};
	if (begins_with_hub(r)) {
		buf_printf(&hub, "hub@%s", r->session->domain);
		item(out, hub.data, NULL, "Write 'help' to the hub");
		buf_free(&hub);
	}
	size_t most = session_list_bytes(r->session), n = 0;
	while (n < count && out->len < most)
		feed_item(out, r, &feeds[n++]);
	page_end(out, r, n > 0 ? feeds[0].name : NULL, n > 0 ? feeds[n - 1].name : NULL,
		 more || n < count);
}

static void on_feeds(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		     size_t count, bool more)
{
	struct request *r = arg;
	/* Who sees none of very many feeds still meets the hub. */
	if (err == BELFRY_EFULL && (begins_with_hub(r) || r->counted)) {
		err = BELFRY_OK;
		more = true;
	}
	if (reply_request_ok(r, err)) {
		struct buf out = {0};
		info_begin(&out, r->to, r->from, r->id, NS_DISCO_ITEMS, NULL);
		if (r->counted)
			page_count(&out, count + begins_with_hub(r), more);
		else
			add_page(&out, r, feeds, count, more);
		query_end(r->session, &out);
	}
	request_free(r);
}

static void list_feeds(struct session *s, const struct incoming *in)
{
	struct request *r = request_costly(s, in, COST_FEEDS);
	if (r == NULL)
		return;
	size_t limit = page_asked(r, in, FEED_NAME_MAX);
	s->hub->ops->feeds(s->hub->hub, in->from, r->after, limit, on_feeds, r);
}

/* Where the newest items begin that fit into an answer. */
static size_t items_that_fit(const struct session *s, const struct hub_item *items,
			     size_t count)
{
	size_t most = session_list_bytes(s), bytes = 0, domain = strlen(s->domain);
	while (count > 0 && bytes < most) {
		const char *name = items[--count].item;
		bytes += sizeof("<item jid='' name=''/>") + domain +
			 xml_escaped_len(name, strlen(name));
	}
	return bytes < most ? count : count + 1;
}

/* XEP-0060 5.5: name is the item's id, and there is no node attribute. */
static void on_node_items(void *arg, enum belfry_err err, const struct hub_item *items,
			  size_t count)
{
	struct request *r = arg;
	if (reply_request_ok(r, err)) {
		struct buf out = {0};
		info_begin(&out, r->to, r->from, r->id, NS_DISCO_ITEMS, r->feed);
		for (size_t i = items_that_fit(r->session, items, count); i < count; i++)
			item(&out, r->session->domain, NULL, items[i].item);
		query_end(r->session, &out);
	}
	request_free(r);
}

/* The feed's own JID has one thing to show: its node. */
static void on_feed_node(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	if (reply_request_ok(r, err)) {
		struct buf out = {0};
		info_begin(&out, r->to, r->from, r->id, NS_DISCO_ITEMS, NULL);
		item(&out, r->session->domain, feed->name,
		     feed->title != NULL ? feed->title : feed->name);
		query_end(r->session, &out);
	}
	request_free(r);
}

void disco_items(struct session *s, const struct incoming *in)
{
	const char *feed;
	if (commands_items(s, in) || !feed_meant(s, in, &feed))
		return;
	if (feed == NULL) {
		list_feeds(s, in);
		return;
	}
	struct request *r = in->place == PLACE_FEED ? request_create(s, in, false)
						    : request_costly(s, in, COST_ITEMS);
	if (r == NULL)
		return;
	const struct xmpp_hub_ops *ops = s->hub->ops;
	if (in->place == PLACE_FEED) {
		ops->feed(s->hub->hub, in->from, feed, on_feed_node, r);
		return;
	}
	r->feed = xstrdup(feed);
	ops->items(s->hub->hub, in->from, feed, NULL, 0, ITEMS_MAX, on_node_items, r);
}

void answer_ping(struct session *s, const struct incoming *in)
{
	reply_done(s, in);
}

void answer_version(struct session *s, const struct incoming *in)
{
	struct buf out = {0};
	reply_begin(&out, in->to, in->from, in->id);
	buf_adds(&out, "<query xmlns='" NS_VERSION "'>");
	reply_text(&out, "name", "Belfry");
	reply_text(&out, "version", BELFRY_VERSION);
	query_end(s, &out);
}
