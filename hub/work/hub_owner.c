#include "work/hub_int.h"
#include "work/owners.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>
#include <belfry/store/decide.h>

#include <stdlib.h>
#include <string.h>

#define PAGE 1000	 /* of what waits */
#define REQUESTS_MAX 200 /* that are shown */

/* What an owner, or in one case anybody, asks of a feed. Members as they are needed. */
struct asked {
	struct hub *hub;
	struct turn *turn;
	char *who, *feed, *jid;
	bool allow;
	size_t limit;
	void *arg;
	union {
		hub_done_cb done;
		hub_requests_cb requests;
		hub_affiliations_cb affiliations;
	} cb;
	struct feed_config c;
	uint64_t cursor;
	struct hub_request *found; /* their texts are owned */
	size_t found_count;
	bool more;
	struct hub_affiliation *list; /* the same */
	size_t count, next;
	unsigned tries;
};

static struct asked *asked_create(void *hub, const char *who, const char *feed, void *arg)
{
	struct asked *a = xcalloc(1, sizeof(*a));
	a->hub = hub;
	a->who = xstrdup(who);
	a->feed = xstrdup(feed);
	a->arg = arg;
	return a;
}

static void asked_free(struct asked *a)
{
	/* The texts were made here. */
	for (size_t i = 0; i < a->found_count; i++)
		free((void *)(uintptr_t)a->found[i].jid);
	for (size_t i = 0; i < a->count; i++)
		free((void *)(uintptr_t)a->list[i].jid);
	free(a->found);
	free(a->list);
	feed_config_free(&a->c);
	free(a->who);
	free(a->feed);
	free(a->jid);
	free(a);
}

/* OK: WHO owns the feed, whose configuration is in A->c. */
static enum belfry_err owned(struct asked *a, enum belfry_err err,
			     const struct store_feed *feed)
{
	feed_config_free(&a->c);
	if (err)
		return err;
	if (!hub_read_config(feed, &a->c) ||
	    feed_affiliation_of(&a->c, a->who) != AFFILIATION_OWNER)
		return BELFRY_EDENIED;
	return BELFRY_OK;
}

static void get_feed(struct asked *a, store_feed_cb cb)
{
	struct store *s = a->hub->store;
	s->ops->feed_get(s, a->feed, cb, a);
}

/* ---- Being there ----------------------------------------------------------------- */

/* Servers do not tell blocking from a full store, but what passes is neither. */
void hub_owner_returned(void *hub, const char *owner, bool nobody, const char *condition)
{
	const struct hub *h = hub;
	if (h->owners && (nobody || !hub_passes(condition)))
		owners_returned(h->owners, owner, nobody, clock_mono_ms());
}

void hub_heard(void *hub, const char *who)
{
	const struct hub *h = hub;
	if (h->owners)
		owners_heard(h->owners, who);
}

/* ---- Letting in ------------------------------------------------------------------ */

static void decided(struct asked *a, enum belfry_err err)
{
	struct turn *turn = a->turn;
	struct hub *hub = a->hub;
	a->cb.done(a->arg, err);
	asked_free(a);
	turn_end(hub, turn);
}

static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	(void)row;
	(void)created;
	/* An invitation is not the owner's to answer, nor an outcast one to let in. */
	if (err == BELFRY_EPENDING || err == BELFRY_EREFUSED || err == BELFRY_EDENIED)
		err = BELFRY_ENOENT;
	decided(arg, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
}

static void on_decide_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
			   bool created)
{
	struct asked *a = arg;
	(void)created;
	err = owned(a, err, feed);
	if (!err && a->allow && feed_affiliation_of(&a->c, a->jid) == AFFILIATION_OUTCAST)
		err = BELFRY_ENOENT;
	if (err)
		decided(a, err);
	else
		store_decide(a->hub->store, a->feed, a->jid, a->allow, on_decided, a);
}

static void begin_decide(void *arg)
{
	get_feed(arg, on_decide_feed);
}

