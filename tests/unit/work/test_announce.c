#include "announcing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TO(feed, jid) "<presence from='" feed "@" DOMAIN "/belfry' to='" jid "'>"

static void all_contacts_are_told_at_first(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	world_feed(&f->w, "b", "{}");
	world_feed(&f->w, "c", "{}");
	world_join(&f->w, "a", "r", 3, FORMAT_CHAT);
	world_join(&f->w, "b", "r", 3, FORMAT_CHAT);
	announcing_contacts(f, "a", 2);
	announcing_contact(f, "c", "c0@example.org");
	world_commit(&f->w, "a", "{\"title\":\"older\"}");
	world_commit(&f->w, "a", "{\"title\":\"newer\"}");
	recorder_up(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 3);
	assert_int_equal(
		announcing_told(f, TO("a", "c0@example.org") "<status>newer</status>"),
		1);
	assert_int_equal(
		announcing_told(f, TO("a", "c1@example.org") "<status>newer</status>"),
		1);
	assert_int_equal(announcing_told(f, TO("c", "c0@example.org") "<x "), 1);
	struct announcer_stats s;
	announcer_stats(f->announcer, &s);
	assert_int_equal(s.presences, 3);
	assert_int_equal(s.feeds, 2);
	assert_false(s.round);
	/* Nobody looked at b, who nobody has in his list. */
	assert_int_equal(s.rows, 5 + 1);
}

static void a_new_link_begins_anew(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 100);
	recorder_up(f->link);
	while (announcing_told(f, "<presence") == 0) {
		world_skip(20);
		world_turns(&f->w, 1);
	}
	assert_true(announcing_told(f, "<presence") < 100);
	recorder_down(f->link, LINK_END_LOST, "");
	recorder_forget(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0);
	recorder_up(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 100);
	/* Down while the store is being asked, whatever it is asked. */
	for (unsigned i = 0; i < 10; i++) {
		recorder_down(f->link, LINK_END_LOST, "");
		recorder_up(f->link);
		for (unsigned k = 0; k < i; k++) {
			world_skip(20);
			world_turns(&f->w, 1);
		}
	}
	recorder_down(f->link, LINK_END_LOST, "");
	recorder_forget(f->link);
	recorder_up(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 100);
}

static void what_is_set_is_told_at_once(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 2);
	world_commit(&f->w, "a", "{\"title\":\"a title\"}");
	recorder_up(f->link);
	announcing_settle(f);
	recorder_forget(f->link);
	announcing_set_presence(f, "a", "{\"show\":\"dnd\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<show>dnd</show><status>a title</status>"),
			 2);
	announcing_set_presence(f, "a", "{\"show\":\"dnd\",\"status\":\"deploying\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<show>dnd</show><status>deploying</status>"),
			 2);
	announcing_set_face(f, "a");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<photo>" SHA1 "</photo>"), 2);
	assert_int_equal(announcing_told(f, "<presence"), 6);
	announcing_set_presence(f, "a", NULL);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 8);
	/* The same again is nothing new, nor is an event under a status of its own. */
	announcing_set_presence(f, "a", "{\"status\":\"fixed\"}");
	announcing_settle(f);
	recorder_forget(f->link);
	announcing_set_presence(f, "a", "{\"status\":\"fixed\"}");
	world_commit(&f->w, "a", "{\"title\":\"another\"}");
	announcing_settle(f);
	world_skip(60000);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0);
}

static void titles_are_told_once_a_minute(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 2);
	recorder_up(f->link);
	announcing_settle(f);
	world_skip(60000);
	recorder_forget(f->link);
	world_commit(&f->w, "a", "{\"title\":\"one\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<status>one</status>"), 2);
	world_commit(&f->w, "a", "{\"title\":\"two\"}");
	announcing_settle(f);
	world_commit(&f->w, "a", "{\"title\":\"three\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 2);
	world_skip(60000);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 4);
	assert_int_equal(announcing_told(f, "<status>three</status>"), 2);
	/* While a title waits, what is set does not. */
	world_commit(&f->w, "a", "{\"title\":\"four\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 4);
	announcing_set_presence(f, "a", "{\"show\":\"away\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<show>away</show><status>four</status>"), 2);
	world_skip(60000);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 6);
}

static void what_is_set_meanwhile_reaches_all(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 1500);
	recorder_up(f->link);
	while (announcing_told(f, "<presence") < 20) {
		world_skip(20);
		world_turns(&f->w, 1);
	}
	announcing_set_presence(f, "a", "{\"show\":\"xa\"}");
	for (int i = 0; i < 4; i++)
		announcing_settle(f);
	assert_int_equal(announcing_seen(f, "a", 1500, "<show>xa</show>"), 1500);
	/* It did not first go to the end with the old one, and then it went round once.
	 */
	assert_true(announcing_told(f, "<show>xa</show>") > 1500);
	assert_int_equal(announcing_told(f, "<presence"), 3000);
}

