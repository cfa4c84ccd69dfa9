#include "noticing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INVITATION "type='chat' from='asks@" DOMAIN "' to='"

static void what_is_over_is_not_said(void **state)
{
	struct noticing *f = *state;
	recorder_down(f->link, LINK_END_LOST, "");
	world_feed(&f->w, "gone", "{}");
	world_feed(&f->w, "nobody", "{\"access\":\"authorize\"}");
	noticing_note(f, "gone", PERSON, NOTICE_WITHDRAWN);
	noticing_note(f, "nobody", PERSON, NOTICE_REQUEST);
	noticing_note(f, "asks", "none@example.net", NOTICE_REQUEST);
	noticing_note(f, "asks", "none@example.net", NOTICE_INVITATION);
	noticing_note(f, "asks", "none@example.net", NOTICE_DENIED);
	noticing_note(f, "asks", "none@example.net", NOTICE_ALLOWED);
	world_join_one(&f->w, "asks", "again@example.net", FORMAT_CHAT);
	noticing_note(f, "asks", "again@example.net", NOTICE_WITHDRAWN);
	noticing_put(f, "i@example.net", PENDING_PERSON, NOTICE_INVITATION);
	noticing_move(f, "i@example.net", PENDING_PERSON, PENDING_REFUSED);
	noticing_put(f, "j@example.net", PENDING_PERSON, NOTICE_INVITATION);
	world_join_one(&f->w, "asks", "j@example.net", FORMAT_CHAT);
	noticing_put(f, "o@example.net", PENDING_OWNERS, NOTICE_REQUEST);
	noticing_move(f, "o@example.net", PENDING_OWNERS, PENDING_DENIED);
	noticing_put(f, "d@example.net", PENDING_DENIED, NOTICE_DENIED);
	noticing_move(f, "d@example.net", PENDING_DENIED, PENDING_OWNERS);
	noticing_delete(f, "gone");
	recorder_up(f->link);
	noticing_serve(f, 1000);
	assert_int_equal(recorder_bytes(f->link)->len, 0);
	struct notices_stats s = noticing_stats(f);
	assert_int_equal(s.said, 0);
	assert_int_equal(s.stale, 11);
	assert_int_equal(noticing_left(f), 0);
	assert_int_equal(f->barrier, 0);
}

/* Who asks again is remembered as one of whom the owners know: here they do not. */
static void what_was_taken_back_untold_is_forgotten(void **state)
{
	struct noticing *f = *state;
	noticing_put(f, PERSON "/one", PENDING_OWNERS, NOTICE_REQUEST);
	noticing_move(f, PERSON "/one", PENDING_OWNERS, PENDING_WITHDRAWN);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, PERSON), 0);
	noticing_put(f, PERSON "/one", PENDING_OWNERS, NOTICE_REQUEST);
	noticing_serve(f, 500);
	assert_int_not_equal(noticing_told(f, PERSON "/one"), 0);
	noticing_move(f, PERSON "/one", PENDING_OWNERS, PENDING_WITHDRAWN);
	noticing_serve(f, 500);
	noticing_move(f, PERSON "/one", PENDING_WITHDRAWN, PENDING_NONE);
	assert_int_equal(noticing_left(f), 0);
}

/* It asked by one resource first, and then by another. */
static void a_request_is_of_whom_it_is_by_now(void **state)
{
	struct noticing *f = *state;
	noticing_put(f, PERSON "/one", PENDING_OWNERS, NOTICE_REQUEST);
	noticing_move(f, PERSON "/two", PENDING_OWNERS, PENDING_OWNERS);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, PERSON "/one"), 0);
	assert_int_not_equal(noticing_told(f, PERSON "/two"), 0);
}

/* It changes after the notice was read, and before it is its turn. */
static void what_is_over_meanwhile_is_not_said(void **state)
{
	struct noticing *f = *state;
	noticing_invite(f, 3);
	recorder_set_room(f->link, false);
	noticing_pass(f, 100);
	noticing_move(f, "p1@example.net", PENDING_PERSON, PENDING_REFUSED);
	recorder_set_room(f->link, true);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, INVITATION "p0@"), 1);
	assert_int_equal(noticing_told(f, INVITATION "p1@"), 0);
	assert_int_equal(noticing_told(f, INVITATION "p2@"), 1);
	assert_int_equal(noticing_left(f), 0);
}

