#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MS 500   /* after a failed store call; to twice that */
#define SOON_MS 10    /* after one that lost against another change */
#define BROKEN_MAX 7  /* doublings of REST_MS where answers make no sense */
#define SETTLE_MS 100 /* seldom enough to cost nothing, and never much to trim */

static struct feed **feed_slot(struct engine *e, const char *name)
{
	struct feed **slot =
		&e->table[row_hash(TABLE_SALT, name, strlen(name)) % FEED_TABLE];
	while (*slot && strcmp((*slot)->name, name) != 0)
		slot = &(*slot)->chain;
	return slot;
}

struct feed *feed_find(const struct engine *e, const char *name)
{
	struct feed *f = e->table[row_hash(TABLE_SALT, name, strlen(name)) % FEED_TABLE];
	while (f && strcmp(f->name, name) != 0)
		f = f->chain;
	return f;
}

static void fresh_push(struct feed *f)
{
	struct engine *e = f->engine;
	f->state = FEED_NEW;
	f->list_next = NULL;
	f->list_prev = e->fresh_last;
	*(e->fresh_last ? &e->fresh_last->list_next : &e->fresh) = f;
	e->fresh_last = f;
	engine_kick(e);
}

static void fresh_remove(struct feed *f)
{
	struct engine *e = f->engine;
	*(f->list_prev ? &f->list_prev->list_next : &e->fresh) = f->list_next;
	*(f->list_next ? &f->list_next->list_prev : &e->fresh_last) = f->list_prev;
	f->list_next = f->list_prev = NULL;
}

static void on_rested(void *arg)
{
	fresh_push(arg);
}

void feed_wake(struct engine *e, const char *name)
{
	if (!feed_name_valid(name, strlen(name)))
		return;
	struct feed **slot = feed_slot(e, name);
	if (*slot) {
		(*slot)->woken = (*slot)->changed = true;
		feed_step(*slot);
		return;
	}
	struct feed *f = xcalloc(1, sizeof(*f));
	f->engine = e;
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->run = policy_run(BUCKET_ROWS, 1);
	f->batch_most = policy_batch(0, 0);
	f->settled_ms = clock_mono_ms();
	f->rest = loop_timer_create(e->loop, on_rested, f);
	fairq_enter(&e->waiting, &f->turn, 1);
	*slot = f;
	e->feed_count++;
	fresh_push(f);
}

static void feed_free(struct feed *f)
{
	batch_unref(f->batch);
	loop_timer_destroy(f->rest);
	free(f);
}

void feed_forget(struct feed *f)
{
	struct engine *e = f->engine;
	*feed_slot(e, f->name) = f->chain;
	e->feed_count--;
	if (f->state == FEED_NEW)
		fresh_remove(f);
	if (f->state == FEED_LOADING)
		e->loading--;
	f->state = FEED_RESTING;
	loop_timer_disarm(f->rest);
	pieces_drop(f);
	f->gone = true;
	if (f->calls == 0)
		feed_free(f);
}

bool feed_called(struct feed *f)
{
	f->calls--;
	if (!f->gone)
		return false;
	if (f->calls == 0)
		feed_free(f);
	return true;
}

void feeds_drop_all(struct engine *e)
{
	for (size_t i = 0; i < FEED_TABLE; i++) {
		for (struct feed *f = e->table[i], *next; f; f = next) {
			next = f->chain;
			feed_forget(f);
		}
	}
}

/* ---- The pass -------------------------------------------------------------------- */

void feed_again(struct feed *f, uint32_t from, uint32_t to)
{
	if (from >= to)
		return;
	if (f->again_from == f->again_to) {
		f->again_from = from;
		f->again_to = to;
		return;
	}
	if (from < f->again_from)
		f->again_from = from;
	if (to > f->again_to)
		f->again_to = to;
}

static bool wants_again(const struct feed *f)
{
	return f->again_from < f->again_to;
}

/* What has to be passed over once more, or everything. */
static void begin_pass(struct feed *f, bool everything)
{
	struct engine *e = f->engine;
	f->state = FEED_PASS;
	f->pass++;
	f->overtaken = f->dones;
	f->next = everything ? 0 : f->again_from;
	f->end = everything || f->again_to > f->buckets ? f->buckets : f->again_to;
	f->again_from = f->again_to = 0;
	f->passed = f->next;
	f->reached = f->head;
	if (suspects_any(e)) {
		/* Others wait until the suspect is known; looked up again then. */
		f->alone = suspects_range(f);
		f->failed = !f->alone;
	}
	e->counters.passes++;
	if (f->next < f->end)
		fairq_push(&e->waiting, &f->turn);
	engine_kick(e);
	feed_step(f);
}

void feed_resume(struct feed *f)
{
	if (wants_again(f))
		begin_pass(f, false);
	else
		fresh_push(f);
}

void feed_finish(struct feed *f)
{
	if (wants_again(f) || f->woken)
		feed_resume(f);
	else
		feed_forget(f);
}

