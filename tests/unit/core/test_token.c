#include <belfry/base/mem.h>
#include <belfry/core/token.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_token_is_what_it_says(void **state)
{
	char text[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];
	char id[TOKEN_ID_SIZE], hash[TOKEN_HASH_SIZE];
	struct token t = {0}, u = {0};

	(void)state;
	token_make(&t, text);
	token_make(&u, other);
	assert_int_equal(strlen(text), TOKEN_TEXT_SIZE - 1);
	assert_int_equal(token_split(text, strlen(text), id, hash), 0);
	assert_string_equal(id, t.id);
	assert_string_equal(hash, t.hash);
	assert_true(token_hash_equal(hash, t.hash));
	assert_string_not_equal(t.id, u.id);
	assert_false(token_hash_equal(t.hash, u.hash));
	/* The secret stands nowhere else. */
	assert_null(strstr(t.hash, text + 20));
}

static void hash_is_blake2b_256(void **state)
{
	const char *text =
		"belfry_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	char id[TOKEN_ID_SIZE], hash[TOKEN_HASH_SIZE];

	(void)state;
	assert_int_equal(token_split(text, strlen(text), id, hash), 0);
	assert_string_equal(id, "0123456789ab");
	/* printf A{43} | b2sum -l 256 */
	assert_string_equal(
		hash, "6342b384e5d6294c5df1110132b93b97b395a2ff4cca498af637b3e06b3095dd");
}

static void other_forms_are_refused(void **state)
{
	static const char good[] =
		"belfry_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	char id[TOKEN_ID_SIZE], hash[TOKEN_HASH_SIZE], text[sizeof good];
	size_t len = strlen(good);

	(void)state;
	assert_int_equal(token_split(good, len, id, hash), 0);
	assert_int_equal(token_split("", 0, id, hash), -1);
	assert_int_equal(token_split(good, len - 1, id, hash), -1);
	assert_int_equal(token_split(good, len + 1, id, hash), -1);
	for (size_t i = 0; i < len; i++) {
		static const char wrong[] = {'\0', ' ', '+', '\xff', '.'};
		for (size_t k = 0; k < sizeof wrong; k++) {
			memcpy(text, good, sizeof text);
			text[i] = wrong[k];
			assert_int_equal(token_split(text, len, id, hash), -1);
		}
	}
	memcpy(text, good, sizeof text);
	text[8] = 'A'; /* the id is in lower case */
	assert_int_equal(token_split(text, len, id, hash), -1);
}

static void hashes_of_other_lengths_differ(void **state)
{
	char hash[TOKEN_HASH_SIZE];

	(void)state;
	memset(hash, 'a', sizeof hash - 1);
	hash[sizeof hash - 1] = '\0';
	assert_true(token_hash_equal(hash, hash));
	assert_false(token_hash_equal(hash, ""));
	assert_false(token_hash_equal("", ""));
	assert_false(token_hash_equal(hash + 1, hash));
}

static void scopes_and_feeds_are_obeyed(void **state)
{
	struct token t = {.scopes = SCOPE_PUBLISH, .feeds = xstrdup("deploys  ci-*")};

	(void)state;
	assert_true(token_allows(&t, SCOPE_PUBLISH, "deploys"));
	assert_true(token_allows(&t, SCOPE_PUBLISH, "ci-main"));
	assert_false(token_allows(&t, SCOPE_PUBLISH, "deploys2"));
	assert_false(token_allows(&t, SCOPE_PUBLISH, "alerts"));
	assert_false(token_allows(&t, SCOPE_MANAGE, "deploys"));
	assert_false(token_allows(&t, SCOPE_ADMIN, "deploys"));
	assert_false(token_allows(&t, SCOPE_PUBLISH, NULL));
	t.scopes = SCOPE_ADMIN;
	assert_true(token_allows(&t, SCOPE_PUBLISH, "alerts"));
	assert_true(token_allows(&t, SCOPE_MANAGE, NULL));
	token_free(&t);
	t.scopes = SCOPE_PUBLISH;
	assert_false(token_allows(&t, SCOPE_PUBLISH, "deploys"));
	t.feeds = xstrdup("");
	assert_false(token_allows(&t, SCOPE_PUBLISH, "deploys"));
	token_free(&t);
}

