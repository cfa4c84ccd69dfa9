#include "world.h"

#include <belfry/base/mem.h>
#include <belfry/core/id.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_everybody_once(void **state)
{
	struct world w;
	struct worker k;
	bool settled = false;
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_join(&w, "deploys", "chat", 700, FORMAT_CHAT);
	world_join(&w, "deploys", "event", 500, FORMAT_EVENT);
	world_join(&w, "deploys", "head", 30, FORMAT_HEADLINE);
	world_join(&w, "deploys", "normal", 20, FORMAT_NORMAL);
	assert_true(world_feed_get(&w, "deploys").buckets > 4);
	world_commit(&w, "deploys", "{\"title\":\"one\"}");
	world_commit(&w, "deploys", "{\"title\":\"two\"}");
	worker_start(&w, &k, 0);
	worker_run(&k);
	worker_check_once(&k, 2 * 1250);
	for (size_t i = 0; i < 2; i++) {
		struct store_counters c =
			world_counters(&w, "deploys", w.ids[i], &settled);
		assert_int_equal(c.taken, 1220);
		assert_int_equal(c.sent, 30);
		assert_int_equal(c.bounced + c.left + c.skipped, 0);
		assert_true(settled);
	}
	/* And what comes later, by the wake-up alone. */
	recorder_forget(k.link);
	world_commit(&w, "deploys", "{\"title\":\"three\"}");
	worker_run(&k);
	worker_check_once(&k, 1250);
	world_end(&w, &k);
}

/* Who wants less gets less, and the event says how many did. */
static void test_filters(void **state)
{
	static const struct sub_change changes[] = {
		{.set = SUB_SET_TAGS,
		 .format = FORMAT_CHAT,
		 .options = {.tag_count = 1, .tags = {"web"}}},
		{.set = SUB_SET_PRIORITY,
		 .format = FORMAT_EVENT,
		 .options = {.at_least = PRIORITY_URGENT}},
		{.set = SUB_SET_MUTED,
		 .format = FORMAT_HEADLINE,
		 .options = {.muted_until_ms = 1000}},
	};
	static const struct {
		const char *doc;
		uint64_t at_ms;
		unsigned taken, sent, filtered;
	} events[] = {
		{"{\"tags\":[\"Web\",\"x\"]}", 999, 20, 0, 20},
		{"{\"priority\":\"urgent\"}", 999, 20, 0, 20},
		{"{\"title\":\"later\"}", 1000, 10, 10, 20},
	};
	struct world w;
	struct worker k;
	char jid[32];
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{\"max_age\":0}");
	world_join(&w, "deploys", "all", 10, FORMAT_NORMAL);
	for (int i = 0; i < 30; i++) {
		snprintf(jid, sizeof jid, "p%d@example.org", i);
		world_change(&w, "deploys", jid, &changes[i % 3]);
	}
	for (size_t i = 0; i < 3; i++) {
		w.at_ms = events[i].at_ms;
		world_commit(&w, "deploys", events[i].doc);
	}
	worker_start(&w, &k, 0);
	worker_run(&k);
	worker_check_once(&k, 20 + 20 + 20);
	for (size_t i = 0; i < 3; i++) {
		struct store_counters c = world_counters(&w, "deploys", w.ids[i], NULL);
		assert_int_equal(c.taken, events[i].taken);
		assert_int_equal(c.sent, events[i].sent);
		assert_int_equal(c.filtered, events[i].filtered);
	}
	world_end(&w, &k);
}

static void test_a_feed_without_followers_settles(void **state)
{
	struct world w;
	struct worker k;
	bool settled = false;
	(void)state;
	world_start(&w);
	world_feed(&w, "quiet", "{}");
	worker_start(&w, &k, 0);
	world_commit(&w, "quiet", "{}");
	worker_run(&k);
	world_counters(&w, "quiet", w.ids[0], &settled);
	assert_true(settled);
	assert_int_equal(recorder_messages(k.link), 0);
	world_end(&w, &k);
}

static void test_order_is_the_logs(void **state)
{
	enum { EVENTS = 300, ROWS = 7 };
	struct world w;
	struct worker k;
	uint64_t last[ROWS] = {0};
	char doc[64];
	(void)state;
	world_begin(&w, &k, ROWS, 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		snprintf(doc, sizeof(doc), "{\"title\":\"event %u\"}", i);
		world_commit(&w, "deploys", doc);
		if (i % 10 == 0)
			recorder_serve(k.link);
	}
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), EVENTS * ROWS);
	for (size_t i = 0; i < EVENTS * ROWS; i++) {
		char *to = recorder_attribute(k.link, i, "to");
		char *id = recorder_attribute(k.link, i, "id");
		struct stanza_id sid;
		assert_int_equal(stanza_id_parse(id, strlen(id), &sid), 0);
		size_t row = (size_t)atoi(to + 1);
		assert_true(row < ROWS);
		assert_true(sid.n > last[row]);
		last[row] = sid.n;
		free(to);
		free(id);
	}
	worker_check_once(&k, EVENTS * ROWS);
	world_end(&w, &k);
}

