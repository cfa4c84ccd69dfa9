#include "work/lease.h"

#include "world.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LEASE_MS 200
#define NAME "feeds.example.org"

struct holder {
	struct store *store;
	struct lease *lease;
	bool held, was_lost, released;
	unsigned taken, releases;
	uint64_t fence, taken_ms;
};

static void on_taken(void *arg, const struct store_owner *owner)
{
	struct holder *h = arg;
	h->held = true;
	h->taken++;
	h->fence = owner->fence;
	h->taken_ms = clock_mono_ms();
}

static void on_lost(void *arg, const char *why)
{
	struct holder *h = arg;
	(void)why;
	h->held = false;
	h->was_lost = true;
}

static void on_released(void *arg, enum belfry_err err)
{
	struct holder *h = arg;
	(void)err;
	h->released = true;
	h->releases++;
}

static const struct lease_handlers handlers = {.taken = on_taken, .lost = on_lost};

static void holder_start(struct world *w, struct holder *h)
{
	*h = (struct holder){0};
	h->store = store_memory_create(w->loop, w->memory);
	h->lease = lease_create(w->loop, h->store, NAME, LEASE_MS, &handlers, h);
}

static void holder_finish(struct holder *h)
{
	h->store->ops->destroy(h->store);
	lease_destroy(h->lease);
}

/* A has the name. */
static void begin(struct world *w, struct holder *a)
{
	world_start(w);
	holder_start(w, a);
	world_until(w, &a->held);
}

/* ... and B would have it. */
static void begin_two(struct world *w, struct holder *a, struct holder *b)
{
	begin(w, a);
	holder_start(w, b);
}

static void release(struct world *w, struct holder *h)
{
	lease_release(h->lease, on_released, h);
	world_until(w, &h->released);
}

static void end(struct world *w, struct holder *a, struct holder *b)
{
	holder_finish(a);
	if (b)
		holder_finish(b);
	world_finish(w);
}

static void turn_for(struct world *w, uint64_t ms)
{
	uint64_t until = clock_mono_ms() + ms;
	while (clock_mono_ms() < until)
		loop_turn(w->loop, false);
}

static void test_one_holds_one_stands_by(void **state)
{
	struct world w;
	struct holder a, b;
	(void)state;
	begin_two(&w, &a, &b);
	turn_for(&w, 4 * LEASE_MS);
	assert_true(a.held && !a.was_lost && lease_valid_now(a.lease));
	assert_false(b.held || lease_held(b.lease));
	end(&w, &a, &b);
}

static void test_take_over_from_the_dead(void **state)
{
	struct world w;
	struct holder a, b;
	(void)state;
	begin_two(&w, &a, &b);
	turn_for(&w, LEASE_MS);
	uint64_t died = clock_mono_ms(), fence = a.fence;
	holder_finish(&a);
	world_until(&w, &b.held);
	/* Not before the beat has stood still for the lease: it may be just asleep. */
	assert_in_range(b.taken_ms - died, LEASE_MS * 3 / 4 - 20, 4 * LEASE_MS);
	assert_true(b.fence > fence);
	holder_finish(&b);
	world_finish(&w);
}

static void test_released_is_free_at_once(void **state)
{
	struct world w;
	struct holder a, b;
	(void)state;
	begin_two(&w, &a, &b);
	turn_for(&w, LEASE_MS / 2);
	uint64_t gone = clock_mono_ms();
	release(&w, &a);
	world_until(&w, &b.held);
	assert_in_range(b.taken_ms - gone, 0, LEASE_MS);
	assert_false(a.was_lost);
	end(&w, &a, &b);
}

static void test_lost_when_the_store_is_away(void **state)
{
	struct world w;
	struct holder a;
	(void)state;
	begin(&w, &a);
	memory_set_away(w.memory, true);
	world_until(&w, &a.was_lost);
	assert_false(lease_valid_now(a.lease));
	memory_set_away(w.memory, false);
	world_until(&w, &a.held); /* its own old beat stands still, too */
	assert_int_equal(a.taken, 2);
	end(&w, &a, NULL);
}

static void test_refused_is_lost(void **state)
{
	struct world w;
	struct holder a;
	(void)state;
	begin(&w, &a);
	lease_refused(a.lease);
	assert_true(a.was_lost);
	assert_false(lease_held(a.lease));
	world_until(&w, &a.held);
	release(&w, &a);
	end(&w, &a, NULL);
}

