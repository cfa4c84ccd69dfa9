#ifndef STORE_MEMORY_INTERNAL_H
#define STORE_MEMORY_INTERNAL_H

#include <belfry/store/memory.h>

struct mem_event {
	struct store_event e; /* its strings are owned here */
	struct store_counters counters;
};

struct mem_row {
	char *jid;
	uint32_t hash;
	struct sub sub;
	char *options, *hold; /* what sub's point to */
	uint64_t dead;	      /* in the order in which they died; 0: is no dead letter */
};

struct mem_idem {
	char *key, *digest;
	struct mem_idem *next;
	char *id, *item;
	struct pos pos;
};

struct mem_item {
	struct mem_item *next;
	char *item;
	struct pos versions[STORE_VERSIONS]; /* of an item that is there */
	struct pos gone;		     /* its retraction; 0-0: it is there */
};

struct mem_scheduled {
	uint64_t due_ms;
	struct store_event e; /* its strings are owned here */
};

struct mem_pending {
	struct mem_pending *next; /* in the order of serials */
	uint64_t serial;
	char *person; /* bare */
	char *jid;    /* who is to follow */
	struct store_pending p;
};

struct mem_notice {
	struct mem_notice *next;
	char *id, *feed, *jid;
	enum notice_kind kind;
	enum sub_format format;
	bool contact;
};

struct mem_face {
	struct store_face f;
	char *type, *sha1, *data; /* what f's point to */
};

/*
 * A row's bucket is what bucket_of() says it is: the buckets themselves are but cursors.
 */
struct mem_feed {
	struct mem_feed *next;		/* in the order of names */
	char *name, *config, *presence; /* presence: or NULL */
	struct mem_face *face;		/* or NULL */
	uint64_t epoch, n, run, created_ms, casts;
	struct pos settled, trimmed;
	uint32_t salt, buckets;
	struct pos *cursors;
	bool behind;
	struct mem_row *rows;
	size_t row_count;
	struct mem_event *events;
	size_t event_count;
	struct mem_item *items; /* given by their publishers, or retracted */
	struct mem_idem *idem;
	struct mem_scheduled *scheduled; /* in the order in which they are due */
	size_t scheduled_count;
	struct mem_pending *pendings;
	size_t pending_count;
	uint64_t pending_serial; /* the newest */
};

struct mem_pair {
	struct mem_pair *next;
	char *id, *json;
};

struct mem_lease {
	struct mem_lease *next;
	struct store_owner owner; /* the token is empty: released */
	uint64_t beat;
};

struct memory {
	struct mem_feed *feeds;
	struct mem_pair *tokens;
	struct mem_lease *leases;
	struct memory_store *stores;
	struct mem_notice *notices; /* oldest first; as if of one partition */
	size_t notice_count;
	uint64_t notice_serial;
	uint64_t deaths;    /* of rows */
	uint64_t passed_ms; /* what the clock is ahead of the wall's */
	uint64_t run;	    /* grows with each restart */
	uint64_t epoch;	    /* the largest that was ever given out */
	bool away, full;
};

struct memory_store {
	struct store store;
	struct memory *m;
	struct memory_store *next;
	struct loop_timer *turn;
	struct mem_op *ops, **ops_tail;
	size_t pending;
	store_wake_cb wake;
	void *wake_arg;
};

/* A call with its arguments copied; done in the loop, its callback straight after. */
struct mem_op {
	struct mem_op *next;
	struct memory_store *s;
	/* ERR is OK, or why it is not even tried. */
	void (*run)(struct mem_op *op, enum belfry_err err);
	union {
		store_cb plain;
		store_feed_cb feed;
		store_feeds_cb feeds;
		store_commit_cb commit;
		store_events_cb events;
		store_event_cb event;
		store_row_cb row;
		store_rows_cb rows;
		store_lease_cb lease;
		store_run_cb run;
		store_names_cb names;
		store_token_cb token;
		store_tokens_cb tokens;
		store_face_cb face;
		store_pending_cb pending;
		store_pendings_cb pendings;
		store_notices_cb notices;
		store_dues_cb dues;
		store_received_cb received;
		store_scheduled_cb scheduled;
		store_times_cb times;
		store_release_cb release;
	} cb;
	void *arg;
	char *feed, *text, *text2, *text3, *text4; /* may be NULL */
	size_t text_len;
	uint64_t a, b, c;
	uint32_t u;
	struct pos pos;
	bool flag;
	char **list;
	size_t count;
	struct store_owner owner;
	struct store_lease_seen seen;
	struct store_done done;
	struct sub_change change;
	struct mem_face *face;
	struct store_pending pending;
	enum pending_state expect;
	enum notice_kind notice;
	enum hold_order order;
	struct store_receipts receipts; /* its list is ours */
};

static inline struct memory_store *memory_of(struct store *s)
{
	return (struct memory_store *)s;
}

