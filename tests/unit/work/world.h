#ifndef BELFRY_TESTS_UNIT_WORK_WORLD_H
#define BELFRY_TESTS_UNIT_WORK_WORLD_H

#include <belfry/base/loop.h>
#include <belfry/store/memory.h>
#include <belfry/store/store.h>

#include "../../lib/work/recorder.h"
#include "work/engine.h"
#include "work/prober.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A hub in one process: the store in memory, an app that publishes, and workers, each an
 * engine over a recorder that the test serves.
 */
#define DOMAIN "feeds.example.org"
#define MULTICAST "multicast.example.org" /* for the users of example.org */

struct worker {
	struct world *world;
	struct store *store;
	struct engine *engine;
	struct link *link;
	struct availabilities *availability; /* where the world has presences */
	struct prober *prober;
	struct store_owner owner;
	bool valid; /* what may_write() says */
	bool idle;  /* idle() was called */
	unsigned lost, stalled;
};
/* Who is there, if it is not the worker's own prober that says so. */
struct presence_play {
	enum availability (*presence)(void *arg, const char *feed, const char *jid,
				      bool *soon);
	void (*wake)(void *arg, const char *feed, const char *jid);
	void *arg;
};
struct world {
	struct loop *loop;
	struct memory *memory;
	struct store *app;
	char *ids[2048]; /* of the events committed, in order */
	size_t id_count;
	uint64_t at_ms;		   /* when events are committed; 0: now */
	struct policy_retry retry; /* of workers; zeroed: some time within 49 days */
	bool presences;		   /* workers look who is there */
	struct presence_play play; /* or this says it, where it is set */
	size_t group; /* what links say of MULTICAST as they come up; 0: not there */
};

void world_start(struct world *w);
void world_finish(struct world *w);
/* Turns the loop until *FLAG; fails the test after 20 s. */
void world_until(struct world *w, const bool *flag);
void world_turns(struct world *w, unsigned turns);
/* The monotonic clock, that of the loop included, goes ahead. */
void world_skip(uint64_t ms);
/* ... and that of the store, by which holds are due. */
void world_pass(struct world *w, uint64_t ms);
/* From now on the clocks are not the machine's: they begin at the same time in each run,
 * and go ahead by as much each time that one is looked at. */
void world_freeze(void);
/* The worker's stands still meanwhile, but for these. */
void world_stop_clock(bool stop);

/* Each waits for its answer, and wants it to be OK. */
void world_feed(struct world *w, const char *feed, const char *config);
/* JIDs "NAMEnnnnn@example.org", nnnnn from 0. */
void world_join(struct world *w, const char *feed, const char *name, size_t count,
		enum sub_format format);
void world_join_one(struct world *w, const char *feed, const char *jid,
		    enum sub_format format);
void world_change(struct world *w, const char *feed, const char *jid,
		  const struct sub_change *change);
struct pos world_commit(struct world *w, const char *feed, const char *doc);
void world_split(struct world *w, const char *feed);
struct store_counters world_counters(struct world *w, const char *feed, const char *id,
				     bool *settled);
enum belfry_err world_event_err(struct world *w, const char *feed, const char *id);
enum belfry_err world_sub(struct world *w, const char *feed, const char *jid,
			  struct sub *out);
struct sub_hold world_hold(struct world *w, const char *feed, const char *jid);
void world_order(struct world *w, const char *feed, const char *jid,
		 enum hold_order order);
struct store_feed world_feed_get(struct world *w, const char *feed); /* no texts */

/* Takes the lease (from whoever held it), and opens the link. */
void worker_start(struct world *w, struct worker *k, size_t max_stanza_bytes);
void worker_kill(struct worker *k); /* as kill -9 would */
/* Serves the worker until every feed is settled. */
void worker_run(struct worker *k);
/* Until WANT messages have been sent by it; serves barriers only if SERVE. */
void worker_until_sent(struct worker *k, size_t want, bool serve);

/*
 * What most tests begin with: a feed "deploys", ROWS followers by chat, "r00000@..." and
 * so on, EVENTS in its log, and a worker, unless K is NULL.
 */
void world_begin(struct world *w, struct worker *k, size_t rows, unsigned events);
void world_end(struct world *w, struct worker *k);

/* What was delivered: "JID ID" of each message, sorted. */
struct letters {
	char **text;
	size_t count, cap;
};
void letters_add(struct letters *l, const struct link *link);
void letters_sort(struct letters *l);
void letters_free(struct letters *l);
/* How many are the same as the one before: repeats. Sorted. */
size_t letters_repeats(const struct letters *l);
/* How many different ones. Sorted. */
size_t letters_distinct(const struct letters *l);
/* What it sent is WANT letters, all different. */
void worker_check_once(const struct worker *k, size_t want);
/* OLD dies; NEW serves what is left. L: what both of them sent, sorted. */
void worker_replace(struct worker *old, struct worker *new, struct letters *l);

#endif
