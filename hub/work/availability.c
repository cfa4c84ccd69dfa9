#include "work/availability.h"

#include <belfry/base/mem.h>
#include <belfry/base/random.h>
#include <belfry/core/jid.h>
#include <belfry/core/subscription.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RESOURCES_MAX 8
#define LISTENERS_MAX 3
#define SALT_MIN (1u << 16)
#define SALTS (1u << 20)

/* By the hashes of its text: two that are equal are of one person, who has both. */
struct resource {
	uint64_t key;
	enum availability now;
	int priority;
};
struct person {
	struct person *chain;
	struct person *newer, *older; /* in the order of use */
	bool full;		      /* it is expected by a full JID, too */
	bool granted; /* else it may show something at times, and not that it goes */
	bool known;
	bool soon; /* it is being found out */
	bool lost; /* ... and is to be, once something is heard of it */
	bool more; /* there were more resources than are remembered */
	size_t count;
	struct resource list[RESOURCES_MAX]; /* who was heard last first */
	const char *bare, *jid;
	char feed[]; /* and behind its NUL the bare JID, and that by which it is expected
		      */
};
struct availabilities {
	uint32_t salt; /* nobody is to choose JIDs that fall into one slot */
	size_t max, count, known;
	struct person **slots;
	size_t slot_count;
	struct person *newest, *oldest;
	struct listener {
		availability_cb cb;
		void *arg;
	} listeners[LISTENERS_MAX];
	size_t listener_count;
};

/* ---- The table -------------------------------------------------------------------- */

static size_t bare_len(const char *jid)
{
	return strcspn(jid, "/");
}

static struct person **place_of(const struct availabilities *a, const char *feed,
				const char *jid)
{
	size_t len = bare_len(jid);
	uint64_t hash = row_hash(a->salt, feed, strlen(feed));
	hash = hash * 31 + row_hash(a->salt, jid, len);
	struct person **at = &a->slots[hash % a->slot_count];
	while (*at && (strcmp((*at)->feed, feed) != 0 || strlen((*at)->bare) != len ||
		       memcmp((*at)->bare, jid, len) != 0))
		at = &(*at)->chain;
	return at;
}

static void take_out(struct availabilities *a, struct person *p)
{
	*(p->newer ? &p->newer->older : &a->newest) = p->older;
	*(p->older ? &p->older->newer : &a->oldest) = p->newer;
	p->newer = p->older = NULL;
}

static void put_first(struct availabilities *a, struct person *p)
{
	p->older = a->newest;
	*(a->newest ? &a->newest->newer : &a->oldest) = p;
	a->newest = p;
}

static void used(struct availabilities *a, struct person *p)
{
	if (a->newest == p)
		return;
	take_out(a, p);
	put_first(a, p);
}

static void set_known(struct availabilities *a, struct person *p, bool known)
{
	a->known += known && !p->known;
	a->known -= !known && p->known;
	p->known = known;
	p->lost = false;
	p->soon = p->soon && known && !p->granted;
	if (!known) {
		p->count = 0;
		p->more = false;
	}
}

static enum availability best(const struct person *p)
{
	enum availability best = AVAIL_OFFLINE;
	if (!p->known || !p->granted)
		return AVAIL_UNKNOWN;
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].priority >= 0 && p->list[i].now < best)
			best = p->list[i].now;
	return best;
}

static void tell(const struct availabilities *a, const struct person *p, const char *jid,
		 enum availability was)
{
	for (size_t i = 0; i < a->listener_count; i++)
		a->listeners[i].cb(a->listeners[i].arg, p->feed, jid, p->bare, was,
				   best(p));
}

static void drop(struct availabilities *a, struct person **at)
{
	struct person *p = *at;
	enum availability was = best(p);
	*at = p->chain;
	take_out(a, p);
	a->count--;
	set_known(a, p, false);
	if (was)
		tell(a, p, p->bare, was);
	free(p);
}

bool availability_expect(struct availabilities *a, const char *feed, const char *jid)
{
	struct person **at = place_of(a, feed, jid);
	size_t feed_size = strlen(feed) + 1, len = bare_len(jid), size = strlen(jid) + 1;
	if (*at) {
		(*at)->full |= jid[len] != '\0';
		used(a, *at);
		return false;
	}
	struct person *p = xcalloc(1, sizeof(*p) + feed_size + len + 1 + size);
	memcpy(p->feed, feed, feed_size);
	memcpy(p->feed + feed_size, jid, len);
	memcpy(p->feed + feed_size + len + 1, jid, size);
	p->bare = p->feed + feed_size;
	p->jid = p->bare + len + 1;
	p->full = jid[len] != '\0';
	if (a->count == a->max)
		drop(a, place_of(a, a->oldest->feed, a->oldest->bare));
	at = place_of(a, feed, jid); /* it may have been in the same slot */
	*at = p;
	p->soon = true;
	put_first(a, p);
	a->count++;
	return true;
}

const char *availability_expected(const struct availabilities *a, const char *feed,
				  const char *jid)
{
	const struct person *p = *place_of(a, feed, jid);
	return p ? p->jid : NULL;
}

bool availability_by_resource(const struct availabilities *a, const char *feed,
			      const char *jid)
{
	const struct person *p = *place_of(a, feed, jid);
	return p && p->full;
}

void availability_forget(struct availabilities *a, const char *feed, const char *bare)
{
	struct person **at = place_of(a, feed, bare);
	if (*at)
		drop(a, at);
}

