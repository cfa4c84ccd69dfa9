#include "world.h"

#include "world_presence.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/id.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000

#define FROZEN_S 1767225600 /* 2026-01-01 */
#define FROZEN_TICK_NS 1000

static uint64_t skipped_ms;
static uint64_t frozen_ns;	/* 0: the clocks are the machine's */
static struct timespec stopped; /* 0: it is not */

/* In the place of libc's, for libuv as well. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (frozen_ns) {
		frozen_ns += FROZEN_TICK_NS;
		now->tv_sec = FROZEN_S + (time_t)(frozen_ns / 1000000000);
		now->tv_nsec = (long)(frozen_ns % 1000000000);
	} else if (syscall(SYS_clock_gettime, clock, now) != 0) {
		return -1;
	}
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
		return 0;
	if (stopped.tv_sec)
		*now = stopped;
	uint64_t ms = (uint64_t)now->tv_nsec / 1000000 + skipped_ms;
	now->tv_nsec = now->tv_nsec % 1000000 + (long)(ms % 1000) * 1000000;
	now->tv_sec += (time_t)(ms / 1000);
	return 0;
}

void world_stop_clock(bool stop)
{
	if (!stop)
		stopped = (struct timespec){0};
	else if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &stopped) != 0)
		fail_msg("there is no clock");
}

void world_skip(uint64_t ms)
{
	skipped_ms += ms;
}

void world_freeze(void)
{
	frozen_ns = 1;
	skipped_ms = 0;
}

void world_pass(struct world *w, uint64_t ms)
{
	skipped_ms += ms;
	memory_pass_time(w->memory, ms);
}

static uint64_t deadline(void)
{
	return clock_mono_ms() + PATIENCE_MS;
}

void world_until(struct world *w, const bool *flag)
{
	uint64_t until = deadline();
	while (!*flag) {
		loop_turn(w->loop, false);
		if (clock_mono_ms() > until)
			fail_msg("nothing happened for too long");
	}
}

void world_turns(struct world *w, unsigned turns)
{
	while (turns--)
		loop_turn(w->loop, false);
}

void world_start(struct world *w)
{
	*w = (struct world){0};
	w->loop = loop_create();
	w->memory = memory_create();
	w->app = store_memory_create(w->loop, w->memory);
}

void world_finish(struct world *w)
{
	w->app->ops->destroy(w->app);
	memory_destroy(w->memory);
	world_turns(w, 3);
	loop_destroy(w->loop);
	for (size_t i = 0; i < w->id_count; i++)
		free(w->ids[i]);
}

/* ---- Asking the store ------------------------------------------------------------- */

struct reply {
	bool done;
	enum belfry_err err;
	struct pos pos;
	struct store_counters counters;
	bool settled;
	struct sub sub;
	struct sub_hold hold;
	struct store_feed feed;
};

static void on_plain(void *arg, enum belfry_err err)
{
	struct reply *r = arg;
	r->err = err;
	r->done = true;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct reply *r = arg;
	(void)created;
	if (feed) {
		r->feed = *feed;
		r->feed.name = r->feed.config = NULL;
	}
	on_plain(arg, err);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct reply *r = arg;
	(void)created;
	if (row) {
		r->sub = row->sub;
		sub_hold_read(&row->sub, &r->hold);
		r->sub.hold = r->sub.options = NULL; /* gone with the call */
	}
	on_plain(arg, err);
}

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct reply *r = arg;
	if (done)
		r->pos = done->pos;
	on_plain(arg, err);
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct reply *r = arg;
	(void)event;
	if (counters)
		r->counters = *counters;
	r->settled = settled;
	on_plain(arg, err);
}

static void wait_ok(struct world *w, struct reply *r)
{
	world_until(w, &r->done);
	assert_int_equal(r->err, BELFRY_OK);
}

void world_feed(struct world *w, const char *feed, const char *config)
{
	struct reply r = {0};
	w->app->ops->feed_put(w->app, feed, config, NULL, 1, on_feed, &r);
	wait_ok(w, &r);
}

void world_change(struct world *w, const char *feed, const char *jid,
		  const struct sub_change *change)
{
	struct reply r = {0};
	w->app->ops->join(w->app, feed, jid, change, on_row, &r);
	wait_ok(w, &r);
}

