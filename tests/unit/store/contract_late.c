#include "contract.h"
#include "holding.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bounces that come when their window is done. */

static struct store_done_row bounce(const char *jid, struct pos pos)
{
	return (struct store_done_row){.jid = jid,
				       .pos = pos,
				       .hold = {.reason = HOLD_BOUNCED,
						.due_ms = 1000,
						.tries = 1,
						.first_ms = 1,
						.urgent = true,
						.condition = "service-unavailable"}};
}

/* ROW with the hold that its row has now. */
static struct store_done_row *with_hold(const struct holding *h,
					struct store_done_row *row)
{
	static char text[HOLD_TEXT_SIZE];
	struct sub_hold now = holding_of(h, row->jid);
	row->was = text;
	row->was_len = sub_hold_text(&now, text);
	return row;
}

void test_late_bounces(void **state)
{
	struct holding h = holding_begin("late");
	struct pos first = {1, 1};
	(void)state;
	struct store_done_row row = bounce("a@b", first);
	IS(sync_late_bounce(A, &h.owner, "no-feed", &row), BELFRY_ENOFEED);
	IS(sync_late_bounce(A, &h.owner, h.feed, &row), BELFRY_ENOENT);
	holding_join(&h, "a@b");
	holding_join(&h, "h@b");
	OK(sync_join(A, h.feed, "h@b", FORMAT_HEADLINE, NULL, NULL));
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	row = bounce("a@b", h.pos[1]);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row)); /* still to be done */
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_NONE);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 2);
	/* Neither ends nor is held. */
	row.hold.reason = HOLD_NONE;
	IS(sync_late_bounce(A, &h.owner, h.feed, &row), BELFRY_EINVAL);
	row = bounce("a@b", h.pos[1]);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	struct sub_hold hold = holding_of(&h, "a@b");
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_true(contract_pos_is(hold.pos, since));
	assert_true(contract_pos_is(hold.counted, h.pos[2]));
	assert_int_equal(hold.tries, 1);
	assert_false(hold.urgent);
	assert_true(hold.first_ms > 1 && hold.due_ms == hold.first_ms + 1000);
	assert_string_equal(hold.condition, "service-unavailable");
	/* What is behind it will be sent again: once more says nothing. */
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	row.pos = h.pos[2];
	row.end = true;
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	struct store_counters c = holding_counters(&h, 1);
	assert_int_equal(c.taken, 1);
	assert_int_equal(c.held, 1);
	assert_int_equal(c.bounced, 1);
	assert_int_equal(c.left, 0);
	assert_int_equal(holding_counters(&h, 2).taken, 2);
	/* The other one leaves: a headline, counted as what there is. */
	row = bounce("h@b", h.pos[2]);
	row.end = true;
	OK(sync_late_bounce(B, &h.owner, h.feed, &row));
	IS(sync_late_bounce(B, &h.owner, h.feed, &row), BELFRY_ENOENT);
	c = holding_counters(&h, 2);
	assert_int_equal(c.taken, 1);
	assert_int_equal(c.left, 1);
	struct store_feed f;
	OK(sync_feed_get(A, h.feed, &f));
	assert_int_equal(f.subscribers, 1);
	row = bounce("a@b", (struct pos){h.pos[1].epoch, 99});
	IS(sync_late_bounce(A, &h.owner, h.feed, &row), BELFRY_ENOENT);
	/* No other owner's. */
	contract_own(B, h.feed);
	row = bounce("a@b", h.pos[1]);
	IS(sync_late_bounce(A, &h.owner, h.feed, &row), BELFRY_ELOST);
	holding_end(&h);
}

/* Each event is counted once, however often and in whichever order they come back. */
void test_late_bounce_of_what_is_held(void **state)
{
	struct holding h = holding_begin("lateheld");
	(void)state;
	holding_join(&h, "a@b");
	for (int i = 0; i < 4; i++)
		holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	struct store_done_row row = bounce("a@b", h.pos[3]);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	row = bounce("a@b", h.pos[2]);
	IS(sync_late_bounce(A, &h.owner, h.feed, &row), BELFRY_ESTALE);
	row.hold.tries = 2;
	OK(sync_late_bounce(A, &h.owner, h.feed, with_hold(&h, &row)));
	struct sub_hold hold = holding_of(&h, "a@b");
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_true(contract_pos_is(hold.counted, h.pos[4]));
	assert_int_equal(holding_counters(&h, 2).held, 1);
	assert_int_equal(holding_counters(&h, 2).bounced, 1);
	assert_int_equal(holding_counters(&h, 3).held, 0);
	assert_int_equal(holding_counters(&h, 3).taken, 1);
	assert_int_equal(holding_counters(&h, 3).bounced, 1);
	/* Sent again, and it comes back again: after its window, as before. */
	row.pos = row.hold.pos = h.pos[3];
	row.hold.tries = 0;
	row.hold.counted = h.pos[4];
	row.moves = &(struct store_move){h.pos[2], COUNT_HELD, COUNT_TAKEN};
	row.move_count = 1;
	OK(holding_due_done(&h, with_hold(&h, &row), 1));
	row = bounce("a@b", h.pos[2]);
	OK(sync_late_bounce(A, &h.owner, h.feed, with_hold(&h, &row)));
	assert_int_equal(holding_counters(&h, 2).taken, 0);
	assert_int_equal(holding_counters(&h, 2).held, 1);
	assert_int_equal(holding_counters(&h, 2).bounced, 2);
	assert_true(contract_pos_is(holding_of(&h, "a@b").counted, h.pos[4]));
	/* At the common pace again, but not forgotten. */
	row.pos = h.pos[4];
	row.hold = (struct sub_hold){
		.reason = HOLD_PROVING, .due_ms = 3600000, .tries = 1, .first_ms = 1};
	row.moves = &(struct store_move){h.pos[2], COUNT_HELD, COUNT_TAKEN};
	row.move_count = 1;
	OK(holding_due_done(&h, with_hold(&h, &row), 1));
	row = bounce("a@b", h.pos[4]);
	OK(sync_late_bounce(A, &h.owner, h.feed, with_hold(&h, &row)));
	hold = holding_of(&h, "a@b");
	assert_true(contract_pos_is(hold.pos, h.pos[3]));
	assert_true(contract_pos_is(hold.counted, h.pos[4]));
	for (size_t i = 1; i <= 4; i++)
		assert_int_equal(holding_counters(&h, i).taken, i < 4);
	holding_end(&h);
}

