#include "confirming.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sub_hold ann(struct world *w)
{
	return world_hold(w, "deploys", ANN);
}

static void test_asks(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_asking(&w, &k);
	const char *ask = "<request xmlns='urn:xmpp:receipts'/></message>";
	assert_true(contains(&k, sent_to(&k, ANN, 0), ask));
	assert_false(contains(&k, sent_to(&k, BOB, 0), ask));
	/* What nobody has shown to confirm is as it always was. */
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	another_stream(&k);
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1");
	world_end(&w, &k);
}

static void test_confirmed(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	assert_int_equal(counters(&w, 1).taken, 2);
	post(&w, 3);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3 4");
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	assert_int_equal(ann(&w).pos.n, 1);
	assert_int_equal(ann(&w).counted.n, 4);
	/* In any order, twice, of whichever resource. */
	confirm(&k, 2);
	confirm_as(&k, ANN "/laptop", 2);
	confirm_as(&k, ANN, 1);
	settle(&k);
	assert_int_equal(ann(&w).pos.n, 3);
	assert_int_equal(counters(&w, 2).received, 1);
	assert_int_equal(counters(&w, 2).taken, 1);
	assert_int_equal(counters(&w, 3).received, 1);
	assert_int_equal(counters(&w, 4).taken, 2);
	post(&w, 1);
	worker_run(&k);
	confirm(&k, 3);
	confirm(&k, 4);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	another_stream(&k);
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1 2 3 4 5");
	assert_int_equal(counters(&w, 5).received, 1);
	assert_int_equal(counters(&w, 5).held, 0);
	world_end(&w, &k);
}

static void test_strangers(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 1);
	worker_run(&k);
	confirm_as(&k, BOB "/phone", 1);
	confirm_as(&k, "eve@example.org/phone", 1);
	recorder_received(k.link, "nonsense", PHONE);
	recorder_received(k.link, "nofeed~1-1~00000000", PHONE);
	recorder_received(k.link, "deploys~1-99~00000000", PHONE);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	assert_int_equal(counters(&w, 2).received, 0);
	world_end(&w, &k);
}

static void test_again_after_another_stream(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 3);
	worker_run(&k);
	confirm(&k, 2);
	settle(&k);
	another_stream(&k);
	pass(&k, GRACE_MS / 2);
	assert_sent(&k, ANN, "1 2 3 4");
	pass(&k, GRACE_MS);
	assert_sent(&k, ANN, "1 2 3 4 2 4");
	assert_true(contains(&k, sent_to(&k, ANN, 4), "urn:xmpp:delay"));
	assert_sent(&k, BOB, "1 2 3 4");
	/* Not by itself. */
	pass(&k, 3 * HOUR_MS);
	assert_sent(&k, ANN, "1 2 3 4 2 4");
	confirm(&k, 4);
	confirm(&k, 5);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	for (unsigned event = 2; event <= 4; event++) {
		assert_int_equal(counters(&w, event).received, 1);
		assert_int_equal(counters(&w, event).taken, 1);
		assert_int_equal(counters(&w, event).held, 0);
	}
	world_end(&w, &k);
}

static void test_again_when_seen(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 2);
	worker_run(&k);
	engine_seen(k.engine, "deploys", ANN);
	engine_seen(k.engine, "deploys", BOB);
	engine_seen(k.engine, "deploys", "eve@example.org");
	settle(&k);
	confirm(&k, 1);
	settle(&k);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 3");
	confirm(&k, 3);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* A window full, and the rest waits, until there is room. */
static void test_window(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 40);
	worker_run(&k);
	assert_int_equal(count_to(&k, ANN), 1 + HOLD_WINDOW);
	assert_int_equal(count_to(&k, BOB), 41);
	assert_int_equal(counters(&w, 18).held, 1);
	post(&w, 1);
	worker_run(&k);
	assert_int_equal(count_to(&k, ANN), 1 + HOLD_WINDOW);
	for (size_t n = 1; n <= HOLD_WINDOW; n++)
		confirm(&k, n);
	settle(&k);
	assert_int_equal(count_to(&k, ANN), 1 + 2 * HOLD_WINDOW);
	for (size_t n = 1 + HOLD_WINDOW; n < 42; n++) {
		confirm(&k, n);
		settle(&k);
	}
	assert_int_equal(count_to(&k, ANN), 42);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	for (unsigned event = 2; event <= 42; event++) {
		assert_int_equal(counters(&w, event).received, 1);
		assert_int_equal(counters(&w, event).taken, 1);
		assert_int_equal(counters(&w, event).held, 0);
	}
	world_end(&w, &k);
}

