#include "confirming.h"
#include "slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A new stream, behind which what is awaited is sent again, whatever happens meanwhile.
 */

static struct {
	struct store_ops ops;
	const struct store_ops *real;
	struct world *w;
	uint32_t buckets;
	bool split;
} between;

static void on_split(void *arg, enum belfry_err err)
{
	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	between.split = true;
}

/* The bucket is split before it is read. */
static void listed_and_split(struct store *s, uint64_t within_ms, size_t limit,
			     store_dues_cb cb, void *arg)
{
	struct store *app = between.w->app;
	between.real->due_within(s, within_ms, limit, cb, arg);
	if (!between.split)
		app->ops->split(app, "deploys", between.buckets, on_split, NULL);
}

/* The next split moves ANN. */
static void until_she_moves(struct world *w)
{
	for (;;) {
		struct store_feed f = world_feed_get(w, "deploys");
		uint32_t hash = row_hash(f.salt, ANN, strlen(ANN));
		between.buckets = f.buckets;
		if (bucket_of(hash, f.buckets) != bucket_of(hash, f.buckets + 1))
			return;
		world_split(w, "deploys");
	}
}

static void test_split_before_it_is_read(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	until_she_moves(&w);
	post(&w, 1);
	worker_run(&k);
	between.real = k.store->ops;
	between.ops = *between.real;
	between.ops.due_within = listed_and_split;
	between.w = &w;
	k.store->ops = &between.ops;
	another_stream(&k);
	assert_true(between.split);
	k.store->ops = between.real;
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 2");
	world_end(&w, &k);
}

/* Its barrier has passed, and the server goes down before the store knows of it. */
static void test_done_behind_it(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 1);
	worker_until_sent(&k, 4, false);
	slow_begin(&k, 0);
	recorder_serve(k.link);
	assert_int_equal(slow_count(), 1);
	recorder_down(k.link, LINK_END_LOST, "");
	recorder_up(k.link);
	world_turns(&w, 50);
	slow_end(&k);
	settle(&k);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 2");
	assert_sent(&k, BOB, "1 2");
	world_end(&w, &k);
}

/* What was sent again, as far as one piece of it goes, is lost before the rest is sent.
 */
static void test_partly_sent_again(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 3);
	worker_run(&k);
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	settle(&k);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 4 2"); /* the first of them, alone */
	another_stream(&k);
	pass(&k, GRACE_MS + 1000);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 4 2 2 3 4");
	world_end(&w, &k);
}

/* ... while a pause keeps the rest back. */
static void test_partly_then_paused(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 3);
	worker_run(&k);
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	settle(&k);
	pass(&k, LATER_MS);
	set(&w, ANN, SUB_SET_PAUSED, (struct sub_options){.paused = true});
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_PAUSED);
	another_stream(&k);
	set(&w, ANN, SUB_SET_PAUSED, (struct sub_options){0});
	settle(&k);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 4 2 2 3 4");
	world_end(&w, &k);
}

/* Streams end in errors: the stanza that does it is looked for, until ANN has had one of
 * those that are sent alone; then the server goes down. */
static void lost_with_a_search(struct worker *k)
{
	struct engine_gauges g = {0};
	while (!g.one_by_one) {
		worker_until_sent(k, recorder_messages(k->link) + 1, false);
		recorder_down(k->link, LINK_END_ERROR, "not-well-formed");
		recorder_up(k->link);
		engine_gauges(k->engine, &g);
	}
	for (size_t had = count_to(k, ANN); count_to(k, ANN) == had;) {
		worker_until_sent(k, recorder_messages(k->link) + 1, false);
		recorder_serve(k->link);
	}
	another_stream(k);
	engine_gauges(k->engine, &g);
	assert_false(g.one_by_one);
}

static void test_search_over_streams(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 2);
	lost_with_a_search(&k);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3");
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3 2 3");
	world_end(&w, &k);
}

/* ... for what was to be sent again anyway. */
static void test_search_of_a_resend(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post(&w, 2);
	worker_run(&k);
	another_stream(&k);
	world_pass(&w, GRACE_MS + 1000);
	world_skip(GRACE_MS + 1000);
	lost_with_a_search(&k);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3");
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 3 2 3 2 3 2 3");
	world_end(&w, &k);
}

enum { FLOOD = 20000 };
static struct {
	struct store_ops ops;
	const struct store_ops *real;
	size_t count;
	struct {
		struct store *store;
		store_feed_cb cb;
		void *arg;
	} calls[FLOOD];
} flood;

static void slow_feed_get(struct store *s, const char *feed, store_feed_cb cb, void *arg)
{
	assert_true(flood.count < FLOOD);
	assert_string_equal(feed, "deploys");
	flood.calls[flood.count].store = s;
	flood.calls[flood.count].cb = cb;
	flood.calls[flood.count++].arg = arg;
}

/* So many receipts are being looked at that there is no room for others. */
static void test_flood(void **state)
{
	struct world w;
	struct worker k;
	char from[64];
	(void)state;
	begin_proven(&w, &k);
	post(&w, 1);
	worker_run(&k);
	char *id = recorder_attribute(k.link, sent_to(&k, ANN, 1), "id");
	flood.real = k.store->ops;
	flood.ops = *flood.real;
	flood.ops.feed_get = slow_feed_get;
	k.store->ops = &flood.ops;
	for (unsigned i = 0; i < FLOOD + 10; i++) {
		snprintf(from, sizeof(from), "eve%u@example.org", i);
		recorder_received(k.link, id, from);
	}
	assert_int_equal(flood.count, FLOOD);
	recorder_down(k.link, LINK_END_LOST, "");
	recorder_up(k.link);
	world_turns(&w, 100);
	k.store->ops = flood.real;
	for (size_t i = 0; i < flood.count; i++)
		flood.real->feed_get(flood.calls[i].store, "deploys", flood.calls[i].cb,
				     flood.calls[i].arg);
	settle(&k);
	pass(&k, GRACE_MS + 1000);
	assert_sent(&k, ANN, "1 2 2");
	free(id);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_before_it_is_read),
		cmocka_unit_test(test_done_behind_it),
		cmocka_unit_test(test_partly_sent_again),
		cmocka_unit_test(test_partly_then_paused),
		cmocka_unit_test(test_search_over_streams),
		cmocka_unit_test(test_search_of_a_resend),
		cmocka_unit_test(test_flood),
	};
	return cmocka_run_group_tests_name("work/sweep", tests, NULL, NULL);
}
