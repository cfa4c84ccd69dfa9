#include <belfry/core/limits.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR_MS 3600000u
#define START 123456789u

static void so_many_in_an_hour(void **state)
{
	struct limits *l = limits_create(3, 10);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(limits_take(l, "a", START), 0);
	assert_int_equal(limits_take(l, "a", START), 1200);
	assert_int_equal(limits_take(l, "b", START), 0); /* another one's bucket */
	assert_int_equal(limits_take(l, "a", START + 1199999), 1);
	assert_int_equal(limits_take(l, "a", START + 1200000), 0);
	assert_int_equal(limits_take(l, "a", START + 1200000), 1200);
	for (int i = 0; i < 3; i++)
		assert_int_equal(limits_take(l, "a", START + 3 * HOUR_MS), 0);
	assert_int_not_equal(limits_take(l, "a", START + 3 * HOUR_MS), 0);
	limits_destroy(l);
	limits_destroy(NULL);
}

/* Exactly so many, even where they do not divide an hour. */
static void nothing_is_rounded(void **state)
{
	static const unsigned rates[] = {1, 7, 200, 2000, 999999, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		struct limits *l = limits_create(rates[i], 1);

		for (unsigned n = 0; n < rates[i]; n++)
			assert_int_equal(limits_take(l, "a", START), 0);
		assert_int_not_equal(limits_take(l, "a", START), 0);
		assert_int_equal(limits_take(l, "a", START + HOUR_MS), 0);
		limits_destroy(l);
	}
}

static void what_is_given_back_can_be_taken_again(void **state)
{
	struct limits *l = limits_create(2, 10);

	(void)state;
	limits_give_back(l, "a");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(limits_take(l, "a", START), 0);
		limits_give_back(l, "a");
	}
	assert_int_equal(limits_take(l, "a", START), 0);
	assert_int_equal(limits_take(l, "a", START), 0);
	assert_int_not_equal(limits_take(l, "a", START), 0);
	limits_destroy(l);
}

static void nought_is_no_limit(void **state)
{
	struct limits *l = limits_create(0, 10);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(limits_take(l, "a", START), 0);
	limits_give_back(l, "a");
	limits_destroy(l);
}

/* Strangers who come once push one another out, not whom the limit is for. */
static void the_fullest_is_forgotten(void **state)
{
	struct limits *l = limits_create(5, 50);
	char key[32];

	(void)state;
	for (int n = 0; n < 10; n++) {
		snprintf(key, sizeof key, "greedy%d", n);
		for (int i = 0; i < 5; i++)
			assert_int_equal(limits_take(l, key, START), 0);
	}
	for (unsigned n = 0; n < 5000; n++) {
		snprintf(key, sizeof key, "stranger%u", n);
		assert_int_equal(limits_take(l, key, START + n / 10), 0);
	}
	for (int n = 0; n < 10; n++) {
		snprintf(key, sizeof key, "greedy%d", n);
		assert_int_not_equal(limits_take(l, key, START + 500), 0);
	}
	limits_destroy(l);
}

/* How often KEY may now, which it uses up. */
static unsigned left_of(struct limits *l, const char *key)
{
	unsigned n = 0;

	while (!limits_take(l, key, START))
		n++;
	return n;
}

/* Of many who used their buckets differently, in whatever order they came. */
static void the_fullest_are_forgotten_in_order(void **state)
{
	enum { KEYS = 64, GONE = 24, RATE = 100 };
	struct limits *l = limits_create(RATE, KEYS);
	char key[32];

	(void)state;
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned n = i * 37 % KEYS; /* every one once */

		snprintf(key, sizeof key, "key%u", n);
		for (unsigned used = 0; used <= n; used++)
			assert_int_equal(limits_take(l, key, START), 0);
	}
	for (unsigned i = 0; i < GONE; i++) {
		snprintf(key, sizeof key, "greedy%u", i);
		assert_int_equal(left_of(l, key), RATE);
	}
	for (unsigned n = KEYS - 1; n >= GONE; n--) {
		snprintf(key, sizeof key, "key%u", n);
		assert_int_equal(left_of(l, key), RATE - n - 1);
	}
	for (unsigned i = 0; i < GONE; i++) {
		snprintf(key, sizeof key, "greedy%u", i);
		assert_int_equal(left_of(l, key), 0);
	}
	snprintf(key, sizeof key, "key%d", GONE - 1);
	assert_int_equal(left_of(l, key), RATE);
	limits_destroy(l);
}

