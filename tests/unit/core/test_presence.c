#include <belfry/core/presence.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int parse(struct feed_presence *p, const char *json, char why[256])
{
	why[0] = '\0';
	return feed_presence_parse(p, json, strlen(json), why, 256);
}

/* JSON is read, and written as EXPECTED. */
static void check(const char *json, const char *expected)
{
	struct feed_presence p, again;
	char why[256];

	if (parse(&p, json, why))
		fail_msg("%s: %s", json, why);
	char *text = feed_presence_json(&p);
	assert_string_equal(text, expected);
	assert_int_equal(parse(&again, text, why), 0);
	assert_int_equal(again.show, p.show);
	assert_true(!again.status == !p.status);
	free(text);
	feed_presence_free(&p);
	feed_presence_free(&again);
}

#define DEFAULT "{\"show\":\"available\",\"status\":null}"

static void what_is_understood(void **state)
{
	(void)state;
	check("{}", DEFAULT);
	check("{\"show\":null,\"status\":null}", DEFAULT);
	check("{\"status\":\"\"}", DEFAULT);
	check("{\"show\":\"dnd\",\"status\":\"deploying\"}",
	      "{\"show\":\"dnd\",\"status\":\"deploying\"}");
	check("{\"status\":\"gr\xc3\xbc\xc3\x9f\x65 <b> & \\\"x\\\" \xf0\x9f\x94\x94\"}",
	      "{\"show\":\"available\",\"status\":"
	      "\"gr\xc3\xbc\xc3\x9f\x65 <b> & \\\"x\\\" \xf0\x9f\x94\x94\"}");
	check("{\"show\":\"xa\"}", "{\"show\":\"xa\",\"status\":null}");
}

static void shows_have_names(void **state)
{
	static const char *const names[] = {"available", "chat", "away", "xa", "dnd"};
	enum feed_show show;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(feed_show_parse(names[i], strlen(names[i]), &show), 0);
		assert_int_equal(show, i);
		assert_string_equal(feed_show_text(show), names[i]);
	}
	assert_int_equal(feed_show_parse("dnd ", 4, &show), -1);
	assert_int_equal(feed_show_parse("dn", 2, &show), -1);
	assert_int_equal(feed_show_parse("", 0, &show), -1);
	assert_int_equal(feed_show_parse("DND", 3, &show), -1);
}

static void default_is_known(void **state)
{
	struct feed_presence p;
	char why[256];

	(void)state;
	parse(&p, "{\"show\":\"available\",\"status\":\"\"}", why);
	assert_true(feed_presence_is_default(&p));
	parse(&p, "{\"status\":\"x\"}", why);
	assert_false(feed_presence_is_default(&p));
	feed_presence_free(&p);
	assert_true(feed_presence_is_default(&p));
	parse(&p, "{\"show\":\"chat\"}", why);
	assert_false(feed_presence_is_default(&p));
}

static void refused(const char *json, const char *word)
{
	struct feed_presence p;
	char why[256];

	if (!parse(&p, json, why))
		fail_msg("taken: %s", json);
	if (!strstr(why, word))
		fail_msg("%s: %s", json, why);
	assert_true(feed_presence_is_default(&p));
}

static void what_is_refused(void **state)
{
	(void)state;
	refused("", "empty");
	refused("[]", "object");
	refused("\"dnd\"", "object");
	refused("{\"show\":\"busy\"}", "\"xa\" or \"dnd\"");
	refused("{\"show\":\"offline\"}", "show must be");
	refused("{\"show\":3}", "show must be");
	refused("{\"show\":\"dnd\\u0000\"}", "cannot carry");
	refused("{\"status\":\"ok\",\"show\":\"\"}", "show must be");
	refused("{\"status\":3}", "status must be a string, it is");
	refused("{\"status\":[\"x\"]}", "status must be a string, it is");
	refused("{\"status\":\"a\\nb\"}", "control characters");
	refused("{\"status\":\"a\\tb\"}", "control characters");
	refused("{\"status\":\"\\u001b[31m\"}", "control characters");
	refused("{\"status\":\"\\u007f\"}", "control characters");
	refused("{\"status\":\"\\u009b31m\"}", "control characters");
	refused("{\"status\":\"\\uffff\"}", "control characters");
	refused("{\"status\":\"\xff\"}", "UTF-8");
	refused("{\"status\":\"\\ud800\"}", "");
	refused("{\"status\":\"a\",\"status\":\"b\"}", "");
	refused("{\"priority\":1}", "unknown member \"priority\"");
	refused("{\"show\":\"dnd\"", "");
}

static void status_is_bounded(void **state)
{
	char json[400], text[PRESENCE_STATUS_MAX + 2];
	struct feed_presence p;
	char why[256];

	(void)state;
	memset(text, 'x', sizeof text);
	text[PRESENCE_STATUS_MAX] = '\0';
	snprintf(json, sizeof json, "{\"status\":\"%s\"}", text);
	assert_int_equal(parse(&p, json, why), 0);
	assert_int_equal(strlen(p.status), PRESENCE_STATUS_MAX);
	feed_presence_free(&p);
	snprintf(json, sizeof json, "{\"status\":\"%sx\"}", text);
	refused(json, "at most 256 bytes long, it is 257");
}

static void statuses_are_set(void **state)
{
	struct feed_presence p = {0};
	char why[256] = "";

	(void)state;
	assert_int_equal(feed_presence_set_status(&p, "a", 1, why, sizeof why), 0);
	assert_int_equal(feed_presence_set_status(&p, "\x1b", 1, why, sizeof why), -1);
	assert_string_equal(p.status, "a");
	assert_int_equal(feed_presence_set_status(&p, "\xc3", 1, why, sizeof why), -1);
	assert_int_equal(feed_presence_set_status(&p, "a\0b", 3, why, sizeof why), -1);
	assert_string_equal(p.status, "a");
	assert_int_equal(feed_presence_set_status(&p, "", 0, why, sizeof why), 0);
	assert_null(p.status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_understood), cmocka_unit_test(shows_have_names),
		cmocka_unit_test(default_is_known),   cmocka_unit_test(what_is_refused),
		cmocka_unit_test(status_is_bounded),  cmocka_unit_test(statuses_are_set),
	};

	return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
