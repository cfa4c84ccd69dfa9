#ifndef BELFRY_STORE_STORE_H
#define BELFRY_STORE_STORE_H

#include <belfry/base/err.h>
#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>
#include <belfry/store/events.h>
#include <belfry/store/pending.h>
#include <belfry/store/receipts.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Logs, rows, leases and tokens: what must outlive a process. Two implementations, Redis
 * (redis.h) and memory (memory.h, for tests), pass one contract suite
 * (tests/unit/store/contract.c).
 *
 * Every call returns at once; its callback comes later, exactly once, from the loop,
 * never from inside the call, and within the store's time-out, whatever happens. With
 * BELFRY_EAWAY the outcome of a write is unknown. What a callback is handed is valid
 * until it returns, unless it says that the receiver owns it. Arguments are copied where
 * they are needed later. Strings are NUL-terminated unless a length stands beside them.
 */
struct store;

typedef void (*store_cb)(void *arg, enum belfry_err err);

/* ---- Feeds ---------------------------------------------------------------------- */

struct store_feed {
	const char *name;
	const char *config; /* JSON: feed_config_patch() reads it */
	struct pos head;    /* newest position; 0-0: nothing was ever committed */
	struct pos settled; /* every bucket's cursor has reached this */
	struct pos trimmed; /* the newest event that was trimmed; 0-0: none was */
	uint64_t subscribers;
	uint64_t contacts; /* rows that have it as a contact */
	bool watched;	   /* rows may depend on presences: some did */
	uint32_t buckets;  /* 0: nobody ever joined */
	uint32_t salt;	   /* for row_hash() */
	uint64_t created_ms;
	uint64_t casts;	      /* another one since each change that casts out; never 0 */
	const char *presence; /* JSON, as it was set (core/presence.h); NULL: it was not
			       */
	const char *face;     /* SHA-1 of its avatar, 40 hex digits; NULL: it has none */
};

/* A feed's avatar. */
#define STORE_FACE_MAX 65536 /* bytes of the image */
struct store_face {
	const char *type; /* "image/png" */
	const char *sha1; /* of the image, 40 hex digits */
	const char *data;
	size_t len;
	unsigned width, height;
};
/* face is NULL unless err is OK. ENOENT: it has none. ENOFEED. */
typedef void (*store_face_cb)(void *arg, enum belfry_err err,
			      const struct store_face *face);

/* feed is NULL unless err is OK. created: the call made it. */
typedef void (*store_feed_cb)(void *arg, enum belfry_err err,
			      const struct store_feed *feed, bool created);
/* One page in the order of names; MORE: there are names after the last. */
typedef void (*store_feeds_cb)(void *arg, enum belfry_err err,
			       const struct store_feed *feeds, size_t count, bool more);

/* ---- Subscribers ---------------------------------------------------------------- */

struct store_row {
	const char *jid; /* normalized: the row's key */
	size_t jid_len;
	struct sub sub;
};
typedef void (*store_row_cb)(void *arg, enum belfry_err err, const struct store_row *row,
			     bool created);
/* NEXT: the cursor for the next page; 0: this was the last. */
typedef void (*store_rows_cb)(void *arg, enum belfry_err err,
			      const struct store_row *rows, size_t count, uint32_t next);

/* ---- Delivery ------------------------------------------------------------------- */

/* The owner of a component name, as the lease made it. */
struct store_owner {
	char name[256]; /* the component's domain */
	char token[33]; /* random, hexadecimal */
	uint64_t fence; /* grows with each owner */
};
/* What an observer saw of somebody's lease; zeroed to begin with. */
struct store_lease_seen {
	char token[33];
	uint64_t beat;
};
/*
 * OK: OWNER is ours, fenced in every partition. EEXIST: somebody's is there; SEEN is what
 * it looks like now. EAWAY.
 */
typedef void (*store_lease_cb)(void *arg, enum belfry_err err,
			       const struct store_owner *owner,
			       const struct store_lease_seen *seen);

