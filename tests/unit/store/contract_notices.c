#include "contract.h"
#include "many.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Who is to be told something. */

static enum belfry_err put(const char *feed, const char *jid, enum pending_state state,
			   enum pending_state expect, enum notice_kind notice)
{
	struct store_pending p = {
		.jid = jid, .state = state, .at_ms = 7000, .format = FORMAT_CHAT};

	return sync_pending_put(A, feed, &p, expect, notice);
}

static struct sync_notices *told(size_t limit)
{
	static struct sync_notices all;

	OK(sync_notices(B, limit, &all));
	return &all;
}

/* The next one of FEED is this one; all of others are left where they are. */
static void check_next(const char *feed, const char *jid, enum notice_kind kind)
{
	const struct sync_notices *all = told(1000);

	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->n[i].feed, feed) == 0) {
			assert_string_equal(all->n[i].jid, jid);
			assert_int_equal(all->n[i].kind, kind);
			OK(sync_notice_done(A, all->n[i].id));
			OK(sync_notice_done(B, all->n[i].id)); /* as it should be */
			return;
		}
	fail_msg("no notice of %s", feed);
}

void test_notices_come_with_the_state(void **state)
{
	const char *feed = "note-state";

	(void)state;
	assert_int_equal(told(1000)->count, 0);
	IS(put("note-none", "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_REQUEST),
	   BELFRY_ENOFEED);
	contract_feed(feed);
	OK(put(feed, "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_REQUEST));
	OK(put(feed, "c d@e/f", PENDING_PERSON, PENDING_NONE, NOTICE_INVITATION));
	IS(put(feed, "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_REQUEST), BELFRY_ESTALE);
	OK(put(feed, "a@b", PENDING_NONE, PENDING_OWNERS, NOTICE_ALLOWED));
	OK(put(feed, "c d@e/f", PENDING_REFUSED, PENDING_PERSON, NOTICE_NONE));
	OK(put(feed, "g@h", PENDING_DENIED, PENDING_NONE, NOTICE_DENIED));
	/* Of one who has no state, too: the join of before went through, and no more. */
	OK(put(feed, "a@b", PENDING_NONE, PENDING_NONE, NOTICE_ALLOWED));
	assert_int_equal(told(1000)->count, 5);
	check_next(feed, "a@b", NOTICE_REQUEST);
	check_next(feed, "c d@e/f", NOTICE_INVITATION);
	check_next(feed, "a@b", NOTICE_ALLOWED);
	check_next(feed, "g@h", NOTICE_DENIED);
	check_next(feed, "a@b", NOTICE_ALLOWED);
	assert_int_equal(told(1000)->count, 0);
}

/* What is gone by then is said beside it. */
void test_notices_say_how(void **state)
{
	const char *feed = "note-how";
	static const struct {
		enum sub_format format;
		bool contact;
	} how[] = {{FORMAT_EVENT, false},
		   {FORMAT_CHAT, true},
		   {FORMAT_HEADLINE, false},
		   {0}};
	struct store_notice n = {.feed = feed, .jid = "a@b", .kind = NOTICE_TURNED_AWAY};

	(void)state;
	contract_feed(feed);
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		n.format = how[i].format;
		n.contact = how[i].contact;
		OK(sync_notice_put_as(A, &n));
		assert_int_equal(told(1)->count, 1);
		assert_int_equal(told(1)->n[0].format, how[i].format);
		assert_int_equal(told(1)->n[0].contact, how[i].contact);
		check_next(feed, "a@b", NOTICE_TURNED_AWAY);
	}
}

/* With the change that makes them, and with no other. */
void test_notices_of_outcasts(void **state)
{
	const char *feed = "note-outcasts";
	static const struct {
		const char *config;
		bool noted;
	} puts[] = {
		{"{\"outcasts\":[\"z@b\"]}", false}, /* nobody follows a new feed */
		{"{\"outcasts\":[\"z@b\"]}", false},
		{"{\"title\":\"t\",\"outcasts\":[\"z@b\"]}", false},
		{"{\"outcasts\":[\"z@b\",\"d\"]}", true},
		{"{\"outcasts\":[\"d\",\"z@b\"]}", false},
		{"{\"outcasts\":[\"z@b\"]}", false},
		{"{\"outcasts\":[\"y@b\"]}", true},
		{"{\"whitelist\":[\"a@d\"],\"owners\":[\"o@d\"]}", false},
		{"{\"whitelist\":[\"a@d\"],\"owners\":[\"o@d\"],\"outcasts\":[\"d\"]}",
		 true},
		{"{\"owners\":[\"o@d\"],\"outcasts\":[\"d\"]}", true},
		{"{\"outcasts\":[\"d\"]}", true},
		{"{\"owners\":[\"o@d\"],\"outcasts\":[\"d\"]}", false},
		{"{\"owners\":[\"o@d\"]}", false},
		{"{}", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof puts / sizeof puts[0]; i++) {
		OK(sync_feed_put(A, feed, puts[i].config, NULL, NULL, NULL));
		assert_int_equal(told(1000)->count, puts[i].noted);
		if (puts[i].noted)
			check_next(feed, "", NOTICE_SWEEP);
	}
	IS(sync_feed_put(A, feed, "{\"outcasts\":[\"d\"]}", "{\"a\":1}", NULL, NULL),
	   BELFRY_ESTALE);
	assert_int_equal(told(1000)->count, 0);
	/* One of a feed at a time, behind what was noted before it. */
	OK(sync_feed_put(A, feed, "{\"outcasts\":[\"d\"]}", "{}", NULL, NULL));
	OK(sync_notice_put(A, feed, "x@y", NOTICE_WITHDRAWN));
	OK(sync_feed_put(A, feed, "{\"outcasts\":[\"e\"]}", NULL, NULL, NULL));
	OK(sync_feed_put(A, feed, "{\"outcasts\":[\"f\"]}", NULL, NULL, NULL));
	contract.restart();
	assert_int_equal(told(1000)->count, 2);
	check_next(feed, "x@y", NOTICE_WITHDRAWN);
	check_next(feed, "", NOTICE_SWEEP);
	OK(sync_feed_put(A, feed, "{\"outcasts\":[\"g\"]}", NULL, NULL, NULL));
	check_next(feed, "", NOTICE_SWEEP);
}

void test_notices_of_several_feeds(void **state)
{
	static const char *const feeds[] = {"note-0", "note-1", "note-2", "note-3"};
	struct sync_notices *all;

	(void)state;
	IS(sync_notice_put(A, "note-0", "a@b", NOTICE_WITHDRAWN), BELFRY_ENOFEED);
	for (size_t i = 0; i < 4; i++)
		contract_feed(feeds[i]);
	IS(sync_notice_put(A, "note-0", "", NOTICE_WITHDRAWN), BELFRY_EINVAL);
	for (size_t i = 0; i < 12; i++) {
		char jid[16];
		snprintf(jid, sizeof jid, "n%zu@b", i);
		OK(sync_notice_put(i % 3 ? A : B, feeds[i % 4], jid, NOTICE_WITHDRAWN));
	}
	assert_int_equal(told(5)->count, 5);
	all = told(1000);
	assert_int_equal(all->count, 12);
	for (size_t i = 0; i < 12; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(all->n[i].id, all->n[k].id);
	/* They outlive their feed, and a new one of its name begins with them. */
	OK(sync_feed_delete(A, "note-1"));
	assert_int_equal(told(1000)->count, 12);
	contract_feed("note-1");
	OK(sync_notice_put(A, "note-1", "last@b", NOTICE_INVITATION));
	for (size_t i = 0; i < 12; i++) {
		char jid[16];
		snprintf(jid, sizeof jid, "n%zu@b", i);
		check_next(feeds[i % 4], jid, NOTICE_WITHDRAWN);
		assert_int_equal(told(1000)->count, 12 - i);
	}
	check_next("note-1", "last@b", NOTICE_INVITATION);
	assert_int_equal(told(1)->count, 0);
}

void test_notices_outlive_a_restart(void **state)
{
	(void)state;
	contract_feed("note-restart");
	OK(sync_notice_put(A, "note-restart", "a@b", NOTICE_WITHDRAWN));
	contract.restart();
	OK(sync_notice_put(A, "note-restart", "c@d", NOTICE_WITHDRAWN));
	check_next("note-restart", "a@b", NOTICE_WITHDRAWN);
	check_next("note-restart", "c@d", NOTICE_WITHDRAWN);
}

void test_notices_have_a_limit(void **state)
{
	const char *feed = "note-limit";

	(void)state;
	contract_feed(feed);
	OK(put(feed, "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	many_notices_put(feed, STORE_NOTICES_MAX);
	IS(sync_notice_put(A, feed, "x@y", NOTICE_WITHDRAWN), BELFRY_EFULL);
	/* The state does not change without its notice ... */
	IS(put(feed, "a@b", PENDING_DENIED, PENDING_OWNERS, NOTICE_DENIED), BELFRY_EFULL);
	IS(put(feed, "c@d", PENDING_OWNERS, PENDING_NONE, NOTICE_REQUEST), BELFRY_EFULL);
	const struct store_pending seen = {.jid = "a@b", .state = PENDING_OWNERS};
	IS(sync_admit(A, feed, "a@b", SUB_FOLLOW(FORMAT_CHAT), &seen, NOTICE_ALLOWED),
	   BELFRY_EFULL);
	IS(sync_sub_get(A, feed, "a@b", NULL), BELFRY_ENOENT);
	IS(sync_feed_put(A, feed, "{\"outcasts\":[\"d\"]}", NULL, NULL, NULL),
	   BELFRY_EFULL);
	/* ... and as it was without one. */
	OK(sync_feed_put(A, feed, "{\"title\":\"t\"}", "{}", NULL, NULL));
	OK(put(feed, "c@d", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	OK(put(feed, "a@b", PENDING_DENIED, PENDING_OWNERS, NOTICE_NONE));
	many_notices_done();
	OK(put(feed, "c@d", PENDING_DENIED, PENDING_OWNERS, NOTICE_DENIED));
	check_next(feed, "c@d", NOTICE_DENIED);
}
