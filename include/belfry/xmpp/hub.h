#ifndef BELFRY_XMPP_HUB_H
#define BELFRY_XMPP_HUB_H

#include <belfry/base/err.h>
#include <belfry/core/availability.h>
#include <belfry/core/event.h>
#include <belfry/core/feed.h>
#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the XMPP side (disco, pubsub, chat) asks of the hub. hub/work/hub.c answers from
 * the store and obeys the feeds' access: WHO is the normalized JID that asks. As in the
 * store, callbacks come exactly once, later, and what they are handed is valid until they
 * return; after the link is destroyed they still come and must be harmless.
 */
struct hub_feed {
	const char *name;
	const char *title, *description; /* NULL: none */
	const char *face; /* SHA-1 of its avatar; NULL: none, or in a list */
	enum feed_access access;
	enum feed_affiliation affiliation; /* WHO's own */
	uint64_t subscribers, max_items, created_ms;
};
typedef void (*hub_feeds_cb)(void *arg, enum belfry_err err, const struct hub_feed *feeds,
			     size_t count, bool more);
/* ENOFEED; EDENIED: it exists, WHO may not see it. */
typedef void (*hub_feed_cb)(void *arg, enum belfry_err err, const struct hub_feed *feed);
/* SUB is NULL unless OK. */
typedef void (*hub_sub_cb)(void *arg, enum belfry_err err, const struct sub *sub,
			   bool created);
struct hub_item {
	const char *feed;
	const char *id, *item;
	struct pos pos;
	uint64_t at_ms;
	const struct event *event;
};
typedef void (*hub_items_cb)(void *arg, enum belfry_err err, const struct hub_item *items,
			     size_t count);
struct hub_followed {
	const char *feed;
	struct sub sub;
};
/* MORE: there may be others after the last. */
typedef void (*hub_followed_cb)(void *arg, enum belfry_err err,
				const struct hub_followed *list, size_t count, bool more);

/* How a feed shows itself to who has it as a contact. */
struct hub_look {
	const char *show;   /* "chat", "away", "xa", "dnd"; NULL: available */
	const char *status; /* NULL: none */
	const char *face;   /* SHA-1 of its avatar, 40 hex digits; NULL: it has none */
};
typedef void (*hub_look_cb)(void *arg, enum belfry_err err, const struct hub_look *look);
struct hub_face {
	const char *type; /* "image/png" */
	const char *sha1, *data;
	size_t len;
	unsigned width, height;
};
/* FACE NULL: it has none; feed NULL unless OK. */
typedef void (*hub_card_cb)(void *arg, enum belfry_err err, const struct hub_feed *feed,
			    const struct hub_face *face);

/* Somebody who asks to follow a feed. */
struct hub_request {
	const char *feed, *jid;
	uint64_t at_ms;
};
/* MORE: there are others. */
typedef void (*hub_requests_cb)(void *arg, enum belfry_err err,
				const struct hub_request *list, size_t count, bool more);
struct hub_affiliation {
	const char *jid; /* bare, or a domain; normalized */
	enum feed_affiliation affiliation;
};
typedef void (*hub_affiliations_cb)(void *arg, enum belfry_err err,
				    const struct hub_affiliation *list, size_t count);
typedef void (*hub_done_cb)(void *arg, enum belfry_err err);

