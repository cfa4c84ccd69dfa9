/*
 * EVENTS, one after another, to SUBSCRIBERS of one feed: from the store by the engine
 * over a link that counts and answers each barrier at the next turn. Time goes mostly by
 * what was sent, so that windows have the same sizes in each run, and two runs execute
 * nearly the same instructions. tests/bench/guard counts them.
 *
 *   guard_fanout join SUBSCRIBERS     (BELFRY_REDIS_URL)
 *   guard_fanout send SUBSCRIBERS EVENTS
 */
#include "common/guard_hub.h"
#include "work/engine.h"

#include <belfry/base/clock.h>
#include <belfry/core/id.h>
#include <belfry/core/subscription.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FEED "fanout"
#define DOMAIN "feeds.example.org"
#define JOINS_AT_ONCE 1000
#define BYTES_A_US                                                                       \
	200	  /* what the server seems to take: about 200,000 stanzas a second       \
		   */
#define SLOWER 50 /* what is counted goes so much slower, and so do we let the time */

struct guard {
	struct guard_hub hub;
	struct link link;
	struct engine *engine;
	struct loop_timer *answer;
	struct store_owner owner;
	uint64_t barrier;
	size_t subscribers, asked, joined;
};

static uint64_t sending_since_us; /* 0: not yet, and the time is the machine's */
static uint64_t sent_bytes;

/* In the place of libc's, for libuv as well. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	long rc = syscall(SYS_clock_gettime, clock, now);
	if (clock != CLOCK_MONOTONIC || sending_since_us == 0 || rc != 0)
		return (int)rc;
	uint64_t us = (uint64_t)now->tv_sec * 1000000 + (uint64_t)now->tv_nsec / 1000;
	us = sending_since_us + (us - sending_since_us) / SLOWER +
	     sent_bytes / BYTES_A_US;
	now->tv_sec = (time_t)(us / 1000000);
	now->tv_nsec = (long)(us % 1000000) * 1000;
	return 0;
}

/* ---- Joining ---------------------------------------------------------------------- */

static void join_some(struct guard *g);

static void on_join(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct guard *g = arg;
	(void)row;
	(void)created;
	g->joined++;
	if (err || g->joined == g->subscribers)
		guard_hub_done(&g->hub, err);
	else
		join_some(g);
}

static void join_some(struct guard *g)
{
	struct store *store = g->hub.store;
	char jid[64];
	while (g->asked < g->subscribers && g->asked - g->joined < JOINS_AT_ONCE) {
		snprintf(jid, sizeof(jid), "user%07zu@example.org", g->asked++);
		store->ops->join(store, FEED, jid, SUB_FOLLOW(FORMAT_EVENT), on_join, g);
	}
}

/* ---- The link --------------------------------------------------------------------- */

static struct guard *guard_of(struct link *l)
{
	return (struct guard *)((char *)l - offsetof(struct guard, link));
}

static void count_send(struct link *l, const char *data, size_t len)
{
	(void)l;
	(void)data;
	sent_bytes += len;
}

static bool count_room(const struct link *l)
{
	(void)l;
	return true;
}

static void count_barrier(struct link *l, uint64_t number)
{
	struct guard *g = guard_of(l);
	g->barrier = number;
	loop_timer_arm(g->answer, 0);
}

static size_t count_group(const struct link *l)
{
	(void)l;
	return 0;
}

static const struct link_ops count_ops = {.send = count_send,
					  .room = count_room,
					  .barrier = count_barrier,
					  .group = count_group};

static void on_answer(void *arg)
{
	struct guard *g = arg;
	engine_handlers.barrier(g->engine, g->barrier);
}

/* ---- Sending ---------------------------------------------------------------------- */

static bool always(void *arg)
{
	(void)arg;
	return true;
}

static void never(void *arg)
{
	(void)arg;
	guard_fail("the engine", "it lost lease or link");
}

static void on_lease(void *arg, enum belfry_err err, const struct store_owner *owner,
		     const struct store_lease_seen *seen)
{
	struct guard *g = arg;
	(void)seen;
	if (owner)
		g->owner = *owner;
	guard_hub_done(&g->hub, err);
}

static void start(struct guard *g)
{
	struct store *store = g->hub.store;
	const struct engine_options o = {.domain = DOMAIN,
					 .max_stanza_bytes = 262144,
					 .arg = g,
					 .may_write = always,
					 .lost = never,
					 .stalled = never,
					 .idle = never};
	store->ops->lease_take(store, DOMAIN, NULL, on_lease, g);
	guard_hub_wait(&g->hub);
	g->answer = loop_timer_create(g->hub.loop, on_answer, g);
	g->engine = engine_create(g->hub.loop, store, &o);
	g->link.ops = &count_ops;
	engine_use(g->engine, &g->link);
	sending_since_us = clock_mono_us();
	engine_own(g->engine, &g->owner);
	engine_handlers.up(g->engine);
}

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *c)
{
	(void)c;
	guard_hub_done(arg, err);
}

static void commit(struct guard *g)
{
	static const char doc[] =
		"{\"title\":\"Deployed shop 2.14.3 to production\",\"body\":\"All checks "
		"are green; 3 migrations ran.\",\"url\":\"https://ci.example.org/d/81723\","
		"\"tags\":[\"deploy\",\"shop\"],\"data\":{\"commit\":\"8c1f0e2\"}}";
	struct store *store = g->hub.store;
	char id[EVENT_ID_SIZE];
	event_id_make(clock_wall_ms(), id);
	const struct store_commit c = {.feed = FEED,
				       .id = id,
				       .item = id,
				       .priority = PRIORITY_NORMAL,
				       .at_ms = clock_wall_ms(),
				       .doc = doc,
				       .doc_len = sizeof(doc) - 1};
	store->ops->commit(store, &c, on_commit, &g->hub);
	guard_hub_wait(&g->hub);
}

static void deliver(struct guard *g)
{
	const struct engine_counters *c = engine_counters(g->engine);
	uint64_t want = c->taken + g->subscribers;
	struct engine_gauges gauges;
	commit(g);
	do {
		loop_turn(g->hub.loop, true);
		engine_gauges(g->engine, &gauges);
	} while (c->taken < want || gauges.feeds_behind > 0);
	if (c->taken != want || c->stanzas != want || c->stale || c->store_failures)
		guard_fail("the engine", "it sent another number of stanzas");
}

static void stop(struct guard *g)
{
	struct store *store = g->hub.store;
	engine_own(g->engine, NULL);
	store->ops->lease_release(store, &g->owner, guard_hub_done, &g->hub);
	guard_hub_wait(&g->hub);
	store->ops->destroy(store);
	g->hub.store = NULL;
	engine_destroy(g->engine);
	loop_timer_destroy(g->answer);
}

int main(int argc, char **argv)
{
	static struct guard g;
	bool join = argc == 3 && strcmp(argv[1], "join") == 0;
	if (!join && (argc != 4 || strcmp(argv[1], "send") != 0))
		guard_fail("usage",
			   "guard_fanout join SUBSCRIBERS | send SUBSCRIBERS EVENTS");
	g.subscribers = guard_number(argv[2]);
	guard_hub_open(&g.hub, FEED);
	if (join) {
		join_some(&g);
		guard_hub_wait(&g.hub);
	} else {
		start(&g);
		for (size_t left = guard_number(argv[3]); left > 0; left--)
			deliver(&g);
		stop(&g);
	}
	guard_hub_close(&g.hub);
	return 0;
}
