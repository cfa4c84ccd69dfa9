#include "serve/auth_cache.h"
#include "serve/problems.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct token make(const char *id)
{
	struct token t = {.scopes = SCOPE_PUBLISH};

	snprintf(t.id, sizeof t.id, "%s", id);
	t.feeds = xstrdup("*");
	t.note = xstrdup("");
	return t;
}

static void remembers_for_a_while(void **state)
{
	struct auth_cache *c = auth_cache_create();
	struct token t = make("0123456789ab");
	const struct token *found = NULL;

	(void)state;
	assert_int_equal(auth_cache_find(c, t.id, 1000, &found), AUTH_ASK);
	assert_string_equal(auth_cache_put(c, &t, 1000)->id, "0123456789ab");
	assert_null(t.feeds);
	assert_int_equal(auth_cache_find(c, "0123456789ab", 1000, &found), AUTH_KNOWN);
	assert_string_equal(found->feeds, "*");
	assert_int_equal(auth_cache_find(c, "0123456789ac", 1000, &found), AUTH_ASK);
	assert_int_equal(
		auth_cache_find(c, "0123456789ab", 999 + AUTH_CACHE_LIFE_MS, &found),
		AUTH_KNOWN);
	assert_int_equal(
		auth_cache_find(c, "0123456789ab", 1000 + AUTH_CACHE_LIFE_MS, &found),
		AUTH_ASK);
	auth_cache_destroy(c);
}

static void revoked_and_made_again(void **state)
{
	struct auth_cache *c = auth_cache_create();
	struct token t = make("0123456789ab"), again = make("0123456789ab");
	const struct token *found = NULL;

	(void)state;
	auth_cache_put(c, &t, 1000);
	auth_cache_put_unknown(c, "0123456789ab", 1500);
	assert_int_equal(auth_cache_find(c, "0123456789ab", 1500, &found), AUTH_UNKNOWN);
	assert_int_equal(auth_cache_find(c, "0123456789ab", 4000, &found), AUTH_ASK);
	auth_cache_put(c, &again, 4000);
	assert_int_equal(auth_cache_find(c, "0123456789ab", 4000, &found), AUTH_KNOWN);
	auth_cache_destroy(c);
}

/* Guesses do not push out what is known, and nothing grows. */
static void guesses(void **state)
{
	struct auth_cache *c = auth_cache_create();
	struct token t = make("0123456789ab");
	const struct token *found = NULL;
	char id[TOKEN_ID_SIZE];

	(void)state;
	auth_cache_put(c, &t, 1);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(id, sizeof id, "%012x", i);
		auth_cache_put_unknown(c, id, 1);
	}
	assert_int_equal(auth_cache_find(c, "0123456789ab", 2, &found), AUTH_KNOWN);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(id, sizeof id, "%012x", i);
		struct token other = make(id);
		auth_cache_put(c, &other, 2);
	}
	auth_cache_destroy(c);
	auth_cache_destroy(NULL);
}

static void every_error_has_a_problem(void **state)
{
	(void)state;
	for (int err = BELFRY_EINVAL; err <= BELFRY_EINTERNAL; err++) {
		const struct problem *p = problem_of((enum belfry_err)err);

		assert_true(p->status >= 400 && p->status < 600);
		assert_non_null(p->type);
		assert_non_null(p->title);
		assert_non_null(p->detail);
		assert_true(p->status != 503 || p->retry_after_s);
	}
	assert_int_equal(problem_of((enum belfry_err)99)->status, 500);
	assert_int_equal(problem_of(BELFRY_EREUSED)->status, 422);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_for_a_while),
		cmocka_unit_test(revoked_and_made_again),
		cmocka_unit_test(guesses),
		cmocka_unit_test(every_error_has_a_problem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
