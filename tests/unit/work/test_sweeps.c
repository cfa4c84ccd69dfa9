#include "noticing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Outcasts that were named over REST: the store has noted it. */

#define CHAT "type='chat' from='asks@" DOMAIN "' to='"

static void cast_out(struct noticing *f, const char *jids)
{
	char config[256];
	snprintf(config, sizeof(config),
		 "{\"access\":\"authorize\",\"owners\":[\"" OWNER
		 "\"],\"outcasts\":[%s]}",
		 jids);
	world_feed(&f->w, "asks", config);
}

static bool follows(struct noticing *f, const char *jid)
{
	return world_sub(&f->w, "asks", jid, NULL) == BELFRY_OK;
}

static void crowd(struct noticing *f, unsigned count)
{
	char jid[64];
	for (unsigned i = 0; i < count; i++) {
		snprintf(jid, sizeof(jid), "r%u@spam.example", i);
		world_join_one(&f->w, "asks", jid, FORMAT_CHAT);
	}
}

static uint64_t followers(struct noticing *f)
{
	return world_feed_get(&f->w, "asks").subscribers;
}

static void they_follow_no_more_and_are_told(void **state)
{
	struct noticing *f = *state;
	const struct sub_change contact = {.set = SUB_SET_CONTACT,
					   .format = FORMAT_CHAT,
					   .options = {.contact = true}};
	world_join_one(&f->w, "asks", "c@example.net", FORMAT_CHAT);
	world_change(&f->w, "asks", "k@example.net", &contact);
	world_join_one(&f->w, "asks", "e@example.net/prog", FORMAT_EVENT);
	world_join_one(&f->w, "asks", "d@spam.example", FORMAT_CHAT);
	world_join_one(&f->w, "asks", "stays@example.net", FORMAT_CHAT);
	noticing_put(f, "i@spam.example", PENDING_INVITED, NOTICE_NONE);
	noticing_put(f, "unborn@spam.example", PENDING_PERSON, NOTICE_NONE);
	cast_out(f, "\"c@example.net\",\"k@example.net\",\"e@example.net\"");
	cast_out(f, "\"c@example.net\",\"k@example.net\",\"e@example.net\","
		    "\"spam.example\"");
	noticing_serve(f, 1000);
	assert_int_equal(followers(f), 1);
	assert_true(follows(f, "stays@example.net"));
	assert_int_equal(noticing_told(f, CHAT "c@example.net'"), 1);
	assert_int_equal(noticing_told(f, CHAT "k@example.net'"), 1);
	assert_int_equal(noticing_told(f,
				       "<presence type='unsubscribed' from='asks@" DOMAIN
				       "' to='k@example.net'/>"),
			 1);
	assert_int_equal(noticing_told(f, "jid='e@example.net/prog' subscription='none'"),
			 1);
	assert_int_equal(noticing_told(f, CHAT "d@spam.example'"), 1);
	assert_int_equal(noticing_told(f, CHAT "i@spam.example'"), 1);
	assert_int_equal(noticing_told(f, "stays@"), 0);
	assert_int_equal(noticing_told(f, "unborn@"), 0);
	assert_int_equal(noticing_left(f), 0);
	assert_int_equal(sweeps_count(f->sweeps), 0);
	/* The same again is nothing new. */
	size_t said = noticing_stats(f).said;
	cast_out(f, "\"spam.example\"");
	noticing_serve(f, 200);
	assert_int_equal(noticing_stats(f).said, said);
}

/* It is noted before it is answered; and what is cut short begins again. */
static void a_worker_that_dies_leaves_it_to_the_next(void **state)
{
	struct noticing *f = *state;
	enum { ROWS = 2000 };
	crowd(f, ROWS);
	recorder_down(f->link, LINK_END_ASKED, "");
	cast_out(f, "\"spam.example\"");
	noticing_pass(f, 100);
	assert_int_equal(followers(f), ROWS);
	recorder_up(f->link);
	while (followers(f) == ROWS)
		world_turns(&f->w, 1);
	assert_true(followers(f) > 0);
	noticing_end(f);
	assert_true(followers(f) > 0);
	noticing_begin(f);
	while (noticing_left(f))
		noticing_serve(f, 100);
	assert_int_equal(followers(f), 0);
	assert_int_equal(sweeps_count(f->sweeps), 0);
}

