#include <belfry/base/buf.h>
#include <belfry/core/feed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_are_checked(void **state)
{
	char name[66];

	(void)state;
	assert_true(feed_name_valid("deploys-2.eu_west", 17));
	assert_true(feed_name_valid("a", 1));
	assert_false(feed_name_valid("", 0));
	assert_false(feed_name_valid(".", 1));
	assert_false(feed_name_valid("..", 2));
	assert_true(feed_name_valid("...", 3));
	assert_false(feed_name_valid(NULL, 0));
	for (int c = 0; c < 256; c++) {
		char s = (char)c;
		bool expected = c && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", c);
		assert_int_equal(feed_name_valid(&s, 1), expected && s != '.');
	}
	memset(name, 'x', sizeof name);
	assert_true(feed_name_valid(name, FEED_NAME_MAX));
	assert_false(feed_name_valid(name, FEED_NAME_MAX + 1));
	assert_true(feed_name_reserved("hub"));
	assert_true(feed_name_reserved("abuse"));
	assert_false(feed_name_reserved("hubs"));
}

static void patch_ok(struct feed_config *c, const char *json)
{
	char why[256] = "";

	if (feed_config_patch(c, json, strlen(json), why, sizeof why))
		fail_msg("%s: %s", json, why);
}

static void check_json(const struct feed_config *c, const char *expected)
{
	char *json = feed_config_json(c);

	assert_string_equal(json, expected);
	free(json);
}

#define DEFAULTS                                                                              \
	"{\"title\":null,\"description\":null,\"access\":\"local\",\"whitelist\":[],"         \
	"\"owners\":[],\"outcasts\":[],\"max_items\":1000,\"max_age\":2592000,\"weight\":10," \
	"\"rate\":null,\"burst\":null,\"ack\":\"server\"}"

static void defaults_are_as_documented(void **state)
{
	struct feed_config c;

	(void)state;
	feed_config_init(&c);
	check_json(&c, DEFAULTS);
	feed_config_free(&c);
}

static void a_patch_changes_what_it_names(void **state)
{
	struct feed_config c;

	(void)state;
	feed_config_init(&c);
	patch_ok(&c, "{\"title\":\"D\\\"\xc3\xa9\",\"access\":\"whitelist\","
		     "\"whitelist\":[\"Alice@Example.ORG\",\"Example.net\"]}");
	assert_string_equal(c.title, "D\"\xc3\xa9");
	assert_string_equal(c.whitelist[0], "alice@example.org");
	assert_string_equal(c.whitelist[1], "example.net");
	assert_null(c.whitelist[2]);
	assert_int_equal(c.max_items, 1000);
	patch_ok(&c, "{\"max_items\":5,\"max_age\":0,\"weight\":100,\"rate\":\"30/min\","
		     "\"burst\":5,\"ack\":\"receipt\","
		     "\"description\":\"two\\nlines\",\"access\":\"authorize\","
		     "\"owners\":[\"Alice@Example.ORG\",\"alice@example.org\",\"b@c\"],"
		     "\"outcasts\":[\"Evil.Example\",\"d@e\"]}");
	assert_int_equal(c.access, ACCESS_AUTHORIZE);
	assert_string_equal(c.owners[0], "alice@example.org");
	assert_string_equal(c.owners[1], "b@c"); /* each once */
	assert_null(c.owners[2]);
	assert_string_equal(c.outcasts[0], "evil.example");
	assert_string_equal(c.title, "D\"\xc3\xa9");
	assert_int_equal(c.max_age_s, 0);
	assert_int_equal(c.weight, 100);
	assert_int_equal(c.rate.events, 30);
	assert_int_equal(c.rate.period_s, 60);
	assert_int_equal(c.rate.burst, 5);
	assert_true(c.ack_receipt);
	char *json = feed_config_json(&c);
	struct feed_config back;
	feed_config_init(&back);
	patch_ok(&back, json);
	check_json(&back, json);
	free(json);
	feed_config_free(&back);
	patch_ok(&c, "{\"title\":\"\",\"description\":\"\"}");
	assert_null(c.title); /* nothing to show */
	assert_null(c.description);
	patch_ok(&c, "{\"title\":null,\"access\":null,\"whitelist\":null,"
		     "\"max_items\":null,\"max_age\":null,\"weight\":null,"
		     "\"rate\":null,\"burst\":null,\"ack\":null,"
		     "\"description\":null,\"owners\":null,\"outcasts\":[]}");
	check_json(&c, DEFAULTS);
	patch_ok(&c, "{\"whitelist\":[]}");
	assert_null(c.whitelist);
	feed_config_free(&c);
}

