#include "work/owners.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define OWNERS_MAX 1000 /* that are remembered */
#define HOUR_MS ((uint64_t)3600 * 1000)
#define RETURNED_MAX 3 /* messages without a word between: nobody reads them */
#define HELD_MAX 16    /* feeds: who owns more hears of the others by the next request */

struct held {
	char *feed;
	uint64_t since; /* 0: it need not wait any more */
};

struct owner {
	char *jid;
	uint64_t sent[OWNERS_AN_HOUR]; /* the newest first */
	unsigned count;		       /* of them */
	uint64_t away_until;	       /* 0: it is not */
	unsigned returned;	       /* of what was sent, since it was heard */
	struct held *held;	       /* what it was not told of */
	size_t held_count;
};

struct owners {
	struct owner list[OWNERS_MAX];
	size_t count;
	void (*cb)(void *arg);
	void *arg;
};

struct owners *owners_create(void)
{
	return xcalloc(1, sizeof(struct owners));
}

static void owner_clear(struct owner *it)
{
	for (size_t i = 0; i < it->held_count; i++)
		free(it->held[i].feed);
	free(it->held);
	free(it->jid);
}

void owners_destroy(struct owners *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		owner_clear(&o->list[i]);
	free(o);
}

void owners_listen(struct owners *o, void (*cb)(void *arg), void *arg)
{
	o->cb = cb;
	o->arg = arg;
}

static struct owner *find(struct owners *o, const char *jid)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->list[i].jid, jid) == 0)
			return &o->list[i];
	return NULL;
}

/* Until when it is of any use to remember it. */
static uint64_t matters_until(const struct owner *it)
{
	uint64_t until = it->count ? it->sent[0] + HOUR_MS : 0;
	for (size_t i = 0; i < it->held_count; i++)
		if (it->held[i].since + HOUR_MS > until)
			until = it->held[i].since + HOUR_MS;
	return it->away_until > until ? it->away_until : until;
}

/* Where there are too many, in the place of the one that matters least long. */
static struct owner *add(struct owners *o, const char *jid)
{
	struct owner *it = &o->list[0];
	if (o->count < OWNERS_MAX) {
		it = &o->list[o->count++];
	} else {
		for (size_t i = 1; i < OWNERS_MAX; i++)
			if (matters_until(&o->list[i]) < matters_until(it))
				it = &o->list[i];
		owner_clear(it);
	}
	*it = (struct owner){.jid = xstrdup(jid)};
	return it;
}

static bool may_ask(struct owner *it, uint64_t now)
{
	if (it->away_until <= now)
		it->away_until = 0;
	while (it->count && it->sent[it->count - 1] + HOUR_MS <= now)
		it->count--;
	return !it->away_until && it->count < OWNERS_AN_HOUR;
}

enum owners_word owners_ask(struct owners *o, const char *jid, uint64_t now)
{
	struct owner *it = find(o, jid);
	if (it && !may_ask(it, now))
		return OWNERS_NO;
	if (!it)
		it = add(o, jid);
	memmove(it->sent + 1, it->sent, it->count * sizeof(it->sent[0]));
	it->sent[0] = now;
	it->count++;
	return it->count == OWNERS_AN_HOUR ? OWNERS_LAST : OWNERS_YES;
}

void owners_lost(struct owners *o, uint64_t since)
{
	for (size_t i = 0; i < o->count; i++) {
		struct owner *it = &o->list[i];
		unsigned lost = 0;
		while (lost < it->count && it->sent[lost] >= since)
			lost++;
		it->count -= lost;
		memmove(it->sent, it->sent + lost, it->count * sizeof(it->sent[0]));
	}
}

void owners_returned(struct owners *o, const char *jid, bool nobody, uint64_t now)
{
	struct owner *it = find(o, jid);
	if (!it || (++it->returned < RETURNED_MAX && !nobody))
		return;
	if (!it->away_until)
		log_info("requests come back: this owner is asked no more for a day, or "
			 "until it writes",
			 log_s("jid", jid));
	it->returned = 0;
	it->away_until = now + OWNERS_AWAY_MS;
}

void owners_heard(struct owners *o, const char *jid)
{
	struct owner *it = find(o, jid);
	if (!it)
		return;
	bool was_away = it->away_until > 0;
	it->returned = 0;
	it->away_until = 0;
	for (size_t i = 0; was_away && i < it->held_count; i++)
		it->held[i].since = 0;
	if (was_away && it->held_count && o->cb)
		o->cb(o->arg);
}

/* ---- What they were not told of -------------------------------------------------- */

void owners_hold(struct owners *o, const char *jid, const char *feed, uint64_t now)
{
	struct owner *it = find(o, jid);
	if (!it || it->held_count == HELD_MAX)
		return;
	for (size_t i = 0; i < it->held_count; i++)
		if (strcmp(it->held[i].feed, feed) == 0)
			return;
	it->held = xreallocarray(it->held, it->held_count + 1, sizeof(*it->held));
	it->held[it->held_count++] = (struct held){xstrdup(feed), now};
}

static bool due(const struct held *h, uint64_t now)
{
	return !h->since || h->since + HOUR_MS <= now;
}

bool owners_due(struct owners *o, uint64_t now, char **jid, char **feed)
{
	for (size_t i = 0; i < o->count; i++) {
		struct owner *it = &o->list[i];
		size_t k = 0;
		while (k < it->held_count && !due(&it->held[k], now))
			k++;
		if (k == it->held_count || !may_ask(it, now))
			continue;
		*jid = xstrdup(it->jid);
		*feed = it->held[k].feed;
		it->held[k] = it->held[--it->held_count];
		return true;
	}
	return false;
}
