#include "service_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Items that are taken back. */

#define EVENTS "/v1/feeds/x/events"
#define ITEM "DELETE /v1/feeds/x/items/"

/* The id of an answer; the caller frees it. */
static char *id_of(char *got)
{
	const char *at = strstr(got, "\"id\":\"");

	assert_non_null(at);
	char *id = strndup(at + 6, 36);
	free(got);
	return id;
}

static char *post(const char *query, const char *body)
{
	char line[100];

	snprintf(line, sizeof line, "POST " EVENTS "%s", query);
	return id_of(ask(bench.token, line, "", body));
}

static char *get(const char *id)
{
	char line[100];

	snprintf(line, sizeof line, "GET " EVENTS "/%s", id);
	return ask(bench.token, line, "", NULL);
}

static void an_item_is_taken_back(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK(ITEM "an%20item", NULL, "404", "There is no such item");
	char *old = post("?item=an%20item", "{}");
	char *id = post("?item=an%20item&priority=high",
			"{\"title\":\"secret\",\"tags\":[\"a \\\"b\\\\\",\"\\u0007c\"]}");
	char *got = ask(bench.token, ITEM "an%20item", "", NULL);
	assert_non_null(strstr(got, "202 Accepted"));
	assert_non_null(strstr(got, "\"item\":\"an item\",\"status\":\"queued\""));
	assert_non_null(strstr(got, "Location: " EVENTS "/"));
	char *retraction = id_of(got);
	ASK(ITEM "an%20item", NULL, "404", NULL); /* there is none any more */
	got = get(retraction);
	assert_non_null(strstr(got, "\"retraction\":true"));
	assert_non_null(strstr(got, "\"priority\":\"high\""));
	assert_non_null(
		strstr(got, "\"event\":{\"tags\":[\"a \\\"b\\\\\",\"\\u0007c\"]}"));
	assert_null(strstr(got, "secret"));
	free(got);
	assert_said(get(id), "200", "\"retracted\":true");
	assert_said(get(old), "200", "\"replaced\":true");
	ASK("GET " EVENTS, NULL, "200", "\"replaced\":true");
	ASK("GET " EVENTS "?before=newest", NULL, "200", "\"retraction\":true");
	ASK("GET /metrics", NULL, "200", "belfry_items_retracted_total 1");
	free(old);
	free(id);
	free(retraction);
}

static void by_the_id_of_its_event(void **state)
{
	char line[100];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	char *id = post("", "{}");
	snprintf(line, sizeof line, ITEM "%s", id);
	ASK(line, NULL, "202", "\"status\":\"queued\"");
	assert_said(get(id), "200", "\"retracted\":true");
	ASK(line, NULL, "404", NULL);
	free(id);
}

static void what_is_scheduled_is_cancelled(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	free(post("?item=later&delay=3600", "{}"));
	free(post("?item=later&delay=7200", "{}"));
	ASK(ITEM "later", NULL, "204", NULL);
	ASK("GET /v1/feeds/x/scheduled", NULL, "200", "{\"events\":[]");
	ASK(ITEM "later", NULL, "404", NULL);
	free(post("?item=later&delay=3600", "{}"));
	free(post("?item=later", "{}"));
	ASK(ITEM "later", NULL, "202", NULL);
	ASK("GET /v1/feeds/x/scheduled", NULL, "200", "{\"events\":[]");
}

static void who_may(void **state)
{
	char token[TOKEN_TEXT_SIZE], line[400];

	(void)state;
	ASK(ITEM "x", NULL, "404", "feed");
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	free(post("?item=i", "{}"));
	make_token(SCOPE_MANAGE, "*", token);
	assert_said(ask(token, ITEM "i", "", NULL), "403", NULL);
	make_token(SCOPE_PUBLISH, "y", token);
	assert_said(ask(token, ITEM "i", "", NULL), "403", NULL);
	snprintf(line, sizeof line, ITEM "%0300d", 1);
	ASK(line, NULL, "404", NULL);
	memory_set_full(bench.memory, true);
	ASK(ITEM "i", NULL, "503", NULL);
	memory_set_full(bench.memory, false);
	make_token(SCOPE_PUBLISH, "x", token);
	assert_said(ask(token, ITEM "i", "", NULL), "202", NULL);
}

/* It is sent like an event, and counts as one. */
static void rates_count_them(void **state)
{
	char token[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	free(post("?item=i", "{}"));
	free(post("?item=j", "{}"));
	make_token_rate(SCOPE_PUBLISH, "*", (struct rate){.events = 1, .period_s = 3600},
			token);
	assert_said(ask(token, ITEM "no", "", NULL), "404", NULL);
	assert_said(ask(token, ITEM "i", "", NULL), "202", "RateLimit");
	assert_said(ask(token, ITEM "j", "", NULL), "429", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_item_is_taken_back),
		TEST(by_the_id_of_its_event),
		TEST(what_is_scheduled_is_cancelled),
		TEST(who_may),
		TEST(rates_count_them),
	};
	return cmocka_run_group_tests_name("serve/retract", tests, NULL, NULL);
}
