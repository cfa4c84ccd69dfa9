#include "http/problem.h"

#include <belfry/http/json.h>
#include <belfry/http/metrics.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void strings_are_escaped(void **state)
{
	struct buf b = {0};
	const char text[] = "a\"\\\n\x01\x7f\xff\xc3\xa9\xed\xa0\x80\xf0\x9f\x94\x94";

	(void)state;
	json_add_string(&b, text, sizeof text - 1);
	assert_string_equal(b.data,
			    "\"a\\\"\\\\\\u000a\\u0001\\u007f\xef\xbf\xbd\xc3\xa9"
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x94\x94\"");
	buf_free(&b);
}

static void members(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_adds(&b, "{");
	json_add_member(&b, "a", NULL);
	json_add_member(&b, "b", "x");
	json_add_member_u64(&b, "c", UINT64_MAX);
	json_add_member_raw(&b, "d", "{}", 2);
	json_add_member(&b, "e", "");
	buf_adds(&b, "}");
	assert_string_equal(
		b.data, "{\"b\":\"x\",\"c\":18446744073709551615,\"d\":{},\"e\":\"\"}");
	buf_free(&b);
}

static void problems(void **state)
{
	struct buf b = {0};

	(void)state;
	problem_write(&b, 404, "no-such-feed", "No such feed", "say \"please\"");
	assert_string_equal(b.data,
			    "{\"type\":\"urn:belfry:problem:no-such-feed\",\"title\":"
			    "\"No such feed\",\"status\":404,\"detail\":\"say "
			    "\\\"please\\\"\"}\n");
	buf_clear(&b);
	problem_write(&b, 500, "x", "y", NULL);
	assert_null(strstr(b.data, "detail"));
	buf_free(&b);
}

static void metrics(void **state)
{
	struct buf b = {0};

	(void)state;
	metric_counter(&b, "a_total", "What.", 3);
	metric_sample(&b, "histogram", "h_seconds_bucket", "Time.", "le=\"0.5\"", 1);
	metric_sample(&b, "histogram", "h_seconds_bucket", NULL, "le=\"+Inf\"", 2);
	metric_gauge(&b, "g", "Gauge.", INFINITY);
	assert_string_equal(b.data,
			    "# HELP a_total What.\n# TYPE a_total counter\na_total 3\n"
			    "# HELP h_seconds Time.\n# TYPE h_seconds histogram\n"
			    "h_seconds_bucket{le=\"0.5\"} 1\n"
			    "h_seconds_bucket{le=\"+Inf\"} 2\n"
			    "# HELP g Gauge.\n# TYPE g gauge\ng +Inf\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(members),
		cmocka_unit_test(problems),
		cmocka_unit_test(metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
