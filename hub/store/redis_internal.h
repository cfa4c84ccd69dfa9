#ifndef STORE_REDIS_INTERNAL_H
#define STORE_REDIS_INTERNAL_H

#include "store/redis_conn.h"
#include "store/redis_reply.h"
#include "store/redis_sentinel.h"
#include "store/redis_url.h"
#include "store/scripts.h"

#include <belfry/core/backoff.h>
#include <belfry/store/redis.h>

#define SCHEMA 3u
#define SCHEMA_BEFORE 2u /* had no holds: what it left can be read, not the reverse */
#define PARTITIONS 16u	 /* of a new store; an old one says how many it has */
#define PARTITIONS_MAX 256u
#define RETRIES_MAX 100 /* of a call that raced with splits */
#define RUN_BUCKETS_MAX 256u

struct redis_store;
struct call;
struct reply_queue; /* calls sent and not answered, in order */
struct wake;

/*
 * An answer to a call, or its failure. REPLY is NULL unless the server answered with
 * something other than an error; it lives until the callback returns.
 */
typedef void (*call_cb)(struct call *c, enum belfry_err err, const redisReply *reply);

/* One operation under way; the first member of each operation's own struct. */
struct call {
	struct redis_store *s;
	struct call *next; /* in s->failed */
	call_cb on_reply;
	struct buf cmd;		 /* commands as sent: sent again after NOSCRIPT */
	uint64_t since_us;	 /* its time began before it was sent; 0: then */
	unsigned commands;	 /* in cmd */
	unsigned left;		 /* answers still to come after the one handed over */
	enum belfry_err failure; /* while in s->failed */
	bool script;		 /* the answer begins with a status word */
	bool resent;		 /* after NOSCRIPT */
	bool internal;		 /* not a caller's: not in pending() */
	bool handshake;		 /* may be sent before the store is up */
};

enum session_state {
	SESSION_WAITING,
	SESSION_ASKING, /* the Sentinels */
	SESSION_CONNECTING,
	SESSION_HANDSHAKE,
	SESSION_UP
};

struct redis_store {
	struct store store;
	struct loop *loop;
	struct redis_url url;
	char *password;
	char channel[32]; /* on which feeds with something new are told */
	uint64_t wait_replicas, timeout_ms;
	bool allow_data_loss;

	struct conn *conn;
	struct sentinels *sentinels; /* NULL: the URL names the server itself */
	bool sentinels_silent;	     /* and it was logged */
	enum session_state state;
	struct backoff backoff;
	struct loop_timer *retry;    /* the next try to connect */
	struct loop_timer *deadline; /* of the oldest command, or of the connect */
	struct loop_timer *poll;     /* of Redis' memory */
	uint64_t connecting_since_ms;
	unsigned handshake_left;
	unsigned version_major; /* 0: not known yet */
	char version[24];
	char run_id[41];
	uint32_t partitions;
	uint64_t used_bytes, max_bytes;
	char detail[160];
	char logged[160]; /* the detail that was logged last */

	char sha[SCRIPT_COUNT][41];
	bool reloading; /* SCRIPT LOAD is under way after NOSCRIPT */

	struct reply_queue *queue;
	struct call *failed, **failed_tail; /* to be told from the loop */
	struct loop_timer *tell;
	size_t pending;
	struct buf args; /* of the command being written */
	unsigned argc;

	/* Commits (redis_log.c): those of this turn, and those that wait for replicas. */
	struct commit_op *gathered, **gathered_tail;
	struct loop_timer *gather; /* NULL: the store is ending */
	unsigned commits_out;	   /* calls with what was gathered */
	struct commit_op *waiting, **waiting_tail;
	bool wait_sent;

	struct split_op *splits; /* under way, one a feed */
	struct wake *wake;
	struct store_redis_stats stats;
};

static inline struct redis_store *redis_of(struct store *s)
{
	return (struct redis_store *)s;
}

/* ---- redis_call.c: commands out, answers in ---- */

