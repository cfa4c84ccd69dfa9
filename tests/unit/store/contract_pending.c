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

/* Who is not let in yet. */

static enum belfry_err put(struct store *s, const char *feed, const char *jid,
			   enum pending_state state, enum pending_state expect,
			   enum notice_kind notice)
{
	struct store_pending p = {
		.jid = jid, .state = state, .at_ms = 7000, .format = FORMAT_CHAT};

	return sync_pending_put(s, feed, &p, expect, notice);
}

static enum pending_state state_of(const char *feed, const char *jid)
{
	struct store_pending p = {0};
	enum belfry_err err = sync_pending_get(B, feed, jid, &p);

	if (err == BELFRY_ENOENT)
		return PENDING_NONE;
	OK(err);
	assert_string_equal(p.jid, jid);
	return p.state;
}

void test_pending_without_feed(void **state)
{
	struct store_pending p;
	struct sync_pendings *all = calloc(1, sizeof *all);

	(void)state;
	IS(put(A, "pend-none", "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE),
	   BELFRY_ENOFEED);
	IS(put(A, "pend-none", "a@b", PENDING_NONE, PENDING_OWNERS, NOTICE_NONE),
	   BELFRY_ENOFEED);
	IS(sync_pending_get(A, "pend-none", "a@b", &p), BELFRY_ENOFEED);
	IS(sync_pending_list(A, "pend-none", 0, 10, all), BELFRY_ENOFEED);
	assert_int_equal(all->count, 0);
	contract_feed("pend-none");
	IS(put(A, "pend-none", "", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE),
	   BELFRY_EINVAL);
	IS(sync_pending_get(A, "pend-none", "a@b", &p), BELFRY_ENOENT);
	OK(sync_pending_list(A, "pend-none", 0, 10, all));
	assert_int_equal(all->count, 0);
	assert_int_equal(all->next, 0);
	free(all);
}

void test_pending_keeps_what_was_wished(void **state)
{
	struct store_pending p = {.jid = "a b@c.example/d e",
				  .state = PENDING_OWNERS,
				  .at_ms = 1763812345123,
				  .format = FORMAT_EVENT,
				  .options = {.contact = true,
					      .at_least = PRIORITY_HIGH,
					      .muted_until_ms = 1763812345999}};
	struct store_pending got;

	(void)state;
	contract_feed("pend-wish");
	assert_int_equal(sub_options_tag(&p.options, "night shift", 11), 0);
	assert_int_equal(sub_options_tag(&p.options, "prod", 4), 0);
	OK(sync_pending_put(A, "pend-wish", &p, PENDING_NONE, NOTICE_NONE));
	OK(sync_pending_get(B, "pend-wish", p.jid, &got));
	assert_string_equal(got.jid, p.jid);
	assert_int_equal(got.state, PENDING_OWNERS);
	assert_true(got.at_ms == p.at_ms);
	assert_int_equal(got.format, FORMAT_EVENT);
	assert_true(got.options.contact);
	assert_int_equal(got.options.at_least, PRIORITY_HIGH);
	assert_true(got.options.muted_until_ms == p.options.muted_until_ms);
	assert_int_equal(got.options.tag_count, 2);
	assert_string_equal(got.options.tags[0], "night shift");
	assert_string_equal(got.options.tags[1], "prod");
	/* All of it is replaced. */
	OK(put(B, "pend-wish", p.jid, PENDING_DENIED, PENDING_OWNERS, NOTICE_NONE));
	OK(sync_pending_get(A, "pend-wish", p.jid, &got));
	assert_int_equal(got.state, PENDING_DENIED);
	assert_int_equal(got.at_ms, 7000);
	assert_int_equal(got.format, FORMAT_CHAT);
	assert_false(got.options.contact);
	assert_int_equal(got.options.tag_count, 0);
	/* Tags that are too long in all. */
	memset(&p.options, 0, sizeof p.options);
	for (char c = 'a'; c < 'e'; c++) {
		char tag[SUB_TAG_MAX];
		memset(tag, c, sizeof tag);
		assert_int_equal(sub_options_tag(&p.options, tag, sizeof tag), 0);
	}
	IS(sync_pending_put(A, "pend-wish", &p, PENDING_DENIED, NOTICE_NONE),
	   BELFRY_EINVAL);
}

void test_pending_is_what_was_expected(void **state)
{
	static const enum pending_state all[] = {PENDING_OWNERS,    PENDING_PERSON,
						 PENDING_INVITED,   PENDING_REFUSED,
						 PENDING_WITHDRAWN, PENDING_DENIED};
	const char *feed = "pend-states", *jid = "a@b";
	enum pending_state now = PENDING_NONE;

	(void)state;
	contract_feed(feed);
	OK(put(A, feed, "other@b", PENDING_REFUSED, PENDING_NONE, NOTICE_NONE));
	OK(put(A, feed, jid, PENDING_NONE, PENDING_NONE, NOTICE_NONE)); /* as it was */
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 6; k++)
			if (all[k] != now)
				IS(put(B, feed, jid, PENDING_OWNERS, all[k],
				       NOTICE_DENIED),
				   BELFRY_ESTALE);
		if (now)
			IS(put(B, feed, jid, all[i], PENDING_NONE, NOTICE_REQUEST),
			   BELFRY_ESTALE);
		assert_int_equal(state_of(feed, jid), now);
		OK(put(i % 2 ? A : B, feed, jid, all[i], now, NOTICE_NONE));
		now = all[i];
		assert_int_equal(state_of(feed, jid), now);
	}
	IS(put(A, feed, jid, PENDING_NONE, PENDING_OWNERS, NOTICE_NONE), BELFRY_ESTALE);
	OK(put(A, feed, jid, PENDING_NONE, PENDING_DENIED, NOTICE_NONE));
	assert_int_equal(state_of(feed, jid), PENDING_NONE);
	IS(put(A, feed, jid, PENDING_NONE, PENDING_DENIED, NOTICE_NONE), BELFRY_ESTALE);
	assert_int_equal(state_of(feed, "other@b"), PENDING_REFUSED);
}

