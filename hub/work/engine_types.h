#ifndef BELFRY_WORK_ENGINE_TYPES_H
#define BELFRY_WORK_ENGINE_TYPES_H

#include <belfry/base/buf.h>
#include <belfry/core/event.h>
#include <belfry/core/feed.h>
#include <belfry/core/pos.h>
#include <belfry/core/render.h>

#include "work/engine.h"
#include "work/fairq.h"
#include "work/policy.h"

/* What the engine keeps in memory; engine_int.h says who does what with it. */

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
#define DUE_MAX 1024  /* buckets of a feed known to be due; others are asked for later */
#define EVENTS_MAX 64 /* of a piece: they are bits */

struct log_event {
	char *id, *item; /* NULL id: cannot be sent at all */
	struct pos pos;
	uint64_t at_ms, expires_ms;
	enum event_kind kind;
	struct pos its;	    /* for those who were there by then */
	uint64_t filter_ms; /* what mutes it goes by */
	struct store_retracted retracted;
	struct pos superseded; /* as far as it was known when it was read */
	struct event event;
	struct rendered out[POLICY_KINDS];
	size_t digest[2]; /* what it adds to a digest, of text and of items; 0: not known
			   */
	uint8_t made;	  /* bit by kind: rendered */
	uint8_t refuse;	  /* bit by kind: not fit to be sent */
};

/* Events of the log after `from`, in order; shared by pieces. */
struct batch {
	unsigned refs;
	struct pos from;
	struct pos to;	 /* the last one, or the head where there was none */
	struct pos head; /* was known when they were asked for */
	bool delayed;	 /* rendered with the time of the event: for who gets it late */
	size_t count, limit; /* of so many asked for */
	struct log_event events[];
};

enum unit_state { UNIT_UNSENT, UNIT_SENT, UNIT_DONE };

/* What a pass over holds does with a row whose hold is due. */
enum mark_act {
	ACT_COMMON, /* no such pass: it is marked as it waits, or as something came back
		     */
	ACT_SERVE,  /* sent what it has missed */
	ACT_TELL,   /* told that what it has missed is gone */
	ACT_DIGEST, /* sent what it has missed, together */
	ACT_CHOOSE, /* it is written first what that is */
	ACT_DROP,   /* not sent what it has missed */
	ACT_WAIT,   /* still waits */
	ACT_END,    /* nothing came back: the hold is over */
};
/*
 * A row of a piece that does not get just what the others of its bucket get. FROM: in a
 * pass over holds it gets FROM .. PAST - 1 of the piece's events; in another one it is
 * held FROM there on (the count of events: it is not).
 */
struct mark {
	size_t row, unit;
	enum mark_act act;
	struct sub_hold was; /* as it was read */
	struct pos floor;    /* it has had, or missed for ever, what is up to here */
	size_t from, past;
	/* What it is not sent, as it was replaced or retracted: sub_hold's span_from,
	 * span_to. */
	struct pos span_from, span_to;
	bool beyond;	      /* what it needs is newer than what the piece has */
	enum hold_reason why; /* it waits */
	uint64_t due_ms;      /* ... for so long */
	bool urgent;	      /* ... but urgent events do not */
	/* Of a row that confirms what it gets (confirm.c). */
	bool proven, resend, unprove;
	bool former;	 /* some of it was sent on a former stream */
	bool full;	 /* it is held FROM there on, or sent no more, as its window is */
	bool begun;	 /* in another pass: it wants events behind BASE */
	struct pos base; /* before its window */
	/* What came back, by event; and what told that it was gone. */
	uint64_t back, ended;
	bool told, told_back, told_ended;
	enum bounce_class class; /* of the latest */
	char condition[HOLD_CONDITION_MAX + 1];
	uint8_t *outcomes; /* by event, + 1, as far as they are known; NULL: none is */
	/* Of a digest: CHOOSE: the hold with it. Else its events, how its stanza's id
	 * says that, was it sent; or are they sent one by one? */
	struct sub_hold was_digest;
	uint64_t together;
	struct pos id_pos;
	uint64_t id_members;
	bool sent, split;
};

enum piece_state { PIECE_READING, PIECE_WAITING, PIECE_READY, PIECE_SENT };

struct piece {
	struct feed *feed;
	struct piece *next;
	enum piece_state state;
	bool holds;	       /* of a pass over holds: one bucket, whose cursor stays */
	uint32_t first, count; /* buckets asked for */
	uint64_t batches, lates; /* of the feed, when they were asked for */
	struct store_run *run;
	struct batch *batch;
	size_t event, events; /* the range: batch->events[event .. event + events) */
	struct pos to; /* the new cursor of its buckets; as far as holds are served */
	size_t range;  /* of them, for a held row that gets them one by one */
	size_t unit;   /* the next one to send: an index of run->buckets */
	size_t left;   /* units not yet done */
	unsigned char *unit_state;
	struct mark **marks;
	size_t mark_count, mark_cap;
	uint32_t *mark_of; /* by row, + 1; NULL: there are none */
	uint8_t *seen;	   /* by row, what it shows; NULL: none is of interest */
	unsigned calls;
	bool dropped; /* its feed lost it: free at the last call */
	/* The latest digest: of these events, in that format. */
	uint64_t together;
	enum sub_format together_format;
	struct rendered together_out;
};