/* A bucket as read. Its rows stand in run->rows from first to first + count. */
struct store_bucket {
	uint32_t bucket;
	struct pos cursor; /* every row has had what is up to here */
	size_t first, count;
};
/* A run of buckets; owned by the receiver of the callback, freed by store_run_free(). */
struct store_run {
	uint64_t now_ms;    /* by Redis' clock, when this was read */
	struct pos trimmed; /* of the feed, the same */
	struct store_bucket *buckets;
	size_t bucket_count;
	struct store_row *rows;
	size_t row_count;
	char *text;	       /* where the rows' JIDs and options are */
	uint32_t feed_buckets; /* how many the feed had when this was read */
	struct pos head;       /* of the feed when this was read; n = 0: no event yet */
};
void store_run_free(struct store_run *run);
/* run is NULL unless OK. ENOFEED where the feed is gone. */
typedef void (*store_run_cb)(void *arg, enum belfry_err err, struct store_run *run);

/* Buckets whose stanzas are behind a barrier. */
struct store_done_bucket {
	uint32_t bucket;
	struct pos from; /* the cursor as it was read */
};
struct store_done_event {
	struct pos pos;
	struct store_counters add;
};
/* One delivery of one row: from one counter of the event to another. Where the one of
 * taken and sent is 0, it is from the other: the format may have changed since. What
 * concerns an event that was trimmed is passed over. */
enum store_count {
	COUNT_NONE = 0, /* of no counter yet */
	COUNT_TAKEN = 't',
	COUNT_SENT = 's',
	COUNT_HELD = 'h',
	COUNT_DEAD = 'd',
	COUNT_BOUNCED = 'b', /* only to: is added, beside */
	COUNT_LEFT = 'l',
	COUNT_SKIPPED = 'k',
	COUNT_FILTERED = 'f',
	COUNT_EXPIRED = 'e',
	COUNT_SUPERSEDED = 'u',
	COUNT_RECEIVED = 'r',
};
struct store_move {
	struct pos pos;
	enum store_count from, to;
};
/*
 * A row that ends, or whose hold changes. It is left alone, and what it would have moved
 * is not counted, unless its hold is still WAS, and it was made before POS: one that goes
 * on is held by then, or is to be from a position at or after its own. A hold that was
 * `urgent` and no longer is: urgent events behind WAS' position, up to `from` of the
 * bucket, go from taken to held here, without a move, as they will be sent again. If the
 * call is not about what is due, and WAS and the hold it is now are `urgent`, the hold
 * may have been changed: then an urgent event came back, and all counts but the new
 * hold's pos and counted, which stay what they are.
 */
struct store_done_row {
	const char *jid;
	struct pos pos; /* the event that came back; else that of the hold */
	bool end;
	const char *was; /* the text of its hold as it was read; NULL: it had none */
	size_t was_len;
	bool unprove; /* that it gives receipts: it has to show it again */
	/* From now on; reason NONE: none, it is at its bucket's cursor (as this call
	 * leaves it). due_ms is a delay here, from Redis' now on: 0 is now, and
	 * HOLD_NEVER: it has no due time. first_ms: any number but 0 stands for now, if
	 * it had none. PAUSED, QUIET, OFFLINE, SHOW, DIGEST and CONFIRM are due now where
	 * the row no longer says so. A condition with other characters than it may have
	 * becomes "undefined-condition". */
	struct sub_hold hold;
	const struct store_move *moves;
	size_t move_count;
};
#define HOLD_NEVER UINT64_MAX
struct store_done {
	const char *feed;
	uint32_t feed_buckets; /* as read: the store follows splits made since */
	struct pos to;	       /* the new cursor of every bucket named here */
	const struct store_done_bucket *buckets;
	size_t bucket_count;
	const struct store_done_event *events;
	size_t event_count;
	const struct store_done_row *rows;
	size_t row_count;
	/* The buckets were asked for as due: when they are due next is found anew. */
	bool due;
};

/* A bucket with a row whose hold is due. */
struct store_due {
	const char *feed;
	uint32_t bucket;
};
/* WAIT_MS: until the next one that is not in LIST is due; HOLD_NEVER: there is none. */
typedef void (*store_dues_cb)(void *arg, enum belfry_err err,
			      const struct store_due *list, size_t count,
			      uint64_t wait_ms);
