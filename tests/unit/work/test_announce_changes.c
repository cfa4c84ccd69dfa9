#include "announcing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What changes again and again keeps nobody from being told. */

static void set_status(struct announcing *f, const char *feed, unsigned number)
{
	char json[64];
	snprintf(json, sizeof(json), "{\"status\":\"v%u\"}", number);
	announcing_set_presence(f, feed, json);
}

static void changes_reach_the_last_contact(void **state)
{
	struct announcing *f = *state;
	enum { CONTACTS = 3000 };
	unsigned i;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", CONTACTS);
	recorder_up(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), CONTACTS);
	recorder_forget(f->link);
	/* A second is time for a third of them. */
	for (i = 0; i < 8; i++) {
		set_status(f, "a", i);
		announcing_pass(f, 1);
	}
	assert_int_equal(announcing_seen(f, "a", CONTACTS, "<status>v"), CONTACTS);
	set_status(f, "a", i);
	announcing_settle(f);
	announcing_settle(f);
	assert_int_equal(announcing_seen(f, "a", CONTACTS, "<status>v8<"), CONTACTS);
	/* That was all. */
	recorder_forget(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0);
}

static void busy_feeds_do_not_stop_the_round(void **state)
{
	struct announcing *f = *state;
	enum { BUSY = 6, OTHERS = 120, SECONDS = 60 };
	char name[16];
	for (unsigned i = 0; i < BUSY; i++) {
		snprintf(name, sizeof(name), "a%u", i);
		world_feed(&f->w, name, "{}");
		announcing_contacts(f, name, 300);
	}
	for (unsigned i = 0; i < OTHERS; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		world_feed(&f->w, name, "{}");
	}
	world_feed(&f->w, "z", "{}");
	announcing_contacts(f, "z", 1);
	f->busy = true;
	recorder_up(f->link);
	for (unsigned s = 0; s < SECONDS; s++) {
		for (unsigned i = 0; i < BUSY; i++) {
			snprintf(name, sizeof(name), "a%u", i);
			set_status(f, name, s);
		}
		announcing_pass(f, 1);
	}
	struct announcer_stats stats;
	announcer_stats(f->announcer, &stats);
	assert_false(stats.round);
	assert_int_equal(announcing_told(f, "<presence from='z@"), 1);
}

static void until_told(struct announcing *f, unsigned presences)
{
	struct announcer_stats s;
	do {
		world_skip(20);
		world_turns(&f->w, 1);
		announcer_stats(f->announcer, &s);
	} while (s.presences < presences);
}

/* A feed that takes long to tell would else tell titles without a pause. */
static void a_title_waits_from_the_end_of_a_sweep(void **state)
{
	struct announcing *f = *state;
	enum { CONTACTS = 4000 };
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", CONTACTS);
	f->busy = true; /* 200 a second */
	recorder_up(f->link);
	until_told(f, CONTACTS);
	world_skip(60000);
	world_commit(&f->w, "a", "{\"title\":\"one\"}");
	until_told(f, CONTACTS + 1);
	world_commit(&f->w, "a", "{\"title\":\"two\"}");
	until_told(f, 2 * CONTACTS);
	recorder_forget(f->link);
	world_skip(44000);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0);
	world_skip(10000);
	announcing_settle(f);
	assert_true(announcing_told(f, "<status>two</status>") > 0);
}

struct shown {
	struct look *look;
	bool done;
};

static void on_look(void *arg, enum belfry_err err, struct look *look)
{
	struct shown *s = arg;
	assert_int_equal(err, BELFRY_OK);
	s->look = look;
	s->done = true;
}

static void a_change_while_the_first_contact_is_shown(void **state)
{
	struct announcing *f = *state;
	struct shown s = {0};
	world_feed(&f->w, "a", "{}");
	recorder_up(f->link);
	announcing_settle(f);
	announcing_contacts(f, "a", 1);
	look_get(f->store, "a", on_look, &s);
	world_until(&f->w, &s.done);
	announcing_set_presence(f, "a", "{\"show\":\"dnd\"}");
	announcing_settle(f);
	announcer_shown(f->announcer, "a", s.look);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<show>dnd</show>"), 1);
	assert_int_equal(announcing_told(f, "<presence"), 1);
}

/* In which the store answers whatever it is asked. */
static void ticks(struct announcing *f, unsigned count)
{
	while (count--) {
		world_skip(20);
		world_turns(&f->w, 20);
	}
}

static void each(struct announcing *f, unsigned count, const char *doc)
{
	char name[16];
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		if (doc) {
			world_commit(&f->w, name, doc);
			continue;
		}
		world_feed(&f->w, name, "{}");
		announcing_contact(f, name, "c0@example.org");
	}
}

/* Though many others are woken by events, and wait longer. */
static void what_is_set_goes_first(void **state)
{
	struct announcing *f = *state;
	each(f, 200, NULL);
	recorder_up(f->link);
	announcing_settle(f);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 200);
	world_skip(60000);
	recorder_forget(f->link);
	each(f, 200, "{\"title\":\"a title\"}");
	ticks(f, 10);
	assert_in_range(announcing_told(f, "<presence"), 5, 50);
	/* One that waits already, and one that nothing else is new of. */
	announcing_set_presence(f, "f199", "{\"show\":\"dnd\"}");
	ticks(f, 5);
	assert_int_equal(announcing_told(f, "<show>dnd</show>"), 1);
	assert_in_range(announcing_told(f, "<presence"), 5, 60);
	world_skip(1000);
	announcing_set_presence(f, "f199", "{\"show\":\"xa\"}");
	ticks(f, 5);
	assert_int_equal(announcing_told(f, "<show>xa</show>"), 1);
	assert_in_range(announcing_told(f, "<presence"), 5, 80);
	announcing_settle(f);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 200 + 2 - 1);
}

/* More than can be looked at is set all the time: the rest gets on. */
static void what_is_set_does_not_stop_the_others(void **state)
{
	struct announcing *f = *state;
	enum { FEEDS = 40, BUSY = 400 };
	char name[16];
	each(f, FEEDS, NULL);
	for (unsigned i = 0; i < BUSY; i++) {
		snprintf(name, sizeof(name), "s%03u", i);
		world_feed(&f->w, name, "{}");
		announcing_contact(f, name, "c0@example.org");
	}
	recorder_up(f->link);
	ticks(f, 500);
	world_skip(60000);
	recorder_forget(f->link);
	each(f, FEEDS, "{\"title\":\"a title\"}");
	for (unsigned s = 0; s < 15; s++) {
		for (unsigned i = 0; i < BUSY; i++) {
			snprintf(name, sizeof(name), "s%03u", i);
			set_status(f, name, s);
		}
		ticks(f, 50);
	}
	assert_int_equal(announcing_told(f, "a title"), FEEDS);
	assert_true(announcing_told(f, "<status>v") > BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, announcing_set_up, announcing_tear_down)
		TEST(changes_reach_the_last_contact),
		TEST(busy_feeds_do_not_stop_the_round),
		TEST(a_title_waits_from_the_end_of_a_sweep),
		TEST(a_change_while_the_first_contact_is_shown),
		TEST(what_is_set_goes_first),
		TEST(what_is_set_does_not_stop_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
