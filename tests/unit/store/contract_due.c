#include "contract.h"
#include "holding.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is due, what people say to it, and dead letters. */

static struct sync_dues due;
static struct sync_dead dead;

static struct store_done_row held(const char *jid, struct pos pos,
				  enum hold_reason reason, uint64_t delay_ms)
{
	return (struct store_done_row){
		.jid = jid,
		.pos = pos,
		.hold = {.reason = reason, .pos = pos, .due_ms = delay_ms}};
}

/* Holds JID, as it stands there, otherwise. */
static void hold_again(const struct holding *h, const char *jid, enum hold_reason reason,
		       uint64_t delay_ms, bool about_due)
{
	struct sub_hold now = holding_of(h, jid);
	struct store_done_row row = held(jid, now.pos, reason, delay_ms);
	char text[HOLD_TEXT_SIZE];
	row.was = text;
	row.was_len = now.reason ? sub_hold_text(&now, text) : 0;
	row.hold.tries = now.tries;
	row.hold.counted = now.counted;
	memcpy(row.hold.condition, now.condition, sizeof row.hold.condition);
	if (about_due)
		OK(holding_due_done(h, &row, 1));
	else
		OK(holding_done(h, &row, 1, holding_cursor(h, jid)));
}

static size_t due_now(const struct holding *h)
{
	OK(sync_due(A, 1000, &due));
	return holding_count_due(h, &due);
}

void test_due(void **state)
{
	struct holding h = holding_begin("due");
	(void)state;
	holding_join(&h, "a@b");
	holding_pause(&h, "c@d", true);
	holding_post(&h, PRIORITY_NORMAL);
	assert_int_equal(due_now(&h), 0);
	assert_true(due.wait_ms == HOLD_NEVER);
	struct pos since = holding_cursor(&h, "a@b");
	struct store_done_row rows[] = {held("a@b", since, HOLD_BOUNCED, 3600000),
					held("c@d", since, HOLD_PAUSED, HOLD_NEVER)};
	OK(holding_done(&h, rows, 2, h.pos[1]));
	assert_int_equal(due_now(&h), 0);
	assert_in_range(due.wait_ms, 3500000, 3600000);
	/* Another of the bucket is earlier. */
	hold_again(&h, "c@d", HOLD_BOUNCED, 0, false);
	assert_int_equal(due_now(&h), 1);
	assert_true(holding_is_due(&h, &due, 0));
	assert_true(due.wait_ms == HOLD_NEVER);
	/* It stays so until somebody has looked at the bucket. */
	hold_again(&h, "c@d", HOLD_NONE, 0, false);
	OK(holding_due_done(&h, NULL, 0));
	assert_int_equal(due_now(&h), 0);
	assert_in_range(due.wait_ms, 3500000, 3600000);
	hold_again(&h, "a@b", HOLD_DEAD, HOLD_NEVER, true);
	assert_int_equal(due_now(&h), 0);
	assert_true(due.wait_ms == HOLD_NEVER);
	/* Time passes. */
	hold_again(&h, "a@b", HOLD_PROVING, 30, true);
	uint64_t end = clock_mono_ms() + 20000;
	while (!due_now(&h) && clock_mono_ms() < end)
		assert_true(due.wait_ms <= 30);
	assert_int_equal(due_now(&h), 1);
	OK(sync_feed_delete(A, h.feed));
	assert_int_equal(due_now(&h), 0);
}

