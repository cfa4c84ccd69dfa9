#include "service_bench.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void from_feed_to_event(void **state)
{
	(void)state;
	ASK("POST /v1/feeds/x/events", "{}", "404", "no-such-feed");
	ASK("PUT /v1/feeds/x", "{\"title\":\"T\"}", "201",
	    "\"jid\":\"x@feeds.example.org\"");
	ASK("PUT /v1/feeds/x", NULL, "200", "\"name\":\"x\"");
	ASK("PATCH /v1/feeds/x", "{\"weight\":3}", "200", "\"weight\":3");
	ASK("POST /v1/feeds/x/events", "{\"title\":\"a\", \"item\":\"i\"}", "202",
	    "\"item\":\"i\",\"status\":\"queued\"");
	ASK("GET /v1/feeds/x/events", NULL, "200",
	    "\"event\":{\"title\":\"a\", \"item\":\"i\"}");
	ASK("GET /v1/feeds", NULL, "200", "\"next\":null");
	ASK("PUT /v1/feeds/x/subscribers/A%40example.org", NULL, "201",
	    "\"jid\":\"a@example.org\",\"format\":\"chat\"");
	ASK("PUT /v1/feeds/x/subscribers/a%40example.org", "{\"format\":\"event\"}",
	    "200", "\"format\":\"event\"");
	ASK("GET /v1/feeds/x/subscribers", NULL, "200", "a@example.org");
	ASK("DELETE /v1/feeds/x/subscribers/a%40example.org", NULL, "204", NULL);
	ASK("DELETE /v1/feeds/x", NULL, "204", NULL);
	ASK("GET /v1/feeds/x", NULL, "404", NULL);
}

static void keys_are_remembered(void **state)
{
	const char *key = "Idempotency-Key: k\r\n", *post = "POST /v1/feeds/x/events";
	char *got;

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	got = ask(bench.token, post, key, "{}");
	assert_null(strstr(got, "Idempotency-Replayed"));
	assert_said(got, "202", NULL);
	assert_said(ask(bench.token, post, key, "{}"), "202",
		    "Idempotency-Replayed: true");
	assert_said(ask(bench.token, post, key, "{ }"), "422", "idempotency-key-reused");
	assert_said(ask(bench.token, post, "Idempotency-Key: a b\r\n", "{}"), "400",
		    NULL);
}

static void stores_in_trouble(void **state)
{
	char *got;

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	memory_set_full(bench.memory, true);
	ASK("POST /v1/feeds/x/events", "{}", "503", "store-full");
	memory_set_full(bench.memory, false);
	memory_set_away(bench.memory, true);
	got = ask(bench.token, "POST /v1/feeds/x/events", "", "{}");
	assert_non_null(strstr(got, "Retry-After: 1"));
	assert_said(got, "503", "store-away");
	memory_set_away(bench.memory, false);
	ASK("POST /v1/feeds/x/events", "{}", "202", NULL);
	bench.service->checked = false;
	ASK("POST /v1/feeds/x/events", "{}", "503", "not-ready");
	ASK("GET /readyz", NULL, "503", NULL);
	ASK("GET /livez", NULL, "200", NULL);
}

