#include "commands_int.h"
#include "forms.h"
#include "page.h"
#include "pubsub_digest.h"
#include "pubsub_int.h"
#include "quiet.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/event.h>
#include <belfry/core/feed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_TYPE NS_PUBSUB "#subscribe_options"
#define DELIVER "pubsub#deliver"
/* Ours: a form of a registered type has others' fields with x- before them. */
#define TAGS "x-belfry#tags"
#define PRIORITY "x-belfry#priority"
#define MUTED "x-belfry#muted_until"
#define PAUSED "x-belfry#paused"
#define QUIET "x-belfry#quiet"
#define URGENT "x-belfry#urgent"
#define HOLD "x-belfry#hold"
#define RECEIPTS "x-belfry#receipts"
#define SEEN "x-belfry#presence"
#define SHOWS "pubsub#show-values"

const struct reply_error pubsub_invalid_options = {"modify", "bad-request",
						   "invalid-options", NULL};
static const struct reply_error jid_required = {"modify", "bad-request", "jid-required",
						NULL};
static const struct reply_error invalid_jid = {"modify", "bad-request", "invalid-jid",
					       NULL};
static const struct reply_error forbidden = {"auth", "forbidden", NULL, NULL};
static const struct reply_error not_subscribed = {"modify", "unexpected-request",
						  "not-subscribed", NULL};

/* ---- The form ------------------------------------------------------------------------
 */

static void tags_field(struct buf *out, const struct sub_options *o)
{
	form_field(out, TAGS, "text-multi", "Only what bears one of these tags", false);
	for (size_t i = 0; i < o->tag_count; i++)
		form_field_value(out, o->tags[i]);
	form_field_end(out);
}

static void priority_field(struct buf *out, const struct sub_options *o, bool options)
{
	form_field(out, PRIORITY, "list-single", "Only what is at least", false);
	form_field_value(out, priority_text(o->at_least));
	for (int p = PRIORITY_LOW; options && p <= PRIORITY_URGENT; p++) {
		const char *text = priority_text((enum event_priority)p);
		form_option(out, text, text);
	}
	form_field_end(out);
}

static void muted_field(struct buf *out, const struct sub_options *o)
{
	char until[CLOCK_TEXT_SIZE];
	form_field(out, MUTED, "text-single",
		   "Nothing before this time (2026-01-31T12:00:00Z)", false);
	if (o->muted_until_ms > 0) {
		clock_format(o->muted_until_ms, until);
		form_field_value(out, until);
	}
	form_field_end(out);
}

void pubsub_boolean_field(struct buf *out, const char *var, const char *label, bool value)
{
	form_field(out, var, "boolean", label, false);
	form_field_value(out, value ? "1" : "0");
	form_field_end(out);
}

static void quiet_field(struct buf *out, const struct sub_options *o)
{
	form_field(out, QUIET, "text-single", "Quiet hours (22:00-07:00 Europe/Berlin)",
		   false);
	if (o->quiet.set) {
		struct buf text = {0};
		quiet_text(&text, &o->quiet);
		form_field_value(out, text.data);
		buf_free(&text);
	}
	form_field_end(out);
}

static void shows_field(struct buf *out, const struct sub_options *o, bool options)
{
	unsigned chosen = o->shows, all = SHOWS_ALL;
	form_field(out, SHOWS, "list-multi",
		   "Only while you are shown as one of these; none: always", false);
	for (const char *show; (show = shows_next(&chosen)) != NULL;)
		form_field_value(out, show);
	for (const char *show; options && (show = shows_next(&all)) != NULL;)
		form_option(out, show, show);
	form_field_end(out);
}

/* Whether what depends on the presence works: nothing that could be set. */
static void seen_field(struct buf *out, const struct sub *sub,
		       const struct sub_options *o)
{
	const char *unseen = command_unseen(sub);
	if (!sub_chooses_presence(o))
		return;
	form_field(out, SEEN, "fixed", "Your presence", false);
	form_field_value(out, unseen != NULL ? unseen : "may be seen");
	form_field_end(out);
}

