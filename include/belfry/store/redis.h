#ifndef BELFRY_STORE_REDIS_H
#define BELFRY_STORE_REDIS_H

#include <belfry/base/buf.h>
#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/store/store.h>

/*
 * The store on Redis 7 or later, or on the master that Sentinels name, which is left when
 * another one takes its place. Connects by itself, and again with back-off for ever;
 * while it is away, calls end with BELFRY_EAWAY at once. A bad redis.url: NULL, and WHY
 * says what to do.
 */
struct store *store_redis_create(struct loop *loop, const struct config *config,
				 char *why, size_t why_size);

/*
 * What is wrong with this Redis as a store (persistence, eviction policy, version,
 * listpack limits, replicas, Sentinels), a line each with how to mend it, that begins
 * with "error: ", "warning: " or "note: ". FATAL: serve and work must not start on it.
 */
typedef void (*store_redis_check_cb)(void *arg, enum belfry_err err, const char *findings,
				     bool fatal);
void store_redis_check(struct store *s, store_redis_check_cb cb, void *arg);

/*
 * How a service begins: asks store_redis_check() until Redis answers, logs what it found,
 * and calls CB once: FIT, or this Redis would lose events and the service must end.
 * Destroyed before the store, from anywhere but CB; NULL is safe.
 */
struct store_redis_fit;
typedef void (*store_redis_fit_cb)(void *arg, bool fit);
struct store_redis_fit *store_redis_fit_create(struct loop *loop, struct store *s,
					       store_redis_fit_cb cb, void *arg);
void store_redis_fit_destroy(struct store_redis_fit *f);

/* Counters for /metrics. */
struct store_redis_stats {
	uint64_t commands, reconnects, timeouts, noscript, wait_failures;
	uint64_t round_trip_us; /* a smoothed one */
};
void store_redis_stats(const struct store *s, struct store_redis_stats *out);

#endif
