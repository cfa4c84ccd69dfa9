#include "asking.h"

#include <belfry/store/retract.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_recent_merges_what_is_followed(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	ask_begin(&w, &h);
	ask_commit(&w, 1000, "d-open", "d1");
	ask_commit(&w, 2000, "a-local", "a2");
	ask_commit(&w, 3000, "b-open", "b3");
	world_commit(&w, "d-open", "not an event");
	ask_commit(&w, 4000, "d-open", "d4");
	ask_commit(&w, 4000, "a-local", "a4");
	struct reply r = ask_recent(&w, &h, US, 3);
	assert_int_equal(r.err, BELFRY_ENOENT);
	/* Another resource's subscription is not the person's. */
	world_join_one(&w, "b-open", US, FORMAT_EVENT);
	assert_int_equal(ask_recent(&w, &h, US, 3).err, BELFRY_ENOENT);
	world_join_one(&w, "c-list", US_BARE, FORMAT_CHAT);
	r = ask_recent(&w, &h, US, 3);
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.text, "");
	world_join_one(&w, "a-local", US_BARE, FORMAT_CHAT);
	world_join_one(&w, "d-open", US_BARE, FORMAT_EVENT);
	/* At the same time: by the feed's name. */
	r = ask_recent(&w, &h, US, 3);
	assert_string_equal(r.text, "a2 a4 d4 ");
	assert_string_equal(r.feeds, "a-local a-local d-open ");
	assert_string_equal(ask_recent(&w, &h, US, 1).text, "d4 ");
	assert_string_equal(ask_recent(&w, &h, US, 20).text, "d1 a2 a4 d4 ");
	/* Who was let in may read, whatever the access; but no outcast. */
	world_join_one(&w, "a-local", "mallory@example.net", FORMAT_CHAT);
	assert_string_equal(ask_recent(&w, &h, THEM, 1).text, "a4 ");
	world_feed(&w, "a-local", "{\"outcasts\":[\"example.net\"]}");
	assert_int_equal(ask_recent(&w, &h, THEM, 3).err, BELFRY_ENOENT);
	world_join_one(&w, "b-open", "mallory@example.net", FORMAT_CHAT);
	assert_string_equal(ask_recent(&w, &h, THEM, 3).text, "b3 ");
	world_finish(&w);
}

static void on_taken_back(void *arg, enum belfry_err err, const char *id)
{
	assert_int_equal(err, BELFRY_OK);
	assert_non_null(id);
	*(bool *)arg = true;
}

/* As many as were asked for, though what was taken back is newer; within reason. */
static void test_recent_passes_over_what_is_gone(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	ask_begin(&w, &h);
	world_join_one(&w, "a-local", US_BARE, FORMAT_CHAT);
	ask_commit(&w, 1000, "a-local", "a1");
	ask_commit(&w, 2000, "a-local", "a2");
	for (size_t i = 0; i < 3; i++) {
		bool done = false;
		ask_commit(&w, 3000, "a-local", "gone");
		store_retract_item(w.app, "a-local", w.ids[w.id_count - 1], on_taken_back,
				   &done);
		world_until(&w, &done);
		/* Each is two entries of the log. */
		size_t limit = i < 2 ? 1 : 2;
		assert_string_equal(ask_recent(&w, &h, US, limit).text,
				    i < 2 ? "a2 " : "a1 a2 ");
	}
	assert_string_equal(ask_recent(&w, &h, US, 1).text, "");
	assert_string_equal(ask_recent(&w, &h, US, 20).text, "a1 a2 ");
	world_finish(&w);
}

/* More than a page, more than are asked at once, and more than are read. */
static void test_recent_of_many_feeds(void **state)
{
	struct world w;
	struct hub h;
	char name[16];
	(void)state;
	ask_begin(&w, &h);
	for (unsigned i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		world_feed(&w, name, i % 2 ? "{}" : "{\"outcasts\":[\"example.net\"]}");
		ask_commit(&w, 1000000 - 1000 * i, name, name);
		ask_commit(&w, 1000000 - 1000 * i - 1, name, "older");
	}
	world_join_one(&w, "f249", US_BARE, FORMAT_CHAT);
	ask_watch(&w);
	assert_string_equal(ask_recent(&w, &h, US, 20).text, "older f249 ");
	assert_int_equal(asked_pages, 3);
	assert_int_equal(asked_rows, 254);
	assert_in_range(asked_at_once, 2, 32);
	/* What may not be read is not asked for. */
	assert_int_equal(ask_recent(&w, &h, THEM, 20).err, BELFRY_ENOENT);
	assert_int_equal(asked_rows, 254 + 125 + 4);
	for (unsigned i = 20; i < 249; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		world_join_one(&w, name, US_BARE, FORMAT_CHAT);
	}
	struct reply r = ask_recent(&w, &h, US, 5);
	assert_string_equal(r.text, "f022 older f021 older f020 ");
	assert_string_equal(r.feeds, "f022 f021 f021 f020 f020 ");
	/* The 201st feed in order of names has what is newest. */
	ask_commit(&w, 2000000, "f220", "unseen");
	ask_commit(&w, 1500000, "f219", "seen");
	assert_string_equal(ask_recent(&w, &h, US, 1).text, "seen ");
	world_finish(&w);
}