/* A choice that is taken back before there is a hold makes none due: it is so at once. */
void test_due_without_choice(void **state)
{
	struct holding h = holding_begin("duechoice");
	struct sub_change quiet = {.set = SUB_SET_QUIET,
				   .format = FORMAT_CHAT,
				   .options.quiet = {true, 60, 120, "UTC"}};
	(void)state;
	holding_pause(&h, "a@b", true);
	OK(sync_change(A, h.feed, "c@d", &quiet, NULL, NULL));
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row rows[] = {held("a@b", since, HOLD_PAUSED, HOLD_NEVER),
					held("c@d", since, HOLD_QUIET, 3600000)};
	OK(holding_done(&h, rows, 1, since));
	assert_int_equal(holding_of(&h, "a@b").due_ms, 0);
	assert_int_equal(due_now(&h), 0);
	hold_again(&h, "a@b", HOLD_NONE, 0, true);
	holding_pause(&h, "a@b", false);
	OK(holding_done(&h, rows, 2, h.pos[1]));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_PAUSED);
	assert_true(holding_of(&h, "a@b").due_ms > 0);
	assert_int_equal(due_now(&h), 1);
	hold_again(&h, "a@b", HOLD_NONE, 0, true);
	assert_int_equal(due_now(&h), 0);
	hold_again(&h, "c@d", HOLD_NONE, 0, true);
	quiet.options.quiet.set = false;
	OK(sync_change(A, h.feed, "c@d", &quiet, NULL, NULL));
	OK(holding_done(&h, &rows[1], 1, h.pos[1]));
	assert_int_equal(due_now(&h), 1);
	holding_end(&h);
}

void test_due_of_several(void **state)
{
	struct holding h[3] = {holding_begin("due-one"), holding_begin("due-two"),
			       holding_begin("due-three")};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		holding_join(&h[i], "a@b");
		holding_post(&h[i], PRIORITY_NORMAL);
		struct store_done_row row =
			held("a@b", holding_cursor(&h[i], "a@b"), HOLD_BOUNCED, 0);
		OK(holding_done(&h[i], &row, 1, h[i].pos[1]));
	}
	OK(sync_due(B, 1000, &due));
	assert_int_equal(due.count, 3);
	OK(sync_due(B, 2, &due));
	assert_int_equal(due.count, 2);
	assert_int_equal(due.wait_ms, 0); /* there is one that is not in it */
	OK(sync_due(B, 3, &due));
	assert_int_equal(due.count, 3);
	assert_true(due.wait_ms == HOLD_NEVER);
	for (size_t i = 0; i < 3; i++)
		holding_end(&h[i]);
}

static void join_many(struct holding *h, unsigned count)
{
	char jid[40];
	for (unsigned i = 0; i < count; i++) {
		snprintf(jid, sizeof jid, "u%u@b", i);
		holding_join(h, jid);
	}
}

/* A row that has moved to a new bucket is due there. */
void test_due_follows_splits(void **state)
{
	enum { ROWS = 16, BUCKETS = 8 };
	struct holding h = holding_begin("duesplit");
	struct store_done_row rows[ROWS];
	char jids[ROWS][40];
	struct store_feed f;
	(void)state;
	join_many(&h, ROWS);
	holding_post(&h, PRIORITY_NORMAL);
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(jids[i], sizeof jids[i], "u%u@b", i);
		rows[i] = held(jids[i], holding_cursor(&h, jids[i]), HOLD_BOUNCED, 0);
	}
	OK(holding_done(&h, rows, ROWS, h.pos[1]));
	for (uint32_t n = 1; n < BUCKETS; n++)
		OK(sync_split(B, h.feed, n));
	OK(sync_feed_get(A, h.feed, &f));
	due_now(&h);
	for (unsigned i = 0; i < ROWS; i++) {
		uint32_t hash = row_hash(f.salt, jids[i], strlen(jids[i]));
		assert_true(holding_is_due(&h, &due, bucket_of(hash, BUCKETS)));
		struct sub_hold hold;
		OK(sync_hold_order(A, h.feed, jids[i], ORDER_REDRIVE, &hold));
	}
	OK(holding_due_done(&h, NULL, 0));
	for (unsigned i = 0; i < ROWS; i++)
		hold_again(&h, jids[i], HOLD_NONE, 0, true);
	assert_int_equal(due_now(&h), 0);
	/* What was said of one bucket concerns those that came of it. */
	struct store_done_bucket b = {0, h.pos[1]};
	struct store_done_row late = held(jids[0], h.pos[1], HOLD_BOUNCED, 0);
	struct store_done d = {.feed = h.feed,
			       .feed_buckets = 1,
			       .to = h.pos[1],
			       .buckets = &b,
			       .bucket_count = 1,
			       .rows = &late,
			       .row_count = 1,
			       .due = true};
	OK(sync_done(A, &h.owner, &d));
	uint32_t hash = row_hash(f.salt, jids[0], strlen(jids[0]));
	assert_int_equal(due_now(&h), 1);
	assert_true(holding_is_due(&h, &due, bucket_of(hash, BUCKETS)));
	holding_end(&h);
}

