#ifndef BELFRY_CORE_WHEN_H
#define BELFRY_CORE_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A moment as people give it: a time, or so long from now. */
enum when_kind {
	WHEN_NONE,  /* not given */
	WHEN_AT,    /* ms is of the wall clock */
	WHEN_IN,    /* ms is a duration, at most WHEN_IN_MAX_MS */
	WHEN_WRONG, /* given, but it is none */
};
struct when {
	enum when_kind kind;
	uint64_t ms;
};
#define WHEN_IN_MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)

/* RFC 3339, with Z or an offset: "2026-11-23T09:00:00+01:00". WHEN_AT or WHEN_WRONG. */
struct when when_at(const char *s, size_t len);
/*
 * Whole seconds ("300"), or a duration of ISO 8601 in weeks, or in days, hours, minutes
 * and seconds ("PT5M", "P1DT12H"). WHEN_IN or WHEN_WRONG.
 */
struct when when_in(const char *s, size_t len);
/* One or the other. */
struct when when_parse(const char *s, size_t len);

/* What W is where NOW_MS is now; 0 where it is none. */
uint64_t when_ms(const struct when *w, uint64_t now_ms);

#endif