static void tokens(void **state)
{
	char publish[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK("PUT /v1/feeds/y", NULL, "201", NULL);
	make_token(SCOPE_PUBLISH, "x", publish);
	assert_said(ask(publish, "POST /v1/feeds/x/events", "", "{}"), "202", NULL);
	assert_said(ask(publish, "POST /v1/feeds/y/events", "", "{}"), "403",
		    "forbidden");
	assert_said(ask(publish, "GET /v1/feeds/x", "", NULL), "403", NULL);
	assert_said(ask("x", "GET /v1/feeds/x", "", NULL), "401",
		    "WWW-Authenticate: Bearer");
	for (size_t i = 0; i < 2; i++)
		assert_said(ask("belfry_000000000000_"
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
				"GET /v1/feeds/x", "", NULL),
			    "401", "invalid_token");
	publish[TOKEN_TEXT_SIZE - 2] = publish[TOKEN_TEXT_SIZE - 2] == 'A' ? 'B' : 'A';
	assert_said(ask(publish, "POST /v1/feeds/x/events", "", "{}"), "401", NULL);
}

static void parameters(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK("GET /v1/feeds/x/events?aftr=1", NULL, "400", "known: after before limit");
	ASK("GET /v1/feeds/x/events?limit=0", NULL, "400", "from 1 to 100");
	ASK("GET /v1/feeds/x/events?after=1-1&before=newest", NULL, "400", "not both");
	ASK("GET /v1/feeds?after=%20", NULL, "400", "cursor");
	ASK("PUT /v1/feeds/hub", NULL, "400", "bad-name");
	ASK("PATCH /v1/feeds/x", "{\"nonsense\":1}", "400", "bad-document");
}

static void presences(void **state)
{
	const char *get = "GET /v1/feeds/x/presence", *put = "PUT /v1/feeds/x/presence";
	char publish[TOKEN_TEXT_SIZE];

	(void)state;
	ASK(put, "{}", "404", "no-such-feed");
	ASK(get, NULL, "404", "no-such-feed");
	ASK("PUT /v1/feeds/x", NULL, "201",
	    "\"avatar\":null,\"presence\":{\"show\":\"available\",\"status\":null}");
	ASK(get, NULL, "200", "{\"show\":\"available\",\"status\":null}\n");
	make_token(SCOPE_PUBLISH, "x", publish);
	assert_said(ask(publish, put, "", "{\"show\":\"dnd\",\"status\":\"busy\"}"),
		    "200", "{\"show\":\"dnd\",\"status\":\"busy\"}\n");
	ASK("GET /v1/feeds/x", NULL, "200",
	    "\"presence\":{\"show\":\"dnd\",\"status\":\"busy\"}");
	ASK(put, "{\"show\":\"busy\"}", "400", "bad-document");
	ASK(put, NULL, "411", "length-required");
	ASK(get, NULL, "200", "\"dnd\"");
	ASK("DELETE /v1/feeds/x/presence", NULL, "204", NULL);
	ASK(get, NULL, "200", "\"available\"");
	ASK(put, "{\"show\":\"xa\"}", "200", "{\"show\":\"xa\",\"status\":null}");
	ASK(put, "{\"status\":\"\"}", "200", "{\"show\":\"available\",\"status\":null}");
	make_token(SCOPE_PUBLISH, "y", publish);
	assert_said(ask(publish, put, "", "{}"), "403", "forbidden");
}

static void links(void **state)
{
	char known[128], publish[TOKEN_TEXT_SIZE], etag[40];
	const char *svg = "GET /v1/feeds/x/qr.svg";

	(void)state;
	ASK("GET /v1/feeds/x/link", NULL, "404", "no-such-feed");
	ASK("PUT /v1/feeds/x", "{\"title\":\"A b\"}", "201", NULL);
	make_token(SCOPE_PUBLISH, "x", publish);
	assert_said(ask(publish, "GET /v1/feeds/x/link", "", NULL), "200",
		    "\"roster\":\"xmpp:x@feeds.example.org?roster;name=A%20b\"");
	ASK("GET /v1/feeds/x/qr.png?link=pubsub&scale=1", NULL, "200", "image/png\r\n");
	ASK("GET /v1/feeds/x/qr.png?scale=17", NULL, "400", "from 1 to 16");
	ASK("GET /v1/feeds/x/qr.png?link=x", NULL, "400", "roster or pubsub");
	char *got = ask(bench.token, svg, "", NULL);
	assert_null(strstr(got, "no-store"));
	assert_int_equal(sscanf(strstr(got, "ETag: "), "ETag: %39s", etag), 1);
	assert_said(got, "200", "<title>xmpp:x@feeds.example.org?roster;name=A%20b<");
	snprintf(known, sizeof known, "If-None-Match: \"other\", W/%s\r\n", etag);
	got = ask(bench.token, svg, known, NULL);
	assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	assert_said(got, "304", etag);
	bench.config.xmpp.domain = NULL;
	ASK("GET /v1/feeds/x/link", NULL, "503", "no-domain");
	ASK(svg, NULL, "503", "xmpp.domain");
}

/* An image that is being drawn when the service ends. */
static void ends_with_an_image_under_way(void **state)
{
	static const char svg[] = "<svg xmlns='http://www.w3.org/2000/svg'/>";
	char text[600];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	int fd = client_connect();
	snprintf(text, sizeof text,
		 "PUT /v1/feeds/x/avatar HTTP/1.1\r\nHost: x\r\n"
		 "Content-Type: image/svg+xml\r\nContent-Length: %zu\r\n"
		 "Authorization: Bearer %s\r\n\r\n%s",
		 sizeof svg - 1, bench.token, svg);
	assert_true(send(fd, text, strlen(text), 0) > 0);
	uint64_t give_up = clock_mono_ms() + GIVE_UP_MS;
	while (!bench.service->avatars && clock_mono_ms() < give_up)
		loop_turn(bench.loop, true);
	assert_non_null(bench.service->avatars);
	loop_turn(bench.loop, true);
	tear_down(NULL);
	/* It is told, though the loop turns no more. */
	ssize_t n = recv(fd, text, sizeof text - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "store-away"));
	close(fd);
	assert_int_equal(set_up(NULL), 0);
}

/* A feed_get() that is held up. */
static struct {
	bool there;
	store_feed_cb cb;
	void *arg;
} held;

static void hold_feed_get(struct store *s, const char *feed, store_feed_cb cb, void *arg)
{
	(void)s;
	assert_string_equal(feed, "x");
	held.there = true;
	held.cb = cb;
	held.arg = arg;
}

