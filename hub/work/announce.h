#ifndef BELFRY_WORK_ANNOUNCE_H
#define BELFRY_WORK_ANNOUNCE_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>

#include "work/look.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Tells those who have a feed as a contact what it shows of itself: all of them when the
 * link is up, slowly; again when that changes, at once where somebody set it, and at most
 * once a minute where it is but another title; and good-bye before a clean end. It gives
 * way to deliveries: it writes little at a time, less while they are going on, and
 * nothing where the link has no room. What somebody has set is looked at before what
 * events may have changed.
 *
 * Reads are bounded too, to some tens of thousands of rows a second. A feed without
 * contacts costs a hundredth of a page of feeds when the link comes up, and nothing
 * later: kept in memory are the feeds that somebody was told of.
 */
struct announcer;

struct announcer_options {
	const char *domain;	      /* outlives it */
	void *arg;		      /* of the functions below */
	bool (*may_write)(void *arg); /* is the lease valid now? */
	bool (*busy)(void *arg);      /* are deliveries on their way? */
	void (*gone)(void *arg);      /* after announcer_leave(): all is said */
};

struct announcer *announcer_create(struct loop *loop, struct store *store,
				   const struct announcer_options *options);
/* The link to send on; before it is up. */
void announcer_use(struct announcer *a, struct link *link);
/* After the store was destroyed, as its callbacks come here. NULL is safe. */
void announcer_destroy(struct announcer *a);

/* What the link says. Down: forgets all; the next up() begins anew. */
void announcer_up(struct announcer *a);
void announcer_down(struct announcer *a);
void announcer_room(struct announcer *a);
/* FEED may look different now (store.h, listen). */
void announcer_wake(struct announcer *a, enum store_wake what, const char *feed);
/* Somebody was shown FEED, which may be his first contact; takes LOOK. */
void announcer_shown(struct announcer *a, const char *feed, struct look *look);

/*
 * The clean end: tells who was told that a feed is there that it is not, for at most
 * ANNOUNCE_LEAVE_MS; then gone(), from the loop. False: there is nobody to tell.
 */
#define ANNOUNCE_LEAVE_MS 2000
bool announcer_leave(struct announcer *a);

struct announcer_stats {
	uint64_t presences; /* sent, ever */
	uint64_t rows;	    /* read */
	size_t feeds;	    /* that somebody was told of */
	bool round;	    /* all feeds are being announced */
};
void announcer_stats(const struct announcer *a, struct announcer_stats *out);

#endif
