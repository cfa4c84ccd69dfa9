#include "work/engine_int.h"

#include <belfry/base/clock.h>

#define SETTLE_MS 100 /* seldom enough to cost nothing, and never much to trim */

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

/* Buckets next .. end - 1 are to be claimed. */
static void begin(struct feed *f)
{
	struct engine *e = f->engine;
	f->state = FEED_PASS;
	f->pass++;
	f->overtaken = f->dones;
	e->counters.passes++;
	if (f->next < f->end)
		fairq_push(&e->waiting, &f->turn);
	engine_kick(e);
	feed_step(f);
}

/* What has to be passed over once more, or everything. */
static void begin_pass(struct feed *f, bool everything)
{
	struct engine *e = f->engine;
	f->holds = false;
	f->next = everything ? 0 : f->again_from;
	f->end = everything || f->again_to > f->buckets ? f->buckets : f->again_to;
	f->again_from = f->again_to = 0;
	f->passed = f->next;
	f->reached = f->head;
	batch_unref(f->old);
	f->old = NULL;
	if (suspects_any(e)) {
		/* Others wait until the suspect is known; looked up again then. */
		f->alone = suspects_range(f);
		f->failed = !f->alone;
		f->next = f->alone ? f->next : f->end;
	}
	begin(f);
}

/* What is due is looked at; what has been reached by the others stays what it is. */
static void begin_holds(struct feed *f)
{
	f->holds = true;
	f->next = 0;
	f->end = (uint32_t)due_take(f);
	f->engine->counters.hold_passes++;
	begin(f);
}

void pass_first(struct feed *f, bool settled)
{
	if (!settled || suspects_any(f->engine))
		begin_pass(f, true);
	else if (f->due_count)
		begin_holds(f);
	else
		feed_settle(f);
}

void feed_resume(struct feed *f)
{
	if (wants_again(f))
		begin_pass(f, false);
	else
		feed_renew(f);
}

void feed_finish(struct feed *f)
{
	if (wants_again(f) || f->woken || f->due_count)
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

/* The pass is over, and with it the reason for no other one. True: that was all. */
static bool broken_off(struct feed *f)
{
	if (f->failed) {
		f->failed = false;
		f->state = FEED_RESTING;
		if (f->rest_ms)
			loop_timer_arm(f->rest, f->rest_ms);
		else
			feed_renew(f);
		return true;
	}
	if (f->alone) {
		f->alone = false;
		feed_renew(f);
		return true;
	}
	return false;
}

void feed_step(struct feed *f)
{
	struct engine *e = f->engine;
	if (f->gone || f->pieces || f->state != FEED_PASS)
		return;
	if (!f->failed && f->next < f->end)
		return;
	/* Only the next pass may overtake the completions. */
	bool goes_on = !f->failed && !f->alone;
	bool more = goes_on && (wants_again(f) || (f->woken && f->buckets));
	bool due = goes_on && f->due_count && !suspects_any(e);
	bool unsettled = clock_mono_ms() - f->settled_ms >= SETTLE_MS;
	if (f->dones && ((!more && !due) || unsettled || suspects_any(e)))
		return;
	if (goes_on && (late_goes_first(f) || receipts_go_first(f)))
		return;
	feed_deactivate(f);
	fairq_remove(&e->waiting, &f->turn);
	if (broken_off(f))
		return;
	if (!more && !due) {
		feed_settle(f);
		return;
	}
	if (unsettled)
		feed_settle_aside(f);
	if (due && (!more || !f->holds))
		begin_holds(f);
	else
		go_on(f);
}