/* A zeroed struct of SIZE bytes whose first member is a struct call. */
void *call_new(struct redis_store *s, size_t size, call_cb on_reply);
void call_free(struct call *c); /* with its command, not with what the operation holds */
/* Before another command of the same operation. */
void call_reset(struct call *c, call_cb on_reply);

void cmd_begin(struct redis_store *s, const char *name);
void cmd_text(struct redis_store *s, const char *text);
void cmd_data(struct redis_store *s, const char *data, size_t len);
void cmd_u64(struct redis_store *s, uint64_t v);
void cmd_pos(struct redis_store *s, struct pos p);
size_t format_u64(uint64_t v, char out[24]); /* without a NUL */
/* An argument as it is sent, for cmd_args(). */
void arg_add(struct buf *args, const char *data, size_t len);
void arg_add_u64(struct buf *args, uint64_t v);
void cmd_args(struct redis_store *s, const struct buf *args, unsigned count);
/* belfry:{pN}:KIND and belfry:{pN}:KIND:FEED */
void cmd_part_key(struct redis_store *s, uint32_t partition, const char *kind);
void cmd_idem_key(struct redis_store *s, const char *feed, const char *key);
void cmd_feed_key(struct redis_store *s, const char *kind, const char *feed);
void cmd_bucket_key(struct redis_store *s, const char *feed, uint32_t bucket);
void cmd_end(struct call *c);
/* A command of a few plain words, NULL-terminated. */
void cmd_words(struct call *c, const char *name, ...) __attribute__((sentinel));
/* EVALSHA; KEYS keys and then the arguments follow. */
void script_begin(struct call *c, enum script script, uint64_t keys);
uint32_t partition_of(const struct redis_store *s, const char *feed);

/* Sends what cmd_end() put together; the answer comes to on_reply, whatever happens. */
void call_send(struct call *c);
/* Lets it fail, from the loop. */
void call_fail(struct call *c, enum belfry_err err);
/* A reply of Redis to the oldest call. */
void calls_answer(struct redis_store *s, const redisReply *reply);
/* All that were sent end with EAWAY. */
void calls_lose(struct redis_store *s);
/* Sent longest ago without an answer, or 0 if none is out. */
uint64_t calls_oldest_ms(const struct redis_store *s);
void calls_init(struct redis_store *s);
void calls_finish(struct redis_store *s); /* ends all that is outstanding */

/* ---- redis_session.c: the connection's life ---- */

void session_init(struct redis_store *s, const struct config *config);
void session_finish(struct redis_store *s);
/* Something is wrong with this connection: begin again. */
void session_drop(struct redis_store *s, const char *why);
void session_arm_deadline(struct redis_store *s);
bool session_is_full(const struct redis_store *s);
void session_load_scripts(struct redis_store *s, bool handshake);
/* Copies the value of a line "NAME:value" of INFO. 0, or -1. */
int info_get(const redisReply *info, const char *name, char *out, size_t size);

/* ---- The operations ---- */

/* An answer that no correct store gives: logged, and EINTERNAL. */
enum belfry_err reply_broken(const char *what);
/* The fields of a feed as feed_put.lua returns them, state first: 0 or -1. */
#define FEED_FIELDS                                                                      \
	"state", "epoch", "n", "settled", "subs", "buckets", "salt", "config",           \
		"created", "born", "presence", "face", "contacts", "trimmed", "casts",   \
		"watched"
enum { FEED_FIELD_COUNT = 16 };
enum belfry_err feed_parse(const redisReply *fields, const char *name,
			   struct store_feed *out);
/* The counters of an event, in the order of scripts/lib/counters.lua. */
struct counter_kind {
	char letter;
	size_t offset;
};
enum { COUNTER_KINDS = 11 };
extern const struct counter_kind counter_kinds[COUNTER_KINDS];
uint64_t *counter_of(struct store_counters *c, size_t kind);
/* A stream entry; strings point into the reply. 0, or -1. */
/* Of an entry of the log: what stands behind the id in its head (redis_head.c). */
void event_head_add(struct buf *out, const struct store_commit *c);
/* The same, of TEXT, which is cut into its words; ID is the event's. 0, or -1. */
int event_head_parse(char *text, const char *id, struct store_event *out);
/* ENTRY's head is cut into its words. -1: it is none. */
int event_parse(const redisReply *entry, struct store_event *out);
/* Of what `i` has of an item: the position of what is newest of it. 0, or -1. */
int item_pos(const redisReply *value, struct pos *out);

