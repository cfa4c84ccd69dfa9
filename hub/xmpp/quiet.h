#ifndef BELFRY_HUB_XMPP_QUIET_H
#define BELFRY_HUB_XMPP_QUIET_H

#include <belfry/base/buf.h>
#include <belfry/core/subscription.h>

#include <stdbool.h>
#include <stddef.h>

/* Quiet hours as people write them. Foreign input. */

/* "7", "07:00"; "24:00" is midnight. */
bool quiet_take_minute(const char *s, size_t len, unsigned *out);
/* "22:00-07:00", "22-7": sets Q but for its zone. */
bool quiet_take_hours(struct sub_quiet *q, const char *s, size_t len);
/* A zone that there is; "europe/berlin" is one, too. */
bool quiet_take_zone(struct sub_quiet *q, const char *s, size_t len);
/* The two with a blank between them. */
bool quiet_parse(struct sub_quiet *q, const char *text);
/* Appends "22:00-07:00 Europe/Berlin". */
void quiet_text(struct buf *out, const struct sub_quiet *q);

#endif
