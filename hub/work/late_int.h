#ifndef BELFRY_WORK_LATE_INT_H
#define BELFRY_WORK_LATE_INT_H

#include "work/engine_int.h"

/* Between late.c, which keeps what came back late, and late_tell.c, which tells it. */

#define LATE_STALE_MAX 64 /* its hold was another one each time */

/* An event of a row that came back, or a digest. */
struct back {
	struct back *next;
	struct pos pos;	  /* of a digest, its first event */
	struct pos last;  /* ... and its last one */
	uint64_t members; /* as its id has them; 0: it is no digest */
	bool looked;	  /* it was there when the row was looked up */
	enum bounce_class class;
	char condition[HOLD_CONDITION_MAX + 1];
};

/* The row as looked up: its hold, and what it is to become. */
struct seen {
	char was[HOLD_TEXT_SIZE];
	size_t was_len;
	struct sub_hold before, hold;
	bool apart; /* of its events some may be in doubt, and later ones not */
};

struct late {
	struct engine *engine;
	struct late *next;  /* in a list, unless it is being told */
	struct late *chain; /* in the table */
	size_t slot;
	char *feed, *from;
	size_t from_len; /* as it came; now it may be a bare JID */
	uint32_t hash;	 /* of the row, once it is known */
	bool group;	 /* the stanza went to: its id does not tell whose it was */
	uint32_t salt;	 /* of the feed */
	unsigned stale;
	struct back *backs; /* the latest first */
	size_t count;
	struct back *telling;
	struct seen *seen;  /* while it is being told */
	struct feed *told;  /* ... if it was in memory by then */
	struct feed *waits; /* whose next pass does */
};

/* late_tell.c: looks up the row, then tells the store, one event after the other; ends
 * with one of the first three functions below. */
void late_look_up(struct late *l);

/* late.c */
void late_end(struct late *l);			/* all is told */
void late_wait(struct late *l, struct feed *f); /* until its bucket is free */
void late_failed(struct late *l, enum belfry_err err);
/* Is the bucket of the row of that HASH in a piece, or in a completion that is not
 * answered? */
bool late_is_busy(const struct feed *f, uint32_t hash);
void late_forget(struct late *l, struct back **at);
void late_given_up(struct engine *e, const char *why);

#endif
