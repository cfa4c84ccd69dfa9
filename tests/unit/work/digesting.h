#ifndef BELFRY_TESTS_UNIT_WORK_DIGESTING_H
#define BELFRY_TESTS_UNIT_WORK_DIGESTING_H

#include "holding.h"

/* As holding.h; ANN wants a digest an hour. Events are committed by the store's clock. */
#define HOURLY ((struct sub_options){.digest.every_min = 60})
#define EVE "eve@example.org"
extern uint64_t passed_ms; /* since the test began */

void begin_hourly(struct world *w, struct worker *k, const char *config);
/* ... and EVENTS were posted, of which all but her has had. */
void begin_gathered(struct world *w, struct worker *k, const char *config,
		    unsigned events);
/* An hour later her digest is sent, and nothing says yet that it was taken. */
void send_digest(struct worker *k);
void post_doc(struct world *w, const char *doc);
void post_some(struct world *w, unsigned events);
void wait_for(struct worker *k, uint64_t ms);
/* "5+13": what the N-th message to JID is of. Static. */
const char *events_of(const struct worker *k, const char *jid, size_t n);
/* Of each event from FROM to TO. */
void check_counters(struct world *w, unsigned from, unsigned to, uint64_t taken,
		    uint64_t held, uint64_t bounced);
/* How many events all messages to JID bear. */
unsigned events_to(const struct worker *k, const char *jid);

#endif
