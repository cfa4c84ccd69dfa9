#ifndef BELFRY_HUB_SERVE_SUBSCRIBER_JSON_H
#define BELFRY_HUB_SERVE_SUBSCRIBER_JSON_H

#include <belfry/base/buf.h>
#include <belfry/store/store.h>

/* A subscription as REST shows it: an object. */
void subscriber_write(struct buf *out, const struct store_row *row);
/* Who is not let in yet, in the same way. */
void pending_write(struct buf *out, const struct store_pending *p);
/*
 * What a PUT's body asks for: absent members stay as they are, null is the default.
 * NULL, or what is wrong, for the client.
 */
const char *subscriber_read(const char *body, size_t len, struct sub_change *change);

#endif
