#ifndef BELFRY_HUB_XMPP_PUBSUB_DIGEST_H
#define BELFRY_HUB_XMPP_PUBSUB_DIGEST_H

#include "pubsub_int.h"

/* Digests among the options of a subscription: fields of pubsub_options.c's form. */

#define PUBSUB_DIGEST "pubsub#digest"
#define PUBSUB_FREQUENCY "pubsub#digest_frequency" /* milliseconds */
#define PUBSUB_DAILY "x-belfry#digest_daily"

void pubsub_digest_fields(struct buf *out, const struct sub_digest *d);
/* In this order. False: it is not one that there is. */
bool pubsub_read_daily(xmpp_stanza_t *f, struct sub_change *c);
bool pubsub_read_frequency(xmpp_stanza_t *f, struct sub_change *c);
bool pubsub_read_digest(xmpp_stanza_t *f, struct sub_change *c);

/* pubsub_options.c */
void pubsub_boolean_field(struct buf *out, const char *var, const char *label,
			  bool value);
/* False: it is neither. Without a value it is false. */
bool pubsub_read_boolean(xmpp_stanza_t *f, bool *out);

#endif
