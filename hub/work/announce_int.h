#ifndef BELFRY_WORK_ANNOUNCE_INT_H
#define BELFRY_WORK_ANNOUNCE_INT_H

#include <belfry/base/buf.h>
#include <belfry/core/feed.h>

#include "work/announce.h"

/*
 * Inside the announcer: announce_feeds.c keeps the feeds and says whose turn it is,
 * announce.c looks at them and tells their contacts.
 */
#define LOOK_MS 1000 /* between two looks at a feed */
#define TOLD_TABLE 4096

/* Where a feed stands. */
enum told_state {
	TOLD_REST,
	TOLD_DUE,   /* in the list of those that wait until due_ms */
	TOLD_READY, /* in a queue of those to look at, or to go on with */
	TOLD_NOW,   /* announcer->now */
};

struct told;
struct told_queue {
	struct told *first, **last;
	size_t count;
};

/* A feed with contacts. */
struct told {
	struct told *chain; /* in the table */
	struct told *next;  /* in the list that its state says */
	char name[FEED_NAME_MAX + 1];
	enum told_state state;
	bool woken;	    /* something is new since it was looked at, */
	bool set;	    /* and somebody has set it */
	bool ahead;	    /* it stands in the queue of these */
	bool force;	    /* has to be told, whatever it looks like */
	struct look *told;  /* what contacts see; NULL: not all were told */
	struct look *sweep; /* what they are being told; NULL: they are not */
	bool again;	    /* the sweep changed on its way: another one follows */
	uint32_t cursor;    /* of the next page of rows */
	uint64_t due_ms, looked_ms, swept_ms;
};

struct announcer {
	struct store *store;
	struct link *link;
	struct announcer_options o;
	struct loop_timer *tick, *deadline;
	bool up, leaving;
	bool calling;	     /* the store is asked something; one at a time */
	bool discard;	     /* its answer is of no use any more */
	size_t calls, sends; /* left in this tick */

	struct told *table[TOLD_TABLE];
	size_t count;
	struct told *due;
	struct told_queue set, ready; /* what was set goes before the others, */
	unsigned in_a_row;	      /* but not always */
	struct told *now;
	struct buf jids;      /* contacts of now's page: texts one after the other */
	size_t jid;	      /* the next one */
	bool page, last_page; /* now has one, which is the last */

	bool round;	      /* goes through all feeds */
	unsigned round_ticks; /* since the last page of them */
	uint64_t round_ms;    /* not before */
	char after[FEED_NAME_MAX + 1];
	struct buf out;
	struct announcer_stats stats;
};

/* announce_feeds.c */

/* Where the feed stands in the table, or would. */
struct told **told_place(struct announcer *a, const char *name);
struct told *told_make(struct announcer *a, const char *name);
void told_forget(struct announcer *a, struct told *t); /* it stands in no list */
void told_forget_all(struct announcer *a);	       /* no list is of use after it */
void told_each(struct announcer *a, void (*f)(struct announcer *a, struct told *t));

/* T stands in no list. */
void told_ready(struct announcer *a, struct told *t);
bool told_any(const struct announcer *a);    /* is one ready? */
struct told *told_next(struct announcer *a); /* then the first of them */
void told_none(struct announcer *a);	     /* the queues and lists are empty now */
/* T, which stands in no list, comes back at DUE_MS, or at once. */
void told_wait(struct announcer *a, struct told *t, uint64_t due_ms);
void told_wake(struct announcer *a, struct told *t);
void told_wake_set(struct announcer *a, struct told *t); /* somebody has set it */
void told_take_due(struct announcer *a);

#endif
