#include <belfry/base/clock.h>
#include <belfry/core/event.h>
#include <belfry/core/when.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR UINT64_C(3600000)

static void times_have_offsets(void **state)
{
	static const struct {
		const char *text, *utc;
	} times[] = {
		{"2026-11-23T09:00:00Z", "2026-11-23T09:00:00.000Z"},
		{"2026-11-23t09:00:00z", "2026-11-23T09:00:00.000Z"},
		{"2026-11-23T09:00:00+00:00", "2026-11-23T09:00:00.000Z"},
		{"2026-11-23T00:30:00+01:00", "2026-11-22T23:30:00.000Z"},
		{"2026-11-23T09:00:00.123456789-11:30", "2026-11-23T20:30:00.123Z"},
		{"2028-02-29T09:00:00.5Z", "2028-02-29T09:00:00.500Z"},
	};
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct when w = when_at(times[i].text, strlen(times[i].text));

		assert_int_equal(w.kind, WHEN_AT);
		clock_format(w.ms, text);
		assert_string_equal(text, times[i].utc);
	}
}

static void others_are_no_times(void **state)
{
	static const char *const wrong[] = {
		"",
		"Z",
		"tomorrow",
		"1763812345",
		"2026-11-23",
		"2026-11-23T09:00:00",
		"2026-11-23 09:00:00Z",
		"2026-11-23T09:00:00+1:00",
		"2026-11-23T09:00:00+24:00",
		"2026-11-23T09:00:00+01:60",
		"2026-11-23T09:00:00+0100",
		"2026-11-23T09:00:00Z+01:00",
		"2026-02-29T09:00:00Z",
		"1970-01-01T00:00:00+01:00",
		"2026-11-23T09:00:00.1234567890123456789Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(when_at(wrong[i], strlen(wrong[i])).kind, WHEN_WRONG);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} spans[] = {
		{"0", 0},
		{"300", 300000},
		{"PT5M", 300000},
		{"PT1H30M5S", HOUR + 1805000},
		{"P1DT12H", 36 * HOUR},
		{"P2W", 14 * 24 * HOUR},
		{"P366D", 366 * 24 * HOUR},
		{"31622400", 366 * 24 * HOUR},
	};
	static const char *const wrong[] = {
		"",	    "-1",
		"+1",	    "1.5",
		"1e3",	    " 1",
		"P",	    "PT",
		"P1",	    "PT1",
		"P1Y",	    "P1M",
		"P1DT",	    "PT1M1H",
		"PT1M1M",   "pt1m",
		"PT1D",	    "PT-1M",
		"PT1.5M",   "P366DT1S",
		"31622401", "PT99999999999999999999S",
		"1H",
	};

	(void)state;
	for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
		struct when w = when_in(spans[i].text, strlen(spans[i].text));

		assert_int_equal(w.kind, WHEN_IN);
		assert_int_equal(w.ms, spans[i].ms);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(when_in(wrong[i], strlen(wrong[i])).kind, WHEN_WRONG);
}

static void one_or_the_other(void **state)
{
	struct when in = when_parse("60", 2);
	struct when at = when_parse("1970-01-01T00:00:02Z", 20);
	struct when none = {0};

	(void)state;
	assert_int_equal(when_ms(&in, 5000), 65000);
	assert_int_equal(when_ms(&at, 5000), 2000);
	assert_int_equal(when_ms(&none, 5000), 0);
	assert_int_equal(when_parse("soon", 4).kind, WHEN_WRONG);
}

/* What is wrong with them is for whoever takes the event in. */
static void events_have_them(void **state)
{
	static const struct {
		const char *json;
		struct when deliver, expires;
	} events[] = {
		{"{}", {0}, {0}},
		{"{\"deliver_at\":null,\"delay\":null,\"expires_at\":null}", {0}, {0}},
		{"{\"delay\":90}", {WHEN_IN, 90000}, {0}},
		{"{\"delay\":9e1}", {WHEN_IN, 90000}, {0}},
		{"{\"delay\":\"PT1H\",\"expires_at\":\"1970-01-02T00:00:00Z\"}",
		 {WHEN_IN, HOUR},
		 {WHEN_AT, 24 * HOUR}},
		{"{\"deliver_at\":\"1970-01-01T01:00:00Z\"}", {WHEN_AT, HOUR}, {0}},
		{"{\"delay\":1.5}", {WHEN_WRONG, 0}, {0}},
		{"{\"delay\":-1}", {WHEN_WRONG, 0}, {0}},
		{"{\"delay\":1e300}", {WHEN_WRONG, 0}, {0}},
		{"{\"delay\":[1]}", {WHEN_WRONG, 0}, {0}},
		{"{\"deliver_at\":60}", {WHEN_WRONG, 0}, {0}},
		{"{\"expires_at\":true}", {0}, {WHEN_WRONG, 0}},
		{"{\"deliver_at\":\"1970-01-01T01:00:00Z\",\"delay\":3}",
		 {WHEN_WRONG, 3000},
		 {0}},
	};
	struct event e;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		const char *json = events[i].json;

		assert_int_equal(
			event_parse_json(&e, json, strlen(json), why, sizeof why), 0);
		assert_int_equal(e.deliver.kind, events[i].deliver.kind);
		if (e.deliver.kind != WHEN_WRONG)
			assert_int_equal(e.deliver.ms, events[i].deliver.ms);
		assert_int_equal(e.expires.kind, events[i].expires.kind);
		if (e.expires.kind != WHEN_WRONG)
			assert_int_equal(e.expires.ms, events[i].expires.ms);
		assert_string_equal(e.doc, json);
		event_free(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_offsets),
		cmocka_unit_test(others_are_no_times),
		cmocka_unit_test(durations),
		cmocka_unit_test(one_or_the_other),
		cmocka_unit_test(events_have_them),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
