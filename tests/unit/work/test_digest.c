#include "digesting.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Events that come together: both steps, and what may come between them. */

static void test_together(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	post_doc(&w, "{\"title\":\"one\",\"url\":\"https://example.org/1\"}");
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_DIGEST);
	wait_for(&k, HOUR_MS / 2);
	post_doc(&w, "{\"body\":\"two\\nlines\"}");
	post_some(&w, 1);
	wait_for(&k, HOUR_MS / 2 - 60000);
	assert_sent(&k, ANN, "");
	assert_sent(&k, BOB, "1 2 3");
	check_counters(&w, 1, 3, 1, 1, 0);
	wait_for(&k, 120000);
	assert_int_equal(count_to(&k, ANN), 1);
	assert_string_equal(events_of(&k, ANN, 0), "3+7");
	size_t at = sent_to(&k, ANN, 0);
	assert_true(contains(&k, at,
			     "<body>3 events of deploys:\n- one\n"
			     "  https://example.org/1\n- two lines\n"
			     "- an event</body>"));
	assert_true(contains(&k, at, "type='chat'"));
	assert_false(contains(&k, at, "urn:xmpp:delay"));
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	check_counters(&w, 1, 3, 2, 0, 0);
	/* The next one begins with the next event. */
	post_some(&w, 2);
	wait_for(&k, HOUR_MS / 2);
	assert_int_equal(count_to(&k, ANN), 1);
	assert_int_equal(reason(&w, ANN), HOLD_DIGEST);
	wait_for(&k, HOUR_MS / 2 + 1000);
	assert_string_equal(events_of(&k, ANN, 1), "5+3");
	world_end(&w, &k);
}

static void test_daily(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	passed_ms = 0;
	begin(&w, &k, "{}");
	unsigned minute = (unsigned)(clock_wall_ms() / 60000 % 1440);
	set(&w, ANN, SUB_SET_DIGEST,
	    (struct sub_options){.digest = {.daily = true,
					    .at = (minute + 120) % 1440,
					    .zone = "UTC"}});
	post_some(&w, 2);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	assert_sent(&k, ANN, "");
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "2+3");
	post_some(&w, 2);
	wait_for(&k, 23 * (uint64_t)HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 1);
	wait_for(&k, 2 * HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 1), "4+3");
	world_end(&w, &k);
}

/* Alone it comes as it would without digests, but late. */
static void test_one_alone(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 1);
	assert_sent(&k, ANN, "");
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "1");
	assert_true(contains(&k, sent_to(&k, ANN, 0), "urn:xmpp:delay"));
	check_counters(&w, 1, 1, 2, 0, 0);
	world_end(&w, &k);
}

static void test_urgent(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	set(&w, ANN, SUB_SET_URGENT, (struct sub_options){.urgent_passes = true});
	set(&w, BOB, SUB_SET_DIGEST, HOURLY);
	post_some(&w, 1);
	post_doc(&w, "{\"title\":\"urgent\"}");
	post_some(&w, 1);
	worker_run(&k);
	assert_string_equal(events_of(&k, ANN, 0), "2");
	assert_int_equal(count_to(&k, BOB), 0);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 1), "3+5");
	assert_string_equal(events_of(&k, BOB, 0), "3+7");
	check_counters(&w, 1, 3, 2, 0, 0);
	world_end(&w, &k);
}

static void test_filters(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	set(&w, ANN, SUB_SET_TAGS, (struct sub_options){.tag_count = 1, .tags = {"web"}});
	post_some(&w, 1);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 1).filtered, 1);
	post_doc(&w, "{\"title\":\"2\",\"tags\":[\"web\"]}");
	post_some(&w, 1);
	post_doc(&w, "{\"title\":\"4\",\"tags\":[\"web\"]}");
	post_some(&w, 1);
	worker_run(&k);
	assert_int_equal(counters(&w, 3).held, 1);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "4+5");
	assert_int_equal(count_to(&k, ANN), 1);
	assert_int_equal(counters(&w, 3).filtered, 1);
	assert_int_equal(counters(&w, 5).filtered, 1);
	assert_int_equal(counters(&w, 5).held, 0);
	assert_int_equal(counters(&w, 2).taken, 2);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* What waits for the end of quiet hours is together then. */
static void test_after_a_pause(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	pause_row(&w, ANN);
	post_some(&w, 3);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_PAUSED);
	wait_for(&k, 2 * HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 0);
	resume_row(&w, ANN);
	settle(&k);
	assert_string_equal(events_of(&k, ANN, 0), "3+7");
	world_end(&w, &k);
}

