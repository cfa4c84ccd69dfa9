#ifndef BELFRY_WORK_NOTICES_H
#define BELFRY_WORK_NOTICES_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>

#include "work/look.h"
#include "work/owners.h"
#include "work/sweeps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Says what the store's notices are about: requests to the owners of a feed, invitations,
 * what owners decided. A few at a time, and fewer while deliveries are on their way; what
 * a notice is about is looked up just before it is said, and it is not said if that is
 * over. It is done when a barrier behind it has passed: at least once. One that ends the
 * stream each time it is said alone is given up.
 */
struct notices;

struct notices_options {
	const char *domain;    /* outlives it */
	struct owners *owners; /* the same */
	struct sweeps
		*sweeps; /* takes those that say that outcasts are to be looked for */
	size_t max_stanza_bytes;
	void *arg;			/* of the functions below */
	bool (*may_write)(void *arg);	/* is the lease valid, and nothing against it? */
	bool (*busy)(void *arg);	/* are deliveries on their way? */
	uint64_t (*barrier)(void *arg); /* engine_barrier() */
	/* Somebody is shown FEED, which may be his first contact; takes LOOK. */
	void (*shown)(void *arg, const char *feed, struct look *look);
};

struct notices *notices_create(struct loop *loop, struct store *store,
			       const struct notices_options *options);
/* The link to send on; before it is up. */
void notices_use(struct notices *n, struct link *link);
/* After the store was destroyed, as its callbacks come here. NULL is safe. */
void notices_destroy(struct notices *n);

/* What the link says. */
void notices_up(struct notices *n);
void notices_down(struct notices *n, enum link_end end);
void notices_passed(struct notices *n, uint64_t barrier);
void notices_room(struct notices *n);
/* There are new ones, or may be. */
void notices_wake(struct notices *n);
/* The clean end: says no more. What was said is done if its barrier still passes. */
void notices_stop(struct notices *n);

struct notices_stats {
	uint64_t said;
	uint64_t stale;	    /* over before they were said */
	uint64_t held_back; /* an owner was not told: too many, or it is gone */
	uint64_t given_up;  /* ended the stream, or cannot be said */
};
void notices_stats(const struct notices *n, struct notices_stats *out);

#endif
