#include "work/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pos at(uint64_t epoch, uint64_t n)
{
	return (struct pos){epoch, n};
}

static void test_wants_what_is_after_both(void **state)
{
	struct sub sub = {.format = FORMAT_CHAT, .since = at(2, 5)};
	(void)state;
	assert_true(policy_wants(&sub, at(2, 6), at(2, 7), at(2, 7)));
	assert_false(policy_wants(&sub, at(2, 7), at(2, 7), at(2, 7)));
	assert_false(policy_wants(&sub, at(1, 9), at(2, 5), at(2, 5)));
	assert_true(policy_wants(&sub, at(1, 9), at(2, 6), at(2, 6)));
	assert_true(policy_wants(&sub, at(2, 99), at(3, 1), at(3, 1)));
}

static void test_counts(void **state)
{
	struct store_counters c = {0};
	(void)state;
	policy_count(&c, FORMAT_CHAT, OUTCOME_TAKEN);
	policy_count(&c, FORMAT_EVENT, OUTCOME_TAKEN);
	policy_count(&c, FORMAT_NORMAL, OUTCOME_TAKEN);
	policy_count(&c, FORMAT_HEADLINE, OUTCOME_TAKEN);
	assert_int_equal(c.taken, 3);
	assert_int_equal(c.sent, 1);
	policy_uncount(&c, FORMAT_CHAT);
	policy_count(&c, FORMAT_CHAT, OUTCOME_BOUNCED);
	policy_uncount(&c, FORMAT_HEADLINE);
	policy_count(&c, FORMAT_HEADLINE, OUTCOME_LEFT);
	policy_uncount(&c, FORMAT_HEADLINE);
	policy_count(&c, FORMAT_EVENT, OUTCOME_SKIPPED);
	policy_count(&c, FORMAT_EVENT, OUTCOME_HELD);
	assert_int_equal(c.taken, 2);
	assert_int_equal(c.sent, 0);
	assert_int_equal(c.bounced, 1);
	assert_int_equal(c.left, 1);
	assert_int_equal(c.skipped, 1);
	assert_int_equal(c.held, 1);
}

static void test_range_fills_a_window(void **state)
{
	(void)state;
	assert_int_equal(policy_range(100, 1000, 16), 10);
	assert_int_equal(policy_range(100, 1000, 3), 3);
	assert_int_equal(policy_range(5000, 1000, 16), 1);
	/* Buckets differ in size; a larger one is not worth half the events. */
	assert_int_equal(policy_range(140, 16, 16), 2);
	assert_int_equal(policy_range(5, 16, 16), 16);
	assert_int_equal(policy_range(0, 1000, 16), 16);
	assert_int_equal(policy_range(0, 1000, 0), 0);
}

static void test_run_reads_a_thousand_rows(void **state)
{
	(void)state;
	assert_int_equal(policy_batch(0, 0), 16);
	assert_int_equal(policy_batch(16, 16 * 512), 64);
	assert_int_equal(policy_batch(3, 3 * 2047), 32);
	assert_int_equal(policy_batch(2, 2 * 65536), 16);
	assert_int_equal(policy_batch_together(0, 0), 16);
	assert_int_equal(policy_batch_together(16, 16 * 4096), 64);
	assert_int_equal(policy_batch_together(2, 2 * 65536), 16);
	assert_int_equal(policy_run(100, 1), 10);
	assert_int_equal(policy_run(2000, 10), 5);
	assert_int_equal(policy_run(100000, 10), 1);
	assert_int_equal(policy_run(0, 10), 64);
	assert_int_equal(policy_run(1, 64), 64);
}

static void test_formats_are_apart(void **state)
{
	static const enum sub_format formats[] = {FORMAT_CHAT, FORMAT_EVENT,
						  FORMAT_HEADLINE, FORMAT_NORMAL};
	unsigned seen = 0;
	(void)state;
	for (size_t i = 0; i < POLICY_FORMATS; i++)
		seen |= 1u << policy_format_index(formats[i]);
	assert_int_equal(seen, (1u << POLICY_FORMATS) - 1);
}

/* ---- Holds ----------------------------------------------------------------------- */

#define NOW 1763812345678
#define DAY (24 * 3600 * 1000ull)
static const struct policy_retry retry = {
	.first_ms = 10000, .max_ms = 21600000, .tries = 12, .give_up_ms = 5 * DAY};

