#ifndef BELFRY_TESTS_UNIT_HTTP_BENCH_H
#define BELFRY_TESTS_UNIT_HTTP_BENCH_H

#include <belfry/base/buf.h>
#include <belfry/base/loop.h>
#include <belfry/http/server.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/* A server with a few routes, and clients of its own on real sockets, on one loop. */

#define TIMEOUT_MS 300
#define GIVE_UP_MS 10000

struct bench {
	struct loop *loop;
	struct http_server *server;
	struct loop_timer *tick;      /* so that a turn that waits ends */
	struct http_request *held[4]; /* by GET /later */
	size_t held_count;
};
extern struct bench bench;
extern const struct http_route bench_routes[];

int set_up(void **state);
int tear_down(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int client_connect(void);
void client_send(int fd, const char *text);
/* Turns the loop until UNTIL stands in what came, or the stream ended. True if it ended.
 */
bool client_read(int fd, struct buf *got, const char *until);
/* Sends TEXT, reads to the end of the stream; the caller frees it. */
char *exchange(const char *text);
void assert_answer(const char *text, const char *status, const char *contains);

#define CLOSE "Host: x\r\nConnection: close\r\n"
#define POST "POST /echo HTTP/1.1\r\n" CLOSE
#define JSON "Content-Type: application/json\r\n"

#endif
