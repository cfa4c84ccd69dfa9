#include "contract.h"
#include "holding.h"
#include "on_redis.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Holds in Redis: what stands there, what others wrote, and what is left behind. */

static struct sync_dues due;
static struct sync_dead dead;

/* Held, and due at once unless it is dead. */
static struct store_done_row held(const char *jid, struct pos pos, enum hold_reason why)
{
	return (struct store_done_row){
		.jid = jid,
		.pos = pos,
		.hold = {.reason = why,
			 .pos = pos,
			 .due_ms = why == HOLD_DEAD ? HOLD_NEVER : 0}};
}

static void test_row_as_it_stands(void **state)
{
	struct holding h = holding_begin("text");
	struct sub_change c = {.set = SUB_SET_PRIORITY | SUB_SET_CONTACT,
			       .format = FORMAT_CHAT,
			       .options = {.contact = true, .at_least = PRIORITY_HIGH}};
	char want[300], pos[POS_TEXT_SIZE];
	(void)state;
	OK(sync_change(A, h.feed, "a@b", &c, NULL, NULL));
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row row = held("a@b", since, HOLD_DEAD);
	row.hold.tries = 4;
	row.hold.counted = h.pos[1];
	memcpy(row.hold.condition, "gone", 5);
	OK(holding_done(&h, &row, 1, h.pos[1]));
	pos_format(since, pos);
	int n = snprintf(want, sizeof want, "c %s hd:%s:0:4:0:gone:", pos, pos);
	n += (int)pos_format(h.pos[1], want + n);
	snprintf(want + n, sizeof want - (size_t)n, " a p2");
	assert_non_null(strstr(on_redis_do_key("text", "b:text:0", "HGET %s a@b"), want));
	assert_true(on_redis_has("x:text"));
	assert_true(on_redis_has("dead"));
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL));
	assert_false(on_redis_has("x:text"));
	assert_false(on_redis_has("dead"));
	assert_true(on_redis_has("due"));
	holding_end(&h);
	assert_false(on_redis_has("due"));
}

/* What earlier versions wrote behind SINCE is passed over, and goes with the next hold.
 */
static void test_rows_of_earlier_versions(void **state)
{
	struct holding h = holding_begin("old");
	char command[200], pos[POS_TEXT_SIZE];
	struct sub sub;
	(void)state;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	pos_format(since, pos);
	snprintf(command, sizeof command, "HSET %%s a@b \"c %s %s p2\"", pos, pos);
	on_redis_do_key("old", "b:old:0", command);
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_NONE);
	struct store_done_row row = held("a@b", h.pos[1], HOLD_BOUNCED);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	OK(sync_leave(A, h.feed, "a@b", &sub));
	struct sub_hold hold;
	sub_hold_read(&sub, &hold);
	assert_int_equal(hold.reason, HOLD_BOUNCED);
	assert_int_equal(sub.options_len, 2);
	holding_end(&h);
}

/* A hold that is none is no hold: the row is at the common pace, and never due. */
static void test_holds_that_others_wrote(void **state)
{
	static const char *const bad[] = {
		"hb:nonsense",	      "hz:1-1:5:0:0::0-0",  "hb:1-1:5:0:0:A:0-0",
		"hb:1-1:5:0:0::0-0:", "hbb:1-1:5:0:0::0-0", "h",
	};
	struct holding h = holding_begin("foreign");
	char command[200], pos[POS_TEXT_SIZE];
	(void)state;
	holding_join(&h, "a@b");
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	pos_format(since, pos);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct store_done_row row = held("a@b", since, HOLD_BOUNCED);
		OK(sync_leave(A, h.feed, "a@b", NULL));
		holding_join(&h, "a@b");
		row.hold.pos = row.pos = h.pos[1];
		OK(holding_done(&h, &row, 1, h.pos[1]));
		OK(sync_due(A, 10, &due));
		assert_int_equal(holding_count_due(&h, &due), 1);
		snprintf(command, sizeof command, "HSET %%s a@b \"c %s %s p2\"", pos,
			 bad[i]);
		on_redis_do_key("foreign", "b:foreign:0", command);
		assert_int_equal(holding_of(&h, "a@b").reason, HOLD_NONE);
		IS(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL), BELFRY_ENOENT);
		OK(sync_join(A, h.feed, "a@b", FORMAT_CHAT, NULL, NULL));
		OK(holding_due_done(&h, NULL, 0));
		OK(sync_due(A, 10, &due));
		assert_int_equal(holding_count_due(&h, &due), 0);
	}
	/* It becomes one by what its owner read. */
	struct store_done_row row = held("a@b", h.pos[1], HOLD_BOUNCED);
	row.was = bad[0];
	row.was_len = strlen(bad[0]);
	snprintf(command, sizeof command, "HSET %%s a@b \"c %s %s p2\"", pos, bad[0]);
	on_redis_do_key("foreign", "b:foreign:0", command);
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_BOUNCED);
	holding_end(&h);
}

