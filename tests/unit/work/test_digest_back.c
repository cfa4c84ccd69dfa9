#include "digesting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Events that come together, and come back. */

/* Three that came together are dead letters. */
static void die_with_three(struct world *w, struct worker *k)
{
	begin_gathered(w, k, "{}", 3);
	wait_for(k, HOUR_MS);
	bounce(k, ANN, 0, BOUNCE_SUSPENDS);
	settle(k);
	assert_int_equal(reason(w, ANN), HOLD_DEAD);
	check_counters(w, 1, 3, 1, 1, 1);
}

static void test_comes_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 3);
	send_digest(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(h.tries, 1);
	assert_int_equal(h.end.n, 3);
	check_counters(&w, 1, 3, 1, 1, 1);
	post_some(&w, 2);
	worker_run(&k);
	pass(&k, LATER_MS);
	pass(&k, HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 3);
	assert_string_equal(events_of(&k, ANN, 1), "3+7");
	assert_string_equal(events_of(&k, ANN, 2), "5+3");
	check_counters(&w, 1, 3, 2, 0, 1);
	check_counters(&w, 4, 5, 2, 0, 0);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

static void test_ends(void **state)
{
	struct world w;
	struct worker k;
	struct sub sub;
	(void)state;
	begin_gathered(&w, &k, "{}", 3);
	send_digest(&k);
	bounce(&k, ANN, 0, BOUNCE_ENDS);
	settle(&k);
	assert_int_equal(world_sub(&w, "deploys", ANN, &sub), BELFRY_ENOENT);
	check_counters(&w, 1, 3, 1, 0, 0);
	assert_int_equal(counters(&w, 1).left, 1);
	assert_int_equal(counters(&w, 3).left, 1);
	world_end(&w, &k);
}

/* One that is filtered stands between: it is not among those that come back. */
static void late(enum bounce_class class)
{
	struct world w;
	struct worker k;
	begin_hourly(&w, &k, "{}");
	set(&w, ANN, SUB_SET_TAGS, (struct sub_options){.tag_count = 1, .tags = {"web"}});
	post_doc(&w, "{\"title\":\"1\",\"tags\":[\"web\"]}");
	post_doc(&w, "{\"title\":\"2\"}");
	post_doc(&w, "{\"title\":\"3\",\"tags\":[\"web\"]}");
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "3+5");
	post_some(&w, 1);
	worker_run(&k);
	bounce(&k, ANN, 0, class);
	settle(&k);
	unsigned left = class == BOUNCE_ENDS;
	assert_int_equal(counters(&w, 1).left, left);
	assert_int_equal(counters(&w, 3).left, left);
	assert_int_equal(counters(&w, 2).filtered, 1);
	if (!left) {
		check_counters(&w, 1, 1, 1, 1, 1);
		check_counters(&w, 2, 2, 1, 0, 0);
		check_counters(&w, 3, 3, 1, 1, 1);
		set(&w, ANN, SUB_SET_TAGS, (struct sub_options){0});
		pass(&k, LATER_MS);
		pass(&k, HOUR_MS);
		assert_string_equal(events_of(&k, ANN, 1), "3+5");
		check_counters(&w, 1, 1, 2, 0, 1);
		check_counters(&w, 3, 3, 2, 0, 1);
		/* It is sent now, and counted as it was. */
		assert_string_equal(events_of(&k, ANN, 2), "4");
		assert_int_equal(counters(&w, 4).filtered, 1);
	}
	assert_int_equal(counters(&w, 2).filtered, 1);
	world_end(&w, &k);
}

static void test_comes_back_late(void **state)
{
	(void)state;
	late(BOUNCE_RETRIES);
}

static void test_ends_late(void **state)
{
	(void)state;
	late(BOUNCE_ENDS);
}

