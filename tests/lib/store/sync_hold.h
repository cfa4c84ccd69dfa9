#ifndef TESTS_STORE_SYNC_HOLD_H
#define TESTS_STORE_SYNC_HOLD_H

#include <belfry/store/store.h>

/* As sync.h: holds, what is due, and dead letters. */

enum { SYNC_DUES = 1024, SYNC_DEAD = 1024 };
struct sync_dues {
	size_t count;
	uint64_t wait_ms;
	struct {
		char feed[80];
		uint32_t bucket;
	} d[SYNC_DUES];
};
struct sync_dead {
	size_t count;
	uint32_t next;
	struct {
		char jid[80];
		struct sub_hold hold;
	} r[SYNC_DEAD];
};

enum belfry_err sync_late_bounce(struct store *s, const struct store_owner *o,
				 const char *feed, const struct store_done_row *row);
enum belfry_err sync_due(struct store *s, size_t limit, struct sync_dues *out);
enum belfry_err sync_received(struct store *s, const struct store_owner *o,
			      const char *feed, const char *jid,
			      const struct store_receipts *r, bool *due);
enum belfry_err sync_due_within(struct store *s, uint64_t within_ms, size_t limit,
				struct sync_dues *out);
enum belfry_err sync_hold_order(struct store *s, const char *feed, const char *jid,
				enum hold_order order, struct sub_hold *out);
enum belfry_err sync_dead_list(struct store *s, const char *feed, uint32_t first,
			       size_t limit, struct sync_dead *out);
enum belfry_err sync_dead_feeds(struct store *s, char *names, size_t size); /* "a,b," */

#endif
