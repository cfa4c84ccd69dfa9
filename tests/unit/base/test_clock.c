#include <belfry/base/clock.h>
#include <belfry/base/random.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void formats_as_xep_0082(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{UINT64_C(1795340513120), "2026-11-22T09:41:53.120Z"},
		{UINT64_C(1709164799999), "2024-02-28T23:59:59.999Z"},
		{UINT64_C(1709164800000), "2024-02-29T00:00:00.000Z"},
		{UINT64_C(4102444800007), "2100-01-01T00:00:00.007Z"},
		{UINT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
		{UINT64_MAX, "9999-12-31T23:59:59.999Z"},
	};
	char out[CLOCK_TEXT_SIZE];
	size_t i;

	(void)state;
	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		clock_format(cases[i].ms, out);
		assert_string_equal(out, cases[i].text);
	}
}

static void monotonic_time_does_not_go_back(void **state)
{
	uint64_t before = clock_mono_us(), now;
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		now = clock_mono_us();
		assert_true(now >= before);
		before = now;
	}
	now = clock_mono_ms();
	assert_true(now >= before / 1000 && now - before / 1000 < 60000);
}

static void wall_time_is_todays(void **state)
{
	uint64_t now = clock_wall_ms();
	uint64_t want = (uint64_t)time(NULL) * 1000;

	(void)state;
	assert_true(now + 60000 > want && now < want + 60000);
}

static void random_bytes_differ(void **state)
{
	unsigned char a[32], b[32], zero[32] = {0};

	(void)state;
	random_fill(a, sizeof a);
	random_fill(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a, zero, sizeof a);
	random_fill(NULL, 0);
}

static void random_below_stays_below(void **state)
{
	unsigned seen[6] = {0};
	size_t i;

	(void)state;
	assert_int_equal(random_below(0), 0);
	assert_int_equal(random_below(1), 0);
	for (i = 0; i < 6000; i++) {
		uint32_t r = random_below(6);

		assert_true(r < 6);
		seen[r]++;
	}
	/* 1000 each expected; 700 is more than ten standard deviations away. */
	for (i = 0; i < 6; i++)
		assert_true(seen[i] > 700);
}

static void random_hex_is_hex(void **state)
{
	char a[129], b[129];

	(void)state;
	random_hex(a, 64);
	random_hex(b, 64);
	assert_int_equal(strlen(a), 128);
	assert_int_equal(strspn(a, "0123456789abcdef"), 128);
	assert_string_not_equal(a, b);
	random_hex(a, 0);
	assert_string_equal(a, "");
}

static void parses_what_it_formats(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T09:41:53.120Z", UINT64_C(1795340513120)},
		{"2026-11-22T09:41:53.1Z", UINT64_C(1795340513100)},
		{"2026-11-22T09:41:53.1209999Z", UINT64_C(1795340513120)},
		{"2024-02-29T23:59:59Z", UINT64_C(1709251199000)},
		{"9999-12-31T23:59:59.999Z", UINT64_C(253402300799999)},
	};
	static const char *const bad[] = {
		"",
		"2026-11-22",
		"2026-11-22T09:41:53",
		"2026-11-22t09:41:53Z",
		"2026-11-22T09:41:53+01:00",
		"2026-11-22T09:41:53.Z",
		"2026-11-22T09:41:53.12",
		"2026-11-22T09:41:53Zx",
		"2026-13-22T09:41:53Z",
		"2026-00-22T09:41:53Z",
		"2026-02-30T09:41:53Z",
		"2025-02-29T09:41:53Z",
		"2026-11-22T24:00:00Z",
		"1969-12-31T23:59:59Z",
		"+026-11-22T09:41:53Z",
	};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(clock_parse(good[i].text, strlen(good[i].text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(clock_parse(bad[i], strlen(bad[i]), &ms), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_as_xep_0082),
		cmocka_unit_test(monotonic_time_does_not_go_back),
		cmocka_unit_test(wall_time_is_todays),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(random_below_stays_below),
		cmocka_unit_test(random_hex_is_hex),
		cmocka_unit_test(parses_what_it_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
