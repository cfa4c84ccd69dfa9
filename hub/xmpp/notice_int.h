#ifndef BELFRY_HUB_XMPP_NOTICE_INT_H
#define BELFRY_HUB_XMPP_NOTICE_INT_H

#include "session.h"

/* What notices say, and what their answers are known by. */
#define NS_SUBSCRIBE_AUTHORIZATION NS_PUBSUB "#subscribe_authorization"
#define AUTHORIZE_NODE "pubsub#node"
#define AUTHORIZE_JID "pubsub#subscriber_jid"
#define AUTHORIZE_ALLOW "pubsub#allow"
/* What the id of an invitation's message begins with, and that of no delivery of a feed
 * of any other name. */
#define NOTICE_INVITATION_ID "invitation~"
#define NOTICE_REQUEST_ID "request~" /* the same of a request */

/* Appends what an owner is told who answered JID's request. False: ERR is not of that. */
bool authorize_say(struct buf *out, enum belfry_err err, bool allow, const char *feed,
		   const char *jid);

#endif
