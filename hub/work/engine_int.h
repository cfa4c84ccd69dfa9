#ifndef BELFRY_WORK_ENGINE_INT_H
#define BELFRY_WORK_ENGINE_INT_H

#include <belfry/base/buf.h>
#include <belfry/core/event.h>
#include <belfry/core/feed.h>
#include <belfry/core/pos.h>
#include <belfry/core/render.h>

#include "work/engine.h"
#include "work/fairq.h"
#include "work/policy.h"

/*
 * Inside the engine:
 *
 *   feeds.c     feeds that are behind: load, pass
 *   settle.c    feeds that are there: told to the store, trimmed
 *   batch.c     a range of log events of a feed, and what they render to
 *   pieces.c    runs of buckets: claimed in fair order, read
 *   send.c      pieces -> stanzas, bucket by bucket, in windows
 *   groups.c    one stanza for many receivers, by a multicast service
 *   flight.c    windows -> barriers -> done
 *   bounces.c   what comes back
 *   suspects.c  one stanza at a time, to find the one that ends the stream
 *   janitor.c   looks for work that no hint told, and trims
 *
 * A pass goes once over a feed's buckets, piece by piece; the next one begins when
 * nothing of it is in flight, so that no bucket is in flight twice. Where more is known
 * to wait, it does not wait for the answers to the completions: it reads behind them, so
 * that both share a sync of Redis' disk, and what it reads before they are answered is
 * read again. Every store call that may come back counts in feed->calls (and
 * piece->calls); both are freed at the last.
 */

/*
 * Pieces of one feed that are read and not yet sent, and for twice as many no feed reads
 * ahead: more where the link is faster than Redis answers, as few as will do elsewhere.
 */
#define AHEAD_MIN 2
#define AHEAD_MAX 8
/*
 * Windows whose completions the store has not answered, beside those in flight: what a
 * crash repeats. A disk that syncs in less time than they take to drain slows nobody.
 */
#define UNTOLD_WINDOWS 16
#define ACTIVE_MAX 32	/* feeds with pieces: what bounds the memory */
#define BATCHES_MAX 256 /* more feeds behind: those that wait keep no events */
#define LOADING_MAX 64	/* feeds being looked up at once */
#define FLUSH_BYTES (128 * 1024)
#define GROUP_MAX 20 /* receivers of a stanza: twice as many gain nothing */
#define FEED_TABLE 4096
#define TABLE_SALT 1000003 /* of row_hash() in memory */

struct log_event {
	char *id, *item; /* NULL id: cannot be sent at all */
	struct pos pos;
	uint64_t at_ms;
	struct event event;
	struct rendered out[POLICY_FORMATS];
	uint8_t made;	/* bit by format: rendered */
	uint8_t refuse; /* bit by format: not fit to be sent */
};

/* Events of the log after `from`, in order; shared by pieces. */
struct batch {
	unsigned refs;
	struct pos from;
	struct pos to; /* the last one, or the head where there was none */
	size_t count;
	struct log_event events[];
};

enum unit_state { UNIT_UNSENT, UNIT_SENT, UNIT_DONE };

/* One delivery that came back while its window was in flight. */
struct piece_bounce {
	size_t unit, event, row;
	bool end;
};

enum piece_state { PIECE_READING, PIECE_WAITING, PIECE_READY, PIECE_SENT };

struct piece {
	struct feed *feed;
	struct piece *next;
	enum piece_state state;
	uint32_t first, count; /* buckets asked for */
	struct store_run *run;
	struct batch *batch;
	size_t event, events; /* the range: batch->events[event .. event + events) */
	struct pos to;	      /* the new cursor of its buckets */
	size_t unit;	      /* the next one to send: an index of run->buckets */
	size_t left;	      /* units not yet done */
	unsigned char *unit_state;
	unsigned char *bounced; /* bits by row and event; NULL: none yet */
	struct piece_bounce *bounces;
	size_t bounce_count, bounce_cap;
	unsigned calls;
	bool dropped; /* its feed lost it: free at the last call */
};

