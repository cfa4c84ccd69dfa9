#include "forms.h"
#include "notice_int.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/*
 * What an owner's client sends for the form of a request (XEP-0060 8.6): to where it came
 * from, which is the feed, or to the service as others do it. What became of it is said
 * from the feed's JID; what was no good as often as help.
 */

static bool allowed(const char *text)
{
	return strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
}

bool authorize_say(struct buf *out, enum belfry_err err, bool allow, const char *feed,
		   const char *jid)
{
	if (err == BELFRY_OK && allow)
		buf_printf(out, "You let %s in, who follows %s now.", jid, feed);
	else if (err == BELFRY_OK)
		buf_printf(out, "You did not let %s in, who is told so by %s.", jid,
			   feed);
	else if (err == BELFRY_ENOENT)
		buf_printf(out,
			   "I know of no request of %s to follow %s. Perhaps somebody "
			   "else has answered.",
			   jid, feed);
	else if (err == BELFRY_EDENIED)
		buf_printf(out, "You are not an owner of %s.", feed);
	return out->len > 0;
}

static void on_decided(void *arg, enum belfry_err err)
{
	struct request *r = arg;
	struct buf text = {0};
	if (request_live(r) &&
	    (err == BELFRY_OK || session_hint_due(r->session, HINT_ANSWERED, r->bare))) {
		if (!authorize_say(&text, err, allowed(r->text), r->feed, r->jid))
			buf_adds(&text, "That did not work just now. Please try again in "
					"a while.");
		reply_chat(r->session, r->to, r->from, r->thread, text.data);
	}
	buf_free(&text);
	request_free(r);
}

static char *value(xmpp_stanza_t *x, const char *var)
{
	return form_text(form_find(x, var));
}

/* FEED and JID are what the form is about. */
static void decide(struct session *s, const struct incoming *from, const char *feed,
		   const char *jid, const char *allow)
{
	struct buf to = {0};
	struct incoming in = *from;
	buf_printf(&to, "%s@%s", feed, s->domain);
	in.to = to.data;
	in.feed = feed;
	in.place = PLACE_FEED;
	struct request *r = request_create(s, &in, true);
	if (r != NULL) {
		r->jid = xstrdup(jid);
		r->text = xstrdup(allow);
		s->hub->ops->decide(s->hub->hub, in.bare, feed, r->jid, allowed(allow),
				    on_decided, r);
	}
	buf_free(&to);
}

static void submitted(struct session *s, const struct incoming *in, xmpp_stanza_t *x)
{
	const char *why;
	char *node = value(x, AUTHORIZE_NODE), *allow = value(x, AUTHORIZE_ALLOW);
	char *who = value(x, AUTHORIZE_JID);
	char *jid = jid_normalize(who, strlen(who), &why);
	const char *feed = node[0] == '\0' && in->place == PLACE_FEED ? in->feed : node;
	bool said =
		allowed(allow) || strcmp(allow, "0") == 0 || strcmp(allow, "false") == 0;
	bool elsewhere = in->place == PLACE_FEED && strcmp(feed, in->feed) != 0;
	if (said && jid != NULL && !elsewhere && feed_name_valid(feed, strlen(feed)))
		decide(s, in, feed, jid, allow);
	free(node);
	free(allow);
	free(who);
	free(jid);
}

bool authorize_answer(struct session *s, const struct incoming *in)
{
	xmpp_stanza_t *x = element_find(in->stanza, "x", NS_FORM);
	const char *type = x != NULL ? xmpp_stanza_get_type(x) : NULL;
	if (type == NULL)
		return false;
	char *about = value(x, "FORM_TYPE");
	bool ours = strcmp(about, NS_SUBSCRIBE_AUTHORIZATION) == 0;
	free(about);
	/* Who cancels it leaves the request as it is. */
	if (ours && strcmp(type, "submit") == 0)
		submitted(s, in, x);
	return ours;
}
