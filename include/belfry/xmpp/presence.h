#ifndef BELFRY_XMPP_PRESENCE_H
#define BELFRY_XMPP_PRESENCE_H

#include <belfry/base/buf.h>
#include <belfry/xmpp/hub.h>

#define PRESENCE_RESOURCE "belfry"

/*
 * Appends what FROM (the feed's bare JID, or the hub's) shows of itself to TO: available,
 * with its avatar's hash (XEP-0153) and its capabilities (XEP-0115), which are the same
 * for all feeds and the hub. LOOK NULL: unavailable. It comes from the resource
 * PRESENCE_RESOURCE, but for the service's own: there are clients for which a contact is
 * offline that has none (Gajim 1.7).
 */
void presence_render(struct buf *out, const char *from, const char *to,
		     const struct hub_look *look);

/* The same of "subscribe", "probe", ...: to a person, from a feed's bare JID. */
void presence_render_type(struct buf *out, const char *type, const char *from,
			  const char *to);

#endif