void test_hold_orders(void **state)
{
	struct holding h = holding_begin("orders");
	struct sub_hold hold;
	(void)state;
	IS(sync_hold_order(A, "no-feed", "a@b", ORDER_DROP, NULL), BELFRY_ENOFEED);
	IS(sync_hold_order(A, h.feed, "", ORDER_DROP, NULL), BELFRY_EINVAL);
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL), BELFRY_ENOENT);
	holding_join(&h, "a@b");
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL), BELFRY_ENOENT);
	holding_post(&h, PRIORITY_NORMAL);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	/* The second event of those that it had came back in the end. */
	struct store_done_row row = {.jid = "a@b",
				     .pos = h.pos[2],
				     .hold = {.reason = HOLD_DEAD,
					      .due_ms = HOLD_NEVER,
					      .tries = 12,
					      .first_ms = 1,
					      .condition = "service-unavailable"}};
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	assert_int_equal(holding_counters(&h, 2).held, 1);
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_DROP, &hold));
	assert_int_equal(hold.reason, HOLD_DROPPED);
	assert_int_equal(hold.tries, 12);
	assert_true(hold.due_ms > 0);
	assert_int_equal(due_now(&h), 1);
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_DROP, NULL), BELFRY_ENOENT);
	hold_again(&h, "a@b", HOLD_DEAD, HOLD_NEVER, true);
	assert_int_equal(due_now(&h), 0);
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, &hold));
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(hold.tries, 0);
	assert_int_equal(hold.first_ms, 0);
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_true(hold.due_ms > 0);
	assert_int_equal(due_now(&h), 1);
	/* Up to `counted` all is taken now. */
	assert_true(contract_pos_is(hold.counted, h.pos[2]));
	assert_int_equal(holding_counters(&h, 2).held, 0);
	assert_int_equal(holding_counters(&h, 2).taken, 1);
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_DROP, NULL), BELFRY_ENOENT);
	/* One that is at the common pace is not held. */
	hold_again(&h, "a@b", HOLD_PROVING, 3600000, true);
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL), BELFRY_ENOENT);
	holding_end(&h);
}

