#include "../../lib/store/redis_server.h"
#include "../../lib/store/sync.h"

#include <belfry/base/log.h>
#include <belfry/core/config.h>
#include <belfry/store/redis.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Commits while Redis is busy wait for it, and then go together. */

enum { COUNT = 10, CALLS = 2 /* the first, and then all the rest */ };

static struct redis_server server;
static struct store *store;
static enum belfry_err errors[COUNT];
static struct pos positions[COUNT];
static unsigned ended;
static bool all_ended;

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	size_t i = (size_t)((enum belfry_err *)arg - errors);

	errors[i] = err;
	if (done)
		positions[i] = done->pos;
	all_ended = ++ended == COUNT;
}

/* One in each turn of the loop, while Redis stands still. */
static void commit_in_turns(void)
{
	char id[16];
	struct store_commit c = {
		.feed = "busy", .id = id, .item = id, .doc = "{}", .doc_len = 2};

	ended = 0;
	all_ended = false;
	kill(server.pid, SIGSTOP);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(id, sizeof id, "e%zu", i);
		store->ops->commit(store, &c, on_commit, &errors[i]);
		loop_turn(sync_loop, false);
		loop_turn(sync_loop, false);
	}
	assert_int_equal(ended, 0);
	assert_int_equal(store->ops->pending(store), COUNT);
}

static unsigned long script_calls(void)
{
	const char *text = strstr(redis_server_ask(&server, "INFO commandstats"),
				  "cmdstat_evalsha:calls=");

	return text ? strtoul(text + strlen("cmdstat_evalsha:calls="), NULL, 10) : 0;
}

static void test_they_go_together(void **state)
{
	(void)state;
	unsigned long before = script_calls();
	commit_in_turns();
	kill(server.pid, SIGCONT);
	sync_until(&all_ended, "the commits have ended");
	assert_int_equal(script_calls() - before, CALLS);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(errors[i], BELFRY_OK);
		assert_int_equal(positions[i].n, i + 1);
	}
	assert_int_equal(store->ops->pending(store), 0);
}

static void test_those_that_wait_end_in_time(void **state)
{
	struct store_redis_stats stats;

	(void)state;
	commit_in_turns();
	sync_until(&all_ended, "the commits have ended");
	for (size_t i = 0; i < COUNT; i++) /* those behind the first never left */
		assert_int_equal(errors[i], i ? BELFRY_EUNSENT : BELFRY_EAWAY);
	store_redis_stats(store, &stats);
	assert_int_equal(stats.timeouts, 1); /* the first one's was that of all */
	kill(server.pid, SIGCONT);
	sync_until_up(store);
	assert_int_equal(sync_post(store, "busy", "after", NULL, NULL), BELFRY_OK);
}

static uint64_t commands(void)
{
	struct store_redis_stats stats;

	store_redis_stats(store, &stats);
	return stats.commands;
}

static void nothing(void *arg, enum belfry_err err, const struct store_committed *done)
{
	(void)arg;
	(void)done;
	assert_int_equal(err, BELFRY_OK);
}

static void test_a_key_holds_up_nobody(void **state)
{
	struct store_commit c = {.feed = "busy",
				 .id = "k1",
				 .item = "k1",
				 .doc = "{}",
				 .doc_len = 2,
				 .idem_key = "key",
				 .idem_digest = "d"};

	(void)state;
	kill(server.pid, SIGSTOP);
	uint64_t before = commands();
	store->ops->commit(store, &c, nothing, NULL);
	c.idem_key = NULL;
	c.id = c.item = "k2";
	store->ops->commit(store, &c, nothing, NULL);
	loop_turn(sync_loop, false);
	loop_turn(sync_loop, false);
	assert_true(commands() >= before + 2); /* both are on their way */
	kill(server.pid, SIGCONT);
	assert_int_equal(sync_post(store, "busy", "k3", NULL, NULL), BELFRY_OK);
}

int main(void)
{
	char why[200];
	struct config config = {.redis = {.timeout_ms = 1000}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_they_go_together),
		cmocka_unit_test(test_a_key_holds_up_nobody),
		cmocka_unit_test(test_those_that_wait_end_in_time),
	};

	log_setup("test", LOG_ERROR, LOG_LOGFMT);
	redis_server_start(&server);
	sync_loop = loop_create();
	config.redis.url = server.url;
	store = store_redis_create(sync_loop, &config, why, sizeof why);
	sync_until_up(store);
	sync_feed_put(store, "busy", "{}", NULL, NULL, NULL);
	int failed = cmocka_run_group_tests_name("redis_commits", tests, NULL, NULL);
	store->ops->destroy(store);
	loop_turn(sync_loop, false);
	loop_destroy(sync_loop);
	redis_server_stop(&server);
	return failed;
}