enum feed_state {
	FEED_NEW,      /* to be looked up */
	FEED_LOADING,  /* being looked up */
	FEED_PASS,     /* passing over its buckets */
	FEED_SETTLING, /* all buckets are there: telling the store */
	FEED_TRIMMING,
	FEED_RESTING, /* something failed: looked up again after a while */
};

struct feed {
	struct engine *engine;
	struct feed *chain;		    /* in the table */
	struct feed *list_next, *list_prev; /* of the new ones */
	char name[FEED_NAME_MAX + 1];
	enum feed_state state;
	uint32_t salt, buckets;
	struct pos head;
	uint64_t max_items, max_age_s;

	/* The pass: buckets next .. end - 1 are to be claimed. */
	uint32_t next, end;
	uint32_t again_from, again_to; /* have to be passed once more; equal: none */
	uint32_t passed;     /* below: decided, but for what is still being read */
	uint32_t run;	     /* buckets a piece */
	struct pos reached;  /* what every bucket passed has reached */
	bool woken;	     /* something new since the last read was asked for */
	bool changed;	     /* a wake since its configuration was read */
	bool trimming;	     /* beside the pass */
	bool alone;	     /* the pass is over a suspect bucket only */
	bool failed;	     /* look it up again once nothing is in flight */
	unsigned broken;     /* answers in a row that made no sense */
	uint64_t settled_ms; /* when the store was last told */
	uint64_t rest_ms;    /* before that; 0: at once */

	struct batch *batch; /* the latest one */
	size_t batch_most;   /* events to read next */
	bool batch_loading;
	struct pos batch_from, batch_head; /* of the one being loaded */
	struct piece *pieces;
	unsigned unsent;    /* pieces in them not yet PIECE_SENT */
	unsigned dones;	    /* completions not yet answered */
	uint64_t pass;	    /* its number */
	unsigned overtaken; /* completions of earlier passes, not yet answered */
	struct loop_timer *rest;

	struct fairq_node turn;
	bool active; /* in engine->active */
	unsigned calls;
	bool gone; /* out of the table: free at the last call */
};

/* Part of a window: units of one piece. */
struct part {
	struct part *next;
	struct piece *piece;
	size_t first, count;
	uint64_t sent;			/* deliveries */
	bool grouped;			/* some of it went to the multicast service */
	bool refused;			/* which did not serve it: is sent again */
	struct store_counters counts[]; /* by event of the piece's range */
};
struct win {
	struct win *next;
	uint64_t number;
	struct part *parts;
};

/* How a row of the unit being sent is reached. */
struct way {
	uint32_t hash; /* of the row; unless it is in a group */
	bool group;
};

/* What became of one stanza sent alone. */
struct verdict {
	char *jid;
	struct pos pos;
	enum sub_format format;
	enum outcome outcome;
};
/* A bucket that was in flight when the stream ended in an error. */
struct suspect {
	char feed[FEED_NAME_MAX + 1];
	uint32_t bucket;
	struct pos to;
	struct verdict *seen;
	size_t seen_count, seen_cap;
};
/* A stanza the server does not take. */
struct culprit {
	char feed[FEED_NAME_MAX + 1];
	struct pos pos;
	enum sub_format format;
	uint32_t row;	/* hash of the first one's JID */
	bool everybody; /* a second row ended the stream, too */
};
#define CULPRITS_MAX 64

struct engine {
	struct loop *loop;
	struct store *store;
	struct link *link;
	struct engine_options o;
	struct loop_timer *kick;  /* pump at the next turn */
	struct loop_timer *watch; /* barriers and hints */
	struct store_owner owner;
	bool owned, up, quiet;
	bool halted;  /* the lease ran out under us: nothing is written any more */
	bool pumping; /* the link's end waits until the pump returns */
	bool cut;     /* ... and did come */
	enum link_end cut_end;
	char cut_condition[64];

