#include "holding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Bounces ---------------------------------------------------------------------- */

static void test_a_bounce_is_tried_again(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 3);
	worker_until_sent(&k, 6, false);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	worker_run(&k);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3");
	assert_sent(&k, BOB, "1 2 3 4");
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.pos.n, 1);
	assert_int_equal(h.tries, 1);
	assert_int_equal(counters(&w, 1).taken, 2);
	for (unsigned event = 2; event <= 4; event++) {
		assert_int_equal(counters(&w, event).taken, 1);
		assert_int_equal(counters(&w, event).held, 1);
		assert_int_equal(counters(&w, event).bounced, event == 2);
	}
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 2 3 4");
	assert_sent(&k, BOB, "1 2 3 4");
	assert_true(contains(&k, sent_to(&k, ANN, 3), "urn:xmpp:delay"));
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_counted(&w, 1, 4, 2, 0);
	world_end(&w, &k);
}

/* While it comes back, only the event that did is sent. */
static void test_one_at_a_time(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 3);
	worker_until_sent(&k, 6, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	worker_run(&k);
	for (unsigned tries = 2; tries < 5; tries++) {
		size_t before = count_to(&k, ANN);
		world_pass(&w, LATER_MS);
		worker_until_sent(&k, recorder_messages(k.link) + 1, false);
		world_turns(&w, 20);
		assert_int_equal(count_to(&k, ANN), before + 1);
		bounce(&k, ANN, before, BOUNCE_RETRIES);
		settle(&k);
		assert_int_equal(world_hold(&w, "deploys", ANN).tries, tries);
	}
	assert_sent(&k, ANN, "1 2 3 1 1 1");
	assert_int_equal(counters(&w, 1).bounced, 4);
	assert_int_equal(counters(&w, 1).held, 1);
	world_end(&w, &k);
}

static void test_late_bounces(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 3);
	worker_run(&k);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	bounce(&k, ANN, 2, BOUNCE_RETRIES); /* is behind it */
	settle(&k);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.pos.n, 1);
	assert_int_equal(h.counted.n, 3);
	assert_int_equal(counters(&w, 2).held, 1);
	assert_int_equal(counters(&w, 3).taken, 2);
	/* It seems to go well, but that is not known yet. */
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 2");
	assert_int_equal(counters(&w, 2).taken, 2);
	bounce(&k, ANN, 3, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(world_hold(&w, "deploys", ANN).tries, 2);
	pass(&k, LATER_MS);
	pass(&k, HOUR_MS / 2);
	assert_sent(&k, ANN, "1 2 3 2 2 3");
	assert_int_equal(reason(&w, ANN), HOLD_PROVING);
	pass(&k, HOUR_MS);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_counted(&w, 1, 3, 2, 0);
	assert_int_equal(counters(&w, 2).bounced, 2);
	world_end(&w, &k);
}

/* A feed that is never at rest, and a bounce that is told all the same. */
static void test_late_under_load(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_run(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	for (unsigned i = 0; i < 200 && reason(&w, ANN) == HOLD_NONE; i++) {
		post(&w, 1);
		world_skip(5);
		recorder_serve(k.link);
	}
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	worker_run(&k);
	pass(&k, LATER_MS);
	pass(&k, HOUR_MS / 2);
	assert_counted(&w, 1, (unsigned)w.id_count, 2, 0);
	world_end(&w, &k);
}

/* ---- Dead letters ----------------------------------------------------------------- */

static void die(struct world *w, struct worker *k)
{
	begin(w, k, "{}");
	post(w, 2);
	worker_until_sent(k, 4, false);
	bounce(k, ANN, 0, BOUNCE_SUSPENDS);
	worker_run(k);
	assert_int_equal(reason(w, ANN), HOLD_DEAD);
	assert_int_equal(engine_counters(k->engine)->dead_letters, 1);
	pass(k, LATER_MS);
	post(w, 1);
	worker_run(k);
	assert_sent(k, ANN, "1 2");
}

static void test_redrive(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	die(&w, &k);
	world_order(&w, "deploys", ANN, ORDER_REDRIVE);
	settle(&k);
	assert_sent(&k, ANN, "1 2 1 2 3");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 1).taken, 2);
	world_end(&w, &k);
}

