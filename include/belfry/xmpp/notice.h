#ifndef BELFRY_XMPP_NOTICE_H
#define BELFRY_XMPP_NOTICE_H

#include <belfry/base/buf.h>
#include <belfry/core/subscription.h>
#include <belfry/xmpp/hub.h>

#include <stdbool.h>

/*
 * What the hub tells people unasked about a subscription that somebody else decides on.
 * Each appends whole stanzas from FEED@DOMAIN; to who asked by pubsub, from DOMAIN, as
 * events come from there. Saying one twice does no harm.
 */
struct notice {
	const char *domain, *feed;
	const char *title; /* of the feed; NULL: none */
	const char *jid;   /* whose subscription it is; normalized */
	/* How it was asked for: by pubsub (FORMAT_EVENT), as a contact, in chat. */
	enum sub_format format;
	bool contact;
};

/* To JID: somebody wants it to follow. A presence subscription and a chat message whose
 * bounce ends the invitation; says who we are, what to answer and how to stop. */
void notice_invitation(struct buf *out, const struct notice *n);
/* To OWNER: JID asks to follow. XEP-0060 8.6, with a body for clients without forms.
 * LAST: it says that for a while no more will come. */
void notice_request(struct buf *out, const struct notice *n, const char *owner,
		    bool last);
/* To JID, an owner: COUNT ask, and it was not told of each. LAST as above. */
void notice_waiting(struct buf *out, const struct notice *n, size_t count, bool last);
/* To JID: it follows now; LOOK: what the feed shows of itself (NULL: nothing is known).
 */
void notice_allowed(struct buf *out, const struct notice *n, const struct hub_look *look);
/* To JID: it was not let in; it follows no more. */
void notice_denied(struct buf *out, const struct notice *n);
void notice_withdrawn(struct buf *out, const struct notice *n);
/* To JID: what it asked for, or was invited to, is over: it may not follow at all. */
void notice_turned_away(struct buf *out, const struct notice *n);
void notice_uninvited(struct buf *out, const struct notice *n);
/* To JID's contact list, which may still show the question of an invitation: it is taken
 * back, without a word. */
void notice_unasked(struct buf *out, const struct notice *n);

#endif
