#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many of the messages FROM .. are of FEED; *FIRST is the first one's index. */
static size_t of_feed(const struct worker *k, const char *feed, size_t from, size_t to,
		      size_t *first)
{
	size_t count = 0;
	for (size_t i = from; i < to; i++) {
		char *id = recorder_attribute(k->link, i, "id");
		bool is = strncmp(id, feed, strlen(feed)) == 0 && id[strlen(feed)] == '~';
		if (is && count++ == 0 && first)
			*first = i;
		free(id);
	}
	return count;
}

/* A server that is slower than the store: else nothing ever waits for its turn. */
static void slowly_until(struct worker *k, size_t messages)
{
	while (recorder_messages(k->link) < messages) {
		world_turns(k->world, 40);
		recorder_serve(k->link);
	}
}

/* Each of three big feeds has an event to deliver; "alert", with five rows, has none. */
static void begin_big(struct world *w, struct worker *k)
{
	static const char *const big[] = {"big1", "big2", "big3"};
	world_start(w);
	for (size_t i = 0; i < 3; i++) {
		world_feed(w, big[i], "{}");
		world_join(w, big[i], "r", 5000, FORMAT_CHAT);
	}
	world_feed(w, "alert", "{}");
	world_join(w, "alert", "x", 5, FORMAT_CHAT);
	worker_start(w, k, 0);
	for (size_t i = 0; i < 3; i++)
		world_commit(w, big[i], "{}");
}

static void test_small_feed_among_big_ones(void **state)
{
	struct world w;
	struct worker k;
	struct engine_gauges g;
	size_t first = 0;
	(void)state;
	begin_big(&w, &k);
	slowly_until(&k, 3000);
	size_t before = recorder_messages(k.link);
	world_commit(&w, "alert", "{}");
	/* What is sent from now on until the alert: its own place in the queue. */
	engine_gauges(k.engine, &g);
	slowly_until(&k, 15005);
	worker_run(&k);
	size_t all = recorder_messages(k.link);
	assert_int_equal(all, 15005);
	assert_int_equal(of_feed(&k, "alert", before, all, &first), 5);
	/* The windows in flight and one piece of a big feed. */
	size_t window = g.windows.size + 2 * BUCKET_ROWS;
	assert_in_range(first - before, 0, WINDOWS_IN_FLIGHT * window + 1000);
	world_end(&w, &k);
}

/* It is read while nothing may be sent, so that it is there when its turn comes. */
static void test_small_feed_while_windows_are_full(void **state)
{
	struct world w;
	struct worker k;
	size_t first = 0;
	(void)state;
	begin_big(&w, &k);
	worker_until_sent(&k, 100, false);
	world_turns(&w, 500);
	size_t before = recorder_messages(k.link);
	world_commit(&w, "alert", "{}");
	world_turns(&w, 500);
	assert_int_equal(recorder_messages(k.link), before);
	while (of_feed(&k, "alert", before, recorder_messages(k.link), &first) < 5) {
		recorder_serve_one(k.link);
		world_turns(&w, 500);
	}
	/* Buckets of each big feed may go before, but not a whole piece of one. */
	assert_in_range(first - before, 0, 1000);
	worker_run(&k);
	world_end(&w, &k);
}

static void test_weights(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	world_feed(&w, "heavy", "{\"weight\":30}");
	world_feed(&w, "light", "{\"weight\":10}");
	world_join(&w, "heavy", "h", 9000, FORMAT_CHAT);
	world_join(&w, "light", "l", 9000, FORMAT_CHAT);
	world_commit(&w, "heavy", "{}");
	world_commit(&w, "light", "{}");
	worker_start(&w, &k, 0);
	slowly_until(&k, 8000);
	size_t heavy = of_feed(&k, "heavy", 2000, 8000, NULL);
	assert_in_range(heavy, 6000 * 65 / 100, 6000 * 85 / 100);
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 18000);
	world_end(&w, &k);
}

/* More feeds behind than may have pieces at once. */
static void test_many_feeds(void **state)
{
	enum { FEEDS = 200 };
	struct world w;
	struct worker k;
	char name[16];
	(void)state;
	world_start(&w);
	for (unsigned i = 0; i < FEEDS; i++) {
		snprintf(name, sizeof(name), "feed%u", i);
		world_feed(&w, name, "{}");
		world_join(&w, name, "r", 3, FORMAT_CHAT);
		world_commit(&w, name, "{}");
		world_commit(&w, name, "{}");
	}
	worker_start(&w, &k, 0);
	worker_run(&k);
	worker_check_once(&k, FEEDS * 2 * 3);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_feed_among_big_ones),
		cmocka_unit_test(test_small_feed_while_windows_are_full),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_many_feeds),
	};
	return cmocka_run_group_tests_name("work/fair", tests, NULL, NULL);
}
