#include "chat.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>
#include <belfry/core/render.h>

#include <stdlib.h>
#include <string.h>

#define LIST_PAGE 50
#define LIST_BYTES_MAX RENDER_BODY_MAX
/* `last N` to the hub that may be open in all; of a JID: one. */
#define RECENT_MAX 8
/* Stands where a delivery has the row's hash: its bounce is nobody's delivery. */
#define REPLAY_HASH "replayed"

/* Malloc'ed; "" if there is none, or none that anybody would write. */
static char *thread_of(const struct incoming *in)
{
	char *thread = element_text(element_find(in->stanza, "thread", NULL));
	if (strlen(thread) > ECHO_BYTES_MAX)
		thread[0] = '\0';
	return thread;
}

/* A question that came by chat: its answer is a chat message. */
static struct request *chat_request(struct session *s, const struct incoming *in,
				    const char *feed)
{
	struct request *r = request_create(s, in, true);
	if (r == NULL)
		return NULL;
	if (r->feed == NULL)
		r->feed = xstrdup(feed);
	r->thread = thread_of(in);
	return r;
}

static void say(const struct request *r, const char *text)
{
	reply_chat(r->session, r->to, r->from, r->thread, text);
}

static void say_now(struct session *s, const struct incoming *in, const char *text)
{
	char *thread = thread_of(in);
	reply_chat(s, in->to, in->from, thread, text);
	free(thread);
}

static const struct {
	enum belfry_err err;
	const char *format; /* of the feed's name */
} failures[] = {
	{BELFRY_ENOFEED, "There is no feed %s. 'list' to the hub shows what there is."},
	{BELFRY_EDENIED, "The feed %s is not open to you. Its owner can let you in."},
	{BELFRY_ENOENT, "You do not follow %s, so there is nothing to stop."},
};

static void say_failure(const struct request *r, enum belfry_err err)
{
	const char *format = "That did not work just now. Please try again in a while.";
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].err == err)
			format = failures[i].format;
	const char *gap = strstr(format, "%s");
	struct buf text = {0};
	buf_add(&text, format, gap != NULL ? (size_t)(gap - format) : strlen(format));
	if (gap != NULL) {
		buf_adds(&text, r->feed);
		buf_adds(&text, gap + 2);
	}
	say(r, text.data);
	buf_free(&text);
}

static const char hub_help[] =
	"I am Belfry. I tell you what is new, as soon as it is known. You can write:\n"
	"list - the feeds there are\n"
	"subscribe FEED - follow a feed\n"
	"unsubscribe FEED - stop following it\n"
	"last FEED N - the last N events of a feed (at most 20)\n"
	"last N - the same of all feeds that you follow\n"
	"help - this text";
static const char feed_help[] =
	"This feed tells you what is new, as soon as it is known. You can write:\n"
	"subscribe - follow this feed\n"
	"unsubscribe - stop following it\n"
	"last N - its last N events (at most 20)\n"
	"help - this text";
static const char unknown_text[] =
	"Sorry, I did not understand that. Write 'help' to see what I can do.";
static const char crowded_text[] =
	"I am still looking for what was asked before. Please try again in a moment.";
static const char encrypted_text[] =
	"I cannot read encrypted messages. Please switch encryption off for this chat "
	"(in most apps: the padlock beside the text field, then 'unencrypted'), and "
	"write 'help'.";

static void chat_help(struct session *s, const struct incoming *in,
		      const struct chat_command *c)
{
	(void)c;
	say_now(s, in, in->place == PLACE_FEED ? feed_help : hub_help);
}

static void chat_unknown(struct session *s, const struct incoming *in,
			 const struct chat_command *c)
{
	(void)c;
	if (session_hint_due(s, HINT_HELP, in->bare))
		say_now(s, in, unknown_text);
}

static void say_list(const struct request *r, const struct hub_feed *feeds, size_t count,
		     bool more)
{
	struct buf text = {0};
	size_t n = 0;
	buf_adds(&text, "Feeds:");
	for (; n < count && text.len < LIST_BYTES_MAX; n++) {
		buf_printf(&text, "\n%s", feeds[n].name);
		if (feeds[n].title != NULL)
			buf_printf(&text, " - %s", feeds[n].title);
	}
	if (more || n < count)
		buf_printf(&text, "\nThere are more: write 'list %s'.",
			   feeds[n - 1].name);
	else
		buf_adds(&text, "\nWrite 'subscribe FEED' to follow one.");
	say(r, text.data);
	buf_free(&text);
}

