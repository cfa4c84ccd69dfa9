#ifndef BELFRY_WORK_POLICY_H
#define BELFRY_WORK_POLICY_H

#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>
#include <belfry/store/store.h>

#include <stdbool.h>
#include <stddef.h>

/* Who gets what. Pure. */

/* Does a row of a bucket that has had everything up to CURSOR get the event at POS? */
bool policy_wants(const struct sub *sub, struct pos cursor, struct pos pos);

/* What happened to one delivery. */
enum outcome {
	OUTCOME_TAKEN,
	OUTCOME_BOUNCED,
	OUTCOME_LEFT,
	OUTCOME_SKIPPED,
	OUTCOME_FILTERED,
};
/* Counts one. A headline that was taken counts as sent: nobody stores it. */
void policy_count(struct store_counters *c, enum sub_format format, enum outcome o);
/* One that was counted as taken came back. */
void policy_uncount(struct store_counters *c, enum sub_format format);

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
