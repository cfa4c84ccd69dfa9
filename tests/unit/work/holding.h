#ifndef BELFRY_TESTS_UNIT_WORK_HOLDING_H
#define BELFRY_TESTS_UNIT_WORK_HOLDING_H

#include "world.h"

/* A feed "deploys" that ANN and BOB follow by chat, and what they were sent. */
#define ANN "ann@example.org"
#define BOB "bob@example.org"
#define HOUR_MS (3600 * 1000)
#define LATER_MS UINT32_MAX /* whatever is tried again at all is due by then */

void begin(struct world *w, struct worker *k, const char *config);
void post(struct world *w, unsigned events);
void set(struct world *w, const char *jid, unsigned what, struct sub_options o);
void post_urgent(struct world *w);
void pause_row(struct world *w, const char *jid);
void resume_row(struct world *w, const char *jid);
/* Quiet hours from now on. */
struct sub_options quiet_for(unsigned minutes, bool urgent_passes);
/* Serves it until the holds that are due by now have been served. */
void settle(struct worker *k);
void pass(struct worker *k, uint64_t ms); /* ... after so long */
/* The N-th message that went to JID, from 0 on: an index; SIZE_MAX: there is none. */
size_t sent_to(const struct worker *k, const char *jid, size_t n);
size_t count_to(const struct worker *k, const char *jid);
/* The number in the log of what was sent there. */
unsigned event_of(const struct worker *k, size_t index);
/* What JID was sent, by numbers: "1 2 3 2 3". */
void assert_sent(const struct worker *k, const char *jid, const char *want);
bool contains(const struct worker *k, size_t index, const char *text);
void bounce(struct worker *k, const char *jid, size_t n, enum bounce_class class);
/* Of the event with that number. */
struct store_counters counters(struct world *w, unsigned event);
/* Of each event from FROM to TO. */
void assert_counted(struct world *w, unsigned from, unsigned to, unsigned taken,
		    unsigned held);
enum hold_reason reason(struct world *w, const char *jid);

#endif
