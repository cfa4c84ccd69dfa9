#include <belfry/xmpp/notice.h>
#include <belfry/xmpp/presence.h>

#include "forms.h"
#include "notice_int.h"
#include "reply.h"

#include <belfry/base/random.h>
#include <belfry/core/jid.h>

#include <string.h>

#define ID_BYTES 8
#define EASY_MAX 64 /* bytes of a resource that people are asked to write */

static void feed_jid(struct buf *out, const struct notice *n)
{
	buf_printf(out, "%s@%s", n->feed, n->domain);
}

/* "deploys (What was deployed)" */
static void feed_text(struct buf *out, const struct notice *n)
{
	buf_adds(out, n->feed);
	if (n->title != NULL && n->title[0] != '\0' && strcmp(n->title, n->feed) != 0)
		buf_printf(out, " (%s)", n->title);
}

/* TYPE NULL: none. */
static void message_begin(struct buf *out, const struct notice *n, const char *type,
			  const char *to, const char *id_prefix)
{
	struct buf from = {0}, id = {0};
	char random[2 * ID_BYTES + 1];
	random_hex(random, ID_BYTES);
	feed_jid(&from, n);
	buf_printf(&id, "%s%s", id_prefix, random);
	buf_adds(out, "<message");
	if (type != NULL)
		reply_attr(out, "type", type);
	reply_attr(out, "from", from.data);
	reply_attr(out, "to", to);
	reply_attr(out, "id", id.data);
	buf_addc(out, '>');
	buf_free(&from);
	buf_free(&id);
}

static void chat(struct buf *out, const struct notice *n, const char *id_prefix,
		 const char *text)
{
	message_begin(out, n, "chat", n->jid, id_prefix);
	reply_text(out, "body", text);
	buf_adds(out, "</message>");
}

static void presence(struct buf *out, const struct notice *n, const char *type)
{
	struct buf from = {0};
	feed_jid(&from, n);
	buf_printf(out, "<presence type='%s'", type);
	reply_attr(out, "from", from.data);
	reply_attr(out, "to", n->jid);
	buf_adds(out, "/>");
	buf_free(&from);
}

/* XEP-0060 12.11 */
static void event(struct buf *out, const struct notice *n, const char *state)
{
	char id[2 * ID_BYTES + 1];
	random_hex(id, ID_BYTES);
	buf_adds(out, "<message");
	reply_attr(out, "from", n->domain);
	reply_attr(out, "to", n->jid);
	reply_attr(out, "id", id);
	buf_adds(out, "><event xmlns='" NS_PUBSUB_EVENT "'><subscription");
	reply_attr(out, "node", n->feed);
	reply_attr(out, "jid", n->jid);
	reply_attr(out, "subscription", state);
	buf_adds(out, "/></event></message>");
}

/* A program is told in its own words, a person in ours. */
static void say(struct buf *out, const struct notice *n, const char *state,
		const char *text)
{
	if (n->format == FORMAT_EVENT)
		event(out, n, state);
	else
		chat(out, n, "", text);
}

/* The message first: whoever blocks it has no request of ours left over. */
void notice_invitation(struct buf *out, const struct notice *n)
{
	struct buf text = {0};
	buf_adds(&text, "Hello, I am the feed ");
	feed_text(&text, n);
	buf_printf(&text,
		   " of %s: I tell people what is new. Somebody there would like you to "
		   "follow me. Write 'yes' to do so, or 'no' not to be asked again; "
		   "without an answer I send you nothing more. Who follows me can stop "
		   "at any time: write 'unsubscribe'.",
		   n->domain);
	chat(out, n, NOTICE_INVITATION_ID, text.data);
	presence(out, n, "subscribe");
	buf_free(&text);
}

static void request_form(struct buf *out, const struct notice *n)
{
	form_begin(out, "form");
	reply_text(out, "title", "Somebody asks to follow a feed");
	reply_text(out, "instructions",
		   "Submit this form to let them in, or not. Until then they wait.");
	form_type(out, NS_SUBSCRIBE_AUTHORIZATION);
	form_field(out, AUTHORIZE_NODE, "text-single", "Feed", false);
	form_field_value(out, n->feed);
	form_field_end(out);
	form_field(out, AUTHORIZE_JID, "jid-single", "Who asks", false);
	form_field_value(out, n->jid);
	form_field_end(out);
	form_field(out, AUTHORIZE_ALLOW, "boolean", "Let them follow it?", false);
	form_field_value(out, "false");
	form_field_end(out);
	form_end(out);
}

