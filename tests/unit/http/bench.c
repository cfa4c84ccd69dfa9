#include "bench.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct bench bench;

static void on_echo(void *arg, struct http_request *req)
{
	struct buf out = {0};
	size_t len;
	const char *body = http_body(req, &len);

	(void)arg;
	buf_add(&out, body, len);
	http_answer(req, 200, http_content_type(req), &out);
}

static void on_get(void *arg, struct http_request *req)
{
	struct buf out = {0};
	const char *q = http_query(req, "q");

	(void)arg;
	buf_printf(&out, "%s|%s|%s", http_param(req, 0), q ? q : "-", http_method(req));
	http_add_header(req, "X-Extra", "yes");
	http_answer(req, 200, "text/plain", &out);
}

static void on_later(void *arg, struct http_request *req)
{
	(void)arg;
	bench.held[bench.held_count++] = req;
}

const struct http_route bench_routes[] = {
	{"POST", "/echo", on_echo, "application/json text/plain", false, 0},
	{"GET", "/get/{x}", on_get, NULL, false, 0},
	{"GET", "/later", on_later, NULL, false, 0},
	{"PUT", "/image", on_echo, "image/png", false, 1500},
	{0},
};

static void tick(void *arg)
{
	loop_timer_arm(arg ? arg : bench.tick, 5);
}

int set_up(void **state)
{
	char host[] = "127.0.0.1";
	struct config_addr addr = {host, 0};
	struct http_limits limits = {1000, 64, 8, TIMEOUT_MS};
	char why[200];

	(void)state;
	memset(&bench, 0, sizeof bench);
	bench.loop = loop_create();
	bench.server = http_server_create(bench.loop, &addr, &limits, bench_routes, NULL,
					  why, sizeof why);
	if (!bench.server)
		return -1;
	bench.tick = loop_timer_create(bench.loop, tick, NULL);
	tick(NULL);
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	http_server_destroy(bench.server);
	loop_timer_destroy(bench.tick);
	loop_turn(bench.loop, false);
	loop_destroy(bench.loop);
	return 0;
}

int client_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(http_server_port(bench.server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

void client_send(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

bool client_read(int fd, struct buf *got, const char *until)
{
	uint64_t give_up = clock_mono_ms() + GIVE_UP_MS;
	char chunk[4096];

	while (clock_mono_ms() < give_up) {
		ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);

		if (n > 0)
			buf_add(got, chunk, (size_t)n);
		else if (!n || errno != EAGAIN)
			return true;
		if (until && got->data && strstr(got->data, until))
			return false;
		loop_turn(bench.loop, true);
	}
	fail_msg("nothing came: %s", got->data ? got->data : "");
	return false;
}

char *exchange(const char *text)
{
	struct buf got = {0};
	int fd = client_connect();

	client_send(fd, text);
	client_read(fd, &got, NULL);
	close(fd);
	return got.data ? got.data : xstrdup("");
}

void assert_answer(const char *text, const char *status, const char *contains)
{
	char *got = exchange(text);

	if (strncmp(got, "HTTP/1.1 ", 9) || strncmp(got + 9, status, 3) ||
	    (contains && !strstr(got, contains)))
		fail_msg("wanted %s %s, got: %s", status, contains ? contains : "", got);
	free(got);
}
