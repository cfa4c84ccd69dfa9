#include "service_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POST "POST /v1/feeds/x/events"

/* What a POST with these headers is answered, and all that is in it. */
static void post(const char *token, const char *headers, const char *status,
		 const char *one, const char *other)
{
	char *got = ask(token, POST, headers, "{}");

	if (!strstr(got, one))
		fail_msg("no \"%s\" in\n%s", one, got);
	assert_said(got, status, other);
}

static void of_a_feed(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"1/h\",\"burst\":2}", "201",
	    "\"rate\":\"1/h\",\"burst\":2");
	post(bench.token, "", "202", "RateLimit-Policy: \"feed\";q=2;w=7200\r\n",
	     "RateLimit: \"feed\";r=1;t=3");
	post(bench.token, "", "202", "RateLimit-Policy: ", "RateLimit: \"feed\";r=0;t=3");
	post(bench.token, "", "429", "Retry-After: 3", "urn:belfry:problem:rate-limit");
	post(bench.token, "", "429", "RateLimit: \"feed\";r=0;t=3",
	     "1/h events may be posted to this feed, 2 of them at once. Nothing was done: "
	     "repeat it in 3");
	/* Whoever changes it over this service need not wait. */
	ASK("PATCH /v1/feeds/x", "{\"rate\":null}", "200", "\"rate\":null,\"burst\":2");
	char *got = ask(bench.token, POST, "", "{}");
	assert_null(strstr(got, "RateLimit"));
	assert_said(got, "202", NULL);
	assert_int_equal(bench.service->count.throttled, 2);
}

static void of_a_token(void **state)
{
	char slow[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	make_token_rate(SCOPE_PUBLISH, "x", (struct rate){1, 60, 1}, slow);
	make_token_rate(SCOPE_PUBLISH, "x", (struct rate){1, 60, 1}, other);
	post(slow, "", "202", "RateLimit-Policy: \"token\";q=1;w=60\r\n",
	     "RateLimit: \"token\";r=0;t=");
	post(slow, "", "429", "Retry-After: ", "1/min events may be posted with this");
	post(other, "", "202", "RateLimit: ", NULL);
	ASK(POST, "{}", "202", NULL); /* and one without */
	assert_said(ask(slow, "GET /v1/feeds/x/events", "", NULL), "200", NULL);
}

/* The one that is refused takes nothing of the other. */
static void both(void **state)
{
	char token[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"1/h\"}", "201", NULL);
	make_token_rate(SCOPE_PUBLISH, "x", (struct rate){3, 3600, 0}, token);
	post(token, "", "202",
	     "RateLimit-Policy: \"token\";q=3;w=3600, \"feed\";q=1;w=3600\r\n",
	     "RateLimit: \"token\";r=2;t=1");
	post(token, "", "429", "Retry-After: 3", "RateLimit: \"token\";r=2;t=1");
}

/* Whoever waits for the first alone would be refused by the second. */
static void both_are_empty(void **state)
{
	char token[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"1/h\"}", "201", NULL);
	make_token_rate(SCOPE_PUBLISH, "x", (struct rate){1, 60, 1}, token);
	post(token, "", "202", "\"token\";r=0;", "\"feed\";r=0;");
	post(token, "", "429", "Retry-After: 3", "1/h events may be posted to this feed");
}

/* What does not count shows a bucket that is full, to which nothing is added. */
static void a_full_one_waits_for_nothing(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"2/h\"}", "201", NULL);
	memory_set_full(bench.memory, true);
	post(bench.token, "", "503", "RateLimit: \"feed\";r=2\r\n", "Retry-After: 10");
}

/* Of the last one it is not known whether it counts: it does, and the next has to wait.
 */
static void a_503_knows_of_the_rate(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"1/h\",\"burst\":2}", "201", NULL);
	ASK(POST, "{}", "202", NULL); /* its rate is known */
	memory_set_away(bench.memory, true);
	post(bench.token, "", "503", "RateLimit: \"feed\";r=0;", "Retry-After: 3");
}

