#ifndef BELFRY_XMPP_PRESENCE_H
#define BELFRY_XMPP_PRESENCE_H

#include <belfry/base/buf.h>
#include <belfry/xmpp/hub.h>

/*
 * Appends what FROM (the feed's JID, or the hub's) shows of itself to TO: available, with
 * its avatar's hash (XEP-0153) and its capabilities (XEP-0115), which are the same for
 * all feeds and the hub. LOOK NULL: unavailable.
 */
void presence_render(struct buf *out, const char *from, const char *to,
		     const struct hub_look *look);

#endif
