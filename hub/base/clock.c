#include <belfry/base/clock.h>

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