/* ---- redis_replaced.c: what was used again, or taken back ---- */

struct replaced {
	struct pos pos, by;
	bool gone;
};
/* As events() reads the log. */
void cmd_replaced(struct call *c, const char *feed, struct pos from, bool newest,
		  size_t count);
/* OUT is the caller's to free, whatever is returned. */
enum belfry_err replaced_parse(const redisReply *reply, struct replaced **out,
			       size_t *count);
void replaced_tell(const struct replaced *list, size_t list_count,
		   struct store_event *events, size_t count);

void redis_feed_put(struct store *st, const char *feed, const char *config,
		    const char *expect, uint64_t at_ms, store_feed_cb cb, void *arg);
void redis_feed_get(struct store *st, const char *feed, store_feed_cb cb, void *arg);
void redis_feed_list(struct store *st, const char *after, size_t limit, store_feeds_cb cb,
		     void *arg);
void redis_feed_delete(struct store *st, const char *feed, store_cb cb, void *arg);
void redis_feed_sweep(struct store *st, store_cb cb, void *arg);
void redis_presence_put(struct store *st, const char *feed, const char *json, store_cb cb,
			void *arg);
void redis_face_put(struct store *st, const char *feed, const struct store_face *face,
		    store_cb cb, void *arg);
void redis_face_get(struct store *st, const char *feed, store_face_cb cb, void *arg);
void redis_commit(struct store *st, const struct store_commit *c, store_commit_cb cb,
		  void *arg);
void commits_init(struct redis_store *s);
/* The session has ended: so do those that were not sent yet. */
void commits_finish(struct redis_store *s);
void redis_events(struct store *st, const char *feed, struct pos from, bool newest,
		  size_t limit, store_events_cb cb, void *arg);
void redis_retract(struct store *st, const struct store_retract *r, store_commit_cb cb,
		   void *arg);
void redis_event_get(struct store *st, const char *feed, const char *id,
		     store_event_cb cb, void *arg);
void redis_items(struct store *st, const char *feed, const char *const *items,
		 size_t item_count, size_t limit, store_events_cb cb, void *arg);
void redis_trim(struct store *st, const char *feed, uint64_t max_items,
		uint64_t oldest_ms, store_cb cb, void *arg);
/* The command that has C scheduled, as C is. */
void cmd_schedule(struct call *call, const struct store_commit *c);
void redis_scheduled_list(struct store *st, const char *feed, uint64_t after_ms,
			  const char *after_id, size_t limit, store_scheduled_cb cb,
			  void *arg);
void redis_scheduled_get(struct store *st, const char *feed, const char *id,
			 store_scheduled_cb cb, void *arg);
void redis_scheduled_cancel(struct store *st, const char *feed, const char *id,
			    const char *item, store_cb cb, void *arg);
void redis_scheduled_due(struct store *st, size_t limit, store_times_cb cb, void *arg);
void redis_release(struct store *st, const char *feed, store_release_cb cb, void *arg);
void redis_join(struct store *st, const char *feed, const char *jid,
		const struct sub_change *change, store_row_cb cb, void *arg);
void redis_leave(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		 void *arg);
void redis_expel(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		 void *arg);
void redis_sub_get(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		   void *arg);
void redis_sub_list(struct store *st, const char *feed, uint32_t cursor, size_t limit,
		    store_rows_cb cb, void *arg);
void redis_split(struct store *st, const char *feed, uint32_t buckets, store_cb cb,
		 void *arg);
/* Splits FEED's buckets, one after the other, until there are enough. */
void split_start(struct redis_store *s, const char *feed, uint64_t subs,
		 uint32_t buckets);
