#include "contract.h"
#include "holding.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rows that leave the common pace of their bucket, and come back to it. */

void test_hold_and_release(void **state)
{
	struct holding h = holding_begin("hold");
	struct sub_hold was = {0};
	(void)state;
	holding_pause(&h, "a@b", true);
	holding_join(&h, "c@d");
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_post(&h, PRIORITY_NORMAL);
	/* Paused from the first event on: its position is the one it was made at. */
	const struct store_move both[] = {{h.pos[1], COUNT_NONE, COUNT_HELD},
					  {h.pos[2], COUNT_NONE, COUNT_HELD}};
	struct store_done_row row = {
		.jid = "a@b",
		.pos = since,
		.hold = {.reason = HOLD_PAUSED, .pos = since, .due_ms = HOLD_NEVER},
		.moves = both,
		.move_count = 2};
	OK(holding_done(&h, &row, 1, h.pos[2]));
	was = holding_of(&h, "a@b");
	assert_int_equal(was.reason, HOLD_PAUSED);
	assert_true(contract_pos_is(was.pos, since));
	assert_int_equal(was.due_ms, 0);
	assert_int_equal(was.first_ms, 0);
	assert_int_equal(holding_counters(&h, 1).held, 1);
	assert_int_equal(holding_of(&h, "c@d").reason, HOLD_NONE);
	/* From where it stands to the next event, and then to its bucket's cursor. */
	char text[HOLD_TEXT_SIZE];
	row.was_len = sub_hold_text(&was, text);
	row.was = text;
	row.pos = row.hold.pos = h.pos[1];
	row.hold.due_ms = 0;
	row.moves = &(struct store_move){h.pos[1], COUNT_HELD, COUNT_TAKEN};
	row.move_count = 1;
	OK(holding_done(&h, &row, 1, h.pos[2]));
	was = holding_of(&h, "a@b");
	assert_true(contract_pos_is(was.pos, h.pos[1]));
	assert_true(was.due_ms > 0);
	assert_int_equal(holding_counters(&h, 1).held, 0);
	assert_int_equal(holding_counters(&h, 1).taken, 1);
	row.was_len = sub_hold_text(&was, text);
	row.pos = h.pos[2];
	row.hold = (struct sub_hold){.reason = HOLD_NONE};
	row.moves = &(struct store_move){h.pos[2], COUNT_HELD, COUNT_FILTERED};
	OK(holding_done(&h, &row, 1, h.pos[2]));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_NONE);
	assert_int_equal(holding_counters(&h, 2).filtered, 1);
	holding_end(&h);
}

/* Only if the row and its hold are those that were read. */
void test_hold_of_another_row(void **state)
{
	struct holding h = holding_begin("holdcas");
	char text[HOLD_TEXT_SIZE];
	(void)state;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	OK(sync_leave(B, h.feed, "a@b", NULL));
	holding_join(&h, "a@b");
	const struct store_move move = {h.pos[1], COUNT_NONE, COUNT_HELD};
	struct store_done_row row = {
		.jid = "a@b",
		.pos = h.pos[1],
		.hold = {.reason = HOLD_BOUNCED, .pos = since, .tries = 1},
		.moves = &move,
		.move_count = 1};
	OK(holding_done(&h, &row, 1, h.pos[1]));
	row.pos = since; /* held without a bounce */
	OK(holding_done(&h, &row, 1, h.pos[1]));
	row.pos = h.pos[1];
	row.end = true;
	OK(holding_done(&h, &row, 1, h.pos[1]));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_NONE);
	assert_int_equal(holding_counters(&h, 1).held, 0);
	/* Now it is held, by an event that is its. */
	holding_post(&h, PRIORITY_NORMAL);
	row.end = false;
	row.pos = h.pos[2];
	row.hold.pos = h.pos[1];
	OK(holding_done(&h, &row, 1, h.pos[2]));
	assert_int_equal(holding_counters(&h, 1).held, 1);
	struct sub_hold now = holding_of(&h, "a@b");
	/* As if it were not, or otherwise. */
	row.hold.reason = HOLD_DEAD;
	OK(holding_done(&h, &row, 1, h.pos[2]));
	row.was = "hp:1-1:0:0:0::0-0";
	row.was_len = strlen(row.was);
	OK(holding_done(&h, &row, 1, h.pos[2]));
	row.end = true;
	OK(holding_done(&h, &row, 1, h.pos[2]));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_BOUNCED);
	assert_int_equal(holding_counters(&h, 1).held, 1);
	row.was_len = sub_hold_text(&now, text);
	row.was = text;
	row.moves = &(struct store_move){h.pos[2], COUNT_NONE, COUNT_LEFT};
	OK(holding_done(&h, &row, 1, h.pos[2]));
	struct sub sub;
	IS(sync_sub_get(A, h.feed, "a@b", &sub), BELFRY_ENOENT);
	assert_int_equal(holding_counters(&h, 2).left, 1);
	holding_end(&h);
}

