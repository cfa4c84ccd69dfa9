#ifndef BELFRY_CORE_LIMITS_H
#define BELFRY_CORE_LIMITS_H

#include <belfry/core/rate.h>

#include <stddef.h>
#include <stdint.h>

/*
 * How often somebody may do something: for each key (a JID, a domain) a bucket of
 * PER_HOUR tokens that fills up within an hour; or one of a rate of its own. The table is
 * bounded: where it is full, whoever has the fullest bucket is forgotten, who loses
 * nothing or little by it.
 */
struct limits;
/* PER_HOUR 0: no limit. KEYS: how many are remembered at once. */
struct limits *limits_create(uint64_t per_hour, size_t keys);
void limits_destroy(struct limits *l); /* NULL is safe */
/*
 * Takes one token of KEY. 0: it may. Otherwise nothing was taken: the seconds until it
 * may, at least 1. NOW_MS: clock_mono_ms().
 */
uint64_t limits_take(struct limits *l, const char *key, uint64_t now_ms);
/* Gives one back: what it was taken for did not happen. */
void limits_give_back(struct limits *l, const char *key);

/*
 * The same where each key has a rate of its own: its bucket holds the burst. A rate that
 * has changed since counts from now on.
 */
struct limits *limits_create_rates(size_t keys);
uint64_t limits_take_rate(struct limits *l, const char *key, const struct rate *r,
			  uint64_t now_ms);
void limits_give_back_rate(struct limits *l, const char *key, const struct rate *r);
/* How many are left, and the seconds until there is one more. */
struct limits_left {
	uint64_t tokens, next_s;
};
struct limits_left limits_left(struct limits *l, const char *key, const struct rate *r,
			       uint64_t now_ms);

#endif