static void test_drop(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	die(&w, &k);
	world_order(&w, "deploys", ANN, ORDER_DROP);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 4");
	for (unsigned event = 1; event <= 3; event++) {
		assert_int_equal(counters(&w, event).dead, 1);
		assert_int_equal(counters(&w, event).taken, 1);
		assert_int_equal(counters(&w, event).held, 0);
	}
	assert_int_equal(engine_counters(k.engine)->dead, 3);
	world_end(&w, &k);
}

static void test_dead_after_tries(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	w.retry = (struct policy_retry){1000, 1000, 3, 0};
	world_feed(&w, "deploys", "{}");
	world_join_one(&w, "deploys", ANN, FORMAT_CHAT);
	post(&w, 1);
	worker_start(&w, &k, 0);
	for (size_t n = 0; n < 3; n++) {
		world_pass(&w, 1000);
		worker_until_sent(&k, n + 1, false);
		bounce(&k, ANN, n, BOUNCE_RETRIES);
		settle(&k);
	}
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_DEAD);
	assert_int_equal(h.tries, 3);
	pass(&k, LATER_MS);
	assert_int_equal(recorder_messages(k.link), 3);
	world_end(&w, &k);
}

/* ---- Poison ------------------------------------------------------------------------ */

/* What ends the stream when a hold is served is found, too, and nobody misses the rest.
 */
static void test_poison(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	pause_row(&w, ANN);
	world_commit(&w, "deploys", "{\"title\":\"good\"}");
	world_commit(&w, "deploys", "{\"title\":\"bad\"}");
	world_commit(&w, "deploys", "{\"title\":\"fine\"}");
	worker_run(&k);
	resume_row(&w, ANN);
	unsigned ended = 0;
	size_t looked = recorder_messages(k.link);
	for (unsigned turns = 0; turns < 3000; turns++) {
		for (; looked < recorder_messages(k.link); looked++) {
			if (!contains(&k, looked, "bad"))
				continue;
			looked = recorder_messages(k.link);
			ended++;
			recorder_down(k.link, LINK_END_ERROR, "not-well-formed");
			recorder_up(k.link);
			break;
		}
		recorder_serve(k.link);
		world_skip(10);
		world_turns(&w, 1);
	}
	assert_int_equal(ended, 3);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 1).taken, 2);
	assert_int_equal(counters(&w, 2).taken, 1);
	assert_int_equal(counters(&w, 2).skipped, 1);
	assert_int_equal(counters(&w, 3).taken, 2);
	for (unsigned event = 1; event <= 3; event++)
		assert_int_equal(counters(&w, event).held, 0);
	world_end(&w, &k);
}

/* More buckets than a pass takes, and than a feed remembers. */
static void test_many_buckets(void **state)
{
	enum { ROWS = 9000 };
	struct world w;
	struct worker k;
	struct letters l = {0};
	(void)state;
	world_begin(&w, &k, ROWS, 2);
	for (size_t next = 0; next < 2 * ROWS;) {
		loop_turn(w.loop, false);
		for (; next < recorder_messages(k.link); next++) {
			char *id = recorder_attribute(k.link, next, "id");
			char *to = recorder_attribute(k.link, next, "to");
			if (event_of(&k, next) == 2)
				recorder_bounce(k.link, id, to, BOUNCE_RETRIES, "gone");
			free(id);
			free(to);
		}
		recorder_serve(k.link);
	}
	worker_run(&k);
	assert_int_equal(world_counters(&w, "deploys", w.ids[1], NULL).held, ROWS);
	pass(&k, LATER_MS);
	assert_int_equal(world_counters(&w, "deploys", w.ids[1], NULL).held, 0);
	assert_int_equal(world_counters(&w, "deploys", w.ids[1], NULL).taken, ROWS);
	letters_add(&l, k.link);
	letters_sort(&l);
	assert_int_equal(l.count, 3 * ROWS);
	assert_int_equal(letters_repeats(&l), ROWS);
	letters_free(&l);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bounce_is_tried_again),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_late_bounces),
		cmocka_unit_test(test_late_under_load),
		cmocka_unit_test(test_redrive),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_dead_after_tries),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_many_buckets),
	};
	return cmocka_run_group_tests_name("work/holds", tests, NULL, NULL);
}
