#include "access.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define PATIENCE 200000 /* turns of the loop */

static void commit_at(struct world *w, const char *feed, uint64_t at_ms)
{
	w->at_ms = at_ms;
	world_commit(w, feed, "{}");
	w->at_ms = 0;
}

static void until_gone(struct world *w, const char *feed, const char *id)
{
	for (unsigned turns = 0; world_event_err(w, feed, id) == BELFRY_OK; turns++) {
		assert_true(turns < PATIENCE);
		world_skip(1);
	}
	assert_int_equal(world_event_err(w, feed, id), BELFRY_ENOENT);
}

/* More feeds than a page; none is in the behind set, though all are behind. */
static void test_feeds_behind_that_no_hint_names(void **state)
{
	enum { FEEDS = 250 };
	struct world w;
	struct worker k;
	char name[16];
	(void)state;
	world_start(&w);
	for (unsigned i = 0; i < FEEDS; i++) {
		snprintf(name, sizeof(name), "feed%03u", i);
		world_feed(&w, name, "{}");
		world_join(&w, name, "r", 1, FORMAT_CHAT);
		world_commit(&w, name, "{}");
	}
	memory_forget_behind(w.memory);
	worker_start(&w, &k, 0);
	worker_until_sent(&k, FEEDS, true);
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), FEEDS);
	/* What is lost later is found in the next round. */
	world_turns(&w, 100);
	k.store->ops->listen(k.store, NULL, NULL);
	world_commit(&w, "feed123", "{}");
	memory_forget_behind(w.memory);
	for (unsigned turns = 0; recorder_messages(k.link) == FEEDS; turns++) {
		assert_true(turns < PATIENCE);
		world_skip(1);
		recorder_serve(k.link);
		world_turns(&w, 1);
	}
	worker_run(&k);
	world_end(&w, &k);
}

/* Events that were young enough when they were settled, and no newer one comes. */
static void test_trims_by_age(void **state)
{
	struct world w;
	struct worker k;
	const uint64_t now = clock_wall_ms();
	(void)state;
	world_start(&w);
	world_feed(&w, "short", "{\"max_age\":7200}");
	world_feed(&w, "long", "{\"max_age\":0}");
	world_join(&w, "short", "r", 1, FORMAT_CHAT);
	world_join(&w, "long", "r", 1, FORMAT_CHAT);
	commit_at(&w, "short", now - 3600 * 1000 - 1000);
	commit_at(&w, "long", 1);
	commit_at(&w, "short", now - 1000);
	worker_start(&w, &k, 0);
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 3);
	assert_int_equal(world_event_err(&w, "short", w.ids[0]), BELFRY_OK);
	/* The change itself is not told. */
	k.store->ops->listen(k.store, NULL, NULL);
	world_feed(&w, "short", "{\"max_age\":3600}");
	memory_forget_behind(w.memory);
	until_gone(&w, "short", w.ids[0]);
	assert_int_equal(world_event_err(&w, "long", w.ids[1]), BELFRY_OK);
	assert_int_equal(world_event_err(&w, "short", w.ids[2]), BELFRY_OK);
	world_end(&w, &k);
}

/* A feed "quiet" with ROWS and EVENTS, and a worker that has just begun. */
static void begin_quiet(struct world *w, struct worker *k, const char *config,
			size_t rows, unsigned events)
{
	world_start(w);
	world_feed(w, "quiet", config);
	world_join(w, "quiet", "r", rows, FORMAT_CHAT);
	for (unsigned i = 0; i < events; i++)
		world_commit(w, "quiet", "{}");
	worker_start(w, k, 0);
}

static void test_trims_feeds_that_nobody_follows(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_quiet(&w, &k, "{\"max_items\":2,\"max_age\":0}", 0, 5);
	until_gone(&w, "quiet", w.ids[2]);
	assert_int_equal(world_event_err(&w, "quiet", w.ids[3]), BELFRY_OK);
	world_end(&w, &k);
}

/* No event comes any more, and none is too old. */
static void test_fewer_items_of_a_quiet_feed(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_quiet(&w, &k, "{\"max_age\":0}", 1, 5);
	worker_run(&k);
	assert_int_equal(world_event_err(&w, "quiet", w.ids[0]), BELFRY_OK);
	/* At once: the clock stands still. */
	world_feed(&w, "quiet", "{\"max_age\":0,\"max_items\":3}");
	worker_run(&k);
	world_turns(&w, 10);
	assert_int_equal(world_event_err(&w, "quiet", w.ids[1]), BELFRY_ENOENT);
	assert_int_equal(world_event_err(&w, "quiet", w.ids[2]), BELFRY_OK);
	assert_int_equal(recorder_messages(k.link), 5);
	/* In the next round, where that was lost. */
	k.store->ops->listen(k.store, NULL, NULL);
	world_feed(&w, "quiet", "{\"max_age\":0,\"max_items\":1}");
	memory_forget_behind(w.memory);
	until_gone(&w, "quiet", w.ids[3]);
	assert_int_equal(world_event_err(&w, "quiet", w.ids[4]), BELFRY_OK);
	world_end(&w, &k);
}

