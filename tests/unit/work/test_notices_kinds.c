#include "noticing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HELLO "Hello, I am the feed"
#define OVER "was taken back"
#define INVITATION "type='chat' from='asks@" DOMAIN "' to='"

static void each_kind_is_said(void **state)
{
	struct noticing *f = *state;
	const struct sub_change contact = {.set = SUB_SET_CONTACT,
					   .format = FORMAT_CHAT,
					   .options = {.contact = true}};
	noticing_put(f, PERSON, PENDING_OWNERS, NOTICE_REQUEST);
	noticing_put(f, "i@example.net", PENDING_PERSON, NOTICE_INVITATION);
	noticing_put(f, "d@example.net", PENDING_DENIED, NOTICE_DENIED);
	world_change(&f->w, "asks", "a@example.net", &contact);
	noticing_note(f, "asks", "a@example.net", NOTICE_ALLOWED);
	world_join_one(&f->w, "asks", "b@example.net/x", FORMAT_EVENT);
	noticing_note(f, "asks", "b@example.net/x", NOTICE_ALLOWED);
	noticing_note(f, "asks", "w@example.net", NOTICE_WITHDRAWN);
	noticing_serve(f, 500);
	/* A request goes to each owner. */
	assert_int_equal(noticing_told(f, "to='" OWNER "'"), 1);
	assert_int_equal(noticing_told(f, "to='otto@example.org'"), 1);
	assert_int_equal(noticing_told(f, "to='" PERSON "'"), 0);
	assert_int_equal(noticing_told(f, INVITATION "i@example.net'"), 1);
	assert_int_equal(noticing_told(f, "<presence type='subscribe' from='asks@" DOMAIN
					  "' to='i@example.net'/>"),
			 1);
	assert_int_equal(noticing_told(f, "type='unsubscribed' from='asks@" DOMAIN
					  "' to='d@example.net'"),
			 1);
	assert_int_equal(noticing_told(f, "type='subscribed' from='asks@" DOMAIN
					  "' to='a@example.net'"),
			 1);
	assert_int_equal(noticing_told(f, "<photo></photo>"), 1);
	assert_string_equal(f->shown, "asks");
	assert_int_equal(noticing_told(f, "jid='b@example.net/x' subscription="
					  "'subscribed'"),
			 1);
	assert_int_equal(noticing_told(f, INVITATION "w@example.net'"), 1);
	assert_int_equal(noticing_told(f, "(A title)") > 0, 1);
	struct notices_stats s = noticing_stats(f);
	assert_int_equal(s.said, 6);
	assert_int_equal(s.stale, 0);
	assert_int_equal(noticing_left(f), 0);
}

/* What nobody can read is not read for ever: those behind it are said. */
static void what_cannot_be_read_is_given_up(void **state)
{
	struct noticing *f = *state;
	recorder_down(f->link, LINK_END_ASKED, "");
	for (unsigned i = 0; i < 30; i++)
		noticing_note(f, "asks", "x@example.net", NOTICE_NONE);
	noticing_invite(f, 1);
	f->busy = true;
	recorder_up(f->link);
	noticing_serve(f, 5000);
	assert_int_equal(noticing_stats(f).given_up, 30);
	assert_int_equal(noticing_told(f, INVITATION), 1);
	assert_int_equal(noticing_left(f), 0);
}

