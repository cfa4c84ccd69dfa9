#ifndef BELFRY_WORK_HUB_H
#define BELFRY_WORK_HUB_H

#include <belfry/base/loop.h>
#include <belfry/core/limits.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/hub.h>

/*
 * What the XMPP side asks of the hub, answered from the store. Feeds that the asker may
 * not see are left out of lists, and refused when named; leaving is always allowed.
 */
struct look;
struct owners;
struct turn;
struct sweep;
struct hub {
	struct store *store;
	struct loop *loop;
	char *const *trusted_domains; /* whose users "local" lets in */
	/* A contact is shown FEED now; LOOK becomes the callee's. NULL: nobody cares. */
	void (*shown)(void *arg, const char *feed, struct look *look);
	void *shown_arg;
	/* The invitation of JID, bare, is over, and its contact list still has the
	 * question. NULL: the same. */
	void (*unasked)(void *arg, const char *feed, const char *jid);
	void *unasked_arg;
	/* On subscribing, of a JID, and of a domain that is not trusted. NULL: none. */
	struct limits *per_jid, *per_domain;
	uint64_t limited;      /* how often they said no */
	struct owners *owners; /* who is told of requests; NULL: nobody counts */
	struct availabilities *availability; /* who is there; NULL: nobody asks */
	/* JID has chosen whether it depends on its presence. NULL: nobody cares. */
	void (*chosen)(void *arg, const char *feed, const char *jid);
	void *chosen_arg;
	/* What is under way; NULL at first. */
	struct turn *turns;
	struct sweep *sweeps;
};

/* HUB outlives its use, and that of its store. */
struct xmpp_hub hub_for(struct hub *hub);
/* After the store was destroyed: what goes on in the background ends. */
void hub_forget_sweeps(struct hub *hub);

/* ---- For the files of this folder ------------------------------------------------- */

/* How long a denial counts: then it may ask again. */
#define HUB_DENIED_MS (24 * 3600 * 1000)
/* Who asks again so soon after taking a request back is not told of once more. */
#define HUB_WITHDRAWN_MS (3600 * 1000)

/* Is JID an outcast of it? Everybody, where its configuration cannot be read. */
bool hub_bars(const struct store_feed *feed, const char *jid);
/* False: it is none, *OUT is empty. Free with event_free(). */
bool hub_event_parse(const struct store_event *e, struct event *out);
/* Is it of no use to anybody any more? */
bool hub_event_expired(const struct store_event *e);

/*
 * xmpp_hub_ops.following, for those alone that WHO may read where READS. What is listed
 * is the callback's; free it with hub_followed_free().
 */
typedef void (*hub_search_cb)(void *arg, enum belfry_err err, struct hub_followed *list,
			      size_t count, bool more);
void hub_search(struct hub *hub, const char *who, const char *after, size_t limit,
		bool reads, hub_search_cb cb, void *arg);
void hub_followed_free(struct hub_followed *list, size_t count);

/* xmpp_hub_ops.recent, .following */
void hub_recent(void *hub, const char *who, size_t limit, hub_items_cb cb, void *arg);
void hub_following(void *hub, const char *who, const char *after, size_t limit,
		   hub_followed_cb cb, void *arg);

/* xmpp_hub_ops.feed, .look, .card */
void hub_feed(void *hub, const char *who, const char *feed, hub_feed_cb cb, void *arg);
void hub_look(void *hub, const char *feed, const char *jid, hub_look_cb cb, void *arg);
void hub_card(void *hub, const char *who, const char *feed, hub_card_cb cb, void *arg);

#endif