static struct sub_hold bounce(struct sub_hold before, enum bounce_class class,
			      uint64_t now, uint32_t random)
{
	struct sub_hold out;
	memset(&out, 0xff, sizeof out);
	policy_bounce(&retry, &before, class, "gone-fishing", now, random, &out);
	return out;
}

static void test_bounces_are_tried_again(void **state)
{
	struct sub_hold h = {.pos = {1, 2}, .counted = {3, 4}, .urgent = true};
	uint64_t ceiling = 10000;
	(void)state;
	for (unsigned tries = 1; tries <= 100; tries++) {
		assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 0).due_ms, 0);
		assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 1u << 31).due_ms,
				 (ceiling + 1) / 2);
		h = bounce(h, BOUNCE_RETRIES, NOW, UINT32_MAX);
		assert_int_equal(h.reason, HOLD_BOUNCED);
		assert_int_equal(h.tries, tries);
		assert_int_equal(h.first_ms, NOW);
		assert_int_equal(h.due_ms, ceiling);
		assert_string_equal(h.condition, "gone-fishing");
		ceiling = ceiling * 2 < retry.max_ms ? ceiling * 2 : retry.max_ms;
	}
	assert_true(h.urgent && pos_cmp(h.pos, at(1, 2)) == 0 &&
		    pos_cmp(h.counted, at(3, 4)) == 0);
	h.tries = UINT32_MAX;
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 0).tries, UINT32_MAX);
}

static void test_delays_are_bounded(void **state)
{
	struct policy_retry long_ones = {
		.first_ms = UINT64_MAX / 2 + 1, .max_ms = UINT64_MAX, .tries = 1000};
	struct sub_hold h = {.tries = 70}, out;
	(void)state;
	policy_bounce(&long_ones, &h, BOUNCE_RETRIES, "", NOW, UINT32_MAX, &out);
	assert_int_equal(out.due_ms, UINT32_MAX);
	/* The first ceiling may be above that of all. */
	struct policy_retry short_ones = {.first_ms = 500, .max_ms = 20, .tries = 1000};
	policy_bounce(&short_ones, &h, BOUNCE_RETRIES, "", NOW, UINT32_MAX, &out);
	assert_int_equal(out.due_ms, 20);
}

static void test_what_fails_too_often_and_too_long_is_dead(void **state)
{
	struct sub_hold h = {
		.tries = 11, .first_ms = NOW - 5 * DAY, .reason = HOLD_BOUNCED};
	(void)state;
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 7).reason, HOLD_DEAD);
	assert_true(bounce(h, BOUNCE_RETRIES, NOW, 7).due_ms == HOLD_NEVER);
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW - 1, 7).reason, HOLD_BOUNCED);
	/* Redis' clock went back. */
	assert_int_equal(bounce(h, BOUNCE_RETRIES, 5, 7).reason, HOLD_BOUNCED);
	h.tries = 10;
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 7).reason, HOLD_BOUNCED);
	h.reason = HOLD_PROVING;
	h.tries = 11;
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 7).reason, HOLD_DEAD);
	/* Without days the failures alone count, the first one, too. */
	struct policy_retry at_once = {.first_ms = 1, .max_ms = 1, .tries = 1};
	struct sub_hold out;
	policy_bounce(&at_once, &(struct sub_hold){0}, BOUNCE_RETRIES, "", NOW, 7, &out);
	assert_int_equal(out.reason, HOLD_DEAD);
}

static void test_suspended_is_dead_at_once(void **state)
{
	struct sub_hold h = bounce((struct sub_hold){0}, BOUNCE_SUSPENDS, NOW, 7);
	(void)state;
	assert_int_equal(h.reason, HOLD_DEAD);
	assert_int_equal(h.tries, 1);
	assert_true(h.due_ms == HOLD_NEVER);
	/* What comes back of it later does not revive it. */
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 7).reason, HOLD_DEAD);
	h.reason = HOLD_DROPPED;
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 7).reason, HOLD_DROPPED);
	assert_int_equal(bounce(h, BOUNCE_RETRIES, NOW, 7).due_ms, 0);
}