	struct feed *table[FEED_TABLE];
	size_t feed_count;
	struct feed *fresh, *fresh_last; /* FEED_NEW, in order */
	unsigned loading;
	struct fairq waiting; /* feeds with buckets to claim and no unsent piece */
	struct feed *active[ACTIVE_MAX];
	size_t active_count;
	unsigned unsent; /* pieces of all feeds */
	unsigned reading;
	unsigned ahead; /* AHEAD_MIN to AHEAD_MAX */

	struct windows *windows;
	struct win *open, *flying, *flying_last;
	unsigned dones;
	uint64_t untold; /* deliveries in them, of which the store has not said that it
			    knows */
	unsigned late;	 /* late bounces being told to the store */
	struct buf out;
	size_t out_stanzas;
	struct way *ways; /* to the rows of the unit being sent */
	size_t ways_cap;
	const char *home;  /* the domain whose users the multicast service serves */
	size_t group;	   /* receivers a stanza to it on this stream; 0: none go there */
	bool ungrouping;   /* it refused one: it is to be left */
	unsigned repeats;  /* of the oldest barrier */
	uint64_t asked_us; /* when it was last asked for */
	uint64_t hints_ms; /* when behind() was last asked */
	bool hints_asked;

	unsigned errors; /* streams that ended in an error, in a row */
	uint64_t up_ms;
	struct suspect *suspects;
	size_t suspect_count, suspect_cap;
	struct verdict alone; /* the stanza in flight; jid NULL: none */
	struct piece *alone_piece;
	size_t alone_event, alone_row; /* the next stanza to look at */
	struct culprit culprits[CULPRITS_MAX];
	size_t culprit_count; /* ever; the table keeps the newest */

	struct janitor *janitor;
	struct engine_counters counters;
};

#define STORE(e, op, ...) ((e)->store->ops->op((e)->store, __VA_ARGS__))

/* engine.c */
void engine_kick(struct engine *e);
bool engine_can_claim(const struct engine *e);
void engine_halt(struct engine *e);

/* feeds.c */
struct feed *feed_find(const struct engine *e, const char *name);
/* Something may be new in it. */
void feed_wake(struct engine *e, const char *name);
/* Looks up those that wait for it, as far as there is room. */
void feeds_load(struct engine *e);
/* After each piece and completion: is the pass over? */
void feed_step(struct feed *f);
/* Buckets FROM .. TO - 1 have not had all there is: one more pass over them. */
void feed_again(struct feed *f, uint32_t from, uint32_t to);
/* Nothing more is claimed of it; looked up again after REST_MS. */
void feed_fail(struct feed *f, uint64_t rest_ms);
void feed_fail_err(struct feed *f, enum belfry_err err);
void feed_forget(struct feed *f);
void feeds_drop_all(struct engine *e); /* the lease is lost */
void feeds_restart(struct engine *e);  /* the link is gone: read all again */
/* Counts a store call of F that has come back; true: F is gone, was perhaps freed. */
bool feed_called(struct feed *f);
/* There is more to do: what has to be passed over once more, or another look at it. */
void feed_resume(struct feed *f);
/* All is done: forgotten, unless something new has come meanwhile. */
void feed_finish(struct feed *f);

/* settle.c */
void feed_learn_config(struct feed *f, const struct store_feed *sf);
/* Every bucket is there: tells the store, then trims, then feed_finish(). */
void feed_settle(struct feed *f);
void feed_settle_aside(struct feed *f); /* the same, beside deliveries that go on */
/* For the store's trim: 0 where events may grow as old as they like. */
uint64_t trim_oldest_ms(uint64_t max_age_s);

/* batch.c */
struct batch *batch_create(struct engine *e, const char *feed, struct pos from,
			   struct pos head, const struct store_event *events,
			   size_t count);
struct batch *batch_ref(struct batch *b);
void batch_unref(struct batch *b); /* NULL is safe */
/* Rendered and fit, or NULL. */
const struct rendered *batch_rendered(struct engine *e, const char *feed,
				      struct log_event *ev, enum sub_format format);