/* Against a model without a bound: one bucket each, as it is described. */
static void many_keys_are_kept_apart(void **state)
{
	enum { KEYS = 300, RATE = 4 };
	static double tokens[KEYS];
	static uint64_t seen[KEYS];
	struct limits *l = limits_create(RATE, KEYS);
	uint64_t now = START;
	uint32_t random = 1;
	char key[32];

	(void)state;
	for (int n = 0; n < KEYS; n++) {
		tokens[n] = RATE;
		seen[n] = START;
	}
	for (int i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		unsigned n = (random >> 8) % KEYS;

		now += (random >> 20) % 5000;
		snprintf(key, sizeof key, "key%u", n);
		tokens[n] += (double)(now - seen[n]) * RATE / HOUR_MS;
		tokens[n] = tokens[n] > RATE ? RATE : tokens[n];
		seen[n] = now;
		bool may = tokens[n] > 1 - 1e-9;
		uint64_t wait_s = limits_take(l, key, now);
		assert_int_equal(wait_s == 0, may);
		if (may)
			tokens[n]--;
		else
			assert_true((double)wait_s * RATE / 3600 >= 1 - tokens[n] - 1e-6);
	}
	limits_destroy(l);
}

static const struct rate ten = {10, 1, 0}, slow = {1, 3600, 3};

static void each_key_has_a_rate(void **state)
{
	struct limits *l = limits_create_rates(10);
	struct limits_left left;

	(void)state;
	left = limits_left(l, "a", &ten, START);
	assert_int_equal(left.tokens, 10);
	assert_int_equal(left.next_s, 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_take_rate(l, "a", &ten, START), 0);
	assert_int_equal(limits_take_rate(l, "a", &ten, START), 1);
	assert_int_equal(limits_take_rate(l, "a", &ten, START + 99), 1);
	assert_int_equal(limits_take_rate(l, "a", &ten, START + 100), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(limits_take_rate(l, "b", &slow, START), 0);
	assert_int_equal(limits_take_rate(l, "b", &slow, START), 3600);
	left = limits_left(l, "b", &slow, START);
	assert_int_equal(left.tokens, 0);
	assert_int_equal(left.next_s, 3600);
	limits_give_back_rate(l, "b", &slow);
	assert_int_equal(limits_left(l, "b", &slow, START).tokens, 1);
	assert_int_equal(limits_take_rate(l, "b", &slow, START), 0);
	assert_int_equal(limits_take_rate(l, "c", &(struct rate){0}, START), 0);
	limits_destroy(l);
}

/* What was owed by the old rate is not waited for by the new one. */
static void a_rate_may_change(void **state)
{
	static const struct rate old = {1, 3600, RATE_MAX};
	struct limits *l = limits_create_rates(10);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(limits_take_rate(l, "a", &old, START), 0);
	assert_int_equal(limits_left(l, "a", &ten, START).next_s, 1);
	assert_int_equal(limits_take_rate(l, "a", &ten, START), 1);
	assert_int_equal(limits_take_rate(l, "a", &ten, START + 100), 0);
	limits_destroy(l);
}

static void the_least_owed_is_forgotten(void **state)
{
	struct limits *l = limits_create_rates(2);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(limits_take_rate(l, "slow", &slow, START), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_take_rate(l, "ten", &ten, START), 0);
	assert_int_equal(limits_take_rate(l, "new", &ten, START), 0);
	assert_int_equal(limits_take_rate(l, "slow", &slow, START), 3600);
	limits_destroy(l);
}

static void rates_as_text(void **state)
{
	static const char *const good[] = {"1/s", "10/s", "600/min", "1000000/h"};
	static const char *const bad[] = {"",	 "10",	  "/s",	   "0/s",
					  "10/", "-1/s",  "1.5/s", "10/sec",
					  "1/m", "10 /s", "10/s ", "1000001/s"};
	struct rate r = {.burst = 7}, before;
	char text[RATE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(rate_parse(&r, good[i], strlen(good[i])), 0);
		rate_format(&r, text);
		assert_string_equal(text, good[i]);
		assert_int_equal(rate_burst(&r), 7);
	}
	before = r;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (!rate_parse(&r, bad[i], strlen(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_memory_equal(&r, &before, sizeof r);
	r = (struct rate){0};
	rate_format(&r, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_in_an_hour),
		cmocka_unit_test(nothing_is_rounded),
		cmocka_unit_test(what_is_given_back_can_be_taken_again),
		cmocka_unit_test(nought_is_no_limit),
		cmocka_unit_test(the_fullest_is_forgotten),
		cmocka_unit_test(the_fullest_are_forgotten_in_order),
		cmocka_unit_test(many_keys_are_kept_apart),
		cmocka_unit_test(each_key_has_a_rate),
		cmocka_unit_test(a_rate_may_change),
		cmocka_unit_test(the_least_owed_is_forgotten),
		cmocka_unit_test(rates_as_text),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
