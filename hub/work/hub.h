#ifndef BELFRY_WORK_HUB_H
#define BELFRY_WORK_HUB_H

#include <belfry/store/store.h>
#include <belfry/xmpp/hub.h>

/*
 * What the XMPP side asks of the hub, answered from the store. Feeds that the asker may
 * not see are left out of lists, and refused when named; leaving is always allowed.
 */
struct look;
struct hub {
	struct store *store;
	char *const *trusted_domains; /* whose users "local" lets in */
	/* A contact is shown FEED now; LOOK becomes the callee's. NULL: nobody cares. */
	void (*shown)(void *arg, const char *feed, struct look *look);
	void *shown_arg;
};

/* HUB outlives its use; no state of its own. */
struct xmpp_hub hub_for(struct hub *hub);

/* ---- For the files of this folder ------------------------------------------------- */

/* May JID see it? No, where its configuration cannot be read. */
bool hub_shows(const struct hub *hub, const struct store_feed *feed, const char *jid);
/* False: it is none, *OUT is empty. Free with event_free(). */
bool hub_event_parse(const struct store_event *e, struct event *out);

/*
 * xmpp_hub_ops.following, for those alone that WHO may see where SEEN. What is listed is
 * the callback's; free it with hub_followed_free().
 */
typedef void (*hub_search_cb)(void *arg, enum belfry_err err, struct hub_followed *list,
			      size_t count, bool more);
void hub_search(struct hub *hub, const char *who, const char *after, size_t limit,
		bool seen, hub_search_cb cb, void *arg);
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
