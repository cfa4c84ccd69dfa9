#include "work/availability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define FEED "deploys"
#define ALICE "alice@example.org"
#define PHONE ALICE "/phone"
#define LAPTOP ALICE "/laptop"

struct said {
	char text[4096];
};

static void on_said(void *arg, const char *feed, const char *jid, const char *bare,
		    enum availability was, enum availability now)
{
	struct said *s = arg;
	size_t len = strlen(s->text);
	snprintf(s->text + len, sizeof(s->text) - len, "%s %s %s %s>%s\n", feed, jid,
		 bare, availability_text(was), availability_text(now));
}

static void assert_said(struct said *s, const char *want)
{
	assert_string_equal(s->text, want);
	s->text[0] = '\0';
}

static enum availability of(struct availabilities *a, const char *jid)
{
	return availability_of(a, FEED, jid);
}

/* Of somebody who lets it be seen. */
static void expect(struct availabilities *a, const char *jid)
{
	availability_expect(a, FEED, jid);
	availability_grant(a, FEED, jid, true);
}

static void strangers_are_not_remembered(void **state)
{
	struct availabilities *a = availability_create(10);
	struct availability_stats stats;
	(void)state;
	availability_heard(a, FEED, PHONE, AVAIL_ONLINE, 0);
	availability_lost(a, FEED, ALICE);
	availability_forget(a, FEED, ALICE);
	assert_int_equal(of(a, ALICE), AVAIL_UNKNOWN);
	availability_stats(a, &stats);
	assert_int_equal(stats.people, 0);
	assert_true(availability_expect(a, FEED, ALICE));
	assert_false(availability_expect(a, FEED, ALICE));
	assert_true(availability_expected(a, FEED, ALICE));
	assert_false(availability_expected(a, "other", ALICE));
	assert_int_equal(of(a, ALICE), AVAIL_UNKNOWN);
	availability_stats(a, &stats);
	assert_int_equal(stats.people, 1);
	assert_int_equal(stats.known, 0);
	availability_destroy(a);
}

static void the_best_resource_counts(void **state)
{
	struct availabilities *a = availability_create(10);
	struct said said = {{0}};
	(void)state;
	availability_listen(a, on_said, &said);
	expect(a, ALICE);
	availability_heard(a, FEED, PHONE, AVAIL_DND, 0);
	assert_said(&said, "deploys " PHONE " " ALICE " unknown>dnd\n");
	availability_heard(a, FEED, LAPTOP, AVAIL_AWAY, 5);
	assert_said(&said, "deploys " LAPTOP " " ALICE " dnd>away\n");
	assert_int_equal(of(a, ALICE), AVAIL_AWAY);
	assert_int_equal(of(a, PHONE), AVAIL_DND);
	assert_int_equal(of(a, ALICE "/x"), AVAIL_OFFLINE);
	/* The same once more is no news. */
	availability_heard(a, FEED, LAPTOP, AVAIL_AWAY, 5);
	assert_said(&said, "");
	availability_heard(a, FEED, LAPTOP, AVAIL_OFFLINE, 0);
	assert_said(&said, "deploys " LAPTOP " " ALICE " away>dnd\n");
	availability_heard(a, FEED, PHONE, AVAIL_OFFLINE, 0);
	assert_said(&said, "deploys " PHONE " " ALICE " dnd>offline\n");
	/* Nobody hands the bare JID's to a resource below 0. */
	availability_heard(a, FEED, PHONE, AVAIL_CHAT, -1);
	assert_int_equal(of(a, ALICE), AVAIL_OFFLINE);
	assert_int_equal(of(a, PHONE), AVAIL_CHAT);
	/* What a server says for all of them. */
	availability_heard(a, FEED, LAPTOP, AVAIL_ONLINE, 0);
	availability_heard(a, FEED, ALICE, AVAIL_OFFLINE, 0);
	assert_int_equal(of(a, ALICE), AVAIL_OFFLINE);
	assert_int_equal(of(a, PHONE), AVAIL_OFFLINE);
	availability_destroy(a);
}

