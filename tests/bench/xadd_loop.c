/*
 * The hub's own HTTP server, loop and Redis connection with nothing between them but one
 * XADD of the raw body a request: no token, no JSON, no id, no script.
 *
 *   xadd_loop ANSWER_BYTES      (BELFRY_REDIS_URL: a private Redis)
 *
 * Prints "port=PORT" once Redis answers, and runs until SIGTERM. Every path is taken.
 */
#include <belfry/base/loop.h>
#include <belfry/base/mem.h>
#include <belfry/core/config.h>
#include <belfry/http/server.h>
#include <belfry/store/redis.h>

#include "store/redis_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
	struct loop *loop;
	struct store *store;
	struct http_server *http;
	struct loop_timer *look;
	char *answer;
};

/* One XADD under way. */
struct add {
	struct call call;
	struct bench *bench;
	struct http_request *req;
};

static void on_added(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct add a = *(struct add *)c;
	struct buf body = {0};

	call_free(c);
	if (err || !reply_str(reply)) {
		http_problem(a.req, 503, "away", "Not added", NULL);
		return;
	}
	buf_adds(&body, a.bench->answer);
	http_answer(a.req, 202, "application/json", &body);
}

static void on_post(void *arg, struct http_request *req)
{
	struct bench *b = arg;
	struct redis_store *s = redis_of(b->store);
	struct add *a = call_new(s, sizeof *a, on_added);
	size_t len;
	const char *body = http_body(req, &len);

	a->bench = b;
	a->req = req;
	cmd_begin(s, "XADD");
	cmd_text(s, "bench");
	cmd_text(s, "*");
	cmd_text(s, "doc");
	cmd_data(s, body, len);
	cmd_end(&a->call);
	call_send(&a->call);
}

static const struct http_route routes[] = {
	{"POST", "/v1/feeds/{feed}/events", on_post, "application/json", false, 0},
	{0},
};

static void look_ready(void *arg)
{
	struct bench *b = arg;
	struct store_health health;

	b->store->ops->health(b->store, &health);
	if (!health.up) {
		loop_timer_arm(b->look, 5);
		return;
	}
	printf("port=%u\n", (unsigned)http_server_port(b->http));
	fflush(stdout);
}

static void on_term(void *loop)
{
	loop_stop(loop);
}

static int bench_open(struct bench *b, const struct config *config, char *why,
		      size_t why_size)
{
	const struct http_limits limits = {.max_body_bytes = 65536,
					   .max_connections = 2048,
					   .max_connections_per_ip = 2048,
					   .request_timeout_ms = 10000};

	b->store = store_redis_create(b->loop, config, why, why_size);
	if (!b->store)
		return -1;
	b->http = http_server_create(b->loop, &config->http.listen, &limits, routes, b,
				     why, why_size);
	return b->http ? 0 : -1;
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct buf problems = {0}, warnings = {0};
	struct bench b = {0};
	char why[256] = "usage: xadd_loop ANSWER_BYTES";
	struct config *config =
		argc == 2 ? config_load(NULL, environ, &problems, &warnings) : NULL;

	b.loop = loop_create();
	if (!config || bench_open(&b, config, why, sizeof why)) {
		fprintf(stderr, "xadd_loop: %s\n", problems.len ? problems.data : why);
		return 1;
	}
	size_t bytes = strtoul(argv[1], NULL, 10);
	b.answer = xcalloc(bytes + 1, 1);
	memset(b.answer, 'x', bytes);
	b.look = loop_timer_create(b.loop, look_ready, &b);
	struct loop_signal *term = loop_signal_create(b.loop, SIGTERM, on_term, b.loop);
	look_ready(&b);
	loop_run(b.loop);
	loop_signal_destroy(term);
	loop_timer_destroy(b.look);
	b.store->ops->destroy(b.store);
	http_server_destroy(b.http);
	loop_turn(b.loop, false);
	loop_destroy(b.loop);
	free(b.answer);
	config_free(config);
	buf_free(&problems);
	buf_free(&warnings);
	return 0;
}
