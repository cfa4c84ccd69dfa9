#include "contract.h"
#include "holding.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What clients confirm. */

#define JID "a@b"

static enum belfry_err confirm(const struct holding *h, const struct pos *list,
			       size_t count, uint64_t again_ms, bool *due)
{
	const struct store_receipts r = {list, count, again_ms, 1000, false};
	return sync_received(B, &h->owner, h->feed, JID, &r, due);
}

static void asks(const struct holding *h, bool on)
{
	const struct sub_change c = {
		.set = SUB_SET_RECEIPT, .format = FORMAT_CHAT, .options.receipt = on};
	OK(sync_change(A, h->feed, JID, &c, NULL, NULL));
}

static bool is_proven(const struct holding *h, struct pos *since)
{
	struct sub sub;
	OK(sync_sub_get(A, h->feed, JID, &sub));
	return sub_proven(&sub, since);
}

/* JID has proven it with the first event; of those behind it, COUNT are on their way. */
static struct holding begin_awaiting_of(const char *feed, size_t count,
					enum event_priority priority)
{
	struct holding h = holding_begin(feed);
	bool due;
	holding_join(&h, JID);
	asks(&h, true);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	OK(confirm(&h, &h.pos[1], 1, 0, &due));
	for (size_t i = 0; i < count; i++)
		holding_post(&h, priority);
	holding_taken(&h, 1);
	struct sub_hold hold = {.reason = HOLD_CONFIRM,
				.due_ms = HOLD_NEVER,
				.counted = h.pos[1 + count]};
	for (size_t i = 0; i < count; i++)
		assert_true(hold_await(&hold, h.pos[2 + i]));
	const struct store_done_row row = {.jid = JID, .pos = h.pos[2], .hold = hold};
	OK(holding_done(&h, &row, 1, h.pos[1 + count]));
	return h;
}

static struct holding begin_awaiting(const char *feed, size_t count)
{
	return begin_awaiting_of(feed, count, PRIORITY_NORMAL);
}

void test_receipts_prove(void **state)
{
	struct holding h = holding_begin("prove");
	struct pos since;
	bool due;
	(void)state;
	IS(sync_received(A, &h.owner, "no-feed", JID, &(struct store_receipts){0}, &due),
	   BELFRY_ENOFEED);
	IS(confirm(&h, NULL, 0, 0, &due), BELFRY_ENOENT);
	holding_join(&h, JID);
	IS(confirm(&h, NULL, 0, 0, &due), BELFRY_ENOENT); /* is not asked */
	asks(&h, true);
	holding_post(&h, PRIORITY_NORMAL);
	OK(confirm(&h, &h.pos[1], 1, 0, &due)); /* was not sent */
	assert_false(is_proven(&h, &since));
	holding_taken(&h, 1);
	OK(confirm(&h, &h.pos[1], 1, 0, &due));
	assert_true(is_proven(&h, &since) && contract_pos_is(since, h.pos[1]));
	assert_false(due);
	OK(confirm(&h, &h.pos[1], 1, 0, &due));
	assert_int_equal(holding_counters(&h, 1).taken, 1);
	assert_int_equal(holding_counters(&h, 1).received, 0);
	asks(&h, true);
	assert_true(is_proven(&h, &since));
	asks(&h, false);
	asks(&h, true);
	assert_false(is_proven(&h, &since));
	contract_own(B, h.feed);
	IS(confirm(&h, &h.pos[1], 1, 0, &due), BELFRY_ELOST);
	holding_end(&h);
}

