#include "contract.h"
#include "many.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Who is cast out follows no more, is told, and does not slip in again. */

static uint64_t casts(const char *feed)
{
	struct store_feed f = {0};

	OK(sync_feed_get(B, feed, &f));
	assert_true(f.casts > 0);
	return f.casts;
}

static void configure(const char *feed, const char *config)
{
	OK(sync_feed_put(A, feed, config, NULL, NULL, NULL));
}

static enum belfry_err follow(const char *feed, const char *jid, uint64_t seen)
{
	const struct sub_change change = {
		.set = SUB_SET_FORMAT, .format = FORMAT_CHAT, .casts = seen};

	return sync_change(A, feed, jid, &change, NULL, NULL);
}

static enum belfry_err admit(const char *feed, const char *jid, uint64_t seen)
{
	const struct sub_change change = {
		.set = SUB_SET_FORMAT, .format = FORMAT_CHAT, .casts = seen};
	const struct store_pending p = {.jid = jid, .state = PENDING_OWNERS};

	return sync_admit(A, feed, jid, &change, &p, NOTICE_ALLOWED);
}

static enum belfry_err put(const char *feed, const char *jid, const char *seen_jid,
			   enum pending_state state, enum pending_state expect,
			   enum notice_kind notice)
{
	const struct store_pending p = {.jid = jid,
					.seen_jid = seen_jid,
					.state = state,
					.at_ms = 7000,
					.format = FORMAT_CHAT,
					.options = {.contact = true}};

	return sync_pending_put(A, feed, &p, expect, notice);
}

/* All that waits, "KIND JID[=FORMAT[+]] "; then it is done. */
static const char *told(void)
{
	static struct sync_notices all;
	static char text[512];
	size_t at = 0;

	text[0] = '\0';
	OK(sync_notices(B, SYNC_NOTICES, &all));
	for (size_t i = 0; i < all.count; i++) {
		const char how[] = {'=', (char)all.n[i].format, '\0'};

		at += (size_t)snprintf(text + at, sizeof text - at, "%c %s%s%s ",
				       (char)all.n[i].kind, all.n[i].jid,
				       all.n[i].format ? how : "",
				       all.n[i].contact ? "+" : "");
		OK(sync_notice_done(B, all.n[i].id));
	}
	return text;
}

