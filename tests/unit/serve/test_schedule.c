#include "service_bench.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Events that are to come, and those that expire. */

#define EVENTS "/v1/feeds/x/events"
#define SCHEDULED "/v1/feeds/x/scheduled"
#define HOUR_MS UINT64_C(3600000)

static const char *time_text(uint64_t ms)
{
	static char text[CLOCK_TEXT_SIZE];

	clock_format(ms, text);
	return text;
}

/* The string member NAME of an answer; freed by the next call. */
static const char *member(const char *got, const char *name)
{
	static char value[64];
	char key[64];
	const char *at;

	snprintf(key, sizeof key, "\"%s\":\"", name);
	at = strstr(got, key);
	assert_non_null(at);
	snprintf(value, sizeof value, "%.*s", (int)strcspn(at + strlen(key), "\""),
		 at + strlen(key));
	return value;
}

static uint64_t member_ms(const char *got, const char *name)
{
	const char *text = member(got, name);
	uint64_t ms;

	assert_int_equal(clock_parse(text, strlen(text), &ms), 0);
	return ms;
}

/* Posts with QUERY ("" or "?...") and HEADERS; the answer. */
static char *post(const char *query, const char *headers, const char *body)
{
	char line[300];

	snprintf(line, sizeof line, "POST " EVENTS "%s", query);
	return ask(bench.token, line, headers, body);
}

/* It is about an hour until then. */
static void check_hour(char *got, const char *name)
{
	uint64_t ms, now = clock_wall_ms();

	assert_non_null(strstr(got, "202 Accepted"));
	ms = member_ms(got, name);
	assert_in_range(ms, now + HOUR_MS - 20000, now + HOUR_MS);
	free(got);
}

static void a_delay_may_stand_in_three_places(void **state)
{
	char text[200];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	check_hour(post("", "Belfry-Delay: 3600\r\n", "{}"), "deliver_at");
	check_hour(post("", "Belfry-Delay: PT1H\r\n", "{\"delay\":5}"), "deliver_at");
	check_hour(post("?delay=3600", "", "{\"deliver_at\":\"nonsense\"}"),
		   "deliver_at");
	check_hour(post("", "", "{\"delay\":3600}"), "deliver_at");
	check_hour(post("", "", "{\"delay\":\"PT60M\"}"), "deliver_at");
	snprintf(text, sizeof text, "?deliver_at=%s",
		 time_text(clock_wall_ms() + HOUR_MS));
	check_hour(post(text, "", "{}"), "deliver_at");
	snprintf(text, sizeof text, "{\"deliver_at\":\"%s\"}",
		 time_text(clock_wall_ms() + HOUR_MS));
	check_hour(post("", "", text), "deliver_at");
	snprintf(text, sizeof text, "Belfry-Delay: %s\r\n",
		 time_text(clock_wall_ms() + HOUR_MS));
	check_hour(post("", text, "{}"), "deliver_at");
	ASK("GET " EVENTS, NULL, "200", "{\"events\":[]");
	/* It was to come before now: it comes now. */
	assert_said(post("?delay=0", "", "{}"), "202", "\"status\":\"queued\"");
	assert_said(post("?deliver_at=2001-01-01T00:00:00Z", "", "{}"), "202",
		    "\"status\":\"queued\"");
}

static void what_is_wrong_is_refused(void **state)
{
	static const struct {
		const char *query, *headers, *body, *says;
	} wrong[] = {
		{"?delay=soon", "", "{}", "deliver_at is a time"},
		{"?delay=-1", "", "{}", "deliver_at is a time"},
		{"?delay=31622401", "", "{}", "366 days"},
		{"?deliver_at=3600", "", "{}", "deliver_at is a time"},
		{"?deliver_at=2100-01-01T00:00:00Z", "", "{}", "366 days ahead"},
		{"?delay=1&deliver_at=2100-01-01T00:00:00Z", "", "{}", "give one"},
		{"", "Belfry-Delay: later\r\n", "{}", "deliver_at is a time"},
		{"", "", "{\"delay\":1.5}", "deliver_at is a time"},
		{"", "", "{\"delay\":1,\"deliver_at\":\"2026-11-23T09:00:00Z\"}",
		 "give one"},
		{"?expires=soon", "", "{}", "expires_at is a time"},
		{"?expires_at=60", "", "{}", "expires_at is a time"},
		{"", "Belfry-Expires: x\r\n", "{}", "expires_at is a time"},
		{"", "", "{\"expires_at\":60}", "expires_at is a time"},
		{"?expires=0", "", "{}", "expires at once"},
		{"?expires_at=2001-01-01T00:00:00Z", "", "{}", "in the past"},
		{"?expires=0&delay=60", "", "{}", "before it is delivered"},
		{"?expire=60", "", "{}", "no query parameter"},
	};
	char text[200];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_said(post(wrong[i].query, wrong[i].headers, wrong[i].body), "400",
			    wrong[i].says);
	snprintf(text, sizeof text, "?delay=7200&expires_at=%s",
		 time_text(clock_wall_ms() + HOUR_MS));
	assert_said(post(text, "", "{}"), "400", "before it is delivered");
	ASK("GET " SCHEDULED, NULL, "200", "{\"events\":[]");
	ASK("GET " EVENTS, NULL, "200", "{\"events\":[]");
	/* A feed that is not there. */
	ASK("POST /v1/feeds/y/events?delay=60", "{}", "404", "no-such-feed");
}