static void test_release_of_what_is_not_held(void **state)
{
	struct world w;
	struct holder a, b;
	(void)state;
	begin_two(&w, &a, &b);
	turn_for(&w, LEASE_MS / 2);
	release(&w, &b);
	turn_for(&w, 2 * LEASE_MS);
	assert_true(a.held && !a.was_lost);
	end(&w, &a, &b);
}

static void test_yielded_goes_to_the_one_that_waits(void **state)
{
	struct world w;
	struct holder a, b;
	(void)state;
	begin_two(&w, &a, &b);
	while (!lease_watches(b.lease))
		loop_turn(w.loop, false);
	assert_false(lease_watches(a.lease) || lease_watches(NULL));
	lease_yield(b.lease, 0, "not held: nothing happens");
	assert_false(b.was_lost);
	uint64_t gone = clock_mono_ms();
	lease_yield(a.lease, 1, "test");
	assert_true(a.was_lost && !lease_held(a.lease) && !lease_valid_now(a.lease));
	/* However short its pause, it waits until the others have looked. */
	world_until(&w, &b.held);
	assert_in_range(b.taken_ms - gone, 0, LEASE_MS);
	assert_true(b.fence > a.fence);
	while (!lease_watches(a.lease))
		loop_turn(w.loop, false);
	assert_int_equal(a.taken, 1);
	lease_yield(b.lease, 0, "test");
	world_until(&w, &a.held);
	end(&w, &a, &b);
}

static void test_yielded_and_alone(void **state)
{
	struct world w;
	struct holder a;
	(void)state;
	begin(&w, &a);
	lease_yield(a.lease, 100 * LEASE_MS, "test");
	world_skip(99 * LEASE_MS - 1000);
	world_turns(&w, 50);
	assert_false(a.held || lease_watches(a.lease));
	world_skip(2 * LEASE_MS + 1000);
	world_until(&w, &a.held);
	assert_int_equal(a.taken, 2);
	end(&w, &a, NULL);
}

static void test_yielded_while_the_store_is_away(void **state)
{
	struct world w;
	struct holder a;
	(void)state;
	begin(&w, &a);
	memory_set_away(w.memory, true);
	lease_yield(a.lease, LEASE_MS, "test");
	turn_for(&w, LEASE_MS);
	memory_set_away(w.memory, false);
	world_until(&w, &a.held); /* its own old beat stands still, too */
	end(&w, &a, NULL);
}

/* A beat that is answered when the test says so. */
static struct {
	store_cb cb;
	void *arg;
	bool asked;
} late;

static void late_beat(struct store *s, const struct store_owner *o, store_cb cb,
		      void *arg)
{
	(void)s, (void)o;
	late.cb = cb;
	late.arg = arg;
	late.asked = true;
}

/* The end comes while neither a beat nor the yield has been answered. */
static void test_released_while_yielding(void **state)
{
	struct world w;
	struct holder a, b;
	(void)state;
	begin(&w, &a);
	struct store_ops ops = *a.store->ops;
	const struct store_ops *before = a.store->ops;
	ops.lease_beat = late_beat;
	a.store->ops = &ops;
	world_until(&w, &late.asked);
	a.store->ops = before;
	lease_yield(a.lease, 0, "test");
	lease_release(a.lease, on_released, &a);
	world_turns(&w, 50);
	assert_false(a.released);
	late.cb(late.arg, BELFRY_OK);
	assert_true(a.released);
	holder_start(&w, &b);
	world_until(&w, &b.held);
	assert_int_equal(a.releases, 1);
	assert_false(lease_held(a.lease));
	end(&w, &a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_holds_one_stands_by),
		cmocka_unit_test(test_take_over_from_the_dead),
		cmocka_unit_test(test_released_is_free_at_once),
		cmocka_unit_test(test_lost_when_the_store_is_away),
		cmocka_unit_test(test_refused_is_lost),
		cmocka_unit_test(test_release_of_what_is_not_held),
		cmocka_unit_test(test_yielded_goes_to_the_one_that_waits),
		cmocka_unit_test(test_yielded_and_alone),
		cmocka_unit_test(test_yielded_while_the_store_is_away),
		cmocka_unit_test(test_released_while_yielding),
	};
	return cmocka_run_group_tests_name("work/lease", tests, NULL, NULL);
}