/* What is said to a hold, by people and by the worker. The script knows the numbers. */
enum hold_order {
	ORDER_REDRIVE, /* due now, and its failures are forgotten */
	ORDER_DROP,    /* a dead letter: what it has missed is given up, and it goes on */
	ORDER_WAKE,    /* due now, if it waits for a presence */
};

typedef void (*store_names_cb)(void *arg, enum belfry_err err, const char *const *names,
			       size_t count);
/* FEED has something new. ALL: the wake-up channel was (re)opened, anything may be new;
 * FEED is "". */
enum store_wake {
	WAKE_ALL,
	WAKE_EVENTS,	/* events, or a configuration */
	WAKE_LOOK,	/* a presence, a face */
	WAKE_NOTICE,	/* somebody is to be told something */
	WAKE_DUE,	/* a hold is due, or due earlier */
	WAKE_SCHEDULED, /* an event is due earlier than any other of its feed */
};
typedef void (*store_wake_cb)(void *arg, enum store_wake what, const char *feed);

/* ---- Tokens and state ----------------------------------------------------------- */

typedef void (*store_token_cb)(void *arg, enum belfry_err err, const char *json,
			       size_t len);
typedef void (*store_tokens_cb)(void *arg, enum belfry_err err, const char *const *ids,
				const char *const *json, size_t count);

struct store_health {
	bool up;			/* connected, scripts loaded, schema right */
	bool full;			/* near its memory limit: ingest is refused */
	uint64_t used_bytes, max_bytes; /* 0: no limit */
	char detail[160];		/* why it is not up; for people */
};

/* How often a caller tries it again when somebody else was quicker (ESTALE). */
#define STORE_TRIES 5

struct store_ops {
	/*
	 * feed_put: MERGE false: CONFIG replaces or creates. MERGE true: RFC 7396 patch
	 * text is not merged here; the caller read, merged and says what it read in
	 * EXPECT (NULL: whatever stands there): ESTALE if the feed changed meanwhile,
	 * ENOFEED if EXPECT is given and the feed is gone. EEXIST: being deleted. A
	 * feed with events whose CONFIG changes is behind: there may be more to trim.
	 * With a change that casts out (feed_casts_out()) goes a NOTICE_SWEEP: EFULL.
	 */
	void (*feed_put)(struct store *s, const char *feed, const char *config,
			 const char *expect, uint64_t at_ms, store_feed_cb cb, void *arg);
	void (*feed_get)(struct store *s, const char *feed, store_feed_cb cb, void *arg);
	/* Names after AFTER ("" : from the first), at most LIMIT <= 1000. */
	void (*feed_list)(struct store *s, const char *after, size_t limit,
			  store_feeds_cb cb, void *arg);
	/* From the first step on the feed is gone for everybody; safe to repeat. */
	void (*feed_delete)(struct store *s, const char *feed, store_cb cb, void *arg);
	/* Ends the deletions that a crash left half-done. */
	void (*feed_sweep)(struct store *s, store_cb cb, void *arg);

	/*
	 * What a feed shows of itself as a contact. NULL takes it away; OK where there
	 * was none. ENOFEED. EFULL: no room for a face. face_put is not done in part: the
	 * feed's `face` is always that of the image that face_get gives.
	 */
	void (*presence_put)(struct store *s, const char *feed, const char *json,
			     store_cb cb, void *arg);
	void (*face_put)(struct store *s, const char *feed, const struct store_face *face,
			 store_cb cb, void *arg);
	void (*face_get)(struct store *s, const char *feed, store_face_cb cb, void *arg);