static void it_is_shown_as_what_it_is(void **state)
{
	char line[200], *got;

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	got = post("?delay=3600&expires=PT1H&item=i", "", "{\"title\":\"t\"}");
	assert_non_null(strstr(got, "\"status\":\"scheduled\""));
	snprintf(line, sizeof line, "GET " EVENTS "/%s", member(got, "id"));
	free(got);
	got = ask(bench.token, line, "", NULL);
	assert_non_null(strstr(got, "\"status\":\"scheduled\""));
	assert_non_null(strstr(got, "\"item\":\"i\""));
	assert_non_null(strstr(got, "\"event\":{\"title\":\"t\"}"));
	assert_null(strstr(got, "cursor"));
	/* An hour after it is delivered. */
	assert_true(member_ms(got, "expires_at") ==
		    member_ms(got, "deliver_at") + HOUR_MS);
	free(got);
	ASK("GET " EVENTS "/01a202d8-9c8a-7000-8000-000000000000", NULL, "404",
	    "not-found");
	check_hour(ask(bench.token, "POST " EVENTS "?delay=3600", "", "{}"),
		   "deliver_at");
}

static void on_released(void *arg, enum belfry_err err, uint64_t released, uint64_t lost)
{
	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	assert_int_equal(released, 1);
	assert_int_equal(lost, 0);
	bench.done = true;
}

static void release(void)
{
	bench.done = false;
	bench.store->ops->release(bench.store, "x", on_released, NULL);
	while (!bench.done)
		loop_turn(bench.loop, true);
}

static void what_was_released_is_in_the_history(void **state)
{
	char line[200], *got;

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	got = post("?delay=3600&expires=7200", "", "{}");
	snprintf(line, sizeof line, "GET " EVENTS "/%s", member(got, "id"));
	free(got);
	memory_pass_time(bench.memory, HOUR_MS);
	release();
	got = ask(bench.token, line, "", NULL);
	assert_non_null(strstr(got, "\"cursor\""));
	assert_non_null(strstr(got, "\"expires_at\""));
	assert_null(strstr(got, "\"expired\":true"));
	free(got);
	ASK("GET " SCHEDULED, NULL, "200", "{\"events\":[]");
}

/* The pages of what is scheduled, LIMIT a page: how many there are. */
static unsigned count_pages(unsigned limit)
{
	char line[200], *got, *at;
	unsigned count = 0, i = 0;

	snprintf(line, sizeof line, "GET " SCHEDULED "?limit=%u", limit);
	for (;;) {
		uint64_t last = 0;

		got = ask(bench.token, line, "", NULL);
		assert_non_null(strstr(got, "200 OK"));
		for (at = got; (at = strstr(at, "{\"id\":\"")); at++, count++) {
			assert_true(member_ms(at, "deliver_at") >= last);
			last = member_ms(at, "deliver_at");
		}
		if (strstr(got, "\"next\":null") || !strstr(got, "\"next\"") || i++ > 50)
			break;
		snprintf(line, sizeof line, "GET " SCHEDULED "?limit=%u&after=%s", limit,
			 member(got, "next"));
		free(got);
	}
	free(got);
	return count;
}

static void they_are_listed_and_cancelled(void **state)
{
	char line[200], query[40], *got;

	(void)state;
	ASK("GET " SCHEDULED, NULL, "404", "no-such-feed");
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (unsigned i = 0; i < 7; i++) {
		snprintf(query, sizeof query, "?delay=%u", 7000 - i / 2);
		assert_said(post(query, "", "{}"), "202", "scheduled");
	}
	assert_int_equal(count_pages(3), 7);
	assert_int_equal(count_pages(100), 7);
	got = post("?delay=100", "", "{\"title\":\"never\"}");
	snprintf(line, sizeof line, "DELETE " SCHEDULED "/%s", member(got, "id"));
	free(got);
	ASK("GET " SCHEDULED "?limit=1", NULL, "200", "never");
	ASK(line, NULL, "204", NULL);
	ASK(line, NULL, "404", "not scheduled");
	ASK("DELETE " SCHEDULED "/x", NULL, "404", "not scheduled");
	assert_int_equal(count_pages(5), 7);
	ASK("GET " SCHEDULED "?after=1~x", NULL, "400", "cursor");
	ASK("GET " SCHEDULED "?limit=101", NULL, "400", "limit");
}

static void a_repeat_is_one_event(void **state)
{
	char id[64], *got;

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	got = post("?delay=3600", "Idempotency-Key: k\r\n", "{}");
	snprintf(id, sizeof id, "%s", member(got, "id"));
	free(got);
	got = post("?delay=3600", "Idempotency-Key: k\r\n", "{}");
	assert_non_null(strstr(got, "Idempotency-Replayed: true"));
	assert_string_equal(member(got, "id"), id);
	assert_string_equal(member(got, "status"), "scheduled");
	check_hour(got, "deliver_at");
	/* Not the same request. */
	assert_said(post("?delay=3601", "Idempotency-Key: k\r\n", "{}"), "422", NULL);
	assert_said(post("?expires=3600", "Idempotency-Key: k\r\n", "{}"), "422", NULL);
	assert_said(post("", "Idempotency-Key: k\r\n", "{}"), "422", NULL);
	assert_int_equal(count_pages(100), 1);
}

static void only_who_may(void **state)
{
	char token[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	make_token(SCOPE_PUBLISH, "y", token);
	assert_said(ask(token, "GET " SCHEDULED, "", NULL), "403", NULL);
	assert_said(ask(token,
			"DELETE " SCHEDULED "/01a202d8-9c8a-7000-8000-000000000000", "",
			NULL),
		    "403", NULL);
	make_token(SCOPE_PUBLISH, "x", token);
	assert_said(ask(token, "GET " SCHEDULED, "", NULL), "200", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_delay_may_stand_in_three_places),
		TEST(what_is_wrong_is_refused),
		TEST(it_is_shown_as_what_it_is),
		TEST(what_was_released_is_in_the_history),
		TEST(they_are_listed_and_cancelled),
		TEST(a_repeat_is_one_event),
		TEST(only_who_may),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