static void nothing_is_done_before_the_barrier(void **state)
{
	struct noticing *f = *state;
	noticing_invite(f, 2);
	noticing_pass(f, 500);
	assert_int_equal(noticing_told(f, INVITATION), 2);
	assert_int_equal(noticing_left(f), 2);
	/* An older one is none of it. */
	recorder_pass(f->link, f->barrier - 1);
	noticing_pass(f, 100);
	assert_int_equal(noticing_left(f), 2);
	/* The link went: all of it is said again, on the next one. */
	recorder_down(f->link, LINK_END_LOST, "");
	noticing_pass(f, 100);
	recorder_up(f->link);
	noticing_pass(f, 100);
	assert_int_equal(noticing_told(f, INVITATION), 4);
	assert_int_equal(noticing_left(f), 2);
	recorder_pass(f->link, f->barrier + 5);
	noticing_pass(f, 100);
	assert_int_equal(noticing_left(f), 0);
	noticing_serve(f, 70000);
	assert_int_equal(noticing_told(f, INVITATION), 4);
}

static void a_barrier_may_have_to_wait(void **state)
{
	struct noticing *f = *state;
	f->barring = false;
	noticing_invite(f, 1);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, INVITATION), 1);
	assert_int_equal(noticing_left(f), 1);
	f->barring = true;
	noticing_serve(f, 100);
	assert_int_equal(noticing_left(f), 0);
	assert_int_equal(f->barrier, 1);
}

static const struct store_ops *real;
static unsigned looks;

static void count_looks(struct store *s, const char *feed, store_feed_cb cb, void *arg)
{
	looks++;
	real->feed_get(s, feed, cb, arg);
}

/* Not a byte without the lease, or where the link has no room. */
static void it_waits(void **state)
{
	struct noticing *f = *state;
	struct store_ops watched;
	real = f->store->ops;
	watched = *real;
	watched.feed_get = count_looks;
	f->store->ops = &watched;
	looks = 0;
	f->valid = false;
	noticing_invite(f, 2);
	noticing_serve(f, 1000);
	assert_int_equal(recorder_bytes(f->link)->len, 0);
	assert_int_equal(looks, 0);
	f->store->ops = real;
	f->valid = true;
	recorder_set_room(f->link, false);
	noticing_serve(f, 1000);
	assert_int_equal(recorder_bytes(f->link)->len, 0);
	assert_int_equal(noticing_left(f), 2);
	recorder_set_room(f->link, true);
	noticing_serve(f, 100);
	assert_int_equal(noticing_told(f, INVITATION), 2);
	assert_int_equal(noticing_left(f), 0);
}

/* "pTURN-0@", "pTURN-1@" and "pTURN-2@"; what others were told is forgotten. */
static void invite_three_more(struct noticing *f, unsigned turn)
{
	char jid[64];
	recorder_forget(f->link);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(jid, sizeof(jid), "p%u-%u@example.net", turn, i);
		noticing_put(f, jid, PENDING_PERSON, NOTICE_INVITATION);
	}
}

/* In whatever moment the lease is lost. */
static void it_stops_at_once(void **state)
{
	struct noticing *f = *state;
	unsigned some = 0;
	for (unsigned turns = 0; turns < 20; turns++) {
		invite_three_more(f, turns);
		world_skip(1000);
		world_turns(&f->w, turns);
		f->valid = false;
		size_t before = recorder_bytes(f->link)->len;
		some += before > 0;
		noticing_pass(f, 200);
		assert_int_equal(recorder_bytes(f->link)->len, before);
		f->valid = true;
		noticing_serve(f, 500);
		assert_int_equal(noticing_left(f), 0);
		assert_int_equal(noticing_told(f, INVITATION), 3);
	}
	assert_in_range(some, 1, 19);
}