struct mem_op *mem_op_new(struct store *s, void (*run)(struct mem_op *, enum belfry_err),
			  const char *feed, void *arg);
void mem_op_put(struct mem_op *op); /* in the queue */
/* LIST of COUNT things of SIZE bytes, with room for one more: as large as a power of two.
 */
void *mem_grown(void *list, size_t count, size_t size);

struct mem_feed *mem_feed_find(struct memory *m, const char *name);
void mem_feed_free(struct mem_feed *f);
struct pos mem_head(const struct mem_feed *f);
void mem_event_free(struct mem_event *e);
/* NEW as it is to be, but for its position and its subscribers. */
struct pos mem_append(struct memory *m, struct mem_feed *f,
		      const struct store_event *new);
/* ---- memory_schedule.c ---- */
/* True: it is the first of the feed's now. */
bool mem_schedule(struct mem_feed *f, uint64_t due_ms, const struct store_event *e);
/* When the one of ID is due; 0: it is not scheduled. */
uint64_t mem_schedule_due(const struct mem_feed *f, const char *id);
void mem_scheduled_free(struct mem_feed *f);
void mem_face_free(struct mem_face *f); /* NULL is safe */
void mem_pendings_free(struct mem_feed *f);
void mem_notices_free(struct memory *m);
struct mem_notice *mem_notice_add(struct memory *m, const char *feed, const char *jid,
				  enum notice_kind kind);
/* FEED's NOTICE_SWEEP, if one waits. */
void mem_sweep_forget(struct memory *m, const char *feed);
void mem_tell_listeners(struct memory *m, enum store_wake what, const char *feed);
struct mem_event *mem_event_at(struct mem_feed *f, struct pos pos); /* or NULL */
struct mem_row *mem_row_find(struct mem_feed *f, const char *jid);
void mem_row_remove(struct mem_feed *f, struct mem_row *row);
/* Has it cast somebody out since the caller looked? */
/* Is there a row that depends on presences? */
bool mem_watched(const struct mem_feed *f);
bool mem_cast_out_since(const struct mem_feed *f, const struct sub_change *change);
/* The row, made or changed, and due now if it was held; NULL: CHANGE makes none. */
struct mem_joined {
	struct mem_row *row;
	bool created, due;
};
struct mem_joined mem_row_join(struct memory *m, struct mem_feed *f, const char *jid,
			       const struct sub_change *change);
void mem_row_options(struct mem_row *row, const struct sub_options *o);
void mem_row_view(const struct mem_row *row, struct store_row *out);
/* ---- memory_items.c ---- */
void mem_item_used(struct mem_feed *f, struct mem_event *e);
void mem_item_trimmed(struct mem_feed *f, const struct store_event *e);
void mem_items_free(struct mem_feed *f);
/* ---- memory_hold.c ---- */
uint64_t mem_now_ms(const struct memory *m);
/* H as it stands, times and all. */
void mem_row_hold(struct memory *m, struct mem_row *row, const struct sub_hold *h);
/* WANT as done() is given it. */
void mem_row_want(struct memory *m, struct mem_row *row, const struct sub_hold *want);
/* Is its hold the one that R was found with? */
bool mem_row_was(const struct mem_row *row, const struct store_done_row *r);
/* That it gives receipts is to be shown anew. */
void mem_row_unprove(struct mem_row *row);
enum store_count mem_taken(const struct mem_row *row); /* or sent, by its format */
void mem_count(struct mem_feed *f, const struct store_move *move);
/* Before its failures are forgotten: the event that came back is like those after it. */
void mem_count_first(struct mem_feed *f, const struct mem_row *row,
		     const struct sub_hold *h);
/* Urgent events behind FROM, up to TO, were sent; they will be again. */
void mem_count_urgent(struct mem_feed *f, const struct mem_row *row, struct pos from,
		      struct pos to);
/* Its person is there: is it held? */
bool mem_row_redrive(struct memory *m, struct mem_feed *f, struct mem_row *row,
		     bool forget);
/* 0; -1: another number of buckets, or none. */
int mem_split(struct mem_feed *f, uint32_t buckets);
bool mem_owns(struct memory *m, const struct store_owner *o);

void memory_feed_put(struct store *st, const char *feed, const char *config,
		     const char *expect, uint64_t at_ms, store_feed_cb cb, void *arg);
void memory_feed_get(struct store *st, const char *feed, store_feed_cb cb, void *arg);
void memory_feed_list(struct store *st, const char *after, size_t limit,
		      store_feeds_cb cb, void *arg);
void memory_feed_delete(struct store *st, const char *feed, store_cb cb, void *arg);
void memory_feed_sweep(struct store *st, store_cb cb, void *arg);
void memory_presence_put(struct store *st, const char *feed, const char *json,
			 store_cb cb, void *arg);
void memory_face_put(struct store *st, const char *feed, const struct store_face *face,
		     store_cb cb, void *arg);
