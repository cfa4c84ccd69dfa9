#include <belfry/base/random.h>
#include <belfry/base/zone.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE_MS 60000ull
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* What is worth a look: half an hour of summer time, negative summer time, none at all,
 * odd offsets, both hemispheres, a rule of its own each year, across the date line. */
static const char *const zones[] = {
	"Europe/Berlin",       "America/New_York",
	"Australia/Lord_Howe", "Europe/Dublin",
	"Asia/Kathmandu",      "Africa/Casablanca",
	"America/Santiago",    "Asia/Tokyo",
	"America/St_Johns",    "Pacific/Apia",
	"Pacific/Chatham",     "America/Nuuk",
	"Africa/Cairo",	       "UTC",
	"Etc/GMT-14",	       "Pacific/Kiritimati",
	"Asia/Gaza",	       "Europe/London",
	"Antarctica/Troll",    "Asia/Tehran",
};
#define ZONES (sizeof zones / sizeof zones[0])

/* Seconds since 1970 of a time in UTC. */
static uint64_t utc(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = month - 1,
			.tm_mday = day,
			.tm_hour = hour,
			.tm_min = minute};
	return (uint64_t)timegm(&tm) * 1000;
}

static unsigned libc_minute(uint64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;
	localtime_r(&t, &tm);
	return (unsigned)(tm.tm_hour * 60 + tm.tm_min);
}

static int use_utc(void **state)
{
	(void)state;
	unsetenv("TZ");
	tzset();
	return 0;
}

static void libc_goes_to(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static uint64_t some_time(void)
{
	return ((uint64_t)random_below(UINT32_MAX) * 2 + random_below(2)) %
		       4102444800ull * 1000 +
	       random_below(1000);
}

/* From 1970 to 2100: so behind the last change of every file, too. */
static void it_is_as_late_as_the_c_library_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZONES; i++) {
		libc_goes_to(zones[i]);
		assert_true(zone_known(zones[i]));
		for (int k = 0; k < 4000; k++) {
			uint64_t t = some_time();
			if (zone_minute(zones[i], t) != libc_minute(t))
				fail_msg("%s at %llu: %u, not %u", zones[i],
					 (unsigned long long)t, zone_minute(zones[i], t),
					 libc_minute(t));
		}
	}
}

/*
 * Minute by minute: the first at which MINUTE is shown, or at which the clock has been
 * put forward over it.
 */
static uint64_t walk_until(uint64_t from, unsigned minute)
{
	uint64_t t = from - from % MINUTE_MS;
	unsigned before = libc_minute(t), now;
	for (;; before = now) {
		t += MINUTE_MS;
		now = libc_minute(t);
		unsigned step = (now + 1440 - before) % 1440;
		if (now == minute ||
		    (step > 1 && step <= 121 && (minute + 1440 - before) % 1440 < step))
			return t - from;
	}
}

static void the_next_time_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZONES; i++) {
		if (strcmp(zones[i], "Pacific/Apia") == 0)
			continue; /* went without a whole day, once */
		libc_goes_to(zones[i]);
		for (int k = 0; k < 300; k++) {
			/* Where offsets are full minutes. */
			uint64_t t =
				utc(2024, 1, 1, 0, 0) + some_time() % (20 * 365 * DAY_MS);
			unsigned minute = random_below(1440);
			uint64_t wait = zone_until(zones[i], t, minute);
			if (wait != walk_until(t, minute))
				fail_msg("%s at %llu until %u: %llu, not %llu", zones[i],
					 (unsigned long long)t, minute,
					 (unsigned long long)wait,
					 (unsigned long long)walk_until(t, minute));
		}
	}
}

static void clocks_are_put_forward_and_back(void **state)
{
	/* 2026-03-29, 01:00 UTC: from 02:00 to 03:00. 2026-10-25: from 03:00 to 02:00. */
	uint64_t spring = utc(2026, 3, 29, 1, 0), autumn = utc(2026, 10, 25, 1, 0);
	const char *berlin = "Europe/Berlin";

	(void)state;
	assert_int_equal(zone_minute(berlin, spring - 1), 119);
	assert_int_equal(zone_minute(berlin, spring), 180);
	assert_int_equal(zone_minute(berlin, autumn - 1), 179);
	assert_int_equal(zone_minute(berlin, autumn), 120);
	/* 02:30 is skipped: when the clock passes it. */
	assert_int_equal(zone_until(berlin, spring - HOUR_MS, 150), HOUR_MS);
	assert_int_equal(zone_until(berlin, spring - HOUR_MS, 180), HOUR_MS);
	assert_int_equal(zone_until(berlin, spring - HOUR_MS, 120), HOUR_MS);
	assert_int_equal(zone_until(berlin, spring - HOUR_MS, 119), 59 * MINUTE_MS);
	assert_int_equal(zone_until(berlin, spring - HOUR_MS, 210),
			 HOUR_MS + 30 * MINUTE_MS);
	assert_int_equal(zone_until(berlin, spring, 180), DAY_MS);
	/* 02:30 comes twice. */
	assert_int_equal(zone_until(berlin, autumn - HOUR_MS, 150), 30 * MINUTE_MS);
	assert_int_equal(zone_until(berlin, autumn - 15 * MINUTE_MS, 150),
			 45 * MINUTE_MS);
	assert_int_equal(zone_until(berlin, autumn - 15 * MINUTE_MS, 120),
			 15 * MINUTE_MS);
	assert_int_equal(zone_until(berlin, autumn - HOUR_MS, 180), 2 * HOUR_MS);
	assert_int_equal(zone_until(berlin, autumn - HOUR_MS, 119),
			 24 * HOUR_MS + 59 * MINUTE_MS);
	/* Not this moment, and to the millisecond. */
	assert_int_equal(zone_until("UTC", 7 * DAY_MS, 0), DAY_MS);
	assert_int_equal(zone_until("UTC", 7 * DAY_MS + 1, 0), DAY_MS - 1);
	assert_int_equal(zone_until("UTC", 7 * DAY_MS - 1, 0), 1);
}

