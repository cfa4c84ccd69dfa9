#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Barriers behind what others than the deliveries have sent. */

static void test_alone(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 1, 0);
	worker_run(&k);
	uint64_t before = recorder_barrier_asked(k.link);
	uint64_t number = engine_barrier(k.engine);
	assert_true(number > before);
	assert_int_equal(recorder_barrier_asked(k.link), number);
	recorder_pass(k.link, number);
	/* Deliveries go on as if it had not been. */
	world_commit(&w, "deploys", "{}");
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 1);
	assert_true(recorder_barrier_asked(k.link) > number);
	/* One is lost: after a while another one is asked for, which does as well. */
	world_skip(60000);
	world_turns(&w, 3);
	number = engine_barrier(k.engine);
	world_skip(3000);
	world_turns(&w, 3);
	assert_int_equal(recorder_barrier_asked(k.link), number);
	for (unsigned i = 0; recorder_barrier_asked(k.link) == number; i++) {
		assert_true(i < 100);
		world_skip(250);
		world_turns(&w, 1);
	}
	assert_int_equal(engine_counters(k.engine)->barriers_repeated, 1);
	recorder_pass(k.link, number + 1);
	for (unsigned i = 0; i < 100; i++) {
		world_skip(250);
		world_turns(&w, 1);
	}
	assert_int_equal(recorder_barrier_asked(k.link), number + 1);
	world_end(&w, &k);
}

static void test_beside_deliveries(void **state)
{
	enum { ROWS = 3000, EVENTS = 5 };
	struct world w;
	struct worker k;
	uint64_t waits = 0;
	(void)state;
	world_begin(&w, &k, ROWS, EVENTS);
	for (unsigned turns = 0; recorder_messages(k.link) < ROWS * EVENTS; turns++) {
		assert_true(turns < 100000);
		uint64_t before = recorder_barrier_asked(k.link);
		if (!waits) {
			waits = engine_barrier(k.engine);
			assert_true(waits > before);
		}
		if (turns % 3 == 0)
			recorder_serve(k.link);
		if (recorder_barrier_passed(k.link) >= waits)
			waits = 0;
		world_turns(&w, 1);
	}
	worker_run(&k);
	assert_int_equal(recorder_barrier_passed(k.link), recorder_barrier_asked(k.link));
	assert_true(recorder_barrier_passed(k.link) >= waits);
	worker_check_once(&k, ROWS * EVENTS);
	world_end(&w, &k);
}

/* ---- A store that lets one feed wait for its rows ---- */

static const struct store_ops *real;
static struct {
	struct store *store;
	uint32_t first, count;
	store_run_cb cb;
	void *arg;
} held;

static void hold_b(struct store *s, const char *feed, uint32_t first, uint32_t count,
		   store_run_cb cb, void *arg)
{
	if (strcmp(feed, "b") != 0) {
		real->read(s, feed, first, count, cb, arg);
		return;
	}
	assert_null(held.store);
	held.store = s;
	held.first = first;
	held.count = count;
	held.cb = cb;
	held.arg = arg;
}

/* A window that waits for more is not closed for it: its own barrier will do. */
static void test_in_an_open_window(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops watched;
	(void)state;
	world_start(&w);
	for (char feed[] = "a"; feed[0] <= 'b'; feed[0]++) {
		world_feed(&w, feed, "{}");
		world_join(&w, feed, "r", 5, FORMAT_CHAT);
		world_commit(&w, feed, "{}");
	}
	worker_start(&w, &k, 0);
	real = k.store->ops;
	watched = *real;
	watched.read = hold_b;
	k.store->ops = &watched;
	worker_until_sent(&k, 5, false);
	world_turns(&w, 10);
	assert_non_null(held.store);
	assert_int_equal(recorder_messages(k.link), 5);
	uint64_t asked = recorder_barrier_asked(k.link);
	uint64_t number = engine_barrier(k.engine);
	assert_true(number > asked);
	assert_int_equal(recorder_barrier_asked(k.link), asked);
	real->read(held.store, "b", held.first, held.count, held.cb, held.arg);
	worker_until_sent(&k, 10, false);
	world_turns(&w, 10);
	assert_in_range(recorder_barrier_asked(k.link), number, number + 1);
	k.store->ops = real;
	worker_run(&k);
	worker_check_once(&k, 10);
	world_end(&w, &k);
}

static void test_not_now(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 100, 1);
	k.valid = false;
	assert_int_equal(engine_barrier(k.engine), 0);
	k.valid = true;
	recorder_down(k.link, LINK_END_LOST, "");
	assert_int_equal(engine_barrier(k.engine), 0);
	recorder_up(k.link);
	assert_true(engine_barrier(k.engine) > 0);
	worker_run(&k);
	/* A stanza is looked for that ends the stream: nothing else may be in flight. */
	for (unsigned i = 0; i < 2; i++) {
		size_t sent = recorder_messages(k.link);
		if (i == 0)
			world_commit(&w, "deploys", "{}");
		worker_until_sent(&k, sent + 1, false);
		recorder_down(k.link, LINK_END_ERROR, "");
		recorder_up(k.link);
	}
	struct engine_gauges g;
	engine_gauges(k.engine, &g);
	assert_true(g.one_by_one);
	assert_int_equal(engine_barrier(k.engine), 0);
	worker_run(&k);
	assert_true(engine_barrier(k.engine) > 0);
	recorder_serve(k.link);
	engine_quiesce(k.engine);
	assert_int_equal(engine_barrier(k.engine), 0);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_beside_deliveries),
		cmocka_unit_test(test_in_an_open_window),
		cmocka_unit_test(test_not_now),
	};
	return cmocka_run_group_tests_name("work/barrier", tests, NULL, NULL);
}