static void test_conditions_are_words(void **state)
{
	static const char *const texts[][2] = {
		{"service-unavailable", "service-unavailable"},
		{"", ""},
		{"a b", ""},
		{"a:b", ""},
		{"Gone", ""},
		{"abcdefghijklmnopqrstuvwxyz-abcde", "abcdefghijklmnopqrstuvwxyz-abcde"},
		{"abcdefghijklmnopqrstuvwxyz-abcdef", ""},
	};
	struct sub_hold before = {.condition = "gone"}, out;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		policy_bounce(&retry, &before, BOUNCE_RETRIES, texts[i][0], NOW, 7, &out);
		assert_string_equal(out.condition, texts[i][1]);
	}
}

/* 1970-01-01 and some hours, minutes: in Tokyo nine hours later. */
#define CLOCK(hour, minute) (((hour)*60ull + (minute)) * 60000)

static void test_who_is_quiet_waits(void **state)
{
	static const struct {
		const char *row;
		enum event_priority priority;
		uint64_t now;
		enum hold_reason reason;
		uint64_t due;
	} cases[] = {
		{"c 1-1", PRIORITY_LOW, CLOCK(1, 0), HOLD_NONE, 0},
		{"c 1-1 a p3 u tz tq", PRIORITY_LOW, CLOCK(1, 0), HOLD_NONE, 0},
		{"c 1-1 z", PRIORITY_URGENT, CLOCK(1, 0), HOLD_PAUSED, HOLD_NEVER},
		{"c 1-1 z q0-1/UTC u", PRIORITY_URGENT, CLOCK(1, 0), HOLD_PAUSED,
		 HOLD_NEVER},
		/* 22:00 to 07:00 */
		{"c 1-1 q1320-420/UTC", PRIORITY_HIGH, CLOCK(21, 59), HOLD_NONE, 0},
		{"c 1-1 q1320-420/UTC", PRIORITY_HIGH, CLOCK(22, 0), HOLD_QUIET,
		 CLOCK(9, 0)},
		{"c 1-1 q1320-420/UTC", PRIORITY_HIGH, CLOCK(0, 0), HOLD_QUIET,
		 CLOCK(7, 0)},
		{"c 1-1 q1320-420/UTC", PRIORITY_HIGH, CLOCK(6, 59), HOLD_QUIET,
		 CLOCK(0, 1)},
		{"c 1-1 q1320-420/UTC", PRIORITY_HIGH, CLOCK(7, 0), HOLD_NONE, 0},
		{"c 1-1 q1320-420/Asia/Tokyo", PRIORITY_HIGH, CLOCK(21, 59), HOLD_QUIET,
		 CLOCK(0, 1)},
		{"c 1-1 q1320-420/Asia/Tokyo", PRIORITY_HIGH, CLOCK(22, 0), HOLD_NONE, 0},
		{"c 1-1 q1320-420/Asia/Tokyo", PRIORITY_HIGH, CLOCK(13, 0), HOLD_QUIET,
		 CLOCK(9, 0)},
		/* 09:00 to 17:00 */
		{"c 1-1 q540-1020/UTC", PRIORITY_LOW, CLOCK(8, 59), HOLD_NONE, 0},
		{"c 1-1 q540-1020/UTC", PRIORITY_LOW, CLOCK(9, 0), HOLD_QUIET,
		 CLOCK(8, 0)},
		{"c 1-1 q540-1020/UTC", PRIORITY_LOW, CLOCK(17, 0), HOLD_NONE, 0},
		{"c 1-1 q540-1020/UTC u", PRIORITY_HIGH, CLOCK(9, 0), HOLD_QUIET,
		 CLOCK(8, 0)},
		{"c 1-1 q540-1020/UTC u", PRIORITY_URGENT, CLOCK(9, 0), HOLD_NONE, 0},
		{"c 1-1 q540-1020/UTC", PRIORITY_URGENT, CLOCK(9, 0), HOLD_QUIET,
		 CLOCK(8, 0)},
		/* A zone that is no more is taken for UTC. */
		{"c 1-1 q540-1020/No/Where", PRIORITY_LOW, CLOCK(9, 0), HOLD_QUIET,
		 CLOCK(8, 0)},
	};
	struct sub sub;
	uint64_t due;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(sub_parse(cases[i].row, strlen(cases[i].row), &sub), 0);
		due = 77;
		assert_int_equal(
			policy_waits(&sub, cases[i].priority, cases[i].now, &due),
			cases[i].reason);
		assert_true(due == cases[i].due);
	}
}

