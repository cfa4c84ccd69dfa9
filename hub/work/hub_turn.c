#include "work/hub_int.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/* In the order of their coming; of those of one key, the first is at it. */
struct turn {
	struct turn *next;
	char *key;
	void (*begin)(void *arg);
	void *arg;
};

static char *make_key(const char *feed, const char *jid)
{
	struct buf key = {0};
	buf_printf(&key, "%s/", feed);
	buf_add(&key, jid, jid_bare_len(jid));
	return buf_steal(&key);
}

/* Of T's key, from HERE on; NULL: none. */
static struct turn *same_key(struct turn *here, const struct turn *t)
{
	while (here && strcmp(here->key, t->key) != 0)
		here = here->next;
	return here;
}

struct turn *turn_take(struct hub *hub, const char *feed, const char *jid,
		       void (*begin)(void *arg), void *arg)
{
	struct turn *t = xcalloc(1, sizeof(*t)), **at = &hub->turns;
	t->key = make_key(feed, jid);
	t->begin = begin;
	t->arg = arg;
	bool first = !same_key(hub->turns, t);
	while (*at)
		at = &(*at)->next;
	*at = t;
	if (first)
		begin(arg);
	return t;
}

void turn_end(struct hub *hub, struct turn *t)
{
	struct turn **at = &hub->turns;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	struct turn *next = same_key(t->next, t);
	free(t->key);
	free(t);
	if (next)
		next->begin(next->arg);
}