void hub_decide(void *hub, const char *owner, const char *feed, const char *jid,
		bool allow, hub_done_cb cb, void *arg)
{
	struct asked *a = asked_create(hub, owner, feed, arg);
	a->jid = xstrdup(jid);
	a->allow = allow;
	a->cb.done = cb;
	a->turn = turn_take(hub, feed, jid, begin_decide, a);
}

/* ---- Who waits ------------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
	const struct hub_request *x = a, *y = b;
	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static void requests_end(struct asked *a, enum belfry_err err)
{
	if (a->found_count)
		qsort(a->found, a->found_count, sizeof(*a->found), by_age);
	a->cb.requests(a->arg, err, err ? NULL : a->found, err ? 0 : a->found_count,
		       !err && a->more);
	asked_free(a);
}

/* A page may repeat what the one before it had. */
static bool is_new(const struct asked *a, const char *jid)
{
	for (size_t i = 0; i < a->found_count; i++)
		if (strcmp(a->found[i].jid, jid) == 0)
			return false;
	return true;
}

static void found(struct asked *a, const struct store_pending *p)
{
	if (p->state != PENDING_OWNERS ||
	    feed_affiliation_of(&a->c, p->jid) == AFFILIATION_OUTCAST ||
	    !is_new(a, p->jid))
		return;
	if (a->found_count == a->limit) {
		a->more = true;
		return;
	}
	a->found[a->found_count++] = (struct hub_request){
		.feed = a->feed, .jid = xstrdup(p->jid), .at_ms = p->at_ms};
}

static void next_page(struct asked *a);

static void on_page(void *arg, enum belfry_err err, const struct store_pending *list,
		    size_t count, uint64_t next)
{
	struct asked *a = arg;
	for (size_t i = 0; !err && i < count; i++)
		found(a, &list[i]);
	a->cursor = next;
	if (err || !next || a->more)
		requests_end(a, err);
	else
		next_page(a);
}

static void next_page(struct asked *a)
{
	struct store *s = a->hub->store;
	s->ops->pending_list(s, a->feed, a->cursor, PAGE, on_page, a);
}

static void on_requests_feed(void *arg, enum belfry_err err,
			     const struct store_feed *feed, bool created)
{
	struct asked *a = arg;
	(void)created;
	err = owned(a, err, feed);
	if (err)
		requests_end(a, err);
	else
		next_page(a);
}

void hub_requests(void *hub, const char *owner, const char *feed, size_t limit,
		  hub_requests_cb cb, void *arg)
{
	struct asked *a = asked_create(hub, owner, feed, arg);
	a->limit = limit < REQUESTS_MAX ? limit : REQUESTS_MAX;
	a->found = xcalloc(a->limit + 1, sizeof(*a->found));
	a->cb.requests = cb;
	get_feed(a, on_requests_feed);
}

/* ---- Who is what ----------------------------------------------------------------- */

static void list_add(struct asked *a, const char *jid, enum feed_affiliation affiliation)
{
	a->list = xreallocarray(a->list, a->count + 1, sizeof(*a->list));
	a->list[a->count++] = (struct hub_affiliation){xstrdup(jid), affiliation};
}

static void list_add_all(struct asked *a, char *const *jids,
			 enum feed_affiliation affiliation)
{
	for (; jids && *jids; jids++)
		list_add(a, *jids, affiliation);
}

static void affiliations_end(struct asked *a, enum belfry_err err)
{
	a->cb.affiliations(a->arg, err, err ? NULL : a->list, err ? 0 : a->count);
	asked_free(a);
}

static void on_affiliations_feed(void *arg, enum belfry_err err,
				 const struct store_feed *feed, bool created)
{
	struct asked *a = arg;
	(void)created;
	err = owned(a, err, feed);
	if (!err) {
		list_add_all(a, a->c.owners, AFFILIATION_OWNER);
		list_add_all(a, a->c.whitelist, AFFILIATION_MEMBER);
		list_add_all(a, a->c.outcasts, AFFILIATION_OUTCAST);
	}
	affiliations_end(a, err);
}

