#ifndef STORE_DONE_H
#define STORE_DONE_H

#include <belfry/store/store.h>

/* What is the same for both stores in done(), late_bounce() and received(). */

/* A copy with all that it points to; freed by done_free(). */
void done_copy(struct store_done *to, const struct store_done *from);
void done_free(struct store_done *d);
/* What done() takes as it is, whatever the store holds. */
bool done_valid(const struct store_done *d);
/* What the caller named as BUCKET, or as what it was split from since; or NULL. */
const struct store_done_bucket *done_named(const struct store_done *d, uint32_t bucket);
/* The same for the row of late_bounce(). */
bool done_late_valid(const struct store_done_row *r);
/* The list of R, to be freed. */
struct pos *receipts_copy(const struct store_receipts *r);
/* The delay of H, within what a time is told in. */
uint64_t done_delay(const struct sub_hold *h);

#endif
