#include "holding.h"
#include "slow.h"

#include "work/engine_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What comes back late while a completion is not answered. */

/* What is sent again to a held row, and comes back late, is not taken for the first. */
static void test_what_is_held_comes_back_again(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_until_sent(&k, 2, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	worker_run(&k);
	world_pass(&w, LATER_MS);
	worker_until_sent(&k, 3, false);
	slow_begin(&k, 0);
	recorder_serve(k.link);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	world_turns(&w, 50);
	slow_end(&k);
	world_turns(&w, 50);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(h.pos.n, 0);
	pass(&k, LATER_MS);
	assert_int_equal(count_to(&k, ANN), 3);
	world_end(&w, &k);
}

static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	(void)row;
	(void)created;
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

static void join_anew(struct world *w, const char *jid)
{
	bool left = false;
	w->app->ops->leave(w->app, "deploys", jid, on_left, &left);
	world_until(w, &left);
	world_join_one(w, "deploys", jid, FORMAT_CHAT);
}

/* The row is looked up for something else just before its hold ends, and what ended it
 * comes back. */
static void comes_back_behind_a_look(unsigned turns)
{
	struct world w;
	struct worker k;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_run(&k);
	join_anew(&w, ANN);
	post(&w, 1);
	worker_until_sent(&k, 4, false);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	worker_run(&k);
	world_pass(&w, LATER_MS);
	worker_until_sent(&k, 5, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES); /* it is not this row's */
	world_turns(&w, turns);
	recorder_serve(k.link);
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	world_turns(&w, 50);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(world_hold(&w, "deploys", ANN).pos.n, 1);
	world_end(&w, &k);
}

static void test_comes_back_behind_a_look(void **state)
{
	(void)state;
	for (unsigned turns = 0; turns < 8; turns++)
		comes_back_behind_a_look(turns);
}

/* It waits for a completion when the lease goes, whose answer nobody is told of. */
static void test_unanswered_without_the_lease(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 2);
	worker_until_sent(&k, 4, false);
	slow_begin(&k, 0);
	recorder_serve(k.link);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 1);
	engine_own(k.engine, NULL);
	world_turns(&w, 50);
	slow_end(&k);
	world_turns(&w, 50);
	engine_own(k.engine, &k.owner);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 0);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(world_hold(&w, "deploys", ANN).pos.n, 0);
	world_end(&w, &k);
}

/* A row of another bucket than those that are on their way is told at once. */
static void test_its_bucket_alone(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, NULL, 3000, 1);
	worker_start(&w, &k, 0);
	slow_begin(&k, 20);
	worker_until_sent(&k, 3000, true);
	recorder_serve(k.link);
	world_turns(&w, 50);
	assert_true(slow_count() > 0);
	char *id = recorder_attribute(k.link, 0, "id");
	char *to = recorder_attribute(k.link, 0, "to");
	char *last_id = recorder_attribute(k.link, 2999, "id");
	char *last = recorder_attribute(k.link, 2999, "to");
	recorder_bounce(k.link, id, to, BOUNCE_RETRIES, "remote-server-timeout");
	recorder_bounce(k.link, last_id, last, BOUNCE_RETRIES, "remote-server-timeout");
	world_turns(&w, 50);
	assert_int_equal(world_hold(&w, "deploys", to).reason, HOLD_BOUNCED);
	assert_int_equal(world_hold(&w, "deploys", last).reason, HOLD_NONE);
	slow_end(&k);
	world_turns(&w, 50);
	assert_int_equal(world_hold(&w, "deploys", last).reason, HOLD_BOUNCED);
	free(id);
	free(to);
	free(last_id);
	free(last);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_held_comes_back_again),
		cmocka_unit_test(test_comes_back_behind_a_look),
		cmocka_unit_test(test_unanswered_without_the_lease),
		cmocka_unit_test(test_its_bucket_alone),
	};
	return cmocka_run_group_tests_name("work/late unanswered", tests, NULL, NULL);
}
