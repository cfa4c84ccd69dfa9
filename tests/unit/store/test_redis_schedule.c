#include "contract.h"
#include "on_redis.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_schedule.h"

#include <belfry/core/config.h>
#include <belfry/store/redis.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Scheduled events in Redis: what others wrote, what is left behind, and replicas. */

static struct sync_scheduled list;
static struct sync_times times;
static struct sync_events events;

static void test_nothing_is_left_behind(void **state)
{
	(void)state;
	contract_feed("clean");
	OK(sync_schedule(A, "clean", "e1", NULL, 1000));
	OK(sync_schedule(A, "clean", "e2", "it", 1000));
	assert_true(on_redis_has("s:clean") && on_redis_has("t:clean") &&
		    on_redis_has("at"));
	OK(sync_release(A, "clean", NULL, NULL));
	assert_false(on_redis_has("s:clean") || on_redis_has("t:clean") ||
		     on_redis_has("at"));
	OK(sync_schedule(A, "clean", "e3", " it", 1000));
	OK(sync_scheduled_cancel(A, "clean", "e3", NULL));
	assert_false(on_redis_has("s:clean") || on_redis_has("t:clean") ||
		     on_redis_has("at"));
	OK(sync_schedule(A, "clean", "e4", "it", 1000));
	OK(sync_feed_delete(A, "clean"));
	assert_false(on_redis_has("s:clean") || on_redis_has("t:clean") ||
		     on_redis_has("at"));
}

/* What makes no sense is passed over, and goes; what does is not held up by it. */
static void test_what_others_wrote(void **state)
{
	uint64_t released, lost;
	(void)state;
	contract_feed("others");
	OK(sync_schedule(A, "others", "good", NULL, 2000));
	on_redis_do_key("others", "s:others", "HSET %s bad nonsense worse 99");
	on_redis_do_key(
		"others", "s:others",
		"EVAL \"redis.call('HSET', KEYS[1], 'prio', '9 9 9' .. string.char(10) .. "
		"'{}')\" 1 %s");
	on_redis_do_key("others", "t:others",
			"ZADD %s 1000 bad 1001 worse 1002 missing 1003 x|y 1004 prio");
	on_redis_do_key("others", "at", "ZADD %s 1000 others");
	OK(sync_scheduled_list(A, "others", 0, "", 100, &list));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.e[0].id, "good");
	IS(sync_scheduled_get(A, "others", "bad", &list), BELFRY_EINTERNAL);
	IS(sync_scheduled_get(A, "others", "missing", &list), BELFRY_ENOENT);
	OK(sync_release(A, "others", &released, &lost));
	assert_int_equal(released, 1);
	assert_int_equal(lost, 5);
	OK(sync_events(A, "others", (struct pos){0, 0}, false, 9, &events));
	assert_int_equal(events.count, 1);
	assert_string_equal(events.e[0].id, "good");
	assert_false(on_redis_has("s:others") || on_redis_has("t:others"));
	/* Names that are none, and feeds that are not there. */
	on_redis_do_key("others", "at", "ZADD %s 5 no!name 6 nothing-there");
	OK(sync_scheduled_due(A, 10, &times));
	assert_int_equal(times.count, 1);
	assert_string_equal(times.feed[0], "nothing-there");
	on_redis_do_key("others", "at", "DEL %s");
	OK(sync_feed_delete(A, "others"));
}

/* Anybody who may publish may ask for any item, and no rate counts that. */
static void test_items_are_not_searched_for(void **state)
{
	(void)state;
	contract_feed("search");
	OK(sync_schedule(A, "search", "e1", "it", 1000));
	OK(sync_schedule(A, "search", "e2", "it", 1000));
	on_redis_do("CONFIG RESETSTAT");
	IS(sync_scheduled_cancel(A, "search", NULL, "none"), BELFRY_ENOENT);
	IS(sync_scheduled_cancel(A, "search", NULL, "it "), BELFRY_ENOENT);
	assert_null(strstr(on_redis_do("INFO commandstats"), "_zrange:"));
	/* Nor is what others have made of the count more than that. */
	on_redis_do_key("search", "s:search",
			"EVAL \"redis.call('HSET', KEYS[1], ' it', 'many')\" 1 %s");
	OK(sync_scheduled_cancel(A, "search", NULL, "it"));
	assert_false(on_redis_has("s:search") || on_redis_has("t:search"));
	OK(sync_feed_delete(A, "search"));
}

/* An entry in `at` that leads to nothing is taken away. */
static void test_hint_without_schedule(void **state)
{
	uint64_t released, lost;
	(void)state;
	contract_feed("hint");
	on_redis_do_key("hint", "at", "ZADD %s 5 hint");
	OK(sync_scheduled_due(A, 10, &times));
	assert_int_equal(times.count, 1);
	OK(sync_release(A, "hint", &released, &lost));
	assert_int_equal(released + lost, 0);
	assert_false(on_redis_has("at"));
	OK(sync_feed_delete(A, "hint"));
}

static void test_without_scripts(void **state)
{
	uint64_t released;
	(void)state;
	contract_feed("flushed");
	on_redis_do("SCRIPT FLUSH");
	OK(sync_schedule(A, "flushed", "e1", NULL, 1000));
	on_redis_do("SCRIPT FLUSH");
	OK(sync_release(A, "flushed", &released, NULL));
	assert_int_equal(released, 1);
	on_redis_do("CONFIG SET min-replicas-to-write 1");
	IS(sync_schedule(A, "flushed", "e2", NULL, 1000), BELFRY_EREPLICAS);
	IS(sync_release(A, "flushed", NULL, NULL), BELFRY_EREPLICAS);
	on_redis_do("CONFIG SET min-replicas-to-write 0");
}

/* It is on its way to as many replicas as any event, or that is said. */
static void test_too_few_replicas(void **state)
{
	struct config config = {
		.redis = {.url = server.url, .timeout_ms = 300, .wait_replicas = 1}};
	char why[200];
	(void)state;
	contract_feed("replicas");
	struct store *s = store_redis_create(sync_loop, &config, why, sizeof why);
	sync_until_up(s);
	IS(sync_schedule(s, "replicas", "e1", NULL, 1000), BELFRY_EREPLICAS);
	OK(sync_scheduled_get(A, "replicas", "e1", &list));
	s->ops->destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_left_behind),
		cmocka_unit_test(test_what_others_wrote),
		cmocka_unit_test(test_items_are_not_searched_for),
		cmocka_unit_test(test_hint_without_schedule),
		cmocka_unit_test(test_without_scripts),
		cmocka_unit_test(test_too_few_replicas),
	};
	return cmocka_run_group_tests_name("schedules in Redis", tests, on_redis_begin,
					   on_redis_end);
}
