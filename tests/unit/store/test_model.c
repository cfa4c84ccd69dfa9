#include "model.h"

#include "../../lib/store/redis_server.h"
#include "../../lib/store/sync.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/core/config.h>
#include <belfry/store/memory.h>
#include <belfry/store/redis.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * MODEL_SEED=n plays that history alone; MODEL_HISTORIES=n plays more (or fewer) of them
 * over the memory store, and an eightieth of that over Redis.
 */
enum { HISTORIES = 2000, STEPS = 150 };

static struct memory *memory;
static struct redis_server server;
static struct store *redis_a, *redis_b;

static void play_all(const struct model_world *w, uint64_t count)
{
	const char *seed = getenv("MODEL_SEED"), *more = getenv("MODEL_HISTORIES");
	if (seed) {
		model_play(w, strtoull(seed, NULL, 10), STEPS);
		return;
	}
	if (more)
		count = count * strtoull(more, NULL, 10) / HISTORIES;
	uint64_t first = clock_wall_ms() * 1000;
	for (uint64_t i = 0; i < count; i++)
		model_play(w, first + i, STEPS);
}

static void restart_memory(void)
{
	memory_restart(memory);
}

static void test_memory(void **state)
{
	(void)state;
	memory = memory_create();
	struct model_world w = {store_memory_create(sync_loop, memory),
				store_memory_create(sync_loop, memory), restart_memory,
				NULL};
	play_all(&w, HISTORIES);
	w.a->ops->destroy(w.a);
	w.b->ops->destroy(w.b);
	memory_destroy(memory);
}

static void restart_redis(void)
{
	redis_server_restart(&server);
	for (int i = 0; i < 2; i++) {
		struct store *s = i ? redis_a : redis_b;
		struct store_feed f;
		while (sync_feed_get(s, "no-such-feed", &f) == BELFRY_EAWAY)
			sync_until_up(s);
	}
}

/* The one it was given is random, which no seed repeats. */
static void salt_redis(const char *feed)
{
	for (int p = 0; p < 16; p++) {
		char command[200];
		snprintf(command, sizeof command, "EXISTS belfry:{p%d}:f:%s", p, feed);
		if (strncmp(redis_server_ask(&server, command), ":1", 2) != 0)
			continue;
		snprintf(command, sizeof command, "HSET belfry:{p%d}:f:%s salt 1048573",
			 p, feed);
		redis_server_ask(&server, command);
	}
}

static struct store *connect_store(void)
{
	struct config config = {.redis = {.url = server.url, .timeout_ms = 3000}};
	char why[200];
	struct store *s = store_redis_create(sync_loop, &config, why, sizeof why);
	assert_non_null(s);
	sync_until_up(s);
	return s;
}

static void test_redis(void **state)
{
	(void)state;
	redis_server_start(&server);
	redis_a = connect_store();
	redis_b = connect_store();
	struct model_world w = {redis_a, redis_b, restart_redis, salt_redis};
	play_all(&w, HISTORIES / 80);
	redis_a->ops->destroy(redis_a);
	redis_b->ops->destroy(redis_b);
	redis_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_redis),
	};
	signal(SIGPIPE, SIG_IGN);
	log_setup("test", LOG_ERROR, LOG_LOGFMT);
	sync_loop = loop_create();
	int failed = cmocka_run_group_tests_name("model of a feed", tests, NULL, NULL);
	loop_destroy(sync_loop);
	return failed;
}
