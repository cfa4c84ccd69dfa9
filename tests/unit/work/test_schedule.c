#include "asking.h"
#include "holding.h"
#include "publishing.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Events that come when they are due, and those whose time is over. */

struct answer {
	bool done;
	enum belfry_err err;
};

static void on_plain(void *arg, enum belfry_err err)
{
	struct answer *a = arg;
	*a = (struct answer){true, err};
}

/* Due, and over, in so many ms of the clock that nobody has put forward; 0: not. */
static void publish(struct world *w, const char *feed, uint64_t due_ms,
		    uint64_t expires_ms)
{
	uint64_t now = clock_wall_ms();
	world_publish(
		w, (struct store_commit){.feed = feed,
					 .at_ms = now,
					 .due_ms = due_ms ? now + due_ms : 0,
					 .expires_ms = expires_ms ? now + expires_ms : 0,
					 .doc = "{\"title\":\"an event\"}"});
}

static void cancel(struct world *w, const char *id)
{
	struct answer a = {0};
	w->app->ops->scheduled_cancel(w->app, "deploys", id, NULL, on_plain, &a);
	world_until(w, &a.done);
	assert_int_equal(a.err, BELFRY_OK);
}

static void test_it_comes_when_it_is_due(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	publish(&w, "deploys", HOUR_MS, 0);
	settle(&k);
	assert_int_equal(count_to(&k, ANN), 0);
	post(&w, 1);
	settle(&k);
	assert_sent(&k, ANN, "1");
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1 2");
	assert_sent(&k, BOB, "1 2");
	assert_int_equal(counters(&w, 1).taken, 2);
	assert_int_equal(engine_counters(k.engine)->released, 1);
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1 2");
	world_end(&w, &k);
}

/* The worker would look again in ten seconds only. */
static void test_an_earlier_one_wakes(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	publish(&w, "deploys", HOUR_MS, 0);
	world_turns(&w, 20);
	publish(&w, "deploys", 4000, 0);
	world_turns(&w, 20);
	pass(&k, 4500);
	assert_sent(&k, ANN, "1");
	world_end(&w, &k);
}

static void test_what_is_cancelled_never_comes(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	publish(&w, "deploys", 1000, 0);
	publish(&w, "deploys", 2000, 0);
	cancel(&w, w.ids[0]);
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1");
	assert_int_equal(world_event_err(&w, "deploys", w.ids[0]), BELFRY_ENOENT);
	assert_int_equal(world_event_err(&w, "deploys", w.ids[1]), BELFRY_OK);
	world_end(&w, &k);
}

/* Late, if nobody was there, but once. */
static void test_another_worker_releases_it(void **state)
{
	struct world w;
	struct worker k, other;
	struct letters l = {0};
	(void)state;
	begin(&w, &k, "{}");
	publish(&w, "deploys", 1000, 0);
	publish(&w, "deploys", HOUR_MS, 0);
	world_pass(&w, 2000);
	for (unsigned turns = 0; turns < 3; turns++)
		world_turns(&w, turns); /* it may be anywhere on its way */
	worker_replace(&k, &other, &l);
	settle(&other);
	pass(&other, HOUR_MS);
	letters_free(&l);
	memset(&l, 0, sizeof(l));
	letters_add(&l, other.link);
	letters_sort(&l);
	assert_int_equal(letters_distinct(&l), 4);
	assert_int_equal(world_feed_get(&w, "deploys").head.n, 2);
	letters_free(&l);
	world_end(&w, &other);
}

static void test_a_burst_keeps_nobody_waiting(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	world_feed(&w, "alerts", "{}");
	for (unsigned i = 0; i < 1000; i++)
		publish(&w, "deploys", 1000, 0);
	publish(&w, "alerts", 1001, 0);
	world_pass(&w, 5000);
	for (unsigned i = 0; world_feed_get(&w, "alerts").head.n == 0; i++) {
		assert_true(i < 1000);
		world_turns(&w, 1);
	}
	assert_in_range(world_feed_get(&w, "deploys").head.n, 0, 500);
	settle(&k);
	assert_int_equal(world_feed_get(&w, "deploys").head.n, 1000);
	assert_int_equal(count_to(&k, ANN), 1000);
	world_end(&w, &k);
}

/* ---- What expires ----------------------------------------------------------------- */

