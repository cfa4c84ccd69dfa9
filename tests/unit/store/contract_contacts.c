#include "contract.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* How many rows have the feed as a contact, whatever way they come and go. */

#define FEED "contacts"

static uint64_t contacts(void)
{
	struct store_feed f;
	OK(sync_feed_get(B, FEED, &f));
	return f.contacts;
}

static void change(const char *jid, unsigned set, bool contact)
{
	struct sub_change c = {
		.set = set,
		.format = FORMAT_CHAT,
		.options = {.contact = contact, .at_least = PRIORITY_HIGH}};
	OK(sync_change(A, FEED, jid, &c, NULL, NULL));
}

/* Both ends of a subscription that a delivery finds. */
static void bounce(const char *in_time, const char *late)
{
	struct store_owner o = contract_own(A, "contacts.example");
	struct store_run *run;
	struct pos p;
	OK(sync_post(A, FEED, "e1", NULL, &p));
	OK(sync_read(A, FEED, 0, 1, &run));
	struct store_done_bucket b = {0, run->buckets[0].cursor};
	struct store_done_row row = {.jid = in_time, .pos = p, .end = true};
	struct store_done_event event = {p, {.taken = 4, .left = 1}};
	struct store_done d = {.feed = FEED,
			       .feed_buckets = run->feed_buckets,
			       .to = p,
			       .buckets = &b,
			       .bucket_count = 1,
			       .events = &event,
			       .event_count = 1,
			       .rows = &row,
			       .row_count = 1};
	OK(sync_done(A, &o, &d));
	store_run_free(run);
	row.jid = late;
	OK(sync_late_bounce(A, &o, FEED, &row));
}

void test_contacts_are_counted(void **state)
{
	char jid[16];
	(void)state;
	contract_feed(FEED);
	assert_int_equal(contacts(), 0);
	for (int i = 0; i < 6; i++) {
		snprintf(jid, sizeof jid, "c%d@b", i);
		change(jid, SUB_SET_CONTACT, true);
		change(jid, SUB_SET_CONTACT | SUB_SET_PRIORITY, true);
	}
	change("plain@b", 0, false);
	assert_int_equal(contacts(), 6);
	change("plain@b", SUB_SET_CONTACT, true);
	change("c0@b", SUB_SET_CONTACT, false);
	change("c1@b", SUB_SET_PRIORITY, false);
	assert_int_equal(contacts(), 6);
	OK(sync_leave(A, FEED, "c0@b", NULL));
	assert_int_equal(contacts(), 6);
	OK(sync_leave(A, FEED, "c1@b", NULL));
	IS(sync_leave(A, FEED, "c1@b", NULL), BELFRY_ENOENT);
	assert_int_equal(contacts(), 5);
	bounce("c2@b", "c3@b");
	assert_int_equal(contacts(), 3);
	change("other@b", 0, false);
	change("another@b", 0, false);
	OK(sync_leave(A, FEED, "other@b", NULL));
	assert_int_equal(contacts(), 3);
}