static void test_who_joins_during_a_pass_gets_what_comes_after(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 3000, 1);
	worker_until_sent(&k, 50, true);
	/* Enough of them for buckets to be split under the pass. */
	world_join(&w, "deploys", "new", 900, FORMAT_CHAT);
	world_commit(&w, "deploys", "{\"title\":\"after\"}");
	worker_run(&k);
	worker_check_once(&k, 3000 + 3900);
	world_end(&w, &k);
}

static void test_split_during_a_pass(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 1500, 1);
	for (size_t sent = 10; sent < 1500; sent += 120) {
		worker_until_sent(&k, sent, true);
		world_split(&w, "deploys");
	}
	worker_run(&k);
	worker_check_once(&k, 1500);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 1500);
	world_end(&w, &k);
}

static void test_nothing_is_claimed_while_windows_are_full(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 5000, 1);
	worker_until_sent(&k, 100, false);
	world_turns(&w, 2000);
	/* Four windows of the first size, each one bucket over at most. */
	size_t sent = recorder_messages(k.link);
	assert_in_range(sent, 100, 4 * (WINDOW_STANZAS_MIN + 2 * BUCKET_ROWS));
	uint64_t reads = engine_counters(k.engine)->reads;
	world_turns(&w, 2000);
	assert_int_equal(recorder_messages(k.link), sent);
	assert_int_equal(engine_counters(k.engine)->reads, reads);
	worker_run(&k);
	worker_check_once(&k, 5000);
	world_end(&w, &k);
}

static void test_no_room_no_stanza(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 20, 0);
	recorder_set_room(k.link, false);
	world_commit(&w, "deploys", "{}");
	world_turns(&w, 500);
	assert_int_equal(recorder_messages(k.link), 0);
	recorder_set_room(k.link, true);
	worker_run(&k);
	worker_check_once(&k, 20);
	world_end(&w, &k);
}

static void test_quiesce_waits_for_what_is_in_flight(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 2000, 1);
	worker_until_sent(&k, 100, false);
	engine_quiesce(k.engine);
	world_turns(&w, 200);
	assert_false(k.idle);
	size_t sent = recorder_messages(k.link);
	while (!k.idle) {
		recorder_serve(k.link);
		loop_turn(w.loop, false);
	}
	assert_int_equal(recorder_messages(k.link), sent);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, sent);
	world_end(&w, &k);
}

static void test_the_store_away_and_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 2000, 1);
	worker_until_sent(&k, 300, true);
	memory_set_away(w.memory, true);
	for (unsigned i = 0; i < 500; i++) {
		recorder_serve(k.link);
		loop_turn(w.loop, false);
	}
	memory_set_away(w.memory, false);
	worker_run(&k);
	struct letters l = {0};
	letters_add(&l, k.link);
	letters_sort(&l);
	assert_int_equal(letters_distinct(&l), 2000);
	letters_free(&l);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 2000);
	world_end(&w, &k);
}

static void test_trim_keeps_max_items(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{\"max_items\":3}");
	world_join(&w, "deploys", "r", 2, FORMAT_CHAT);
	worker_start(&w, &k, 0);
	for (unsigned i = 0; i < 10; i++)
		world_commit(&w, "deploys", "{}");
	worker_run(&k);
	worker_check_once(&k, 20);
	for (unsigned i = 7; i < 10; i++)
		assert_int_equal(world_counters(&w, "deploys", w.ids[i], NULL).taken, 2);
	assert_int_equal(world_event_err(&w, "deploys", w.ids[6]), BELFRY_ENOENT);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody_once),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_a_feed_without_followers_settles),
		cmocka_unit_test(test_order_is_the_logs),
		cmocka_unit_test(test_who_joins_during_a_pass_gets_what_comes_after),
		cmocka_unit_test(test_split_during_a_pass),
		cmocka_unit_test(test_nothing_is_claimed_while_windows_are_full),
		cmocka_unit_test(test_no_room_no_stanza),
		cmocka_unit_test(test_quiesce_waits_for_what_is_in_flight),
		cmocka_unit_test(test_the_store_away_and_back),
		cmocka_unit_test(test_trim_keeps_max_items),
	};
	return cmocka_run_group_tests_name("work/deliver", tests, NULL, NULL);
}
