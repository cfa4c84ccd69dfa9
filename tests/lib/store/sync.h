#ifndef TESTS_STORE_SYNC_H
#define TESTS_STORE_SYNC_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>

/*
 * The store's calls, waited for: each runs the loop until the callback has come (and
 * aborts after 20 s). What a callback was handed is copied to where it lives until the
 * next call of the same function.
 */
extern struct loop *sync_loop;

enum { SYNC_ROWS = 4096, SYNC_EVENTS = 1024 };
struct sync_events {
	size_t count;
	bool more;
	struct {
		struct pos pos;
		char id[40], item[40], doc[200];
		size_t doc_len;
		uint64_t subscribers, at_ms, expires_ms;
		enum event_priority priority;
		enum event_kind kind;
		struct store_retracted retracted;
		struct pos superseded;
		bool gone;
	} e[SYNC_EVENTS];
};
struct sync_rows {
	size_t count;
	uint32_t next;
	struct {
		char jid[200];
		struct sub sub;
	} r[SYNC_ROWS];
};

/* Runs the loop until *FLAG, or aborts. */
void sync_until(const bool *flag, const char *what);
void sync_until_up(struct store *s);

enum belfry_err sync_feed_put(struct store *s, const char *feed, const char *config,
			      const char *expect, struct store_feed *out, bool *created);
/* OUT's strings live until the next call. */
enum belfry_err sync_feed_get(struct store *s, const char *feed, struct store_feed *out);
enum belfry_err sync_feed_list(struct store *s, const char *after, size_t limit,
			       char *names, size_t size, bool *more); /* "a,b," */
enum belfry_err sync_feed_delete(struct store *s, const char *feed);
enum belfry_err sync_feed_sweep(struct store *s);
enum belfry_err sync_commit(struct store *s, const struct store_commit *c,
			    struct pos *pos, char id[64], bool *replayed);
/* A short event; its item id is its id, where ITEM is NULL. */
enum belfry_err sync_post(struct store *s, const char *feed, const char *id,
			  const char *item, struct pos *pos);
/* Of the newest version NEWEST; its document says "{}". */
enum belfry_err sync_retract(struct store *s, const char *feed, const char *item,
			     const char *id, struct pos newest, struct pos *pos);
enum belfry_err sync_events(struct store *s, const char *feed, struct pos from,
			    bool newest, size_t limit, struct sync_events *out);
enum belfry_err sync_items(struct store *s, const char *feed, const char *const *items,
			   size_t count, size_t limit, struct sync_events *out);
enum belfry_err sync_event_get(struct store *s, const char *feed, const char *id,
			       struct store_counters *counters, bool *settled,
			       struct pos *pos);
enum belfry_err sync_trim(struct store *s, const char *feed, uint64_t max, uint64_t old);
enum belfry_err sync_join(struct store *s, const char *feed, const char *jid,
			  enum sub_format format, struct sub *out, bool *created);
enum belfry_err sync_change(struct store *s, const char *feed, const char *jid,
			    const struct sub_change *change, struct sub *out,
			    bool *created);
enum belfry_err sync_leave(struct store *s, const char *feed, const char *jid,
			   struct sub *out);
enum belfry_err sync_expel(struct store *s, const char *feed, const char *jid,
			   struct sub *out);
enum belfry_err sync_sub_get(struct store *s, const char *feed, const char *jid,
			     struct sub *out);
enum belfry_err sync_sub_list(struct store *s, const char *feed, uint32_t cursor,
			      size_t limit, struct sync_rows *out);
enum belfry_err sync_split(struct store *s, const char *feed, uint32_t buckets);
enum belfry_err sync_lease_take(struct store *s, const char *name,
				const struct store_lease_seen *seen,
				struct store_owner *owner, struct store_lease_seen *now);
enum belfry_err sync_lease_beat(struct store *s, const struct store_owner *o);
enum belfry_err sync_lease_release(struct store *s, const struct store_owner *o);
enum belfry_err sync_behind(struct store *s, char *names, size_t size); /* "a,b," */
/* *RUN is the caller's. */
enum belfry_err sync_read(struct store *s, const char *feed, uint32_t first,
			  uint32_t count, struct store_run **run);
enum belfry_err sync_done(struct store *s, const struct store_owner *o,
			  const struct store_done *d);
enum belfry_err sync_settle(struct store *s, const struct store_owner *o,
			    const char *feed, uint32_t buckets, struct pos pos);
enum belfry_err sync_token_put(struct store *s, const char *id, const char *json);
enum belfry_err sync_token_get(struct store *s, const char *id, char *json, size_t size);
enum belfry_err sync_token_delete(struct store *s, const char *id);
enum belfry_err sync_token_list(struct store *s, char *text, size_t size); /* id=json, */

#endif
