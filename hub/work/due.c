#include "work/engine_int.h"

#include <belfry/base/clock.h>

/*
 * What holds are due is asked for: when the first of them is, as far as is known, when
 * the store says so, and once in a while.
 */
#define ASK_MAX 4096
#define ASK_MS 10000
#define FULL_MS 100 /* there are more than we were told */
#define AWAY_MS 1000

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

static void on_due(void *arg, enum belfry_err err, const struct store_due *list,
		   size_t count, uint64_t wait_ms)
{
	struct engine *e = arg;
	e->due_asked = false;
	if (err)
		wait_ms = AWAY_MS;
	else if (count == ASK_MAX && wait_ms < FULL_MS)
		wait_ms = FULL_MS;
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
	STORE(e, due, ASK_MAX, on_due, e);
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
	if (has(f->due, f->due_count, bucket))
		return;
	if (f->due_count < DUE_MAX)
		f->due[f->due_count++] = bucket;
	else
		f->due_more = true;
}

size_t due_take(struct feed *f)
{
	size_t n = 0, left = 0;
	while (n < f->due_count && n < DUE_A_PASS) {
		f->serving[n] = f->due[n];
		n++;
	}
	for (size_t i = n; i < f->due_count; i++)
		f->due[left++] = f->due[i];
	f->due_count = left;
	if (f->due_more && !left) {
		f->due_more = false;
		due_hint(f->engine, FULL_MS);
	}
	return n;
}
