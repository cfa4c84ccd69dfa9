#include <belfry/base/buf.h>
#include <belfry/core/event.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char why[256];

static void parse(struct event *e, const char *json)
{
	if (event_parse_json(e, json, strlen(json), why, sizeof why))
		fail_msg("%s: %s", json, why);
	assert_int_equal(e->doc_len, strlen(e->doc));
}

static void refuse(const char *json, size_t len, const char *expected)
{
	struct event e;

	memset(&e, 0x55, sizeof e);
	why[0] = '\0';
	assert_int_equal(event_parse_json(&e, json, len, why, sizeof why), -1);
	if (!strstr(why, expected))
		fail_msg("%s: \"%s\", not \"%s\"", json, why, expected);
	assert_null(e.title);
	assert_null(e.tags);
	assert_null(e.doc);
}

static void members_are_understood(void **state)
{
	struct event e;

	(void)state;
	parse(&e,
	      "{\"item\":\"i 1\",\"title\":\"T\",\"body\":\"B\",\"url\":\"HTTPS://x\","
	      "\"author\":\"A\",\"image\":\"http://y/z.png\",\"tags\":[\"a\",\"\"],"
	      "\"priority\":\"urgent\",\"data\":{\"x\":[1,2.5,null,true]}}");
	assert_string_equal(e.item, "i 1");
	assert_string_equal(e.title, "T");
	assert_string_equal(e.body, "B");
	assert_string_equal(e.url, "HTTPS://x");
	assert_string_equal(e.author, "A");
	assert_string_equal(e.image, "http://y/z.png");
	assert_string_equal(e.tags[0], "a");
	assert_string_equal(e.tags[1], "");
	assert_null(e.tags[2]);
	assert_int_equal(e.priority, PRIORITY_URGENT);
	event_free(&e);
	assert_null(e.title);
	event_free(&e);
}

static void absent_and_null_are_alike(void **state)
{
	static const char *const all[] = {
		"{}",
		"{\"item\":null,\"title\":null,\"tags\":null,\"priority\":null,\"url\":"
		"null}",
	};
	struct event e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		parse(&e, all[i]);
		assert_null(e.item);
		assert_null(e.title);
		assert_null(e.tags);
		assert_int_equal(e.priority, PRIORITY_NORMAL);
		assert_string_equal(e.doc, all[i]);
		event_free(&e);
	}
}

static void the_document_is_kept_as_posted(void **state)
{
	struct event e;

	(void)state;
	parse(&e, " \r\n\t{ \"a\" : 1.10,\n\"b\":12345678901234567890123 } \n");
	assert_string_equal(e.doc, "{ \"a\" : 1.10,\n\"b\":12345678901234567890123 }");
	event_free(&e);
	parse(&e, "\xef\xbb\xbf{\"a\":1}");
	assert_string_equal(e.doc, "{\"a\":1}");
	event_free(&e);
}

static void what_xml_cannot_carry_is_escaped_in_the_document(void **state)
{
	struct event e;

	(void)state;
	parse(&e,
	      "{\"\xef\xbf\xbe\":\"\xef\xbf\xbf\",\"title\":\"a\xef\xbf\xbe\xef\xbf\xbd\\"
	      "u0001\\ufffe\"}");
	assert_string_equal(e.doc,
			    "{\"\\ufffe\":\"\\uffff\",\"title\":\"a\\ufffe\xef\xbf\xbd\\"
			    "u0001\\ufffe\"}");
	assert_string_equal(e.title, "a\xef\xbf\xbe\xef\xbf\xbd\x01\xef\xbf\xbe");
	struct event again;
	parse(&again, e.doc);
	assert_string_equal(again.doc, e.doc);
	assert_string_equal(again.title, e.title);
	event_free(&again);
	event_free(&e);
}

static void any_text_arrives(void **state)
{
	struct event e;

	(void)state;
	parse(&e, "{\"title\":\"]]> <b>&amp; \\\"q\\\" 'a' \xf0\x9f\x94\x94 "
		  "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \\ud83d\\udd14\"}");
	assert_string_equal(e.title, "]]> <b>&amp; \"q\" 'a' \xf0\x9f\x94\x94 "
				     "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x94\x94");
	event_free(&e);
}

