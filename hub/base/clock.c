#include <belfry/base/clock.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define YEAR_9999_END_MS UINT64_C(253402300799999)

static uint64_t read_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		abort(); /* only for a clock that the kernel does not have */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
	struct tm tm;
	time_t seconds;
	size_t len;

	/* RFC 3339 knows no later year. */
	if (wall_ms > YEAR_9999_END_MS)
		wall_ms = YEAR_9999_END_MS;
	seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	len = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, CLOCK_TEXT_SIZE - len, ".%03uZ", (unsigned)(wall_ms % 1000));
}

/* "YYYY-MM-DDTHH:MM:SS", its digits standing where PATTERN has a 0. */
static bool looks_like(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return true;
}

static int digits(const char *s, size_t count)
{
	int n = 0;

	while (count--)
		n = 10 * n + (*s++ - '0');
	return n;
}

/* The fraction of a second and the Z, to milliseconds; -1 if it is none. */
static int parse_fraction(const char *s, size_t len)
{
	int ms = 0;
	size_t i = 1;

	if (len == 1 && *s == 'Z')
		return 0;
	if (len < 3 || *s != '.')
		return -1;
	for (; i < len && s[i] >= '0' && s[i] <= '9'; i++)
		if (i <= 3)
			ms += (s[i] - '0') * (i == 1 ? 100 : i == 2 ? 10 : 1);
	return i > 1 && i == len - 1 && s[i] == 'Z' ? ms : -1;
}

int clock_parse(const char *s, size_t len, uint64_t *wall_ms)
{
	static const char pattern[] = "0000-00-00T00:00:00";
	const size_t fixed = sizeof(pattern) - 1;
	struct tm tm = {0}, back;

	if (len <= fixed || !looks_like(s, pattern))
		return -1;
	int ms = parse_fraction(s + fixed, len - fixed);
	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	if (ms < 0 || tm.tm_year < 70 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 59)
		return -1;
	struct tm asked = tm;
	time_t seconds = timegm(&tm);
	/* A day that the month does not have would be one of the next. */
	gmtime_r(&seconds, &back);
	if (back.tm_mon != asked.tm_mon || back.tm_mday != asked.tm_mday)
		return -1;
	*wall_ms = (uint64_t)seconds * 1000 + (uint64_t)ms;
	return 0;
}
