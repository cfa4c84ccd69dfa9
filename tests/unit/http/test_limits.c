#include "bench.h"

#include <belfry/base/clock.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void deadline_answers(void **state)
{
	struct buf got = {0};
	struct http_stats stats;
	int fd = client_connect();

	(void)state;
	client_send(fd, "GET /later HTTP/1.1\r\n" CLOSE "\r\n");
	client_read(fd, &got, NULL);
	assert_non_null(strstr(got.data, "HTTP/1.1 503"));
	assert_non_null(strstr(got.data, "Retry-After: 1"));
	/* The handler's own answer comes too late, and is dropped. */
	assert_string_equal(http_path(bench.held[0]), "/later");
	assert_string_equal(http_header(bench.held[0], "host"), "x");
	http_answer(bench.held[0], 200, NULL, NULL);
	http_server_stats(bench.server, &stats);
	assert_int_equal(stats.deadline_answers, 1);
	assert_int_equal(stats.status_class[5], 1);
	assert_int_equal(stats.status_class[2], 0);
	buf_free(&got);
	close(fd);
}

static void client_gone(void **state)
{
	struct linger now = {1, 0};
	int fd = client_connect();

	(void)state;
	client_send(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!bench.held_count)
		loop_turn(bench.loop, true);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
	loop_turn(bench.loop, true);
	http_answer(bench.held[0], 200, NULL, NULL);
	while (http_server_active(bench.server))
		loop_turn(bench.loop, true);
}

static void destroyed_meanwhile(void **state)
{
	int fd = client_connect();

	(void)state;
	client_send(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!bench.held_count)
		loop_turn(bench.loop, true);
	http_server_destroy(bench.server);
	bench.server = NULL;
	assert_string_equal(http_path(bench.held[0]), "/later");
	http_problem(bench.held[0], 500, "x", "y", "z");
	close(fd);
}

/* What was answered before is sent, though nobody turns the loop again. */
static void destroyed_behind_an_answer(void **state)
{
	int fd = client_connect();
	struct buf body = {0};
	char got[1000] = "";

	(void)state;
	client_send(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!bench.held_count)
		loop_turn(bench.loop, true);
	buf_adds(&body, "farewell");
	http_answer(bench.held[0], 503, "text/plain", &body);
	http_server_destroy(bench.server);
	bench.server = NULL;
	for (size_t len = 0; len < sizeof got - 1;) {
		ssize_t n = recv(fd, got + len, sizeof got - 1 - len, 0);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (!strstr(got, "farewell"))
		fail_msg("%s", got);
	close(fd);
}

/* A byte now and then keeps an idle time-out away, but not the deadline. */
static void slow_clients(void **state)
{
	static const char *const starts[] = {
		"GET /get/a HTTP/1.1\r\nHost: x\r\nX: ",
		"POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 900\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\n" JSON
		"Transfer-Encoding: chunked\r\n\r\n"
		"ff\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		uint64_t began = clock_mono_ms(), next = began;
		struct buf got = {0};
		int fd = client_connect();
		ssize_t n = 0;
		char c;

		client_send(fd, starts[i]);
		for (n = -1; n < 0; n = recv(fd, &c, 1, MSG_DONTWAIT)) {
			if (clock_mono_ms() >= next) {
				client_send(fd, "a");
				next = clock_mono_ms() + 10;
			}
			loop_turn(bench.loop, true);
			assert_true(clock_mono_ms() - began < GIVE_UP_MS);
		}
		assert_true(clock_mono_ms() - began >= TIMEOUT_MS / 2);
		if (n == 1)
			buf_addc(&got, c);
		client_read(fd, &got, NULL);
		assert_non_null(got.data);
		assert_memory_equal(got.data, "HTTP/1.1 408", 12);
		buf_free(&got);
		close(fd);
	}
}

static void silent_client(void **state)
{
	struct buf got = {0};
	int fd = client_connect();

	(void)state;
	assert_true(client_read(fd, &got, NULL));
	assert_int_equal(got.len, 0);
	close(fd);
}

static void too_many_from_one_address(void **state)
{
	struct http_stats stats;
	struct buf got = {0};
	int fds[9];

	(void)state;
	for (size_t i = 0; i < 9; i++)
		fds[i] = client_connect();
	assert_true(client_read(fds[8], &got, NULL));
	http_server_stats(bench.server, &stats);
	assert_int_equal(stats.refused_connections, 1);
	assert_int_equal(stats.connections, 8);
	for (size_t i = 0; i < 9; i++)
		close(fds[i]);
	while (stats.connections) {
		loop_turn(bench.loop, true);
		http_server_stats(bench.server, &stats);
	}
	assert_answer("GET /get/a HTTP/1.1\r\n" CLOSE "\r\n", "200", NULL);
}

static void too_large_heads(void **state)
{
	struct buf text = {0};

	(void)state;
	buf_adds(&text, "GET /get/a HTTP/1.1\r\n" CLOSE);
	for (size_t i = 0; i < 70; i++)
		buf_adds(&text, "X: y\r\n");
	buf_adds(&text, "\r\n");
	assert_answer(text.data, "431", "problem+json");
	buf_clear(&text);
	buf_adds(&text, "GET /get/a HTTP/1.1\r\n" CLOSE "X: ");
	for (size_t i = 0; i < 100000; i++)
		buf_addc(&text, 'y');
	assert_answer(text.data, "431", NULL);
	buf_free(&text);
}

static void quiesces(void **state)
{
	struct buf got = {0};
	int fd = client_connect();

	(void)state;
	client_send(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!bench.held_count)
		loop_turn(bench.loop, true);
	http_server_quiesce(bench.server);
	http_answer(bench.held[0], 204, NULL, NULL);
	assert_true(client_read(fd, &got, NULL));
	assert_non_null(strstr(got.data, "Connection: close"));
	buf_free(&got);
	close(fd);
}

static void address_in_use(void **state)
{
	char host[] = "127.0.0.1";
	struct config_addr addr = {host, http_server_port(bench.server)};
	struct http_limits limits = {1000, 64, 8, TIMEOUT_MS};
	char why[200] = "";

	(void)state;
	assert_null(http_server_create(bench.loop, &addr, &limits, bench_routes, NULL,
				       why, sizeof why));
	assert_non_null(strstr(why, "in use"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deadline_answers),
		TEST(client_gone),
		TEST(destroyed_meanwhile),
		TEST(destroyed_behind_an_answer),
		TEST(slow_clients),
		TEST(silent_client),
		TEST(too_many_from_one_address),
		TEST(too_large_heads),
		TEST(quiesces),
		TEST(address_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