void pubsub_options_add(struct buf *out, const char *node, const char *jid,
			const char *type, const struct sub *sub)
{
	struct sub_options o;
	sub_options_read(sub, &o);
	buf_adds(out, "<options");
	if (node != NULL) {
		reply_attr(out, "node", node);
		reply_attr(out, "jid", jid);
	}
	buf_addc(out, '>');
	form_begin(out, type);
	form_type(out, FORM_TYPE);
	pubsub_boolean_field(out, DELIVER, "Events are delivered", true);
	tags_field(out, &o);
	priority_field(out, &o, strcmp(type, "form") == 0);
	muted_field(out, &o);
	pubsub_boolean_field(out, PAUSED, "Paused: events are kept until it is not",
			     o.paused);
	quiet_field(out, &o);
	pubsub_boolean_field(
		out, URGENT,
		"Urgent events come in quiet hours, before digests and in other "
		"states, too",
		o.urgent_passes);
	pubsub_digest_fields(out, &o.digest);
	pubsub_boolean_field(out, HOLD, "What comes while you are offline is kept",
			     o.hold_offline);
	shows_field(out, &o, strcmp(type, "form") == 0);
	seen_field(out, sub, &o);
	pubsub_boolean_field(out, RECEIPTS,
			     "What comes as chat is kept until it is confirmed",
			     o.receipt);
	form_end(out);
	buf_adds(out, "</options>");
}

/* ---- Reading it ----------------------------------------------------------------------
 */

/* Each takes a field: false if its value is not one that there is. */
static bool read_type(xmpp_stanza_t *f, struct sub_change *c)
{
	char *text = form_text(f);
	bool ours = strcmp(text, FORM_TYPE) == 0;
	(void)c;
	free(text);
	return ours;
}

/* XEP-0004 3.3; nothing is false. */
bool pubsub_read_boolean(xmpp_stanza_t *f, bool *out)
{
	char *text = form_text(f);
	*out = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
	bool fine = *out || text[0] == '\0' || strcmp(text, "0") == 0 ||
		    strcmp(text, "false") == 0;
	free(text);
	return fine;
}

static bool read_deliver(xmpp_stanza_t *f, struct sub_change *c)
{
	bool deliver;
	(void)c;
	return pubsub_read_boolean(f, &deliver) && deliver;
}

static bool read_paused(xmpp_stanza_t *f, struct sub_change *c)
{
	c->set |= SUB_SET_PAUSED;
	return pubsub_read_boolean(f, &c->options.paused);
}

static bool read_urgent(xmpp_stanza_t *f, struct sub_change *c)
{
	c->set |= SUB_SET_URGENT;
	return pubsub_read_boolean(f, &c->options.urgent_passes);
}

static bool read_hold(xmpp_stanza_t *f, struct sub_change *c)
{
	c->set |= SUB_SET_OFFLINE;
	return pubsub_read_boolean(f, &c->options.hold_offline);
}

static bool read_receipts(xmpp_stanza_t *f, struct sub_change *c)
{
	c->set |= SUB_SET_RECEIPT;
	bool ok = pubsub_read_boolean(f, &c->options.receipt);
	c->options.no_receipt = !c->options.receipt;
	return ok;
}

static bool read_shows(xmpp_stanza_t *f, struct sub_change *c)
{
	bool fine = true;
	c->set |= SUB_SET_SHOWS;
	for (xmpp_stanza_t *v = form_first_value(f); v != NULL && fine;
	     v = form_next_value(v)) {
		char *text = form_value_text(v);
		unsigned show = shows_parse(text, strlen(text));
		c->options.shows |= show;
		fine = show != 0 || text[0] == '\0';
		free(text);
	}
	return fine;
}

static bool read_quiet(xmpp_stanza_t *f, struct sub_change *c)
{
	char *text = form_text(f);
	bool fine = text[0] == '\0' || quiet_parse(&c->options.quiet, text);
	c->set |= SUB_SET_QUIET;
	free(text);
	return fine;
}