/*
 * A resource is its owner's free text: only what is one plain word is repeated to others
 * in a sentence. For the rest there is the form.
 */
static bool easy_to_write(const char *jid)
{
	const char *resource = jid + jid_bare_len(jid);
	size_t len = strlen(resource);
	return len <= EASY_MAX &&
	       strspn(resource, "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_") == len;
}

static const char last_text[] = " That is enough messages of this kind for now: more may "
				"wait, and 'requests' shows them.";

void notice_request(struct buf *out, const struct notice *n, const char *owner, bool last)
{
	struct buf text = {0};
	buf_adds(&text, "Somebody asks to follow ");
	feed_text(&text, n);
	buf_printf(&text, ": %.*s", (int)jid_bare_len(n->jid), n->jid);
	if (easy_to_write(n->jid))
		buf_printf(&text, ". Write 'allow %s' or 'deny %s' here.", n->jid,
			   n->jid);
	else
		buf_adds(&text, ". Write 'requests' here to see who does.");
	if (last)
		buf_adds(&text, last_text);
	message_begin(out, n, NULL, owner, NOTICE_REQUEST_ID);
	reply_text(out, "body", text.data);
	request_form(out, n);
	buf_adds(out, "</message>");
	buf_free(&text);
}

/* What comes back of it says as much as of a request. */
void notice_waiting(struct buf *out, const struct notice *n, size_t count, bool last)
{
	struct buf text = {0};
	if (count == 1)
		buf_adds(&text, "Somebody waits to follow ");
	else
		buf_printf(&text, "%zu people wait to follow ", count);
	feed_text(&text, n);
	buf_adds(&text, ". Write 'requests' here to see who.");
	if (last)
		buf_adds(&text, last_text);
	chat(out, n, NOTICE_REQUEST_ID, text.data);
	buf_free(&text);
}

void notice_allowed(struct buf *out, const struct notice *n, const struct hub_look *look)
{
	struct buf text = {0}, from = {0};
	if (n->contact) {
		feed_jid(&from, n);
		presence(out, n, "subscribed");
		if (look != NULL)
			presence_render(out, from.data, n->jid, look);
	}
	buf_adds(&text, "You now follow ");
	feed_text(&text, n);
	buf_adds(&text, ": you were let in. Write 'unsubscribe' here to stop.");
	say(out, n, "subscribed", text.data);
	buf_free(&text);
	buf_free(&from);
}

void notice_denied(struct buf *out, const struct notice *n)
{
	struct buf text = {0};
	if (n->contact)
		presence(out, n, "unsubscribed");
	buf_adds(&text, "You were not let in: an owner of ");
	feed_text(&text, n);
	buf_adds(&text, " said no. You may ask again in a day.");
	say(out, n, "none", text.data);
	buf_free(&text);
}

void notice_withdrawn(struct buf *out, const struct notice *n)
{
	struct buf text = {0};
	if (n->contact) {
		struct buf from = {0};
		feed_jid(&from, n);
		presence(out, n, "unsubscribed");
		presence_render(out, from.data, n->jid, NULL);
		buf_free(&from);
	}
	buf_adds(&text, "You no longer follow ");
	feed_text(&text, n);
	buf_adds(&text, ": an owner has ended it.");
	say(out, n, "none", text.data);
	buf_free(&text);
}

void notice_turned_away(struct buf *out, const struct notice *n)
{
	struct buf text = {0};
	if (n->contact)
		presence(out, n, "unsubscribed");
	buf_adds(&text, "You were not let in, and do not wait any more: an owner of ");
	feed_text(&text, n);
	buf_adds(&text, " has closed it to you.");
	say(out, n, "none", text.data);
	buf_free(&text);
}

void notice_unasked(struct buf *out, const struct notice *n)
{
	presence(out, n, "unsubscribe");
}

void notice_uninvited(struct buf *out, const struct notice *n)
{
	struct buf text = {0};
	notice_unasked(out, n);
	buf_adds(&text, "The invitation to follow ");
	feed_text(&text, n);
	buf_adds(&text, " was taken back: there is nothing more to answer.");
	chat(out, n, "", text.data);
	buf_free(&text);
}