/* Though the feed of what came first is still being looked for. */
static void what_is_asked_for_last_counts(void **state)
{
	static const char *const later[] = {"DELETE /v1/feeds/x/avatar",
					    "DELETE /v1/feeds/x"};
	static const char svg[] = "<svg xmlns='http://www.w3.org/2000/svg'/>";
	const struct store_ops *real = bench.store->ops;
	struct store_ops ops = *real;
	char text[600];

	(void)state;
	ops.feed_get = hold_feed_get;
	for (size_t i = 0; i < 2; i++) {
		ASK("PUT /v1/feeds/x", NULL, i ? "200" : "201", NULL);
		bench.store->ops = &ops;
		held.there = false;
		int fd = client_connect();
		snprintf(text, sizeof text,
			 "PUT /v1/feeds/x/avatar HTTP/1.1\r\nHost: x\r\n"
			 "Connection: close\r\nContent-Type: image/svg+xml\r\n"
			 "Content-Length: %zu\r\nAuthorization: Bearer %s\r\n\r\n%s",
			 sizeof svg - 1, bench.token, svg);
		assert_true(send(fd, text, strlen(text), 0) > 0);
		while (!held.there)
			loop_turn(bench.loop, true);
		bench.store->ops = real;
		ASK(later[i], NULL, "204", NULL);
		real->feed_get(bench.store, "x", held.cb, held.arg);
		assert_said(client_read(fd), "409", "conflict");
		assert_null(bench.service->avatars);
	}
}

/* A service that answers 503 after 200 ms, and gives what draws longer than that. */
static void restart_impatient(void)
{
	bench.config.http.request_timeout_ms = 200;
	bench_restart();
	bench.config.http.request_timeout_ms = 60000;
}

/* A rsvg-convert in DIR that waits for the file DIR/go, and PATH begins with DIR. */
static void write_waiting(const char *dir, const char *path)
{
	char name[100];
	struct buf paths = {0};

	snprintf(name, sizeof name, "%s/rsvg-convert", dir);
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	fprintf(f,
		"#!/bin/sh\nwhile [ ! -e %s/go ]; do sleep 0.01; done\n"
		"PATH='%s' exec rsvg-convert \"$@\"\n",
		dir, path);
	fclose(f);
	assert_int_equal(chmod(name, 0700), 0);
	buf_printf(&paths, "%s:%s", dir, path);
	setenv("PATH", paths.data, 1);
	buf_free(&paths);
}

static void remove_in(const char *dir, const char *name)
{
	char path[100];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(remove(path), 0);
}

/* Who was told that it was not done repeats it, or does something else. */
static void a_drawing_nobody_waits_for_is_dropped(void **state)
{
	static const char svg[] =
		"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>";
	char dir[] = "/tmp/belfry-svg-XXXXXX", head[200], name[100];
	char *path = xstrdup(getenv("PATH"));

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	assert_non_null(mkdtemp(dir));
	write_waiting(dir, path);
	restart_impatient();
	snprintf(head, sizeof head,
		 "Content-Type: image/svg+xml\r\nContent-Length: %zu\r\n\r\n%s",
		 sizeof svg - 1, svg);
	assert_said(ask(bench.token, "PUT /v1/feeds/x/avatar", head, NULL), "503",
		    "deadline");
	assert_non_null(bench.service->avatars);
	snprintf(name, sizeof name, "%s/go", dir);
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	fclose(f);
	uint64_t give_up = clock_mono_ms() + GIVE_UP_MS;
	while (bench.service->avatars && clock_mono_ms() < give_up)
		loop_turn(bench.loop, true);
	ASK("GET /v1/feeds/x/avatar", NULL, "404", "no avatar");
	setenv("PATH", path, 1);
	remove_in(dir, "go");
	remove_in(dir, "rsvg-convert");
	assert_int_equal(rmdir(dir), 0);
	free(path);
}

/* What is under way when the service ends is answered, or cut off, and freed. */
static void ends_with_a_request_under_way(void **state)
{
	char text[400];
	int fd = client_connect();

	(void)state;
	snprintf(text, sizeof text,
		 "GET /v1/feeds HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
		 bench.token);
	assert_true(send(fd, text, strlen(text), 0) > 0);
	for (int i = 0; i < 100 && !bench.store->ops->pending(bench.store); i++)
		loop_turn(bench.loop, true);
	tear_down(NULL);
	close(fd);
	assert_int_equal(set_up(NULL), 0);
}

static void metrics(void **state)
{
	(void)state;
	ASK("GET /metrics", NULL, "200", "belfry_store_up 1");
	ASK("GET /metrics", NULL, "200",
	    "belfry_http_request_seconds_bucket{le=\"+Inf\"} 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_feed_to_event),
		TEST(keys_are_remembered),
		TEST(stores_in_trouble),
		TEST(tokens),
		TEST(parameters),
		TEST(presences),
		TEST(links),
		TEST(ends_with_a_request_under_way),
		TEST(ends_with_an_image_under_way),
		TEST(what_is_asked_for_last_counts),
		TEST(a_drawing_nobody_waits_for_is_dropped),
		TEST(metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