static bool read_tags(xmpp_stanza_t *f, struct sub_change *c)
{
	char all[SUB_OPTIONS_SIZE];
	bool fine = true;
	c->set |= SUB_SET_TAGS;
	for (xmpp_stanza_t *v = form_first_value(f); v != NULL && fine;
	     v = form_next_value(v)) {
		char *tag = form_value_text(v);
		fine = tag[0] == '\0' ||
		       sub_options_tag(&c->options, tag, strlen(tag)) == 0;
		free(tag);
	}
	return fine && sub_options_text(&c->options, all) >= 0;
}

static bool read_priority(xmpp_stanza_t *f, struct sub_change *c)
{
	char *text = form_text(f);
	bool fine = text[0] == '\0' ||
		    priority_parse(text, strlen(text), &c->options.at_least) == 0;
	c->set |= SUB_SET_PRIORITY;
	free(text);
	return fine;
}

static bool read_muted(xmpp_stanza_t *f, struct sub_change *c)
{
	char *text = form_text(f);
	bool fine = text[0] == '\0' ||
		    clock_parse(text, strlen(text), &c->options.muted_until_ms) == 0;
	c->set |= SUB_SET_MUTED;
	free(text);
	return fine;
}

static const struct {
	const char *var;
	bool (*read)(xmpp_stanza_t *f, struct sub_change *c);
} fields[] = {
	{"FORM_TYPE", read_type},
	{DELIVER, read_deliver},
	{TAGS, read_tags},
	{PRIORITY, read_priority},
	{MUTED, read_muted},
	{PAUSED, read_paused},
	{QUIET, read_quiet},
	{URGENT, read_urgent},
	{HOLD, read_hold},
	{SHOWS, read_shows},
	{RECEIPTS, read_receipts},
	/* In this order. */
	{PUBSUB_DAILY, pubsub_read_daily},
	{PUBSUB_FREQUENCY, pubsub_read_frequency},
	{PUBSUB_DIGEST, pubsub_read_digest},
};

int pubsub_options_read(xmpp_stanza_t *e, struct sub_change *c)
{
	xmpp_stanza_t *x = e != NULL ? element_find(e, "x", NS_FORM) : NULL;
	const char *type = x != NULL ? xmpp_stanza_get_type(x) : NULL;
	if (x == NULL)
		return 0;
	if (type == NULL || strcmp(type, "submit") != 0)
		return -1;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		xmpp_stanza_t *f = form_find(x, fields[i].var);
		if (f != NULL && !fields[i].read(f, c))
			return -1;
	}
	return 0;
}

/* ---- Getting and setting --------------------------------------------------------------
 */

/* A request about the subscription of E's jid; NULL: an error was answered. */
static struct request *about(struct session *s, const struct incoming *in,
			     xmpp_stanza_t *e, const char *node)
{
	struct request *r = NULL;
	char *jid = pubsub_jid(e);
	if (jid == NULL)
		reply_error(s, in,
			    xmpp_stanza_get_attribute(e, "jid") == NULL ? &jid_required
									: &invalid_jid);
	else if (!pubsub_jid_of(jid, in->bare))
		reply_error(s, in, &forbidden);
	else
		r = request_create(s, in, false);
	if (r != NULL) {
		r->feed = xstrdup(node);
		r->jid = jid;
		jid = NULL;
	}
	free(jid);
	return r;
}

static bool answered(struct request *r, enum belfry_err err)
{
	if (request_live(r) && err == BELFRY_ENOENT)
		reply_request_error(r, &not_subscribed);
	else if (reply_request_ok(r, err))
		return false;
	request_free(r);
	return true;
}

static void on_subscription(void *arg, enum belfry_err err, const struct sub *sub,
			    bool created)
{
	struct request *r = arg;
	struct buf out = {0};
	(void)created;
	if (answered(r, err))
		return;
	reply_begin(&out, r->to, r->from, r->id);
	buf_adds(&out, "<pubsub xmlns='" NS_PUBSUB "'>");
	pubsub_options_add(&out, r->feed, r->jid, "form", sub);
	buf_adds(&out, "</pubsub>");
	reply_send(r->session, &out);
	request_free(r);
}

