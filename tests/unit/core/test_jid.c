#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_normal(const char *in, const char *expected)
{
	const char *why = "?";
	char *jid = jid_normalize(in, strlen(in), &why);

	if (!jid)
		fail_msg("%s: %s", in, why);
	assert_null(why);
	assert_string_equal(jid, expected);
	char *again = jid_normalize(jid, strlen(jid), &why);
	assert_non_null(again);
	assert_string_equal(again, jid);
	free(again);
	free(jid);
}

static void jids_are_normalized(void **state)
{
	static const struct {
		const char *in, *out;
	} all[] = {
		{"alice@example.org", "alice@example.org"},
		{"Alice@Example.ORG/Home PC", "alice@example.org/Home PC"},
		{"example.org", "example.org"},
		{"EXAMPLE.org/x", "example.org/x"},
		{"alice@example.org.", "alice@example.org"},
		{"alice@localhost", "alice@localhost"},
		{"alice@192.0.2.1", "alice@192.0.2.1"},
		{"alice@[2001:DB8::0:1]", "alice@[2001:db8::1]"},
		{"[::1]/a", "[::1]/a"},
		{"a@b/c@d/e", "a@b/c@d/e"},
		{"a@b_c.d-e", "a@b_c.d-e"},
		{"j\xc3\x9cRGEN@ex.org", "j\xc3\xbcrgen@ex.org"},
		{"a@B\xc3\x9c"
		 "CHER.example",
		 "a@b\xc3\xbc"
		 "cher.example"},
		{"stra\xc3\x9f"
		 "e@ex.org",
		 "strasse@ex.org"},
		{"a@example\xe3\x80\x82org", "a@example.org"},
		{"a@\xef\xbd\x85xample.org", "a@example.org"}, /* full-width e */
		{"a\xc2\xad"
		 "b@ex.org",
		 "ab@ex.org"}, /* soft hyphen */
		{"a@ex.org/\xf0\x9f\x94\x94", "a@ex.org/\xf0\x9f\x94\x94"},
		{"a@ex.org/<&>'\"", "a@ex.org/<&>'\""},
		{"a%b=c.d~!#$*()@ex.org", "a%b=c.d~!#$*()@ex.org"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		check_normal(all[i].in, all[i].out);
}

static void bad_jids_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"@",
		"/",
		"@example.org",
		"alice@",
		"alice@/x",
		"alice@b/",
		"b/",
		"a@b@c",
		"a b@c",
		"a\"@c",
		"a<@c",
		"a'@c",
		"a&@c",
		"a:@c",
		"a@b c",
		"a@b<c",
		"a@.",
		"a@b..c",
		"a@.b",
		"a@b\n",
		"a\x01@b",
		"a@b/\x01",
		"a@b/\x7f",
		"a@[::1",
		"a@[]",
		"a@[::g]",
		"a@[1.2.3.4]",
		"a@b:5222",
		"\xff@b",
		"a@\xc0\x80",
		"a@b/\xed\xa0\x80",
		"a@b/\xef\xbf\xbe",
		"\xc2\xad@b",
		"a@b/\xc2\xad",
		"a@\xc2\xad",
		"\xe2\x80\xae@b",
		"a@b..",
		"a@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *why = NULL;
		char *jid = jid_normalize(bad[i], strlen(bad[i]), &why);
		if (jid)
			fail_msg("\"%s\" passed as \"%s\"", bad[i], jid);
		assert_non_null(why);
		assert_int_not_equal(why[strlen(why) - 1], '.');
	}
	const char *why = NULL;
	assert_null(jid_normalize("a\0b@c", 5, &why));
	assert_null(jid_normalize(NULL, 0, &why));
}

static char *part(size_t len, char c)
{
	char *s = malloc(len + 1);

	memset(s, c, len);
	s[len] = '\0';
	return s;
}

static void lengths_are_held(void **state)
{
	char text[4096];
	const char *why;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		char *local = part(1023 + extra, 'a'), *resource = part(1023, 'r');
		strcpy(text, local);
		strcat(text, "@");
		for (int i = 0; i < 20; i++)
			strcat(text,
			       "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw.");
		strcat(text, "abcdefghijklmnopqrstuvw/");
		strcat(text, resource);
		char *jid = jid_normalize(text, strlen(text), &why);
		assert_true(extra ? !jid : jid != NULL);
		if (jid)
			assert_int_equal(strlen(jid), JID_MAX);
		free(jid);
		free(local);
		free(resource);
	}
	/* One that grows while it is prepared: U+FDFA becomes 18 letters. */
	text[0] = '\0';
	for (int i = 0; i < 300; i++)
		strcat(text, "\xef\xb7\xba");
	strcat(text, "@b");
	assert_null(jid_normalize(text, strlen(text), &why));
}

static void parts_are_found(void **state)
{
	const char *jid = "alice@example.org/a/b@c";
	size_t len;

	(void)state;
	assert_int_equal(jid_bare_len(jid), 17);
	char *bare = jid_bare(jid), *local = jid_local(jid);
	assert_string_equal(bare, "alice@example.org");
	assert_string_equal(local, "alice");
	assert_memory_equal(jid_domain(jid, &len), "example.org", 11);
	assert_int_equal(len, 11);
	assert_true(jid_has_resource(jid));
	assert_false(jid_has_resource(bare));
	free(bare);
	free(local);
	assert_null(jid_local("example.org/a@b"));
	assert_memory_equal(jid_domain("example.org/a@b", &len), "example.org", 11);
	assert_int_equal(len, 11);
}

static void jids_match(void **state)
{
	char ex[] = "example.org", net[] = "example.net";
	char *list[] = {ex, net, NULL}, *none[] = {NULL};

	(void)state;
	assert_true(jid_matches("a@example.org/x", "a@example.org"));
	assert_true(jid_matches("a@example.org/x", "example.org"));
	assert_true(jid_matches("example.org", "example.org"));
	assert_false(jid_matches("a@example.org/x", "a@example.or"));
	assert_false(jid_matches("ab@example.org", "a@example.org"));
	assert_false(jid_matches("a@sub.example.org", "example.org"));
	assert_false(jid_matches("a@example.org.evil.net", "example.org"));
	assert_false(jid_matches("x/a@example.org", "example.org"));
	assert_true(jid_domain_in("a@example.net/x", list));
	assert_false(jid_domain_in("a@example.com", list));
	assert_false(jid_domain_in("a@example.net", none));
	assert_false(jid_domain_in("a@example.net", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jids_are_normalized),
		cmocka_unit_test(bad_jids_are_refused),
		cmocka_unit_test(lengths_are_held),
		cmocka_unit_test(parts_are_found),
		cmocka_unit_test(jids_match),
	};

	return cmocka_run_group_tests_name("jid", tests, NULL, NULL);
}
