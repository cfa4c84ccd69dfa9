#ifndef BELFRY_STORE_RETRACT_H
#define BELFRY_STORE_RETRACT_H

#include <belfry/store/store.h>

/*
 * Takes an item back: its scheduled events are cancelled, and the one that is there is
 * retracted. ID: of the retraction; NULL: only scheduled events were cancelled. ENOENT:
 * there is neither. With an error (ESTALE: it is replaced all the time) scheduled events
 * may be cancelled all the same.
 */
typedef void (*store_item_cb)(void *arg, enum belfry_err err, const char *id);
void store_retract_item(struct store *s, const char *feed, const char *item,
			store_item_cb cb, void *arg);

#endif