/* Its feed asks who has not chosen. */
void test_receipts_by_feed(void **state)
{
	struct holding h = holding_begin("by-feed");
	const struct sub_change never = {.set = SUB_SET_RECEIPT,
					 .format = FORMAT_CHAT,
					 .options.no_receipt = true};
	bool due;
	(void)state;
	holding_join(&h, JID);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	struct store_receipts r = {&h.pos[1], 1, 0, 1000, false};
	IS(sync_received(B, &h.owner, h.feed, JID, &r, &due), BELFRY_ENOENT);
	r.by_feed = true;
	OK(sync_received(B, &h.owner, h.feed, JID, &r, &due));
	assert_true(is_proven(&h, NULL));
	r.by_feed = false; /* it goes on */
	OK(sync_received(B, &h.owner, h.feed, JID, &r, &due));
	OK(sync_change(A, h.feed, JID, &never, NULL, NULL));
	assert_false(is_proven(&h, NULL));
	r.by_feed = true;
	IS(sync_received(B, &h.owner, h.feed, JID, &r, &due), BELFRY_ENOENT);
	holding_end(&h);
}

void test_receipts_of_a_window(void **state)
{
	struct holding h = begin_awaiting("window", 4);
	struct pos some[] = {h.pos[4], h.pos[1], h.pos[4], {h.pos[4].epoch, 99}};
	bool due;
	(void)state;
	assert_true(contract_pos_is(holding_of(&h, JID).pos, h.pos[1]));
	OK(confirm(&h, some, 4, 0, &due));
	struct sub_hold hold = holding_of(&h, JID);
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_int_equal(hold.awaited, 11);
	assert_int_equal(holding_counters(&h, 4).received, 1);
	OK(confirm(&h, some, 4, 0, &due));
	assert_int_equal(holding_counters(&h, 4).received, 1);
	OK(confirm(&h, (struct pos[]){h.pos[3], h.pos[2]}, 2, 0, &due));
	hold = holding_of(&h, JID);
	assert_true(contract_pos_is(hold.pos, h.pos[4]));
	assert_int_equal(hold.awaited, 1);
	assert_false(due);
	OK(confirm(&h, &h.pos[5], 1, 0, &due));
	assert_int_equal(holding_of(&h, JID).reason, HOLD_NONE);
	assert_false(due);
	/* There is more, which waited. */
	holding_end(&h);
	h = begin_awaiting("window", 2);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 0);
	OK(confirm(&h, &h.pos[2], 2, 0, &due));
	assert_true(due);
	hold = holding_of(&h, JID);
	assert_int_equal(hold.reason, HOLD_CONFIRM);
	assert_int_equal(hold.awaited, 0);
	assert_true(hold.due_ms && contract_pos_is(hold.pos, h.pos[3]));
	holding_end(&h);
}

void test_receipts_again(void **state)
{
	struct holding h = begin_awaiting("again", 2);
	struct sync_dues dues;
	bool due;
	(void)state;
	OK(confirm(&h, &h.pos[2], 1, 5000, &due));
	assert_true(due);
	struct sub_hold hold = holding_of(&h, JID);
	uint64_t again_ms = hold.again_ms;
	assert_true(again_ms && hold.due_ms == again_ms);
	OK(sync_due(A, 100, &dues));
	assert_int_equal(holding_count_due(&h, &dues), 0);
	OK(sync_due_within(A, 60000, 100, &dues));
	assert_int_equal(holding_count_due(&h, &dues), 1);
	OK(confirm(&h, NULL, 0, 9000, &due)); /* is to be already */
	assert_int_equal(holding_of(&h, JID).again_ms, hold.again_ms);
	/* ... but for what was sent again already, where that is not all. */
	char text[HOLD_TEXT_SIZE];
	struct store_done_row row = {.jid = JID, .pos = h.pos[2], .was = text};
	row.was_len = sub_hold_text(&hold, text);
	hold.end = h.pos[2];
	hold.due_ms = 0;
	row.hold = hold;
	OK(holding_done(&h, &row, 1, h.pos[3]));
	OK(confirm(&h, NULL, 0, 9000, &due));
	hold = holding_of(&h, JID);
	assert_int_equal(pos_cmp(hold.end, (struct pos){0, 0}), 0);
	assert_true(hold.again_ms > again_ms);
	/* It does not confirm any more. */
	row = (struct store_done_row){.jid = JID, .pos = h.pos[2], .unprove = true};
	row.was = text;
	row.was_len = sub_hold_text(&hold, text);
	OK(holding_done(&h, &row, 1, h.pos[3]));
	assert_int_equal(holding_of(&h, JID).reason, HOLD_NONE);
	assert_false(is_proven(&h, NULL));
	holding_end(&h);
}