static void who_is_expected_by_a_full_jid(void **state)
{
	struct availabilities *a = availability_create(10);
	(void)state;
	expect(a, ALICE);
	assert_false(availability_by_resource(a, FEED, PHONE));
	assert_false(availability_expect(a, FEED, PHONE));
	assert_true(availability_by_resource(a, FEED, ALICE));
	assert_string_equal(availability_expected(a, FEED, PHONE), ALICE);
	assert_true(availability_expect(a, "other", PHONE));
	assert_true(availability_by_resource(a, "other", ALICE));
	assert_string_equal(availability_expected(a, "other", ALICE), PHONE);
	assert_false(availability_by_resource(a, "third", ALICE));
	availability_destroy(a);
}

/* Some servers say of everybody who is asked that he is not there. */
static void what_is_not_granted_does_not_count(void **state)
{
	struct availabilities *a = availability_create(10);
	struct said said = {{0}};
	(void)state;
	availability_listen(a, on_said, &said);
	availability_expect(a, FEED, ALICE);
	availability_heard(a, FEED, ALICE, AVAIL_OFFLINE, 0);
	assert_true(availability_soon(a, FEED, ALICE));
	availability_heard(a, FEED, PHONE, AVAIL_AWAY, 0);
	assert_int_equal(of(a, ALICE), AVAIL_UNKNOWN);
	assert_int_equal(of(a, PHONE), AVAIL_UNKNOWN);
	assert_said(&said, "");
	availability_grant(a, FEED, ALICE, true);
	assert_false(availability_soon(a, FEED, ALICE));
	assert_int_equal(of(a, PHONE), AVAIL_AWAY);
	assert_said(&said, "deploys " ALICE " " ALICE " unknown>away\n");
	availability_grant(a, FEED, ALICE, false);
	assert_said(&said, "deploys " ALICE " " ALICE " away>unknown\n");
	availability_destroy(a);
}

static void many_resources_are_not_all_remembered(void **state)
{
	struct availabilities *a = availability_create(10);
	char jid[64];
	(void)state;
	expect(a, ALICE);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(jid, sizeof(jid), ALICE "/%u", i);
		availability_heard(a, FEED, jid, AVAIL_XA, 0);
	}
	assert_int_equal(of(a, jid), AVAIL_XA);
	assert_int_equal(of(a, ALICE), AVAIL_XA);
	/* Nobody is taken for absent who was forgotten. */
	assert_int_equal(of(a, ALICE "/0"), AVAIL_UNKNOWN);
	availability_destroy(a);
}

static void a_new_stream_knows_nothing(void **state)
{
	struct availabilities *a = availability_create(10);
	struct availability_stats stats;
	struct said said = {{0}};
	(void)state;
	expect(a, ALICE);
	availability_heard(a, FEED, PHONE, AVAIL_ONLINE, 0);
	availability_listen(a, on_said, &said);
	availability_stale(a);
	assert_said(&said, "");
	assert_int_equal(of(a, ALICE), AVAIL_UNKNOWN);
	assert_int_equal(of(a, PHONE), AVAIL_UNKNOWN);
	assert_true(availability_expected(a, FEED, ALICE));
	availability_heard(a, FEED, ALICE, AVAIL_OFFLINE, 0);
	assert_said(&said, "deploys " ALICE " " ALICE " unknown>offline\n");
	availability_lost(a, FEED, ALICE);
	assert_said(&said, "deploys " ALICE " " ALICE " offline>unknown\n");
	availability_heard(a, FEED, PHONE, AVAIL_ONLINE, 0);
	availability_forget(a, FEED, ALICE);
	assert_false(availability_expected(a, FEED, ALICE));
	availability_stats(a, &stats);
	assert_int_equal(stats.people, 0);
	assert_int_equal(stats.known, 0);
	availability_destroy(a);
}

