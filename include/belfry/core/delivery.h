#ifndef BELFRY_CORE_DELIVERY_H
#define BELFRY_CORE_DELIVERY_H

#include <belfry/core/event.h>
#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>

#include <stdint.h>

/*
 * What has become of one event for one subscription, as its row, its hold and its
 * bucket's cursor tell: nothing is kept of single deliveries. So of what is behind it the
 * row knows nothing: an event that was skipped or dropped looks taken, and one that its
 * options leave out now looks filtered. The event's counters are exact.
 */
enum delivery {
	DELIVERY_NOT_ITS,  /* the subscription was made later */
	DELIVERY_QUEUED,   /* its bucket has not reached the event */
	DELIVERY_TAKEN,	   /* by the XMPP server */
	DELIVERY_SENT,	   /* the same, of a headline */
	DELIVERY_FILTERED, /* not for it: its tags, its priority, or muted */
	DELIVERY_HELD,	   /* waits for the subscription's hold to end */
	DELIVERY_RECEIVED, /* its client has confirmed it */
	/* Taken; its client is asked, and has not confirmed it, or did not do so then. */
	DELIVERY_UNCONFIRMED,
	DELIVERY_DEAD, /* given up */
};
const char *delivery_text(enum delivery d); /* "queued", ... */
/* E's priority is the one that it was committed with, at AT_MS and POS. */
enum delivery delivery_of(const struct sub *sub, struct pos cursor, const struct event *e,
			  struct pos pos, uint64_t at_ms);
/* The same of a retraction at POS, of what was committed at AT_MS and RETRACTS. */
enum delivery delivery_of_retraction(const struct sub *sub, struct pos cursor,
				     const struct event *e, struct pos pos,
				     struct pos retracts, uint64_t at_ms);

#endif
