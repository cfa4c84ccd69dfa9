#include "work/lease.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum lease_state { STANDING_BY, HOLDING, RELEASED };

struct lease {
	struct loop *loop;
	struct store *store;
	char name[256];
	uint64_t lease_ms;
	const struct lease_handlers *handlers;
	void *arg;
	struct loop_timer *tick;   /* poll or beat, every quarter of the lease */
	struct loop_timer *expiry; /* our own deadline */

	enum lease_state state;
	unsigned asking;   /* calls of the store that were not answered */
	uint64_t asked_ms; /* when the last take or beat was sent */
	uint64_t term;	   /* counts terms of holding: answers of an old one are void */
	uint64_t asked_term;
	struct store_owner owner;
	uint64_t deadline_ms;

	struct store_lease_seen seen;
	uint64_t seen_ms; /* since when it has looked so; 0: nothing seen */

	store_cb release_cb;
	void *release_arg;
};

bool lease_held(const struct lease *l)
{
	return l && l->state == HOLDING;
}

bool lease_watches(const struct lease *l)
{
	return l && l->state == STANDING_BY && l->seen_ms;
}

bool lease_valid_now(const struct lease *l)
{
	return lease_held(l) && clock_mono_ms() < l->deadline_ms;
}

/*
 * Whoever takes it over has watched the beat for the whole lease since after we sent it;
 * the margin is for clocks of different speed.
 */
static void extend(struct lease *l)
{
	l->deadline_ms = l->asked_ms + l->lease_ms - l->lease_ms / 20;
	uint64_t now = clock_mono_ms();
	loop_timer_arm(l->expiry, l->deadline_ms > now ? l->deadline_ms - now : 0);
}

static void end_term(struct lease *l, const char *why)
{
	l->state = STANDING_BY;
	l->term++;
	l->seen_ms = 0;
	loop_timer_disarm(l->expiry);
	l->handlers->lost(l->arg, why);
}

static void lose(struct lease *l, const char *why)
{
	if (l->state != HOLDING)
		return;
	log_warn("lease lost", log_s("name", l->name), log_s("why", why));
	end_term(l, why);
}

static void took(struct lease *l, const struct store_owner *owner)
{
	if (clock_mono_ms() >= l->asked_ms + l->lease_ms / 2) {
		/* Too old an answer to build on; our own beat stands still: wait it out.
		 */
		return;
	}
	l->owner = *owner;
	l->state = HOLDING;
	l->term++;
	extend(l);
	log_info("lease taken", log_s("name", l->name), log_u("fence", owner->fence));
	l->handlers->taken(l->arg, &l->owner);
}

static void saw(struct lease *l, const struct store_lease_seen *seen)
{
	if (l->seen_ms && seen->beat == l->seen.beat &&
	    strcmp(seen->token, l->seen.token) == 0)
		return;
	if (!l->seen_ms)
		log_info("standing by", log_s("name", l->name));
	l->seen = *seen;
	l->seen_ms = clock_mono_ms();
}

static void release_now(struct lease *l);

/* An answer came. True: it is the end, and there is nothing else to do about it. */
static bool answered(struct lease *l)
{
	l->asking--;
	if (l->state != RELEASED)
		return false;
	if (!l->asking)
		release_now(l);
	return true;
}

static void on_take(void *arg, enum belfry_err err, const struct store_owner *owner,
		    const struct store_lease_seen *seen)
{
	struct lease *l = arg;
	if (l->state == RELEASED && err == BELFRY_OK && owner)
		l->owner = *owner;
	if (answered(l))
		return;
	if (err == BELFRY_OK && owner)
		took(l, owner);
	else if (err == BELFRY_EEXIST && seen)
		saw(l, seen);
}

static void on_beat(void *arg, enum belfry_err err)
{
	struct lease *l = arg;
	if (answered(l))
		return;
	if (l->asked_term != l->term)
		return;
	if (err == BELFRY_OK)
		extend(l);
	else if (err == BELFRY_ELOST)
		lose(l, "another worker took it");
}

static void on_tick(void *arg)
{
	struct lease *l = arg;
	loop_timer_arm(l->tick, l->lease_ms / 4);
	if (l->asking || l->state == RELEASED)
		return;
	l->asking++;
	l->asked_ms = clock_mono_ms();
	l->asked_term = l->term;
	if (l->state == HOLDING) {
		l->store->ops->lease_beat(l->store, &l->owner, on_beat, l);
		return;
	}
	bool unmoving = l->seen_ms && l->asked_ms - l->seen_ms >= l->lease_ms;
	l->store->ops->lease_take(l->store, l->name, unmoving ? &l->seen : NULL, on_take,
				  l);
}

static void on_expiry(void *arg)
{
	lose(arg, "no beat was answered in time");
}

void lease_refused(struct lease *l)
{
	lose(l, "the store refused a write of this owner");
}

static void on_yielded(void *arg, enum belfry_err err)
{
	(void)err; /* if it did not arrive, our beat stands still, and that is seen */
	answered(arg);
}

void lease_yield(struct lease *l, uint64_t pause_ms, const char *why)
{
	if (l->state != HOLDING)
		return;
	uint64_t looks = l->lease_ms / 2; /* they ask every quarter */
	if (pause_ms < looks)
		pause_ms = looks;
	log_warn("lease given up", log_s("name", l->name), log_s("why", why),
		 log_u("pause_ms", pause_ms));
	end_term(l, why);
	loop_timer_arm(l->tick, pause_ms);
	l->asking++;
	l->store->ops->lease_release(l->store, &l->owner, on_yielded, l);
}

struct lease *lease_create(struct loop *loop, struct store *store, const char *name,
			   uint64_t lease_ms, const struct lease_handlers *handlers,
			   void *arg)
{
	struct lease *l = xcalloc(1, sizeof(*l));
	l->loop = loop;
	l->store = store;
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->lease_ms = lease_ms;
	l->handlers = handlers;
	l->arg = arg;
	l->tick = loop_timer_create(loop, on_tick, l);
	l->expiry = loop_timer_create(loop, on_expiry, l);
	loop_timer_arm(l->tick, 0);
	return l;
}

void lease_destroy(struct lease *l)
{
	if (!l)
		return;
	loop_timer_destroy(l->tick);
	loop_timer_destroy(l->expiry);
	free(l);
}

static void on_release(void *arg, enum belfry_err err)
{
	struct lease *l = arg;
	log_info("lease released", log_s("name", l->name),
		 log_s("outcome", belfry_err_text(err)));
	l->release_cb(l->release_arg, err);
}

static void release_now(struct lease *l)
{
	if (l->owner.token[0])
		l->store->ops->lease_release(l->store, &l->owner, on_release, l);
	else
		l->release_cb(l->release_arg, BELFRY_OK);
}

void lease_release(struct lease *l, store_cb cb, void *arg)
{
	bool held = l->state == HOLDING;
	l->state = RELEASED;
	l->term++;
	l->release_cb = cb;
	l->release_arg = arg;
	loop_timer_disarm(l->tick);
	loop_timer_disarm(l->expiry);
	if (!held)
		memset(&l->owner, 0, sizeof(l->owner));
	if (!l->asking)
		release_now(l);
}
