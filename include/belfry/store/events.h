#ifndef BELFRY_STORE_EVENTS_H
#define BELFRY_STORE_EVENTS_H

#include <belfry/base/err.h>
#include <belfry/core/event.h>
#include <belfry/core/pos.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What store.h keeps of events: in a feed's log, and before they are there. */

struct store_commit {
	const char *feed;
	const char *id;	  /* event id: new, without spaces */
	const char *item; /* item id: the event's own, or what the caller wants */
	enum event_priority priority;
	uint64_t at_ms;	     /* wall clock */
	uint64_t expires_ms; /* not sent to anybody after that; 0: it does not expire */
	uint64_t due_ms;     /* it is scheduled: kept until then; 0: it is not */
	const char *doc;
	size_t doc_len;
	const char *idem_key;	 /* NULL: none. Already a hash of (token, feed, key) */
	const char *idem_digest; /* of the request that the key stands for */
	uint64_t idem_ttl_s;
};
/* Takes back an item: a later version of it, or none, is an item from then on. */
struct store_retract {
	const char *feed, *item;
	struct pos newest; /* its newest version, as the caller has read it */
	const char *id;	   /* of the retraction, as an event's: new */
	uint64_t at_ms;	   /* wall clock */
	const char *doc;   /* a document with the tags that NEWEST has */
	size_t doc_len;
};
struct store_committed {
	const char *id, *item; /* of the first request, where it was one */
	bool replayed;	       /* the idempotency key was known: nothing was stored */
	struct pos pos;	       /* where it stands in the log */
	uint64_t due_ms;       /* not there yet, but scheduled; 0: it is not */
};
/* OK; ENOFEED; EREUSED; EFULL; EREPLICAS; EAWAY; ELIMIT: the feed has too many that are
 * scheduled. done is NULL unless OK. */
typedef void (*store_commit_cb)(void *arg, enum belfry_err err,
				const struct store_committed *done);

enum event_kind {
	EVENT_ITEM,
	EVENT_RETRACT, /* takes back an item; its document has that one's tags alone */
};
/* Of a retracted item: its newest versions, and the first one. */
#define STORE_VERSIONS 8
struct store_retracted {
	struct pos versions[STORE_VERSIONS]; /* newest first; 0-0 behind the last */
	uint64_t at_ms;			     /* when the newest was committed */
};

struct store_event {
	struct pos pos;
	const char *id, *item;
	enum event_kind kind;
	enum event_priority priority;
	uint64_t at_ms;
	uint64_t expires_ms;		  /* 0: it does not */
	uint64_t subscribers;		  /* at commit */
	struct store_retracted retracted; /* of a retraction */
	/* What used its item's id again, or took it back (GONE); 0-0: nothing did. As it
	 * was when this was read; known to events() and event_get() alone. */
	struct pos superseded;
	bool gone;
	const char *doc;
	size_t doc_len;
};
/* In log order, or newest first where that was asked for. */
typedef void (*store_events_cb)(void *arg, enum belfry_err err,
				const struct store_event *events, size_t count,
				bool more);

/*
 * What became of the deliveries of one event; kept until the event is trimmed. Each
 * delivery that was looked at is in one of them, but `bounced` counts how often one came
 * back, beside.
 */
struct store_counters {
	uint64_t taken;	  /* by the XMPP server, behind a barrier */
	uint64_t sent;	  /* headlines: taken, but lost where the follower is offline */
	uint64_t held;	  /* not yet delivered: its subscription is held */
	uint64_t dead;	  /* given up: a dead letter that was dropped */
	uint64_t bounced; /* how often one came back, and the subscription went on */
	uint64_t left; /* came back as gone or item-not-found: the subscription ended */
	uint64_t skipped;    /* not fit to be sent: the server closed the stream on it */
	uint64_t filtered;   /* not for it: its tags, its priority, or muted */
	uint64_t expired;    /* its time was over before it could be sent */
	uint64_t superseded; /* its item was replaced or retracted before that */
	uint64_t received;   /* taken, and its client has confirmed it (XEP-0184) */
};
/* settled: every bucket has reached it. What is held is in the counters. */
typedef void (*store_event_cb)(void *arg, enum belfry_err err,
			       const struct store_event *event,
			       const struct store_counters *counters, bool settled);

/* An event that is not in the log yet. */
#define STORE_SCHEDULED_MAX 10000 /* of a feed */
struct store_scheduled {
	uint64_t due_ms;
	struct store_event event; /* without a position */
};
typedef void (*store_scheduled_cb)(void *arg, enum belfry_err err,
				   const struct store_scheduled *list, size_t count,
				   bool more);
/* RELEASED: so many are in the log now; LOST: what stood there of so many made no sense.
 */
typedef void (*store_release_cb)(void *arg, enum belfry_err err, uint64_t released,
				 uint64_t lost);
/* WAIT_MS: until the next one that is not in FEEDS is due; UINT64_MAX: there is none. */
typedef void (*store_times_cb)(void *arg, enum belfry_err err, const char *const *feeds,
			       size_t count, uint64_t wait_ms);

#endif
