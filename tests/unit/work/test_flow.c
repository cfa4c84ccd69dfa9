#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Events that keep coming while those before are on their way. */

static const struct store_ops *memory_ops;
static struct {
	unsigned looks, settles, trims;
	uint64_t max_items;	     /* of the last trim */
	unsigned dones, reads_along; /* completions on their way; reads meanwhile */
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

static struct {
	store_cb cb;
	void *arg;
} done_asked[64];

static void on_counted_done(void *arg, enum belfry_err err)
{
	size_t i = (size_t)(uintptr_t)arg;
	calls.dones--;
	done_asked[i].cb(done_asked[i].arg, err);
}

static void count_done(struct store *s, const struct store_owner *o,
		       const struct store_done *d, store_cb cb, void *arg)
{
	static size_t next;
	size_t i = next++ % 64;
	done_asked[i].cb = cb;
	done_asked[i].arg = arg;
	calls.dones++;
	memory_ops->done(s, o, d, on_counted_done, (void *)(uintptr_t)i);
}

static void count_read(struct store *s, const char *feed, uint32_t first, uint32_t count,
		       store_run_cb cb, void *arg)
{
	calls.reads_along += calls.dones > 0;
	memory_ops->read(s, feed, first, count, cb, arg);
}

static void counted(struct worker *k, struct store_ops *ops)
{
	memory_ops = k->store->ops;
	*ops = *memory_ops;
	ops->feed_get = count_look;
	ops->settle = count_settle;
	ops->trim = hold_trim;
	ops->done = count_done;
	ops->read = count_read;
	k->store->ops = ops;
	calls.looks = calls.settles = calls.trims = 0;
	calls.dones = calls.reads_along = 0;
	calls.hold_trims = false;
	calls.trimmed = NULL;
}

enum { ROWS = 5 };

static void begin_counted(struct world *w, struct worker *k, struct store_ops *ops,
			  unsigned events)
{
	world_begin(w, k, ROWS, events);
	counted(k, ops);
}

/* The N-th event comes while the one before it may be on its way, and goes out. */
static void flow(struct world *w, struct worker *k, size_t n)
{
	world_commit(w, "deploys", "{}");
	worker_until_sent(k, ROWS * n, true);
}

static void test_no_look_at_the_feed_between_two_events(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	begin_counted(&w, &k, &ops, 1);
	worker_until_sent(&k, ROWS, false);
	for (size_t n = 2; n <= 40; n++)
		flow(&w, &k, n);
	/* Now and then it settles; but not between every two. */
	assert_in_range(calls.looks, 0, 10);
	assert_in_range(calls.settles, 0, 10);
	/* Nor does it wait until what it has sent is noted. */
	assert_in_range(calls.reads_along, 30, 100);
	worker_run(&k);
	worker_check_once(&k, ROWS * 40);
	world_end(&w, &k);
}

static void on_split(void *arg, enum belfry_err err)
{
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

/* Its completion takes two turns, and the next read is asked for between them. */
static void test_a_split_in_the_flow_repeats_nothing(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 60, 1);
	worker_until_sent(&k, 60, false);
	for (uint32_t buckets = 1; buckets < 8; buckets++) {
		bool split = false;
		world_commit(&w, "deploys", "{}");
		w.app->ops->split(w.app, "deploys", buckets, on_split, &split);
		world_until(&w, &split);
		worker_until_sent(&k, 60 * (buckets + 1), true);
	}
	worker_run(&k);
	worker_check_once(&k, 60 * 8);
	world_end(&w, &k);
}

static void test_the_last_pass_knows_how_far_it_went(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	begin_counted(&w, &k, &ops, 1);
	worker_until_sent(&k, ROWS, false);
	flow(&w, &k, 2);
	unsigned before = calls.settles;
	worker_run(&k);
	worker_check_once(&k, ROWS * 2);
	assert_int_equal(calls.settles, before + 1);
	world_end(&w, &k);
}

static void test_what_is_settled_is_trimmed_meanwhile(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	begin_counted(&w, &k, &ops, 1);
	calls.hold_trims = true;
	worker_until_sent(&k, ROWS, false);
	/* They go out, though no trim comes back. */
	for (size_t n = 2; n <= 10; n++) {
		world_skip(600);
		flow(&w, &k, n);
	}
	assert_in_range(calls.settles, 2, 10);
	assert_int_equal(calls.trims, 1);
	calls.hold_trims = false;
	calls.trimmed(calls.arg, BELFRY_OK);
	worker_run(&k);
	worker_check_once(&k, ROWS * 10);
	assert_in_range(calls.trims, 2, 20);
	world_end(&w, &k);
}

static void test_a_change_counts_under_a_steady_flow(void **state)
{
	struct world w;
	struct worker k;
	struct store_ops ops;
	(void)state;
	begin_counted(&w, &k, &ops, 200);
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
		cmocka_unit_test(test_a_split_in_the_flow_repeats_nothing),
		cmocka_unit_test(test_no_look_at_the_feed_between_two_events),
		cmocka_unit_test(test_the_last_pass_knows_how_far_it_went),
		cmocka_unit_test(test_what_is_settled_is_trimmed_meanwhile),
	};
	return cmocka_run_group_tests_name("work/flow", tests, NULL, NULL);
}
