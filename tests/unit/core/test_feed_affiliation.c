#include <belfry/core/feed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Who may follow a feed, and who is what in it. */

static char own[] = "example.org";
static char *domains[] = {own, NULL};

static void patch_ok(struct feed_config *c, const char *json)
{
	char why[256] = "";

	if (feed_config_patch(c, json, strlen(json), why, sizeof why))
		fail_msg("%s: %s", json, why);
}

static struct feed_config config_of(const char *json)
{
	struct feed_config c;

	feed_config_init(&c);
	patch_ok(&c, json);
	return c;
}

#define LISTS                                                                            \
	"\"whitelist\":[\"mem@example.net\",\"members.example\",\"mem@evil.example\"],"  \
	"\"owners\":[\"own@example.net\",\"own@evil.example\"],"                         \
	"\"outcasts\":[\"out@example.org\",\"out@members.example\",\"evil.example\"]"

static void access_is_obeyed(void **state)
{
	static const char *const feeds[] = {
		[ACCESS_OPEN] = "{\"access\":\"open\"," LISTS "}",
		[ACCESS_LOCAL] = "{\"access\":\"local\"," LISTS "}",
		[ACCESS_WHITELIST] = "{\"access\":\"whitelist\"," LISTS "}",
		[ACCESS_AUTHORIZE] = "{\"access\":\"authorize\"," LISTS "}",
	};
	static const struct {
		const char *jid, *expected; /* open, local, whitelist, authorize */
	} people[] = {
		{"a@example.org/x", "yyn?"},	  {"a@example.net", "ynn?"},
		{"a@sub.example.org", "ynn?"},	  {"mem@example.net/r", "ynyy"},
		{"b@members.example", "ynyy"},	  {"out@members.example", "nnnn"},
		{"out@example.org/x", "nnnn"},	  {"own@example.net/x", "yyyy"},
		{"anybody@evil.example", "nnnn"}, {"evil.example", "nnnn"},
		{"mem@evil.example", "ynyy"},	  {"own@evil.example", "yyyy"},
	};
	static const char letters[] = {
		[ADMIT_NO] = 'n', [ADMIT_ASK] = '?', [ADMIT_YES] = 'y'};

	(void)state;
	for (size_t f = 0; f < sizeof feeds / sizeof feeds[0]; f++) {
		struct feed_config c = config_of(feeds[f]);

		for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
			const char *jid = people[i].jid;
			char letter = letters[feed_admits(&c, jid, domains)];

			if (letter != people[i].expected[f])
				fail_msg("feed %zu, %s: %c", f, jid, letter);
			assert_int_equal(feed_shows(&c, jid, domains), letter != 'n');
		}
		feed_config_free(&c);
	}
}

static void what_is_said_of_one_counts_before_his_domain(void **state)
{
	static const struct {
		const char *jid;
		enum feed_affiliation expected;
	} people[] = {
		{"own@example.net/x", AFFILIATION_OWNER},
		{"own@evil.example", AFFILIATION_OWNER},
		{"mem@example.net", AFFILIATION_MEMBER},
		{"any@members.example/x", AFFILIATION_MEMBER},
		{"members.example", AFFILIATION_MEMBER},
		{"mem@evil.example", AFFILIATION_MEMBER},
		{"any@evil.example", AFFILIATION_OUTCAST},
		{"out@members.example", AFFILIATION_OUTCAST},
		{"any@sub.evil.example", AFFILIATION_NONE},
		{"any@example.net", AFFILIATION_NONE},
	};
	struct feed_config c = config_of("{" LISTS "}");

	(void)state;
	for (size_t i = 0; i < sizeof people / sizeof people[0]; i++)
		if (feed_affiliation_of(&c, people[i].jid) != people[i].expected)
			fail_msg("%s", people[i].jid);
	/* On the same level the outcast counts. */
	patch_ok(&c, "{\"whitelist\":[\"a@b\",\"c\"],\"outcasts\":[\"a@b\",\"c\"]}");
	assert_int_equal(feed_affiliation_of(&c, "a@b"), AFFILIATION_OUTCAST);
	assert_int_equal(feed_affiliation_of(&c, "x@c"), AFFILIATION_OUTCAST);
	feed_config_free(&c);
}

static void affiliations_have_words(void **state)
{
	enum feed_affiliation a;

	(void)state;
	for (int i = AFFILIATION_NONE; i <= AFFILIATION_OWNER; i++) {
		const char *text = feed_affiliation_text((enum feed_affiliation)i);

		assert_int_equal(feed_affiliation_parse(text, &a), 0);
		assert_int_equal(a, i);
	}
	assert_string_equal(feed_affiliation_text(AFFILIATION_OUTCAST), "outcast");
	assert_int_equal(feed_affiliation_parse("publisher", &a), -1);
	assert_int_equal(feed_affiliation_parse("", &a), -1);
}

static void check(struct feed_config *c, const char *expected)
{
	char *json = feed_config_json(c);

	if (!strstr(json, expected))
		fail_msg("%s is not in %s", expected, json);
	free(json);
}

