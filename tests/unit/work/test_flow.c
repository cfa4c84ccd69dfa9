#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Events that keep coming while those before are on their way. */

static const struct store_ops *memory_ops;
static struct {
	unsigned looks, settles, trims;
	uint64_t max_items; /* of the last trim */
	bool hold_trims;
	store_cb trimmed; /* of the trim that is held */
	void *arg;
} calls;

static void count_look(struct store *s, const char *feed, store_feed_cb cb, void *arg)
{
	calls.looks++;
	memory_ops->feed_get(s, feed, cb, arg);
}

static void count_settle(struct store *s, const struct store_owner *o, const char *feed,
			 uint32_t feed_buckets, struct pos pos, store_cb cb, void *arg)
{
	calls.settles++;
	memory_ops->settle(s, o, feed, feed_buckets, pos, cb, arg);
}

static void hold_trim(struct store *s, const char *feed, uint64_t max_items,
		      uint64_t oldest_ms, store_cb cb, void *arg)
{
	calls.trims++;
	calls.max_items = max_items;
	if (!calls.hold_trims) {
		memory_ops->trim(s, feed, max_items, oldest_ms, cb, arg);
		return;
	}
	assert_null(calls.trimmed); /* one at a time */
	calls.trimmed = cb;
	calls.arg = arg;
}

static void counted(struct worker *k, struct store_ops *ops)
{
	memory_ops = k->store->ops;
	*ops = *memory_ops;
	ops->feed_get = count_look;
	ops->settle = count_settle;
	ops->trim = hold_trim;
	k->store->ops = ops;
	calls.looks = calls.settles = calls.trims = 0;
	calls.hold_trims = false;
	calls.trimmed = NULL;
}

static void test_no_look_at_the_feed_between_two_events(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	world_begin(&w, &k, 5, 1);
	counted(&k, &ops);
	worker_until_sent(&k, 5, false);
	for (size_t i = 1; i < 40; i++) {
		world_commit(&w, "deploys", "{}");
		worker_until_sent(&k, 5 * (i + 1), true);
	}
	/* Now and then it settles; but not between every two. */
	assert_in_range(calls.looks, 0, 10);
	assert_in_range(calls.settles, 0, 10);
	worker_run(&k);
	worker_check_once(&k, 5 * 40);
	world_end(&w, &k);
}

static void test_the_last_pass_knows_how_far_it_went(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	world_begin(&w, &k, 5, 1);
	counted(&k, &ops);
	worker_until_sent(&k, 5, false);
	world_commit(&w, "deploys", "{}");
	worker_until_sent(&k, 10, true);
	unsigned before = calls.settles;
	worker_run(&k);
	worker_check_once(&k, 10);
	assert_int_equal(calls.settles, before + 1);
	world_end(&w, &k);
}

static void test_what_is_settled_is_trimmed_meanwhile(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	world_begin(&w, &k, 5, 1);
	counted(&k, &ops);
	calls.hold_trims = true;
	worker_until_sent(&k, 5, false);
	for (size_t i = 1; i < 10; i++) {
		world_commit(&w, "deploys", "{}");
		world_skip(600);
		/* Though no trim comes back. */
		worker_until_sent(&k, 5 * (i + 1), true);
	}
	assert_in_range(calls.settles, 2, 10);
	assert_int_equal(calls.trims, 1);
	calls.hold_trims = false;
	calls.trimmed(calls.arg, BELFRY_OK);
	worker_run(&k);
	worker_check_once(&k, 5 * 10);
	assert_in_range(calls.trims, 2, 20);
	world_end(&w, &k);
}

static void test_a_change_counts_under_a_steady_flow(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	world_begin(&w, &k, 5, 200);
	counted(&k, &ops);
	worker_until_sent(&k, 50, true);
	world_feed(&w, "deploys", "{\"max_items\":7}");
	for (size_t i = 1; i < 20; i++) {
		world_skip(150);
		for (size_t n = 0; n < 8; n++)
			world_commit(&w, "deploys", "{}");
		worker_until_sent(&k, 50 + 30 * i, true);
	}
	assert_int_equal(calls.max_items, 7);
	worker_run(&k);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_change_counts_under_a_steady_flow),
		cmocka_unit_test(test_no_look_at_the_feed_between_two_events),
		cmocka_unit_test(test_the_last_pass_knows_how_far_it_went),
		cmocka_unit_test(test_what_is_settled_is_trimmed_meanwhile),
	};
	return cmocka_run_group_tests_name("work/flow", tests, NULL, NULL);
}