/* Who says something about a subscription is there. */
void test_join_redrives(void **state)
{
	struct holding h = holding_begin("joinheld");
	struct sub_change change = {.set = SUB_SET_PRIORITY,
				    .format = FORMAT_CHAT,
				    .options = {.at_least = PRIORITY_HIGH}};
	struct sub_hold hold;
	struct sub sub;
	char names[200];
	(void)state;
	holding_join(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct pos since = holding_cursor(&h, "a@b");
	struct store_done_row row = held("a@b", since, HOLD_BOUNCED, 3600000);
	row.pos = h.pos[1];
	row.hold.tries = 3;
	row.hold.first_ms = 1;
	OK(holding_done(&h, &row, 1, h.pos[1]));
	assert_int_equal(due_now(&h), 0);
	OK(sync_change(A, h.feed, "a@b", &change, &sub, NULL));
	sub_hold_read(&sub, &hold);
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(hold.tries, 3); /* it may still be away */
	assert_true(hold.first_ms > 1);
	assert_true(contract_pos_is(hold.pos, since));
	assert_int_equal(sub.options_len, 2);
	assert_memory_equal(sub.options, "p2", 2);
	assert_int_equal(due_now(&h), 1);
	hold_again(&h, "a@b", HOLD_DEAD, HOLD_NEVER, true);
	OK(sync_dead_feeds(A, names, sizeof names));
	assert_non_null(strstr(names, "joinheld,"));
	OK(sync_join(B, h.feed, "a@b", FORMAT_EVENT, &sub, NULL));
	sub_hold_read(&sub, &hold);
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(hold.tries, 0);
	assert_int_equal(sub.format, FORMAT_EVENT);
	assert_int_equal(due_now(&h), 1);
	OK(sync_dead_feeds(A, names, sizeof names));
	assert_null(strstr(names, "joinheld,"));
	/* What is not held is left alone. */
	hold_again(&h, "a@b", HOLD_PROVING, 3600000, true);
	hold = holding_of(&h, "a@b");
	OK(sync_join(B, h.feed, "a@b", FORMAT_CHAT, NULL, NULL));
	assert_int_equal(holding_of(&h, "a@b").due_ms, hold.due_ms);
	assert_int_equal(due_now(&h), 0);
	holding_end(&h);
}

static enum belfry_err admit(const struct holding *h, const char *jid,
			     enum pending_state seen, enum notice_kind notice)
{
	const struct store_pending p = {
		.jid = jid, .state = seen, .at_ms = 7000, .format = FORMAT_EVENT};
	return sync_admit(B, h->feed, jid, SUB_FOLLOW(FORMAT_EVENT), seen ? &p : NULL,
			  notice);
}

static void notices_done(void)
{
	struct sync_notices *all = calloc(1, sizeof *all);
	OK(sync_notices(A, SYNC_NOTICES, all));
	for (size_t i = 0; i < all->count; i++)
		OK(sync_notice_done(A, all->n[i].id));
	free(all);
}

/* So is who is let in, and has a row already. */
void test_admit_redrives(void **state)
{
	struct holding h = holding_begin("admitheld");
	const struct store_pending asks = {
		.jid = "a@b", .state = PENDING_OWNERS, .format = FORMAT_EVENT};
	struct sub_hold hold;
	char names[200];
	(void)state;
	holding_join(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	struct store_done_row row = held("a@b", h.pos[2], HOLD_DEAD, HOLD_NEVER);
	row.hold.tries = 12;
	row.hold.first_ms = 1;
	snprintf(row.hold.condition, sizeof row.hold.condition, "service-unavailable");
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	OK(sync_pending_put(A, h.feed, &asks, PENDING_NONE, NOTICE_NONE));
	IS(admit(&h, "a@b", PENDING_DENIED, NOTICE_NONE), BELFRY_ESTALE);
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_DEAD);
	assert_int_equal(holding_counters(&h, 2).held, 1);
	assert_int_equal(due_now(&h), 0);
	OK(admit(&h, "a@b", PENDING_OWNERS, NOTICE_NONE));
	hold = holding_of(&h, "a@b");
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(hold.tries, 0);
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_int_equal(holding_counters(&h, 2).held, 0);
	assert_int_equal(holding_counters(&h, 2).taken, 1);
	assert_int_equal(due_now(&h), 1);
	OK(sync_dead_feeds(A, names, sizeof names));
	assert_null(strstr(names, "admitheld,"));
	/* It is the same where somebody is told. */
	hold_again(&h, "a@b", HOLD_BOUNCED, 3600000, true);
	assert_int_equal(due_now(&h), 0);
	OK(admit(&h, "a@b", PENDING_NONE, NOTICE_ALLOWED));
	assert_int_equal(due_now(&h), 1);
	hold_again(&h, "a@b", HOLD_DEAD, HOLD_NEVER, true);
	OK(admit(&h, "a@b", PENDING_NONE, NOTICE_ALLOWED));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_BOUNCED);
	assert_int_equal(due_now(&h), 1);
	notices_done();
	/* What is not held is left alone. */
	hold_again(&h, "a@b", HOLD_PROVING, 3600000, true);
	OK(admit(&h, "a@b", PENDING_NONE, NOTICE_NONE));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_PROVING);
	assert_int_equal(due_now(&h), 0);
	holding_end(&h);
}

static void check_dead(const char *feed, uint32_t first, size_t limit, const char *want)
{
	char got[400] = "";
	size_t len = 0;
	OK(sync_dead_list(B, feed, first, limit, &dead));
	for (size_t i = 0; i < dead.count; i++) {
		assert_int_equal(dead.r[i].hold.reason, HOLD_DEAD);
		len += (size_t)snprintf(got + len, sizeof got - len, "%s ",
					dead.r[i].jid);
		assert_true(len < sizeof got);
	}
	assert_string_equal(got, want);
}

static bool has_dead(const char *feed)
{
	char names[400], want[80];
	snprintf(want, sizeof want, "%s,", feed);
	OK(sync_dead_feeds(A, names, sizeof names));
	return strstr(names, want) != NULL;
}