void hub_affiliations(void *hub, const char *owner, const char *feed,
		      hub_affiliations_cb cb, void *arg)
{
	struct asked *a = asked_create(hub, owner, feed, arg);
	a->cb.affiliations = cb;
	get_feed(a, on_affiliations_feed);
}

static void on_affiliation_feed(void *arg, enum belfry_err err,
				const struct store_feed *feed, bool created)
{
	struct asked *a = arg;
	(void)created;
	if (!err && (!hub_read_config(feed, &a->c) ||
		     !feed_shows(&a->c, a->who, a->hub->trusted_domains)))
		err = BELFRY_EDENIED;
	if (!err) {
		char *bare = jid_bare(a->who);
		list_add(a, bare, feed_affiliation_of(&a->c, a->who));
		free(bare);
	}
	affiliations_end(a, err);
}

void hub_affiliation(void *hub, const char *who, const char *feed, hub_affiliations_cb cb,
		     void *arg)
{
	struct asked *a = asked_create(hub, who, feed, arg);
	a->cb.affiliations = cb;
	get_feed(a, on_affiliation_feed);
}

/* ---- Changing it ----------------------------------------------------------------- */

static void affiliated(struct asked *a, enum belfry_err err)
{
	a->cb.done(a->arg, err);
	asked_free(a);
}

static void expel_next(struct asked *a);

static void on_expelled(void *arg, enum belfry_err err)
{
	struct asked *a = arg;
	if (err && err != BELFRY_EFULL)
		affiliated(a, err);
	else /* for whom there is no room now, leaves later */
		expel_next(a);
}

/*
 * Those of a domain, and full JIDs, may be many: nobody waits for them. The store has
 * noted that they are to be looked for.
 */
static void expel_next(struct asked *a)
{
	for (; a->next < a->count; a->next++) {
		const struct hub_affiliation *it = &a->list[a->next];
		if (it->affiliation == AFFILIATION_OUTCAST && strchr(it->jid, '@')) {
			a->next++;
			hub_expel(a->hub, a->feed, it->jid, on_expelled, a);
			return;
		}
	}
	affiliated(a, BELFRY_OK);
}

static void on_affiliate_feed(void *arg, enum belfry_err err,
			      const struct store_feed *feed, bool created);

static void on_put(void *arg, enum belfry_err err, const struct store_feed *feed,
		   bool created)
{
	struct asked *a = arg;
	(void)feed;
	(void)created;
	if (err == BELFRY_ESTALE && ++a->tries < STORE_TRIES)
		get_feed(a, on_affiliate_feed);
	else if (err)
		affiliated(a, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
	else
		expel_next(a);
}

static void on_affiliate_feed(void *arg, enum belfry_err err,
			      const struct store_feed *feed, bool created)
{
	struct asked *a = arg;
	struct store *s = a->hub->store;
	(void)created;
	err = owned(a, err, feed);
	for (size_t i = 0; !err && i < a->count; i++)
		err = feed_affiliate(&a->c, a->list[i].jid, a->list[i].affiliation);
	/* Not on the way: the list may name the successor first or last. */
	if (!err && !a->c.owners)
		err = BELFRY_EDENIED;
	if (err) {
		affiliated(a, err);
		return;
	}
	char *config = feed_config_json(&a->c);
	s->ops->feed_put(s, a->feed, config, feed->config, feed->created_ms, on_put, a);
	free(config);
}

void hub_affiliate(void *hub, const char *owner, const char *feed,
		   const struct hub_affiliation *list, size_t count, hub_done_cb cb,
		   void *arg)
{
	struct asked *a = asked_create(hub, owner, feed, arg);
	for (size_t i = 0; i < count; i++)
		list_add(a, list[i].jid, list[i].affiliation);
	a->cb.done = cb;
	get_feed(a, on_affiliate_feed);
}