/* What one resource shows does not tell of the others. */
static void a_part_is_not_all(void **state)
{
	struct availabilities *a = availability_create(10);
	struct said said = {{0}};
	(void)state;
	expect(a, ALICE);
	availability_listen(a, on_said, &said);
	availability_heard(a, FEED, PHONE, AVAIL_OFFLINE, 0);
	assert_int_equal(of(a, ALICE), AVAIL_UNKNOWN);
	assert_true(availability_soon(a, FEED, ALICE));
	availability_heard(a, FEED, LAPTOP, AVAIL_ONLINE, 0);
	availability_heard(a, FEED, PHONE, AVAIL_ONLINE, 0);
	availability_lost(a, FEED, ALICE);
	said.text[0] = '\0';
	/* It is there again: the others are asked for. */
	availability_heard(a, FEED, PHONE, AVAIL_DND, 0);
	assert_said(&said, "deploys " PHONE " " ALICE " unknown>unknown\n");
	assert_int_equal(of(a, ALICE), AVAIL_UNKNOWN);
	assert_true(availability_soon(a, FEED, ALICE));
	availability_heard(a, FEED, PHONE, AVAIL_DND, 0);
	availability_heard(a, FEED, LAPTOP, AVAIL_ONLINE, 0);
	assert_int_equal(of(a, ALICE), AVAIL_ONLINE);
	/* Of the bare JID it is all. */
	availability_lost(a, FEED, ALICE);
	availability_heard(a, FEED, ALICE, AVAIL_OFFLINE, 0);
	assert_int_equal(of(a, ALICE), AVAIL_OFFLINE);
	assert_false(availability_soon(a, FEED, ALICE));
	availability_destroy(a);
}

static void count_one(void *arg, const char *feed, const char *bare)
{
	(void)feed;
	assert_string_not_equal(bare, "");
	++*(unsigned *)arg;
}

static void who_was_not_asked_about_goes_first(void **state)
{
	struct availabilities *a = availability_create(3);
	struct said said = {{0}};
	unsigned count = 0;
	(void)state;
	availability_listen(a, on_said, &said);
	expect(a, "a@x");
	expect(a, "b@x");
	expect(a, "c@x");
	availability_heard(a, FEED, "b@x", AVAIL_OFFLINE, 0);
	said.text[0] = '\0';
	of(a, "a@x");
	availability_heard(a, FEED, "c@x/r", AVAIL_ONLINE, 0);
	said.text[0] = '\0';
	availability_expect(a, FEED, "d@x");
	assert_said(&said, "deploys b@x b@x offline>unknown\n");
	assert_false(availability_expected(a, FEED, "b@x"));
	assert_true(availability_expected(a, FEED, "a@x"));
	availability_each(a, count_one, &count);
	assert_int_equal(count, 3);
	for (unsigned i = 0; i < 1000; i++) {
		char jid[32];
		snprintf(jid, sizeof(jid), "%u@x", i);
		availability_expect(a, FEED, jid);
		assert_true(availability_expected(a, FEED, jid));
	}
	availability_destroy(a);
}

static void words(void **state)
{
	char text[SHOWS_TEXT_SIZE];
	(void)state;
	unsigned shows = shows_parse("dnd", 3) | shows_parse("chat", 4);
	assert_int_equal(shows_text(shows, text), strlen("chat, dnd"));
	assert_string_equal(text, "chat, dnd");
	assert_int_equal(shows_parse("offline", 7), 0);
	assert_int_equal(shows_parse("", 0), 0);
	assert_int_equal(shows_bit(AVAIL_OFFLINE), 0);
	assert_int_equal(shows_text(SHOWS_ALL, text),
			 strlen("chat, online, away, xa, dnd"));
	assert_int_equal(shows_text(0, text), 0);
	assert_null(shows_next(&(unsigned){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_are_not_remembered),
		cmocka_unit_test(the_best_resource_counts),
		cmocka_unit_test(who_is_expected_by_a_full_jid),
		cmocka_unit_test(what_is_not_granted_does_not_count),
		cmocka_unit_test(many_resources_are_not_all_remembered),
		cmocka_unit_test(a_new_stream_knows_nothing),
		cmocka_unit_test(a_part_is_not_all),
		cmocka_unit_test(who_was_not_asked_about_goes_first),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
