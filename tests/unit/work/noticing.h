#ifndef BELFRY_TESTS_UNIT_WORK_NOTICING_H
#define BELFRY_TESTS_UNIT_WORK_NOTICING_H

#include "work/hub.h"
#include "work/notices.h"

#include "world.h"

/* Notices over a recorder, on a store that an app changes. */
#define OWNER "olga@example.org"
#define PERSON "petra@example.net"
struct noticing {
	struct world w;
	struct store *store;
	struct link *link;
	struct notices *notices;
	struct owners *owners;
	struct hub hub;
	struct sweeps *sweeps;
	bool valid, busy; /* what may_write() and busy() say */
	bool barring;	  /* a barrier may be asked for */
	uint64_t barrier; /* the last one */
	char shown[64];	  /* the feed that somebody was shown last */
};

/* A feed "asks" of OWNER; the link is up. */
int noticing_set_up(void **state);
int noticing_tear_down(void **state);
/* Between them: the worker ends, whatever it is at, and another one begins. */
void noticing_end(struct noticing *f);
void noticing_begin(struct noticing *f);

/* JID's state becomes this, with its notice. */
void noticing_put(struct noticing *f, const char *jid, enum pending_state state,
		  enum notice_kind kind);
/* COUNT of them are invited: "p0@example.net" and so on. */
void noticing_invite(struct noticing *f, unsigned count);
/* As over REST, or by its own answer. */
void noticing_move(struct noticing *f, const char *jid, enum pending_state from,
		   enum pending_state to);
/* A notice alone. */
void noticing_note(struct noticing *f, const char *feed, const char *jid,
		   enum notice_kind kind);
void noticing_note_as(struct noticing *f, const struct store_notice *n);
void noticing_delete(struct noticing *f, const char *feed);
size_t noticing_left(struct noticing *f); /* in the store */
/* How often PART stands in what was sent. */
unsigned noticing_told(struct noticing *f, const char *part);
struct notices_stats noticing_stats(struct noticing *f);
/* MS pass, in turns of the loop. */
void noticing_pass(struct noticing *f, unsigned ms);
/* The same, and barriers are answered. */
void noticing_serve(struct noticing *f, unsigned ms);

#endif