static void on_plain(void *arg, enum belfry_err err)
{
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

static size_t behind(const struct worker *k)
{
	struct engine_gauges g;
	engine_gauges(k->engine, &g);
	return g.feeds_behind;
}

/* How a feed shows, and who is to be told what, is none of the deliveries' business. */
static void test_other_news_wake_no_delivery(void **state)
{
	struct world w;
	struct worker k;
	bool done = false;
	(void)state;
	begin_quiet(&w, &k, "{}", 0, 0);
	worker_run(&k);
	w.app->ops->presence_put(w.app, "quiet", "{\"show\":\"dnd\"}", on_plain, &done);
	world_until(&w, &done);
	done = false;
	const struct store_notice n = {
		.feed = "quiet", .jid = "a@example.org", .kind = NOTICE_INVITATION};
	w.app->ops->notice_put(w.app, &n, on_plain, &done);
	world_until(&w, &done);
	assert_int_equal(behind(&k), 0);
	world_end(&w, &k);
}

/* It was made anew before the worker could look at what woke it. */
static void test_a_feed_without_events_is_let_go(void **state)
{
	struct world w;
	struct worker k;
	bool done = false;
	(void)state;
	begin_quiet(&w, &k, "{}", 0, 0);
	worker_run(&k);
	recorder_down(k.link, LINK_END_LOST, "");
	world_commit(&w, "quiet", "{}");
	w.app->ops->feed_delete(w.app, "quiet", on_plain, &done);
	world_until(&w, &done);
	world_feed(&w, "quiet", "{}");
	world_join(&w, "quiet", "r", 1, FORMAT_CHAT);
	assert_int_equal(behind(&k), 1);
	recorder_up(k.link);
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 0);
	world_commit(&w, "quiet", "{}");
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 1);
	world_end(&w, &k);
}

static void until_forgotten(struct access *f, const char *feed, const char *jid)
{
	for (unsigned turns = 0; access_state(f, feed, jid) != '-'; turns++) {
		assert_true(turns < PATIENCE);
		world_skip(20000);
	}
}

/* More than a page of them; of a feed without events, and of one that is behind. */
static void test_denials_that_count_no_more(void **state)
{
	enum { DENIED = 450 };
	const uint64_t hour = 3600 * 1000, now = clock_wall_ms(), old = now - 24 * hour;
	struct access *f;
	struct worker k;
	char jid[32];
	access_set_up(state);
	f = *state;
	for (unsigned i = 0; i < DENIED; i++) {
		snprintf(jid, sizeof(jid), "d%u@example.net", i);
		access_put(f, "asks", jid, PENDING_DENIED, i % 10 ? old : old + hour);
	}
	access_put(f, "asks", "o@example.net", PENDING_OWNERS, old);
	access_put(f, "asks", "p@example.net", PENDING_PERSON, old);
	access_put(f, "asks", "r@example.net", PENDING_REFUSED, old);
	access_put(f, "asks", "v@example.net", PENDING_WITHDRAWN, now - hour - 1);
	access_put(f, "asks", "w@example.net", PENDING_WITHDRAWN, now);
	access_put(f, "ours", "z@example.net", PENDING_DENIED, old);
	world_join(&f->w, "ours", "r", 1, FORMAT_CHAT);
	world_commit(&f->w, "ours", "{}");
	worker_start(&f->w, &k, 0);
	until_forgotten(f, "ours", "z@example.net");
	assert_int_equal(behind(&k), 1);
	for (unsigned i = 0; i < DENIED; i++) {
		snprintf(jid, sizeof(jid), "d%u@example.net", i);
		assert_int_equal(access_state(f, "asks", jid), i % 10 ? '-' : 'd');
	}
	assert_int_equal(access_state(f, "asks", "o@example.net"), 'o');
	assert_int_equal(access_state(f, "asks", "p@example.net"), 'p');
	assert_int_equal(access_state(f, "asks", "r@example.net"), 'r');
	assert_int_equal(access_state(f, "asks", "v@example.net"), '-');
	assert_int_equal(access_state(f, "asks", "w@example.net"), 'w');
	assert_string_equal(access_notices(f), "");
	/* And those that grow old later. */
	access_put(f, "ours", "z@example.net", PENDING_DENIED, old);
	until_forgotten(f, "ours", "z@example.net");
	worker_kill(&k);
	access_tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_feeds_behind_that_no_hint_names),
		cmocka_unit_test(test_trims_by_age),
		cmocka_unit_test(test_trims_feeds_that_nobody_follows),
		cmocka_unit_test(test_fewer_items_of_a_quiet_feed),
		cmocka_unit_test(test_other_news_wake_no_delivery),
		cmocka_unit_test(test_a_feed_without_events_is_let_go),
		cmocka_unit_test(test_denials_that_count_no_more),
	};
	return cmocka_run_group_tests_name("work/janitor", tests, NULL, NULL);
}