static void one_jid_has_one_affiliation(void **state)
{
	struct feed_config c = config_of("{\"owners\":[\"a@b\"]}");

	(void)state;
	assert_int_equal(feed_affiliate(&c, "c@d", AFFILIATION_MEMBER), BELFRY_OK);
	assert_int_equal(feed_affiliate(&c, "d", AFFILIATION_OUTCAST), BELFRY_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(feed_affiliate(&c, "e@d", AFFILIATION_MEMBER),
				 BELFRY_OK);
	check(&c, "\"whitelist\":[\"c@d\",\"e@d\"],\"owners\":[\"a@b\"],"
		  "\"outcasts\":[\"d\"]");
	assert_int_equal(feed_affiliate(&c, "c@d", AFFILIATION_OWNER), BELFRY_OK);
	assert_int_equal(feed_affiliate(&c, "e@d", AFFILIATION_OUTCAST), BELFRY_OK);
	check(&c, "\"whitelist\":[],\"owners\":[\"a@b\",\"c@d\"],"
		  "\"outcasts\":[\"d\",\"e@d\"]");
	assert_int_equal(feed_affiliation_of(&c, "c@d"), AFFILIATION_OWNER);
	assert_int_equal(feed_affiliate(&c, "d", AFFILIATION_NONE), BELFRY_OK);
	assert_int_equal(feed_affiliate(&c, "nobody@d", AFFILIATION_NONE), BELFRY_OK);
	assert_int_equal(feed_affiliate(&c, "a@b", AFFILIATION_NONE), BELFRY_OK);
	check(&c, "\"owners\":[\"c@d\"],\"outcasts\":[\"e@d\"]");
	assert_int_equal(feed_affiliate(&c, "e@d", AFFILIATION_NONE), BELFRY_OK);
	assert_null(c.outcasts);
	feed_config_free(&c);
}

static void some_affiliations_are_refused(void **state)
{
	struct feed_config c = config_of("{\"owners\":[\"a@b\"]}");
	char jid[32];

	(void)state;
	assert_int_equal(feed_affiliate(&c, "b", AFFILIATION_OWNER), BELFRY_EINVAL);
	assert_int_equal(feed_affiliate(&c, "c@b/x", AFFILIATION_MEMBER), BELFRY_EINVAL);
	/* The last one may go, while it is known who comes. */
	assert_int_equal(feed_affiliate(&c, "a@b", AFFILIATION_NONE), BELFRY_OK);
	assert_null(c.owners);
	assert_int_equal(feed_affiliate(&c, "a@b", AFFILIATION_OWNER), BELFRY_OK);
	for (int i = 1; i < FEED_OWNERS_MAX; i++) {
		snprintf(jid, sizeof jid, "o%d@b", i);
		assert_int_equal(feed_affiliate(&c, jid, AFFILIATION_OWNER), BELFRY_OK);
	}
	assert_int_equal(feed_affiliate(&c, "c@b", AFFILIATION_MEMBER), BELFRY_OK);
	assert_int_equal(feed_affiliate(&c, "c@b", AFFILIATION_OWNER), BELFRY_EFULL);
	assert_int_equal(feed_affiliation_of(&c, "c@b"), AFFILIATION_MEMBER);
	assert_int_equal(feed_affiliate(&c, jid, AFFILIATION_OWNER), BELFRY_OK);
	feed_config_free(&c);
}

static void some_changes_cast_out(void **state)
{
	static const struct {
		const char *before, *after;
		bool out;
	} changes[] = {
		{"{}", "{}", false},
		{"{}", "{\"outcasts\":[\"a@b\"]}", true},
		{"{\"outcasts\":[\"a@b\",\"c\"]}", "{\"outcasts\":[\"c\",\"a@b\"]}",
		 false},
		{"{\"outcasts\":[\"a@b\",\"c\"]}", "{\"outcasts\":[\"a@b\"]}", false},
		{"{\"outcasts\":[\"a@b\"]}", "{\"outcasts\":[\"c\"]}", true},
		{"{\"outcasts\":[\"a@b\"]}", "{}", false},
		{"{\"whitelist\":[\"a@b\"],\"outcasts\":[\"b\"]}",
		 "{\"outcasts\":[\"b\"]}", true},
		{"{\"owners\":[\"a@b\"],\"outcasts\":[\"b\"]}", "{\"outcasts\":[\"b\"]}",
		 true},
		{"{\"outcasts\":[\"b\"]}", "{\"owners\":[\"a@b\"],\"outcasts\":[\"b\"]}",
		 false},
		{"{\"whitelist\":[\"a@b\"]}", "{}", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct feed_config before = config_of(changes[i].before);
		struct feed_config after = config_of(changes[i].after);

		assert_int_equal(feed_casts_out(&before, &after), changes[i].out);
		feed_config_free(&before);
		feed_config_free(&after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_is_obeyed),
		cmocka_unit_test(what_is_said_of_one_counts_before_his_domain),
		cmocka_unit_test(affiliations_have_words),
		cmocka_unit_test(one_jid_has_one_affiliation),
		cmocka_unit_test(some_affiliations_are_refused),
		cmocka_unit_test(some_changes_cast_out),
	};

	return cmocka_run_group_tests_name("feed affiliations", tests, NULL, NULL);
}
