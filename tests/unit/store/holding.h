#ifndef TESTS_STORE_HOLDING_H
#define TESTS_STORE_HOLDING_H

#include "../../lib/store/sync_hold.h"

/* A feed whose rows are held, for the tests of that (which include cmocka.h). */
enum { HOLDING_EVENTS = 40 };
struct holding {
	char feed[64];
	struct store_owner owner;
	struct pos pos[HOLDING_EVENTS + 1]; /* of the events "e1", ... */
	size_t posted;
};

struct holding holding_begin(const char *feed);
/* Deletes the feed, so that nothing of it is due. */
void holding_end(struct holding *h);
void holding_join(struct holding *h, const char *jid);
/* Makes its row, or changes it. */
void holding_pause(const struct holding *h, const char *jid, bool paused);
void holding_post(struct holding *h, enum event_priority priority);
/* Of JID's bucket. */
struct pos holding_cursor(const struct holding *h, const char *jid);
/* done() of all buckets to TO. */
enum belfry_err holding_done(const struct holding *h, const struct store_done_row *rows,
			     size_t count, struct pos to);
/* The same as of a pass over what is due. */
enum belfry_err holding_due_done(const struct holding *h,
				 const struct store_done_row *rows, size_t count);
/* done() of one delivery of each event to each of COUNT rows: taken. */
void holding_taken(struct holding *h, uint64_t count);
struct sub_hold holding_of(const struct holding *h, const char *jid);
struct store_counters holding_counters(const struct holding *h, size_t event);
bool holding_is_due(const struct holding *h, const struct sync_dues *due,
		    uint32_t bucket);
size_t holding_count_due(const struct holding *h, const struct sync_dues *due);

#endif