/* Newer events have come while the pass was on its way: no look at the feed is needed. */
static void go_on(struct feed *f)
{
	bool all = f->batch && pos_cmp(f->reached, f->batch->to) >= 0;
	if (!wants_again(f))
		feed_again(f, 0, f->buckets);
	begin_pass(f, false);
	if (all)
		pieces_look_ahead(f);
}

void feed_step(struct feed *f)
{
	struct engine *e = f->engine;
	if (f->gone || f->pieces || (f->state != FEED_PASS && !f->failed))
		return;
	if (f->state == FEED_NEW || f->state == FEED_LOADING || f->state == FEED_RESTING)
		return;
	if (!f->failed && f->next < f->end)
		return;
	/* Only the next pass may overtake the completions. */
	bool more =
		!f->failed && !f->alone && (wants_again(f) || (f->woken && f->buckets));
	bool unsettled = clock_mono_ms() - f->settled_ms >= SETTLE_MS;
	if (f->dones && (!more || unsettled || suspects_any(e)))
		return;
	feed_deactivate(f);
	fairq_remove(&e->waiting, &f->turn);
	if (f->failed) {
		f->failed = false;
		f->state = FEED_RESTING;
		if (f->rest_ms)
			loop_timer_arm(f->rest, f->rest_ms);
		else
			fresh_push(f);
		return;
	}
	if (f->alone) {
		f->alone = false;
		fresh_push(f);
		return;
	}
	if (!more) {
		feed_settle(f);
		return;
	}
	if (unsettled)
		feed_settle_aside(f);
	go_on(f);
}

void feed_fail(struct feed *f, uint64_t rest_ms)
{
	if (!f->failed || rest_ms > f->rest_ms)
		f->rest_ms = rest_ms;
	f->failed = true;
	f->next = f->end;
	fairq_remove(&f->engine->waiting, &f->turn);
	pieces_unread(f);
}

void feed_fail_err(struct feed *f, enum belfry_err err)
{
	f->engine->counters.store_failures++;
	log_debug("store call failed, will repeat", log_s("feed", f->name),
		  log_s("why", belfry_err_text(err)));
	uint64_t rest = REST_MS + random_below(REST_MS);
	if (err == BELFRY_ENOFEED || err == BELFRY_ESTALE)
		rest = SOON_MS;
	else if (err == BELFRY_EINTERNAL)
		/* It mends itself seldom, and each try may repeat stanzas. */
		rest <<= f->broken < BROKEN_MAX ? f->broken++ : BROKEN_MAX;
	feed_fail(f, rest);
}

void feeds_restart(struct engine *e)
{
	for (size_t i = 0; i < FEED_TABLE; i++) {
		for (struct feed *f = e->table[i]; f; f = f->chain) {
			if (f->state != FEED_PASS)
				continue;
			feed_fail(f, 0);
			pieces_drop(f);
			batch_unref(f->batch); /* it may have become unfit to send */
			f->batch = NULL;
			feed_step(f);
		}
	}
}

/* ---- Looking it up --------------------------------------------------------------- */

static void learn(struct feed *f, const struct store_feed *sf)
{
	feed_learn_config(f, sf);
	f->salt = sf->salt;
	f->buckets = sf->buckets;
	f->head = sf->head;
}

static void on_load(void *arg, enum belfry_err err, const struct store_feed *sf,
		    bool created)
{
	struct feed *f = arg;
	struct engine *e = f->engine;
	(void)created;
	if (feed_called(f))
		return;
	e->loading--;
	engine_kick(e); /* others wait to be looked up */
	f->state = FEED_PASS;
	f->next = f->end = 0;
	if (err == BELFRY_ENOFEED || err == BELFRY_ENOENT) {
		suspects_forget(e, f->name);
		feed_forget(f);
		return;
	}
	if (err) {
		feed_fail_err(f, err);
		feed_step(f);
		return;
	}
	if (!sf->head.n) { /* how it shows was changed: nothing to deliver, or to trim */
		suspects_forget(e, f->name);
		if (f->woken)
			fresh_push(f);
		else
			feed_forget(f);
		return;
	}
	learn(f, sf);
	f->reached = f->head;
	if (!suspects_any(e) && (pos_cmp(sf->head, sf->settled) <= 0 || !f->buckets))
		feed_settle(f);
	else
		begin_pass(f, true);
}

static void load(struct feed *f)
{
	struct engine *e = f->engine;
	fresh_remove(f);
	f->state = FEED_LOADING;
	f->woken = f->changed = f->alone = false;
	double tag = f->turn.tag;
	fairq_enter(&e->waiting, &f->turn, f->turn.weight);
	if (tag > f->turn.tag) /* it was served before: that is not forgotten */
		f->turn.tag = tag;
	e->loading++;
	f->calls++;
	STORE(e, feed_get, f->name, on_load, f);
}

void feeds_load(struct engine *e)
{
	if (!engine_can_claim(e))
		return;
	if (suspects_any(e)) {
		const char *name = e->suspects[0].feed;
		struct feed *f = feed_find(e, name);
		if (!f) {
			feed_wake(e, name);
			f = feed_find(e, name);
		}
		if (f && f->state == FEED_NEW)
			load(f);
		return;
	}
	while (e->fresh && e->loading < LOADING_MAX)
		load(e->fresh);
}
