#include "contract.h"

#include "../../lib/store/redis_server.h"
#include "../../lib/store/sync.h"

#include <belfry/base/log.h>
#include <belfry/core/config.h>
#include <belfry/store/redis.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct redis_server server;

static void restart(void)
{
	redis_server_restart(&server);
	/* Both notice, and come back. */
	for (int i = 0; i < 2; i++) {
		struct store *s = i ? contract.b : contract.a;
		struct store_feed f;
		while (sync_feed_get(s, "no-such-feed", &f) == BELFRY_EAWAY)
			sync_until_up(s);
	}
}

static void fill(bool full)
{
	redis_server_ask(&server,
			 full ? "CONFIG SET maxmemory 1" : "CONFIG SET maxmemory 0");
}

static struct store *connect_store(void)
{
	struct config config = {.redis = {.url = server.url, .timeout_ms = 3000}};
	char why[200];
	struct store *s = store_redis_create(sync_loop, &config, why, sizeof why);
	if (!s) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	sync_until_up(s);
	return s;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_setup("test", LOG_ERROR, LOG_LOGFMT);
	redis_server_start(&server);
	sync_loop = loop_create();
	contract = (struct contract){connect_store(), NULL, restart, fill};
	contract.b = connect_store();
	int failed = contract_run("contract over Redis");
	contract.a->ops->destroy(contract.a);
	if (contract.b)
		contract.b->ops->destroy(contract.b);
	loop_destroy(sync_loop);
	redis_server_stop(&server);
	return failed;
}