static void a_few_at_a_time(void **state)
{
	struct noticing *f = *state;
	recorder_down(f->link, LINK_END_ASKED, "");
	noticing_invite(f, 100);
	recorder_up(f->link);
	noticing_pass(f, 1000);
	assert_int_equal(noticing_told(f, INVITATION), 20);
	f->busy = true;
	recorder_serve(f->link);
	noticing_pass(f, 1000);
	assert_int_equal(noticing_told(f, INVITATION), 24);
	/* And not much a second. */
	noticing_serve(f, 1000);
	assert_in_range(noticing_told(f, INVITATION), 32, 24 + 4 * 5);
	f->busy = false;
	noticing_serve(f, 1000);
	assert_int_equal(noticing_told(f, INVITATION), 100);
	assert_int_equal(noticing_left(f), 0);
}

static void many_owners_are_many_people(void **state)
{
	struct noticing *f = *state;
	char config[1024] = "{\"access\":\"authorize\",\"owners\":[", jid[64];
	for (unsigned i = 0; i < 20; i++)
		snprintf(config + strlen(config), sizeof(config) - strlen(config),
			 "%s\"o%u@example.org\"", i ? "," : "", i);
	strcat(config, "]}");
	world_feed(&f->w, "asks", config);
	recorder_down(f->link, LINK_END_ASKED, "");
	for (unsigned i = 0; i < 5; i++) {
		snprintf(jid, sizeof(jid), "p%u@example.net", i);
		noticing_put(f, jid, PENDING_OWNERS, NOTICE_REQUEST);
	}
	recorder_up(f->link);
	noticing_pass(f, 1000);
	assert_int_equal(recorder_messages(f->link), 40);
	noticing_serve(f, 1000);
	assert_int_equal(recorder_messages(f->link), 100);
	assert_int_equal(noticing_left(f), 0);
}

static void the_store_goes_away(void **state)
{
	struct noticing *f = *state;
	for (unsigned turns = 0; turns < 20; turns++) {
		invite_three_more(f, turns);
		world_skip(1000);
		world_turns(&f->w, turns);
		memory_set_away(f->w.memory, true);
		noticing_serve(f, 200);
		memory_set_away(f->w.memory, false);
		noticing_serve(f, 12000);
		assert_int_equal(noticing_left(f), 0);
		/* Each once: what was said is not said again for the store's sake. */
		assert_int_equal(noticing_told(f, INVITATION), 3);
	}
}

/* Wherever it was: nothing of the old link is used on the new one, all is said. */
static void the_link_goes_in_between(void **state)
{
	struct noticing *f = *state;
	for (unsigned turns = 0; turns < 40; turns++) {
		invite_three_more(f, turns);
		for (unsigned t = 0; t < turns; t++) {
			world_skip(5);
			world_turns(&f->w, 1);
			recorder_serve(f->link);
		}
		recorder_down(f->link, LINK_END_LOST, "");
		world_turns(&f->w, turns % 3);
		recorder_up(f->link);
		noticing_serve(f, 1000);
		assert_int_equal(noticing_left(f), 0);
		for (unsigned i = 0; i < 3; i++) {
			char jid[64];
			snprintf(jid, sizeof(jid), INVITATION "p%u-%u@", turns, i);
			assert_in_range(noticing_told(f, jid), 1, 2);
		}
	}
}

/* The server closes the stream on one of them, each time that it is said. */
static void one_that_ends_the_stream(void **state)
{
	struct noticing *f = *state;
	unsigned errors = 0;
	recorder_down(f->link, LINK_END_ASKED, "");
	noticing_invite(f, 10);
	recorder_up(f->link);
	for (unsigned i = 0; i < 2000 && noticing_left(f); i++) {
		noticing_pass(f, 20);
		if (noticing_told(f, INVITATION "p4@")) {
			recorder_forget(f->link);
			recorder_down(f->link, LINK_END_ERROR, "not-well-formed");
			errors++;
			recorder_up(f->link);
		} else {
			recorder_serve(f->link);
		}
	}
	assert_int_equal(noticing_left(f), 0);
	struct notices_stats s = noticing_stats(f);
	assert_int_equal(s.given_up, 1);
	assert_int_equal(errors, 2 + 3);
	for (unsigned i = 0; i < 10; i++) {
		char jid[64];
		snprintf(jid, sizeof(jid), INVITATION "p%u@", i);
		/* Those behind it are said when it is given up. */
		if (i > 4)
			assert_int_equal(noticing_told(f, jid), 1);
	}
}

