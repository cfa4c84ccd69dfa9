#ifndef BELFRY_WORK_ENGINE_H
#define BELFRY_WORK_ENGINE_H

#include <belfry/base/loop.h>
#include <belfry/core/availability.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>
#include <belfry/xmpp/windows.h>

#include "work/counters.h"
#include "work/policy.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Delivery: brings every bucket of every feed to the head of its feed's log, over the
 * link, in windows. Keeps in memory only the feeds that are behind, and of those only the
 * pieces being read or in flight.
 */
struct engine;

struct engine_options {
	const char *domain;	      /* of the component; outlives the engine */
	const char *multicast;	      /* JID of the service, the same; NULL: none */
	size_t max_stanza_bytes;      /* larger ones are skipped */
	struct policy_retry retry;    /* what comes back */
	void *arg;		      /* of the functions below */
	bool (*may_write)(void *arg); /* is the lease valid now? */
	void (*lost)(void *arg);      /* it is not, or the store said so */
	void (*stalled)(void *arg);   /* no barrier comes back: wants a new stream */
	void (*idle)(void *arg);      /* after engine_quiesce(): nothing is in flight */
	/*
	 * Is JID, which a row of FEED says it has a say in, there? SOON: it is being
	 * found out, and a hold that waits for it is woken then. NULL: nobody knows.
	 */
	enum availability (*presence)(void *arg, const char *feed, const char *jid,
				      bool *soon);
	/* JID's hold is to be woken (ORDER_WAKE). Not NULL where presence is not. */
	void (*wake)(void *arg, const char *feed, const char *jid);
	/* FEED has something new (store.h, listen). NULL: it is for the engine alone. */
	void (*woken)(void *arg, enum store_wake what, const char *feed);
};

struct engine *engine_create(struct loop *loop, struct store *store,
			     const struct engine_options *options);
/* The link to send on, whose handlers are to reach engine_handlers; before it is up. */
void engine_use(struct engine *e, struct link *link);
/* After the store was destroyed, as its callbacks come here. NULL is safe. */
void engine_destroy(struct engine *e);

/* The lease is ours: begins to look for work. NULL: no longer; drops everything. */
void engine_own(struct engine *e, const struct store_owner *owner);
/* Claims and sends no more; idle() follows when what is in flight is done. */
void engine_quiesce(struct engine *e);

/*
 * Sees to a barrier behind all that others have sent on the link: when the result of its
 * number or a larger one comes, the server has taken it. Where deliveries are on their
 * way it is the one of their window; else it takes a window's place, so that one at a
 * time is enough. 0: not now, as nothing may be sent, or a stanza is looked for that ends
 * the stream, which is not to be mistaken.
 */
uint64_t engine_barrier(struct engine *e);

/* JID's person is there again: what it does not confirm now is sent again. */
void engine_seen(struct engine *e, const char *feed, const char *jid);
/* The same, for availability_listen(); ARG is the engine. */
void engine_shows(void *arg, const char *feed, const char *jid, const char *bare,
		  enum availability was, enum availability now);

/* What the link says; ARG is the engine. */
extern const struct link_handlers engine_handlers;

const struct engine_counters *engine_counters(const struct engine *e);
struct engine_gauges {
	size_t feeds_behind; /* in memory */
	size_t pieces;	     /* read or being read, not yet sent */
	bool one_by_one;     /* looking for a stanza that the server does not take */
	size_t group;	     /* receivers a stanza to the service; 0: it is not used */
	struct windows_stats windows;
};
void engine_gauges(const struct engine *e, struct engine_gauges *out);

#endif
