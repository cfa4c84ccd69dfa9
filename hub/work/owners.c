#include "work/owners.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define OWNERS_MAX 1000 /* that are remembered */
#define HOUR_MS ((uint64_t)3600 * 1000)

struct owner {
	char *jid;
	uint64_t sent[OWNERS_AN_HOUR]; /* the newest first */
	unsigned count;		       /* of them */
	uint64_t away_until;	       /* 0: it is not */
};

struct owners {
	struct owner list[OWNERS_MAX];
	size_t count, away;
};

struct owners *owners_create(void)
{
	return xcalloc(1, sizeof(struct owners));
}

void owners_destroy(struct owners *o)
{
	for (size_t i = 0; o && i < o->count; i++)
		free(o->list[i].jid);
	free(o);
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
		o->away -= it->away_until > 0;
		free(it->jid);
	}
	*it = (struct owner){.jid = xstrdup(jid)};
	return it;
}

static void back(struct owners *o, struct owner *it)
{
	o->away -= it->away_until > 0;
	it->away_until = 0;
}

enum owners_word owners_ask(struct owners *o, const char *jid, uint64_t now)
{
	struct owner *it = find(o, jid);
	if (it && it->away_until && it->away_until <= now)
		back(o, it);
	if (it && it->away_until)
		return OWNERS_NO;
	while (it && it->count && it->sent[it->count - 1] + HOUR_MS <= now)
		it->count--;
	if (it && it->count == OWNERS_AN_HOUR)
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

void owners_gone(struct owners *o, const char *jid, uint64_t now)
{
	struct owner *it = find(o, jid);
	if (!it)
		return;
	if (!it->away_until)
		log_info("a request came back: this owner is asked no more for a day, or "
			 "until it writes",
			 log_s("jid", jid));
	o->away += it->away_until == 0;
	it->away_until = now + OWNERS_AWAY_MS;
}

void owners_heard(struct owners *o, const char *jid)
{
	struct owner *it = o->away ? find(o, jid) : NULL;
	if (it)
		back(o, it);
}
