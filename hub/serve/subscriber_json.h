#ifndef BELFRY_HUB_SERVE_SUBSCRIBER_JSON_H
#define BELFRY_HUB_SERVE_SUBSCRIBER_JSON_H

#include <belfry/base/buf.h>
#include <belfry/store/store.h>

/* A subscription as REST shows it: an object. */
void subscriber_write(struct buf *out, const struct store_row *row);
/* Its members alone, behind the "{" that the caller wrote. */
void subscriber_members(struct buf *out, const struct store_row *row);
/* The member "hold", where the subscription is held. */
void subscriber_add_hold(struct buf *out, const struct sub *sub);
/* Who is not let in yet, in the same way. */
void pending_write(struct buf *out, const struct store_pending *p);
/*
 * What the body of a PUT or PATCH asks for: absent members stay as they are, null is the
 * default. NULL, or what is wrong, for the client.
 */
const char *subscriber_read(const char *body, size_t len, struct sub_change *change);

#endif