void world_join_one(struct world *w, const char *feed, const char *jid,
		    enum sub_format format)
{
	world_change(w, feed, jid, SUB_FOLLOW(format));
}

void world_join(struct world *w, const char *feed, const char *name, size_t count,
		enum sub_format format)
{
	char jid[64];
	for (size_t i = 0; i < count; i++) {
		snprintf(jid, sizeof(jid), "%s%05zu@example.org", name, i);
		world_join_one(w, feed, jid, format);
	}
}

struct pos world_commit(struct world *w, const char *feed, const char *doc)
{
	struct reply r = {0};
	char id[EVENT_ID_SIZE];
	event_id_make(clock_wall_ms(), id);
	struct store_commit c = {.feed = feed,
				 .id = id,
				 .item = id,
				 .priority = strstr(doc, "urgent") ? PRIORITY_URGENT
								   : PRIORITY_NORMAL,
				 .at_ms = w->at_ms ? w->at_ms : clock_wall_ms(),
				 .doc = doc,
				 .doc_len = strlen(doc)};
	w->app->ops->commit(w->app, &c, on_commit, &r);
	wait_ok(w, &r);
	w->ids[w->id_count++] = xstrdup(id);
	return r.pos;
}

struct store_feed world_feed_get(struct world *w, const char *feed)
{
	struct reply r = {0};
	w->app->ops->feed_get(w->app, feed, on_feed, &r);
	wait_ok(w, &r);
	return r.feed;
}

void world_split(struct world *w, const char *feed)
{
	struct reply r = {0};
	w->app->ops->split(w->app, feed, world_feed_get(w, feed).buckets, on_plain, &r);
	wait_ok(w, &r);
}

struct store_counters world_counters(struct world *w, const char *feed, const char *id,
				     bool *settled)
{
	struct reply r = {0};
	w->app->ops->event_get(w->app, feed, id, on_event, &r);
	wait_ok(w, &r);
	if (settled)
		*settled = r.settled;
	return r.counters;
}

enum belfry_err world_event_err(struct world *w, const char *feed, const char *id)
{
	struct reply r = {0};
	w->app->ops->event_get(w->app, feed, id, on_event, &r);
	world_until(w, &r.done);
	return r.err;
}

enum belfry_err world_sub(struct world *w, const char *feed, const char *jid,
			  struct sub *out)
{
	struct reply r = {0};
	w->app->ops->sub_get(w->app, feed, jid, on_row, &r);
	world_until(w, &r.done);
	if (out)
		*out = r.sub;
	return r.err;
}

struct sub_hold world_hold(struct world *w, const char *feed, const char *jid)
{
	struct reply r = {0};
	w->app->ops->sub_get(w->app, feed, jid, on_row, &r);
	wait_ok(w, &r);
	return r.hold;
}

void world_order(struct world *w, const char *feed, const char *jid,
		 enum hold_order order)
{
	struct reply r = {0};
	w->app->ops->hold_order(w->app, feed, jid, order, on_row, &r);
	wait_ok(w, &r);
}

/* ---- Workers ---------------------------------------------------------------------- */

static bool may_write(void *arg)
{
	const struct worker *k = arg;
	return k->valid;
}

static void on_lost(void *arg)
{
	struct worker *k = arg;
	k->lost++;
	engine_own(k->engine, NULL);
	if (k->link->ops->is_up(k->link))
		recorder_down(k->link, LINK_END_ASKED, "");
}

static void on_stalled(void *arg)
{
	struct worker *k = arg;
	k->stalled++;
}

static void on_idle(void *arg)
{
	struct worker *k = arg;
	k->idle = true;
}

struct taking {
	bool done;
	enum belfry_err err;
	struct store_owner owner;
	struct store_lease_seen seen;
};

static void on_take(void *arg, enum belfry_err err, const struct store_owner *owner,
		    const struct store_lease_seen *seen)
{
	struct taking *t = arg;
	t->err = err;
	if (owner)
		t->owner = *owner;
	if (seen)
		t->seen = *seen;
	t->done = true;
}

