#include "access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Whose contact list is told that an invitation needs no answer any more. */

#define OTHER "b@example.net"

static char told[256];

static void on_unasked(void *arg, const char *feed, const char *jid)
{
	(void)arg;
	size_t len = strlen(told);
	snprintf(told + len, sizeof(told) - len, "%s %s ", feed, jid);
}

/* JID has the invitation; or is only to get it. */
static void invite(struct access *f, const char *feed, const char *jid, bool has_it)
{
	f->h.unasked = on_unasked;
	told[0] = '\0';
	access_invite(f, feed, jid);
	if (has_it)
		assert_int_equal(
			access_move(f, feed, jid, PENDING_PERSON, PENDING_INVITED),
			BELFRY_OK);
}

static enum belfry_err subscribe(struct access *f, const char *jid,
				 enum sub_format format)
{
	struct result out;
	access_subscribe(f, jid, "ours", SUB_FOLLOW(format), &out);
	return access_wait(f, &out);
}

static enum belfry_err unsubscribe(struct access *f, const char *jid)
{
	struct result out;
	access_unsubscribe(f, jid, "ours", &out);
	return access_wait(f, &out);
}

static void who_follows_by_another_way(void **state)
{
	struct access *f = *state;
	invite(f, "ours", PERSON, true);
	assert_int_equal(subscribe(f, PERSON "/x", FORMAT_CHAT), BELFRY_OK);
	assert_string_equal(told, "ours " PERSON " ");
	assert_true(access_follows(f, "ours", PERSON));
	/* It was the program that was to follow, and the person who was asked. */
	invite(f, "ours", OTHER, true);
	assert_int_equal(subscribe(f, OTHER "/x", FORMAT_EVENT), BELFRY_OK);
	assert_string_equal(told, "ours " OTHER " ");
	assert_int_equal(access_state(f, "ours", OTHER), '-');
	/* Once. */
	told[0] = '\0';
	assert_int_equal(subscribe(f, PERSON, FORMAT_CHAT), BELFRY_OK);
	assert_string_equal(told, "");
}

static void who_leaves(void **state)
{
	struct access *f = *state;
	invite(f, "ours", PERSON, true);
	assert_int_equal(unsubscribe(f, PERSON), BELFRY_ENOENT);
	assert_string_equal(told, "ours " PERSON " ");
	assert_int_equal(access_state(f, "ours", PERSON), 'r');
	told[0] = '\0';
	assert_int_equal(unsubscribe(f, PERSON), BELFRY_ENOENT);
	assert_string_equal(told, "");
	invite(f, "ours", OTHER, true);
	assert_int_equal(unsubscribe(f, OTHER "/x"), BELFRY_ENOENT);
	assert_string_equal(told, "ours " OTHER " ");
}

/* Who answers is told with the answer; who has no question needs nothing. */
static void nobody_else(void **state)
{
	struct access *f = *state;
	struct result out;
	for (unsigned yes = 0; yes < 2; yes++) {
		invite(f, "ours", PERSON, true);
		access_answer(f, PERSON, "ours", yes, &out);
		assert_int_equal(access_wait(f, &out), BELFRY_OK);
		assert_string_equal(told, "");
		access_move(f, "ours", PERSON, PENDING_REFUSED, PENDING_NONE);
	}
	invite(f, "ours", OTHER, false);
	assert_int_equal(subscribe(f, OTHER, FORMAT_CHAT), BELFRY_OK);
	assert_string_equal(told, "");
	invite(f, "ours", "c@example.net", false);
	assert_int_equal(unsubscribe(f, "c@example.net"), BELFRY_ENOENT);
	assert_string_equal(told, "");
	access_chat(f, PERSON, "asks");
	access_unsubscribe(f, PERSON, "asks", &out);
	assert_int_equal(access_wait(f, &out), BELFRY_EPENDING);
	assert_string_equal(told, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, access_set_up, access_tear_down)
		TEST(who_follows_by_another_way),
		TEST(who_leaves),
		TEST(nobody_else),
	};
	return cmocka_run_group_tests_name("work/unasked", tests, NULL, NULL);
}