/* ---- Many ---- */

/* FROM .. TO - 1, some at once. */
static void put_many(const char *feed, size_t from, size_t to, enum pending_state now,
		     enum pending_state expect)
{
	while (from < to) {
		struct many m = {to - from < MANY_AT_ONCE ? to - from : MANY_AT_ONCE,
				 false};
		size_t end = from + m.left;

		for (; from < end; from++) {
			char jid[32];
			struct store_pending p = {.jid = jid,
						  .state = now,
						  .at_ms = from,
						  .format = FORMAT_CHAT};
			snprintf(jid, sizeof jid, "u%zu@example.org", from);
			A->ops->pending_put(A, feed, &p, expect, NOTICE_NONE, many_one,
					    &m);
		}
		many_wait(&m);
	}
}

/* Each that is there all the time is in a page, though others come and go between. */
void test_pending_pages(void **state)
{
	enum { ALL = 700, STAY = 400 };
	const char *feed = "pend-pages";
	struct sync_pendings *page = calloc(1, sizeof *page);
	unsigned seen[2 * ALL] = {0};
	uint64_t cursor = 0;
	size_t pages = 0;

	(void)state;
	contract_feed(feed);
	put_many(feed, 0, ALL, PENDING_OWNERS, PENDING_NONE);
	do {
		OK(sync_pending_list(B, feed, cursor, 20, page));
		for (size_t i = 0; i < page->count; i++) {
			size_t n = 2 * ALL;
			assert_int_equal(sscanf(page->p[i].jid, "u%zu@example.org", &n),
					 1);
			assert_true(n < 2 * ALL);
			assert_int_equal(page->p[i].state, PENDING_OWNERS);
			seen[n]++;
		}
		if (pages < (ALL - STAY) / 10) {
			size_t at = 10 * pages;
			put_many(feed, STAY + at, STAY + at + 10, PENDING_NONE,
				 PENDING_OWNERS);
			put_many(feed, ALL + at, ALL + at + 10, PENDING_OWNERS,
				 PENDING_NONE);
		}
		pages++;
		cursor = page->next;
	} while (cursor);
	assert_true(pages > 5);
	for (size_t i = 0; i < STAY; i++)
		assert_in_range(seen[i], 1, 5);
	free(page);
}

