#include "work/policy.h"

#include <belfry/base/zone.h>
#include <belfry/core/config.h>

#include <string.h>

#define RUN_ROWS                                                                         \
	1000 /* fewer cost round trips, more only memory (docs/performance.md)           \
	      */
#define RUN_BUCKETS_MAX 64
#define MINUTE_MS 60000
#define RANGE_STANZAS_MIN 256 /* below this, round trips cost more than a repeat */
/*
 * A feed with few followers goes through its log batch by batch, and each waits for its
 * barrier and for Redis' disk. Read ahead by bytes, as the batch stays in memory.
 */
#define BATCH_BYTES (64 * 1024)
#define DAY_MS (24ull * 3600 * 1000)
#define BATCH_MIN 16
#define BATCH_MAX 64
#define TOGETHER_PART 8

bool policy_wants(const struct sub *sub, struct pos cursor, struct pos pos,
		  struct pos its)
{
	return pos_cmp(pos, cursor) > 0 && pos_cmp(its, sub->since) > 0;
}

bool policy_had(const struct sub *sub, struct pos reached,
		const struct store_retracted *r)
{
	size_t versions = sub->format == FORMAT_EVENT ? STORE_VERSIONS : 1;
	for (size_t i = 0; i < versions && r->versions[i].n; i++)
		if (pos_cmp(r->versions[i], reached) <= 0)
			return pos_cmp(r->versions[i], sub->since) > 0;
	return false;
}

bool policy_expired(uint64_t expires_ms, uint64_t now_ms)
{
	return expires_ms && expires_ms <= now_ms;
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
	case OUTCOME_HELD:
		c->held++;
		break;
	case OUTCOME_FILTERED:
		c->filtered++;
		break;
	case OUTCOME_EXPIRED:
		c->expired++;
		break;
	case OUTCOME_SUPERSEDED:
		c->superseded++;
		break;
	}
}

void policy_uncount(struct store_counters *c, enum sub_format format)
{
	uint64_t *n = format == FORMAT_HEADLINE ? &c->sent : &c->taken;
	if (*n)
		(*n)--;
}

/* ---- Holds ----------------------------------------------------------------------- */

struct policy_retry policy_retry_of(const struct config *c)
{
	return (struct policy_retry){.first_ms = c->delivery.retry_first_ms,
				     .max_ms = c->delivery.retry_max_ms,
				     .tries = c->delivery.retry_tries,
				     .give_up_ms = c->delivery.give_up_days * DAY_MS};
}

/* What came with a stanza from outside, as far as it is a condition's name. */
static void set_condition(struct sub_hold *h, const char *condition)
{
	size_t len = strspn(condition, "abcdefghijklmnopqrstuvwxyz-");
	if (condition[len] || len > HOLD_CONDITION_MAX)
		len = 0;
	memcpy(h->condition, condition, len);
	h->condition[len] = '\0';
}

/* The ceiling of the delay behind so many failures. */
static uint64_t retry_ceiling(const struct policy_retry *r, unsigned tries)
{
	uint64_t ceiling = r->first_ms;
	for (unsigned i = 1; i < tries && ceiling < r->max_ms; i++)
		ceiling = ceiling > UINT64_MAX / 2 ? UINT64_MAX : ceiling * 2;
	if (ceiling > r->max_ms)
		ceiling = r->max_ms;
	return ceiling < UINT32_MAX ? ceiling : UINT32_MAX;
}

void policy_bounce(const struct policy_retry *r, const struct sub_hold *before,
		   enum bounce_class class, const char *condition, uint64_t now_ms,
		   uint32_t random, struct sub_hold *out)
{
	*out = *before;
	if (out->tries < UINT32_MAX)
		out->tries++;
	if (!out->first_ms)
		out->first_ms = now_ms;
	set_condition(out, condition);
	if (before->reason == HOLD_DROPPED) {
		out->due_ms = 0;
		return;
	}
	uint64_t for_ms = now_ms > out->first_ms ? now_ms - out->first_ms : 0;
	if (before->reason == HOLD_DEAD || class == BOUNCE_SUSPENDS ||
	    (out->tries >= r->tries && for_ms >= r->give_up_ms)) {
		out->reason = HOLD_DEAD;
		out->due_ms = HOLD_NEVER;
		return;
	}
	out->reason = HOLD_BOUNCED;
	out->due_ms = (retry_ceiling(r, out->tries) + 1) * random >> 32;
}

static bool within(const struct sub_quiet *q, unsigned minute)
{
	bool from = minute >= q->from, to = minute < q->to;
	return q->from < q->to ? from && to : from || to;
}

enum hold_reason policy_waits(const struct sub *sub, enum event_priority priority,
			      uint64_t now_ms, uint64_t *due_ms)
{
	struct sub_options o;
	*due_ms = 0;
	if (!sub_may_wait(sub))
		return HOLD_NONE;
	sub_options_read(sub, &o);
	if (o.paused) {
		*due_ms = HOLD_NEVER;
		return HOLD_PAUSED;
	}
	if (!o.quiet.set || (o.urgent_passes && priority == PRIORITY_URGENT) ||
	    !within(&o.quiet, zone_minute(o.quiet.zone, now_ms)))
		return HOLD_NONE;
	*due_ms = zone_until(o.quiet.zone, now_ms, o.quiet.to);
	return HOLD_QUIET;
}

enum hold_reason policy_absent(const struct sub *sub, enum event_priority priority,
			       enum availability now, uint64_t *due_ms)
{
	struct sub_options o;
	*due_ms = 0;
	if (now == AVAIL_UNKNOWN || !sub_minds_presence(sub))
		return HOLD_NONE;
	sub_options_read(sub, &o);
	bool offline = now == AVAIL_OFFLINE;
	bool passes = !offline && o.urgent_passes && priority == PRIORITY_URGENT;
	bool shown = !o.shows || (o.shows & shows_bit(now));
	if (!(offline && o.hold_offline) && (shown || passes))
		return HOLD_NONE;
	*due_ms = POLICY_ABSENT_MS;
	return offline && o.hold_offline ? HOLD_OFFLINE : HOLD_SHOW;
}

/* Clocks differ: nobody waits for longer than he has chosen. */
static uint64_t digest_due(const struct sub_digest *d, uint64_t at_ms, uint64_t now_ms)
{
	uint64_t since = now_ms > at_ms ? now_ms - at_ms : 0;
	uint64_t wait = d->daily ? zone_until(d->zone, now_ms - since, d->at)
				 : (uint64_t)d->every_min * MINUTE_MS;
	return wait > since ? wait - since : 0;
}

bool policy_gathers(const struct sub *sub, enum event_priority priority, uint64_t at_ms,
		    uint64_t now_ms, uint64_t *due_ms)
{
	struct sub_options o;
	*due_ms = 0;
	if (!sub_may_wait(sub))
		return false;
	sub_options_read(sub, &o);
	if (!sub_digest_set(&o.digest) ||
	    (o.urgent_passes && priority == PRIORITY_URGENT))
		return false;
	*due_ms = digest_due(&o.digest, at_ms, now_ms);
	return true;
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

/* A digest has a line of each, however long they are: so more of them are worth it. */
size_t policy_batch_together(size_t count, size_t bytes)
{
	return policy_batch(count, bytes / TOGETHER_PART);
}

uint32_t policy_run(size_t rows, size_t buckets)
{
	size_t run = rows ? RUN_ROWS * buckets / rows : RUN_BUCKETS_MAX;
	if (run < 1)
		run = 1;
	return run < RUN_BUCKETS_MAX ? (uint32_t)run : RUN_BUCKETS_MAX;
}