	/* EUNSENT: the store is away, and has not heard of it. EAWAY: it may have. */
	void (*commit)(struct store *s, const struct store_commit *c, store_commit_cb cb,
		       void *arg);
	/* Appends a retraction, of NEWEST's priority. ENOENT: there is no such item (any
	 * more). ESTALE: it has a newer version. Else as commit. */
	void (*retract)(struct store *s, const struct store_retract *r,
			store_commit_cb cb, void *arg);
	/*
	 * Events after (NEWEST: before) position FROM, which is not in the answer;
	 * 0-0 with newest: from the newest on. LIMIT <= 1000.
	 */
	void (*events)(struct store *s, const char *feed, struct pos from, bool newest,
		       size_t limit, store_events_cb cb, void *arg);
	void (*event_get)(struct store *s, const char *feed, const char *id,
			  store_event_cb cb, void *arg);
	/*
	 * Items (XEP-0060 6.5): an event whose item id was used again, or that was
	 * retracted, is not one. The newest LIMIT that have not expired, oldest first;
	 * or, with item_count > 0, those of ITEMS that exist.
	 */
	void (*items)(struct store *s, const char *feed, const char *const *items,
		      size_t item_count, size_t limit, store_events_cb cb, void *arg);
	/* Trims the events that are over max_items or older than OLDEST_MS and settled;
	 * OK when nothing is left to trim. */
	void (*trim)(struct store *s, const char *feed, uint64_t max_items,
		     uint64_t oldest_ms, store_cb cb, void *arg);

	/*
	 * Scheduled events, by when they are due and then by their ids: those behind
	 * AFTER_MS and AFTER_ID ("": from the first that is due at AFTER_MS). LIMIT <=
	 * 1000; a page may be shorter, as it ends where it has become large.
	 */
	void (*scheduled_list)(struct store *s, const char *feed, uint64_t after_ms,
			       const char *after_id, size_t limit, store_scheduled_cb cb,
			       void *arg);
	/* ENOENT: it is not scheduled (any more). */
	void (*scheduled_get)(struct store *s, const char *feed, const char *id,
			      store_scheduled_cb cb, void *arg);
	/* Forgets the one of ID, or with ID NULL those of ITEM. ENOENT: there is none.
	 * What is not found is in the log by then, or will never be. */
	void (*scheduled_cancel)(struct store *s, const char *feed, const char *id,
				 const char *item, store_cb cb, void *arg);
	/* Feeds with an event that is due by Redis' clock, at most LIMIT; of each
	 * partition the longest due first. */
	void (*scheduled_due)(struct store *s, size_t limit, store_times_cb cb,
			      void *arg);
	/* Appends to FEED's log what is due, in the order in which it is: no more in one
	 * call than Redis should do at a time. Whoever calls it, each is in the log once.
	 */
	void (*release)(struct store *s, const char *feed, store_release_cb cb,
			void *arg);

	/*
	 * Makes a row, or changes one as CHANGE says; `since` stays. A hold that it has
	 * (other than PROVING) is due at once, and a dead letter is redriven: its person
	 * is there. ENOENT: there is none, and CHANGE makes none. EINVAL: its tags are
	 * too long in all. ESTALE: the feed has cast somebody out since CHANGE's
	 * `casts` was read.
	 */
	void (*join)(struct store *s, const char *feed, const char *jid,
		     const struct sub_change *change, store_row_cb cb, void *arg);
	/* The row is as it was. ENOENT: did not follow. */
	void (*leave)(struct store *s, const char *feed, const char *jid, store_row_cb cb,
		      void *arg);
	/* leave(), and a NOTICE_WITHDRAWN for JID with how it followed, or neither.
	 * EFULL: too many notices. */
	void (*expel)(struct store *s, const char *feed, const char *jid, store_row_cb cb,
		      void *arg);
	void (*sub_get)(struct store *s, const char *feed, const char *jid,
			store_row_cb cb, void *arg);
	/* Pages by bucket: CURSOR 0 first. A page may have twice LIMIT rows, or one
	 * bucket; a row may stand in two pages when a split falls between them; none is
	 * missed. */
	void (*sub_list)(struct store *s, const char *feed, uint32_t cursor, size_t limit,
			 store_rows_cb cb, void *arg);
	/* Makes bucket number BUCKETS (the count that the caller saw) from its parent;
	 * ESTALE: the count is another one. join calls it by itself when it is due. */
	void (*split)(struct store *s, const char *feed, uint32_t buckets, store_cb cb,
		      void *arg);