/* Paused when it is due: it comes when that is over. */
static void test_paused_meanwhile(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 2);
	pause_row(&w, ANN);
	settle(&k);
	wait_for(&k, 2 * HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 0);
	resume_row(&w, ANN);
	settle(&k);
	assert_string_equal(events_of(&k, ANN, 0), "2+3");
	world_end(&w, &k);
}

/* ---- Between the steps ------------------------------------------------------------ */

/* Two events are chosen and sent; the worker dies before it knows that they were taken.
 */
static char *die_with_digest(struct world *w, struct worker *k)
{
	size_t len;
	send_digest(k);
	const char *m = recorder_message(k->link, sent_to(k, ANN, 0), &len);
	char *copy = strndup(m, len);
	worker_kill(k);
	assert_int_equal(world_hold(w, "deploys", ANN).end.n, 2);
	return copy;
}

static void test_crash(void **state)
{
	struct world w;
	struct worker k;
	size_t len;
	(void)state;
	begin_gathered(&w, &k, "{}", 2);
	char *first = die_with_digest(&w, &k);
	/* What has come since is not in it; nor does it count what is not wanted now. */
	post_some(&w, 2);
	set(&w, ANN, SUB_SET_PRIORITY, (struct sub_options){.at_least = PRIORITY_URGENT});
	world_split(&w, "deploys");
	worker_start(&w, &k, 0);
	settle(&k);
	const char *again = recorder_message(k.link, sent_to(&k, ANN, 0), &len);
	assert_int_equal(len, strlen(first));
	assert_memory_equal(again, first, len);
	assert_int_equal(count_to(&k, ANN), 1);
	check_counters(&w, 1, 2, 2, 0, 0);
	assert_int_equal(counters(&w, 3).filtered, 1);
	free(first);
	world_end(&w, &k);
}

static void test_no_digest_any_more(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 2);
	char *first = die_with_digest(&w, &k);
	set(&w, ANN, SUB_SET_DIGEST, (struct sub_options){0});
	post_some(&w, 2);
	worker_start(&w, &k, 0);
	settle(&k);
	assert_sent(&k, ANN, "2 3 4");
	assert_true(contains(&k, sent_to(&k, ANN, 0), "2 events of deploys"));
	check_counters(&w, 1, 4, 2, 0, 0);
	free(first);
	world_end(&w, &k);
}

/* As items it is too large for one stanza: they come one by one. */
static void test_other_format(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 2);
	char *first = die_with_digest(&w, &k);
	world_change(&w, "deploys", ANN, SUB_FOLLOW(FORMAT_EVENT));
	worker_start(&w, &k, 1000);
	settle(&k);
	assert_sent(&k, ANN, "1 2");
	check_counters(&w, 1, 2, 2, 0, 0);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	free(first);
	world_end(&w, &k);
}

/* It is switched off before it is due: what was kept comes at once. */
static void test_taken_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 3);
	set(&w, ANN, SUB_SET_DIGEST, (struct sub_options){0});
	settle(&k);
	assert_sent(&k, ANN, "1 2 3");
	post_some(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3 4");
	world_end(&w, &k);
}

/* ... before it was written that it waits. */
static void test_taken_back_before_it_is_held(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	post_some(&w, 1);
	worker_until_sent(&k, 1, false);
	set(&w, ANN, SUB_SET_DIGEST, (struct sub_options){0});
	settle(&k);
	wait_for(&k, 20000);
	assert_sent(&k, ANN, "1");
	world_end(&w, &k);
}

/* ---- How much --------------------------------------------------------------------- */

static void test_gap(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{\"max_items\":2}", 5);
	wait_for(&k, HOUR_MS);
	assert_true(contains(&k, sent_to(&k, ANN, 0), "3 messages of deploys could not"));
	assert_string_equal(events_of(&k, ANN, 1), "5+3");
	assert_int_equal(count_to(&k, ANN), 2);
	world_end(&w, &k);
}

static void test_many(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	world_join_one(&w, "deploys", EVE, FORMAT_EVENT);
	set(&w, EVE, SUB_SET_DIGEST, HOURLY);
	for (unsigned i = 0; i < 3; i++)
		post_some(&w, 50);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	settle(&k);
	assert_int_equal(events_to(&k, ANN), 150);
	assert_int_equal(events_to(&k, EVE), 150);
	assert_in_range(count_to(&k, ANN), 3, 10);
	assert_in_range(count_to(&k, EVE), 3, 10);
	for (size_t i = 0; i < count_to(&k, EVE); i++) {
		size_t len;
		recorder_message(k.link, sent_to(&k, EVE, i), &len);
		assert_true(len < 36 * 1024);
	}
	check_counters(&w, 1, 150, 3, 0, 0);
	world_end(&w, &k);
}