static void names_are_foreign(void **state)
{
	static const char *const bad[] = {
		"",
		"Europe/Nowhere",
		"europe/berlin ",
		"../../etc/passwd",
		"Europe/../UTC",
		"/etc/localtime",
		"/usr/share/zoneinfo/UTC",
		"/UTC",
		"..",
		":UTC",
		"Europe",
		"Europe/",
		".",
		"./",
		"zone.tab",
		"tzdata.zi",
		"right/UTC",
		"./right/UTC",
		"./UTC",
		"CET-1CEST",
		"Europe/Berlin\n",
		"Europe/Berlin%s",
		"\xc3\xa4",
		"Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Be"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(zone_known(bad[i]));
		assert_int_equal(zone_minute(bad[i], 5 * DAY_MS + 7 * MINUTE_MS), 7);
		assert_int_equal(zone_until(bad[i], 5 * DAY_MS, 7), 7 * MINUTE_MS);
	}
	assert_true(zone_known("America/Argentina/Buenos_Aires"));
}

/* Names that share a place in what is kept. */
static void many_zones_are_asked_for_in_turn(void **state)
{
	char name[32];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int k = -14; k <= 12; k++) {
			snprintf(name, sizeof name, "Etc/GMT%+d", k);
			assert_true(zone_known(name));
			assert_int_equal(zone_minute(name, 20 * DAY_MS),
					 (1440 - k * 60) % 1440);
			snprintf(name, sizeof name, "Etc/None%+d", k);
			assert_false(zone_known(name));
		}
		for (int k = 0; k < 400; k++) {
			snprintf(name, sizeof name, "X/%d", k);
			assert_false(zone_known(name));
		}
	}
}

/* What is kept is good for as long as it is kept, over changes, too. */
static void time_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZONES; i++) {
		libc_goes_to(zones[i]);
		uint64_t t = utc(2025, 1, 1, 0, 0) + some_time() % DAY_MS;
		for (; t < utc(2026, 6, 1, 0, 0); t += 17 * MINUTE_MS) {
			if (zone_minute(zones[i], t) != libc_minute(t))
				fail_msg("%s at %llu: %u, not %u", zones[i],
					 (unsigned long long)t, zone_minute(zones[i], t),
					 libc_minute(t));
		}
	}
}

/* What was asked six hours ago reaches as far as is needed now. */
static void the_next_time_is_found_later(void **state)
{
	const uint64_t changes[] = {utc(2026, 3, 29, 1, 0), utc(2026, 10, 25, 1, 0)};
	const char *berlin = "Europe/Berlin";

	(void)state;
	libc_goes_to(berlin);
	for (size_t i = 0; i < 2; i++) {
		uint64_t t = changes[i] - 33 * HOUR_MS;
		for (; t < changes[i] + HOUR_MS; t += 7 * MINUTE_MS) {
			uint64_t late = t + 6 * HOUR_MS - MINUTE_MS;
			unsigned minute = libc_minute(late);
			zone_minute(berlin, 0);
			zone_minute(berlin, t);
			assert_int_equal(zone_until(berlin, late, minute),
					 walk_until(late, minute));
		}
	}
}

static void the_process_stays_in_its_zone(void **state)
{
	uint64_t t = utc(2026, 7, 1, 12, 0);

	(void)state;
	setenv("TZDIR", "/nonexistent", 1);
	libc_goes_to("XXX-5:45");
	assert_int_equal(zone_minute("America/Bogota", t), 7 * 60);
	assert_string_equal(getenv("TZ"), "XXX-5:45");
	assert_int_equal(libc_minute(t), 17 * 60 + 45);
	use_utc(NULL);
	assert_int_equal(zone_minute("America/Lima", t), 7 * 60);
	assert_null(getenv("TZ"));
	unsetenv("TZDIR");
}

static void without_descriptors_it_is_as_late_as_before(void **state)
{
	uint64_t t = utc(2026, 7, 1, 12, 0);
	struct rlimit before;

	(void)state;
	assert_int_equal(zone_minute("Europe/Vienna", t), 14 * 60);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit none = {0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	unsigned known = zone_minute("Europe/Vienna", t + 100 * DAY_MS);
	unsigned other = zone_minute("Europe/Zurich", t);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(known, 14 * 60);
	/* In UTC, and asked again a minute later. */
	assert_int_equal(other, 12 * 60);
	assert_int_equal(zone_minute("Europe/Zurich", t + MINUTE_MS), 14 * 60 + 1);
	assert_int_equal(zone_minute("Europe/Vienna", t + 180 * DAY_MS), 13 * 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_as_late_as_the_c_library_says),
		cmocka_unit_test(the_next_time_is_found),
		cmocka_unit_test(time_goes_on),
		cmocka_unit_test(the_next_time_is_found_later),
		cmocka_unit_test(clocks_are_put_forward_and_back),
		cmocka_unit_test(names_are_foreign),
		cmocka_unit_test(many_zones_are_asked_for_in_turn),
		cmocka_unit_test(the_process_stays_in_its_zone),
		cmocka_unit_test(without_descriptors_it_is_as_late_as_before),
	};
	return cmocka_run_group_tests_name("base/zone", tests, use_utc, use_utc);
}
