#ifndef BELFRY_TESTS_UNIT_XMPP_FAKE_HUB_H
#define BELFRY_TESTS_UNIT_XMPP_FAKE_HUB_H

#include <belfry/base/buf.h>
#include <belfry/xmpp/hub.h>

/*
 * A hub with three feeds: "deploys", which is open and has FAKE_ITEMS items, "secret",
 * which lets nobody in, and "council", which is followed when an owner says so. Of what
 * is recent, the second item is of the feed "builds". Calls are written down; answers
 * come in fake_hub_answer().
 */
#define FAKE_ITEMS 3
#define FAKE_CALLS_MAX 4096
struct fake_call {
	enum fake_kind {
		FAKE_FEEDS,
		FAKE_FEED,
		FAKE_SUB,
		FAKE_ITEMS_CALL,
		FAKE_RECENT,
		FAKE_FOLLOWING,
		FAKE_LOOK,
		FAKE_CARD,
		FAKE_DONE,
		FAKE_REQUESTS,
		FAKE_AFFILIATIONS,
		FAKE_AFFILIATION,
	} kind;
	union {
		hub_feeds_cb feeds;
		hub_feed_cb feed;
		hub_sub_cb sub;
		hub_items_cb items;
		hub_followed_cb followed;
		hub_look_cb look;
		hub_card_cb card;
		hub_done_cb done;
		hub_requests_cb requests;
		hub_affiliations_cb affiliations;
	} u;
	void *arg;
	enum belfry_err err;
	size_t count;
	bool created, no_sub;
};
struct fake_hub {
	struct xmpp_hub hub;
	struct sub sub; /* what subscriptions look like */
	struct buf log; /* a line a call: "subscribe WHO FEED JID FORMAT" ... */
	struct fake_call calls[FAKE_CALLS_MAX];
	size_t call_count;
	enum belfry_err err; /* of every call from now on; OK: as the feed says */
	bool more;	     /* feeds follow those of a list */
	bool follows_not;    /* nobody follows; else both feeds, "secret" as event */
	const char *title, *body;
	enum feed_access access;	   /* of "deploys", as it is shown */
	enum feed_affiliation affiliation; /* of who asks */
	bool no_contact;		   /* nobody has "deploys" as a contact */
	bool was_let_in;		   /* who asks has "secret" as a contact */
	bool asked_before;		   /* to be let into "council" */
	bool unowned;			   /* nobody could let them in in chat */
	char heard[128];		   /* who wrote last */
	bool not_invited;		   /* nobody is; else everybody, to each feed */
	bool depends;			   /* on presences, everybody does */
	bool owner;			   /* who asks is one of "deploys" */
	bool last_owner;		   /* and would take the last one away */
	bool nobody_asks;		   /* to follow "deploys"; else two do */
	struct hub_look look;		   /* what it shows of itself */
	const struct hub_face *face;	   /* NULL: it has none */
	size_t feeds;	 /* in a list, all named "deploys"; 0: as many as there are */
	size_t big_body; /* bytes; 0: body */
	size_t unread;	 /* so many items are not to be looked at: they have no event */
};
void fake_hub_init(struct fake_hub *f);
void fake_hub_free(struct fake_hub *f);
/* Answers what was asked until now. */
void fake_hub_answer(struct fake_hub *f);

#endif