void pubsub_options_get(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			const char *node)
{
	struct request *r = about(s, in, e, node);
	if (r != NULL)
		s->hub->ops->subscription(s->hub->hub, node, r->jid, on_subscription, r);
}

static void on_changed(void *arg, enum belfry_err err, const struct sub *sub,
		       bool created)
{
	struct request *r = arg;
	struct buf out = {0};
	(void)sub;
	(void)created;
	if (answered(r, err))
		return;
	reply_begin(&out, r->to, r->from, r->id);
	reply_send(r->session, &out);
	request_free(r);
}

void pubsub_options_set(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			const char *node)
{
	/* The format is not set: it says that the JID counts as it is given. */
	struct sub_change c = {.format = FORMAT_EVENT, .only_existing = true};
	if (pubsub_options_read(e, &c) != 0) {
		reply_error(s, in, &pubsub_invalid_options);
		return;
	}
	struct request *r = about(s, in, e, node);
	if (r != NULL)
		s->hub->ops->subscribe(s->hub->hub, in->from, node, r->jid, &c,
				       on_changed, r);
}

/* ---- One's own subscriptions
 * ----------------------------------------------------------- */

void pubsub_subscription_add(struct buf *out, const char *node, const char *jid,
			     const char *state)
{
	buf_adds(out, "<subscription");
	reply_attr(out, "node", node);
	reply_attr(out, "jid", jid);
	reply_attr(out, "subscription", state);
	buf_adds(out, "/>");
}

static void subscriptions_begin(struct buf *out, const struct request *r)
{
	reply_begin(out, r->to, r->from, r->id);
	buf_adds(out, "<pubsub xmlns='" NS_PUBSUB "'><subscriptions");
	if (r->feed != NULL)
		reply_attr(out, "node", r->feed);
	buf_addc(out, '>');
}

static void on_following(void *arg, enum belfry_err err, const struct hub_followed *list,
			 size_t count, bool more)
{
	struct request *r = arg;
	if (!reply_request_ok(r, err)) {
		request_free(r);
		return;
	}
	struct buf out = {0};
	size_t most = session_list_bytes(r->session), n = 0;
	subscriptions_begin(&out, r);
	for (; !r->counted && n < count && out.len < most; n++)
		pubsub_subscription_add(&out, list[n].feed, r->bare, "subscribed");
	buf_adds(&out, "</subscriptions>");
	if (r->counted)
		page_count(&out, count, more);
	else
		page_end(&out, r, n > 0 ? list[0].feed : NULL,
			 n > 0 ? list[n - 1].feed : NULL, more || n < count);
	buf_adds(&out, "</pubsub>");
	reply_send(r->session, &out);
	request_free(r);
}

/* The node is a filter: no subscription there is none, and no error. */
static void on_one(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	struct request *r = arg;
	(void)sub;
	(void)created;
	bool none = err == BELFRY_ENOENT, pending = err == BELFRY_EPENDING;
	if (reply_request_ok(r, none || pending ? BELFRY_OK : err)) {
		struct buf out = {0};
		subscriptions_begin(&out, r);
		if (!none)
			pubsub_subscription_add(&out, r->feed, r->bare,
						pending ? "pending" : "subscribed");
		buf_adds(&out, "</subscriptions></pubsub>");
		reply_send(r->session, &out);
	}
	request_free(r);
}

void pubsub_subscriptions(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			  const char *node)
{
	(void)e;
	struct request *r = node != NULL ? request_create(s, in, false)
					 : request_costly(s, in, COST_OWN);
	if (r == NULL)
		return;
	if (node != NULL) {
		r->feed = xstrdup(node);
		s->hub->ops->subscription(s->hub->hub, node, r->bare, on_one, r);
		return;
	}
	size_t limit = page_asked(r, in, FEED_NAME_MAX);
	s->hub->ops->following(s->hub->hub, in->from, r->after, limit, on_following, r);
}