static void bad_documents_are_refused(void **state)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{"", "empty"},
		{"   ", "ends too early"},
		{"{\"a\":1", "ends too early"},
		{"{\"a\":\"b", "ends too early"},
		{"{\"a\":1}}", "behind its end"},
		{"{\"a\":1} {}", "behind its end"},
		{"[1]", "must be a JSON object, it is an array"},
		{"\"x\"", "must be a JSON object, it is a string"},
		{"1", "must be a JSON object, it is a number"},
		{"null", "must be a JSON object, it is null"},
		{"{\n \"a\": x}", "line 2, column"},
		{"{'a':1}", "not valid JSON: line 1"},
		{"{\"a\":01}", "not valid JSON"},
		{"{\"a\":1,}", "not valid JSON"},
		{"{\"a\":NaN}", "not valid JSON"},
		{"{\"a\":\"\n\"}", "not valid JSON"},
		{"{\"a\":\"\\x\"}", "not valid JSON"},
		{"{\"a\":1,\"a\":2}", "same key twice"},
		{"{\"d\":{\"a\":1,\"\\u0061\":2}}", "same key twice"},
		{"{\"a\":\"\\u0000\"}", "\\u0000 is a character that XML cannot carry"},
		{"{\"\\u0000\":1}", "\\u0000 is a character that XML cannot carry"},
		{"{\"a\":\"\\ud800\"}", "not valid JSON"},
		{"{\"a\":\"\\udc00\\ud800\"}", "not valid JSON"},
		{"{\"a\":1e400}", "number is too large"},
		{"{\"a\":\"\xff\"}", "not valid UTF-8 at byte 6"},
		{"{\"a\":\"\xed\xa0\x80\"}", "not valid UTF-8 at byte 6"},
		{"{\"a\":\"\xc3\"}", "not valid UTF-8"},
		{"{} \xef\xbf\xbe", "not valid JSON"},
		{"{\"a\":\"\\\xef\xbf\xbe\"}", "not valid JSON"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refuse(bad[i].json, strlen(bad[i].json), bad[i].why);
	refuse("{\"a\":\"x\0y\"}", 11, "NUL character at byte 7");
	refuse("{}\0", 3, "NUL character at byte 2");
	refuse(NULL, 0, "empty");
}

static void wrong_types_are_named(void **state)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{"{\"title\":[]}", "title must be a string, it is an array"},
		{"{\"body\":{}}", "body must be a string, it is an object"},
		{"{\"item\":7}", "item must be a string, it is a number"},
		{"{\"author\":true}", "author must be a string, it is true"},
		{"{\"item\":\"\"}", "item must be 1 to 255 bytes"},
		{"{\"item\":\"a\\nb\"}", "item must not contain control characters"},
		{"{\"item\":\"a\\u0085\"}", "item must not contain control characters"},
		{"{\"item\":\"a\\uffff\"}", "item must not contain control characters"},
		{"{\"tags\":\"a\"}", "tags must be an array of strings, it is a string"},
		{"{\"tags\":[\"a\",null]}", "tags[1] must be a string, it is null"},
		{"{\"priority\":\"top\"}", "priority must be"},
		{"{\"priority\":3}", "priority must be"},
		{"{\"url\":\"ftp://x\"}",
		 "url must begin with http://, https:// or xmpp:"},
		{"{\"url\":\"javascript:alert(1)\"}", "url must begin with"},
		{"{\"url\":\"http://\"}", "url must begin with"},
		{"{\"url\":\"\"}", "url must begin with"},
		{"{\"url\":\"http://a b\"}", "url must not contain white space"},
		{"{\"url\":\"http://a\\n\"}", "url must not contain white space"},
		{"{\"url\":\"xmpp:a\\u007f\"}", "url must not contain white space"},
		{"{\"image\":\"xmpp:a@b\"}", "image must begin with http:// or https://"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refuse(bad[i].json, strlen(bad[i].json), bad[i].why);
}

static void limits_are_held(void **state)
{
	struct event e;
	char json[2048];

	(void)state;
	snprintf(json, sizeof json, "{\"item\":\"%0255d\"}", 0);
	parse(&e, json);
	event_free(&e);
	snprintf(json, sizeof json, "{\"item\":\"%0256d\"}", 0);
	refuse(json, strlen(json), "item must be 1 to 255 bytes");
	for (int tags = 32; tags <= 33; tags++) {
		strcpy(json, "{\"tags\":[\"\"");
		for (int i = 1; i < tags; i++)
			strcat(json, ",\"\"");
		strcat(json, "]}");
		if (tags == 33)
			refuse(json, strlen(json),
			       "tags must be at most 32, there are 33");
		else
			parse(&e, json);
	}
	event_free(&e);
}

