#include "guard_hub.h"

#include <belfry/base/buf.h>
#include <belfry/base/log.h>
#include <belfry/base/text.h>
#include <belfry/store/redis.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void guard_fail(const char *what, const char *why)
{
	fprintf(stderr, "guard: %s: %s\n", what, why);
	exit(1);
}

size_t guard_number(const char *text)
{
	uint64_t n;
	if (parse_u64(text, strlen(text), 1000000, &n) != 0 || n == 0)
		guard_fail(text, "a number from 1 to 1000000 is wanted");
	return (size_t)n;
}

void guard_hub_wait(struct guard_hub *g)
{
	while (!g->done)
		loop_turn(g->loop, true);
	g->done = false;
}

void guard_hub_done(void *arg, enum belfry_err err)
{
	struct guard_hub *g = arg;
	if (err)
		guard_fail("the store", belfry_err_text(err));
	g->done = true;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	(void)feed;
	(void)created;
	guard_hub_done(arg, err);
}

static void wait_up(struct guard_hub *g)
{
	struct store_health h;
	do {
		loop_turn(g->loop, true);
		g->store->ops->health(g->store, &h);
	} while (!h.up);
}

void guard_hub_open(struct guard_hub *g, const char *feed)
{
	struct buf problems = {0}, warnings = {0};
	char why[256];
	*g = (struct guard_hub){0};
	signal(SIGPIPE, SIG_IGN);
	log_setup("guard", LOG_WARN, LOG_LOGFMT);
	g->config = config_load(NULL, environ, &problems, &warnings);
	if (!g->config)
		guard_fail("the configuration", problems.data);
	buf_free(&problems);
	buf_free(&warnings);
	g->loop = loop_create();
	g->store = store_redis_create(g->loop, g->config, why, sizeof(why));
	if (!g->store)
		guard_fail("the store", why);
	wait_up(g);
	g->store->ops->feed_put(g->store, feed, "{\"max_items\":1000}", NULL, 1, on_feed,
				g);
	guard_hub_wait(g);
}

void guard_hub_close(struct guard_hub *g)
{
	if (g->store)
		g->store->ops->destroy(g->store);
	g->store = NULL;
	loop_turn(g->loop, false);
	loop_destroy(g->loop);
	config_free(g->config);
}
