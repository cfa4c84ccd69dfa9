#include "service_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lists of followers, and of what became of an event for each of them. */

#define SUBSCRIBERS "/v1/feeds/x/subscribers"

/* All pages of TARGET with LIMIT a page: how often MEMBER stands in them, each JID once.
 */
static size_t count_in_pages(const char *target, unsigned limit, const char *member)
{
	char text[300], next[40] = "";
	size_t all = 0;

	for (;;) {
		size_t count = 0;
		snprintf(text, sizeof text, "GET %s?limit=%u%s%s", target, limit,
			 next[0] ? "&after=" : "", next);
		char *got = ask(bench.token, text, "", NULL), *at = got;
		for (; (at = strstr(at, member)); at++)
			count++;
		assert_in_range(count, 0, limit);
		all += count;
		at = strstr(got, "\"next\":");
		assert_non_null(at);
		int more = sscanf(at, "\"next\":\"%39[^\"]", next);
		free(got);
		if (more != 1)
			return all;
		assert_in_range(all, 1, 100000);
	}
}

static void rows_come_in_pages(void **state)
{
	static const unsigned limits[] = {1, 2, 7, 99, 100, 101, 250, 251, 1000};
	static const char *const wrong[] = {
		"x",	      "",	   "0~",	 "0~5f1c09a", "0~5f1c09aag",
		"0~5f1c09ag", "~5f1c09aa", "2147483648", "4294967295"};
	char line[150], publish[TOKEN_TEXT_SIZE], target[100];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (int i = 0; i < 251; i++) {
		snprintf(line, sizeof line, "PUT " SUBSCRIBERS "/u%d%%40example.org", i);
		ASK(line, NULL, "201", NULL);
	}
	char *got = ask(bench.token, "POST /v1/feeds/x/events", "", "{}"), *at;
	at = strstr(got, "{\"id\":\"");
	assert_non_null(at);
	snprintf(target, sizeof target, "/v1/feeds/x/events/%.36s/deliveries", at + 7);
	free(got);
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		assert_int_equal(count_in_pages(target, limits[i], "\"queued\""), 251);
		assert_int_equal(count_in_pages(SUBSCRIBERS, limits[i], "\"jid\""), 251);
	}
	ASK("GET " SUBSCRIBERS "?limit=1", NULL, "200", "\"next\":\"0~");
	ASK("GET " SUBSCRIBERS "?limit=1000", NULL, "200", "\"next\":null}");
	ASK("GET " SUBSCRIBERS "?after=2147483647", NULL, "200", "[],\"next\":null}");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(line, sizeof line, "GET %s?after=%s", target, wrong[i]);
		ASK(line, NULL, "400", "bad-parameter");
		snprintf(line, sizeof line, "GET " SUBSCRIBERS "?after=%s", wrong[i]);
		ASK(line, NULL, "400", "bad-parameter");
	}
	snprintf(line, sizeof line, "GET %s?limit=0", target);
	ASK(line, NULL, "400", "bad-parameter");
	ASK("GET /v1/feeds/x/events/01900000-0000-7000-8000-000000000000/deliveries",
	    NULL, "404", "is scheduled still");
	ASK("GET /v1/feeds/x/events/x/deliveries", NULL, "404", "is scheduled still");
	ASK("GET /v1/feeds/y/events/01900000-0000-7000-8000-000000000000/deliveries",
	    NULL, "404", "no-such-feed");
	/* Who follows is for those who manage the feed. */
	make_token(SCOPE_PUBLISH, "x", publish);
	snprintf(line, sizeof line, "GET %s", target);
	assert_said(ask(publish, line, "", NULL), "403", "forbidden");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_come_in_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
