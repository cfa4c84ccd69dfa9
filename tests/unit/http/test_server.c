#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answers(void **state)
{
	(void)state;
	assert_answer(POST JSON "Content-Length: 2\r\n\r\n{}", "200", "\r\n\r\n{}");
	assert_answer(POST JSON
		      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"
		      "0\r\n\r\n",
		      "200", "\r\n\r\nabcde");
	assert_answer("GET /get/a%2fb?q=1+2 HTTP/1.1\r\n" CLOSE "\r\n", "200",
		      "a/b|1 2|GET");
	assert_answer("GET http://h/get/a HTTP/1.1\r\n" CLOSE "\r\n", "200", "a|-|GET");
	assert_answer("GET /get/a HTTP/1.0\r\n\r\n", "200", "X-Extra: yes");
	assert_answer("HEAD /get/a HTTP/1.1\r\n" CLOSE "\r\n", "200",
		      "Content-Length: 8");
}

static void refuses(void **state)
{
	(void)state;
	assert_answer("GET /nope HTTP/1.1\r\n" CLOSE "\r\n", "404", "problem+json");
	assert_answer("GET /echo HTTP/1.1\r\n" CLOSE "\r\n", "405", "Allow: POST");
	assert_answer("BREW /echo HTTP/1.1\r\n" CLOSE "\r\n", "405", "Allow: POST");
	assert_answer("GET /get/%zz HTTP/1.1\r\n" CLOSE "\r\n", "400", "escape");
	assert_answer("GET /get/a?q=1&q=2 HTTP/1.1\r\n" CLOSE "\r\n", "400", "twice");
	assert_answer("GET /get/a HTTP/1.1\r\n" CLOSE "Content-Length: 2\r\n\r\nab",
		      "400", "takes no body");
	assert_answer(POST JSON "\r\n", "411", NULL);
	assert_answer(POST JSON "Content-Length: 0\r\n\r\n", "400", "empty-body");
	assert_answer(POST JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
		      "empty-body");
	assert_answer(POST "Content-Type: text/html\r\nContent-Length: 2\r\n\r\nab",
		      "415", NULL);
	assert_answer(POST "Content-Length: 2\r\n\r\nab", "415", NULL);
	assert_answer(POST JSON "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab",
		      "415", NULL);
}

static void refuses_two_readings(void **state)
{
	static const char *const heads[] = {
		POST JSON "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
		POST JSON "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		POST JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		POST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		POST JSON "Transfer-Encoding: gzip\r\n\r\n",
		POST JSON "Transfer-Encoding: chunked, identity\r\n\r\n",
		POST JSON "Transfer-Encoding : chunked\r\n\r\n",
		POST JSON
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		POST JSON "Content-Length: +2\r\n\r\n{}",
		POST JSON "Content-Length: 2\r\n 0\r\nX: y\r\n\r\n{}",
		POST JSON "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
		POST
		"X: y\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"POST /echo HTTP/1.1\n" CLOSE JSON "Content-Length: 2\r\n\r\n{}",
		"GET /get/a HTTP/1.1\r\nConnection: close\r\n\r\n",
		"GET /get/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		char *got = exchange(heads[i]);

		/* Closed: what follows on the connection is not read as a request. */
		if (strncmp(got, "HTTP/1.1 400", 12))
			fail_msg("head %zu: %s", i, got);
		free(got);
	}
}

static void refuses_nul(void **state)
{
	static const char head[] = "GET /get/a HTTP/1.1\r\nX: a\0b\r\n" CLOSE "\r\n";
	struct buf got = {0};
	int fd = client_connect();

	(void)state;
	send(fd, head, sizeof head - 1, 0);
	client_read(fd, &got, NULL);
	assert_non_null(got.data);
	assert_memory_equal(got.data, "HTTP/1.1 400", 12);
	buf_free(&got);
	close(fd);
}

static void too_large(void **state)
{
	char chunk[2100];
	struct buf text = {0};

	(void)state;
	/* Refused before it is sent: no 100 Continue. */
	assert_answer(POST JSON "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
		      "413", "body-too-large");
	assert_answer(POST JSON
		      "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
		      "413", NULL);
	/* What is on its way already is read, so that the answer arrives. */
	memset(chunk, 'a', sizeof chunk - 1);
	chunk[sizeof chunk - 1] = 0;
	buf_printf(&text, POST JSON "Content-Length: 2099\r\n\r\n%s", chunk);
	assert_answer(text.data, "413", "Connection: close");
	buf_clear(&text);
	buf_printf(&text,
		   POST JSON "Transfer-Encoding: chunked\r\n\r\n833\r\n%s\r\n0\r\n\r\n",
		   chunk);
	assert_answer(text.data, "413", NULL);
	buf_free(&text);
}

/* More than the limit of all the others, which is 1000. */
static void own_limits(void **state)
{
	static const char put[] =
		"PUT /image HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
		"Connection: close\r\n";
	char image[1602];
	struct buf text = {0};

	(void)state;
	memset(image, 'a', sizeof image - 1);
	image[sizeof image - 1] = 0;
	buf_printf(&text, "%sContent-Length: 1500\r\n\r\n%.1500s", put, image);
	assert_answer(text.data, "200", "aaaaaaaa");
	buf_clear(&text);
	buf_printf(&text, "%sContent-Length: 1501\r\n\r\n%.1501s", put, image);
	assert_answer(text.data, "413", "than is taken here");
	buf_clear(&text);
	buf_printf(&text, "%sTransfer-Encoding: chunked\r\n\r\n641\r\n%s\r\n0\r\n\r\n",
		   put, image);
	assert_answer(text.data, "413", "than is taken here");
	buf_free(&text);
}

static void continues(void **state)
{
	struct buf got = {0};
	int fd = client_connect();

	(void)state;
	client_send(fd, POST JSON "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_false(client_read(fd, &got, "100 Continue"));
	client_send(fd, "{}");
	client_read(fd, &got, NULL);
	assert_non_null(strstr(got.data, "HTTP/1.1 200"));
	buf_free(&got);
	close(fd);
}

static void pipelined(void **state)
{
	struct buf got = {0};
	int fd = client_connect();

	(void)state;
	client_send(fd, "GET /get/1 HTTP/1.1\r\nHost: x\r\n\r\n"
			"POST /echo HTTP/1.1\r\nHost: x\r\n" JSON
			"Content-Length: 3\r\n\r\n222"
			"GET /get/3 HTTP/1.1\r\n" CLOSE "\r\n");
	assert_true(client_read(fd, &got, NULL));
	char *one = strstr(got.data, "1|-"), *two = strstr(got.data, "\r\n\r\n222");
	char *three = strstr(got.data, "3|-");
	assert_true(one && two && three && one < two && two < three);
	buf_free(&got);
	close(fd);
}

static void later(void **state)
{
	struct buf got = {0}, body = {0};
	int fd = client_connect();

	(void)state;
	client_send(fd, "GET /later HTTP/1.1\r\n" CLOSE "\r\n");
	while (!bench.held_count)
		loop_turn(bench.loop, true);
	assert_int_equal(http_server_active(bench.server), 1);
	buf_adds(&body, "at last");
	http_answer(bench.held[0], 202, "text/plain", &body);
	client_read(fd, &got, NULL);
	assert_non_null(strstr(got.data, "at last"));
	assert_int_equal(http_server_active(bench.server), 0);
	buf_free(&got);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers),	   TEST(refuses),   TEST(refuses_two_readings),
		TEST(refuses_nul), TEST(too_large), TEST(own_limits),
		TEST(continues),   TEST(pipelined), TEST(later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