/* Who was the first to fail stays; nobody's time is made up. */
void test_hold_times(void **state)
{
	struct holding h = holding_begin("holdtimes");
	char text[HOLD_TEXT_SIZE];
	(void)state;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row row = {.jid = "a@b",
				     .pos = h.pos[1],
				     .hold = {.reason = HOLD_BOUNCED,
					      .pos = since,
					      .due_ms = 3600000,
					      .tries = 1,
					      .first_ms = 7,
					      .counted = h.pos[1],
					      .urgent = true,
					      .condition = "remote-server-timeout"}};
	OK(holding_done(&h, &row, 1, h.pos[1]));
	struct store_run *run;
	OK(sync_read(A, h.feed, 0, 1, &run));
	uint64_t now = run->now_ms;
	store_run_free(run);
	struct sub_hold first = holding_of(&h, "a@b");
	assert_true(first.first_ms > 7 && first.first_ms <= now);
	assert_int_equal(first.due_ms, first.first_ms + 3600000);
	assert_string_equal(first.condition, "remote-server-timeout");
	assert_int_equal(first.tries, 1);
	assert_true(first.urgent);
	assert_true(contract_pos_is(first.counted, h.pos[1]));
	/* Later than any time that can be told. */
	row.was_len = sub_hold_text(&first, text);
	row.was = text;
	row.hold.due_ms = HOLD_NEVER - 1;
	row.hold.first_ms = 1;
	row.hold.condition[0] = '\0';
	OK(holding_done(&h, &row, 1, h.pos[1]));
	struct sub_hold second = holding_of(&h, "a@b");
	assert_int_equal(second.first_ms, first.first_ms);
	assert_true(second.due_ms > first.due_ms);
	assert_string_equal(second.condition, "");
	row.was_len = sub_hold_text(&second, text);
	row.hold.first_ms = 0;
	memcpy(row.hold.condition, "x:9 Y", 6); /* what would end the word */
	OK(holding_done(&h, &row, 1, h.pos[1]));
	assert_string_equal(holding_of(&h, "a@b").condition, "undefined-condition");
	assert_int_equal(holding_of(&h, "a@b").first_ms, 0);
	holding_end(&h);
}

void test_moves(void **state)
{
	struct holding h = holding_begin("moves");
	(void)state;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	for (int i = 0; i < 4; i++)
		holding_post(&h, PRIORITY_NORMAL);
	/* As if it had been a headline when it was sent. */
	struct store_done_event sent = {h.pos[4], {.sent = 1}};
	struct store_done_bucket b = {0, since};
	struct store_done d = {.feed = h.feed,
			       .feed_buckets = 1,
			       .to = h.pos[4],
			       .buckets = &b,
			       .bucket_count = 1,
			       .events = &sent,
			       .event_count = 1};
	OK(sync_done(A, &h.owner, &d));
	OK(sync_settle(A, &h.owner, h.feed, 1, h.pos[4]));
	OK(sync_trim(A, h.feed, 2, 0));
	const struct store_move moves[] = {
		{h.pos[1], COUNT_NONE, COUNT_HELD}, /* trimmed */
		{h.pos[2], COUNT_HELD, COUNT_TAKEN},
		{h.pos[3], COUNT_NONE, COUNT_HELD},
		{h.pos[3], COUNT_HELD, COUNT_DEAD},
		{h.pos[3], COUNT_NONE, COUNT_BOUNCED},
		{h.pos[4], COUNT_TAKEN, COUNT_HELD},
		{h.pos[4], COUNT_NONE, COUNT_SKIPPED},
	};
	struct store_done_row row = {.jid = "a@b",
				     .pos = h.pos[4],
				     .hold = {.reason = HOLD_BOUNCED, .pos = h.pos[3]},
				     .moves = moves,
				     .move_count = 7};
	OK(holding_done(&h, &row, 1, h.pos[4]));
	struct store_counters c = holding_counters(&h, 3);
	assert_int_equal(c.held, 0);
	assert_int_equal(c.dead, 1);
	assert_int_equal(c.bounced, 1);
	c = holding_counters(&h, 4);
	assert_int_equal(c.sent, 0);
	assert_int_equal(c.taken, 0);
	assert_int_equal(c.held, 1);
	assert_int_equal(c.skipped, 1);
	IS(sync_event_get(A, h.feed, "e2", &c, NULL, NULL), BELFRY_ENOENT);
	holding_end(&h);
}