/* pieces.c */
void pieces_claim(struct engine *e);
/* The feed to send for now; NULL: nothing is ready. */
struct feed *pieces_next(const struct engine *e);
struct piece *piece_ready(const struct feed *f);
void piece_sent(struct piece *p);
void piece_units_done(struct piece *p, size_t count);
/* Asks for the events behind the latest batch, while the rows are being read. */
void pieces_look_ahead(struct feed *f);
void pieces_drop(struct feed *f);
/* What of it is read and not yet sent is not sent: it will be read again. */
void pieces_unread(struct feed *f);
void piece_called(struct piece *p);
/* The index in the piece's range of the event at POS; p->events: it is not in it. */
size_t piece_event(const struct piece *p, struct pos pos);
void feed_deactivate(struct feed *f);

/* send.c */
void send_pump(struct engine *e);
bool send_flush(struct engine *e);
/* Does ROW want it, by its own choice? */
bool send_passes(const struct store_row *row, const struct log_event *ev);
/* Fit for ROW: neither too large nor a broken JID. */
bool send_fits(const struct engine *e, const struct rendered *r,
	       const struct store_row *row);

/* groups.c: receivers of one event and one format, gathered until they are a stanza */
struct group {
	const struct rendered *out;
	size_t count, bytes;
	struct render_jid to[GROUP_MAX];
};
/* A new stream is up. */
void groups_begin(struct engine *e);
/* While there is a service (e->group): does JID get what it gets by it? */
bool groups_reach(const struct engine *e, const char *jid, size_t len);
/* False: not even alone does ROW fit into a stanza of R to the service. */
bool groups_add(struct engine *e, struct group *g, const struct rendered *r,
		const struct store_row *row);
void groups_send(struct engine *e, struct group *g); /* no harm if it is empty */
/* Before anything is sent: leaves the service, if it has refused. */
void groups_turn(struct engine *e);
/* The service sent ID back: nobody was served. */
struct stanza_id;
void groups_refused(struct engine *e, const struct stanza_id *id, const char *condition);

/* flight.c */
struct part *flight_part(struct engine *e, struct piece *p, size_t unit);
void flight_close(struct engine *e);
void flight_passed(struct engine *e, uint64_t number);
void flight_drop(struct engine *e);
void flight_forget(struct engine *e, const struct feed *f); /* its parts */
void flight_watch(struct engine *e);
/* As engine_barrier(), which has made sure that one may be asked for. */
uint64_t flight_barrier(struct engine *e);
bool flight_empty(const struct engine *e);
/* The outcome of deliveries, for /metrics. */
void flight_count(struct engine *e, const struct store_counters *c);
/* Tells the store of SENT deliveries; D's feed, feed_buckets and to are filled in. */
void flight_done(struct piece *p, struct store_done *d, uint64_t sent);

/* bounces.c */
void bounces_take(struct engine *e, const struct link_bounce *b);

/* suspects.c */
bool suspects_any(const struct engine *e);
/* The link went down; called before what is in flight is forgotten. */
void suspects_link_down(struct engine *e, enum link_end end, const char *condition);
/* Sets the buckets of F that the pass may touch now; false: none. */
bool suspects_range(struct feed *f);
struct pos suspects_limit(const struct piece *p);
/* The piece has nothing to send: the suspect is cleared. */
void suspects_cleared(struct engine *e);
void suspects_forget(struct engine *e, const char *feed); /* NULL: all */
void suspects_send(struct engine *e);
void suspects_passed(struct engine *e);
/* True if it is the stanza in flight that came back. */
bool suspects_bounced(struct engine *e, const struct stanza_id *id, const char *from,
		      bool end);
bool suspects_banned(const struct engine *e, const char *feed, struct pos pos,
		     enum sub_format format);

/* janitor.c */
struct janitor *janitor_create(struct engine *e);
void janitor_destroy(struct janitor *j);
void janitor_start(struct janitor *j); /* anew, first at full pace */
void janitor_stop(struct janitor *j);

#endif
