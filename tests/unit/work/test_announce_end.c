#include "announcing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void good_bye(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	world_feed(&f->w, "b", "{}");
	announcing_contacts(f, "a", 300);
	announcing_contacts(f, "b", 1);
	assert_false(announcer_leave(f->announcer));
	recorder_up(f->link);
	for (int i = 0; i < 4; i++)
		announcing_settle(f);
	recorder_forget(f->link);
	assert_true(announcer_leave(f->announcer));
	assert_false(f->gone);
	world_until(&f->w, &f->gone);
	assert_int_equal(announcing_told(f, "<presence"), 301);
	assert_int_equal(announcing_told(f, " type='unavailable'/>"), 301);
	announcing_set_presence(f, "a", "{\"show\":\"chat\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 301);
}

/* One contact has been told of its feed. */
static void show_to_one(struct announcing *f)
{
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 1);
	recorder_up(f->link);
	announcing_settle(f);
}

static void good_bye_ends_once(void **state)
{
	struct announcing *f = *state;
	show_to_one(f);
	assert_true(announcer_leave(f->announcer));
	world_until(&f->w, &f->gone);
	f->gone = false;
	world_turns(&f->w, 10);
	recorder_down(f->link, LINK_END_LOST, "");
	world_turns(&f->w, 10);
	assert_false(f->gone);
}

static void good_bye_is_bounded(void **state)
{
	struct announcing *f = *state;
	show_to_one(f);
	recorder_set_room(f->link, false);
	recorder_forget(f->link);
	assert_true(announcer_leave(f->announcer));
	world_turns(&f->w, 20);
	assert_false(f->gone);
	world_skip(ANNOUNCE_LEAVE_MS);
	world_until(&f->w, &f->gone);
	assert_int_equal(announcing_told(f, "<presence"), 0);
}

static void good_bye_without_a_link(void **state)
{
	struct announcing *f = *state;
	show_to_one(f);
	assert_true(announcer_leave(f->announcer));
	recorder_down(f->link, LINK_END_LOST, "");
	assert_false(f->gone);
	world_until(&f->w, &f->gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, announcing_set_up, announcing_tear_down)
		TEST(good_bye),
		TEST(good_bye_ends_once),
		TEST(good_bye_is_bounded),
		TEST(good_bye_without_a_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