static void it_is_tried_until_the_store_is_there(void **state)
{
	struct noticing *f = *state;
	crowd(f, 1000);
	cast_out(f, "\"spam.example\"");
	while (followers(f) == 1000)
		world_turns(&f->w, 1);
	memory_set_away(f->w.memory, true);
	noticing_pass(f, 20000);
	memory_set_away(f->w.memory, false);
	assert_true(followers(f) > 0);
	while (noticing_left(f))
		noticing_serve(f, 100);
	assert_int_equal(followers(f), 0);
}

/* A feed that takes long is in nobody's way; the more so as they may be many. */
static void others_are_told_meanwhile(void **state)
{
	struct noticing *f = *state;
	char config[128];
	crowd(f, 3000);
	recorder_down(f->link, LINK_END_ASKED, "");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(config, sizeof(config), "\"spam.example\",\"n%u.example\"", i);
		cast_out(f, config);
	}
	noticing_invite(f, 1);
	recorder_up(f->link);
	while (!noticing_told(f, CHAT "p0@example.net'"))
		noticing_serve(f, 5);
	assert_true(followers(f) > 0);
	while (noticing_left(f))
		noticing_serve(f, 100);
	assert_int_equal(followers(f), 0);
}

/* Who joined behind the pages that were read is found by the sweep after it. */
static void a_change_meanwhile_is_seen_to(void **state)
{
	struct noticing *f = *state;
	crowd(f, 1000);
	world_join_one(&f->w, "asks", "late@example.net", FORMAT_CHAT);
	cast_out(f, "\"spam.example\"");
	while (followers(f) > 500)
		world_turns(&f->w, 1);
	cast_out(f, "\"spam.example\",\"late@example.net\"");
	while (noticing_left(f))
		noticing_serve(f, 100);
	assert_int_equal(followers(f), 0);
}

static void each_feed_is_swept(void **state)
{
	struct noticing *f = *state;
	static const char *const others[] = {"one", "two", "three"};
	crowd(f, 500);
	recorder_down(f->link, LINK_END_ASKED, "");
	cast_out(f, "\"spam.example\"");
	for (size_t i = 0; i < 3; i++) {
		world_feed(&f->w, others[i], "{}");
		world_join_one(&f->w, others[i], "o@spam.example", FORMAT_CHAT);
		world_feed(&f->w, others[i], "{\"outcasts\":[\"spam.example\"]}");
	}
	recorder_up(f->link);
	while (noticing_left(f))
		noticing_serve(f, 100);
	assert_int_equal(followers(f), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(world_feed_get(&f->w, others[i]).subscribers, 0);
}

static const struct store_ops *real;
static unsigned reads;

static void count_reads(struct store *s, size_t limit, store_notices_cb cb, void *arg)
{
	reads++;
	real->notices(s, limit, cb, arg);
}

/* What it is at is not read again and again. */
static void it_is_read_once(void **state)
{
	struct noticing *f = *state;
	struct store_ops counted = *f->store->ops;
	real = f->store->ops;
	counted.notices = count_reads;
	reads = 0;
	crowd(f, 2000);
	noticing_serve(f, 100);
	f->store->ops = &counted;
	cast_out(f, "\"nobody.example\"");
	while (!sweeps_count(f->sweeps))
		world_turns(&f->w, 1);
	while (sweeps_count(f->sweeps))
		noticing_serve(f, 5);
	f->store->ops = real;
	assert_in_range(reads, 1, 3);
	assert_int_equal(followers(f), 2000);
}

static void a_feed_that_is_gone(void **state)
{
	struct noticing *f = *state;
	crowd(f, 10);
	recorder_down(f->link, LINK_END_ASKED, "");
	cast_out(f, "\"spam.example\"");
	noticing_delete(f, "asks");
	recorder_up(f->link);
	noticing_serve(f, 200);
	assert_int_equal(noticing_left(f), 0);
	assert_int_equal(noticing_stats(f).said, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, noticing_set_up, noticing_tear_down)
		TEST(they_follow_no_more_and_are_told),
		TEST(a_worker_that_dies_leaves_it_to_the_next),
		TEST(it_is_tried_until_the_store_is_there),
		TEST(others_are_told_meanwhile),
		TEST(a_change_meanwhile_is_seen_to),
		TEST(each_feed_is_swept),
		TEST(it_is_read_once),
		TEST(a_feed_that_is_gone),
	};
	return cmocka_run_group_tests_name("work/sweeps", tests, NULL, NULL);
}