static void test_who_is_absent_waits(void **state)
{
	static const struct {
		const char *row;
		enum availability now;
		enum hold_reason normal, urgent;
	} cases[] = {
		{"c 1-1 u", AVAIL_OFFLINE, HOLD_NONE, HOLD_NONE},
		{"c 1-1 u g2", AVAIL_OFFLINE, HOLD_NONE, HOLD_NONE},
		{"c 1-1 o u", AVAIL_UNKNOWN, HOLD_NONE, HOLD_NONE},
		{"c 1-1 o u", AVAIL_OFFLINE, HOLD_OFFLINE, HOLD_OFFLINE},
		{"c 1-1 o", AVAIL_DND, HOLD_NONE, HOLD_NONE},
		{"c 1-1 s3", AVAIL_UNKNOWN, HOLD_NONE, HOLD_NONE},
		{"c 1-1 s3", AVAIL_CHAT, HOLD_NONE, HOLD_NONE},
		{"c 1-1 s3", AVAIL_ONLINE, HOLD_NONE, HOLD_NONE},
		{"c 1-1 s3", AVAIL_AWAY, HOLD_SHOW, HOLD_SHOW},
		{"c 1-1 s3 u", AVAIL_DND, HOLD_SHOW, HOLD_NONE},
		{"c 1-1 s31 u", AVAIL_OFFLINE, HOLD_SHOW, HOLD_SHOW},
		{"c 1-1 s16 o u", AVAIL_OFFLINE, HOLD_OFFLINE, HOLD_OFFLINE},
		{"c 1-1 s16 o u", AVAIL_CHAT, HOLD_SHOW, HOLD_NONE},
	};
	struct sub sub;
	uint64_t due;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(sub_parse(cases[i].row, strlen(cases[i].row), &sub), 0);
		enum hold_reason urgent = cases[i].urgent;
		assert_int_equal(policy_absent(&sub, PRIORITY_URGENT, cases[i].now, &due),
				 urgent);
		assert_true(due == (urgent ? POLICY_ABSENT_MS : 0));
		assert_int_equal(policy_absent(&sub, PRIORITY_HIGH, cases[i].now, &due),
				 cases[i].normal);
	}
}

static void test_who_has_had_it(void **state)
{
	/* The newest ones, and the first. */
	const struct store_retracted r = {.versions = {{2, 9}, {2, 7}, {1, 5}}};
	struct sub sub = {.format = FORMAT_EVENT, .since = at(1, 4)};
	(void)state;
	assert_false(policy_had(&sub, at(1, 4), &r));
	assert_true(policy_had(&sub, at(1, 5), &r));
	assert_true(policy_had(&sub, at(2, 7), &r));
	assert_true(policy_had(&sub, at(2, 99), &r));
	sub.since = at(1, 5); /* what is between is not known */
	assert_false(policy_had(&sub, at(2, 6), &r));
	assert_true(policy_had(&sub, at(2, 7), &r));
	sub.since = at(2, 7);
	assert_false(policy_had(&sub, at(2, 8), &r));
	assert_true(policy_had(&sub, at(2, 9), &r));
	sub.format = FORMAT_CHAT; /* of messages the newest alone */
	sub.since = at(1, 4);
	assert_false(policy_had(&sub, at(2, 8), &r));
	assert_true(policy_had(&sub, at(2, 9), &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wants_what_is_after_both),
		cmocka_unit_test(test_who_has_had_it),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_range_fills_a_window),
		cmocka_unit_test(test_run_reads_a_thousand_rows),
		cmocka_unit_test(test_formats_are_apart),
		cmocka_unit_test(test_bounces_are_tried_again),
		cmocka_unit_test(test_delays_are_bounded),
		cmocka_unit_test(test_what_fails_too_often_and_too_long_is_dead),
		cmocka_unit_test(test_suspended_is_dead_at_once),
		cmocka_unit_test(test_conditions_are_words),
		cmocka_unit_test(test_who_is_quiet_waits),
		cmocka_unit_test(test_who_is_absent_waits),
	};
	return cmocka_run_group_tests_name("work/policy", tests, NULL, NULL);
}
