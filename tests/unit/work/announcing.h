#ifndef BELFRY_TESTS_UNIT_WORK_ANNOUNCING_H
#define BELFRY_TESTS_UNIT_WORK_ANNOUNCING_H

#include "work/announce.h"

#include "world.h"

/* An announcer over a recorder, on a store that an app changes. */
#define SHA1 "0123456789012345678901234567890123456789"
struct announcing {
	struct world w;
	struct store *store;
	struct link *link;
	struct announcer *announcer;
	bool valid, busy; /* what may_write() and busy() say */
	bool gone;	  /* was called */
};

int announcing_set_up(void **state);
int announcing_tear_down(void **state);

/* JID, or COUNT of them ("c0@example.org" and so on), have FEED as a contact. */
void announcing_contact(struct announcing *f, const char *feed, const char *jid);
void announcing_contacts(struct announcing *f, const char *feed, unsigned count);
/* NULL: none. */
void announcing_set_presence(struct announcing *f, const char *feed, const char *json);
void announcing_set_face(struct announcing *f, const char *feed); /* SHA1 is its hash */
/* How often PART stands in what was sent. */
unsigned announcing_told(struct announcing *f, const char *part);
/* How many of the first COUNT contacts of FEED see PART in what they were told last. */
unsigned announcing_seen(struct announcing *f, const char *feed, unsigned count,
			 const char *part);
/* SECONDS of ticks. */
void announcing_pass(struct announcing *f, unsigned seconds);
/* Turns until nothing more can come of what has happened. */
void announcing_settle(struct announcing *f);

#endif