static void test_following_is_listed(void **state)
{
	struct world w;
	struct hub h;
	struct sub_change change = {
		.set = SUB_SET_FORMAT | SUB_SET_PRIORITY | SUB_SET_TAGS,
		.format = FORMAT_NORMAL,
		.options = {.at_least = PRIORITY_HIGH, .tag_count = 1, .tags = {"web"}}};
	struct reply made = {0};
	(void)state;
	ask_begin(&w, &h);
	struct reply r = ask_following(&w, &h, US, "", 10);
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.feeds, "");
	assert_false(r.more);
	struct xmpp_hub x = hub_for(&h);
	x.ops->subscribe(x.hub, US, "b-open", US, &change, ask_on_sub, &made);
	world_until(&w, &made.done);
	world_join_one(&w, "a-local", US_BARE, FORMAT_CHAT);
	world_join_one(&w, "d-open", US_BARE, FORMAT_EVENT);
	world_join_one(&w, "c-list", US, FORMAT_EVENT); /* another JID's */
	assert_string_equal(ask_following(&w, &h, US, "", 10).feeds,
			    "a-local=c b-open!nweb d-open=e ");
	r = ask_following(&w, &h, US, "", 2);
	assert_string_equal(r.feeds, "a-local=c b-open!nweb ");
	assert_true(r.more);
	r = ask_following(&w, &h, US, "b-open", 2);
	assert_string_equal(r.feeds, "d-open=e ");
	assert_false(r.more);
	/* What one follows is one's own to look at, though it does not let in any more.
	 */
	world_join_one(&w, "a-local", "mallory@example.net", FORMAT_CHAT);
	assert_string_equal(ask_following(&w, &h, THEM, "", 10).feeds, "a-local=c ");
	world_finish(&w);
}

static void test_following_of_many_feeds(void **state)
{
	struct world w;
	struct hub h;
	char name[16];
	(void)state;
	ask_begin(&w, &h);
	for (unsigned i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		world_feed(&w, name, "{}");
		world_join_one(&w, name, US_BARE, FORMAT_CHAT);
	}
	ask_watch(&w);
	struct reply r = ask_following(&w, &h, US, "", 10000);
	assert_true(r.more);
	assert_int_equal(strlen(r.feeds), 200 * 7);
	assert_non_null(strstr(r.feeds, "f199=c "));
	assert_null(strstr(r.feeds, "f200"));
	assert_in_range(asked_at_once, 2, 32);
	r = ask_following(&w, &h, US, "f199", 200);
	assert_false(r.more);
	assert_int_equal(strlen(r.feeds), 50 * 7);
	world_finish(&w);
}

static void test_the_store_goes_away(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	for (unsigned turns = 0; turns < 8; turns++) {
		struct reply r = {0}, f = {0};
		ask_begin(&w, &h);
		ask_commit(&w, 1000, "a-local", "a1");
		world_join_one(&w, "a-local", US_BARE, FORMAT_CHAT);
		struct xmpp_hub x = hub_for(&h);
		x.ops->recent(x.hub, US, 3, ask_on_items, &r);
		x.ops->following(x.hub, US, "", 3, ask_on_following, &f);
		world_turns(&w, turns);
		world_finish(&w);
		assert_true(r.done);
		assert_int_equal(r.err, r.text[0] ? BELFRY_OK : BELFRY_EAWAY);
		assert_true(f.done);
		assert_int_equal(f.err, f.feeds[0] ? BELFRY_OK : BELFRY_EAWAY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recent_merges_what_is_followed),
		cmocka_unit_test(test_recent_passes_over_what_is_gone),
		cmocka_unit_test(test_recent_of_many_feeds),
		cmocka_unit_test(test_following_is_listed),
		cmocka_unit_test(test_following_of_many_feeds),
		cmocka_unit_test(test_the_store_goes_away),
	};
	return cmocka_run_group_tests_name("work/following", tests, NULL, NULL);
}
