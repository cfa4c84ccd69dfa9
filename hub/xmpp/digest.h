#ifndef BELFRY_HUB_XMPP_DIGEST_H
#define BELFRY_HUB_XMPP_DIGEST_H

#include <belfry/base/buf.h>
#include <belfry/core/subscription.h>

#include <stdbool.h>
#include <stddef.h>

/* Digests as people write them. Foreign input. */

/* "5m", "1h", "2d", "daily@08:00": sets D but for its zone. */
bool digest_take_when(struct sub_digest *d, const char *s, size_t len);
/* "08:00 Europe/Berlin": one a day. */
bool digest_take_daily(struct sub_digest *d, const char *text);
/* A daily one has to have its zone. */
bool digest_take_zone(struct sub_digest *d, const char *zone);
/* Appends "every 1h", "daily at 08:00 Europe/Berlin"; of none nothing. */
void digest_text(struct buf *out, const struct sub_digest *d);

#endif