static void come_back(const struct holding *h, struct pos pos)
{
	char text[HOLD_TEXT_SIZE];
	struct sub_hold now = holding_of(h, JID);
	struct store_done_row row = {.jid = JID,
				     .pos = pos,
				     .hold = {.reason = HOLD_BOUNCED,
					      .due_ms = 1000,
					      .tries = now.tries + 1,
					      .first_ms = 1,
					      .awaited = now.awaited,
					      .condition = "service-unavailable"}};
	row.was_len = now.reason ? sub_hold_text(&now, text) : 0;
	row.was = text;
	OK(sync_late_bounce(A, &h->owner, h->feed, &row));
}

void test_receipts_and_late_bounces(void **state)
{
	struct holding h = begin_awaiting("bounces", 3);
	bool due;
	(void)state;
	OK(confirm(&h, &h.pos[3], 1, 0, &due));
	come_back(&h, h.pos[3]); /* is confirmed */
	assert_int_equal(holding_of(&h, JID).reason, HOLD_CONFIRM);
	come_back(&h, h.pos[4]);
	struct sub_hold hold = holding_of(&h, JID);
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(hold.awaited, 5);
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_int_equal(holding_counters(&h, 2).held, 1);
	assert_int_equal(holding_counters(&h, 4).bounced, 1);
	assert_int_equal(holding_counters(&h, 4).held, 0);
	/* What came before it has proven anything. */
	come_back(&h, h.pos[1]);
	hold = holding_of(&h, JID);
	assert_int_equal(hold.awaited, 11);
	assert_int_equal(hold.pos.n, h.pos[1].n - 1);
	assert_int_equal(holding_counters(&h, 1).held, 1);
	assert_int_equal(holding_counters(&h, 2).held, 0);
	holding_end(&h);
}

static void wants_digests(const struct holding *h, unsigned every_min)
{
	const struct sub_change c = {.set = SUB_SET_DIGEST,
				     .format = FORMAT_CHAT,
				     .options.digest.every_min = every_min};
	OK(sync_change(A, h->feed, JID, &c, NULL, NULL));
}

/* Who has digests confirms nothing. */
void test_receipts_and_digests(void **state)
{
	struct holding h = begin_awaiting("nodigest", 3);
	bool due;
	(void)state;
	wants_digests(&h, 60);
	assert_false(is_proven(&h, NULL));
	struct sub_hold hold = holding_of(&h, JID);
	assert_int_equal(hold.awaited, 7);
	assert_true(hold.due_ms);
	IS(confirm(&h, &h.pos[2], 1, 0, &due), BELFRY_ENOENT);
	IS(confirm(&h, NULL, 0, 9000, &due), BELFRY_ENOENT);
	assert_int_equal(holding_counters(&h, 2).received, 0);
	wants_digests(&h, 0);
	assert_false(is_proven(&h, NULL));
	assert_int_equal(holding_of(&h, JID).awaited, 7);
	OK(confirm(&h, &h.pos[2], 1, 0, &due));
	assert_true(is_proven(&h, NULL));
	holding_end(&h);
}

/* One of FROM and the one behind that, from before it had shown that it confirms. */
static void digest_comes_back(const struct holding *h, size_t from)
{
	char text[HOLD_TEXT_SIZE];
	struct sub_hold now = holding_of(h, JID);
	struct store_move other = {.pos = h->pos[from + 1]};
	struct store_done_row row = {.jid = JID,
				     .pos = h->pos[from],
				     .moves = &other,
				     .move_count = 1,
				     .hold = {.reason = HOLD_BOUNCED,
					      .due_ms = 1000,
					      .tries = now.tries + 1,
					      .first_ms = 1,
					      .awaited = now.awaited,
					      .condition = "service-unavailable"}};
	sub_hold_digest(&row.hold, other.pos, 3);
	row.was_len = now.reason ? sub_hold_text(&now, text) : 0;
	row.was = text;
	OK(sync_late_bounce(A, &h->owner, h->feed, &row));
}