/* A client that confirms no more keeps nothing for ever. */
static void test_given_up(void **state)
{
	struct world w;
	struct worker k;
	struct sub sub;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 30);
	worker_run(&k);
	pass(&k, HOUR_MS / 2);
	assert_int_equal(count_to(&k, ANN), 1 + HOLD_WINDOW);
	pass(&k, HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 31);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(world_sub(&w, "deploys", ANN, &sub), BELFRY_OK);
	assert_int_equal(counters(&w, 31).taken, 2);
	another_stream(&k);
	pass(&k, GRACE_MS + 1000);
	assert_int_equal(count_to(&k, ANN), 31);
	world_end(&w, &k);
}

static void test_given_up_after_tries(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 1);
	worker_run(&k);
	for (unsigned i = 0; i < 5; i++) {
		another_stream(&k);
		pass(&k, GRACE_MS + 1000);
	}
	assert_sent(&k, ANN, "1 2 2 2 2");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 2).taken, 2);
	world_end(&w, &k);
}

/* A client may be quicker than the barrier. */
static void test_quick(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, HOLD_WINDOW + 4);
	worker_run(&k);
	for (size_t n = 1; n <= HOLD_WINDOW; n++)
		confirm(&k, n);
	worker_until_sent(&k, 2 * (1 + HOLD_WINDOW + 4), false);
	for (size_t n = 1; n <= 4; n++)
		confirm(&k, HOLD_WINDOW + n);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	for (unsigned event = 2; event <= HOLD_WINDOW + 5; event++)
		assert_int_equal(counters(&w, event).received, 1);
	world_end(&w, &k);
}

/* The feed asks who has not chosen; who has answered goes on when it asks no more. */
static void test_feed_asks(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{\"ack\":\"receipt\"}");
	world_join_one(&w, "deploys", ANN, FORMAT_CHAT);
	world_join_one(&w, "deploys", BOB, FORMAT_CHAT);
	set(&w, BOB, SUB_SET_RECEIPT, (struct sub_options){.no_receipt = true});
	worker_start(&w, &k, 0);
	post(&w, 1);
	worker_run(&k);
	const char *ask = "<request xmlns='urn:xmpp:receipts'/></message>";
	assert_true(contains(&k, sent_to(&k, ANN, 0), ask));
	assert_false(contains(&k, sent_to(&k, BOB, 0), ask));
	confirm(&k, 0);
	settle(&k);
	world_feed(&w, "deploys", "{}");
	post(&w, 1);
	worker_run(&k);
	assert_true(contains(&k, sent_to(&k, ANN, 1), ask));
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	confirm(&k, 1);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 2).received, 1);
	world_end(&w, &k);
}

/* What comes back is tried again, with all that is not confirmed. */
static void test_bounces(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 3);
	worker_until_sent(&k, 8, false);
	bounce(&k, ANN, 2, BOUNCE_RETRIES); /* at once */
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(ann(&w).pos.n, 1);
	assert_int_equal(counters(&w, 3).held, 1);
	pass(&k, LATER_MS);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 4 2 3 4");
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	bounce(&k, ANN, 6, BOUNCE_RETRIES); /* late */
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(ann(&w).pos.n, 1);
	pass(&k, LATER_MS);
	confirm(&k, 7);
	settle(&k);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 4 2 3 4 2 3 4");
	confirm(&k, 8);
	confirm(&k, 9);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	for (unsigned event = 2; event <= 4; event++) {
		assert_int_equal(counters(&w, event).received, 1);
		assert_int_equal(counters(&w, event).taken, 1);
		assert_int_equal(counters(&w, event).held, 0);
	}
	world_end(&w, &k);
}

/* Where it is over with the repeats, what came back since is sent once more. */
static void test_back_before_it_is_given_up(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 2);
	worker_run(&k);
	for (unsigned i = 0; i < 2; i++) {
		another_stream(&k);
		pass(&k, GRACE_MS + 1000);
	}
	assert_sent(&k, ANN, "1 2 3 2 3 2 3");
	bounce(&k, ANN, 6, BOUNCE_RETRIES); /* late */
	settle(&k);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3 2");
	another_stream(&k);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3 2 2 3");
	pass(&k, 3 * HOUR_MS);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3 2 2 3");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* What is repeated behind that comes back, after she has shown that she confirms. */