	/*
	 * Sets the state of the person of P's JID if it is EXPECT now (NONE: it has
	 * none), of P's seen_jid; P's state NONE takes it away. With it NOTICE is
	 * written, unless NONE, for P's JID: if it is taken away, with how P wished for
	 * it. ESTALE: it is another one. ENOFEED. EFULL: too many, of the feed (a new
	 * OWNERS: of half as many) or of notices; what goes from one state to another, or
	 * away, without a notice, always has room.
	 */
	void (*pending_put)(struct store *s, const char *feed,
			    const struct store_pending *p, enum pending_state expect,
			    enum notice_kind notice, store_cb cb, void *arg);
	/*
	 * join() of JID, and its person's state is taken away, and NOTICE is written for
	 * JID, unless NONE: all of it or nothing. ESTALE: as there; or the state is not
	 * as in SEEN (NULL: there is none), or it is wished by another JID than SEEN's by
	 * now. Else as join() and pending_put().
	 */
	void (*admit)(struct store *s, const char *feed, const char *jid,
		      const struct sub_change *change, const struct store_pending *seen,
		      enum notice_kind notice, store_row_cb cb, void *arg);
	/* That of JID's person. ENOENT: it has none. ENOFEED. */
	void (*pending_get)(struct store *s, const char *feed, const char *jid,
			    store_pending_cb cb, void *arg);
	/* Pages, CURSOR 0 first, in no order. A page may pass LIMIT; what is there all
	 * the time is in one at least, and may be in two. */
	void (*pending_list)(struct store *s, const char *feed, uint64_t cursor,
			     size_t limit, store_pendings_cb cb, void *arg);
	/* Writes a notice alone; its id is not used. ENOFEED, EFULL. */
	void (*notice_put)(struct store *s, const struct store_notice *n, store_cb cb,
			   void *arg);
	/* Those that wait, of all feeds, oldest first of each partition; at most LIMIT.
	 * Of a feed that is gone as well. */
	void (*notices)(struct store *s, size_t limit, store_notices_cb cb, void *arg);
	void (*notice_done)(struct store *s, const char *id, store_cb cb, void *arg);

	/*
	 * lease_take: takes the name if nobody has it or if it still looks as SEEN, which
	 * the caller has watched unmoving for the lease's time on its own monotonic
	 * clock (SEEN NULL: only if nobody has it). OWNER is copied by the caller.
	 */
	void (*lease_take)(struct store *s, const char *name,
			   const struct store_lease_seen *seen, store_lease_cb cb,
			   void *arg);
	void (*lease_beat)(struct store *s, const struct store_owner *o, store_cb cb,
			   void *arg); /* ELOST */
	void (*lease_release)(struct store *s, const struct store_owner *o, store_cb cb,
			      void *arg);