static void a_title_is_cut(void **state)
{
	struct announcing *f = *state;
	char doc[1000] = "{\"title\":\"", want[600] = "<status>";
	for (int i = 0; i < 200; i++)
		strcat(doc, "\xc3\xa4");
	strcat(doc, "\"}");
	for (int i = 0; i < 128; i++)
		strcat(want, "\xc3\xa4");
	strcat(want, "</status>");
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 1);
	world_commit(&f->w, "a", doc);
	recorder_up(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, want), 1);
}

static void it_gives_way(void **state)
{
	struct announcing *f = *state;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 100);
	recorder_set_room(f->link, false);
	recorder_up(f->link);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0);
	f->valid = false; /* the lease */
	recorder_set_room(f->link, true);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0);
	f->valid = f->busy = true;
	unsigned before = 0;
	for (unsigned i = 0; i < 300; i++) {
		world_skip(20);
		world_turns(&f->w, 1);
		assert_in_range(announcing_told(f, "<presence"), before, before + 4);
		before = announcing_told(f, "<presence");
	}
	assert_int_equal(before, 100);
}

static uint64_t rows_until(struct announcing *f, const char *part)
{
	struct announcer_stats s;
	do {
		world_skip(20);
		world_turns(&f->w, 1);
		announcer_stats(f->announcer, &s);
	} while (announcing_told(f, part) == 0);
	return s.rows;
}

/* A feed of many rows keeps none of the others waiting. */
static void many_rows_few_contacts(void **state)
{
	struct announcing *f = *state;
	enum { ROWS = 10000 };
	char name[16];
	world_feed(&f->w, "a", "{}");
	world_feed(&f->w, "b", "{}");
	for (unsigned i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		world_feed(&f->w, name, "{}");
	}
	world_feed(&f->w, "z", "{}");
	world_join(&f->w, "a", "r", ROWS, FORMAT_CHAT);
	announcing_contact(f, "a", "r09999@example.org");
	announcing_contacts(f, "b", 1);
	announcing_contacts(f, "z", 1);
	recorder_up(f->link);
	assert_true(rows_until(f, TO("b", "c0@example.org")) < ROWS);
	assert_true(rows_until(f, TO("z", "c0@example.org")) < ROWS);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, TO("a", "r09999@example.org")), 1);
	assert_int_equal(announcing_told(f, "<presence"), 3);
}

static void on_plain(void *arg, enum belfry_err err)
{
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	(void)row;
	(void)created;
	on_plain(arg, err);
}

static void on_look(void *arg, enum belfry_err err, struct look *look)
{
	struct announcing *f = arg;
	assert_int_equal(err, BELFRY_OK);
	announcer_shown(f->announcer, "a", look);
	f->gone = true;
}

static void a_first_contact_later(void **state)
{
	struct announcing *f = *state;
	struct announcer_stats s;
	world_feed(&f->w, "a", "{}");
	recorder_up(f->link);
	announcing_settle(f);
	announcing_contacts(f, "a", 1);
	look_get(f->store, "a", on_look, f);
	world_until(&f->w, &f->gone);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 0); /* the session has told */
	announcing_set_presence(f, "a", "{\"show\":\"chat\"}");
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<show>chat</show>"), 1);
	/* The last one goes, and with it the feed, once it is looked at. */
	bool done = false;
	f->w.app->ops->leave(f->w.app, "a", "c0@example.org", on_row, &done);
	world_until(&f->w, &done);
	announcing_set_presence(f, "a", NULL);
	announcing_settle(f);
	assert_int_equal(announcing_told(f, "<presence"), 1);
	announcer_stats(f->announcer, &s);
	assert_int_equal(s.feeds, 0);
}

static void a_deleted_feed_is_forgotten(void **state)
{
	struct announcing *f = *state;
	struct announcer_stats s;
	bool done = false;
	world_feed(&f->w, "a", "{}");
	announcing_contacts(f, "a", 1);
	recorder_up(f->link);
	announcing_settle(f);
	f->w.app->ops->feed_delete(f->w.app, "a", on_plain, &done);
	world_until(&f->w, &done);
	announcer_wake(f->announcer, WAKE_ALL, "");
	announcing_settle(f);
	announcer_stats(f->announcer, &s);
	assert_int_equal(s.feeds, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, announcing_set_up, announcing_tear_down)
		TEST(all_contacts_are_told_at_first),
		TEST(a_new_link_begins_anew),
		TEST(what_is_set_is_told_at_once),
		TEST(titles_are_told_once_a_minute),
		TEST(what_is_set_meanwhile_reaches_all),
		TEST(a_title_is_cut),
		TEST(it_gives_way),
		TEST(many_rows_few_contacts),
		TEST(a_first_contact_later),
		TEST(a_deleted_feed_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
