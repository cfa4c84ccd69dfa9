#ifndef BELFRY_HUB_SERVE_RATES_H
#define BELFRY_HUB_SERVE_RATES_H

#include <belfry/core/rate.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * How many events tokens and feeds may still take: buckets in this process' memory, and
 * what the store said about the rates of feeds, for RATES_LIFE_MS. Bounded; what is
 * forgotten begins anew with a full bucket.
 */
#define RATES_LIFE_MS 5000

struct call;
struct rates;
struct rates *rates_create(void);
void rates_destroy(struct rates *r); /* NULL is safe */

/*
 * Is the rate of FEED known? Then it is in *OUT. One that is too old is known to all but
 * the first who asks, and has to ask the store.
 */
bool rates_known(struct rates *r, const char *feed, uint64_t now_ms, struct rate *out);
void rates_learn(struct rates *r, const char *feed, const struct rate *rate,
		 uint64_t now_ms);
void rates_forget(struct rates *r, const char *feed); /* it has been changed */

/*
 * Takes one event of the call's token and of its feed. -1: there is none left, and the
 * call has been answered with a 429.
 */
int rates_take(struct call *call);
/* It was not posted after all. */
void rates_give_back(struct call *call);
/*
 * Adds RateLimit and RateLimit-Policy to its answer, if there is anything to say; and
 * call->wait_s, if nothing is left.
 */
void rates_show(struct call *call);

#endif
