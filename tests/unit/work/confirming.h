#ifndef BELFRY_TESTS_UNIT_WORK_CONFIRMING_H
#define BELFRY_TESTS_UNIT_WORK_CONFIRMING_H

#include "holding.h"

#define PHONE ANN "/phone"
#define GRACE_MS 20000

/* ANN is asked for receipts; in the log there is one event, which she has had. */
void begin_asking(struct world *w, struct worker *k);
/* ... and has shown that she gives them. */
void begin_proven(struct world *w, struct worker *k);
/* Her client confirms the N-th message that it was sent. */
void confirm_as(struct worker *k, const char *from, size_t n);
void confirm(struct worker *k, size_t n);
/* The stream ends, and another one begins. */
void another_stream(struct worker *k);

#endif
