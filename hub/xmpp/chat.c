#include "chat.h"
#include "commands_int.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

/* Of a word that is told not to be known. */
#define WORD_BYTES_MAX 32

char *chat_thread(const struct incoming *in)
{
	char *thread = element_text(element_find(in->stanza, "thread", NULL));
	if (strlen(thread) > ECHO_BYTES_MAX)
		thread[0] = '\0';
	return thread;
}

static struct request *chat_request(struct session *s, const struct incoming *in)
{
	struct request *r = request_create(s, in, true);
	if (r != NULL)
		r->thread = chat_thread(in);
	return r;
}

static void say_now(struct session *s, const struct incoming *in, const char *text)
{
	char *thread = chat_thread(in);
	reply_chat(s, in->to, in->from, thread, text);
	free(thread);
}

/* ---- Explaining ------------------------------------------------------------------ */

static const char encrypted_text[] =
	"I cannot read encrypted messages. Please switch encryption off for this chat "
	"(in most apps: the padlock beside the text field, then 'unencrypted'), and "
	"write 'help'.";

/* What is said if there is the feed that was written to. */
static void run_explain(struct request *r);
static const struct command explanation = {.name = "", .run = run_explain};

static void on_feed_there(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	(void)feed;
	if (err != BELFRY_OK)
		command_error(r, err);
	else
		command_say(r, r->text);
}

static void run_explain(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->feed(hub->hub, r->from, r->feed, on_feed_there, r);
}

/*
 * Says TEXT, and frees it. From a feed's JID: if there is that feed. None of these texts
 * begins like a command, and there is an end to them: robots that answer each other would
 * never stop.
 */
static void explain(struct session *s, const struct incoming *in, enum hint hint,
		    struct buf *text)
{
	if (!session_hint_due(s, hint, in->bare)) {
		buf_free(text);
		return;
	}
	struct request *r = NULL;
	if (in->place != PLACE_FEED)
		say_now(s, in, text->data);
	else
		r = chat_request(s, in);
	if (r != NULL) {
		struct command_args none;
		command_args_init(&none);
		r->text = buf_steal(text);
		command_run(r, &explanation, &none, NULL);
	}
	buf_free(text);
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
	explain(s, in, HINT_UNKNOWN, &text);
}

static void chat_misused(struct session *s, const struct incoming *in,
			 const struct chat_command *c)
{
	struct buf text = {0};
	if (c->problem == COMMAND_FOR_HUB)
		buf_printf(&text, "This is only about %s. Write that to hub@%s, or here:",
			   in->feed, s->domain);
	else
		buf_printf(&text, "%s:", command_problem_text(c->problem));
	chat_usage(&text, c->command, in->place == PLACE_FEED);
	explain(s, in, HINT_MISUSED, &text);
}

/* A name that no feed can have. */
static void chat_nowhere(struct session *s, const struct incoming *in, enum hint hint)
{
	if (!session_hint_due(s, hint, in->bare))
		return;
	struct buf text = {0};
	buf_printf(&text,
		   "There is no feed of that name. Write 'list' to hub@%s to see those "
		   "there are.",
		   s->domain);
	say_now(s, in, text.data);
	buf_free(&text);
}

/* Help is asked for; robots ask for it, too. */
static void obey(struct session *s, const struct incoming *in,
		 const struct chat_command *c)
{
	if (c->command->run == run_help && !session_hint_due(s, HINT_HELP, in->bare))
		return;
	struct request *r = chat_request(s, in);
	if (r != NULL)
		command_run(r, c->command, &c->args, NULL);
}

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
			say_now(s, in, encrypted_text);
		return;
	}
	chat_parse(&c, body, in->feed);
	if (in->place == PLACE_FEED && !feed_name_valid(in->feed, strlen(in->feed)))
		chat_nowhere(s, in, c.command == NULL ? HINT_UNKNOWN : HINT_HELP);
	else if (c.command == NULL)
		chat_unknown(s, in, body);
	else if (c.problem != COMMAND_FINE)
		chat_misused(s, in, &c);
	else
		obey(s, in, &c);
}

/* Clients drop chat from a bare host, so nobody is answered from there. */
void chat_message(struct session *s, const struct incoming *in)
{
	if (s->hub == NULL)
		return;
	s->hub->ops->heard(s->hub->hub, in->bare);
	if (authorize_answer(s, in) || in->place == PLACE_SERVICE ||
	    HAS_CHILD_OF(in->stanza, ignored))
		return;
	xmpp_stanza_t *body = element_find(in->stanza, "body", NULL);
	if (body == NULL && !HAS_CHILD_OF(in->stanza, encrypted))
		return;
	char *text = element_text(body);
	answer(s, in, text);
	free(text);
}