void test_casts(void **state)
{
	const char *feed = "casts";

	(void)state;
	contract_feed(feed);
	const uint64_t before = casts(feed);
	OK(put(feed, "a@b", NULL, PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	OK(follow(feed, "first@b", before));
	configure(feed, "{\"title\":\"t\"}");
	assert_int_equal(casts(feed), before);
	configure(feed, "{\"outcasts\":[\"b\"]}");
	assert_int_not_equal(casts(feed), before);
	IS(follow(feed, "x@b", before), BELFRY_ESTALE);
	IS(follow(feed, "first@b", before), BELFRY_ESTALE);
	IS(admit(feed, "a@b", before), BELFRY_ESTALE);
	IS(sync_sub_get(B, feed, "x@b", NULL), BELFRY_ENOENT);
	IS(sync_sub_get(B, feed, "a@b", NULL), BELFRY_ENOENT);
	assert_string_equal(told(), "s  ");
	OK(admit(feed, "a@b", casts(feed)));
	assert_string_equal(told(), "a a@b ");
	OK(follow(feed, "x@b", casts(feed)));
	OK(follow(feed, "y@b", 0)); /* it does not matter */
	const uint64_t between = casts(feed);
	configure(feed, "{}");
	assert_int_equal(casts(feed), between);
	/* Nor is another feed of the name the one that was looked at. */
	OK(sync_feed_delete(A, feed));
	configure(feed, "{\"outcasts\":[\"b\"]}");
	IS(follow(feed, "x@b", before), BELFRY_ESTALE);
	IS(follow(feed, "x@b", between), BELFRY_ESTALE);
	assert_string_equal(told(), "");
}

void test_expel(void **state)
{
	const char *feed = "expel";
	const struct sub_change contact = {.set = SUB_SET_FORMAT | SUB_SET_CONTACT,
					   .format = FORMAT_CHAT,
					   .options = {.contact = true}};
	struct store_feed f = {0};
	struct sub sub;

	(void)state;
	IS(sync_expel(A, feed, "a@b", NULL), BELFRY_ENOFEED);
	contract_feed(feed);
	IS(sync_expel(A, feed, "", NULL), BELFRY_EINVAL);
	IS(sync_expel(A, feed, "a@b", NULL), BELFRY_ENOENT);
	OK(sync_change(A, feed, "a@b", &contact, NULL, NULL));
	OK(sync_join(A, feed, "e@b/prog", FORMAT_EVENT, NULL, NULL));
	IS(sync_expel(A, feed, "e@b", NULL), BELFRY_ENOENT);
	OK(sync_expel(A, feed, "a@b", &sub));
	assert_int_equal(sub.format, FORMAT_CHAT);
	assert_string_equal(told(), "w a@b=c+ ");
	IS(sync_sub_get(B, feed, "a@b", NULL), BELFRY_ENOENT);
	contract.fill(true); /* it goes on */
	OK(sync_expel(A, feed, "e@b/prog", NULL));
	contract_has_room();
	assert_string_equal(told(), "w e@b/prog=e ");
	IS(sync_expel(A, feed, "e@b/prog", NULL), BELFRY_ENOENT);
	OK(sync_feed_get(B, feed, &f));
	assert_int_equal(f.subscribers, 0);
	assert_int_equal(f.contacts, 0);
	/* What is pending, too, says how it was wished for. */
	OK(put(feed, "p@b", NULL, PENDING_OWNERS, PENDING_NONE, NOTICE_REQUEST));
	OK(put(feed, "p@b", NULL, PENDING_NONE, PENDING_OWNERS, NOTICE_TURNED_AWAY));
	assert_string_equal(told(), "o p@b t p@b=c+ ");
}

/* However many are cast out, others have room to ask, and to be told. */
void test_expel_leaves_room(void **state)
{
	const char *feed = "expel-room";

	(void)state;
	contract_feed(feed);
	OK(sync_join(A, feed, "a@b", FORMAT_CHAT, NULL, NULL));
	OK(put(feed, "p@b", NULL, PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	many_notices_put(feed, STORE_EXPELLED_MAX);
	IS(sync_expel(A, feed, "a@b", NULL), BELFRY_EFULL);
	OK(sync_sub_get(B, feed, "a@b", NULL));
	IS(sync_expel(A, feed, "z@b", NULL), BELFRY_ENOENT);
	IS(put(feed, "p@b", NULL, PENDING_NONE, PENDING_OWNERS, NOTICE_TURNED_AWAY),
	   BELFRY_EFULL);
	OK(put(feed, "q@b", NULL, PENDING_OWNERS, PENDING_NONE, NOTICE_REQUEST));
	assert_int_equal(many_notices_done(), STORE_EXPELLED_MAX + 1);
	OK(sync_expel(A, feed, "a@b", NULL));
	assert_string_equal(told(), "w a@b=c ");
}

/* What another program of the person has wished for since is not answered unseen. */
void test_pending_is_of_the_jid_that_was_seen(void **state)
{
	const char *feed = "pend-seen";
	struct store_pending p;

	(void)state;
	contract_feed(feed);
	OK(put(feed, "a@b/one", "c@d", PENDING_OWNERS, PENDING_NONE, NOTICE_NONE));
	IS(put(feed, "a@b", "a@b", PENDING_DENIED, PENDING_OWNERS, NOTICE_DENIED),
	   BELFRY_ESTALE);
	IS(put(feed, "a@b", "a@b/two", PENDING_DENIED, PENDING_OWNERS, NOTICE_DENIED),
	   BELFRY_ESTALE);
	OK(sync_pending_get(B, feed, "a@b", &p));
	assert_string_equal(p.jid, "a@b/one");
	assert_int_equal(p.state, PENDING_OWNERS);
	OK(put(feed, "a@b/two", "a@b/one", PENDING_OWNERS, PENDING_OWNERS, NOTICE_NONE));
	IS(put(feed, "a@b/one", "a@b/one", PENDING_NONE, PENDING_OWNERS, NOTICE_NONE),
	   BELFRY_ESTALE);
	OK(put(feed, "a@b", NULL, PENDING_OWNERS, PENDING_OWNERS, NOTICE_NONE));
	IS(put(feed, "a@b", "a@b/two", PENDING_NONE, PENDING_OWNERS, NOTICE_NONE),
	   BELFRY_ESTALE);
	OK(put(feed, "a@b", "a@b", PENDING_NONE, PENDING_OWNERS, NOTICE_NONE));
	assert_string_equal(told(), "");
}
