#include "digesting.h"
#include "publishing.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What was replaced, retracted or has expired, among events that come together. */

/* IN_MS: it expires then; 0: never. */
static struct pos put(struct world *w, const char *item, uint64_t in_ms)
{
	uint64_t now = clock_wall_ms() + passed_ms;
	return world_publish(w,
			     (struct store_commit){.item = item,
						   .at_ms = now,
						   .expires_ms = in_ms ? now + in_ms : 0,
						   .doc = "{\"title\":\"an event\"}"});
}

static void retract(struct world *w, const char *item, struct pos newest)
{
	world_retract(w, (struct store_retract){.item = item,
						.newest = newest,
						.at_ms = clock_wall_ms() + passed_ms});
}

static void assert_superseded(struct world *w, unsigned event, unsigned taken)
{
	assert_int_equal(counters(w, event).superseded, 2 - taken);
	check_counters(w, event, event, taken, 0, 0);
}

/* Neither the old ones nor that they are gone. */
static void test_gathered(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	put(&w, "a", 0);
	worker_run(&k);
	struct pos b = put(&w, "b", 0);
	put(&w, "c", 60000);
	put(&w, "a", 0);
	retract(&w, "b", b);
	put(&w, "d", 0);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_DIGEST);
	wait_for(&k, HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 1);
	assert_string_equal(events_of(&k, ANN, 0), "6+5");
	assert_superseded(&w, 1, 1);
	assert_superseded(&w, 2, 1);
	assert_superseded(&w, 5, 1);
	assert_int_equal(counters(&w, 3).expired, 1);
	check_counters(&w, 3, 3, 1, 0, 0);
	check_counters(&w, 4, 4, 2, 0, 0);
	check_counters(&w, 6, 6, 2, 0, 0);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* It goes alone, in its place; at once where nothing is gathered. */
static void test_retraction_of_what_was_had(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	struct pos x = put(&w, "x", 0), y = put(&w, "y", 0);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "2+3");
	retract(&w, "x", x);
	worker_run(&k);
	assert_string_equal(events_of(&k, ANN, 1), "3");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	post_some(&w, 2);
	retract(&w, "y", y);
	post_some(&w, 2);
	worker_run(&k);
	assert_int_equal(count_to(&k, ANN), 2);
	wait_for(&k, HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 5);
	assert_string_equal(events_of(&k, ANN, 2), "5+3");
	assert_string_equal(events_of(&k, ANN, 3), "6");
	assert_string_equal(events_of(&k, ANN, 4), "8+3");
	check_counters(&w, 1, 8, 2, 0, 0);
	world_end(&w, &k);
}

/* What was chosen is sent, whatever comes until then; so it is taken back afterwards. */
static void test_retracted_between_the_steps(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	put(&w, "x", 0);
	struct pos y = put(&w, "y", 0);
	put(&w, "x", 0);
	worker_run(&k);
	send_digest(&k);
	assert_string_equal(events_of(&k, ANN, 0), "3+3");
	worker_kill(&k);
	retract(&w, "y", y);
	post_some(&w, 1);
	worker_start(&w, &k, 0);
	settle(&k);
	assert_string_equal(events_of(&k, ANN, 0), "3+3");
	assert_string_equal(events_of(&k, ANN, 1), "4");
	assert_string_equal(events_of(&k, ANN, 2), "5");
	assert_superseded(&w, 1, 1);
	check_counters(&w, 2, 5, 2, 0, 0);
	world_end(&w, &k);
}

/* What came back has not been had: its next try is without what is over by then. */
static void come_back(bool late)
{
	struct world w;
	struct worker k;
	begin_hourly(&w, &k, "{}");
	put(&w, "x", 0);
	put(&w, "y", 0);
	put(&w, "z", HOUR_MS + 1000);
	put(&w, "u", 0);
	worker_run(&k);
	if (late)
		wait_for(&k, HOUR_MS);
	else
		send_digest(&k);
	assert_string_equal(events_of(&k, ANN, 0), "4+f");
	put(&w, "x", 0);
	if (late)
		worker_run(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	check_counters(&w, 1, 4, 1, 1, 1);
	wait_for(&k, LATER_MS);
	wait_for(&k, 2 * HOUR_MS);
	/* The span of what was chosen ends before the new x; a late bounce has none. */
	assert_string_equal(events_of(&k, ANN, 1), late ? "4+5" : "4+d");
	assert_int_equal(counters(&w, 1).superseded, late);
	assert_int_equal(counters(&w, 3).expired, 1);
	check_counters(&w, 2, 2, 2, 0, 1);
	check_counters(&w, 4, 4, 2, 0, 1);
	check_counters(&w, 5, 5, 2, 0, 0);
	world_end(&w, &k);
}

/* What is left out of what came back counts once, when that is through. */
static void test_left_out_of_what_comes_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	put(&w, "a", 0);
	worker_run(&k);
	put(&w, "b", 0);
	put(&w, "a", 0);
	worker_run(&k);
	send_digest(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(counters(&w, 1).superseded, 0);
	check_counters(&w, 1, 1, 1, 1, 0);
	check_counters(&w, 2, 3, 1, 1, 1);
	wait_for(&k, LATER_MS);
	assert_string_equal(events_of(&k, ANN, 1), "3+3");
	assert_superseded(&w, 1, 1);
	check_counters(&w, 2, 3, 2, 0, 1);
	world_end(&w, &k);
}

static void test_comes_back(void **state)
{
	(void)state;
	come_back(false);
}

static void test_comes_back_late(void **state)
{
	(void)state;
	come_back(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gathered),
		cmocka_unit_test(test_retraction_of_what_was_had),
		cmocka_unit_test(test_retracted_between_the_steps),
		cmocka_unit_test(test_left_out_of_what_comes_back),
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_comes_back_late),
	};
	return cmocka_run_group_tests_name("work/digest_fates", tests, NULL, NULL);
}
