#include "caps.h"
#include "presence_int.h"
#include "reply.h"

#include <belfry/xmpp/presence.h>

#include <string.h>

void presence_render(struct buf *out, const char *from, const char *to,
		     const struct hub_look *look)
{
	/* The bare domain is a service, which can other things. */
	bool contact = strchr(from, '@') != NULL;
	struct buf full = {0};
	buf_printf(&full, "%s%s", from, contact ? "/" PRESENCE_RESOURCE : "");
	buf_adds(out, "<presence");
	reply_attr(out, "from", full.data);
	reply_attr(out, "to", to);
	buf_free(&full);
	if (look == NULL) {
		buf_adds(out, " type='unavailable'/>");
		return;
	}
	buf_addc(out, '>');
	if (look->show != NULL)
		reply_text(out, "show", look->show);
	if (look->status != NULL)
		reply_text(out, "status", look->status);
	buf_adds(out, "<x xmlns='vcard-temp:x:update'>");
	reply_text(out, "photo", look->face != NULL ? look->face : "");
	buf_adds(out, "</x>");
	if (contact)
		caps_add(out);
	buf_adds(out, "</presence>");
}

void presence_show(struct session *s, const char *from, const char *to,
		   const struct hub_look *look)
{
	struct buf out = {0};
	presence_render(&out, from, to, look);
	session_send(s, &out);
	s->counters.presences_sent++;
	buf_free(&out);
}

void presence_render_type(struct buf *out, const char *type, const char *from,
			  const char *to)
{
	buf_printf(out, "<presence type='%s'", type);
	reply_attr(out, "from", from);
	reply_attr(out, "to", to);
	buf_adds(out, "/>");
}

void presence_tell(struct session *s, const char *type, const char *from, const char *to)
{
	struct buf out = {0};
	presence_render_type(&out, type, from, to);
	session_send(s, &out);
	s->counters.presences_sent++;
	buf_free(&out);
}

void presence_tell_left(struct session *s, const char *from, const char *to)
{
	presence_tell(s, "unsubscribed", from, to);
	presence_show(s, from, to, NULL);
}

void presence_left(const struct request *r, const char *jid, const struct sub *sub)
{
	struct sub_options options;
	sub_options_read(sub, &options);
	if (r->session == NULL)
		return;
	if (options.grant == GRANT_ASKED || options.grant == GRANT_YES)
		presence_withdraw(r->session, r->feed, jid);
	if (!options.contact)
		return;
	struct buf from = {0};
	buf_printf(&from, "%s@%s", r->feed, r->session->domain);
	presence_tell_left(r->session, from.data, jid);
	buf_free(&from);
}

void presence_withdraw(struct session *s, const char *feed, const char *jid)
{
	struct buf from = {0};
	buf_printf(&from, "%s@%s", feed, s->domain);
	presence_tell(s, "unsubscribe", from.data, jid);
	buf_free(&from);
}

/* The contact is off the list already: nobody would notice. */
void presence_say_stays(struct session *s, const char *from, const char *to,
			const char *feed)
{
	struct buf text = {0};
	if (!session_hint_due(s, HINT_STAYS, to))
		return;
	buf_printf(&text,
		   "You may still follow %s: leaving it did not work just now. Please "
		   "try again in a while, or write 'unsubscribe' here.",
		   feed);
	reply_chat(s, from, to, NULL, text.data);
	buf_free(&text);
}

void presence_say_unseen(const struct request *r)
{
	struct buf text = {0};
	if (!session_hint_due(r->session, HINT_ANSWERED, r->bare))
		return;
	buf_printf(&text,
		   "I may not see whether you are there, so what comes of %s is sent to "
		   "you at once, and not kept. Write 'hold on' to be asked again, or "
		   "'hold off' and 'when any' if you do not want to be.",
		   r->feed);
	reply_chat(r->session, r->to, r->bare, NULL, text.data);
	buf_free(&text);
}

bool presence_depends(const struct sub *sub)
{
	struct sub_options options;
	sub_options_read(sub, &options);
	return sub_chooses_presence(&options);
}
