#include "noticing.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OTTO "otto@example.org"
#define TO_OLGA "to='" OWNER "'"
#define TO_OTTO "to='" OTTO "'"
#define LAST "more may wait"
#define WAIT "Write &apos;requests&apos; here to see who."
#define MINUTE_MS (60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

static unsigned asked;

static void ask(struct noticing *f, unsigned count)
{
	char jid[64];
	for (unsigned i = 0; i < count; i++) {
		snprintf(jid, sizeof(jid), "a%u@example.net", asked++);
		noticing_put(f, jid, PENDING_OWNERS, NOTICE_REQUEST);
	}
	noticing_serve(f, 200 + 60 * count);
	assert_int_equal(noticing_left(f), 0);
}

static void later(struct noticing *f, uint64_t ms)
{
	world_skip(ms);
	noticing_serve(f, 100);
	recorder_forget(f->link);
}

/* Twenty an hour each, whatever the time of the hour; the last one says so. */
static void enough_is_enough(void **state)
{
	struct noticing *f = *state;
	ask(f, 19);
	assert_int_equal(noticing_told(f, TO_OLGA), 19);
	assert_int_equal(noticing_told(f, LAST), 0);
	ask(f, 11);
	assert_int_equal(noticing_told(f, TO_OLGA), 20);
	assert_int_equal(noticing_told(f, TO_OTTO), 20);
	assert_int_equal(noticing_told(f, LAST), 2);
	assert_int_equal(noticing_stats(f).held_back, 20);
	later(f, HOUR_MS / 2);
	ask(f, 1);
	assert_int_equal(recorder_messages(f->link), 0);
	world_skip(HOUR_MS / 2);
	/* One of the twenty is for those who were held back. */
	noticing_serve(f, 200);
	assert_int_equal(noticing_told(f, TO_OLGA), 1);
	assert_int_equal(noticing_told(f,
				       "31 people wait to follow asks (A title). Write "
				       "&apos;requests&apos; here"),
			 2);
	ask(f, 30);
	assert_int_equal(noticing_told(f, TO_OLGA), 20);
	assert_int_equal(noticing_told(f, LAST), 2);
	/* Nobody else is told less. */
	noticing_invite(f, 1);
	noticing_serve(f, 200);
	assert_int_equal(noticing_told(f, "to='p0@example.net'"), 2);
}

/* The last one is said each time that there is one. */
static void a_steady_flow(void **state)
{
	struct noticing *f = *state;
	for (unsigned i = 0; i < 20; i++) {
		ask(f, 1);
		later(f, HOUR_MS / 40);
	}
	ask(f, 1);
	assert_int_equal(recorder_messages(f->link), 0);
	later(f, HOUR_MS / 2);
	ask(f, 1);
	assert_int_equal(noticing_told(f, LAST), 2);
	ask(f, 5);
	assert_in_range(noticing_told(f, TO_OLGA), 1, 3);
}

static void who_is_gone_is_left_alone(void **state)
{
	struct noticing *f = *state;
	/* Whom nobody has asked cannot be said to be gone. */
	owners_returned(f->owners, OTTO, true, clock_mono_ms());
	ask(f, 1);
	assert_int_equal(noticing_told(f, TO_OTTO), 1);
	owners_returned(f->owners, OWNER, true, clock_mono_ms());
	recorder_forget(f->link);
	ask(f, 2);
	assert_int_equal(noticing_told(f, TO_OLGA), 0);
	assert_int_equal(noticing_told(f, TO_OTTO), 2);
	later(f, DAY_MS - HOUR_MS);
	ask(f, 1);
	assert_int_equal(noticing_told(f, TO_OLGA), 0);
	later(f, HOUR_MS);
	ask(f, 1);
	assert_int_equal(noticing_told(f, TO_OLGA), 1);
	/* Or until it writes. */
	owners_returned(f->owners, OWNER, true, clock_mono_ms());
	owners_heard(f->owners, OTTO);
	recorder_forget(f->link);
	ask(f, 1);
	assert_int_equal(noticing_told(f, TO_OLGA), 0);
	owners_heard(f->owners, OWNER);
	noticing_serve(f, 200);
	assert_int_equal(noticing_told(f, TO_OLGA), 1);
	assert_int_equal(noticing_told(f, WAIT), 1);
	ask(f, 1);
	assert_int_equal(noticing_told(f, TO_OLGA), 2);
}

/* Most servers do not say that somebody blocks us. */
static void who_returns_all_of_it_is_gone(void **state)
{
	struct noticing *f = *state;
	for (unsigned i = 0; i < 6; i++) {
		ask(f, 1);
		owners_returned(f->owners, OWNER, false, clock_mono_ms());
		if (i % 2)
			owners_heard(f->owners, OWNER);
	}
	assert_int_equal(noticing_told(f, TO_OLGA), 6);
	for (unsigned i = 0; i < 5; i++) {
		ask(f, 1);
		owners_returned(f->owners, OWNER, false, clock_mono_ms());
	}
	assert_int_equal(noticing_told(f, TO_OLGA), 9);
	assert_int_equal(noticing_told(f, TO_OTTO), 11);
}

