#ifndef BELFRY_WORK_HUB_H
#define BELFRY_WORK_HUB_H

#include <belfry/store/store.h>
#include <belfry/xmpp/hub.h>

/*
 * What the XMPP side asks of the hub, answered from the store. Feeds that the asker may
 * not see are left out of lists, and refused when named; leaving is always allowed.
 */
struct hub {
	struct store *store;
	char *const *trusted_domains; /* whose users "local" lets in */
};

/* HUB outlives its use; no state of its own. */
struct xmpp_hub hub_for(struct hub *hub);

/* ---- For the files of this folder ------------------------------------------------- */

/* May JID see it? No, where its configuration cannot be read. */
bool hub_shows(const struct hub *hub, const struct store_feed *feed, const char *jid);
/* False: it is none, *OUT is empty. Free with event_free(). */
bool hub_event_parse(const struct store_event *e, struct event *out);

/* xmpp_hub_ops.recent */
void hub_recent(void *hub, const char *who, size_t limit, hub_items_cb cb, void *arg);

#endif
