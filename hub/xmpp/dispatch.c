#include "notice_int.h"
#include "reply.h"
#include "session.h"

#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

#define NS_COMPONENT "jabber:component:accept"
#define NS_BLOCKING_ERRORS "urn:xmpp:blocking:errors"

/*
 * Our ping to ourselves, or an answer to it: either way it came round behind all that was
 * sent before. The ping itself is not answered.
 */
static void from_ourselves(struct session *s, xmpp_stanza_t *stanza)
{
	uint64_t number;
	if (session_is_own_iq(s, stanza, BARRIER_WORD, &number) && number > 0)
		s->out->barrier(s->arg, number);
}

static const struct {
	const char *condition;
	enum bounce_class class;
} bounce_classes[] = {
	{"gone", BOUNCE_ENDS},
	{"item-not-found", BOUNCE_ENDS},
	{"redirect", BOUNCE_SUSPENDS},
};

/* XEP-0191 */
static bool says_blocked(xmpp_stanza_t *stanza)
{
	xmpp_stanza_t *error = element_find(stanza, "error", NULL);
	return error != NULL && element_find(error, "blocked", NS_BLOCKING_ERRORS);
}

/* Who says so of an invitation that there was not refuses his own alone. */
static void undelivered(struct session *s, const struct incoming *in)
{
	s->counters.bounces_received++;
	if (!session_hint_due(s, HINT_BOUNCED, in->bare))
		return;
	s->hub->ops->undelivered(s->hub->hub, in->feed, in->bare,
				 error_condition(in->stanza));
	presence_withdraw(s, in->feed, in->bare);
}

