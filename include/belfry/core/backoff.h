#ifndef BELFRY_CORE_BACKOFF_H
#define BELFRY_CORE_BACKOFF_H

#include <stdint.h>

/* Exponential back-off with full jitter, for ever. Embedded; tries = 0 to begin with. */
struct backoff {
	uint64_t first_ms; /* ceiling of the first delay */
	uint64_t max_ms;   /* ceiling of all */
	unsigned tries;
};

/* The next delay: uniform in [ceiling / 2, ceiling], the ceiling doubling each time. */
uint64_t backoff_next(struct backoff *b);
void backoff_reset(struct backoff *b);

#endif