static void urgent_hold(const char *feed, bool changed)
{
	struct holding h = holding_begin(feed);
	char text[HOLD_TEXT_SIZE];
	struct sub_hold now;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	for (int i = 1; i <= 5; i++)
		holding_post(&h, i % 2 ? PRIORITY_NORMAL : PRIORITY_URGENT);
	const struct store_move moves[] = {{h.pos[1], COUNT_NONE, COUNT_HELD},
					   {h.pos[2], COUNT_NONE, COUNT_TAKEN},
					   {h.pos[3], COUNT_NONE, COUNT_HELD}};
	struct store_done_row row = {.jid = "a@b",
				     .pos = since,
				     .hold = {.reason = HOLD_QUIET,
					      .pos = since,
					      .due_ms = HOLD_NEVER,
					      .urgent = true},
				     .moves = moves,
				     .move_count = 3};
	OK(holding_done(&h, &row, 1, h.pos[3]));
	struct sub_hold was = holding_of(&h, "a@b");
	assert_true(was.urgent);
	was.due_ms += changed; /* somebody made it due sooner */
	row.was_len = sub_hold_text(&was, text);
	row.was = text;
	row.pos = h.pos[4];
	row.hold = (struct sub_hold){.reason = HOLD_BOUNCED, .pos = since, .tries = 1};
	const struct store_move more[] = {{h.pos[4], COUNT_NONE, COUNT_HELD},
					  {h.pos[5], COUNT_NONE, COUNT_HELD}};
	row.moves = more;
	row.move_count = 2;
	if (changed) {
		OK(holding_due_done(&h, &row, 1));
		assert_int_equal(holding_of(&h, "a@b").reason, HOLD_QUIET);
	}
	OK(holding_done(&h, &row, 1, h.pos[5]));
	now = holding_of(&h, "a@b");
	assert_int_equal(now.reason, HOLD_BOUNCED);
	assert_false(now.urgent);
	assert_true(contract_pos_is(now.pos, since));
	for (size_t i = 1; i <= 5; i++) {
		assert_int_equal(holding_counters(&h, i).held, 1);
		assert_int_equal(holding_counters(&h, i).taken, 0);
	}
	/* Now it is another one, and no urgent event was sent since then. */
	row.end = true;
	OK(holding_done(&h, &row, 1, h.pos[5]));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_BOUNCED);
	holding_end(&h);
}

/* Urgent events did not wait; when one has to be sent again, all have to. */
void test_urgent_hold(void **state)
{
	(void)state;
	urgent_hold("holdurgent", false);
}

/* ... also if somebody changes the hold while one is on its way. */
void test_urgent_hold_that_is_changed(void **state)
{
	(void)state;
	urgent_hold("holdurgent2", true);
}

/* Where there is no room, what is held goes on, and others become held. */
void test_holds_without_room(void **state)
{
	struct holding h = holding_begin("holdfull");
	struct sync_dues *due = calloc(1, sizeof *due);
	struct sync_dead *dead = calloc(1, sizeof *dead);
	struct sub_hold hold;
	(void)state;
	holding_join(&h, "a@b");
	holding_join(&h, "c@d");
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	contract.fill(true);
	IS(sync_post(A, h.feed, "more", NULL, NULL), BELFRY_EFULL);
	struct store_done_row row = {.jid = "a@b",
				     .pos = h.pos[1],
				     .hold = {.reason = HOLD_DEAD,
					      .pos = since,
					      .due_ms = HOLD_NEVER,
					      .tries = 1}};
	OK(holding_done(&h, &row, 1, h.pos[1]));
	OK(sync_dead_list(A, h.feed, 0, 5, dead));
	assert_int_equal(dead->count, 1);
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, &hold));
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	OK(sync_due(A, 100, due));
	assert_true(holding_is_due(&h, due, 0));
	row = (struct store_done_row){
		.jid = "c@d", .pos = h.pos[1], .hold = {.reason = HOLD_BOUNCED}};
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	assert_int_equal(holding_of(&h, "c@d").reason, HOLD_BOUNCED);
	OK(sync_join(A, h.feed, "c@d", FORMAT_CHAT, NULL, NULL));
	contract_has_room();
	holding_end(&h);
	free(due);
	free(dead);
}
