#include "contract.h"
#include "holding.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Digests: many events that come back as one. */

/* A digest of the events 2, 3 and 5. */
static struct store_done_row came_back(const struct holding *h,
				       struct store_move moves[2])
{
	struct store_done_row row = {.jid = "a@b",
				     .pos = h->pos[2],
				     .hold = {.reason = HOLD_BOUNCED,
					      .due_ms = 1000,
					      .tries = 1,
					      .first_ms = 1,
					      .condition = "service-unavailable"},
				     .moves = moves,
				     .move_count = 2};
	moves[0] = (struct store_move){.pos = h->pos[3]};
	moves[1] = (struct store_move){.pos = h->pos[5]};
	sub_hold_digest(&row.hold, h->pos[5], 0xd);
	return row;
}

/* TAKEN: the numbers of the events that are; the others are held. */
static void check(const struct holding *h, const char *taken, uint64_t bounced)
{
	for (size_t i = 1; i <= h->posted; i++) {
		struct store_counters c = holding_counters(h, i);
		bool is = strchr(taken, (char)('0' + i)) != NULL;
		bool back = i == 2 || i == 3 || i == 5;
		assert_int_equal(c.taken, is);
		assert_int_equal(c.held, !is);
		assert_int_equal(c.bounced, back ? bounced : 0);
	}
}

static struct holding begin(const char *feed)
{
	struct holding h = holding_begin(feed);
	holding_join(&h, "a@b");
	for (int i = 1; i <= 6; i++)
		holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	return h;
}

static void late_and_then_older(void)
{
	struct holding h = begin("latedigest");
	struct store_move moves[2];
	char text[HOLD_TEXT_SIZE];
	struct store_done_row row = came_back(&h, moves);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	struct sub_hold hold = holding_of(&h, "a@b");
	assert_true(contract_pos_is(hold.pos, h.pos[1]));
	assert_true(contract_pos_is(hold.counted, h.pos[6]));
	assert_true(contract_pos_is(hold.end, h.pos[5]));
	assert_int_equal(sub_hold_members(&hold), 0xd);
	check(&h, "146", 1);
	/* Something older comes back: what was counted before is counted so again. */
	row.was_len = sub_hold_text(&hold, text);
	row.was = text;
	row.pos = h.pos[1];
	row.move_count = 0;
	sub_hold_digest(&row.hold, (struct pos){0, 0}, 0);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	hold = holding_of(&h, "a@b");
	assert_int_equal(hold.pos.n, h.pos[1].n - 1);
	assert_int_equal(hold.end.n, 0);
	for (size_t i = 1; i <= 6; i++)
		assert_int_equal(holding_counters(&h, i).held, i == 1);
	holding_end(&h);
}

static void late_and_ends(void)
{
	struct holding h = begin("latedigestends");
	struct store_move moves[2];
	struct store_done_row row = came_back(&h, moves);
	row.end = true;
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	for (size_t i = 1; i <= 6; i++) {
		bool back = i == 2 || i == 3 || i == 5;
		assert_int_equal(holding_counters(&h, i).left, back);
		assert_int_equal(holding_counters(&h, i).taken, !back);
	}
	holding_end(&h);
}

/* A part of it is gone from the log: nothing is counted for that. */
static void late_and_trimmed(void)
{
	struct holding h = begin("latedigesttrim");
	struct store_move moves[2];
	OK(sync_settle(A, &h.owner, h.feed, 1, h.pos[6]));
	OK(sync_trim(A, h.feed, 3, 0));
	struct store_done_row row = came_back(&h, moves);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	assert_true(contract_pos_is(holding_of(&h, "a@b").pos, h.pos[1]));
	for (size_t i = 4; i <= 6; i++) {
		assert_int_equal(holding_counters(&h, i).taken, i != 5);
		assert_int_equal(holding_counters(&h, i).held, i == 5);
	}
	holding_end(&h);
}

void test_late_digest(void **state)
{
	(void)state;
	late_and_then_older();
	late_and_ends();
	late_and_trimmed();
}

/* When its failures are forgotten, so is which of the events came back. */
void test_digest_redriven(void **state)
{
	struct holding h = begin("digestorder");
	struct store_move moves[2];
	struct sub_hold hold;
	(void)state;
	struct store_done_row row = came_back(&h, moves);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, &hold));
	hold = holding_of(&h, "a@b");
	assert_int_equal(hold.tries, 0);
	assert_true(contract_pos_is(hold.end, h.pos[5]));
	assert_int_equal(sub_hold_members(&hold), 0xd);
	check(&h, "123456", 1);
	holding_end(&h);
}

/* Who takes it back before it is written waits no longer; nor does who wants it sooner
 * for longer than that. */
void test_digest_is_chosen(void **state)
{
	struct holding h = holding_begin("digestchosen");
	struct sub_change c = {
		.set = SUB_SET_FORMAT | SUB_SET_DIGEST,
		.format = FORMAT_CHAT,
		.options.digest = {.daily = true, .at = 480, .zone = "UTC"}};
	(void)state;
	holding_join(&h, "a@b");
	OK(sync_change(A, h.feed, "c@d", &c, NULL, NULL));
	c.options.digest = (struct sub_digest){.every_min = 5};
	OK(sync_change(A, h.feed, "e@f", &c, NULL, NULL));
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row rows[3] = {
		{.jid = "a@b",
		 .pos = h.pos[1],
		 .hold = {.reason = HOLD_DIGEST, .pos = since, .due_ms = 3600000}}};
	rows[2] = rows[1] = rows[0];
	rows[1].jid = "c@d";
	rows[2].jid = "e@f";
	OK(holding_done(&h, rows, 3, h.pos[1]));
	struct sub_hold without = holding_of(&h, "a@b"), with = holding_of(&h, "c@d");
	assert_int_equal(without.reason, HOLD_DIGEST);
	assert_in_range(with.due_ms - without.due_ms, 3590000, 3610000);
	struct sub_hold sooner = holding_of(&h, "e@f");
	assert_in_range(sooner.due_ms - without.due_ms, 290000, 310000);
	holding_end(&h);
}
