#include "holding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- By choice -------------------------------------------------------------------- */

static void test_pause(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_run(&k);
	pause_row(&w, ANN);
	post(&w, 3);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	assert_int_equal(reason(&w, ANN), HOLD_PAUSED);
	assert_int_equal(counters(&w, 2).held, 1);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1");
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "1 2 3 4");
	assert_sent(&k, BOB, "1 2 3 4");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_counted(&w, 2, 4, 2, 0);
	world_end(&w, &k);
}

static void test_quiet_hours(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	set(&w, ANN, SUB_SET_QUIET | SUB_SET_URGENT, quiet_for(120, true));
	set(&w, BOB, SUB_SET_QUIET | SUB_SET_URGENT, quiet_for(120, false));
	for (unsigned i = 0; i < 2; i++) {
		post(&w, 1);
		post_urgent(&w);
	}
	worker_run(&k);
	assert_sent(&k, ANN, "2 4");
	assert_sent(&k, BOB, "");
	assert_int_equal(counters(&w, 2).taken, 1);
	assert_int_equal(counters(&w, 2).held, 1);
	pass(&k, HOUR_MS);
	post_urgent(&w);
	worker_run(&k);
	assert_sent(&k, ANN, "2 4 5");
	pass(&k, 2 * HOUR_MS);
	assert_sent(&k, ANN, "2 4 5 1 3");
	assert_sent(&k, BOB, "1 2 3 4 5");
	assert_counted(&w, 1, 5, 2, 0);
	world_end(&w, &k);
}

/* What is urgent and comes back in quiet hours waits for their end, with all the rest. */
static void test_urgent_comes_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	set(&w, ANN, SUB_SET_QUIET | SUB_SET_URGENT, quiet_for(120, true));
	post(&w, 1);
	post_urgent(&w);
	worker_run(&k);
	post_urgent(&w);
	worker_until_sent(&k, 5, false);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	settle(&k);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.pos.n, 0);
	assert_false(h.urgent);
	pass(&k, LATER_MS);
	pass(&k, 3 * HOUR_MS);
	assert_sent(&k, ANN, "2 3 1 2 3");
	assert_counted(&w, 1, 3, 2, 0);
	world_end(&w, &k);
}

/* Its row is read, and BOB's delivery is out, when ANN takes her choice back. */
static void resume_meanwhile(unsigned what, struct sub_options o)
{
	struct world w;
	struct worker k;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_run(&k);
	set(&w, ANN, what, o);
	post(&w, 1);
	worker_until_sent(&k, 3, false);
	set(&w, ANN, what, (struct sub_options){0});
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	pass(&k, 20000);
	assert_sent(&k, ANN, "1 2");
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 2).taken, 2);
	assert_int_equal(counters(&w, 2).held, 0);
	world_end(&w, &k);
}

static void test_resumed_before_it_is_held(void **state)
{
	(void)state;
	resume_meanwhile(SUB_SET_PAUSED, (struct sub_options){.paused = true});
}

static void test_quiet_no_more_before_it_is_held(void **state)
{
	(void)state;
	resume_meanwhile(SUB_SET_QUIET | SUB_SET_URGENT, quiet_for(120, false));
}

/* Filters are looked at when it is served. */
static void test_filters(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	set(&w, ANN, SUB_SET_PAUSED | SUB_SET_PRIORITY,
	    (struct sub_options){.paused = true, .at_least = PRIORITY_URGENT});
	post(&w, 1);
	post_urgent(&w);
	worker_run(&k);
	assert_int_equal(counters(&w, 1).held, 1);
	assert_int_equal(counters(&w, 1).filtered, 0);
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "2");
	assert_int_equal(counters(&w, 1).held, 0);
	assert_int_equal(counters(&w, 1).filtered, 1);
	assert_int_equal(counters(&w, 2).taken, 2);
	world_end(&w, &k);
}

/* ---- What is gone by then ---------------------------------------------------------- */

