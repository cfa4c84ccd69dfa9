#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MS 250
#define HINTS_MS 5000 /* a wake-up may be lost; the behind set is not */

void engine_kick(struct engine *e)
{
	if (!loop_timer_armed(e->kick))
		loop_timer_arm(e->kick, 0);
}

bool engine_can_claim(const struct engine *e)
{
	return e->owned && e->up && !e->halted && !e->quiet;
}

void engine_halt(struct engine *e)
{
	if (e->halted)
		return;
	e->halted = true;
	engine_kick(e);
}

static void go_idle(struct engine *e)
{
	if (e->quiet && flight_empty(e) && e->dones == 0 && !(e->owned && e->late))
		e->o.idle(e->o.arg);
}

/* What was in flight is unknown: forget it all and read again. */
static void fall(struct engine *e, enum link_end end, const char *condition)
{
	e->cut = false;
	suspects_link_down(e, end, condition);
	flight_drop(e);
	windows_reset(e->windows);
	feeds_restart(e);
}

/* What is read and not sent is left to the next owner; others wait for it. */
static void leave_unsent(struct engine *e)
{
	for (size_t i = e->active_count; i-- > 0;) {
		struct feed *f = e->active[i];
		if (!f->unsent || f->failed)
			continue;
		feed_fail(f, 0);
		feed_step(f);
	}
}

static void on_kick(void *arg)
{
	struct engine *e = arg;
	if (e->halted) {
		e->o.lost(e->o.arg);
		return;
	}
	if (e->quiet)
		leave_unsent(e);
	e->pumping = true;
	if (e->owned && e->up) {
		send_pump(e);
		feeds_load(e);
		pieces_claim(e);
	}
	e->pumping = false;
	if (e->cut)
		fall(e, e->cut_end, e->cut_condition);
	go_idle(e);
}

static void on_hints(void *arg, enum belfry_err err, const char *const *names,
		     size_t count)
{
	struct engine *e = arg;
	e->hints_asked = false;
	if (err || !e->owned)
		return;
	for (size_t i = 0; i < count; i++)
		if (!feed_find(e, names[i]))
			feed_wake(e, names[i]);
}

static void ask_hints(struct engine *e)
{
	if (e->hints_asked || !e->owned || e->quiet)
		return;
	e->hints_asked = true;
	e->hints_ms = clock_mono_ms();
	STORE(e, behind, on_hints, e);
}

static void on_watch(void *arg)
{
	struct engine *e = arg;
	loop_timer_arm(e->watch, WATCH_MS);
	if (clock_mono_ms() - e->hints_ms >= HINTS_MS)
		ask_hints(e);
	flight_watch(e);
}

static void on_wake(void *arg, enum store_wake what, const char *feed)
{
	struct engine *e = arg;
	if (!e->owned)
		return;
	if (what == WAKE_EVENTS)
		feed_wake(e, feed);
	else if (what == WAKE_ALL)
		ask_hints(e);
	if (what == WAKE_DUE || what == WAKE_ALL)
		due_hint(e, 0);
	if (what == WAKE_SCHEDULED || what == WAKE_ALL)
		schedule_hint(e->schedule, 0);
	if (e->o.woken)
		e->o.woken(e->o.arg, what, feed);
}

static void on_due(void *arg)
{
	due_ask(arg);
}

struct engine *engine_create(struct loop *loop, struct store *store,
			     const struct engine_options *options)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	e->loop = loop;
	e->store = store;
	e->o = *options;
	e->ahead = AHEAD_MIN;
	if (e->o.multicast)
		e->home = strchr(e->o.multicast, '.') + 1;
	e->kick = loop_timer_create(loop, on_kick, e);
	e->watch = loop_timer_create(loop, on_watch, e);
	e->due = loop_timer_create(loop, on_due, e);
	e->windows = windows_create();
	e->receipts = receipts_create(e);
	e->sweep = sweep_create(e);
	e->janitor = janitor_create(e);
	e->schedule = schedule_create(e);
	loop_timer_arm(e->watch, WATCH_MS);
	return e;
}