static void on_list(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		    size_t count, bool more)
{
	struct request *r = arg;
	if (request_live(r)) {
		if (err != BELFRY_OK)
			say_failure(r, err);
		else if (count == 0)
			say(r, "There are no feeds here that you can follow.");
		else
			say_list(r, feeds, count, more);
	}
	request_free(r);
}

static void chat_list(struct session *s, const struct incoming *in,
		      const struct chat_command *c)
{
	struct request *r = chat_request(s, in, "");
	const char *after = in->place == PLACE_FEED ? "" : c->feed;
	if (r != NULL)
		s->hub->ops->feeds(s->hub->hub, in->from, after, LIST_PAGE, on_list, r);
}

static void on_subscribed(void *arg, enum belfry_err err)
{
	struct request *r = arg;
	if (request_live(r) && err != BELFRY_OK) {
		say_failure(r, err);
	} else if (request_live(r)) {
		struct buf text = {0};
		buf_printf(&text, "You now follow %s. Write 'unsubscribe%s%s' to stop.",
			   r->feed, r->place == PLACE_FEED ? "" : " ",
			   r->place == PLACE_FEED ? "" : r->feed);
		say(r, text.data);
		buf_free(&text);
	}
	request_free(r);
}

static void chat_subscribe(struct session *s, const struct incoming *in,
			   const struct chat_command *c)
{
	struct request *r = chat_request(s, in, c->feed);
	if (r != NULL)
		s->hub->ops->subscribe(s->hub->hub, in->from, c->feed, in->bare,
				       FORMAT_CHAT, on_subscribed, r);
}

static void on_unsubscribed(void *arg, enum belfry_err err)
{
	struct request *r = arg;
	if (request_live(r) && err != BELFRY_OK) {
		say_failure(r, err);
	} else if (request_live(r)) {
		struct buf text = {0};
		buf_printf(&text, "You no longer follow %s.", r->feed);
		say(r, text.data);
		buf_free(&text);
	}
	request_free(r);
}

static void chat_unsubscribe(struct session *s, const struct incoming *in,
			     const struct chat_command *c)
{
	struct request *r = chat_request(s, in, c->feed);
	if (r != NULL)
		s->hub->ops->unsubscribe(s->hub->hub, c->feed, in->bare, on_unsubscribed,
					 r);
}

static void replay(struct request *r, const struct hub_item *it)
{
	struct rendered stanza = {0};
	struct buf out = {0};
	render(&stanza,
	       &(struct render_event){.feed = it->feed,
				      .id = it->id,
				      .item = it->item,
				      .pos = it->pos,
				      .at_ms = it->at_ms,
				      .event = it->event},
	       FORMAT_CHAT, r->session->domain, true);
	const char *mid = stanza.bytes.data + stanza.head_len;
	const char *tail = mid + stanza.mid_len;
	buf_add(&out, stanza.bytes.data, stanza.head_len);
	buf_adds(&out, REPLAY_HASH);
	buf_add(&out, mid, stanza.mid_len);
	xml_escape(&out, r->from, strlen(r->from));
	buf_add(&out, tail, stanza.bytes.len - stanza.head_len - stanza.mid_len);
	session_send(r->session, &out);
	r->session->counters.chats_answered++;
	buf_free(&out);
	rendered_free(&stanza);
}

static void on_last(void *arg, enum belfry_err err, const struct hub_item *items,
		    size_t count)
{
	struct request *r = arg;
	if (request_live(r)) {
		if (err != BELFRY_OK && err != BELFRY_ENOENT)
			say_failure(r, err);
		else if (err == BELFRY_ENOENT || count == 0)
			say(r, "Nothing has been posted there yet.");
		for (size_t i = 0; err == BELFRY_OK && i < count; i++)
			replay(r, &items[i]);
	}
	request_free(r);
}

/* What `last N` to the hub gets, where there is nothing to show. */
static const char *why_nothing(enum belfry_err err)
{
	if (err == BELFRY_ENOENT)
		return "You do not follow any feed. 'list' shows the feeds there are; "
		       "write 'subscribe FEED' to follow one.";
	if (err == BELFRY_EFULL)
		return "There are too many feeds here to look through. Write 'last FEED "
		       "N'.";
	return NULL;
}

