#include "work/hub_int.h"

#include "work/availability.h"

#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>

void hub_available(void *hub, const char *feed, const char *jid, enum availability now,
		   int priority)
{
	const struct hub *h = hub;
	if (!h->availability)
		return;
	if (now)
		availability_heard(h->availability, feed, jid, now, priority);
	else
		availability_lost(h->availability, feed, jid);
}

/* ---- What was granted -------------------------------------------------------------- */

struct grant {
	struct hub *hub;
	struct turn *turn;
	char *feed, *jid;
	bool yes;
	bool refused; /* it was asked, and says no */
	hub_sub_cb cb;
	void *arg;
};

static void answer(struct grant *g, enum belfry_err err, const struct sub *sub)
{
	struct turn *turn = g->turn;
	struct hub *hub = g->hub;
	g->cb(g->arg, err, sub, !err && g->refused);
	free(g->feed);
	free(g->jid);
	free(g);
	turn_end(hub, turn);
}

/*
 * Whoever is there is shown right behind a yes (RFC 6121 3.1.5): until then it is
 * offline. Behind a no it is not known any more.
 */
static void learn(const struct grant *g)
{
	struct availabilities *a = g->hub->availability;
	if (!a)
		return;
	if (!g->yes) {
		availability_forget(a, g->feed, g->jid);
		return;
	}
	char *bare = jid_bare(g->jid);
	availability_expect(a, g->feed, g->jid);
	availability_grant(a, g->feed, g->jid, true);
	if (availability_of(a, g->feed, bare) == AVAIL_UNKNOWN)
		availability_heard(a, g->feed, bare, AVAIL_OFFLINE, 0);
	free(bare);
}

static void on_noted(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct grant *g = arg;
	(void)created;
	if (!err)
		learn(g);
	answer(g, err, err ? NULL : &row->sub);
}

static void note(struct grant *g)
{
	struct store *s = g->hub->store;
	const struct sub_change change = {.set = SUB_SET_GRANT,
					  .format = FORMAT_CHAT,
					  .only_existing = true,
					  .options.grant =
						  g->yes ? GRANT_YES : GRANT_REFUSED};
	s->ops->join(s, g->feed, g->jid, &change, on_noted, g);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct grant *g = arg;
	struct sub_options o = {0};
	(void)created;
	if (!err)
		sub_options_read(&row->sub, &o);
	if (err || !sub_chooses_presence(&o)) {
		answer(g, err ? err : BELFRY_ENOENT, NULL);
		return;
	}
	g->refused = !g->yes && o.grant == GRANT_ASKED;
	if (g->yes ? o.grant != GRANT_YES
		   : o.grant == GRANT_YES || o.grant == GRANT_ASKED) {
		note(g);
		return;
	}
	if (g->yes)
		learn(g);
	answer(g, BELFRY_OK, &row->sub);
}

static void begin(void *arg)
{
	struct grant *g = arg;
	struct store *s = g->hub->store;
	const struct availabilities *a = g->hub->availability;
	const char *row = a ? availability_expected(a, g->feed, g->jid) : NULL;
	if (row) { /* which may be one of its full JIDs */
		char *jid = xstrdup(row);
		free(g->jid);
		g->jid = jid;
	}
	s->ops->sub_get(s, g->feed, g->jid, on_row, g);
}

void hub_granted(void *hub, const char *feed, const char *jid, bool yes, hub_sub_cb cb,
		 void *arg)
{
	struct grant *g = xcalloc(1, sizeof(*g));
	g->hub = hub;
	g->feed = xstrdup(feed);
	g->jid = xstrdup(jid);
	g->yes = yes;
	g->cb = cb;
	g->arg = arg;
	g->turn = turn_take(hub, feed, jid, begin, g);
}
