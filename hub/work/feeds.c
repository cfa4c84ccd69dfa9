#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MS 500  /* after a failed store call; to twice that */
#define SOON_MS 10   /* after one that lost against another change */
#define BROKEN_MAX 7 /* doublings of REST_MS where answers make no sense */

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

void feed_renew(struct feed *f)
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
	feed_renew(arg);
}

struct feed *feed_take(struct engine *e, const char *name)
{
	if (!feed_name_valid(name, strlen(name)))
		return NULL;
	struct feed **slot = feed_slot(e, name);
	if (*slot)
		return *slot;
	struct feed *f = xcalloc(1, sizeof(*f));
	f->engine = e;
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->run = policy_run(BUCKET_ROWS, 1);
	f->batch_most = policy_batch(0, 0);
	f->together_most = policy_batch_together(0, 0);
	f->settled_ms = clock_mono_ms();
	f->rest = loop_timer_create(e->loop, on_rested, f);
	fairq_enter(&e->waiting, &f->turn, 1);
	*slot = f;
	e->feed_count++;
	feed_renew(f);
	return f;
}

void feed_wake(struct engine *e, const char *name)
{
	struct feed *f = feed_take(e, name);
	if (!f)
		return;
	f->woken = f->changed = true;
	feed_step(f);
}

static void feed_free(struct feed *f)
{
	batch_unref(f->batch);
	batch_unref(f->old);
	loop_timer_destroy(f->rest);
	free(f->due);
	free(f->serving);
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
	late_flush(f);
	receipts_flush(f);
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

/* ---- What fails ------------------------------------------------------------------ */

void feed_fail(struct feed *f, uint64_t rest_ms)
{
	/* An answer that nobody waits for any more: what it was for is done anew. */
	if (f->state != FEED_PASS)
		return;
	if (!f->failed || rest_ms > f->rest_ms)
		f->rest_ms = rest_ms;
	f->failed = true;
	f->next = f->end;
	fairq_remove(&f->engine->waiting, &f->turn);
	pieces_unread(f);
	if (f->holds)
		due_hint(f->engine, f->rest_ms + REST_MS);
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
			batch_unref(f->old);
			f->batch = f->old = NULL;
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
			feed_renew(f);
		else
			feed_forget(f);
		return;
	}
	learn(f, sf);
	f->reached = f->head;
	pass_first(f, pos_cmp(sf->head, sf->settled) <= 0 || !f->buckets);
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