/* Links come and go for many reasons: that gives nothing up. */
static void links_that_break(void **state)
{
	struct noticing *f = *state;
	noticing_invite(f, 1);
	for (unsigned i = 0; i < 20; i++) {
		noticing_pass(f, 200);
		recorder_down(f->link, LINK_END_LOST, "");
		recorder_up(f->link);
	}
	assert_int_equal(noticing_told(f, INVITATION), 20);
	noticing_serve(f, 200);
	assert_int_equal(noticing_left(f), 0);
	assert_int_equal(noticing_stats(f).given_up, 0);
}

static void what_is_too_large_is_given_up(void **state)
{
	struct noticing *f = *state;
	char jid[1100];
	memset(jid, '\'', 1000);
	strcpy(jid + 1000, "@example.net/");
	memset(jid + strlen(jid), '&', 50);
	jid[1063] = '\0';
	for (unsigned i = 0; i < 5; i++)
		noticing_put(f, i ? (char[]){(char)('a' + i), '@', 'b', '\0'} : jid,
			     PENDING_OWNERS, NOTICE_REQUEST);
	noticing_serve(f, 500);
	assert_int_equal(noticing_stats(f).given_up, 1);
	assert_int_equal(noticing_stats(f).said, 4);
	assert_int_equal(noticing_told(f, "&apos;&apos;"), 0);
	assert_int_equal(noticing_left(f), 0);
}

static void broken_rows(struct store *s, const char *feed, const char *jid,
			store_row_cb cb, void *arg)
{
	if (strcmp(jid, "p1@example.net") == 0)
		jid = ""; /* EINVAL */
	real->sub_get(s, feed, jid, cb, arg);
}

/* One that the store cannot make sense of keeps no other one waiting. */
static void what_cannot_be_looked_up_is_given_up(void **state)
{
	struct noticing *f = *state;
	struct store_ops watched;
	real = f->store->ops;
	watched = *real;
	watched.sub_get = broken_rows;
	f->store->ops = &watched;
	noticing_invite(f, 3);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, INVITATION), 2);
	assert_int_equal(noticing_stats(f).given_up, 1);
	assert_int_equal(noticing_left(f), 0);
	f->store->ops = real;
}

/* A wake-up may be lost. */
static void it_looks_by_itself(void **state)
{
	struct noticing *f = *state;
	noticing_serve(f, 200);
	f->store->ops->listen(f->store, NULL, NULL);
	noticing_invite(f, 1);
	noticing_serve(f, 1000);
	assert_int_equal(noticing_told(f, INVITATION), 0);
	noticing_serve(f, 60000);
	assert_int_equal(noticing_told(f, INVITATION), 1);
	assert_int_equal(noticing_left(f), 0);
}

static void a_clean_end(void **state)
{
	struct noticing *f = *state;
	noticing_invite(f, 1);
	noticing_pass(f, 100);
	assert_int_equal(noticing_told(f, INVITATION), 1);
	notices_stop(f->notices);
	noticing_put(f, PERSON, PENDING_PERSON, NOTICE_INVITATION);
	/* What was said is still done; nothing else is said. */
	noticing_serve(f, 200);
	assert_int_equal(noticing_left(f), 1);
	noticing_serve(f, 70000);
	assert_int_equal(noticing_told(f, INVITATION), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, noticing_set_up, noticing_tear_down)
		TEST(what_is_over_is_not_said),
		TEST(what_was_taken_back_untold_is_forgotten),
		TEST(a_request_is_of_whom_it_is_by_now),
		TEST(what_is_over_meanwhile_is_not_said),
		TEST(nothing_is_done_before_the_barrier),
		TEST(a_barrier_may_have_to_wait),
		TEST(it_waits),
		TEST(it_stops_at_once),
		TEST(a_few_at_a_time),
		TEST(many_owners_are_many_people),
		TEST(the_store_goes_away),
		TEST(the_link_goes_in_between),
		TEST(one_that_ends_the_stream),
		TEST(links_that_break),
		TEST(what_is_too_large_is_given_up),
		TEST(what_cannot_be_looked_up_is_given_up),
		TEST(it_looks_by_itself),
		TEST(a_clean_end),
	};
	return cmocka_run_group_tests_name("work/notices", tests, NULL, NULL);
}