/* What fits is one message, however little of the log is read at a time. */
static void test_whole(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	post_some(&w, 40);
	worker_run(&k);
	worker_kill(&k);
	passed_ms += HOUR_MS;
	world_pass(&w, HOUR_MS);
	worker_start(&w, &k, 0);
	settle(&k);
	assert_string_equal(events_of(&k, ANN, 0), "40+ffffffffff");
	world_end(&w, &k);
}

/* ... and whoever else of its bucket gets as many at that moment, one by one. */
static void test_whole_among_others(void **state)
{
	enum { OTHERS = 60, EVENTS = 40 };
	struct world w;
	struct worker k;
	char jid[32];
	(void)state;
	begin_hourly(&w, &k, "{}");
	world_join(&w, "deploys", "c", OTHERS, FORMAT_CHAT);
	for (unsigned i = 0; i < OTHERS; i++) {
		snprintf(jid, sizeof(jid), "c%05u@example.org", i);
		set(&w, jid, SUB_SET_PAUSED, (struct sub_options){.paused = true});
	}
	post_some(&w, EVENTS);
	worker_run(&k);
	worker_kill(&k);
	world_pass(&w, HOUR_MS);
	for (unsigned i = 0; i < OTHERS; i++) {
		snprintf(jid, sizeof(jid), "c%05u@example.org", i);
		set(&w, jid, SUB_SET_PAUSED, (struct sub_options){0});
	}
	worker_start(&w, &k, 0);
	worker_until_sent(&k, 1, false);
	assert_true(recorder_messages(k.link) < OTHERS * EVENTS / 2);
	settle(&k);
	assert_string_equal(events_of(&k, ANN, 0), "40+ffffffffff");
	check_counters(&w, 1, EVENTS, OTHERS + 2, 0, 0);
	world_end(&w, &k);
}

/* Of many, most are younger than the digest is due after. */
static void test_young(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_gathered(&w, &k, "{}", 1);
	wait_for(&k, HOUR_MS / 2);
	post_some(&w, 99);
	wait_for(&k, HOUR_MS / 2);
	settle(&k);
	assert_int_equal(events_to(&k, ANN), 100);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

/* What is too large for one with others comes alone; what is too large is skipped. */
static void test_large(void **state)
{
	struct world w;
	struct worker k;
	struct buf doc = {0};
	(void)state;
	passed_ms = 0;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_join_one(&w, "deploys", EVE, FORMAT_EVENT);
	set(&w, EVE, SUB_SET_DIGEST, HOURLY);
	worker_start(&w, &k, 8000);
	post_some(&w, 2);
	for (unsigned n = 6000; n <= 9000; n += 3000) {
		buf_clear(&doc);
		buf_adds(&doc, "{\"x\":\"");
		for (unsigned i = 0; i < n; i++)
			buf_addc(&doc, 'x');
		buf_adds(&doc, "\"}");
		post_doc(&w, doc.data);
	}
	post_some(&w, 2);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, EVE, 0), "2+3");
	assert_string_equal(events_of(&k, EVE, 1), "3");
	assert_string_equal(events_of(&k, EVE, 2), "6+3");
	assert_int_equal(counters(&w, 4).skipped, 1);
	assert_int_equal(counters(&w, 4).held, 0);
	buf_free(&doc);
	world_end(&w, &k);
}

/* Many rows of a bucket, some of them at other positions: each gets its own, once. */
static void test_crowd(void **state)
{
	enum { CROWD = 150 };
	struct world w;
	struct worker k;
	char jid[32];
	(void)state;
	begin_hourly(&w, &k, "{}");
	world_join(&w, "deploys", "c", CROWD, FORMAT_CHAT);
	for (unsigned i = 0; i < CROWD; i++) {
		snprintf(jid, sizeof(jid), "c%05u@example.org", i);
		set(&w, jid, SUB_SET_DIGEST,
		    (struct sub_options){.digest.every_min = 30 + i % 3});
		if (i % 50 == 49) {
			post_some(&w, 20);
			worker_run(&k);
		}
	}
	wait_for(&k, 2 * HOUR_MS);
	for (unsigned i = 0; i < CROWD; i++) {
		snprintf(jid, sizeof(jid), "c%05u@example.org", i);
		assert_int_equal(events_to(&k, jid), 60);
	}
	check_counters(&w, 1, 60, CROWD + 2, 0, 0);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_daily),
		cmocka_unit_test(test_one_alone),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_after_a_pause),
		cmocka_unit_test(test_paused_meanwhile),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_no_digest_any_more),
		cmocka_unit_test(test_other_format),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_taken_back_before_it_is_held),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_young),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_whole_among_others),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_crowd),
	};
	return cmocka_run_group_tests_name("work/digest", tests, NULL, NULL);
}
