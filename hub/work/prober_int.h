#ifndef BELFRY_WORK_PROBER_INT_H
#define BELFRY_WORK_PROBER_INT_H

#include <belfry/core/feed.h>
#include <belfry/core/subscription.h>

#include "work/prober.h"

/*
 *   prober.c       what is under way, one thing after the other
 *   prober_look.c  one person: asked, probed, given up
 *   prober_walk.c  all rows that depend on presences, on a new stream
 *   prober_wake.c  the holds of those who have come
 */

/* What is known of one row, and to be done. */
enum look_step {
	LOOK_ROW,      /* to be read */
	LOOK_PROBED,   /* an answer may come */
	LOOK_REPEATED, /* the question was repeated */
};
struct glance {
	struct glance *next;
	enum look_step step;
	bool anew; /* it has chosen just now */
	uint64_t stream;
	uint64_t due_ms;
	char *feed, *jid;
};
struct glances {
	struct glance *first, **last;
	size_t count;
};

struct prober {
	struct store *store;
	struct link *link;
	struct prober_options o;
	struct loop_timer *tick;
	bool up;
	uint64_t stream;       /* counts streams */
	struct glances first;  /* to be looked at: who has chosen, or is there again */
	struct glances todo;   /* ... and all others */
	struct glances asleep; /* until their answer is there, or does not come */
	struct glances wakes;  /* holds to be woken */
	size_t calls;	       /* of the store, under way */
	/* The walk. */
	bool walking;  /* there are more feeds */
	bool calling;  /* a page is asked for */
	uint64_t walk; /* its stream */
	char after[FEED_NAME_MAX + 1];
	char *feeds[100]; /* of the page, that may have such rows */
	size_t feed_count;
	uint32_t cursor;
	uint64_t rest_ms; /* not before */
	struct prober_stats stats;
};

/* prober.c */
/* Appends one of FEED and JID; NULL: there are too many. */
struct glance *glance_add(struct glances *list, const char *feed, const char *jid);
/* The one of FEED and JID among the first MOST of LIST. */
struct glance *glance_find(const struct glances *list, size_t most, const char *feed,
			   const char *jid);
struct glance *glance_take(struct glances *list);
void glance_put(struct glances *list, struct glance *g);
void glance_free(struct glance *g);
void prober_send(struct prober *p, const char *type, const char *feed, const char *jid);
/* Something is to be done. */
void prober_arm(struct prober *p);
/* A row is to be looked at, before others, unless it waits for that. ANEW: as above. */
void prober_look(struct prober *p, const char *feed, const char *jid, bool anew);
/* The row of a person who is expected is to be looked at, unless it was. */
void prober_expect(struct prober *p, const char *feed, const char *jid);

/* prober_look.c */
void look_begin(struct prober *p, struct glance *g);
void look_late(struct prober *p, struct glance *g);

/* prober_walk.c */
void walk_begin(struct prober *p);
void walk_end(struct prober *p);
/* False: it has nothing to ask now. */
bool walk_step(struct prober *p);

/* prober_wake.c */
void wake_heard(void *arg, const char *feed, const char *jid, const char *bare,
		enum availability was, enum availability now);
void wake_next(struct prober *p);

#endif