void redis_pending_put(struct store *st, const char *feed, const struct store_pending *p,
		       enum pending_state expect, enum notice_kind notice, store_cb cb,
		       void *arg);
void redis_admit(struct store *st, const char *feed, const char *jid,
		 const struct sub_change *change, const struct store_pending *seen,
		 enum notice_kind notice, store_row_cb cb, void *arg);
void redis_pending_get(struct store *st, const char *feed, const char *jid,
		       store_pending_cb cb, void *arg);
void redis_pending_list(struct store *st, const char *feed, uint64_t cursor, size_t limit,
			store_pendings_cb cb, void *arg);
/* How JID of a notice followed, or asked to; its length. */
size_t notice_how(enum sub_format format, bool contact, char out[2]);
void redis_notice_put(struct store *st, const struct store_notice *n, store_cb cb,
		      void *arg);
void redis_notices(struct store *st, size_t limit, store_notices_cb cb, void *arg);
void redis_notice_done(struct store *st, const char *id, store_cb cb, void *arg);
void redis_lease_take(struct store *st, const char *name,
		      const struct store_lease_seen *seen, store_lease_cb cb, void *arg);
void redis_lease_beat(struct store *st, const struct store_owner *o, store_cb cb,
		      void *arg);
void redis_lease_release(struct store *st, const struct store_owner *o, store_cb cb,
			 void *arg);
void redis_behind(struct store *st, store_names_cb cb, void *arg);
void redis_read(struct store *st, const char *feed, uint32_t first, uint32_t count,
		store_run_cb cb, void *arg);
void redis_done(struct store *st, const struct store_owner *o, const struct store_done *d,
		store_cb cb, void *arg);
void redis_late_bounce(struct store *st, const struct store_owner *o, const char *feed,
		       const struct store_done_row *row, store_cb cb, void *arg);
void redis_received(struct store *st, const struct store_owner *o, const char *feed,
		    const char *jid, const struct store_receipts *r, store_received_cb cb,
		    void *arg);
void redis_due_within(struct store *st, uint64_t within_ms, size_t limit,
		      store_dues_cb cb, void *arg);
void redis_due(struct store *st, size_t limit, store_dues_cb cb, void *arg);
void redis_hold_order(struct store *st, const char *feed, const char *jid,
		      enum hold_order order, store_row_cb cb, void *arg);
void redis_dead_list(struct store *st, const char *feed, uint32_t first, size_t limit,
		     store_rows_cb cb, void *arg);
void redis_dead_feeds(struct store *st, store_names_cb cb, void *arg);
void redis_settle(struct store *st, const struct store_owner *o, const char *feed,
		  uint32_t feed_buckets, struct pos pos, store_cb cb, void *arg);
void redis_listen(struct store *st, store_wake_cb cb, void *arg);
void redis_token_put(struct store *st, const char *id, const char *json, store_cb cb,
		     void *arg);
void redis_token_get(struct store *st, const char *id, store_token_cb cb, void *arg);
void redis_token_delete(struct store *st, const char *id, store_cb cb, void *arg);
void redis_token_list(struct store *st, store_tokens_cb cb, void *arg);

/* To where the session is now. NULL is safe, and for wake_destroy(), too. */
void wake_follow(struct wake *w);
void wake_destroy(struct wake *w);
/* The owner as the fence keeps it: "FENCE TOKEN". */
#define FENCE_TEXT_SIZE 56
void fence_format(const struct store_owner *o, char out[FENCE_TEXT_SIZE]);
/* What stands for a bucket in the due set: "FEED|BUCKET". */
void cmd_due_member(struct redis_store *s, const char *feed, uint32_t bucket);
/* A row's hold as it is to be, for lib/hold.lua; empty for none. */
void cmd_hold(struct redis_store *s, const struct sub_hold *want);

/* An operation whose answer is its status alone: ends it. */
struct plain_op {
	struct call call;
	store_cb cb;
	void *arg;
};
struct plain_op *plain_new(struct redis_store *s, store_cb cb, void *arg);

#endif
