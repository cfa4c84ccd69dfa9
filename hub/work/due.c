#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

/*
 * What holds are due is asked for: when the first of them is, as far as is known, when
 * the store says so, and once in a while.
 */
#define ASK_MIN 256
#define ASK_MAX 65536 /* as one feed may have many, and others are behind them */
#define ASK_MS 10000
#define FULL_MS 100 /* there are more than we were told */
#define AWAY_MS 1000
#define PASS_MIN 8 /* buckets of a pass, or this part of the feed */
#define PASS_PART 8

void due_hint(struct engine *e, uint64_t wait_ms)
{
	uint64_t now = clock_mono_ms();
	if (!e->owned || e->quiet)
		return;
	if (wait_ms > ASK_MS)
		wait_ms = ASK_MS;
	if (loop_timer_armed(e->due) && e->due_at_ms <= now + wait_ms)
		return;
	e->due_at_ms = now + wait_ms;
	loop_timer_arm(e->due, wait_ms);
}

/* Where there are more than we were told, more are asked for, and soon. */
static uint64_t ask_next(struct engine *e, size_t count, uint64_t wait_ms)
{
	uint64_t soon = FULL_MS + e->due_most / 64; /* telling takes its time */
	bool full = count >= e->due_most;
	if (full && e->due_most < ASK_MAX)
		e->due_most *= 4;
	else if (count < e->due_most / 8 && e->due_most > ASK_MIN)
		e->due_most /= 4;
	return full && wait_ms < soon ? soon : wait_ms;
}

static void on_due(void *arg, enum belfry_err err, const struct store_due *list,
		   size_t count, uint64_t wait_ms)
{
	struct engine *e = arg;
	e->due_asked = false;
	if (err)
		wait_ms = AWAY_MS;
	else
		wait_ms = ask_next(e, count, wait_ms);
	for (size_t i = 0; !err && i < count && e->owned; i++) {
		struct feed *f = feed_take(e, list[i].feed);
		if (!f)
			continue;
		due_add(f, list[i].bucket);
		feed_step(f);
	}
	due_hint(e, e->due_again ? 0 : wait_ms);
	e->due_again = false;
}

void due_ask(struct engine *e)
{
	if (!e->owned || e->quiet || !e->up)
		return;
	if (e->due_asked) {
		e->due_again = true;
		return;
	}
	e->due_asked = true;
	if (!e->due_most)
		e->due_most = ASK_MIN;
	STORE(e, due, e->due_most, on_due, e);
}

static bool has(const uint32_t *list, size_t count, uint32_t bucket)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == bucket)
			return true;
	return false;
}

void due_add(struct feed *f, uint32_t bucket)
{
	if (f->due_count == DUE_MAX) {
		f->due_more = true;
		return;
	}
	if (has(f->due, f->due_count, bucket))
		return;
	if (f->due_count == f->due_cap) {
		f->due_cap = f->due_cap ? 2 * f->due_cap : PASS_MIN;
		f->due = xreallocarray(f->due, f->due_cap, sizeof(*f->due));
	}
	f->due[f->due_count++] = bucket;
}

void due_serve(struct feed *f, size_t place, uint32_t bucket)
{
	if (place >= f->serving_cap) {
		f->serving_cap = 2 * place + PASS_MIN;
		f->serving =
			xreallocarray(f->serving, f->serving_cap, sizeof(*f->serving));
	}
	f->serving[place] = bucket;
}

size_t due_take(struct feed *f)
{
	size_t n = 0, left = 0, most = f->buckets / PASS_PART;
	if (most < PASS_MIN)
		most = PASS_MIN;
	for (; n < f->due_count && n < most; n++)
		due_serve(f, n, f->due[n]);
	for (size_t i = n; i < f->due_count; i++)
		f->due[left++] = f->due[i];
	f->due_count = left;
	if (f->due_more && !left) {
		f->due_more = false;
		due_hint(f->engine, FULL_MS);
	}
	return n;
}