/* What was not said of a request is made good: once, if it still waits by then. */
static void who_was_held_back_is_reminded(void **state)
{
	struct noticing *f = *state;
	ask(f, 21);
	recorder_forget(f->link);
	later(f, HOUR_MS / 2);
	assert_int_equal(noticing_told(f, WAIT), 0);
	world_skip(HOUR_MS / 2);
	noticing_serve(f, 200);
	assert_int_equal(noticing_told(f, WAIT), 2);
	world_skip(2 * HOUR_MS);
	noticing_serve(f, 200);
	assert_int_equal(noticing_told(f, WAIT), 2);
	/* Otto answers them all meanwhile, or there is another owner by then. */
	owners_returned(f->owners, OWNER, true, clock_mono_ms());
	ask(f, 1);
	recorder_forget(f->link);
	for (unsigned i = 0; i < asked; i++) {
		char jid[64];
		snprintf(jid, sizeof(jid), "a%u@example.net", i);
		if (i >= asked - 22)
			noticing_move(f, jid, PENDING_OWNERS, PENDING_DENIED);
	}
	owners_heard(f->owners, OWNER);
	noticing_serve(f, 200);
	owners_returned(f->owners, OWNER, true, clock_mono_ms());
	ask(f, 1);
	recorder_forget(f->link);
	world_feed(&f->w, "asks", "{\"access\":\"authorize\",\"owners\":[\"" OTTO "\"]}");
	owners_heard(f->owners, OWNER);
	noticing_serve(f, 200);
	assert_int_equal(recorder_messages(f->link), 0);
	assert_int_equal(noticing_left(f), 0);
}

/* An error of the store is no reason to forget it. */
static void a_reminder_that_cannot_be_written(void **state)
{
	struct noticing *f = *state;
	ask(f, 21);
	recorder_forget(f->link);
	world_skip(HOUR_MS - MINUTE_MS);
	memory_set_away(f->w.memory, true);
	world_skip(2 * MINUTE_MS);
	noticing_pass(f, 10000);
	memory_set_away(f->w.memory, false);
	noticing_serve(f, 10000);
	assert_int_equal(noticing_told(f, WAIT), 0);
	world_skip(HOUR_MS);
	noticing_serve(f, 200);
	assert_int_equal(noticing_told(f, WAIT), 2);
}

/* What has to be said again does not count twice. */
static void a_link_that_breaks(void **state)
{
	struct noticing *f = *state;
	recorder_down(f->link, LINK_END_ASKED, "");
	for (unsigned i = 0; i < 15; i++) {
		char jid[64];
		snprintf(jid, sizeof(jid), "b%u@example.net", i);
		noticing_put(f, jid, PENDING_OWNERS, NOTICE_REQUEST);
	}
	for (unsigned i = 0; i < 3; i++) {
		recorder_forget(f->link);
		recorder_up(f->link);
		noticing_pass(f, 200);
		assert_int_equal(noticing_told(f, TO_OLGA), 15);
		recorder_down(f->link, LINK_END_ASKED, "");
	}
	recorder_forget(f->link);
	recorder_up(f->link);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, TO_OLGA), 15);
	assert_int_equal(noticing_told(f, LAST), 0);
	ask(f, 6);
	assert_int_equal(noticing_told(f, TO_OLGA), 20);
	assert_int_equal(noticing_told(f, LAST), 2);
}

/* The table is bounded: those who matter least are forgotten. */
static void very_many_owners(void **state)
{
	struct owners *o = owners_create();
	char jid[64];
	uint64_t now = DAY_MS;
	(void)state;
	assert_int_equal(owners_ask(o, "gone@example.org", now), OWNERS_YES);
	owners_returned(o, "gone@example.org", true, now);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(jid, sizeof(jid), "o%u@example.org", i);
		assert_int_equal(owners_ask(o, jid, now + i), OWNERS_YES);
	}
	for (unsigned i = 0; i < OWNERS_AN_HOUR; i++)
		assert_int_equal(owners_ask(o, jid, now + 3000),
				 i + 2 < OWNERS_AN_HOUR	   ? OWNERS_YES
				 : i + 2 == OWNERS_AN_HOUR ? OWNERS_LAST
							   : OWNERS_NO);
	assert_int_equal(owners_ask(o, "gone@example.org", now + DAY_MS - 1), OWNERS_NO);
	assert_int_equal(owners_ask(o, "gone@example.org", now + DAY_MS), OWNERS_YES);
	owners_destroy(o);
	owners_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, noticing_set_up, noticing_tear_down)
		TEST(enough_is_enough),
		TEST(a_steady_flow),
		TEST(who_is_gone_is_left_alone),
		TEST(a_link_that_breaks),
		TEST(who_returns_all_of_it_is_gone),
		TEST(who_was_held_back_is_reminded),
		TEST(a_reminder_that_cannot_be_written),
		cmocka_unit_test(very_many_owners),
	};
	return cmocka_run_group_tests_name("work/notices/owners", tests, NULL, NULL);
}