static void test_it_is_too_late(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_join_one(&w, "deploys", ANN, FORMAT_CHAT);
	world_join_one(&w, "deploys", BOB, FORMAT_HEADLINE);
	publish(&w, "deploys", 0, 60000);
	publish(&w, "deploys", 0, HOUR_MS);
	publish(&w, "deploys", 0, 0);
	world_pass(&w, 60001);
	worker_start(&w, &k, 0);
	settle(&k);
	assert_sent(&k, ANN, "2 3");
	assert_sent(&k, BOB, "2 3");
	assert_int_equal(counters(&w, 1).expired, 2);
	assert_int_equal(counters(&w, 1).taken + counters(&w, 1).sent, 0);
	assert_int_equal(counters(&w, 2).expired, 0);
	assert_int_equal(engine_counters(k.engine)->expired, 2);
	world_end(&w, &k);
}

static void test_it_is_too_late_for_who_is_held(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	pause_row(&w, ANN);
	publish(&w, "deploys", 0, 60000);
	publish(&w, "deploys", 0, 2 * HOUR_MS);
	settle(&k);
	assert_sent(&k, BOB, "1 2");
	assert_int_equal(counters(&w, 1).held, 1);
	pass(&k, HOUR_MS);
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "2");
	assert_int_equal(counters(&w, 1).held, 0);
	assert_int_equal(counters(&w, 1).expired, 1);
	assert_int_equal(counters(&w, 1).taken, 1);
	assert_int_equal(counters(&w, 2).taken, 2);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

static void test_what_came_back_may_expire(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	publish(&w, "deploys", 0, 60000);
	publish(&w, "deploys", 0, 60000);
	publish(&w, "deploys", 0, 0);
	worker_until_sent(&k, 6, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	worker_run(&k);
	assert_int_equal(counters(&w, 1).bounced, 1);
	assert_int_equal(counters(&w, 2).held, 1);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 3");
	for (unsigned event = 1; event <= 2; event++) {
		assert_int_equal(counters(&w, event).expired, 1);
		assert_int_equal(counters(&w, event).taken, 1);
		assert_int_equal(counters(&w, event).held, 0);
	}
	assert_int_equal(counters(&w, 3).taken, 2);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* It had been taken: that it is repeated no more does not change that. */
static void test_what_was_had_did_not_expire(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	publish(&w, "deploys", 0, 0);
	publish(&w, "deploys", 0, 60000);
	worker_run(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(counters(&w, 1).held, 1);
	pass(&k, LATER_MS);
	pass(&k, HOUR_MS / 2);
	assert_sent(&k, ANN, "1 2 1");
	assert_int_equal(counters(&w, 1).taken, 2);
	assert_int_equal(counters(&w, 2).taken, 2);
	assert_int_equal(counters(&w, 2).expired, 0);
	world_end(&w, &k);
}

/* What has expired is of no use to who asks later. */
static void test_nobody_is_shown_what_expired(void **state)
{
	struct world w;
	struct hub h;
	struct reply r = {0};
	(void)state;
	ask_begin(&w, &h);
	world_join_one(&w, "d-open", US_BARE, FORMAT_CHAT);
	ask_commit(&w, 1000, "d-open", "first");
	world_publish(&w, (struct store_commit){.feed = "d-open",
						.at_ms = 2000,
						.expires_ms = 3000,
						.doc = "{\"title\":\"over\"}"});
	ask_commit(&w, 3000, "d-open", "last");
	assert_string_equal(ask_recent(&w, &h, US, 3).text, "first last ");
	struct xmpp_hub x = hub_for(&h);
	x.ops->items(x.hub, US, "d-open", NULL, 0, 10, ask_on_items, &r);
	world_until(&w, &r.done);
	assert_string_equal(r.text, "first last ");
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_comes_when_it_is_due),
		cmocka_unit_test(test_an_earlier_one_wakes),
		cmocka_unit_test(test_what_is_cancelled_never_comes),
		cmocka_unit_test(test_another_worker_releases_it),
		cmocka_unit_test(test_a_burst_keeps_nobody_waiting),
		cmocka_unit_test(test_it_is_too_late),
		cmocka_unit_test(test_it_is_too_late_for_who_is_held),
		cmocka_unit_test(test_what_came_back_may_expire),
		cmocka_unit_test(test_what_was_had_did_not_expire),
		cmocka_unit_test(test_nobody_is_shown_what_expired),
	};
	return cmocka_run_group_tests_name("work/schedule", tests, NULL, NULL);
}