static void test_gap(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{\"max_items\":2}");
	world_change(&w, "deploys", "eve@example.org",
		     &(struct sub_change){.set = SUB_SET_FORMAT | SUB_SET_PAUSED,
					  .format = FORMAT_EVENT,
					  .options.paused = true});
	pause_row(&w, ANN);
	post(&w, 5);
	worker_run(&k);
	resume_row(&w, ANN);
	resume_row(&w, "eve@example.org");
	settle(&k);
	assert_sent(&k, ANN, "3 4 5");
	assert_sent(&k, "eve@example.org", "3 4 5");
	size_t gap = sent_to(&k, ANN, 0);
	assert_true(contains(&k, gap, "3 messages of deploys could not be delivered"));
	assert_true(contains(&k, gap, "type='chat'"));
	assert_true(contains(&k, gap, "from='deploys@" DOMAIN "'"));
	gap = sent_to(&k, "eve@example.org", 0);
	assert_true(contains(&k, gap, "type='normal'"));
	assert_true(contains(&k, gap, "from='" DOMAIN "'"));
	assert_int_equal(engine_counters(k.engine)->gaps, 2);
	assert_int_equal(counters(&w, 4).taken, 3);
	world_end(&w, &k);
}

/* Nor is that lost if it comes back. */
static void test_gap_comes_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{\"max_items\":1}");
	pause_row(&w, ANN);
	post(&w, 2);
	worker_run(&k);
	resume_row(&w, ANN);
	worker_until_sent(&k, 3, false);
	assert_true(contains(&k, 2, "One message of deploys"));
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(world_hold(&w, "deploys", ANN).tries, 1);
	assert_sent(&k, ANN, "1");
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 1 2");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* Nor if it comes back when that is no longer expected. */
static void test_gap_comes_back_late(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{\"max_items\":2}");
	post(&w, 1);
	worker_run(&k);
	pause_row(&w, ANN);
	post(&w, 6);
	worker_run(&k);
	settle(&k);
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "1 5 6 7");
	assert_true(contains(&k, sent_to(&k, ANN, 1), "4 messages of deploys"));
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	pass(&k, LATER_MS);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 5 6 7 5 6 7");
	assert_true(contains(&k, sent_to(&k, ANN, 4), "Some messages of deploys"));
	/* So is an event that was there when it was sent. */
	bounce(&k, BOB, 2, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(world_hold(&w, "deploys", BOB).pos.n, 2);
	pass(&k, LATER_MS);
	pass(&k, LATER_MS);
	assert_sent(&k, BOB, "1 2 3 4 5 6 7 5 6 7");
	assert_true(contains(&k, sent_to(&k, BOB, 7), "Some messages of deploys"));
	assert_int_equal(counters(&w, 6).taken, 2);
	assert_int_equal(counters(&w, 6).held, 0);
	world_end(&w, &k);
}

/* Who cannot be sent to is not told. */
static void test_gap_of_nobody(void **state)
{
	struct world w;
	struct worker k;
	static const char jid[] = "\xff@example.org";
	(void)state;
	begin(&w, &k, "{\"max_items\":1}");
	world_change(&w, "deploys", jid,
		     &(struct sub_change){.set = SUB_SET_PAUSED,
					  .format = FORMAT_CHAT,
					  .options.paused = true});
	post(&w, 3);
	worker_run(&k);
	settle(&k);
	resume_row(&w, jid);
	settle(&k);
	assert_int_equal(engine_counters(k.engine)->gaps, 0);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_quiet_hours),
		cmocka_unit_test(test_urgent_comes_back),
		cmocka_unit_test(test_resumed_before_it_is_held),
		cmocka_unit_test(test_quiet_no_more_before_it_is_held),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_gap_comes_back),
		cmocka_unit_test(test_gap_comes_back_late),
		cmocka_unit_test(test_gap_of_nobody),
	};
	return cmocka_run_group_tests_name("work/waits", tests, NULL, NULL);
}