void memory_face_get(struct store *st, const char *feed, store_face_cb cb, void *arg);
void memory_commit(struct store *st, const struct store_commit *c, store_commit_cb cb,
		   void *arg);
void memory_events(struct store *st, const char *feed, struct pos from, bool newest,
		   size_t limit, store_events_cb cb, void *arg);
void memory_retract(struct store *st, const struct store_retract *r, store_commit_cb cb,
		    void *arg);
void memory_event_get(struct store *st, const char *feed, const char *id,
		      store_event_cb cb, void *arg);
void memory_items(struct store *st, const char *feed, const char *const *items,
		  size_t item_count, size_t limit, store_events_cb cb, void *arg);
void memory_trim(struct store *st, const char *feed, uint64_t max_items,
		 uint64_t oldest_ms, store_cb cb, void *arg);
void memory_scheduled_list(struct store *st, const char *feed, uint64_t after_ms,
			   const char *after_id, size_t limit, store_scheduled_cb cb,
			   void *arg);
void memory_scheduled_get(struct store *st, const char *feed, const char *id,
			  store_scheduled_cb cb, void *arg);
void memory_scheduled_cancel(struct store *st, const char *feed, const char *id,
			     const char *item, store_cb cb, void *arg);
void memory_scheduled_due(struct store *st, size_t limit, store_times_cb cb, void *arg);
void memory_release(struct store *st, const char *feed, store_release_cb cb, void *arg);
void memory_join(struct store *st, const char *feed, const char *jid,
		 const struct sub_change *change, store_row_cb cb, void *arg);
void memory_leave(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		  void *arg);
void memory_expel(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		  void *arg);
void memory_sub_get(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		    void *arg);
void memory_sub_list(struct store *st, const char *feed, uint32_t cursor, size_t limit,
		     store_rows_cb cb, void *arg);
void memory_split(struct store *st, const char *feed, uint32_t buckets, store_cb cb,
		  void *arg);
void memory_pending_put(struct store *st, const char *feed, const struct store_pending *p,
			enum pending_state expect, enum notice_kind notice, store_cb cb,
			void *arg);
void memory_admit(struct store *st, const char *feed, const char *jid,
		  const struct sub_change *change, const struct store_pending *seen,
		  enum notice_kind notice, store_row_cb cb, void *arg);
void memory_pending_get(struct store *st, const char *feed, const char *jid,
			store_pending_cb cb, void *arg);
void memory_pending_list(struct store *st, const char *feed, uint64_t cursor,
			 size_t limit, store_pendings_cb cb, void *arg);
void memory_notice_put(struct store *st, const struct store_notice *n, store_cb cb,
		       void *arg);
void memory_notices(struct store *st, size_t limit, store_notices_cb cb, void *arg);
void memory_notice_done(struct store *st, const char *id, store_cb cb, void *arg);
void memory_lease_take(struct store *st, const char *name,
		       const struct store_lease_seen *seen, store_lease_cb cb, void *arg);
void memory_lease_beat(struct store *st, const struct store_owner *o, store_cb cb,
		       void *arg);
void memory_lease_release(struct store *st, const struct store_owner *o, store_cb cb,
			  void *arg);
void memory_behind(struct store *st, store_names_cb cb, void *arg);
void memory_read(struct store *st, const char *feed, uint32_t first, uint32_t count,
		 store_run_cb cb, void *arg);
void memory_done(struct store *st, const struct store_owner *o,
		 const struct store_done *d, store_cb cb, void *arg);
void memory_late_bounce(struct store *st, const struct store_owner *o, const char *feed,
			const struct store_done_row *row, store_cb cb, void *arg);
void memory_received(struct store *st, const struct store_owner *o, const char *feed,
		     const char *jid, const struct store_receipts *r,
		     store_received_cb cb, void *arg);
void memory_due_within(struct store *st, uint64_t within_ms, size_t limit,
		       store_dues_cb cb, void *arg);
void memory_due(struct store *st, size_t limit, store_dues_cb cb, void *arg);
void memory_hold_order(struct store *st, const char *feed, const char *jid,
		       enum hold_order order, store_row_cb cb, void *arg);
void memory_dead_list(struct store *st, const char *feed, uint32_t first, size_t limit,
		      store_rows_cb cb, void *arg);
void memory_dead_feeds(struct store *st, store_names_cb cb, void *arg);
void memory_settle(struct store *st, const struct store_owner *o, const char *feed,
		   uint32_t feed_buckets, struct pos pos, store_cb cb, void *arg);
void memory_listen(struct store *st, store_wake_cb cb, void *arg);
void memory_token_put(struct store *st, const char *id, const char *json, store_cb cb,
		      void *arg);
void memory_token_get(struct store *st, const char *id, store_token_cb cb, void *arg);
void memory_token_delete(struct store *st, const char *id, store_cb cb, void *arg);
void memory_token_list(struct store *st, store_tokens_cb cb, void *arg);

#endif