static void test_proven_before_the_repeat(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_asking(&w, &k);
	post(&w, 3);
	worker_run(&k);
	bounce(&k, ANN, 1, BOUNCE_RETRIES); /* late */
	settle(&k);
	confirm(&k, 0);
	settle(&k);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 4 2");
	world_pass(&w, 200 * 1000);
	world_skip(200 * 1000);
	worker_until_sent(&k, recorder_messages(k.link) + 2, false);
	assert_sent(&k, ANN, "1 2 3 4 2 3 4");
	bounce(&k, ANN, 6, BOUNCE_RETRIES); /* at once */
	worker_run(&k);
	pass(&k, LATER_MS);
	pass(&k, 200 * 1000);
	assert_sent(&k, ANN, "1 2 3 4 2 3 4 3 4");
	world_end(&w, &k);
}

static void test_paused(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 2);
	worker_run(&k);
	set(&w, ANN, SUB_SET_PAUSED, (struct sub_options){.paused = true});
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_PAUSED);
	confirm(&k, 1);
	post(&w, 1);
	settle(&k);
	set(&w, ANN, SUB_SET_PAUSED, (struct sub_options){0});
	settle(&k);
	assert_sent(&k, ANN, "1 2 3 3 4");
	confirm(&k, 3);
	confirm(&k, 4);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 4).received, 1);
	/* Who is no longer asked is awaited no more. */
	post(&w, 1);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	set(&w, ANN, SUB_SET_RECEIPT, (struct sub_options){0});
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_sent(&k, ANN, "1 2 3 3 4 5");
	world_end(&w, &k);
}

/* Behind quiet hours that let urgent events pass, and that is over: somebody changes the
 * row while an urgent one is on its way. */
static void test_urgent_then_changed(void **state)
{
	struct world w;
	struct worker k;
	unsigned minute = (unsigned)(clock_wall_ms() / 60000 % 1440);
	const struct sub_options quiet = {.quiet = {.set = true,
						    .from = minute,
						    .to = (minute + 120) % 1440,
						    .zone = "UTC"},
					  .urgent_passes = true};
	(void)state;
	begin_proven(&w, &k);
	set(&w, ANN, SUB_SET_QUIET | SUB_SET_URGENT, quiet);
	post(&w, 1);
	world_commit(&w, "deploys", "{\"title\":\"urgent\"}");
	worker_run(&k);
	assert_sent(&k, ANN, "1 3");
	pass(&k, 3 * HOUR_MS);
	assert_sent(&k, ANN, "1 3 2");
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	size_t sent = recorder_messages(k.link);
	world_commit(&w, "deploys", "{\"title\":\"urgent\"}");
	worker_until_sent(&k, sent + 2, false);
	world_order(&w, "deploys", ANN, ORDER_REDRIVE);
	settle(&k);
	assert_sent(&k, ANN, "1 3 2 4 4");
	confirm(&k, 2);
	confirm(&k, 4);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	for (unsigned event = 2; event <= 4; event++) {
		struct store_counters c = counters(&w, event);
		assert_int_equal(c.taken + c.received, 2);
		assert_int_equal(c.held, 0);
	}
	world_end(&w, &k);
}

/* While something is on its way it becomes one who gets headlines, which need none. */
static void test_headlines_since(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 1);
	worker_until_sent(&k, 4, false);
	world_join_one(&w, "deploys", ANN, FORMAT_HEADLINE);
	settle(&k);
	pass(&k, 10000); /* what is due is asked for so often */
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3");
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_confirmed),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_again_after_another_stream),
		cmocka_unit_test(test_again_when_seen),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_quick),
		cmocka_unit_test(test_feed_asks),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_given_up_after_tries),
		cmocka_unit_test(test_bounces),
		cmocka_unit_test(test_back_before_it_is_given_up),
		cmocka_unit_test(test_proven_before_the_repeat),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_urgent_then_changed),
		cmocka_unit_test(test_headlines_since),
	};
	return cmocka_run_group_tests_name("work/receipts", tests, NULL, NULL);
}
