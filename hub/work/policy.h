#ifndef BELFRY_WORK_POLICY_H
#define BELFRY_WORK_POLICY_H

#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>

#include <stdbool.h>
#include <stddef.h>

/* Who gets what, and until when. Pure. */

/*
 * Does a row of a bucket that has had everything up to CURSOR get the event at POS? ITS:
 * it is for those who were there by then; of a retraction that is what it retracts.
 */
bool policy_wants(const struct sub *sub, struct pos cursor, struct pos pos,
		  struct pos its);
/*
 * Has a row that has had what is up to REACHED had what R retracts? In pubsub events any
 * version of the item; a message takes back the newest one alone.
 */
bool policy_had(const struct sub *sub, struct pos reached,
		const struct store_retracted *r);
/* Is it too late for what expires at EXPIRES_MS (0: never)? */
bool policy_expired(uint64_t expires_ms, uint64_t now_ms);

/* What happened to one delivery. */
enum outcome {
	OUTCOME_TAKEN,
	OUTCOME_BOUNCED, /* counted beside: it is held, too */
	OUTCOME_HELD,
	OUTCOME_LEFT,
	OUTCOME_SKIPPED,
	OUTCOME_FILTERED,
	OUTCOME_EXPIRED,
	OUTCOME_SUPERSEDED,
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
struct config;
struct policy_retry policy_retry_of(const struct config *c);
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
/*
 * The same, where it shows NOW; of what it shows alone. UNKNOWN keeps nobody waiting. Who
 * waits is waked when that changes; it is looked at once more all the same, in case that
 * was missed.
 */
#define POLICY_ABSENT_MS (3600 * 1000)
enum hold_reason policy_absent(const struct sub *sub, enum event_priority priority,
			       enum availability now, uint64_t *due_ms);

/*
 * Does it wait for others, to come with them? If neither of the two above keeps it: so a
 * pause comes first, then quiet hours, then a presence, and a digest last. Then DUE_MS is
 * how long, from NOW_MS on; AT_MS: when it was committed.
 */
bool policy_gathers(const struct sub *sub, enum event_priority priority, uint64_t at_ms,
		    uint64_t now_ms, uint64_t *due_ms);

/* Formats as small numbers: 0 .. POLICY_FORMATS - 1, for arrays and bits. */
#define POLICY_FORMATS 4
unsigned policy_format_index(enum sub_format format);
/* ... and as they are rendered: what asks for a receipt is one more. BY_FEED: who has not
 * chosen is asked. */
#define POLICY_KINDS (POLICY_FORMATS + 1)
static inline unsigned policy_kind(const struct sub *sub, bool by_feed)
{
	bool asks = (sub->options_len || by_feed) && sub_asks(sub, by_feed);
	return asks ? POLICY_FORMATS : policy_format_index(sub->format);
}

/* How many events to send to a bucket at once, so that the stanzas stay near WINDOW. */
size_t policy_range(size_t rows, size_t window, size_t events);
/* How many events to read next, having found COUNT in BYTES. */
size_t policy_batch(size_t count, size_t bytes);
/* ... where those that fit one digest are wanted. */
size_t policy_batch_together(size_t count, size_t bytes);
/* How many buckets to read next, having found ROWS in BUCKETS of them. */
uint32_t policy_run(size_t rows, size_t buckets);

#endif