/* Looking at a feed asks the store for nothing more. */
static void a_look_is_no_change(void **state)
{
	struct rate got;

	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"2/h\"}", "201", NULL);
	ASK(POST, "{}", "202", NULL);
	ASK("GET /v1/feeds/x", NULL, "200", NULL);
	assert_true(rates_known(bench.service->rates, "x", 0, &got));
	ASK("PUT /v1/feeds/x", "{\"rate\":\"3/h\"}", "200", NULL);
	assert_false(rates_known(bench.service->rates, "x", 0, &got));
}

static void only_what_is_stored_counts(void **state)
{
	const char *key = "Idempotency-Key: k\r\n";
	char stranger[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", "{\"rate\":\"2/h\"}", "201", NULL);
	make_token(SCOPE_PUBLISH, "y", stranger);
	for (int i = 0; i < 5; i++) {
		assert_said(ask(stranger, POST, "", "{}"), "403", NULL);
		assert_said(ask("x", POST, "", "{}"), "401", NULL);
		ASK(POST, "[]", "400", NULL);
		ASK(POST "?priority=no", "{}", "400", NULL);
	}
	memory_set_full(bench.memory, true);
	for (int i = 0; i < 5; i++)
		ASK(POST, "{}", "503", "store-full");
	memory_set_full(bench.memory, false);
	post(bench.token, key, "202", "RateLimit: ", ";r=1;");
	for (int i = 0; i < 5; i++)
		post(bench.token, key, "202", "Idempotency-Replayed", ";r=1;");
	assert_said(ask(bench.token, POST, key, "{ }"), "422", ";r=1;");
	/* It may have been stored. */
	memory_set_away(bench.memory, true);
	ASK(POST, "{}", "503", "store-away");
	memory_set_away(bench.memory, false);
	ASK(POST, "{}", "429", NULL);
}

/* A rate that the store does not tell is as it was; a feed that is not there is told. */
static void rates_that_cannot_be_read(void **state)
{
	(void)state;
	ASK(POST, "{}", "404", "no-such-feed");
	ASK("POST /v1/feeds/X/events", "{}", "404", "no-such-feed");
	ASK("PUT /v1/feeds/x", "{\"rate\":\"5/h\"}", "201", NULL);
	post(bench.token, "", "202", "RateLimit: ", ";r=4;");
	memory_set_away(bench.memory, true);
	ASK(POST, "{}", "503", "store-away");
	memory_set_away(bench.memory, false);
	post(bench.token, "", "202", "RateLimit: ", ";r=2;");
}

/* The store is asked by one of those who come when it is time, and not by the others. */
static void known_for_a_while(void **state)
{
	static const struct rate rate = {7, 60, 0};
	struct rates *r = rates_create();
	struct rate got = {0};

	(void)state;
	assert_false(rates_known(r, "a", 1000, &got));
	rates_learn(r, "a", &rate, 1000);
	assert_true(rates_known(r, "a", 1000 + RATES_LIFE_MS - 1, &got));
	assert_int_equal(got.events, 7);
	got = (struct rate){0};
	assert_false(rates_known(r, "a", 1000 + RATES_LIFE_MS, &got));
	assert_int_equal(got.events, 7); /* in case it cannot be asked */
	assert_true(rates_known(r, "a", 1000 + RATES_LIFE_MS, &got));
	rates_forget(r, "b");
	assert_true(rates_known(r, "a", 1000 + RATES_LIFE_MS, &got));
	rates_forget(r, "a");
	assert_false(rates_known(r, "a", 1000 + RATES_LIFE_MS, &got));
	rates_destroy(r);
	rates_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_a_feed),
		TEST(of_a_token),
		TEST(both),
		TEST(both_are_empty),
		TEST(a_full_one_waits_for_nothing),
		TEST(a_503_knows_of_the_rate),
		TEST(a_look_is_no_change),
		TEST(only_what_is_stored_counts),
		TEST(rates_that_cannot_be_read),
		cmocka_unit_test(known_for_a_while),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
