#ifndef BELFRY_BASE_CLOCK_H
#define BELFRY_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_BOOTTIME-free monotonic time: for deadlines and durations. */
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
/* Wall clock, milliseconds since 1970-01-01 UTC: only for what people and XML read. */
uint64_t clock_wall_ms(void);

/* XEP-0082 / RFC 3339 in UTC with milliseconds: "2026-11-22T09:41:53.120Z" and a NUL. */
#define CLOCK_TEXT_SIZE 32
void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
/*
 * The reverse: UTC, from 1970 to 9999, a capital T and Z; fractions of a second beyond
 * milliseconds are cut off. 0, or -1 if S is no such time.
 */
int clock_parse(const char *s, size_t len, uint64_t *wall_ms);

#endif