	/* Feeds that may have something to deliver, or to trim: a hint. */
	void (*behind)(struct store *s, store_names_cb cb, void *arg);
	/* Buckets FIRST .. FIRST + COUNT - 1, as far as they exist. */
	void (*read)(struct store *s, const char *feed, uint32_t first, uint32_t count,
		     store_run_cb cb, void *arg);
	/*
	 * Moves cursors, raises counters, ends, holds and releases rows. A bucket whose
	 * cursor is no longer `from` stops it all: nothing of this call is applied or
	 * counted, ESTALE; but where it is about what is due, a bucket that does not
	 * exist is due no more. `to` may be `from`, for what concerns rows alone. ELOST:
	 * another owner is fenced in. ENOFEED. Behind a split it takes two turns: a
	 * read() that was asked for later has seen what it did only if this was answered
	 * before.
	 */
	void (*done)(struct store *s, const struct store_owner *o,
		     const struct store_done *d, store_cb cb, void *arg);
	/*
	 * A bounce that came after its window was done. ROW is as in done(), with pos,
	 * end, was, and hold, of which pos, counted and urgent are found here: the row is
	 * held from before the event on, and what it has had since stays counted. Moves
	 * one from taken (or sent) to held or left, and counts it as bounced if it goes
	 * on. Of a hold that was urgent, all urgent events behind its position are held
	 * again. What came back with it, of a digest, are its moves' positions, all
	 * later: what is counted as taken of that moves, too; ROW's hold says `end` and
	 * `members` then, which do not last where the row was held before them. Of an
	 * event that was trimmed nothing is counted. Without effect, and OK, where the
	 * event is still to be done for that row (it will be sent again, and speaks for
	 * itself then). ESTALE: its hold is another one. ENOENT: no such row or event, or
	 * the row was made anew since. ELOST. EINVAL: it neither ends nor is held.
	 */
	void (*late_bounce)(struct store *s, const struct store_owner *o,
			    const char *feed, const struct store_done_row *row,
			    store_cb cb, void *arg);
	/*
	 * Events behind JID's `proven` that its hold awaits (sub_hold) are awaited no
	 * more, and are received, not taken. Its hold ends, or is due, when there is room
	 * for more. Where it has not proven that it confirms, it has now, for what comes
	 * behind its bucket's cursor. Without effect, and OK, for what is not awaited.
	 * ENOENT: no such row, or it is not asked for receipts. ELOST. ENOFEED.
	 */
	void (*received)(struct store *s, const struct store_owner *o, const char *feed,
			 const char *jid, const struct store_receipts *r,
			 store_received_cb cb, void *arg);
	/* As due(), but with what is due in WITHIN_MS, in no order; WAIT_MS is of no
	 * meaning. */
	void (*due_within)(struct store *s, uint64_t within_ms, size_t limit,
			   store_dues_cb cb, void *arg);
	/* Buckets with something due by Redis' clock, the longest due first of each
	 * partition; at most LIMIT. Of feeds that are gone none. */
	void (*due)(struct store *s, size_t limit, store_dues_cb cb, void *arg);
	/* ENOENT: no such row, or it is not held (DROP: no dead letter; WAKE: for another
	 * reason than a presence; then nothing is written). A dead letter
	 * that is redriven is BOUNCED from then on, and so is what was dropped, as far as
	 * it is not given up yet. */
	void (*hold_order)(struct store *s, const char *feed, const char *jid,
			   enum hold_order order, store_row_cb cb, void *arg);
	/* The dead letters of FEED, oldest first, from the one of index FIRST on. MORE
	 * is told by NEXT: its index, 0: these were the last. ENOFEED. */
	void (*dead_list)(struct store *s, const char *feed, uint32_t first, size_t limit,
			  store_rows_cb cb, void *arg);
	/* Feeds that may have dead letters, in no order. */
	void (*dead_feeds)(struct store *s, store_names_cb cb, void *arg);
	/*
	 * Every bucket below FEED_BUCKETS was seen at or past POS, and every event up to
	 * POS is done. OK: POS is the head, the feed is off the behind set. ESTALE: there
	 * is a newer event, or a bucket that the caller has not seen: go on. ELOST.
	 */
	void (*settle)(struct store *s, const struct store_owner *o, const char *feed,
		       uint32_t feed_buckets, struct pos pos, store_cb cb, void *arg);
	/* From now on CB is called for commits (several may share a call), for each
	 * change of a feed that has events, of a presence or a face, for each notice, for
	 * what people do to holds, and for what is scheduled as the first of its feed;
	 * NULL stops it. One listener. */
	void (*listen)(struct store *s, store_wake_cb cb, void *arg);

	void (*token_put)(struct store *s, const char *id, const char *json, store_cb cb,
			  void *arg);
	void (*token_get)(struct store *s, const char *id, store_token_cb cb, void *arg);
	void (*token_delete)(struct store *s, const char *id, store_cb cb, void *arg);
	void (*token_list)(struct store *s, store_tokens_cb cb, void *arg);

	void (*health)(struct store *s, struct store_health *out); /* at once */
	/* Calls outstanding: 0 means that a process may go. */
	size_t (*pending)(const struct store *s);
	/* Outstanding calls end with EAWAY first, from inside. Not to be called from a
	 * callback of the store. */
	void (*destroy)(struct store *s);
};

/* The head of each implementation's own struct. */
struct store {
	const struct store_ops *ops;
};

#endif
