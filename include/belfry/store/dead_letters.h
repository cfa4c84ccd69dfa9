#ifndef BELFRY_STORE_DEAD_LETTERS_H
#define BELFRY_STORE_DEAD_LETTERS_H

#include <belfry/store/store.h>

/* COUNT got the order, also where ERR is not OK. MORE: there are others, beyond LIMIT. */
typedef void (*store_dead_cb)(void *arg, enum belfry_err err, size_t count, bool more);
/*
 * Gives ORDER to the dead letters of FEED, over any store: oldest first, at most LIMIT.
 * Those that are none any more by then are passed over. CB comes once and later. ENOFEED,
 * EAWAY.
 */
void store_dead_order(struct store *s, const char *feed, enum hold_order order,
		      size_t limit, store_dead_cb cb, void *arg);

#endif