static void a_bad_patch_changes_nothing(void **state)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{"", "the document is empty"},
		{"[]", "must be a JSON object, it is an array"},
		{"{\"title\":\"x\",\"colour\":1}", "unknown member \"colour\""},
		{"{\"title\":\"x\",\"title\":\"y\"}", "same key twice"},
		{"{\"title\":7}", "title must be a string, it is a number"},
		{"{\"title\":\"a\\nb\"}", "title must not contain control"},
		{"{\"description\":\"a\\u0007b\"}",
		 "description must not contain control"},
		{"{\"access\":\"Open\"}", "access must be \"open\""},
		{"{\"access\":true}", "access must be"},
		{"{\"whitelist\":\"a@b\"}", "whitelist must be an array"},
		{"{\"whitelist\":[\"a@b\",7]}", "whitelist[1] must be a string"},
		{"{\"whitelist\":[\"a@b/c\"]}", "whitelist[0] is not a bare JID"},
		{"{\"whitelist\":[\"@b\"]}", "whitelist[0] is not a bare JID"},
		{"{\"owners\":[\"example.org\"]}",
		 "owners[0] is not a bare JID: there is no @ in it"},
		{"{\"owners\":[\"a@b/c\"]}", "owners[0] is not a bare JID: leave out"},
		{"{\"owners\":{}}", "owners must be an array of JIDs, it is"},
		{"{\"outcasts\":[\"a@b\",null]}", "outcasts[1] must be a string"},
		{"{\"outcasts\":[\"a@b\"],\"owners\":[\"A@B\"]}",
		 "a@b stands among the owners and the outcasts"},
		{"{\"max_items\":0}",
		 "max_items must be a whole number from 1 to 1000000"},
		{"{\"max_items\":1000001}", "max_items must"},
		{"{\"max_items\":1.5}", "max_items must"},
		{"{\"max_items\":\"5\"}", "max_items must"},
		{"{\"max_items\":99999999999999999999999}", "too large"},
		{"{\"max_age\":-1}", "max_age must"},
		{"{\"weight\":101}", "weight must"},
		{"{\"weight\":0}", "weight must"},
		{"{\"rate\":10}", "rate must"},
		{"{\"rate\":\"0/s\"}", "rate must"},
		{"{\"burst\":0}", "burst must"},
		{"{\"ack\":true}", "ack must"},
		{"{\"ack\":\"client\"}", "ack must"},
		{"{\"burst\":\"5\"}", "burst must"},
		{"{\"title\":\"\\u0000\"}", "\\u0000"},
	};
	struct feed_config c;
	char why[256];

	(void)state;
	feed_config_init(&c);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		size_t len = strlen(bad[i].json);
		assert_int_equal(feed_config_patch(&c, bad[i].json, len, why, sizeof why),
				 -1);
		if (!strstr(why, bad[i].why))
			fail_msg("%s: %s", bad[i].json, why);
		check_json(&c, DEFAULTS);
	}
	feed_config_free(&c);
}

static void long_texts_are_refused(void **state)
{
	char why[256], json[FEED_DESCRIPTION_MAX + 100];
	struct feed_config c;

	(void)state;
	feed_config_init(&c);
	snprintf(json, sizeof json, "{\"title\":\"%0*d\"}", FEED_TITLE_MAX, 0);
	patch_ok(&c, json);
	snprintf(json, sizeof json, "{\"title\":\"%0*d\"}", FEED_TITLE_MAX + 1, 0);
	assert_int_equal(feed_config_patch(&c, json, strlen(json), why, sizeof why), -1);
	snprintf(json, sizeof json, "{\"description\":\"%0*d\"}",
		 FEED_DESCRIPTION_MAX + 1, 0);
	assert_int_equal(feed_config_patch(&c, json, strlen(json), why, sizeof why), -1);
	feed_config_free(&c);
}

/* COUNT of them: "uN@b". */
static char *list_of(const char *name, unsigned count)
{
	struct buf out = {0};

	buf_printf(&out, "{\"%s\":[", name);
	for (unsigned i = 0; i < count; i++)
		buf_printf(&out, "%s\"u%u@b\"", i ? "," : "", i);
	buf_adds(&out, "]}");
	return buf_steal(&out);
}

static void long_lists_are_refused(void **state)
{
	static const struct {
		const char *name;
		unsigned max;
	} lists[] = {
		{"whitelist", FEED_WHITELIST_MAX},
		{"owners", FEED_OWNERS_MAX},
		{"outcasts", FEED_OUTCASTS_MAX},
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		char *most = list_of(lists[i].name, lists[i].max);
		char *more = list_of(lists[i].name, lists[i].max + 1);
		struct feed_config c;

		feed_config_init(&c);
		patch_ok(&c, most);
		assert_int_equal(
			feed_config_patch(&c, more, strlen(more), why, sizeof why), -1);
		assert_non_null(strstr(why, "entries"));
		feed_config_free(&c);
		free(most);
		free(more);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(a_patch_changes_what_it_names),
		cmocka_unit_test(a_bad_patch_changes_nothing),
		cmocka_unit_test(long_texts_are_refused),
		cmocka_unit_test(long_lists_are_refused),
	};

	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