void availability_each(const struct availabilities *a,
		       void (*cb)(void *arg, const char *feed, const char *jid),
		       void *arg)
{
	for (const struct person *p = a->newest; p; p = p->older)
		cb(arg, p->feed, p->jid);
}

/* ---- Resources -------------------------------------------------------------------- */

static uint64_t resource_key(const struct availabilities *a, const char *jid)
{
	const char *resource = jid + bare_len(jid);
	size_t len = strlen(resource);
	return (uint64_t)row_hash(a->salt, resource, len) << 32 |
	       row_hash(a->salt + 1, resource, len);
}

static struct resource *resource_find(struct person *p, uint64_t key)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].key == key)
			return &p->list[i];
	return NULL;
}

static void resource_remove(struct person *p, struct resource *r)
{
	size_t behind = p->count - (size_t)(r - p->list) - 1;
	memmove(r, r + 1, behind * sizeof(*r));
	p->count--;
}

static void resource_put(struct person *p, struct resource new)
{
	struct resource *old = resource_find(p, new.key);
	if (old)
		resource_remove(p, old);
	if (p->count == RESOURCES_MAX) {
		p->count--;
		p->more = true;
	}
	memmove(p->list + 1, p->list, p->count * sizeof(new));
	p->list[0] = new;
	p->count++;
}

/*
 * Nothing is known of P, and this resource of it does not tell of the others: it goes, or
 * they were lost with it, and nobody has asked for them since.
 */
static bool is_part(const struct person *p, enum availability now)
{
	return !p->known && (now == AVAIL_OFFLINE || (p->lost && p->granted));
}

void availability_heard(struct availabilities *a, const char *feed, const char *jid,
			enum availability now, int priority)
{
	struct person *p = *place_of(a, feed, jid);
	if (!p)
		return;
	bool full = strchr(jid, '/') != NULL;
	if (full && is_part(p, now)) {
		bool again = p->lost && p->granted;
		p->lost = p->lost && !again;
		p->soon = p->soon || again;
		if (again)
			tell(a, p, jid, AVAIL_UNKNOWN);
		return;
	}
	uint64_t key = resource_key(a, jid);
	struct resource *had = resource_find(p, key);
	enum availability was = best(p), had_been = had ? had->now : AVAIL_OFFLINE;
	if (!was)
		had_been = AVAIL_UNKNOWN;
	if (now != AVAIL_OFFLINE)
		resource_put(p, (struct resource){key, now, priority});
	else if (had)
		resource_remove(p, had);
	if (now == AVAIL_OFFLINE && !full) {
		p->count = 0;
		p->more = false;
	}
	set_known(a, p, true);
	used(a, p);
	if (was != best(p) || (best(p) && had_been != now))
		tell(a, p, jid, was);
}

void availability_grant(struct availabilities *a, const char *feed, const char *jid,
			bool granted)
{
	struct person *p = *place_of(a, feed, jid);
	if (!p)
		return;
	enum availability was = best(p);
	p->granted = granted;
	if (granted && p->known)
		p->soon = false;
	if (was != best(p))
		tell(a, p, p->bare, was);
}

void availability_lost(struct availabilities *a, const char *feed, const char *bare)
{
	struct person *p = *place_of(a, feed, bare);
	if (!p)
		return;
	enum availability was = best(p);
	set_known(a, p, false);
	p->lost = true;
	tell(a, p, p->bare, was);
}

void availability_stale(struct availabilities *a)
{
	for (struct person *p = a->newest; p; p = p->older) {
		set_known(a, p, false);
		p->soon = true;
	}
}

bool availability_soon(const struct availabilities *a, const char *feed, const char *jid)
{
	const struct person *p = *place_of(a, feed, jid);
	return p && p->soon;
}

void availability_settle(struct availabilities *a, const char *feed, const char *jid)
{
	struct person *p = *place_of(a, feed, jid);
	if (p)
		p->soon = false;
}

enum availability availability_of(struct availabilities *a, const char *feed,
				  const char *jid)
{
	struct person *p = *place_of(a, feed, jid);
	if (!p)
		return AVAIL_UNKNOWN;
	used(a, p);
	if (!strchr(jid, '/') || !best(p))
		return best(p);
	const struct resource *r = resource_find(p, resource_key(a, jid));
	if (!r)
		return p->more ? AVAIL_UNKNOWN : AVAIL_OFFLINE;
	return r->now;
}

/* ---- All of it --------------------------------------------------------------------- */

struct availabilities *availability_create(size_t people)
{
	struct availabilities *a = xcalloc(1, sizeof(*a));
	a->salt = SALT_MIN + random_below(SALTS);
	a->max = people ? people : 1;
	a->slot_count = a->max;
	a->slots = xcalloc(a->slot_count, sizeof(struct person *));
	return a;
}

void availability_destroy(struct availabilities *a)
{
	if (!a)
		return;
	for (struct person *p = a->newest, *older; p; p = older) {
		older = p->older;
		free(p);
	}
	free(a->slots);
	free(a);
}

void availability_listen(struct availabilities *a, availability_cb cb, void *arg)
{
	if (a->listener_count < LISTENERS_MAX)
		a->listeners[a->listener_count++] = (struct listener){cb, arg};
}

void availability_stats(const struct availabilities *a, struct availability_stats *out)
{
	*out = (struct availability_stats){.people = a->count, .known = a->known};
}
