#ifndef BELFRY_WORK_COUNTERS_H
#define BELFRY_WORK_COUNTERS_H

#include <stdint.h>

/* What the engine counts, described once: the struct and /metrics come from here. */
#define ENGINE_COUNTERS(X)                                                               \
	X(stanzas, "Stanzas written to the XMPP link; one may be for a group")           \
	X(groups, "Stanzas among them that went to a group by xmpp.multicast")           \
	X(grouped, "Deliveries in them")                                                 \
	X(bytes, "Bytes of stanzas written to the XMPP link")                            \
	X(taken, "Deliveries taken by the XMPP server, behind a barrier")                \
	X(sent, "Headlines taken by the XMPP server; lost where the follower is away")   \
	X(bounced, "Deliveries that came back")                                          \
	X(held, "Deliveries put off: their subscriptions are held")                      \
	X(dead, "Deliveries given up with a dead letter")                                \
	X(dead_letters, "Subscriptions that became dead letters")                        \
	X(gaps, "Messages that say that some were missed and are gone")                  \
	X(left, "Subscriptions ended as the address is gone")                            \
	X(filtered, "Deliveries that the followers' own choices left out")               \
	X(expired, "Deliveries not made, as the event's time was over")                  \
	X(superseded, "Deliveries not made, as the item was replaced or retracted")      \
	X(released, "Scheduled events that went into their feeds' logs")                 \
	X(skipped, "Deliveries not sent, as XML or the server cannot take them")         \
	X(repeated, "Stanzas in flight when a link or lease went; they are sent again")  \
	X(late_bounces, "Deliveries that came back after their window was done")         \
	X(late_dropped, "Late bounces given up, as too many came: not sent again")       \
	X(receipts, "Receipts from clients that were told to the store")                 \
	X(receipts_dropped, "Receipts beyond what is kept at once: they are not noted")  \
	X(strange_bounces, "Errors that match no delivery of ours, or too many at once") \
	X(windows, "Windows closed by a barrier")                                        \
	X(barriers_repeated, "Barriers asked for again, as no result came")              \
	X(links_stalled, "Links closed, as no barrier had a result")                     \
	X(passes, "Passes over a feed's buckets")                                        \
	X(hold_passes, "Passes over buckets with holds that are due")                    \
	X(reads, "Runs of buckets read")                                                 \
	X(rows, "Rows read")                                                             \
	X(stale, "Completions that lost against another change, and were read again")    \
	X(store_failures, "Store calls of the delivery that failed, and are repeated")

struct engine_counters {
#define X(name, help) uint64_t name;
	ENGINE_COUNTERS(X)
#undef X
};

#endif
