#include "core/event_int.h"

#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The two ways of event_parse_json() agree. */

#define DEPTH_31 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define DEPTH_31_END "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

static const char *const usual[] = {
	"{}",
	" {\t\"title\" :\r\n\"T\" , \"body\": \"two\\nlines \\\"quoted\\\" \\u00e9\\u20ac\\/\" } ",
	"{\"item\":\"i 1\",\"url\":\"https://x.example/\",\"image\":\"http://y/z.png\"}",
	"{\"tags\":[],\"author\":\"\xc3\xa9\xf0\x9f\x94\x94\",\"priority\":\"urgent\"}",
	"{\"tags\" : [ \"a\" , \"\\\"]\" , \"\" ], \"data\": [1, -0, 0.5, -12.25, true, false, null]}",
	"{\"body\":\"Enough of it for eight bytes at a time, \xc3\xa9 between them, and an "
	"\\\"escape\\\", and then some more that stands for itself until its end.\"}",
	"{\"title\":null,\"tags\":null,\"priority\":null}",
	"{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}},\"\":{},\"b\":[[],{}]}",
	"{\"title\":\"\\ufffe\\b\\f\\n\\r\\t\\\\\"}",
	"{\"d\":" DEPTH_31 DEPTH_31_END "}",
	"{\"delay\":90,\"expires_at\":\"2026-11-23T09:00:00+01:00\"}",
	"{\"deliver_at\":\"2026-11-23T09:00:00Z\",\"delay\":\"PT1H\",\"expires_at\":\"\"}",
};

/* Valid or not: what is not in the quick way's line. */
static const char *const left[] = {
	"",
	"[]",
	"{\"a\":1,\"a\":2}",
	"{\"\\u0061\":1,\"a\":2}",
	"{\"a\":1e3}",
	"{\"a\":01}",
	"{\"a\":1.}",
	"{\"a\":.5}",
	"{\"a\":+1}",
	"{\"a\":truer}",
	"{\"a\":\"\\u0000\"}",
	"{\"a\":\"\\ud83d\\ude00\"}",
	"{\"a\":\"\\ud83d\"}",
	"{\"a\":\"\\ude00\"}",
	"{\"a\":\"\\x\"}",
	"{\"a\":\"\\u12\"}",
	"{\"a\":\"\n\"}",
	"{\"a\":\"\xff\"}",
	"{\"a\":\"\xef\xbf\xbe\"}",
	"{\"a\":[1,]}",
	"{\"a\":1,}",
	"{\"a\":1}}",
	"{\"a\" 1}",
	"{\"a\":\"",
	"{\"d\":[" DEPTH_31 DEPTH_31_END "]}",
	"{\"title\":1}",
	"{\"tags\":[1]}",
	"{\"tags\":{}}",
	"{\"item\":\"\"}",
	"{\"item\":\"a\\u0007\"}",
	"{\"url\":\"ftp://x\"}",
	"{\"priority\":\"soon\"}",
	"{\"priority\":\"lo\\u0077\"}",
	"{\"delay\":1.5}",
	"{\"expires_at\":[]}",
};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static void same_text(const char *a, const char *b, const char *json)
{
	if (!a != !b || (a && strcmp(a, b) != 0))
		fail_msg("%s: %s is not %s", json, a ? a : "(nothing)",
			 b ? b : "(nothing)");
}

static void same_when(const struct when *a, const struct when *b, const char *json)
{
	if (a->kind != b->kind || (a->kind != WHEN_WRONG && a->ms != b->ms))
		fail_msg("%s: a moment is understood in two ways", json);
}

static void same_event(const struct event *a, const struct event *b, const char *json)
{
	same_text(a->item, b->item, json);
	same_text(a->title, b->title, json);
	same_text(a->body, b->body, json);
	same_text(a->url, b->url, json);
	same_text(a->author, b->author, json);
	same_text(a->image, b->image, json);
	same_text(a->doc, b->doc, json);
	assert_int_equal(a->doc_len, b->doc_len);
	assert_int_equal(a->priority, b->priority);
	same_when(&a->deliver, &b->deliver, json);
	same_when(&a->expires, &b->expires, json);
	assert_int_equal(!a->tags, !b->tags);
	for (size_t i = 0; a->tags && (a->tags[i] || b->tags[i]); i++)
		same_text(a->tags[i], b->tags[i], json);
}

