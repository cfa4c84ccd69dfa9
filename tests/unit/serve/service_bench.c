#include "service_bench.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct bench bench;

static void tick(void *arg)
{
	(void)arg;
	loop_timer_arm(bench.tick, 5);
}

static void on_put(void *arg, enum belfry_err err)
{
	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	bench.done = true;
}

void make_token(unsigned scopes, const char *feeds, char text[TOKEN_TEXT_SIZE])
{
	make_token_rate(scopes, feeds, (struct rate){0}, text);
}

void make_token_rate(unsigned scopes, const char *feeds, struct rate rate,
		     char text[TOKEN_TEXT_SIZE])
{
	struct token t = {.scopes = scopes, .rate = rate};

	t.feeds = xstrdup(feeds);
	t.note = xstrdup("");
	token_make(&t, text);
	char *json = token_json(&t);
	bench.done = false;
	bench.store->ops->token_put(bench.store, t.id, json, on_put, NULL);
	while (!bench.done)
		loop_turn(bench.loop, true);
	free(json);
	token_free(&t);
}

static void configure(struct config *c)
{
	snprintf(bench.host, sizeof bench.host, "127.0.0.1");
	snprintf(bench.domain, sizeof bench.domain, "feeds.example.org");
	snprintf(bench.trusted, sizeof bench.trusted, "example.org");
	bench.trusted_list[0] = bench.trusted;
	c->http.listen.host = bench.host;
	c->http.max_body_bytes = 4096;
	c->http.max_connections = 100;
	c->http.max_connections_per_ip = 100;
	c->http.request_timeout_ms = 5000;
	c->http.idempotency_ttl_s = 60;
	c->xmpp.domain = bench.domain;
	c->xmpp.trusted_domains = bench.trusted_list;
	c->xmpp.max_stanza_bytes = 65536;
}

void bench_restart(void)
{
	char why[200];

	service_destroy(bench.service);
	bench.service =
		service_create(bench.loop, &bench.config, bench.store, why, sizeof why);
	if (!bench.service)
		fail_msg("%s", why);
	bench.service->checked = true;
}

int set_up(void **state)
{
	(void)state;
	memset(&bench, 0, sizeof bench);
	configure(&bench.config);
	bench.loop = loop_create();
	bench.tick = loop_timer_create(bench.loop, tick, NULL);
	tick(NULL);
	bench.memory = memory_create();
	bench.store = store_memory_create(bench.loop, bench.memory);
	bench_restart();
	make_token(SCOPE_ADMIN, "*", bench.token);
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	bench.store->ops->destroy(bench.store);
	service_destroy(bench.service);
	memory_destroy(bench.memory);
	loop_timer_destroy(bench.tick);
	loop_turn(bench.loop, false);
	loop_destroy(bench.loop);
	return 0;
}

int client_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(http_server_port(bench.service->http)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

char *client_read(int fd)
{
	uint64_t give_up = clock_mono_ms() + GIVE_UP_MS;
	struct buf got = {0};
	char chunk[4096];

	while (clock_mono_ms() < give_up) {
		ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);

		if (n > 0) {
			buf_add(&got, chunk, (size_t)n);
		} else if (!n || errno != EAGAIN) {
			close(fd);
			buf_adds(&got, "");
			return buf_steal(&got);
		}
		loop_turn(bench.loop, true);
	}
	fail_msg("no end of the answer: %s", got.data ? got.data : "");
	return NULL;
}

char *ask(const char *token, const char *line, const char *headers, const char *body)
{
	struct buf text = {0};
	int fd = client_connect();

	buf_printf(&text,
		   "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		   "Authorization: Bearer %s\r\n%s",
		   line, token, headers);
	if (body)
		buf_printf(&text,
			   "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			   strlen(body));
	buf_printf(&text, "\r\n%s", body ? body : "");
	assert_int_equal(send(fd, text.data, text.len, 0), (ssize_t)text.len);
	buf_free(&text);
	return client_read(fd);
}

void assert_said(char *got, const char *status, const char *contains)
{
	if (strlen(got) < 12 || strncmp(got + 9, status, 3) != 0 ||
	    (contains && !strstr(got, contains)))
		fail_msg("wanted %s %s, got: %s", status, contains ? contains : "", got);
	free(got);
}
