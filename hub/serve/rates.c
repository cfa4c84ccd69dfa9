#include "rates.h"

#include "service.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 20000  /* tokens and feeds that are counted at once */
#define FEEDS 4096u /* whose rates are known; a power of two */

struct known {
	char feed[FEED_NAME_MAX + 1];
	struct rate rate;
	uint64_t until_ms;
};

struct rates {
	struct limits *buckets;
	/* One place a feed: those that fall into the same one are asked for more often.
	 */
	struct known feeds[FEEDS];
	unsigned char secret[crypto_shorthash_KEYBYTES];
};

struct rates *rates_create(void)
{
	struct rates *r = xcalloc(1, sizeof *r);

	r->buckets = limits_create_rates(KEYS);
	crypto_shorthash_keygen(r->secret);
	return r;
}

void rates_destroy(struct rates *r)
{
	if (!r)
		return;
	limits_destroy(r->buckets);
	free(r);
}

/* ---- The rates of feeds ----------------------------------------------------------- */

static struct known *place_of(struct rates *r, const char *feed)
{
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t n;

	crypto_shorthash(hash, (const unsigned char *)feed, strlen(feed), r->secret);
	memcpy(&n, hash, sizeof n);
	return &r->feeds[n & (FEEDS - 1)];
}

bool rates_known(struct rates *r, const char *feed, uint64_t now_ms, struct rate *out)
{
	struct known *k = place_of(r, feed);

	if (strcmp(k->feed, feed) != 0)
		return false;
	*out = k->rate;
	if (now_ms < k->until_ms)
		return true;
	k->until_ms = now_ms + RATES_LIFE_MS; /* by then the one who asks knows it */
	return false;
}

void rates_learn(struct rates *r, const char *feed, const struct rate *rate,
		 uint64_t now_ms)
{
	struct known *k = place_of(r, feed);

	snprintf(k->feed, sizeof k->feed, "%s", feed);
	k->rate = *rate;
	k->until_ms = now_ms + RATES_LIFE_MS;
}

void rates_forget(struct rates *r, const char *feed)
{
	struct known *k = place_of(r, feed);

	if (strcmp(k->feed, feed) == 0)
		k->feed[0] = '\0';
}

/* ---- Taking ----------------------------------------------------------------------- */

/* What counts for a call: its token, then its feed. */
struct counted {
	const char *policy; /* the name of the limit in the header fields */
	const char *whose;
	const struct rate *rate;
	char key[FEED_NAME_MAX + 2];
};
enum { COUNTED = 2 };

static void counted_of(const struct call *call, struct counted out[COUNTED])
{
	out[0] = (struct counted){"token", "with this token", &call->token.rate, ""};
	snprintf(out[0].key, sizeof out[0].key, "t%s", call->token.id);
	out[1] = (struct counted){"feed", "to this feed", &call->feed_rate, ""};
	snprintf(out[1].key, sizeof out[1].key, "f%s", call->feed);
}

static bool unlimited(const struct call *call)
{
	return !call->token.rate.events && !call->feed_rate.events;
}

static void refuse(struct call *call, const struct counted *c, uint64_t wait_s)
{
	char rate[RATE_TEXT_SIZE];

	call->service->count.throttled++;
	rate_format(c->rate, rate);
	rates_show(call);
	call->wait_s = wait_s;
	call_problemf(
		call, &problem_rate_limit,
		"%s events may be posted %s, %" PRIu32
		" of them at once. Nothing was done: repeat it in %" PRIu64 " second%s.",
		rate, c->whose, rate_burst(c->rate), wait_s, wait_s == 1 ? "" : "s");
}

int rates_take(struct call *call)
{
	struct limits *buckets = call->service->rates->buckets;
	uint64_t now = clock_mono_ms(), wait_s[COUNTED];
	struct counted c[COUNTED];
	int worst = 0;

	if (unlimited(call))
		return 0;
	counted_of(call, c);
	for (int i = 0; i < COUNTED; i++) {
		wait_s[i] = limits_take_rate(buckets, c[i].key, c[i].rate, now);
		if (wait_s[i] > wait_s[worst])
			worst = i;
	}
	if (!wait_s[worst])
		return 0;
	for (int i = 0; i < COUNTED; i++)
		if (!wait_s[i])
			limits_give_back_rate(buckets, c[i].key, c[i].rate);
	refuse(call, &c[worst], wait_s[worst]);
	return -1;
}

void rates_give_back(struct call *call)
{
	struct counted c[COUNTED];

	if (unlimited(call))
		return;
	counted_of(call, c);
	for (int i = 0; i < COUNTED; i++)
		limits_give_back_rate(call->service->rates->buckets, c[i].key, c[i].rate);
}

/* ---- Telling ---------------------------------------------------------------------- */

/* The seconds in which an empty bucket fills up. */
static uint64_t window_s(const struct rate *r)
{
	return ((uint64_t)rate_burst(r) * r->period_s + r->events - 1) / r->events;
}

void rates_show(struct call *call)
{
	struct buf policy = {0}, left = {0};
	uint64_t now = clock_mono_ms();
	struct counted c[COUNTED];

	if (unlimited(call))
		return;
	counted_of(call, c);
	for (int i = 0; i < COUNTED; i++) {
		if (!c[i].rate->events)
			continue;
		const char *comma = policy.len ? ", " : "";
		struct limits_left l = limits_left(call->service->rates->buckets,
						   c[i].key, c[i].rate, now);
		buf_printf(&policy, "%s\"%s\";q=%" PRIu32 ";w=%" PRIu64, comma,
			   c[i].policy, rate_burst(c[i].rate), window_s(c[i].rate));
		buf_printf(&left, "%s\"%s\";r=%" PRIu64, comma, c[i].policy, l.tokens);
		if (l.tokens < rate_burst(c[i].rate))
			buf_printf(&left, ";t=%" PRIu64, l.next_s);
		if (!l.tokens && l.next_s > call->wait_s)
			call->wait_s = l.next_s;
	}
	http_add_header(call->req, "RateLimit-Policy", policy.data);
	http_add_header(call->req, "RateLimit", left.data);
	buf_free(&policy);
	buf_free(&left);
}
