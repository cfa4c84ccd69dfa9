#include <belfry/core/limits.h>

#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000
#define SECOND_NS 1000000000
#define MS_NS 1000000

/*
 * Time is counted in ticks, PER_HOUR of which make a millisecond, so that a token is
 * HOUR_MS of them and nothing is ever rounded. (Where each key has a rate of its own, a
 * tick is a nanosecond.) The bucket that is full first has the least to lose.
 */
struct bucket {
	char *key;
	uint64_t full_at; /* ticks */
	size_t heap_at;
	struct bucket *next; /* of the same slot */
};

struct limits {
	uint64_t per_hour; /* 0: no limit */
	uint64_t ms;	   /* ticks of one */
	size_t max, count;
	struct bucket **heap; /* the first is full before all others */
	size_t heap_room;
	struct bucket **slots;
	size_t slot_count; /* a power of two */
	/* Keys come from strangers: nobody is to choose those that fall into one slot. */
	unsigned char secret[crypto_shorthash_KEYBYTES];
};

static struct limits *create(uint64_t per_hour, uint64_t ms, size_t keys)
{
	struct limits *l = xcalloc(1, sizeof *l);

	l->per_hour = per_hour;
	l->ms = ms;
	l->max = keys ? keys : 1;
	l->slot_count = 16;
	while (per_hour && l->slot_count < l->max)
		l->slot_count *= 2;
	l->slots = xcalloc(l->slot_count, sizeof(struct bucket *));
	random_fill(l->secret, sizeof l->secret);
	return l;
}

struct limits *limits_create(uint64_t per_hour, size_t keys)
{
	return create(per_hour, per_hour, keys);
}

struct limits *limits_create_rates(size_t keys)
{
	return create(1, MS_NS, keys);
}

void limits_destroy(struct limits *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		free(l->heap[i]->key);
		free(l->heap[i]);
	}
	free(l->heap);
	free(l->slots);
	free(l);
}

/* ---- The heap --------------------------------------------------------------------- */

static void place(struct limits *l, size_t at, struct bucket *b)
{
	l->heap[at] = b;
	b->heap_at = at;
}

/* Moves B, whose time has changed, from AT to where it belongs. */
static void settle(struct limits *l, size_t at, struct bucket *b)
{
	while (at && l->heap[(at - 1) / 2]->full_at > b->full_at) {
		place(l, at, l->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (size_t child; (child = 2 * at + 1) < l->count; at = child) {
		if (child + 1 < l->count &&
		    l->heap[child + 1]->full_at < l->heap[child]->full_at)
			child++;
		if (l->heap[child]->full_at >= b->full_at)
			break;
		place(l, at, l->heap[child]);
	}
	place(l, at, b);
}

/* ---- The table -------------------------------------------------------------------- */

static struct bucket **slot_of(struct limits *l, const char *key)
{
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t n;

	crypto_shorthash(hash, (const unsigned char *)key, strlen(key), l->secret);
	memcpy(&n, hash, sizeof n);
	return &l->slots[n & (l->slot_count - 1)];
}

static struct bucket *find(struct limits *l, const char *key)
{
	struct bucket *b = *slot_of(l, key);

	while (b && strcmp(b->key, key) != 0)
		b = b->next;
	return b;
}

static void forget_fullest(struct limits *l)
{
	struct bucket *b = l->heap[0], **at = slot_of(l, b->key);

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	l->count--;
	if (l->count)
		settle(l, 0, l->heap[l->count]);
	free(b->key);
	free(b);
}

static struct bucket *add(struct limits *l, const char *key, uint64_t now)
{
	struct bucket *b = xcalloc(1, sizeof *b), **slot;

	if (l->count && (l->count == l->max || l->heap[0]->full_at <= now))
		forget_fullest(l);
	if (l->count == l->heap_room) {
		l->heap_room = l->heap_room ? 2 * l->heap_room : 16;
		l->heap = xreallocarray(l->heap, l->heap_room, sizeof(struct bucket *));
	}
	slot = slot_of(l, key);
	b->key = xstrdup(key);
	b->full_at = now;
	b->next = *slot;
	*slot = b;
	l->count++;
	settle(l, l->count - 1, b);
	return b;
}

/* Takes one that is COST ticks of a bucket of ROOM ticks: 0, or the seconds until then.
 */
static uint64_t take(struct limits *l, const char *key, uint64_t cost, uint64_t room,
		     uint64_t now)
{
	struct bucket *b = find(l, key);
	uint64_t from = b && b->full_at > now ? b->full_at : now;

	if (b && from > now + room) { /* the bucket was larger when it was taken from */
		from = b->full_at = now + room;
		settle(l, b->heap_at, b);
	}
	if (from + cost > now + room) {
		uint64_t ticks = from + cost - now - room;

		return (ticks + 1000 * l->ms - 1) / (1000 * l->ms);
	}
	if (!b)
		b = add(l, key, now);
	b->full_at = from + cost;
	settle(l, b->heap_at, b);
	return 0;
}

static void give_back(struct limits *l, const char *key, uint64_t cost)
{
	struct bucket *b = find(l, key);

	if (!b)
		return;
	b->full_at -= b->full_at < cost ? b->full_at : cost;
	settle(l, b->heap_at, b);
}

uint64_t limits_take(struct limits *l, const char *key, uint64_t now_ms)
{
	if (!l->per_hour)
		return 0;
	return take(l, key, HOUR_MS, HOUR_MS * l->per_hour, now_ms * l->ms);
}

void limits_give_back(struct limits *l, const char *key)
{
	if (l->per_hour)
		give_back(l, key, HOUR_MS);
}

/* ---- Rates ------------------------------------------------------------------------ */

static uint64_t cost_of(const struct rate *r)
{
	return (uint64_t)r->period_s * SECOND_NS / r->events;
}

uint64_t limits_take_rate(struct limits *l, const char *key, const struct rate *r,
			  uint64_t now_ms)
{
	if (!r->events)
		return 0;
	return take(l, key, cost_of(r), cost_of(r) * rate_burst(r), now_ms * l->ms);
}

void limits_give_back_rate(struct limits *l, const char *key, const struct rate *r)
{
	if (r->events)
		give_back(l, key, cost_of(r));
}

struct limits_left limits_left(struct limits *l, const char *key, const struct rate *r,
			       uint64_t now_ms)
{
	uint64_t now = now_ms * l->ms, cost = cost_of(r), room = cost * rate_burst(r);
	const struct bucket *b = find(l, key);
	uint64_t used = b && b->full_at > now ? b->full_at - now : 0;

	if (used > room)
		used = room;
	uint64_t tokens = (room - used) / cost;
	return (struct limits_left){
		.tokens = tokens,
		.next_s = (used + (tokens + 1) * cost - room + SECOND_NS - 1) / SECOND_NS,
	};
}
