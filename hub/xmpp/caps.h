#ifndef BELFRY_HUB_XMPP_CAPS_H
#define BELFRY_HUB_XMPP_CAPS_H

#include <belfry/base/buf.h>

#include <stdbool.h>

/*
 * Entity capabilities (XEP-0115) of the feeds and the hub. The verification string is
 * made without a name, so that it is one for all of them: a client asks once what it
 * means.
 */
#define NS_CAPS "http://jabber.org/protocol/caps"

/* Appends <c/>. */
void caps_add(struct buf *out);
/* Is it the node of disco#info that stands for them? */
bool caps_is_node(const char *node);

#endif