static char *nested(int depth, char open, char shut)
{
	struct buf b = {0};

	buf_adds(&b, "{\"[[[[\\\"{{{{\":");
	for (int i = 1; i < depth; i++)
		if (open == '[')
			buf_addc(&b, '[');
		else
			buf_adds(&b, "{\"a\":");
	buf_adds(&b, "1");
	for (int i = 1; i < depth; i++)
		buf_addc(&b, shut);
	buf_addc(&b, '}');
	return buf_steal(&b);
}

static void depth_is_held(void **state)
{
	struct event e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *json = nested(EVENT_DEPTH_MAX, "[{"[i], "]}"[i]);
		parse(&e, json);
		event_free(&e);
		free(json);
		json = nested(EVENT_DEPTH_MAX + 1, "[{"[i], "]}"[i]);
		refuse(json, strlen(json), "nests deeper than 32 levels");
		free(json);
	}
	char *deep = malloc(1000000);
	memset(deep, '[', 1000000);
	refuse(deep, 1000000, "nests deeper");
	free(deep);
}

static void text_becomes_body(void **state)
{
	struct event e, again;
	const char *text = "one\r\ntwo\rthree\r\r\n\"\\\x1b[1m\t\xef\xbf\xbf\x7f";

	(void)state;
	assert_int_equal(event_parse_text(&e, text, strlen(text), why, sizeof why), 0);
	assert_string_equal(e.body, "one\ntwo\nthree\n\n\"\\\x1b[1m\t\xef\xbf\xbf\x7f");
	assert_string_equal(e.doc,
			    "{\"body\":\"one\\ntwo\\nthree\\n\\n\\\"\\\\\\u001b[1m\\t\\"
			    "uffff\x7f\"}");
	parse(&again, e.doc);
	assert_string_equal(again.body, e.body);
	assert_string_equal(again.doc, e.doc);
	assert_int_equal(e.priority, PRIORITY_NORMAL);
	event_free(&again);
	event_free(&e);
}

static void bad_text_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *why;
	} bad[] = {{"", 0, "empty"},
		   {" \r\n\t", 4, "empty"},
		   {"a\0b", 3, "NUL"},
		   {"a\xff", 2, "UTF-8 at byte 1"},
		   {"\xef\xbb\xbf", 3, "empty"},
		   {NULL, 0, "empty"}};
	struct event e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(
			event_parse_text(&e, bad[i].text, bad[i].len, why, sizeof why),
			-1);
		assert_non_null(strstr(why, bad[i].why));
		assert_null(e.body);
	}
}

static void a_short_why_is_not_overrun(void **state)
{
	struct event e;
	char tiny[4] = "xyz";

	(void)state;
	assert_int_equal(event_parse_json(&e, "[", 1, tiny, 3), -1);
	assert_int_equal(strlen(tiny), 2);
	assert_int_equal(tiny[3], '\0');
}

static void priorities_round_trip(void **state)
{
	enum event_priority p;

	(void)state;
	for (int i = PRIORITY_LOW; i <= PRIORITY_URGENT; i++) {
		const char *text = priority_text((enum event_priority)i);
		assert_int_equal(priority_parse(text, strlen(text), &p), 0);
		assert_int_equal(p, i);
	}
	assert_int_equal(priority_parse("High", 4, &p), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_understood),
		cmocka_unit_test(absent_and_null_are_alike),
		cmocka_unit_test(the_document_is_kept_as_posted),
		cmocka_unit_test(what_xml_cannot_carry_is_escaped_in_the_document),
		cmocka_unit_test(any_text_arrives),
		cmocka_unit_test(bad_documents_are_refused),
		cmocka_unit_test(wrong_types_are_named),
		cmocka_unit_test(limits_are_held),
		cmocka_unit_test(depth_is_held),
		cmocka_unit_test(text_becomes_body),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(a_short_why_is_not_overrun),
		cmocka_unit_test(priorities_round_trip),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