static void on_recent(void *arg, enum belfry_err err, const struct hub_item *items,
		      size_t count)
{
	struct request *r = arg;
	const char *text = why_nothing(err);
	if (text == NULL) {
		on_last(arg, err, items, count);
		return;
	}
	if (request_live(r))
		say(r, text);
	request_free(r);
}

static bool recent_crowded(const struct session *s, const char *bare)
{
	size_t open = 0;
	for (const struct request *r = s->requests; r != NULL; r = r->next) {
		if (r->recent && strcmp(r->bare, bare) == 0)
			return true;
		open += r->recent;
	}
	return open >= RECENT_MAX;
}

/* All the feeds that somebody follows: this costs far more than any other question. */
static void chat_recent(struct session *s, const struct incoming *in,
			const struct chat_command *c)
{
	if (recent_crowded(s, in->bare)) {
		say_now(s, in, crowded_text);
		return;
	}
	struct request *r = chat_request(s, in, "");
	if (r == NULL)
		return;
	r->recent = true;
	s->hub->ops->recent(s->hub->hub, in->from, (size_t)c->count, on_recent, r);
}

static void chat_last(struct session *s, const struct incoming *in,
		      const struct chat_command *c)
{
	if (c->feed[0] == '\0') {
		chat_recent(s, in, c);
		return;
	}
	struct request *r = chat_request(s, in, c->feed);
	if (r != NULL)
		s->hub->ops->items(s->hub->hub, in->from, c->feed, NULL, 0,
				   (size_t)c->count, on_last, r);
}

static void (*const verbs[])(struct session *s, const struct incoming *in,
			     const struct chat_command *c) = {
	[CHAT_HELP] = chat_help,	   [CHAT_LIST] = chat_list,
	[CHAT_SUBSCRIBE] = chat_subscribe, [CHAT_UNSUBSCRIBE] = chat_unsubscribe,
	[CHAT_LAST] = chat_last,	   [CHAT_UNKNOWN] = chat_unknown,
};

/* What says that a message was not written to us just now by a person or program. */
static const char *const ignored[] = {
	"urn:xmpp:delay",
	"jabber:x:delay",
	"urn:xmpp:forward:0",
	"urn:xmpp:carbons:2",
	"http://jabber.org/protocol/muc#user",
	"http://jabber.org/protocol/pubsub#event",
};
static const char *const encrypted[] = {
	"urn:xmpp:eme:0",     "eu.siacs.conversations.axolotl",
	"urn:xmpp:omemo:2",   "urn:xmpp:openpgp:0",
	"jabber:x:encrypted",
};

static bool has_child_of(xmpp_stanza_t *stanza, const char *const *list, size_t count)
{
	xmpp_stanza_t *e = element_first(stanza);
	for (; e != NULL; e = element_next(e)) {
		const char *ns = xmpp_stanza_get_ns(e);
		for (size_t i = 0; ns != NULL && i < count; i++)
			if (strcmp(ns, list[i]) == 0)
				return true;
	}
	return false;
}

#define HAS_CHILD_OF(stanza, list)                                                       \
	has_child_of(stanza, list, sizeof(list) / sizeof((list)[0]))

static void answer(struct session *s, const struct incoming *in, const char *body)
{
	struct chat_command c;
	if (HAS_CHILD_OF(in->stanza, encrypted) || strncmp(body, "?OTR", 4) == 0) {
		if (session_hint_due(s, HINT_ENCRYPTED, in->bare))
			say_now(s, in, encrypted_text);
		return;
	}
	chat_parse(&c, body, in->feed);
	/* Written to a name that no feed can have. */
	if (in->place == PLACE_FEED && !feed_name_valid(in->feed, strlen(in->feed)))
		c.verb = CHAT_UNKNOWN;
	verbs[c.verb](s, in, &c);
}

/* Clients drop chat from a bare host, so nobody is answered from there. */
void chat_message(struct session *s, const struct incoming *in)
{
	if (in->place == PLACE_SERVICE || HAS_CHILD_OF(in->stanza, ignored))
		return;
	xmpp_stanza_t *body = element_find(in->stanza, "body", NULL);
	if (body == NULL && !HAS_CHILD_OF(in->stanza, encrypted))
		return;
	char *text = element_text(body);
	answer(s, in, text);
	free(text);
}