void test_dead_letters(void **state)
{
	static const char *const jids[] = {"u4@b", "u1@b", "u3@b", "u0@b", "u2@b"};
	struct holding h = holding_begin("dead");
	(void)state;
	IS(sync_dead_list(A, "no-feed", 0, 5, &dead), BELFRY_ENOFEED);
	check_dead(h.feed, 0, 10, "");
	join_many(&h, 5);
	holding_post(&h, PRIORITY_NORMAL);
	struct pos since = holding_cursor(&h, "u0@b");
	assert_false(has_dead(h.feed));
	for (size_t i = 0; i < 5; i++) {
		struct store_done_row row = held(jids[i], since, HOLD_DEAD, HOLD_NEVER);
		OK(holding_done(&h, &row, 1, h.pos[1]));
		/* One after the other, by Redis' clock. */
		struct store_run *run;
		uint64_t then = 0, now = 0;
		do {
			OK(sync_read(A, h.feed, 0, 1, &run));
			now = run->now_ms;
			then = then ? then : now;
			store_run_free(run);
		} while (now == then);
	}
	assert_true(has_dead(h.feed));
	check_dead(h.feed, 0, 10, "u4@b u1@b u3@b u0@b u2@b ");
	assert_int_equal(dead.next, 0);
	OK(sync_split(A, h.feed, 1));
	OK(sync_split(A, h.feed, 2));
	check_dead(h.feed, 0, 2, "u4@b u1@b ");
	assert_int_equal(dead.next, 2);
	check_dead(h.feed, 2, 2, "u3@b u0@b ");
	check_dead(h.feed, 4, 2, "u2@b ");
	assert_int_equal(dead.next, 0);
	check_dead(h.feed, 9, 2, "");
	/* Its place is that of when it died first. */
	hold_again(&h, "u1@b", HOLD_DEAD, HOLD_NEVER, false);
	OK(sync_leave(A, h.feed, "u4@b", NULL));
	check_dead(h.feed, 0, 10, "u1@b u3@b u0@b u2@b ");
	OK(sync_hold_order(A, h.feed, "u3@b", ORDER_REDRIVE, NULL));
	OK(sync_hold_order(A, h.feed, "u1@b", ORDER_DROP, NULL));
	check_dead(h.feed, 0, 10, "u0@b u2@b ");
	hold_again(&h, "u0@b", HOLD_NONE, 0, true);
	check_dead(h.feed, 0, 10, "u2@b ");
	assert_true(has_dead(h.feed));
	struct sub_hold now = holding_of(&h, "u2@b");
	char text[HOLD_TEXT_SIZE];
	struct store_done_row end = {.jid = "u2@b",
				     .pos = h.pos[1],
				     .end = true,
				     .was = text,
				     .was_len = sub_hold_text(&now, text)};
	OK(holding_done(&h, &end, 1, h.pos[1]));
	check_dead(h.feed, 0, 10, "");
	assert_false(has_dead(h.feed));
	/* What goes with its feed is not there in the next one of its name. */
	hold_again(&h, "u3@b", HOLD_DEAD, HOLD_NEVER, true);
	assert_true(has_dead(h.feed));
	holding_end(&h);
	assert_false(has_dead(h.feed));
	contract_feed(h.feed);
	check_dead(h.feed, 0, 10, "");
	holding_end(&h);
}

/* Feeds with dead letters are told without those that are gone, however they went. */
void test_dead_by_late_bounce(void **state)
{
	struct holding h = holding_begin("deadlate");
	(void)state;
	holding_join(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	struct store_done_row row = held("a@b", h.pos[2], HOLD_DEAD, HOLD_NEVER);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	check_dead(h.feed, 0, 10, "a@b ");
	struct sub_hold now = holding_of(&h, "a@b");
	char text[HOLD_TEXT_SIZE];
	row.was = text;
	row.was_len = sub_hold_text(&now, text);
	row.pos = h.pos[1];
	row.end = true;
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	check_dead(h.feed, 0, 10, "");
	assert_false(has_dead(h.feed));
	holding_end(&h);
}