/* What went ahead of it comes back as well: that is sent again, too. */
static void urgent_late(bool one_by_one)
{
	struct world w;
	struct worker k;
	begin_hourly(&w, &k, "{}");
	set(&w, ANN, SUB_SET_URGENT, (struct sub_options){.urgent_passes = true});
	post_some(&w, 1);
	post_doc(&w, "{\"title\":\"urgent\"}");
	post_some(&w, 1);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "2");
	assert_string_equal(events_of(&k, ANN, 1), "3+5");
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	if (one_by_one)
		settle(&k);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	settle(&k);
	for (unsigned i = 0; i < 4; i++)
		pass(&k, LATER_MS);
	assert_string_equal(events_of(&k, ANN, 2), "1");
	assert_string_equal(events_of(&k, ANN, 3), "3+3");
	for (unsigned event = 1; event <= 3; event++) {
		assert_int_equal(counters(&w, event).taken, 2);
		assert_int_equal(counters(&w, event).held, 0);
	}
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

static void test_urgent_late(void **state)
{
	(void)state;
	urgent_late(false);
}

static void test_urgent_late_first(void **state)
{
	(void)state;
	urgent_late(true);
}

/* A redrive forgets that they came back: each counts once all the same. */
static void test_redrive(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	die_with_three(&w, &k);
	world_order(&w, "deploys", ANN, ORDER_REDRIVE);
	settle(&k);
	assert_string_equal(events_of(&k, ANN, 1), "3+7");
	check_counters(&w, 1, 3, 2, 0, 1);
	world_end(&w, &k);
}

static void test_dropped(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	die_with_three(&w, &k);
	world_order(&w, "deploys", ANN, ORDER_DROP);
	settle(&k);
	for (unsigned event = 1; event <= 3; event++)
		assert_int_equal(counters(&w, event).dead, 1);
	check_counters(&w, 1, 3, 1, 0, 1);
	assert_int_equal(count_to(&k, ANN), 1);
	world_end(&w, &k);
}

/* Some of what was chosen is gone when it is sent again. */
static void test_gap_in_it(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{\"max_items\":4}", 4);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "4+f");
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	check_counters(&w, 1, 4, 1, 1, 1);
	post_some(&w, 2);
	worker_run(&k);
	settle(&k);
	pass(&k, LATER_MS);
	pass(&k, LATER_MS);
	assert_true(contains(&k, sent_to(&k, ANN, 1), "no longer kept"));
	assert_string_equal(events_of(&k, ANN, 2), "4+3");
	assert_string_equal(events_of(&k, ANN, 3), "6+3");
	check_counters(&w, 3, 4, 2, 0, 1);
	check_counters(&w, 5, 6, 2, 0, 0);
	world_end(&w, &k);
}

/* What tells of the gap comes back, and not what was chosen: that is counted once. */
static void test_gap_comes_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{\"max_items\":4}");
	post_some(&w, 4);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	post_some(&w, 2);
	worker_run(&k);
	settle(&k);
	size_t sent = recorder_messages(k.link);
	world_order(&w, "deploys", ANN, ORDER_REDRIVE);
	check_counters(&w, 3, 4, 2, 0, 1);
	worker_until_sent(&k, sent + 1, false);
	assert_true(contains(&k, sent_to(&k, ANN, 1), "no longer kept"));
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	for (unsigned i = 0; i < 4; i++)
		pass(&k, LATER_MS);
	assert_true(contains(&k, sent_to(&k, ANN, 2), "no longer kept"));
	assert_int_equal(events_to(&k, ANN), 4 + 2 + 4);
	check_counters(&w, 3, 4, 2, 0, 1);
	check_counters(&w, 5, 6, 2, 0, 0);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_comes_back_late),
		cmocka_unit_test(test_ends_late),
		cmocka_unit_test(test_urgent_late),
		cmocka_unit_test(test_urgent_late_first),
		cmocka_unit_test(test_redrive),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_gap_in_it),
		cmocka_unit_test(test_gap_comes_back),
	};
	return cmocka_run_group_tests_name("work/digest_back", tests, NULL, NULL);
}
