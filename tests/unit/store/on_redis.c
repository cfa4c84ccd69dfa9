#include "on_redis.h"

#include "contract.h"

#include "../../lib/store/sync.h"

#include <belfry/base/log.h>
#include <belfry/core/config.h>
#include <belfry/store/redis.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct redis_server server;

int on_redis_begin(void **state)
{
	char why[200];
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_setup("test", (enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	redis_server_start(&server);
	sync_loop = loop_create();
	struct config config = {.redis = {.url = server.url, .timeout_ms = 3000}};
	contract.a = contract.b = store_redis_create(sync_loop, &config, why, sizeof why);
	sync_until_up(contract.a);
	return 0;
}

int on_redis_end(void **state)
{
	(void)state;
	contract.a->ops->destroy(contract.a);
	loop_destroy(sync_loop);
	redis_server_stop(&server);
	return 0;
}

const char *on_redis_do(const char *command)
{
	const char *answer = redis_server_ask(&server, command);
	assert_int_not_equal(answer[0], '-');
	return answer;
}

/* The partition that it is in. */
static int partition_of_feed(const char *feed)
{
	char command[160];
	for (int p = 0; p < 16; p++) {
		snprintf(command, sizeof command, "EXISTS belfry:{p%d}:f:%s", p, feed);
		if (strncmp(redis_server_ask(&server, command), ":1", 2) == 0)
			return p;
	}
	fail_msg("no feed %s", feed);
	return -1;
}

const char *on_redis_do_key(const char *feed, const char *key, const char *format)
{
	char name[160], command[500];
	snprintf(name, sizeof name, "belfry:{p%d}:%s", partition_of_feed(feed), key);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof command, format, name);
#pragma GCC diagnostic pop
	return on_redis_do(command);
}

bool on_redis_has(const char *end)
{
	char command[160];
	snprintf(command, sizeof command, "KEYS belfry:*:%s", end);
	return strncmp(on_redis_do(command), "*0", 2) != 0;
}