void test_pending_has_a_limit(void **state)
{
	const char *feed = "pend-limit";

	(void)state;
	contract_feed(feed);
	/* Who asks leaves room for those who are invited. */
	put_many(feed, 0, STORE_REQUESTS_MAX, PENDING_OWNERS, PENDING_NONE);
	IS(put(A, feed, "more@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE),
	   BELFRY_EFULL);
	OK(put(A, feed, "u8@example.org", PENDING_DENIED, PENDING_OWNERS, NOTICE_NONE));
	OK(put(A, feed, "u8@example.org", PENDING_OWNERS, PENDING_DENIED, NOTICE_NONE));
	/* Who takes a request back makes no room for another. */
	OK(put(A, feed, "u8@example.org", PENDING_WITHDRAWN, PENDING_OWNERS,
	       NOTICE_NONE));
	IS(put(A, feed, "more@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE),
	   BELFRY_EFULL);
	OK(put(A, feed, "u8@example.org", PENDING_OWNERS, PENDING_WITHDRAWN,
	       NOTICE_NONE));
	put_many(feed, STORE_REQUESTS_MAX, STORE_PENDING_MAX, PENDING_PERSON,
		 PENDING_NONE);
	IS(put(A, feed, "more@b", PENDING_PERSON, PENDING_NONE, NOTICE_NONE),
	   BELFRY_EFULL);
	assert_int_equal(state_of(feed, "more@b"), PENDING_NONE);
	OK(put(A, feed, "u7@example.org", PENDING_DENIED, PENDING_OWNERS, NOTICE_NONE));
	OK(put(A, feed, "u7@example.org", PENDING_NONE, PENDING_DENIED, NOTICE_NONE));
	OK(put(A, feed, "more@b", PENDING_PERSON, PENDING_NONE, NOTICE_NONE));
	IS(put(A, feed, "u7@example.org", PENDING_DENIED, PENDING_NONE, NOTICE_NONE),
	   BELFRY_EFULL);
	/* Of one feed alone. */
	contract_feed("pend-limit-2");
	OK(put(A, "pend-limit-2", "more@b", PENDING_PERSON, PENDING_NONE, NOTICE_NONE));
	OK(sync_feed_delete(A, feed));
}

void test_pending_goes_with_the_feed(void **state)
{
	const char *feed = "pend-gone";
	struct sync_pendings *all = calloc(1, sizeof *all);
	struct store_pending p;

	(void)state;
	contract_feed(feed);
	OK(put(A, feed, "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	OK(put(A, feed, "c@d", PENDING_DENIED, PENDING_NONE, NOTICE_NONE));
	OK(sync_feed_delete(A, feed));
	IS(sync_pending_get(B, feed, "a@b", &p), BELFRY_ENOFEED);
	IS(sync_pending_list(B, feed, 0, 10, all), BELFRY_ENOFEED);
	IS(put(B, feed, "a@b", PENDING_NONE, PENDING_OWNERS, NOTICE_NONE),
	   BELFRY_ENOFEED);
	contract_feed(feed);
	assert_int_equal(state_of(feed, "a@b"), PENDING_NONE);
	OK(sync_pending_list(B, feed, 0, 10, all));
	assert_int_equal(all->count, 0);
	OK(put(B, feed, "c@d", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	free(all);
}

void test_pending_without_room(void **state)
{
	const char *feed = "pend-full";

	(void)state;
	contract_feed(feed);
	OK(put(A, feed, "a@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	OK(put(A, feed, "c@d", PENDING_PERSON, PENDING_NONE, NOTICE_NONE));
	contract.fill(true);
	IS(put(A, feed, "new@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE),
	   BELFRY_EFULL);
	IS(put(A, feed, "a@b", PENDING_DENIED, PENDING_OWNERS, NOTICE_DENIED),
	   BELFRY_EFULL);
	IS(sync_notice_put(A, feed, "a@b", NOTICE_WITHDRAWN), BELFRY_EFULL);
	assert_int_equal(state_of(feed, "new@b"), PENDING_NONE);
	assert_int_equal(state_of(feed, "a@b"), PENDING_OWNERS);
	/* What nobody is told of goes on. */
	OK(put(A, feed, "a@b", PENDING_DENIED, PENDING_OWNERS, NOTICE_NONE));
	OK(put(A, feed, "c@d", PENDING_NONE, PENDING_PERSON, NOTICE_NONE));
	assert_int_equal(state_of(feed, "a@b"), PENDING_DENIED);
	assert_int_equal(state_of(feed, "c@d"), PENDING_NONE);
	contract_has_room();
	OK(put(A, feed, "new@b", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
}
