#include "holding.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE_MS 60000

/* Of two rows of a bucket one is due before the other: that one is not forgotten. */
static void test_the_next_of_a_bucket(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	uint64_t now = clock_wall_ms();
	unsigned minute = (unsigned)(now / MINUTE_MS % 1440);
	struct sub_options quiet = {.quiet = {.set = true,
					      .from = minute,
					      .to = (minute + 3) % 1440,
					      .zone = "UTC"}};
	pause_row(&w, ANN);
	set(&w, BOB, SUB_SET_QUIET, quiet);
	post(&w, 1);
	worker_run(&k);
	pass(&k, 3 * MINUTE_MS - now % MINUTE_MS - 5000);
	assert_int_equal(reason(&w, BOB), HOLD_QUIET);
	resume_row(&w, ANN);
	worker_run(&k);
	world_turns(&w, 50);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(reason(&w, BOB), HOLD_QUIET);
	for (unsigned i = 0; i < 60; i++) {
		world_pass(&w, 100);
		world_turns(&w, 10);
		worker_run(&k);
	}
	assert_int_equal(reason(&w, BOB), HOLD_NONE);
	world_end(&w, &k);
}

/* ---- Many ------------------------------------------------------------------------- */

enum { ROWS = 33000 }; /* some 400 buckets: more than are asked for at first */

/* What was sent from message FIRST on comes back. */
static size_t refuse(struct worker *k, size_t first)
{
	for (; first < recorder_messages(k->link); first++) {
		char *id = recorder_attribute(k->link, first, "id");
		char *to = recorder_attribute(k->link, first, "to");
		recorder_bounce(k->link, id, to, BOUNCE_RETRIES, "gone");
		free(id);
		free(to);
	}
	recorder_serve(k->link);
	return first;
}

/* All of a large feed are held, and one of another, whose turn is last; all are due. */
static void many_held(struct world *w, struct worker *k)
{
	size_t sent = 0;
	world_start(w);
	w->retry = (struct policy_retry){HOUR_MS, HOUR_MS, 100, HOLD_NEVER};
	world_feed(w, "deploys", "{}");
	world_feed(w, "other", "{}");
	world_join(w, "deploys", "r", ROWS, FORMAT_CHAT);
	world_join_one(w, "other", ANN, FORMAT_CHAT);
	worker_start(w, k, 0);
	post(w, 1);
	while (sent < ROWS) {
		loop_turn(w->loop, false);
		sent = refuse(k, sent);
	}
	worker_run(k);
	world_commit(w, "other", "{}");
	while (sent_to(k, ANN, 0) == SIZE_MAX)
		world_turns(w, 1);
	bounce(k, ANN, 0, BOUNCE_RETRIES);
	worker_run(k);
	assert_int_equal(world_hold(w, "other", ANN).reason, HOLD_BOUNCED);
	world_pass(w, HOUR_MS + 10);
}

/*
 * They are served while newer events come, and in not many more turns than passes. Nor
 * does the other feed wait until they are.
 */
static void test_a_large_feed(void **state)
{
	struct world w;
	struct worker k;
	struct store_counters c = {.held = 1};
	uint64_t left = 0;
	(void)state;
	many_held(&w, &k);
	uint64_t before = engine_counters(k.engine)->hold_passes;
	for (unsigned turns = 0; c.held; turns++) {
		assert_true(turns < 20000);
		if (turns % 50 == 0)
			post(&w, 1);
		world_skip(5);
		loop_turn(w.loop, false);
		recorder_serve(k.link);
		if (turns % 10 == 0)
			c = counters(&w, 1);
		if (!left && turns % 10 == 0 &&
		    world_hold(&w, "other", ANN).reason == HOLD_NONE)
			left = c.held;
	}
	assert_in_range(left, ROWS * 3 / 4, ROWS);
	assert_in_range(engine_counters(k.engine)->hold_passes - before, 1, 30);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_next_of_a_bucket),
		cmocka_unit_test(test_a_large_feed),
	};
	return cmocka_run_group_tests_name("work/due", tests, NULL, NULL);
}