static void scopes_round_trip(void **state)
{
	static const char *const bad[] = {
		"", ",", "publish,", ",publish", "Publish", "publish, manage", "root"};
	char text[32];
	unsigned back;

	(void)state;
	for (unsigned scopes = 1; scopes < 8; scopes++) {
		token_scopes_format(scopes, text);
		assert_int_equal(token_scopes_parse(text, &back), 0);
		assert_int_equal(back, scopes);
	}
	assert_int_equal(token_scopes_parse("manage,publish,publish", &back), 0);
	assert_int_equal(back, SCOPE_MANAGE | SCOPE_PUBLISH);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(token_scopes_parse(bad[i], &back), -1);
	token_scopes_format(0, text);
	assert_string_equal(text, "");
}

static void the_kept_form_round_trips(void **state)
{
	char text[TOKEN_TEXT_SIZE];
	struct token t = {.scopes = SCOPE_PUBLISH | SCOPE_MANAGE,
			  .feeds = xstrdup("a b-*"),
			  .note = xstrdup("CI \"main\"\n\x01\xc3\xa9"),
			  .rate = {10, 60, 25},
			  .created_ms = 1700000000123},
		     back;

	(void)state;
	token_make(&t, text);
	char *json = token_json(&t);
	assert_null(strchr(json, '\n'));
	assert_int_equal(token_parse(&back, t.id, json, strlen(json)), 0);
	assert_string_equal(back.id, t.id);
	assert_string_equal(back.hash, t.hash);
	assert_string_equal(back.feeds, t.feeds);
	assert_string_equal(back.note, t.note);
	assert_int_equal(back.scopes, t.scopes);
	assert_int_equal(back.created_ms, t.created_ms);
	assert_memory_equal(&back.rate, &t.rate, sizeof t.rate);
	token_free(&back);
	assert_int_equal(token_parse(&back, "short", json, strlen(json)), -1);
	assert_null(back.feeds);
	token_free(&t);
	free(json);
}

static void a_note_that_is_not_utf8_is_dropped(void **state)
{
	char text[TOKEN_TEXT_SIZE];
	struct token t = {.scopes = 1, .feeds = xstrdup("*"), .note = xstrdup("\xff")},
		     back;

	(void)state;
	token_make(&t, text);
	char *json = token_json(&t);
	assert_int_equal(token_parse(&back, t.id, json, strlen(json)), 0);
	assert_string_equal(back.note, "");
	free(json);
	token_free(&t);
	token_free(&back);
}

static void bad_kept_forms_are_refused(void **state)
{
#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"hash\":\"" H
		"\",\"scopes\":\"publish\",\"feeds\":\"*\",\"note\":\"\"}",
		"{\"hash\":\"" H
		"0\",\"scopes\":\"publish\",\"feeds\":\"*\",\"note\":\"\","
		"\"created_ms\":1}",
		"{\"hash\":\"" H "\",\"scopes\":\"root\",\"feeds\":\"*\",\"note\":\"\","
		"\"created_ms\":1}",
		"{\"hash\":\"" H "\",\"scopes\":\"admin\",\"feeds\":null,\"note\":\"\","
		"\"created_ms\":1}",
		"{\"hash\":\"" H "\",\"scopes\":\"admin\",\"feeds\":\"\",\"note\":\"\","
		"\"created_ms\":-1}",
	};
	struct token t;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(token_parse(&t, "0123456789ab", bad[i], strlen(bad[i])),
				 -1);
		assert_null(t.feeds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_what_it_says),
		cmocka_unit_test(hash_is_blake2b_256),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(hashes_of_other_lengths_differ),
		cmocka_unit_test(scopes_and_feeds_are_obeyed),
		cmocka_unit_test(scopes_round_trip),
		cmocka_unit_test(the_kept_form_round_trips),
		cmocka_unit_test(a_note_that_is_not_utf8_is_dropped),
		cmocka_unit_test(bad_kept_forms_are_refused),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