static enum bounce_class bounce_class(xmpp_stanza_t *stanza)
{
	const char *condition = error_condition(stanza);
	for (size_t i = 0; i < sizeof(bounce_classes) / sizeof(bounce_classes[0]); i++)
		if (strcmp(bounce_classes[i].condition, condition) == 0)
			return bounce_classes[i].class;
	return says_blocked(stanza) ? BOUNCE_ENDS : BOUNCE_RETRIES;
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void notice_error(struct session *s, const struct incoming *in, const char *id)
{
	if (s->hub == NULL || in->place != PLACE_FEED ||
	    !feed_name_valid(in->feed, strlen(in->feed)))
		return;
	if (begins_with(id, NOTICE_INVITATION_ID))
		undelivered(s, in);
	else if (begins_with(id, NOTICE_REQUEST_ID))
		s->hub->ops->owner_returned(s->hub->hub, in->bare,
					    bounce_class(in->stanza) == BOUNCE_ENDS,
					    error_condition(in->stanza));
}

static void message_error(struct session *s, const struct incoming *in)
{
	const char *id = xmpp_stanza_get_id(in->stanza);
	struct stanza_id parsed;
	if (id == NULL)
		return;
	if (stanza_id_parse(id, strlen(id), &parsed) != 0) {
		notice_error(s, in, id);
		return;
	}
	struct link_bounce bounce = {.id = id,
				     .from = in->from,
				     .class = bounce_class(in->stanza),
				     .condition = error_condition(in->stanza)};
	s->counters.bounces_received++;
	s->out->bounce(s->arg, &bounce);
}

static const struct {
	const char *name, *ns;
	bool get, set;
	iq_handler handler;
} iqs[] = {
	{"query", NS_DISCO_INFO, true, false, disco_info},
	{"query", NS_DISCO_ITEMS, true, false, disco_items},
	{"ping", NS_PING, true, false, answer_ping},
	{"query", NS_VERSION, true, false, answer_version},
	{"vCard", NS_VCARD, true, false, vcard_temp},
	{"vcard", NS_VCARD4, true, false, vcard4},
	{"command", NS_COMMANDS, false, true, commands_request},
	{"pubsub", NS_PUBSUB, true, true, pubsub_request},
	{"pubsub", NS_PUBSUB_OWNER, true, true, pubsub_owner_request},
};

static void iq_request(struct session *s, const struct incoming *from, bool set)
{
	struct incoming in = *from;
	in.id = xmpp_stanza_get_id(in.stanza);
	in.set = set;
	in.child = element_first(in.stanza);
	if (in.id == NULL || strlen(in.id) > ECHO_BYTES_MAX)
		return;
	for (size_t i = 0;
	     s->hub != NULL && in.child != NULL && i < sizeof(iqs) / sizeof(iqs[0]); i++)
		if ((set ? iqs[i].set : iqs[i].get) &&
		    element_is(in.child, iqs[i].name, iqs[i].ns)) {
			iqs[i].handler(s, &in);
			return;
		}
	reply_error(s, &in,
		    &(struct reply_error){"cancel", "service-unavailable", NULL, NULL});
}

static void iq_get(struct session *s, const struct incoming *in)
{
	iq_request(s, in, false);
}

static void iq_set(struct session *s, const struct incoming *in)
{
	iq_request(s, in, true);
}

/* What is not here is not answered: results, errors, headlines, groupchat. */
static const struct {
	const char *name, *type; /* type "": none */
	void (*handler)(struct session *s, const struct incoming *in);
} stanzas[] = {
	{"iq", "get", iq_get},
	{"iq", "set", iq_set},
	{"message", "error", message_error},
	{"message", "chat", chat_message},
	{"message", "normal", chat_message},
	{"message", "", chat_message},
	{"presence", "subscribe", presence_subscribe},
	{"presence", "unsubscribe", presence_unsubscribe},
	{"presence", "probe", presence_probe},
	{"presence", "subscribed", presence_subscribed},
	{"presence", "unsubscribed", presence_unsubscribed},
	{"presence", "", presence_available},
	{"presence", "unavailable", presence_unavailable},
	{"presence", "error", presence_error},
};

/* XEP-0184: of what a feed sent, by whom it was sent to. */
static void take_receipt(struct session *s, const struct incoming *in, const char *type)
{
	xmpp_stanza_t *received = element_find(in->stanza, "received", NS_RECEIPTS);
	const char *id = received != NULL ? xmpp_stanza_get_id(received) : NULL;
	struct stanza_id parsed;
	if (id == NULL || in->place != PLACE_FEED || strcmp(type, "error") == 0 ||
	    strcmp(type, "groupchat") == 0 ||
	    stanza_id_parse(id, strlen(id), &parsed) != 0 ||
	    strcmp(parsed.feed, in->feed) != 0)
		return;
	s->out->received(s->arg, id, in->from);
}

static void dispatch(struct session *s, const struct incoming *in)
{
	const char *type = xmpp_stanza_get_type(in->stanza);
	if (type == NULL)
		type = "";
	if (element_is(in->stanza, "message", NULL))
		take_receipt(s, in, type);
	for (size_t i = 0; i < sizeof(stanzas) / sizeof(stanzas[0]); i++)
		if (element_is(in->stanza, stanzas[i].name, NULL) &&
		    strcmp(stanzas[i].type, type) == 0) {
			stanzas[i].handler(s, in);
			return;
		}
}

static bool is_our_domain(const struct session *s, const char *jid)
{
	size_t len;
	const char *domain = jid_domain(jid, &len);
	return text_is(domain, len, s->domain);
}

static void dispatch_to(struct session *s, struct incoming *in)
{
	char *local = jid_local(in->to);
	char *bare = jid_bare(in->from);
	in->bare = bare;
	in->place = local == NULL ? PLACE_SERVICE : PLACE_FEED;
	in->feed = local;
	if (local != NULL && feed_name_reserved(local)) {
		in->place = PLACE_HUB;
		in->feed = NULL;
	}
	dispatch(s, in);
	free(local);
	free(bare);
}

void session_stanza(struct session *s, xmpp_stanza_t *stanza)
{
	const char *from = xmpp_stanza_get_from(stanza), *why;
	const char *to = xmpp_stanza_get_to(stanza);
	s->counters.stanzas_received++;
	if (from == NULL || to == NULL)
		return;
	const char *ns = xmpp_stanza_get_ns(stanza);
	if (ns != NULL && strcmp(ns, NS_COMPONENT) != 0)
		return;
	char *to_jid = jid_normalize(to, strlen(to), &why);
	char *from_jid = jid_normalize(from, strlen(from), &why);
	struct incoming in = {.stanza = stanza, .from = from_jid, .to = to_jid};
	if (to_jid == NULL || from_jid == NULL || !is_our_domain(s, to_jid))
		;
	else if (is_our_domain(s, from_jid))
		from_ourselves(s, stanza);
	else if (s->service == NULL || strcmp(from_jid, s->service) != 0 ||
		 !service_answer(s, stanza))
		dispatch_to(s, &in);
	free(to_jid);
	free(from_jid);
}