/* An urgent event did not wait for its row, so its bounce does not, either. */
void test_late_bounce_of_urgent(void **state)
{
	struct holding h = holding_begin("lateurgent");
	(void)state;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	for (int i = 1; i <= 4; i++)
		holding_post(&h, i % 2 ? PRIORITY_NORMAL : PRIORITY_URGENT);
	const struct store_move moves[] = {{h.pos[1], COUNT_NONE, COUNT_HELD},
					   {h.pos[2], COUNT_NONE, COUNT_TAKEN},
					   {h.pos[3], COUNT_NONE, COUNT_HELD},
					   {h.pos[4], COUNT_NONE, COUNT_TAKEN}};
	struct store_done_row row = {.jid = "a@b",
				     .pos = since,
				     .hold = {.reason = HOLD_QUIET,
					      .pos = since,
					      .due_ms = HOLD_NEVER,
					      .urgent = true},
				     .moves = moves,
				     .move_count = 4};
	OK(holding_done(&h, &row, 1, h.pos[4]));
	row = bounce("a@b", h.pos[3]); /* which waits */
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	assert_int_equal(holding_counters(&h, 3).bounced, 0);
	row = bounce("a@b", h.pos[4]);
	row.hold.span_to = h.pos[4];
	sub_hold_digest(&row.hold, h.pos[4], 1);
	OK(sync_late_bounce(A, &h.owner, h.feed, with_hold(&h, &row)));
	struct sub_hold hold = holding_of(&h, "a@b");
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_true(contract_pos_is(hold.pos, since));
	assert_true(contract_pos_is(hold.span_to, h.pos[4]));
	assert_int_equal(sub_hold_members(&hold), 0);
	assert_int_equal(hold.end.n, 0);
	assert_false(hold.urgent);
	assert_int_equal(holding_counters(&h, 4).bounced, 1);
	for (size_t i = 1; i <= 4; i++) {
		assert_int_equal(holding_counters(&h, i).held, 1);
		assert_int_equal(holding_counters(&h, i).taken, 0);
	}
	holding_end(&h);
}

/* It is held all the same, so that it is told that something is gone. */
void test_late_bounce_of_what_is_gone(void **state)
{
	struct holding h = holding_begin("lategone");
	struct store_feed f;
	(void)state;
	holding_join(&h, "a@b");
	holding_join(&h, "c@d");
	for (int i = 1; i <= 4; i++)
		holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 2);
	OK(sync_settle(A, &h.owner, h.feed, 1, h.pos[4]));
	OK(sync_trim(A, h.feed, 2, 0));
	struct store_done_row row = bounce("a@b", h.pos[2]);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	struct sub_hold hold = holding_of(&h, "a@b");
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_true(contract_pos_is(hold.counted, h.pos[4]));
	/* Again, of one before it. */
	row = bounce("a@b", h.pos[1]);
	OK(sync_late_bounce(A, &h.owner, h.feed, with_hold(&h, &row)));
	assert_int_equal(holding_of(&h, "a@b").pos.n, h.pos[1].n - 1);
	row = bounce("c@d", h.pos[1]);
	row.end = true;
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	OK(sync_feed_get(A, h.feed, &f));
	assert_int_equal(f.subscribers, 1);
	for (size_t i = 3; i <= 4; i++) {
		assert_int_equal(holding_counters(&h, i).taken, 2);
		assert_int_equal(holding_counters(&h, i).bounced, 0);
	}
	holding_end(&h);
}

/* A copy that was lost with its link comes back after all. */
void test_late_bounce_of_what_expired(void **state)
{
	struct holding h = holding_begin("late-expired");
	(void)state;
	holding_join(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	const struct store_move moves[] = {{h.pos[1], COUNT_TAKEN, COUNT_EXPIRED},
					   {h.pos[2], COUNT_TAKEN, COUNT_SUPERSEDED}};
	struct store_done_row row = {
		.jid = "a@b", .pos = h.pos[2], .moves = moves, .move_count = 2};
	OK(holding_done(&h, &row, 1, h.pos[2]));
	assert_int_equal(holding_counters(&h, 1).expired, 1);
	assert_int_equal(holding_counters(&h, 2).superseded, 1);
	for (size_t event = 2; event > 0; event--) {
		row = bounce("a@b", h.pos[event]);
		if (event == 1)
			with_hold(&h, &row);
		OK(sync_late_bounce(A, &h.owner, h.feed, &row));
		struct store_counters c = holding_counters(&h, event);
		assert_int_equal(c.held, 1);
		assert_int_equal(c.bounced, 1);
		assert_int_equal(c.taken + c.sent + c.expired + c.superseded, 0);
	}
	holding_end(&h);
}
