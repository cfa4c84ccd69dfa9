#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H(...) ((const struct guard_header[]){__VA_ARGS__, {0}})

static unsigned check(const char *version, const struct guard_header *headers,
		      struct guard_facts *facts)
{
	struct guard_head head = {version, headers, 0};
	struct guard_facts own;

	while (headers[head.count].name)
		head.count++;
	const struct guard_fault *fault = guard_head_check(&head, facts ? facts : &own);
	return fault ? fault->status : 0;
}
#define CHECK(...) check("HTTP/1.1", H({"Host", "x"}, __VA_ARGS__), NULL)

static void sound_heads(void **state)
{
	struct guard_facts facts;

	(void)state;
	assert_int_equal(check("HTTP/1.1", H({"Host", "a:1"}), &facts), 0);
	assert_false(facts.chunked || facts.has_length || facts.expects_continue);
	assert_int_equal(check("HTTP/1.0", H({"Content-Length", "0"}), &facts), 0);
	assert_true(facts.has_length);
	assert_int_equal(check("HTTP/1.1",
			       H({"HOST", "a"}, {"content-length", "123"},
				 {"Expect", "100-Continue"}),
			       &facts),
			 0);
	assert_int_equal(facts.length, 123);
	assert_true(facts.expects_continue);
	assert_int_equal(check("HTTP/1.1",
			       H({"Host", ""}, {"Transfer-Encoding", "Chunked"}), &facts),
			 0);
	assert_true(facts.chunked);
}

static void host_is_needed_once(void **state)
{
	(void)state;
	assert_int_equal(check("HTTP/1.1", H({"Accept", "*/*"}), NULL), 400);
	assert_int_equal(check("HTTP/1.0", H({"Accept", "*/*"}), NULL), 0);
	assert_int_equal(CHECK({"host", "y"}), 400);
	assert_int_equal(check("HTTP/1.1", H({"Host", "a, b"}), NULL), 400);
	assert_int_equal(check("HTTP/1.1", H({"Host", "u@b"}), NULL), 400);
}

