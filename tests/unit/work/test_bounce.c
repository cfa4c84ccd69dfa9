#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The message INDEX comes back as from FROM (NULL: whom it went to). */
static void bounce(struct worker *k, size_t index, const char *from, bool ends)
{
	char *id = recorder_attribute(k->link, index, "id");
	char *to = recorder_attribute(k->link, index, "to");
	recorder_bounce(k->link, id, from ? from : to,
			ends ? BOUNCE_ENDS : BOUNCE_RETRIES,
			ends ? "item-not-found" : "service-unavailable");
	free(id);
	free(to);
}

static void test_bounces_before_the_barrier(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, NULL, 10, 0);
	world_join_one(&w, "deploys", "full@example.org/phone", FORMAT_EVENT);
	struct pos pos = world_commit(&w, "deploys", "{}");
	worker_start(&w, &k, 0);
	worker_until_sent(&k, 11, false);
	char *gone = recorder_attribute(k.link, 3, "to");
	char *absent = recorder_attribute(k.link, 5, "to");
	bounce(&k, 3, NULL, true);
	bounce(&k, 5, NULL, false);
	bounce(&k, 5, NULL, false); /* counted once */
	bounce(&k, 7, "mallory@example.net", true);
	recorder_bounce(k.link, "deploys~1-1~zzzzzzzz", "r@example.org", BOUNCE_ENDS, "");
	recorder_bounce(k.link, "", "", BOUNCE_ENDS, "");
	worker_run(&k);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 9);
	assert_int_equal(c.held, 1);
	assert_int_equal(c.bounced, 1);
	assert_int_equal(c.left, 1);
	assert_int_equal(world_sub(&w, "deploys", gone, NULL), BELFRY_ENOENT);
	struct sub_hold h = world_hold(&w, "deploys", absent);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(pos_cmp(h.pos, (struct pos){pos.epoch, pos.n - 1}), 0);
	assert_int_equal(h.tries, 1);
	assert_string_equal(h.condition, "service-unavailable");
	assert_int_equal(world_feed_get(&w, "deploys").subscribers, 10);
	assert_int_equal(engine_counters(k.engine)->strange_bounces, 3);
	free(gone);
	free(absent);
	world_end(&w, &k);
}

static void test_bounce_of_a_resource(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_join_one(&w, "deploys", "bare@example.org", FORMAT_CHAT);
	world_commit(&w, "deploys", "{}");
	worker_start(&w, &k, 0);
	worker_until_sent(&k, 1, false);
	bounce(&k, 0, "bare@example.org/phone", false);
	worker_run(&k);
	assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).bounced, 1);
	world_end(&w, &k);
}

static void test_bounces_after_the_barrier(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 4, 1);
	worker_run(&k);
	char *gone = recorder_attribute(k.link, 0, "to");
	bounce(&k, 0, NULL, true);
	bounce(&k, 1, NULL, false);
	bounce(&k, 1, NULL, false);
	bounce(&k, 2, "mallory@example.net/x", true);
	world_turns(&w, 50);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 2);
	assert_int_equal(c.held, 1);
	assert_int_equal(c.bounced, 1);
	assert_int_equal(c.left, 1);
	assert_int_equal(world_sub(&w, "deploys", gone, NULL), BELFRY_ENOENT);
	assert_int_equal(engine_counters(k.engine)->strange_bounces, 1);
	free(gone);
	world_end(&w, &k);
}

/* All of a large fan-out comes back, each behind its window. */
static void test_ten_thousand(void **state)
{
	enum { ROWS = 10000 };
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, ROWS, 1);
	for (size_t next = 0; next < ROWS;) {
		loop_turn(w.loop, false);
		for (; next < recorder_messages(k.link); next++)
			bounce(&k, next, NULL, next % 2);
		recorder_serve(k.link);
	}
	worker_run(&k);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 0);
	assert_int_equal(c.held, ROWS / 2);
	assert_int_equal(c.bounced, ROWS / 2);
	assert_int_equal(c.left, ROWS / 2);
	assert_int_equal(world_feed_get(&w, "deploys").subscribers, ROWS / 2);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounces_before_the_barrier),
		cmocka_unit_test(test_bounce_of_a_resource),
		cmocka_unit_test(test_bounces_after_the_barrier),
		cmocka_unit_test(test_ten_thousand),
	};
	return cmocka_run_group_tests_name("work/bounce", tests, NULL, NULL);
}