enum feed_state {
	FEED_NEW,      /* to be looked up */
	FEED_LOADING,  /* being looked up */
	FEED_PASS,     /* passing over its buckets */
	FEED_SETTLING, /* all buckets are there: telling the store */
	FEED_TRIMMING,
	FEED_RESTING, /* something failed: looked up again after a while */
};

/* The store is being told of COUNT buckets from FIRST on, of FEED_BUCKETS. */
struct completion {
	struct feed *feed;
	struct completion *next;
	uint32_t first, count, feed_buckets;
	uint64_t pass;
	uint64_t sent;
	uint64_t stream;
	struct absent *absent; /* written as held until they come */
};

/* First in, first out. */
struct late_list {
	struct late *first, *last;
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
	bool asks; /* who has not chosen is asked for receipts */

	/* The pass: buckets next .. end - 1 are to be claimed. */
	uint32_t next, end;
	uint32_t again_from, again_to; /* have to be passed once more; equal: none */
	uint32_t passed;    /* below: decided, but for what is still being read */
	uint32_t run;	    /* buckets a piece */
	struct pos reached; /* what every bucket passed has reached */
	bool woken;	    /* something new since the last read was asked for */
	bool changed;	    /* a wake since its configuration was read */
	bool trimming;	    /* beside the pass */
	bool alone;	    /* the pass is over a suspect bucket only */
	bool holds;	    /* the pass is over holds: next .. end - 1 are of serving[] */
	bool failed;	    /* look it up again once nothing is in flight */
	unsigned broken;    /* answers in a row that made no sense */
	uint64_t settled_ms; /* when the store was last told */
	uint64_t rest_ms;    /* before that; 0: at once */

	/* Buckets with a hold that is due, and those of the pass. */
	uint32_t *due, *serving;
	size_t due_count, due_cap, serving_cap;
	bool due_more;			  /* the store knows of others */
	struct late_list lates;		  /* wait until nothing has their bucket */
	unsigned lates_first;		  /* are told before the next pass begins */
	struct news *news;		  /* the same, of receipts */
	uint64_t news_ms;		  /* since when there are some */
	uint64_t lates_asked, lates_told; /* of them: being told to the store, answered */

	struct batch *batch;  /* the latest one */
	struct batch *old;    /* ... of the pass over holds */
	uint64_t batches;     /* read so far */
	size_t batch_most;    /* events to read next */
	size_t together_most; /* ... where a digest is chosen from them */
	bool batch_loading, old_loading;
	struct pos batch_from, batch_head; /* of the one being loaded */
	size_t batch_limit;
	struct piece *pieces;
	unsigned unsent;	    /* pieces in them not yet PIECE_SENT */
	unsigned dones;		    /* completions not yet answered */
	struct completion *telling; /* these */
	uint64_t pass;		    /* its number */
	unsigned overtaken;	    /* completions of earlier passes, not yet answered */
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

/* What keeps a row from getting what its bucket gets. */
enum gate {
	GATE_OPEN,
	GATE_SHUT,    /* it is none of this pass's */
	GATE_HELD,    /* it is held */
	GATE_URGENT,  /* it is, but urgent events are sent */
	GATE_WAITS,   /* by what it has chosen */
	GATE_CONFIRM, /* as its window goes, and by what it has chosen */
	GATE_DUE,     /* it is served by itself */
};
/* How a row of the unit being sent is reached. */
struct way {
	uint32_t hash; /* of the row; unless it is in a group */
	bool group;
	unsigned char gate;
};

/* What became of one stanza sent alone. */
struct verdict {
	char *jid;
	struct pos pos;
	uint64_t members; /* of a digest */
	enum sub_format format;
	enum outcome outcome;
	uint64_t stream; /* on which it was sent */
	enum bounce_class class;
	char condition[HOLD_CONDITION_MAX + 1];
};
/* A bucket that was in flight when the stream ended in an error. */
struct suspect {
	char feed[FEED_NAME_MAX + 1];
	uint32_t bucket;
	bool holds; /* it was its holds that were served */
	struct pos to;
	struct verdict *seen;
	size_t seen_count, seen_cap;
};
/* A stanza the server does not take. */
struct culprit {
	char feed[FEED_NAME_MAX + 1];
	struct pos pos;
	enum sub_format format;
	bool digest;	/* of which that is the last event */
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
	struct loop_timer *due; /* asks what is due */
	uint64_t due_at_ms;	/* when it does */
	bool due_asked, due_again;
	size_t due_most;	      /* to ask for next */
	unsigned late;		      /* late bounces that the store does not know yet */
	size_t late_bytes;	      /* of memory */
	unsigned late_active;	      /* rows of which some are being told */
	struct late **late_table;     /* by row */
	struct late_list late_queue;  /* rows to be told of */
	struct loop_timer *late_rest; /* armed: the store is away */
	uint64_t late_lost_ms;	      /* when the lease went */
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

	struct receipts *receipts;
	struct sweep *sweep;
	uint64_t stream; /* counts them */
	struct janitor *janitor;
	struct schedule *schedule;
	struct engine_counters counters;
};

#endif
