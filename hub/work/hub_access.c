#include "work/hub_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

#define WHY_SIZE 128

bool hub_read_config(const struct store_feed *f, struct feed_config *c)
{
	char why[WHY_SIZE];
	feed_config_init(c);
	if (!feed_config_patch(c, f->config, strlen(f->config), why, sizeof(why)))
		return true;
	log_warn("feed configuration unreadable, nobody may see it",
		 log_s("feed", f->name), log_s("why", why));
	feed_config_free(c);
	return false;
}

bool hub_bars(const struct store_feed *feed, const char *jid)
{
	struct feed_config c;
	if (!hub_read_config(feed, &c))
		return true;
	bool bars = feed_affiliation_of(&c, jid) == AFFILIATION_OUTCAST;
	feed_config_free(&c);
	return bars;
}

/* ---- Who is known ---------------------------------------------------------------- */

struct knowing {
	struct hub *hub;
	char *feed, *jid;
	bool invited;
	store_cb cb;
	void *arg;
};

static void known(struct knowing *k, enum belfry_err err)
{
	k->cb(k->arg, err);
	free(k->feed);
	free(k->jid);
	free(k);
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	if (!err && !pending_awaits_person(p->state))
		err = BELFRY_ENOENT;
	known(arg, err);
}

static void look_for_row(struct knowing *k);

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct knowing *k = arg;
	struct store *s = k->hub->store;
	(void)row;
	(void)created;
	if (err != BELFRY_ENOENT) {
		known(k, err);
	} else if (jid_has_resource(k->jid)) {
		k->jid[jid_bare_len(k->jid)] = '\0';
		look_for_row(k);
	} else if (k->invited) {
		s->ops->pending_get(s, k->feed, k->jid, on_pending, k);
	} else {
		known(k, err);
	}
}

static void look_for_row(struct knowing *k)
{
	struct store *s = k->hub->store;
	s->ops->sub_get(s, k->feed, k->jid, on_row, k);
}

void hub_knows(struct hub *hub, const char *feed, const char *jid, bool invited,
	       store_cb cb, void *arg)
{
	struct knowing *k = xcalloc(1, sizeof(*k));
	k->hub = hub;
	k->feed = xstrdup(feed);
	k->jid = xstrdup(jid);
	k->invited = invited;
	k->cb = cb;
	k->arg = arg;
	look_for_row(k);
}

/* ---- How often ------------------------------------------------------------------- */

/* One of each, or none. */
static bool take(struct hub *hub, const char *who)
{
	uint64_t now = clock_mono_ms(), wait = 0;
	char *bare = jid_bare(who);
	size_t len;
	const char *domain = jid_domain(bare, &len); /* which ends where BARE does */
	if (hub->per_jid)
		wait = limits_take(hub->per_jid, bare, now);
	if (!wait && hub->per_domain && !jid_domain_in(bare, hub->trusted_domains)) {
		wait = limits_take(hub->per_domain, domain, now);
		if (wait && hub->per_jid)
			limits_give_back(hub->per_jid, bare);
	}
	free(bare);
	return wait == 0;
}

bool hub_take(struct hub *hub, const char *who)
{
	if (take(hub, who))
		return true;
	hub->limited++;
	log_debug("subscribes too often", log_s("jid", who));
	return false;
}

void hub_give_back(struct hub *hub, const char *who)
{
	char *bare = jid_bare(who);
	size_t len;
	if (hub->per_jid)
		limits_give_back(hub->per_jid, bare);
	if (hub->per_domain && !jid_domain_in(bare, hub->trusted_domains))
		limits_give_back(hub->per_domain, jid_domain(bare, &len));
	free(bare);
}

void hub_unasked(const struct hub *hub, const char *feed, const char *jid)
{
	char *bare = jid_bare(jid);
	if (hub->unasked)
		hub->unasked(hub->unasked_arg, feed, bare);
	free(bare);
}
