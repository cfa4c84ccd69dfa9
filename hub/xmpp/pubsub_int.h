#ifndef BELFRY_HUB_XMPP_PUBSUB_INT_H
#define BELFRY_HUB_XMPP_PUBSUB_INT_H

#include "reply.h"

/* The jid attribute, normalized and malloc'ed. NULL: none, or not one. */
char *pubsub_jid(xmpp_stanza_t *e);
/* Is BARE the bare JID of JID? */
bool pubsub_jid_of(const char *jid, const char *bare);

void pubsub_unsupported(struct session *s, const struct incoming *in,
			const char *feature);
/* Appends <subscription/> in a STATE of XEP-0060 4.2. */
void pubsub_subscription_add(struct buf *out, const char *node, const char *jid,
			     const char *state);

/* ---- Subscription options (XEP-0060 6.3) ----------------------------------------- */

/*
 * What the form in <options/> changes; what it does not name stays. E NULL: nothing.
 * -1: a value is not one that there is, or nothing is to be delivered.
 */
int pubsub_options_read(xmpp_stanza_t *e, struct sub_change *c);
/* Appends <options/> with a form of TYPE; the attributes only where NODE is not NULL. */
void pubsub_options_add(struct buf *out, const char *node, const char *jid,
			const char *type, const struct sub *sub);
extern const struct reply_error pubsub_invalid_options;

void pubsub_options_get(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			const char *node);
void pubsub_options_set(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			const char *node);
/* XEP-0060 5.6; NODE may be NULL. */
void pubsub_subscriptions(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			  const char *node);

/* ---- Affiliations ---------------------------------------------------------------- */

/* XEP-0060 5.7, one's own; NODE may be NULL. */
void pubsub_affiliations(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			 const char *node);
/* 8.9, of a feed, for its owners: get and set. */
void pubsub_owner_affiliations(struct session *s, const struct incoming *in,
			       xmpp_stanza_t *e, const char *node);

#endif
