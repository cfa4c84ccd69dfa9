#ifndef TESTS_STORE_SYNC_SCHEDULE_H
#define TESTS_STORE_SYNC_SCHEDULE_H

#include <belfry/store/store.h>

/* As sync.h: what is scheduled. */

enum { SYNC_SCHEDULED = 256, SYNC_TIMES = 64 };
struct sync_scheduled {
	size_t count;
	bool more;
	struct {
		uint64_t due_ms, at_ms, expires_ms;
		char id[40], item[40], doc[80];
		enum event_priority priority;
	} e[SYNC_SCHEDULED];
};
struct sync_times {
	size_t count;
	uint64_t wait_ms;
	char feed[SYNC_TIMES][80];
};

/* A short event; its item id is its id, where ITEM is NULL. */
enum belfry_err sync_schedule(struct store *s, const char *feed, const char *id,
			      const char *item, uint64_t due_ms);
/* What was answered, too. */
enum belfry_err sync_schedule_as(struct store *s, const struct store_commit *c,
				 char id[40], bool *replayed, uint64_t *due_ms);
enum belfry_err sync_scheduled_list(struct store *s, const char *feed, uint64_t after_ms,
				    const char *after_id, size_t limit,
				    struct sync_scheduled *out);
enum belfry_err sync_scheduled_get(struct store *s, const char *feed, const char *id,
				   struct sync_scheduled *out);
enum belfry_err sync_scheduled_cancel(struct store *s, const char *feed, const char *id,
				      const char *item);
enum belfry_err sync_scheduled_due(struct store *s, size_t limit, struct sync_times *out);
enum belfry_err sync_release(struct store *s, const char *feed, uint64_t *released,
			     uint64_t *lost);

#endif