void engine_use(struct engine *e, struct link *link)
{
	e->link = link;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	e->owned = e->up = false;
	flight_drop(e);
	feeds_drop_all(e);
	late_finish(e);
	receipts_stop(e);
	receipts_destroy(e->receipts);
	sweep_stop(e);
	sweep_destroy(e->sweep);
	suspects_forget(e, NULL);
	free(e->suspects);
	janitor_destroy(e->janitor);
	schedule_destroy(e->schedule);
	fairq_finish(&e->waiting);
	windows_destroy(e->windows);
	buf_free(&e->out);
	free(e->ways);
	loop_timer_destroy(e->kick);
	loop_timer_destroy(e->watch);
	loop_timer_destroy(e->due);
	free(e);
}

static void disown(struct engine *e)
{
	e->owned = false;
	e->halted = false;
	STORE(e, listen, NULL, NULL);
	janitor_stop(e->janitor);
	schedule_stop(e->schedule);
	flight_drop(e);
	windows_reset(e->windows);
	suspects_forget(e, NULL);
	feeds_drop_all(e);
	late_disown(e);
	receipts_stop(e);
	sweep_stop(e);
	loop_timer_disarm(e->due);
	e->errors = 0;
	engine_kick(e);
}

void engine_own(struct engine *e, const struct store_owner *owner)
{
	if (!owner) {
		if (e->owned)
			disown(e);
		return;
	}
	e->owner = *owner;
	e->owned = true;
	e->halted = false;
	STORE(e, listen, on_wake, e);
	ask_hints(e);
	due_hint(e, 0);
	late_own(e);
	janitor_start(e->janitor);
	schedule_start(e->schedule);
}

void engine_quiesce(struct engine *e)
{
	e->quiet = true;
	janitor_stop(e->janitor);
	schedule_stop(e->schedule);
	engine_kick(e);
}

uint64_t engine_barrier(struct engine *e)
{
	if (!engine_can_claim(e) || suspects_any(e) || !e->o.may_write(e->o.arg))
		return 0;
	return flight_barrier(e);
}

static void on_up(void *arg)
{
	struct engine *e = arg;
	e->up = true;
	e->up_ms = clock_mono_ms();
	windows_reset(e->windows);
	groups_begin(e);
	e->repeats = 0;
	due_hint(e, 0);
	sweep_up(e);
	engine_kick(e);
}

static void on_down(void *arg, const struct link_down *why)
{
	struct engine *e = arg;
	if (!e->up)
		return;
	e->up = false;
	e->cut_end = why->end;
	snprintf(e->cut_condition, sizeof(e->cut_condition), "%s", why->condition);
	e->cut = true;
	if (!e->pumping)
		fall(e, e->cut_end, e->cut_condition);
	engine_kick(e);
}

static void on_barrier(void *arg, uint64_t number)
{
	struct engine *e = arg;
	if (!e->up || e->halted)
		return;
	engine_kick(e); /* first: what it reads goes along with what is done now */
	flight_passed(e, number);
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	struct engine *e = arg;
	if (e->owned && !e->halted)
		bounces_take(e, bounce);
}

static void on_received(void *arg, const char *id, const char *from)
{
	struct engine *e = arg;
	if (e->owned && !e->halted)
		receipts_take(e, id, from);
}

static void on_room(void *arg)
{
	engine_kick(arg);
}

const struct link_handlers engine_handlers = {
	.up = on_up,
	.down = on_down,
	.barrier = on_barrier,
	.bounce = on_bounce,
	.received = on_received,
	.room = on_room,
};

const struct engine_counters *engine_counters(const struct engine *e)
{
	return &e->counters;
}

void engine_gauges(const struct engine *e, struct engine_gauges *out)
{
	*out = (struct engine_gauges){
		.feeds_behind = e->feed_count,
		.pieces = e->unsent,
		.one_by_one = suspects_any(e),
		.group = e->up ? e->group : 0,
	};
	windows_stats(e->windows, &out->windows);
}