void test_receipts_and_late_digests(void **state)
{
	struct holding h = holding_begin("olddigest");
	bool due;
	(void)state;
	holding_join(&h, JID);
	asks(&h, true);
	for (int i = 0; i < 3; i++)
		holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	OK(confirm(&h, &h.pos[3], 1, 0, &due));
	assert_true(is_proven(&h, NULL));
	holding_post(&h, PRIORITY_NORMAL);
	struct sub_hold hold = {
		.reason = HOLD_CONFIRM, .due_ms = HOLD_NEVER, .counted = h.pos[4]};
	assert_true(hold_await(&hold, h.pos[4]));
	const struct store_move taken = {h.pos[4], COUNT_NONE, COUNT_TAKEN};
	const struct store_done_row row = {.jid = JID,
					   .pos = h.pos[4],
					   .hold = hold,
					   .moves = &taken,
					   .move_count = 1};
	OK(holding_done(&h, &row, 1, h.pos[4]));
	/* Before all that is awaited: it is first, then all is that is counted. */
	digest_comes_back(&h, 1);
	hold = holding_of(&h, JID);
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(hold.pos.n, h.pos[1].n - 1);
	assert_int_equal(hold.awaited, 0);
	assert_true(contract_pos_is(hold.counted, h.pos[4]));
	assert_true(contract_pos_is(hold.end, h.pos[2]));
	assert_int_equal(sub_hold_members(&hold), 3);
	for (size_t i = 1; i <= 4; i++) {
		assert_int_equal(holding_counters(&h, i).held, i <= 2);
		assert_int_equal(holding_counters(&h, i).taken, i > 2);
		assert_int_equal(holding_counters(&h, i).bounced, i <= 2);
	}
	holding_end(&h);
}

/* What came before the proof comes back, again and again: there are bits for so many. */
void test_receipts_far_apart(void **state)
{
	struct holding h = holding_begin("far");
	struct sub_hold hold = {.reason = HOLD_CONFIRM, .due_ms = HOLD_NEVER};
	bool due;
	(void)state;
	holding_join(&h, JID);
	asks(&h, true);
	for (unsigned i = 0; i < 36; i++)
		holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	OK(confirm(&h, &h.pos[36], 1, 0, &due));
	holding_post(&h, PRIORITY_NORMAL);
	hold.counted = h.pos[37];
	assert_true(hold_await(&hold, h.pos[37]));
	const struct store_done_row row = {.jid = JID, .pos = h.pos[37], .hold = hold};
	OK(holding_done(&h, &row, 1, h.pos[37]));
	come_back(&h, h.pos[22]);
	assert_int_equal(holding_of(&h, JID).awaited, 1 << 15 | 1);
	come_back(&h, h.pos[6]);
	hold = holding_of(&h, JID);
	assert_true(hold_awaits(&hold, h.pos[6]) && hold_awaits(&hold, h.pos[37]));
	come_back(&h, h.pos[5]);
	hold = holding_of(&h, JID);
	assert_int_equal(hold.awaited, 0); /* all is sent again */
	assert_int_equal(hold.pos.n, h.pos[4].n);
	assert_true(contract_pos_is(hold.counted, h.pos[37]));
	holding_end(&h);
}

/* Of what is urgent it is not known whether it was asked for: an older copy counts. */
void test_receipts_urgent(void **state)
{
	struct holding h = begin_awaiting_of("urgent", 1, PRIORITY_URGENT);
	bool due;
	(void)state;
	OK(confirm(&h, &h.pos[2], 1, 0, &due));
	assert_int_equal(holding_of(&h, JID).reason, HOLD_NONE);
	assert_int_equal(holding_counters(&h, 2).received, 1);
	come_back(&h, h.pos[2]);
	assert_int_equal(holding_of(&h, JID).reason, HOLD_BOUNCED);
	assert_int_equal(holding_counters(&h, 2).received, 0);
	assert_int_equal(holding_counters(&h, 2).held, 1);
	holding_end(&h);
}
