#ifndef BELFRY_STORE_RECEIPTS_H
#define BELFRY_STORE_RECEIPTS_H

#include <belfry/base/err.h>
#include <belfry/core/pos.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of what a row was sent. */
struct store_receipts {
	const struct pos *list; /* events that its client has confirmed */
	size_t count;
	/* Not 0: what is still awaited in so many ms is sent again then. */
	uint64_t again_ms;
	uint64_t give_up_ms; /* the rest waits so long for what is awaited */
	bool by_feed;	     /* who has not chosen is asked for receipts, too */
};
#define RECEIPTS_MAX 64 /* events of one call */
/* due: its hold is due now, or in again_ms. */
typedef void (*store_received_cb)(void *arg, enum belfry_err err, bool due);

#endif