/* Nothing else tells how it followed who follows no more. */
static void in_the_way_that_it_followed(void **state)
{
	struct noticing *f = *state;
	struct store_notice n = {.feed = "asks",
				 .jid = "e@example.net",
				 .kind = NOTICE_WITHDRAWN,
				 .format = FORMAT_EVENT};
	noticing_note_as(f, &n);
	n.jid = "c@example.net";
	n.format = FORMAT_CHAT;
	noticing_note_as(f, &n);
	n.jid = "k@example.net";
	n.contact = true;
	noticing_note_as(f, &n);
	n.jid = "t@example.net";
	n.kind = NOTICE_TURNED_AWAY;
	noticing_note_as(f, &n);
	n.jid = "u@example.net";
	n.kind = NOTICE_UNINVITED;
	noticing_note_as(f, &n);
	/* They ask anew, or are invited. */
	noticing_put(f, "again@example.net", PENDING_OWNERS, NOTICE_NONE);
	n.jid = "again@example.net";
	noticing_note_as(f, &n);
	noticing_serve(f, 500);
	assert_int_equal(noticing_told(f, "to='e@example.net'"), 1);
	assert_int_equal(noticing_told(f, "jid='e@example.net' subscription='none'"), 1);
	assert_int_equal(noticing_told(f, "to='c@example.net'"), 1);
	assert_int_equal(noticing_told(f, INVITATION "c@example.net'"), 1);
	assert_int_equal(noticing_told(f, "to='k@example.net'"), 3);
	assert_int_equal(noticing_told(f,
				       "<presence type='unsubscribed' from='asks@" DOMAIN
				       "' to='t@example.net'/>"),
			 1);
	assert_int_equal(noticing_told(f,
				       "<presence type='unsubscribe' from='asks@" DOMAIN
				       "' to='u@example.net'/>"),
			 1);
	assert_int_equal(noticing_told(f, "to='again@example.net'"), 0);
	assert_int_equal(noticing_left(f), 0);
}

static void cast_out(struct noticing *f, const char *jid)
{
	char config[128];
	snprintf(config, sizeof(config), "{\"access\":\"open\",\"outcasts\":[\"%s\"]}",
		 jid);
	world_feed(&f->w, "asks", config);
}

/* Nobody hears of the end of an invitation who has not heard of the invitation. */
static void over_before_it_was_said(void **state)
{
	struct noticing *f = *state;
	recorder_down(f->link, LINK_END_ASKED, "");
	noticing_invite(f, 12);
	cast_out(f, "example.net");
	recorder_up(f->link);
	recorder_set_room(f->link, false);
	noticing_serve(f, 2000);
	recorder_set_room(f->link, true);
	noticing_serve(f, 6000);
	unsigned invited = noticing_told(f, HELLO);
	assert_int_equal(noticing_told(f, OVER), invited);
	assert_int_equal(noticing_left(f), 0);
}

/* And all who have do. */
static void over_after_it_was_said(void **state)
{
	struct noticing *f = *state;
	noticing_invite(f, 12);
	noticing_serve(f, 1000);
	assert_int_equal(noticing_told(f, HELLO), 12);
	cast_out(f, "example.net");
	noticing_serve(f, 1000);
	assert_int_equal(noticing_told(f, OVER), 12);
	assert_int_equal(noticing_left(f), 0);
}

/* What was decided before is said before: also to who was let in. */
static void a_sweep_waits_for_its_turn(void **state)
{
	struct noticing *f = *state;
	recorder_down(f->link, LINK_END_ASKED, "");
	world_join_one(&f->w, "asks", "a@example.net", FORMAT_CHAT);
	noticing_note(f, "asks", "a@example.net", NOTICE_ALLOWED);
	cast_out(f, "example.net");
	recorder_up(f->link);
	recorder_set_room(f->link, false);
	noticing_serve(f, 1000);
	assert_int_equal(sweeps_count(f->sweeps), 0);
	recorder_set_room(f->link, true);
	noticing_serve(f, 1000);
	const char *sent = recorder_bytes(f->link)->data;
	const char *in = strstr(sent, "you were let in"),
		   *out = strstr(sent, "has ended it");
	assert_non_null(in);
	assert_non_null(out);
	assert_true(in < out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, noticing_set_up, noticing_tear_down)
		TEST(each_kind_is_said),	   TEST(what_cannot_be_read_is_given_up),
		TEST(in_the_way_that_it_followed), TEST(over_before_it_was_said),
		TEST(over_after_it_was_said),	   TEST(a_sweep_waits_for_its_turn),
	};
	return cmocka_run_group_tests_name("work/notices/kinds", tests, NULL, NULL);
}