static void smuggling(void **state)
{
	(void)state;
	assert_int_equal(CHECK({"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}),
			 400);
	assert_int_equal(CHECK({"Content-Length", "5"}, {"Content-Length", "6"}), 400);
	assert_int_equal(CHECK({"Content-Length", "5"}, {"Content-Length", "5"}), 400);
	assert_int_equal(CHECK({"Content-Length", "5, 5"}), 400);
	assert_int_equal(CHECK({"Content-Length", "+5"}), 400);
	assert_int_equal(CHECK({"Content-Length", "-1"}), 400);
	assert_int_equal(CHECK({"Content-Length", "0x5"}), 400);
	assert_int_equal(CHECK({"Content-Length", ""}), 400);
	assert_int_equal(CHECK({"Content-Length", "99999999999999999999"}), 400);
	assert_int_equal(CHECK({"Transfer-Encoding", "gzip"}), 400);
	assert_int_equal(CHECK({"Transfer-Encoding", "gzip, chunked"}), 400);
	assert_int_equal(CHECK({"Transfer-Encoding", "chunked"},
			       {"Transfer-Encoding", "identity"}),
			 400);
	assert_int_equal(CHECK({"Transfer-Encoding", "\x0b"
						     "chunked"}),
			 400);
	assert_int_equal(CHECK({"Transfer-Encoding ", "chunked"}), 400);
	assert_int_equal(CHECK({"X\x01", "y"}), 400);
	assert_int_equal(CHECK({"X", "a\rb"}), 400);
	assert_int_equal(CHECK({"", "b"}), 400);
	assert_int_equal(check("HTTP/1.0", H({"Transfer-Encoding", "chunked"}), NULL),
			 400);
	assert_int_equal(CHECK({"Expect", "200-ok"}), 417);
}

static void too_many_headers(void **state)
{
	struct guard_header many[GUARD_HEADERS_MAX + 2] = {{"Host", "x"}};
	char big[GUARD_HEAD_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 1; i < GUARD_HEADERS_MAX; i++)
		many[i] = (struct guard_header){"A", "b"};
	assert_int_equal(check("HTTP/1.1", many, NULL), 0);
	many[GUARD_HEADERS_MAX] = (struct guard_header){"A", "b"};
	assert_int_equal(check("HTTP/1.1", many, NULL), 431);
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = 0;
	assert_int_equal(CHECK({"A", big}), 431);
}

static unsigned body(const char *accepts, bool optional, const char *type,
		     const struct guard_facts *facts)
{
	struct guard_body b = {accepts, optional, type, NULL, 100, 0};
	const struct guard_fault *fault = guard_body_check(&b, facts);

	return fault ? fault->status : 0;
}

static void bodies(void **state)
{
	const struct guard_facts none = {0}, empty = {.has_length = true};
	const struct guard_facts ten = {.has_length = true, .length = 10};
	const struct guard_facts big = {.has_length = true, .length = 101};
	const struct guard_facts chunked = {.chunked = true};
	const char *json = "application/json", *both = "application/json text/plain";

	(void)state;
	assert_int_equal(body(NULL, false, NULL, &none), 0);
	assert_int_equal(body(NULL, false, NULL, &empty), 0);
	assert_int_equal(body(NULL, false, json, &ten), 400);
	assert_int_equal(body(json, true, NULL, &none), 0);
	assert_int_equal(body(json, false, json, &none), 411);
	assert_int_equal(body(json, false, json, &empty), 400);
	assert_int_equal(body(json, false, json, &ten), 0);
	assert_int_equal(body(json, false, json, &chunked), 0);
	assert_int_equal(body(json, false, json, &big), 413);
	assert_int_equal(body(json, false, NULL, &ten), 415);
	assert_int_equal(body(json, false, "text/plain", &ten), 415);
	assert_int_equal(body(both, false, "Text/Plain; charset=UTF-8", &ten), 0);
	assert_int_equal(body(both, false, "text/plain; charset=latin1", &ten), 415);
	assert_int_equal(body(both, false, "text/plai", &ten), 415);
	assert_int_equal(body(both, false, "application", &ten), 415);
}

/* A route's own limit counts alone, be it more or less than that of all the others. */
static void own_limits(void **state)
{
	struct guard_body b = {"image/png", false, "image/png", NULL, 100, 20};
	struct guard_facts facts = {.has_length = true, .length = 20};

	(void)state;
	assert_int_equal(guard_body_max(&b), 20);
	assert_null(guard_body_check(&b, &facts));
	facts.length = 21;
	assert_ptr_equal(guard_body_check(&b, &facts), guard_too_large(true));
	b.own_max_bytes = 200;
	facts.length = 200;
	assert_null(guard_body_check(&b, &facts));
	b.own_max_bytes = 0;
	assert_ptr_equal(guard_body_check(&b, &facts), guard_too_large(false));
	assert_ptr_not_equal(guard_too_large(true), guard_too_large(false));
}

static void media_types(void **state)
{
	char type[GUARD_MEDIA_MAX], charset[GUARD_MEDIA_MAX], big[400];

	(void)state;
	assert_int_equal(guard_media_type(" a/B ; charset=\"UTF-8\" ", type, charset), 0);
	assert_string_equal(type, "a/b");
	assert_string_equal(charset, "utf-8");
	assert_int_equal(guard_media_type("a/b;", type, charset), 0);
	assert_int_equal(guard_media_type("a/b; x=y; charset=q", type, charset), 0);
	assert_string_equal(charset, "q");
	assert_int_equal(guard_media_type("a/b, c/d", type, charset), -1);
	assert_int_equal(guard_media_type("a/b; charset=\"x", type, charset), -1);
	assert_int_equal(guard_media_type("a/b; charset=x; charset=y", type, charset),
			 -1);
	assert_int_equal(guard_media_type("", type, charset), -1);
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = 0;
	big[3] = '/';
	assert_int_equal(guard_media_type(big, type, charset), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_heads), cmocka_unit_test(host_is_needed_once),
		cmocka_unit_test(smuggling),   cmocka_unit_test(too_many_headers),
		cmocka_unit_test(bodies),      cmocka_unit_test(own_limits),
		cmocka_unit_test(media_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
