#include "http/query.h"
#include "http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void nothing(void *arg, struct http_request *req)
{
	(void)arg;
	(void)req;
}

static const struct http_route routes[] = {
	{"GET", "/livez", nothing, NULL, false, 0},
	{"GET", "/v1/feeds", nothing, NULL, false, 0},
	{"GET", "/v1/feeds/{feed}", nothing, NULL, false, 0},
	{"DELETE", "/v1/feeds/{feed}", nothing, NULL, false, 0},
	{"PUT", "/v1/feeds/{feed}/subscribers/{jid}", nothing, NULL, false, 0},
	{0},
};

static enum router_result find(const char *method, const char *path, const char *pattern,
			       const char *first, const char *second)
{
	struct router_match m;
	struct buf allow = {0};
	enum router_result result = router_find(routes, method, path, &m, &allow);

	if (pattern && result == ROUTER_FOUND)
		assert_string_equal(m.route->pattern, pattern);
	if (first)
		assert_string_equal(m.params[0], first);
	if (second)
		assert_string_equal(m.params[1], second);
	router_match_free(&m);
	buf_free(&allow);
	return result;
}

static void finds(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/livez", "/livez", NULL, NULL), ROUTER_FOUND);
	assert_int_equal(find("HEAD", "/livez", "/livez", NULL, NULL), ROUTER_FOUND);
	assert_int_equal(find("GET", "/v1/%66eeds", "/v1/feeds", NULL, NULL),
			 ROUTER_FOUND);
	assert_int_equal(find("GET", "/v1/feeds/a%2Db", "/v1/feeds/{feed}", "a-b", NULL),
			 ROUTER_FOUND);
	assert_int_equal(find("PUT", "/v1/feeds/x/subscribers/a%40b%2fc",
			      "/v1/feeds/{feed}/subscribers/{jid}", "x", "a@b/c"),
			 ROUTER_FOUND);
	assert_int_equal(find("PUT", "/v1/feeds/x/subscribers/a+b", NULL, "x", "a+b"),
			 ROUTER_FOUND);
}

static void does_not_find(void **state)
{
	static const char *const paths[] = {
		"",
		"*",
		"/",
		"/v1/feeds/",
		"//v1/feeds",
		"/v1/feeds/x/y",
		"/v1/feeds/..",
		"/v1/feeds/%2e%2E",
		"/v1/feeds/x/.",
		"livez",
		"/a/b/c/d/e/f/g/h/i/j/k",
		"/v1%2ffeeds",
		"/V1/feeds",
	};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_int_equal(find("GET", paths[i], NULL, NULL, NULL),
				 ROUTER_NOT_FOUND);
}

static void malformed(void **state)
{
	static const char *const paths[] = {"/v1/feeds/a%00b", "/v1/feeds/%",
					    "/v1/feeds/%2", "/v1/feeds/%zz",
					    "/v1/feeds/%ff"};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_int_equal(find("GET", paths[i], NULL, NULL, NULL),
				 ROUTER_MALFORMED);
}

static void says_what_is_allowed(void **state)
{
	struct router_match m;
	struct buf allow = {0};

	(void)state;
	assert_int_equal(router_find(routes, "PATCH", "/v1/feeds/x", &m, &allow),
			 ROUTER_NOT_ALLOWED);
	assert_string_equal(allow.data, "GET, HEAD, DELETE");
	router_match_free(&m);
	buf_free(&allow);
}

static void queries(void **state)
{
	struct query q;

	(void)state;
	assert_null(query_parse(&q, "a=1&b=x+y%21&&c"));
	assert_string_equal(query_get(&q, "a"), "1");
	assert_string_equal(query_get(&q, "b"), "x y!");
	assert_string_equal(query_get(&q, "c"), "");
	assert_null(query_get(&q, "d"));
	assert_null(query_unknown(&q, "c b a"));
	assert_string_equal(query_unknown(&q, "a bb c"), "b");
	query_free(&q);
	assert_null(query_parse(&q, NULL));
	assert_null(query_unknown(&q, ""));
	query_free(&q);
}

static void bad_queries(void **state)
{
	static const char *const texts[] = {"a=%0", "a=%00", "%ff=1", "a=1&a=2",
					    "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q"};
	struct query q;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_non_null(query_parse(&q, texts[i]));
		query_free(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),     cmocka_unit_test(does_not_find),
		cmocka_unit_test(malformed), cmocka_unit_test(says_what_is_allowed),
		cmocka_unit_test(queries),   cmocka_unit_test(bad_queries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
