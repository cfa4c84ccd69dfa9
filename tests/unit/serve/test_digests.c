#include "service_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Subscriptions that want events together. */

#define SUBSCRIBERS "/v1/feeds/x/subscribers"

static void digests(void **state)
{
	static const char *const wrong[] = {
		"true",
		"\"1h\"",
		"{}",
		"{\"every\":\"0m\"}",
		"{\"every\":\"8d\"}",
		"{\"every\":60}",
		"{\"every\":\"1h\",\"zone\":\"UTC\"}",
		"{\"at\":\"08:00\"}",
		"{\"at\":\"8:00\",\"zone\":\"UTC\"}",
		"{\"at\":\"08:00\",\"zone\":\"Moon/Base\"}",
		"{\"at\":\"08:00\",\"zone\":\"UTC\",\"more\":1}",
	};
	const char *put = "PUT " SUBSCRIBERS "/a%40example.org";
	const char *patch = "PATCH " SUBSCRIBERS "/a%40example.org";
	char body[200];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK(put, "{\"digest\":{\"every\":\"90m\"}}", "201",
	    "\"digest\":{\"every\":\"90m\"}}");
	ASK(patch, "{\"digest\":{\"every\":\"120m\"}}", "200",
	    "\"digest\":{\"every\":\"2h\"}}");
	ASK(patch, "{\"digest\":{\"at\":\"08:05\",\"zone\":\"Europe/Berlin\"}}", "200",
	    "\"digest\":{\"at\":\"08:05\",\"zone\":\"Europe/Berlin\"}}");
	ASK(patch, "{\"paused\":false}", "200", "\"digest\":{\"at\":\"08:05\"");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(body, sizeof body, "{\"digest\":%s}", wrong[i]);
		ASK(patch, body, "400", "IANA");
	}
	ASK(patch, "{\"digest\":null}", "200", "-0\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(digests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