struct xmpp_hub_ops {
	/*
	 * Those that WHO may see, in order of names, after AFTER, at most LIMIT. Looked
	 * for among 10,000 feeds. MORE: there may be others after the last. EFULL: none
	 * of those looked at, but there are more.
	 */
	void (*feeds)(void *hub, const char *who, const char *after, size_t limit,
		      hub_feeds_cb cb, void *arg);
	void (*feed)(void *hub, const char *who, const char *feed, hub_feed_cb cb,
		     void *arg);
	/*
	 * JID follows, or changes how it does; WHO asks. The bare JID, unless CHANGE's
	 * format is event. OK, ENOFEED, EDENIED, EINVAL (its tags are too long in all),
	 * EAWAY; ENOENT where CHANGE makes no subscription and there is none. EPENDING:
	 * the feed's owners are asked (CREATED: they were not before), and JID will be
	 * told. EUNOWNED: the same, but it has none: who runs the service is to answer.
	 * ELIMIT: WHO, or its domain, subscribes too often. Who was invited is let
	 * in.
	 */
	void (*subscribe)(void *hub, const char *who, const char *feed, const char *jid,
			  const struct sub_change *change, hub_sub_cb cb, void *arg);
	/* The subscription as it was. ENOENT: did not follow. EPENDING: did but ask to,
	 * and does no more. Leaving needs no access. */
	void (*unsubscribe)(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
			    void *arg);
	/* The subscription of JID, which is its own to look at. ENOENT. EPENDING: there
	 * is none yet, the owners are asked. ENOFEED. */
	void (*subscription)(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
			     void *arg);
	/* What JID sees of a feed that it has as a contact. ENOENT: has not. ENOFEED. */
	void (*look)(void *hub, const char *feed, const char *jid, hub_look_cb cb,
		     void *arg);
	/* As feed(), with its avatar. */
	void (*card)(void *hub, const char *who, const char *feed, hub_card_cb cb,
		     void *arg);
	/*
	 * JID, bare, answers an invitation. OK: follows now (SUB, chat), or is not asked
	 * again (SUB is NULL). ENOENT: there is none that waits.
	 */
	void (*answer)(void *hub, const char *feed, const char *jid, bool yes,
		       hub_sub_cb cb, void *arg);
	/* An invitation of JID came back: it ends, as if it had been refused. */
	void (*undelivered)(void *hub, const char *feed, const char *jid,
			    const char *condition);
	/* A request that was sent to OWNER, bare, came back. NOBODY: there is nobody, or
	 * it says that it blocks us. */
	void (*owner_returned)(void *hub, const char *owner, bool nobody,
			       const char *condition);
	/* Somebody, bare, wrote to us: it may be an owner that was gone. At once. */
	void (*heard)(void *hub, const char *who);
	/*
	 * JID, full or bare, shows this to FEED; OFFLINE of a bare JID: no resource of it
	 * is there. UNKNOWN: what was sent to it came back. At once, whoever it is.
	 */
	void (*available)(void *hub, const char *feed, const char *jid,
			  enum availability now, int priority);
	/*
	 * JID, bare, lets FEED see its presence, or does not. OK: it was asked, as its
	 * subscription (SUB) depends on it; CREATED: it is to be told what its no means.
	 * ENOENT: it was not.
	 */
	void (*granted)(void *hub, const char *feed, const char *jid, bool yes,
			hub_sub_cb cb, void *arg);
	/*
	 * OWNER answers the request of JID's person, who will be told. EDENIED: is no
	 * owner. ENOENT: there is none.
	 */
	void (*decide)(void *hub, const char *owner, const char *feed, const char *jid,
		       bool allow, hub_done_cb cb, void *arg);
	/* What waits for OWNER's answer in FEED. EDENIED. */
	void (*requests)(void *hub, const char *owner, const char *feed, size_t limit,
			 hub_requests_cb cb, void *arg);
	/* All of FEED, for an owner: EDENIED to others. */
	void (*affiliations)(void *hub, const char *owner, const char *feed,
			     hub_affiliations_cb cb, void *arg);
	/* WHO's own; OK for everybody to whom the feed is shown. */
	void (*affiliation)(void *hub, const char *who, const char *feed,
			    hub_affiliations_cb cb, void *arg);
	/*
	 * OWNER sets all of LIST, or none. A new outcast stops following, and is told.
	 * EDENIED: is no owner, or it would take the last one away; EINVAL; EFULL.
	 */
	void (*affiliate)(void *hub, const char *owner, const char *feed,
			  const struct hub_affiliation *list, size_t count,
			  hub_done_cb cb, void *arg);
	/* The newest LIMIT, oldest first; or the named ones. Who follows may read. */
	void (*items)(void *hub, const char *who, const char *feed,
		      const char *const *ids, size_t id_count, size_t limit,
		      hub_items_cb cb, void *arg);
	/*
	 * The newest LIMIT (at most HUB_RECENT_MAX) events of the feeds that WHO's bare
	 * JID follows and may read, oldest first. Looked for among the first 10,000
	 * feeds, in order of names; of those followed, the first 200 are read. ENOENT:
	 * follows none. EFULL: none of those looked at, but there are more.
	 */
	void (*recent)(void *hub, const char *who, size_t limit, hub_items_cb cb,
		       void *arg);
	/*
	 * The feeds that WHO's bare JID follows, seen or not, in order of names, after
	 * AFTER, at most LIMIT (at most HUB_FOLLOWED_MAX). Looked for among 10,000 feeds.
	 * EFULL: none of those looked at, but there are more.
	 */
	void (*following)(void *hub, const char *who, const char *after, size_t limit,
			  hub_followed_cb cb, void *arg);
};
#define HUB_RECENT_MAX 20
#define HUB_FOLLOWED_MAX 200
struct xmpp_hub {
	const struct xmpp_hub_ops *ops;
	void *hub;
};

#endif
