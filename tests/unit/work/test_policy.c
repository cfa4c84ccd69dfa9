#include "work/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct pos at(uint64_t epoch, uint64_t n)
{
	return (struct pos){epoch, n};
}

static void test_wants_what_is_after_both(void **state)
{
	struct sub sub = {.format = FORMAT_CHAT, .since = at(2, 5)};
	(void)state;
	assert_true(policy_wants(&sub, at(2, 6), at(2, 7)));
	assert_false(policy_wants(&sub, at(2, 7), at(2, 7)));
	assert_false(policy_wants(&sub, at(1, 9), at(2, 5)));
	assert_true(policy_wants(&sub, at(1, 9), at(2, 6)));
	assert_true(policy_wants(&sub, at(2, 99), at(3, 1)));
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
	assert_int_equal(c.taken, 2);
	assert_int_equal(c.sent, 0);
	assert_int_equal(c.bounced, 1);
	assert_int_equal(c.left, 1);
	assert_int_equal(c.skipped, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wants_what_is_after_both),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_range_fills_a_window),
		cmocka_unit_test(test_run_reads_a_thousand_rows),
		cmocka_unit_test(test_formats_are_apart),
	};
	return cmocka_run_group_tests_name("work/policy", tests, NULL, NULL);
}
