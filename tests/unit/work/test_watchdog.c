#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Barriers without a result: asked for again each 5 s, three times, then a new stream. */

enum { ROWS = 2000, BARRIER_MS = 5000, REPEATS = 3, PATIENCE = 10000 };

static void begin(struct world *w, struct worker *k)
{
	world_begin(w, k, ROWS, 1);
	worker_until_sent(k, 10, false);
	world_turns(w, 100);
}

/* The watch looks now and then. */
static void until_asked(struct world *w, const struct worker *k, uint64_t more_than)
{
	for (unsigned turns = 0; recorder_barrier_asked(k->link) <= more_than; turns++) {
		assert_true(turns < PATIENCE);
		world_skip(1);
		world_turns(w, 1);
	}
}

static void until_stalled(struct world *w, const struct worker *k, unsigned times)
{
	for (unsigned turns = 0; k->stalled < times; turns++) {
		assert_true(turns < PATIENCE);
		world_skip(1);
		world_turns(w, 1);
	}
}

static void quiet_for(struct world *w, uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += 50) {
		world_skip(50);
		world_turns(w, 2);
	}
}

static void check_all_taken(struct world *w, struct worker *k)
{
	struct letters l = {0};
	worker_run(k);
	letters_add(&l, k->link);
	letters_sort(&l);
	assert_int_equal(letters_distinct(&l), ROWS);
	assert_int_equal(world_counters(w, "deploys", w->ids[0], NULL).taken, ROWS);
	letters_free(&l);
}

static void test_asked_again_then_a_new_stream(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k);
	size_t sent = recorder_messages(k.link);
	for (unsigned i = 1; i <= REPEATS; i++) {
		uint64_t asked = recorder_barrier_asked(k.link);
		quiet_for(&w, BARRIER_MS - 700);
		assert_int_equal(recorder_barrier_asked(k.link), asked);
		until_asked(&w, &k, asked);
		assert_int_equal(engine_counters(k.engine)->barriers_repeated, i);
		assert_int_equal(k.stalled, 0);
	}
	assert_int_equal(recorder_messages(k.link), sent);
	quiet_for(&w, BARRIER_MS - 700);
	assert_int_equal(k.stalled, 0);
	until_stalled(&w, &k, 1);
	assert_int_equal(engine_counters(k.engine)->links_stalled, 1);
	assert_int_equal(engine_counters(k.engine)->barriers_repeated, REPEATS);
	recorder_down(k.link, LINK_END_ASKED, "");
	recorder_up(k.link);
	check_all_taken(&w, &k);
	assert_int_equal(engine_counters(k.engine)->repeated, sent);
	world_end(&w, &k);
}

/* Only the newest has a result: it stands for all before it, and the count begins anew.
 */
static void test_a_repeated_barrier_passes_them_all(void **state)
{
	struct world w;
	struct worker k;
	struct engine_gauges g;
	(void)state;
	begin(&w, &k);
	for (unsigned round = 0; round < 3; round++) {
		uint64_t asked = recorder_barrier_asked(k.link);
		until_asked(&w, &k, asked);
		until_asked(&w, &k, asked + 1);
		engine_gauges(k.engine, &g);
		assert_true(g.windows.stanzas_in_flight > 0);
		recorder_pass(k.link, recorder_barrier_asked(k.link));
		engine_gauges(k.engine, &g);
		assert_int_equal(g.windows.stanzas_in_flight, 0);
		world_turns(&w, 100);
		if (recorder_messages(k.link) == ROWS)
			break;
	}
	assert_int_equal(k.stalled, 0);
	check_all_taken(&w, &k);
	assert_int_equal(recorder_messages(k.link), ROWS);
	world_end(&w, &k);
}

static void test_nothing_in_flight_nothing_to_ask(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k);
	worker_run(&k);
	uint64_t asked = recorder_barrier_asked(k.link);
	quiet_for(&w, 30000);
	assert_int_equal(recorder_barrier_asked(k.link), asked);
	assert_int_equal(k.stalled, 0);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_again_then_a_new_stream),
		cmocka_unit_test(test_a_repeated_barrier_passes_them_all),
		cmocka_unit_test(test_nothing_in_flight_nothing_to_ask),
	};
	return cmocka_run_group_tests_name("work/watchdog", tests, NULL, NULL);
}