static void take_lease(struct worker *k)
{
	struct taking t = {0};
	k->store->ops->lease_take(k->store, DOMAIN, NULL, on_take, &t);
	world_until(k->world, &t.done);
	if (t.err == BELFRY_EEXIST) {
		struct store_lease_seen seen = t.seen;
		t.done = false;
		k->store->ops->lease_take(k->store, DOMAIN, &seen, on_take, &t);
		world_until(k->world, &t.done);
	}
	assert_int_equal(t.err, BELFRY_OK);
	k->owner = t.owner;
}

void worker_start(struct world *w, struct worker *k, size_t max_stanza_bytes)
{
	static const struct policy_retry never = {UINT32_MAX, UINT32_MAX, 12, UINT64_MAX};
	*k = (struct worker){.world = w, .valid = true};
	const struct engine_options o = {
		.domain = DOMAIN,
		.multicast = MULTICAST,
		.max_stanza_bytes = max_stanza_bytes ? max_stanza_bytes : 262144,
		.retry = w->retry.first_ms ? w->retry : never,
		.arg = k,
		.may_write = may_write,
		.lost = on_lost,
		.stalled = on_stalled,
		.idle = on_idle,
		.presence = w->presences || w->play.presence ? worker_presence : NULL,
		.wake = worker_wake};
	k->store = store_memory_create(w->loop, w->memory);
	k->engine = engine_create(w->loop, k->store, &o);
	k->link = recorder_create(&worker_handlers, k);
	engine_use(k->engine, k->link);
	if (w->presences)
		worker_looks(k, may_write);
	take_lease(k);
	engine_own(k->engine, &k->owner);
	recorder_set_group(k->link, w->group);
	recorder_up(k->link);
}

void worker_kill(struct worker *k)
{
	k->link->ops->destroy(k->link);
	k->store->ops->destroy(k->store);
	engine_destroy(k->engine);
	prober_destroy(k->prober);
	availability_destroy(k->availability);
	world_turns(k->world, 3);
	k->engine = NULL;
}

struct pending {
	bool done;
	size_t count;
};

static void on_behind(void *arg, enum belfry_err err, const char *const *names,
		      size_t count)
{
	struct pending *p = arg;
	(void)names;
	p->count = err ? 1 : count;
	p->done = true;
}

void worker_run(struct worker *k)
{
	uint64_t until = deadline();
	for (;;) {
		struct pending p = {0};
		k->world->app->ops->behind(k->world->app, on_behind, &p);
		while (!p.done) {
			recorder_serve(k->link);
			loop_turn(k->world->loop, false);
		}
		struct engine_gauges g;
		engine_gauges(k->engine, &g);
		if (p.count == 0 && g.feeds_behind == 0)
			return;
		if (clock_mono_ms() > until)
			fail_msg("%zu feeds are still behind", p.count);
	}
}

void worker_until_sent(struct worker *k, size_t want, bool serve)
{
	uint64_t until = deadline();
	while (recorder_messages(k->link) < want) {
		if (serve)
			recorder_serve(k->link);
		loop_turn(k->world->loop, false);
		if (clock_mono_ms() > until)
			fail_msg("%zu messages were sent, not %zu",
				 recorder_messages(k->link), want);
	}
}

void world_begin(struct world *w, struct worker *k, size_t rows, unsigned events)
{
	world_start(w);
	world_feed(w, "deploys", "{}");
	world_join(w, "deploys", "r", rows, FORMAT_CHAT);
	for (unsigned i = 0; i < events; i++)
		world_commit(w, "deploys", "{\"title\":\"an event\"}");
	if (k)
		worker_start(w, k, 0);
}

void world_end(struct world *w, struct worker *k)
{
	worker_kill(k);
	world_finish(w);
}

/* ---- What they have sent ---------------------------------------------------------- */

void worker_check_once(const struct worker *k, size_t want)
{
	struct letters l = {0};
	letters_add(&l, k->link);
	letters_sort(&l);
	assert_int_equal(l.count, want);
	assert_int_equal(letters_repeats(&l), 0);
	letters_free(&l);
}

void worker_replace(struct worker *old, struct worker *new, struct letters *l)
{
	letters_add(l, old->link);
	worker_kill(old);
	worker_start(old->world, new, 0);
	worker_run(new);
	letters_add(l, new->link);
	letters_sort(l);
}