/* Did the quick way take it? Then the other one did, and understood it alike. */
static bool compare(const char *json, size_t len)
{
	struct event quick, careful;
	char why[256] = "";

	if (!event_parse_quick(&quick, json, len)) {
		assert_null(quick.title);
		assert_null(quick.tags);
		assert_null(quick.doc);
		return false;
	}
	if (event_parse_careful(&careful, json, len, why, sizeof why))
		fail_msg("%s: taken by the quick way alone: %s", json, why);
	same_event(&quick, &careful, json);
	event_free(&quick);
	event_free(&careful);
	return true;
}

static void usual_documents_are_quick(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++)
		if (!compare(usual[i], strlen(usual[i])))
			fail_msg("left to the careful way: %s", usual[i]);
}

static void others_are_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(left); i++)
		if (compare(left[i], strlen(left[i])))
			fail_msg("taken: %s", left[i]);
}

static void numbers_have_a_limit(void **state)
{
	char json[512] = "{\"n\":";

	(void)state;
	memset(json + 5, '9', 400);
	memcpy(json + 405, "}", 2);
	assert_false(compare(json, strlen(json)));
	memcpy(json + 300, "}", 2);
	assert_true(compare(json, strlen(json)));
}

static void many_keys_are_left(void **state)
{
	char json[2048];

	(void)state;
	for (int keys = 64; keys <= 65; keys++) {
		int n = snprintf(json, sizeof json, "{");

		for (int i = 0; i < keys; i++)
			n += snprintf(json + n, sizeof json - (size_t)n, "%s\"k%d\":1",
				      i ? "," : "", i);
		snprintf(json + n, sizeof json - (size_t)n, "}");
		assert_int_equal(compare(json, strlen(json)), keys == 64);
	}
}

/* Copies of their very size, so that a look beyond the end is seen. */
static void cut_documents_are_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++)
		for (size_t len = strlen(usual[i]) - 1; len; len--) {
			char *json = xmalloc(len);

			memcpy(json, usual[i], len);
			if (compare(json, len) && json[len - 1] != '}')
				fail_msg("taken at %zu bytes: %s", len, usual[i]);
			free(json);
		}
}

/* A byte here and there becomes another, goes, or comes. */
static size_t mutate(char *json, size_t len)
{
	static const char alphabet[] = "\"\\{}[]:,.-+eE019utfn \n\t\r/\x01\x7f\xc3\xa9"
				       "\xef\xbf\xbe\xed\xa0\x80";
	char c = alphabet[random_below(sizeof alphabet)];
	size_t at = random_below((uint32_t)len + 1);

	switch (random_below(3)) {
	case 0:
		if (at < len)
			json[at] = c;
		return len;
	case 1:
		memmove(json + at + 1, json + at, len - at);
		json[at] = c;
		return len + 1;
	default:
		if (at == len)
			return len;
		memmove(json + at, json + at + 1, len - at - 1);
		return len - 1;
	}
}

static void mutants_are_understood_alike(void **state)
{
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		const char *seed = usual[random_below(COUNT(usual))];
		size_t len = strlen(seed);
		char *json = xmalloc(len + 8);

		memcpy(json, seed, len);
		for (uint32_t n = 1 + random_below(4); n; n--)
			len = mutate(json, len);
		/* Of its very size, so that a look beyond its end is seen. */
		json = xrealloc(json, len ? len : 1);
		taken += compare(json, len);
		free(json);
	}
	assert_true(taken > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_documents_are_quick),
		cmocka_unit_test(others_are_left),
		cmocka_unit_test(numbers_have_a_limit),
		cmocka_unit_test(many_keys_are_left),
		cmocka_unit_test(cut_documents_are_left),
		cmocka_unit_test(mutants_are_understood_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
