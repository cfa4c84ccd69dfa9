#include "work/policy.h"

#define RUN_ROWS                                                                         \
	1000 /* fewer cost round trips, more only memory (docs/performance.md)           \
	      */
#define RUN_BUCKETS_MAX 64
#define RANGE_STANZAS_MIN 256 /* below this, round trips cost more than a repeat */
/*
 * A feed with few followers goes through its log batch by batch, and each waits for its
 * barrier and for Redis' disk. Read ahead by bytes, as the batch stays in memory.
 */
#define BATCH_BYTES (64 * 1024)
#define BATCH_MIN 16
#define BATCH_MAX 64

bool policy_wants(const struct sub *sub, struct pos cursor, struct pos pos)
{
	return pos_cmp(pos, cursor) > 0 && pos_cmp(pos, sub->since) > 0;
}

void policy_count(struct store_counters *c, enum sub_format format, enum outcome o)
{
	switch (o) {
	case OUTCOME_TAKEN:
		if (format == FORMAT_HEADLINE)
			c->sent++;
		else
			c->taken++;
		break;
	case OUTCOME_BOUNCED:
		c->bounced++;
		break;
	case OUTCOME_LEFT:
		c->left++;
		break;
	case OUTCOME_SKIPPED:
		c->skipped++;
		break;
	case OUTCOME_FILTERED:
		c->filtered++;
		break;
	}
}

void policy_uncount(struct store_counters *c, enum sub_format format)
{
	uint64_t *n = format == FORMAT_HEADLINE ? &c->sent : &c->taken;
	if (*n)
		(*n)--;
}

unsigned policy_format_index(enum sub_format format)
{
	switch (format) {
	case FORMAT_CHAT:
		return 0;
	case FORMAT_EVENT:
		return 1;
	case FORMAT_HEADLINE:
		return 2;
	case FORMAT_NORMAL:
		break;
	}
	return 3;
}

size_t policy_range(size_t rows, size_t window, size_t events)
{
	size_t room = window > RANGE_STANZAS_MIN ? window : RANGE_STANZAS_MIN;
	size_t range = rows ? (room + rows / 2) / rows : events;
	if (range < 1)
		range = 1;
	return range < events ? range : events;
}

size_t policy_batch(size_t count, size_t bytes)
{
	size_t batch = count ? BATCH_BYTES / (bytes / count + 1) : BATCH_MIN;
	if (batch < BATCH_MIN)
		batch = BATCH_MIN;
	return batch < BATCH_MAX ? batch : BATCH_MAX;
}

uint32_t policy_run(size_t rows, size_t buckets)
{
	size_t run = rows ? RUN_ROWS * buckets / rows : RUN_BUCKETS_MAX;
	if (run < 1)
		run = 1;
	return run < RUN_BUCKETS_MAX ? (uint32_t)run : RUN_BUCKETS_MAX;
}