static void test_hints_that_others_wrote(void **state)
{
	struct holding h = holding_begin("hints");
	(void)state;
	holding_join(&h, "a@b");
	holding_join(&h, "c@d");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row rows[] = {
		held("a@b", holding_cursor(&h, "a@b"), HOLD_DEAD),
		held("c@d", holding_cursor(&h, "c@d"), HOLD_BOUNCED)};
	OK(holding_done(&h, rows, 2, h.pos[1]));
	on_redis_do("ZADD belfry:{p3}:due 5 nobar 6 |7 7 a|b 8 a|99999999999");
	OK(sync_due(A, 10, &due));
	assert_int_equal(due.count, 1);
	assert_string_equal(due.d[0].feed, h.feed);
	on_redis_do("DEL belfry:{p3}:due");
	/* A bucket that is not there is due no more once its owner has looked. */
	on_redis_do_key("hints", "f:hints",
			"EVAL \"return redis.call('ZADD', string.match(KEYS[1], "
			"'^.*}:') .. 'due', 5, 'hints|7')\" 1 %s");
	OK(sync_due(A, 10, &due));
	assert_int_equal(holding_count_due(&h, &due), 2);
	const struct store_done_bucket seventh = {.bucket = 7};
	IS(sync_done(A, &h.owner,
		     &(struct store_done){.feed = h.feed,
					  .feed_buckets = 8,
					  .buckets = &seventh,
					  .bucket_count = 1,
					  .due = true}),
	   BELFRY_ESTALE);
	OK(sync_due(A, 10, &due));
	assert_int_equal(holding_count_due(&h, &due), 1);
	assert_false(holding_is_due(&h, &due, 7));
	/* Dead letters without a row, or whose row is none. */
	on_redis_do_key("hints", "x:hints", "ZADD %s 1 nobody@b 2 c@d");
	OK(sync_dead_list(A, h.feed, 0, 10, &dead));
	assert_int_equal(dead.count, 1);
	assert_string_equal(dead.r[0].jid, "a@b");
	OK(sync_dead_list(A, h.feed, 0, 1, &dead));
	assert_int_equal(dead.count, 0);
	assert_int_equal(dead.next, 1);
	holding_end(&h);
}

/* What is counted of an event that was trimmed would never go again. */
static void test_trimmed_leaves_nothing(void **state)
{
	struct holding h = holding_begin("clean");
	(void)state;
	holding_join(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 1);
	OK(sync_settle(A, &h.owner, h.feed, 1, h.pos[2]));
	OK(sync_trim(A, h.feed, 0, 0));
	assert_false(on_redis_has("c:clean"));
	const struct store_move moves[] = {{h.pos[1], COUNT_HELD, COUNT_TAKEN},
					   {h.pos[2], COUNT_NONE, COUNT_BOUNCED}};
	struct store_done_row row = held("a@b", h.pos[2], HOLD_BOUNCED);
	row.moves = moves;
	row.move_count = 2;
	OK(holding_done(&h, &row, 1, h.pos[2]));
	assert_int_equal(holding_of(&h, "a@b").reason, HOLD_BOUNCED);
	assert_false(on_redis_has("c:clean"));
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL));
	assert_false(on_redis_has("c:clean"));
	holding_end(&h);
	assert_false(on_redis_has("x:clean"));
}

/* A master that may not write says so, whoever asks; and an empty script cache is filled.
 */
static void test_writes_refused(void **state)
{
	struct holding h = holding_begin("refused");
	(void)state;
	holding_join(&h, "a@b");
	holding_join(&h, "c@d");
	holding_post(&h, PRIORITY_NORMAL);
	holding_taken(&h, 2);
	struct store_done_row row = held("a@b", h.pos[1], HOLD_DEAD);
	on_redis_do("SCRIPT FLUSH");
	OK(sync_late_bounce(A, &h.owner, h.feed, &row));
	on_redis_do("CONFIG SET min-replicas-to-write 1");
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL), BELFRY_EREPLICAS);
	row.jid = "c@d";
	IS(sync_late_bounce(A, &h.owner, h.feed, &row), BELFRY_EREPLICAS);
	IS(holding_due_done(&h, &row, 1), BELFRY_EREPLICAS);
	OK(sync_due(A, 10, &due));
	OK(sync_dead_list(A, h.feed, 0, 10, &dead));
	assert_int_equal(dead.count, 1);
	on_redis_do("CONFIG SET min-replicas-to-write 0");
	on_redis_do("SCRIPT FLUSH");
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL));
	holding_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_as_it_stands),
		cmocka_unit_test(test_rows_of_earlier_versions),
		cmocka_unit_test(test_holds_that_others_wrote),
		cmocka_unit_test(test_hints_that_others_wrote),
		cmocka_unit_test(test_trimmed_leaves_nothing),
		cmocka_unit_test(test_writes_refused),
	};
	return cmocka_run_group_tests_name("holds in Redis", tests, on_redis_begin,
					   on_redis_end);
}
