#include "chat_int.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

/* Of a word that is told not to be known. */
#define WORD_BYTES_MAX 32

/* Malloc'ed; "" if there is none, or none that anybody would write. */
static char *thread_of(const struct incoming *in)
{
	char *thread = element_text(element_find(in->stanza, "thread", NULL));
	if (strlen(thread) > ECHO_BYTES_MAX)
		thread[0] = '\0';
	return thread;
}

struct request *chat_request(struct session *s, const struct incoming *in,
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

void chat_say(const struct request *r, const char *text)
{
	reply_chat(r->session, r->to, r->from, r->thread, text);
}

void chat_say_now(struct session *s, const struct incoming *in, const char *text)
{
	char *thread = thread_of(in);
	reply_chat(s, in->to, in->from, thread, text);
	free(thread);
}

static const struct {
	enum belfry_err err;
	const char *format; /* of the feed's name */
} failures[] = {
	{BELFRY_ENOFEED, "There is no feed %s. Write 'list' to see those there are."},
	{BELFRY_EDENIED, "The feed %s is not open to you. Its owner can let you in."},
	{BELFRY_ENOENT, "You do not follow %s, so there is nothing to stop."},
};

void chat_say_failure(const struct request *r, enum belfry_err err)
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
	chat_say(r, text.data);
	buf_free(&text);
}

void chat_end(struct request *r, enum belfry_err err, const char *text)
{
	if (request_live(r) && err != BELFRY_OK)
		chat_say_failure(r, err);
	else if (request_live(r))
		chat_say(r, text);
	request_free(r);
}

/* ---- Explaining ------------------------------------------------------------------ */

static const char encrypted_text[] =
	"I cannot read encrypted messages. Please switch encryption off for this chat "
	"(in most apps: the padlock beside the text field, then 'unencrypted'), and "
	"write 'help'.";

static void on_feed_there(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	(void)feed;
	chat_end(r, err, r->text);
}

/*
 * Says TEXT, and frees it. From a feed's JID: if there is that feed. None of these texts
 * begins like a command, and there is an end to them: robots that answer each other would
 * never stop.
 */
static void explain(struct session *s, const struct incoming *in, struct buf *text)
{
	if (!session_hint_due(s, HINT_HELP, in->bare)) {
		buf_free(text);
		return;
	}
	struct request *r = NULL;
	if (in->place != PLACE_FEED)
		chat_say_now(s, in, text->data);
	else
		r = chat_request(s, in, in->feed);
	if (r != NULL) {
		r->text = buf_steal(text);
		s->hub->ops->feed(s->hub->hub, in->from, in->feed, on_feed_there, r);
	}
	buf_free(text);
}

static void chat_help(struct session *s, const struct incoming *in,
		      const struct chat_command *c)
{
	struct buf text = {0};
	(void)c;
	if (in->place == PLACE_FEED)
		buf_printf(&text, "I am the feed %s. ", in->feed);
	else
		buf_adds(&text, "I am Belfry. ");
	buf_adds(&text, "I tell you what is new, as soon as it is known. "
			"You can write:");
	chat_usage(&text, CHAT_UNKNOWN, in->place == PLACE_FEED);
	if (in->place == PLACE_FEED)
		buf_printf(&text, "\nOf other feeds write to hub@%s.", s->domain);
	explain(s, in, &text);
}

static void chat_unknown(struct session *s, const struct incoming *in, const char *body)
{
	struct buf text = {0};
	const char *word;
	size_t len = chat_first_word(body, &word);
	if (len == 0)
		return;
	if (len <= WORD_BYTES_MAX)
		buf_printf(&text, "Sorry, I do not know '%.*s'.", (int)len, word);
	else
		buf_adds(&text, "Sorry, I did not understand that.");
	buf_adds(&text, " Write 'help' to see what I can do.");
	explain(s, in, &text);
}

static const char *const problems[] = {
	[CHAT_BAD_FORM] = "Please write it like this:",
	[CHAT_BAD_COUNT] = "N has to be a number from 1 to " CHAT_LAST_MAX_TEXT ":",
	[CHAT_BAD_NAME] = "A feed's name has only a-z, 0-9, '.', '_' and '-':",
};

static void chat_misused(struct session *s, const struct incoming *in,
			 const struct chat_command *c)
{
	struct buf text = {0};
	if (c->problem == CHAT_FOR_HUB)
		buf_printf(&text, "This is only about %s. Write that to hub@%s, or here:",
			   in->feed, s->domain);
	else
		buf_adds(&text, problems[c->problem]);
	chat_usage(&text, c->verb, in->place == PLACE_FEED);
	explain(s, in, &text);
}

/* A name that no feed can have. */
static void chat_nowhere(struct session *s, const struct incoming *in)
{
	if (!session_hint_due(s, HINT_HELP, in->bare))
		return;
	struct buf text = {0};
	buf_printf(&text,
		   "There is no feed of that name. Write 'list' to hub@%s to see those "
		   "there are.",
		   s->domain);
	chat_say_now(s, in, text.data);
	buf_free(&text);
}

static void (*const verbs[])(struct session *s, const struct incoming *in,
			     const struct chat_command *c) = {
	[CHAT_HELP] = chat_help,	   [CHAT_LIST] = chat_list,
	[CHAT_SUBSCRIBE] = chat_subscribe, [CHAT_UNSUBSCRIBE] = chat_unsubscribe,
	[CHAT_LAST] = chat_last,
};

/* ---- What is answered ------------------------------------------------------------ */

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
			chat_say_now(s, in, encrypted_text);
		return;
	}
	chat_parse(&c, body, in->feed);
	if (in->place == PLACE_FEED && !feed_name_valid(in->feed, strlen(in->feed)))
		chat_nowhere(s, in);
	else if (c.verb == CHAT_UNKNOWN)
		chat_unknown(s, in, body);
	else if (c.problem != CHAT_FINE)
		chat_misused(s, in, &c);
	else
		verbs[c.verb](s, in, &c);
}

/* Clients drop chat from a bare host, so nobody is answered from there. */
void chat_message(struct session *s, const struct incoming *in)
{
	if (s->hub == NULL || in->place == PLACE_SERVICE ||
	    HAS_CHILD_OF(in->stanza, ignored))
		return;
	xmpp_stanza_t *body = element_find(in->stanza, "body", NULL);
	if (body == NULL && !HAS_CHILD_OF(in->stanza, encrypted))
		return;
	char *text = element_text(body);
	answer(s, in, text);
	free(text);
}
