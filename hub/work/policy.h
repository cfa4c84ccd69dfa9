#ifndef BELFRY_WORK_POLICY_H
#define BELFRY_WORK_POLICY_H

#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>

#include <stdbool.h>
#include <stddef.h>

/* Who gets what. Pure. */

/* Does a row of a bucket that has had everything up to CURSOR get the event at POS? */
bool policy_wants(const struct sub *sub, struct pos cursor, struct pos pos);

/* What happened to one delivery. */
enum outcome {
	OUTCOME_TAKEN,
	OUTCOME_BOUNCED, /* counted beside: it is held, too */
	OUTCOME_HELD,
	OUTCOME_LEFT,
	OUTCOME_SKIPPED,
	OUTCOME_FILTERED,
};
/* Counts one. A headline that was taken counts as sent: nobody stores it. */
void policy_count(struct store_counters *c, enum sub_format format, enum outcome o);
/* One that was counted as taken came back. */
void policy_uncount(struct store_counters *c, enum sub_format format);

/* When to try again, and when to give up. All in ms. */
struct policy_retry {
	uint64_t first_ms, max_ms; /* ceilings of the first delay, and of all */
	uint64_t tries;		   /* a dead letter after so many, */
	uint64_t give_up_ms;	   /* if the first was so long ago */
};
/*
 * The hold after a bounce that does not end the subscription; BEFORE is what it had. Full
 * jitter: due_ms is a delay uniform in [0, ceiling], which doubles with each failure, or
 * HOLD_NEVER. RANDOM is below 2^32. What is dead or dropped already stays so. pos,
 * counted and urgent are as they were in BEFORE.
 */
void policy_bounce(const struct policy_retry *r, const struct sub_hold *before,
		   enum bounce_class class, const char *condition, uint64_t now_ms,
		   uint32_t random, struct sub_hold *out);
/*
 * May a row with OPTIONS be sent an event of that priority now? HOLD_NONE: yes. Else why
 * not, and in DUE_MS when that may have changed (a delay; HOLD_NEVER: not by itself).
 */
enum hold_reason policy_waits(const struct sub *sub, enum event_priority priority,
			      uint64_t now_ms, uint64_t *due_ms);

/* Formats as small numbers: 0 .. POLICY_FORMATS - 1, for arrays and bits. */
#define POLICY_FORMATS 4
unsigned policy_format_index(enum sub_format format);

/* How many events to send to a bucket at once, so that the stanzas stay near WINDOW. */
size_t policy_range(size_t rows, size_t window, size_t events);
/* How many events to read next, having found COUNT in BYTES. */
size_t policy_batch(size_t count, size_t bytes);
/* How many buckets to read next, having found ROWS in BUCKETS of them. */
uint32_t policy_run(size_t rows, size_t buckets);

#endif
