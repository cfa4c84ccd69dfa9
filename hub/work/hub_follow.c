#include "work/hub_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>
#include <belfry/store/decide.h>

#include <stdlib.h>
#include <string.h>

/*
 * Somebody wants to follow. The feed says whether it may, or has to ask; what is
 * remembered of the person (invited, refused, denied, withdrawn) counts as well. The row
 * is made, and what was remembered is gone, in one step, or neither.
 */
struct wish {
	struct hub *hub;
	struct turn *turn;
	char *who, *feed, *jid;
	struct sub_change change;
	bool accepts; /* says yes to an invitation, and no more than that */
	hub_sub_cb cb;
	void *arg;

	enum feed_admission admission;
	bool unowned; /* the feed: nobody is asked in a client */
	bool follows; /* by another row, or this one: need not ask */
	unsigned tries;
	bool asked_before; /* its owners are asked already */
	bool taken;	   /* counts in the limits */
	bool invited;	   /* has the question of an invitation */
};

static void answer(struct wish *w, enum belfry_err err, const struct sub *sub,
		   bool created)
{
	struct turn *turn = w->turn;
	struct hub *hub = w->hub;
	if (err == BELFRY_EPENDING && w->unowned)
		err = BELFRY_EUNOWNED;
	if (w->taken && !created && err != BELFRY_EAWAY)
		hub_give_back(hub, w->who);
	if (!err && hub->chosen &&
	    w->change.set & (SUB_SET_OFFLINE | SUB_SET_SHOWS | SUB_SET_RECEIPT))
		hub->chosen(hub->chosen_arg, w->feed, w->jid);
	w->cb(w->arg, err, sub, created);
	free(w->who);
	free(w->feed);
	free(w->jid);
	free(w);
	turn_end(hub, turn);
}

static void fail(struct wish *w, enum belfry_err err)
{
	answer(w, err, NULL, false);
}

/* False: there were too many, and it has been answered. */
static bool count(struct wish *w)
{
	w->taken = w->taken || hub_take(w->hub, w->who);
	if (w->taken)
		return true;
	fail(w, BELFRY_ELIMIT);
	return false;
}

static void begin(void *arg);

/* Has somebody else changed it meanwhile? Then it begins anew: it may follow by now, or
 * be an outcast. */
static bool again(struct wish *w, enum belfry_err err)
{
	if (err != BELFRY_ESTALE || ++w->tries == STORE_TRIES)
		return false;
	begin(w);
	return true;
}

/* ---- It may ---------------------------------------------------------------------- */

static void on_joined(void *arg, enum belfry_err err, const struct store_row *row,
		      bool created)
{
	struct wish *w = arg;
	if (again(w, err))
		return;
	if (!err && w->invited && !w->accepts)
		hub_unasked(w->hub, w->feed, w->jid);
	if (err)
		fail(w, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
	else
		answer(w, BELFRY_OK, &row->sub, created);
}

/* How it follows already is another; whatever is remembered. */
static void change_row(struct wish *w)
{
	struct store *s = w->hub->store;
	s->ops->join(s, w->feed, w->jid, &w->change, on_joined, w);
}

/* P: what is remembered; NULL: nothing. */
static void join(struct wish *w, const struct store_pending *p)
{
	struct store *s = w->hub->store;
	bool invited = p && pending_awaits_person(p->state);
	struct sub_change change = w->change;
	w->invited = p && p->state == PENDING_INVITED;
	/* What it was invited for, unless it wishes otherwise now. */
	if (invited && strcmp(p->jid, w->jid) == 0) {
		change = store_pending_change(p);
		sub_change_apply(&w->change, &change.options);
		if (w->change.set & SUB_SET_FORMAT)
			change.format = w->change.format;
		change.set |= w->change.set;
	}
	change.casts = w->change.casts;
	if (invited || count(w))
		s->ops->admit(s, w->feed, w->jid, &change, p, NOTICE_NONE, on_joined, w);
}

/* ---- Its owners are asked -------------------------------------------------------- */

/* Somebody may have entered it since it was looked for: then it has nothing to ask. */
static void on_known_now(void *arg, enum belfry_err err)
{
	struct wish *w = arg;
	if (err == BELFRY_ENOENT)
		answer(w, BELFRY_EPENDING, NULL, !w->asked_before);
	else if (err)
		fail(w, err);
	else if (!again(w, BELFRY_ESTALE))
		fail(w, BELFRY_EAWAY);
}

static void on_asked(void *arg, enum belfry_err err)
{
	struct wish *w = arg;
	if (again(w, err))
		return;
	if (err)
		fail(w, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
	else
		hub_knows(w->hub, w->feed, w->jid, false, on_known_now, w);
}

/* P as before. TOLD: the owners have been told of the request, and not long ago. */
static void ask_owners(struct wish *w, const struct store_pending *p, bool told)
{
	struct store *s = w->hub->store;
	struct store_pending wish = {.format = w->change.format,
				     .at_ms = clock_wall_ms()};
	char words[SUB_OPTIONS_SIZE];
	w->asked_before = p && p->state == PENDING_OWNERS;
	if (w->asked_before && strcmp(p->jid, w->jid) == 0)
		wish = *p;
	if (w->asked_before)
		wish.at_ms = p->at_ms;
	if (w->change.set & SUB_SET_FORMAT)
		wish.format = w->change.format;
	sub_change_apply(&w->change, &wish.options);
	wish.jid = w->jid;
	wish.seen_jid = p ? p->jid : NULL;
	wish.state = PENDING_OWNERS;
	if (sub_options_text(&wish.options, words) < 0)
		fail(w, BELFRY_EINVAL);
	else if (w->asked_before || count(w))
		s->ops->pending_put(s, w->feed, &wish, p ? p->state : PENDING_NONE,
				    told ? NOTICE_NONE : NOTICE_REQUEST, on_asked, w);
}

/* Its feed wants it to ask. P as before. */
static void ask(struct wish *w, const struct store_pending *p)
{
	uint64_t age_ms = 0, now = clock_wall_ms();
	if (p && now > p->at_ms)
		age_ms = now - p->at_ms;
	if (p && p->state == PENDING_DENIED && age_ms < HUB_DENIED_MS)
		fail(w, BELFRY_EDENIED);
	else
		ask_owners(w, p,
			   p && (p->state == PENDING_OWNERS ||
				 (p->state == PENDING_WITHDRAWN &&
				  age_ms < HUB_WITHDRAWN_MS)));
}

/* ---- It may not ------------------------------------------------------------------ */

static void on_reopened(void *arg, enum belfry_err err)
{
	fail(arg, err && err != BELFRY_ESTALE ? err : BELFRY_EDENIED);
}

/* Who subscribes does not mind being invited any more. P as before. */
static void turn_down(struct wish *w, const struct store_pending *p)
{
	struct store *s = w->hub->store;
	if (!p || p->state != PENDING_REFUSED) {
		fail(w, BELFRY_EDENIED);
		return;
	}
	struct store_pending none = *p;
	none.state = PENDING_NONE;
	none.seen_jid = p->jid;
	s->ops->pending_put(s, w->feed, &none, p->state, NOTICE_NONE, on_reopened, w);
}

/* ---- What is known of it --------------------------------------------------------- */

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct wish *w = arg;
	if (err && err != BELFRY_ENOENT)
		fail(w, err);
	else if (!err && pending_awaits_person(p->state))
		join(w, p);
	else if (w->accepts)
		fail(w, BELFRY_ENOENT);
	else if (w->admission == ADMIT_YES || w->follows)
		join(w, p);
	else if (w->admission == ADMIT_ASK)
		ask(w, p);
	else
		turn_down(w, p);
}

static void look(struct wish *w)
{
	struct store *s = w->hub->store;
	s->ops->pending_get(s, w->feed, w->jid, on_pending, w);
}

/* Who follows may go on, and change how, though it would not be let in now. */
static void on_known(void *arg, enum belfry_err err)
{
	struct wish *w = arg;
	w->follows = !err;
	if (err && err != BELFRY_ENOENT)
		fail(w, err);
	else if (!err && w->change.only_existing)
		change_row(w);
	else if (w->change.only_existing)
		fail(w, w->admission == ADMIT_NO ? BELFRY_EDENIED : err);
	else
		look(w);
}

static enum feed_admission admission(const struct hub *hub, const struct feed_config *c,
				     const char *jid)
{
	return feed_admits(c, jid, hub->trusted_domains);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct wish *w = arg;
	struct feed_config c;
	(void)created;
	if (!err && !hub_read_config(feed, &c))
		err = BELFRY_EDENIED;
	if (err) {
		fail(w, err);
		return;
	}
	bool outcast = feed_affiliation_of(&c, w->who) == AFFILIATION_OUTCAST ||
		       feed_affiliation_of(&c, w->jid) == AFFILIATION_OUTCAST;
	enum feed_admission of_jid = admission(w->hub, &c, w->jid);
	w->admission = admission(w->hub, &c, w->who);
	if (of_jid < w->admission)
		w->admission = of_jid;
	w->unowned = !c.owners;
	w->follows = false;
	w->change.casts = feed->casts;
	feed_config_free(&c);
	if (outcast)
		fail(w, w->accepts ? BELFRY_ENOENT : BELFRY_EDENIED);
	else if (w->admission == ADMIT_YES && w->change.only_existing)
		change_row(w);
	else if (w->admission == ADMIT_YES || w->accepts)
		look(w);
	else
		hub_knows(w->hub, w->feed, w->jid, false, on_known, w);
}

static void begin(void *arg)
{
	struct wish *w = arg;
	struct store *s = w->hub->store;
	s->ops->feed_get(s, w->feed, on_feed, w);
}

static struct wish *wish_create(struct hub *hub, const char *who, const char *feed,
				hub_sub_cb cb, void *arg)
{
	struct wish *w = xcalloc(1, sizeof(*w));
	w->hub = hub;
	w->who = xstrdup(who);
	w->feed = xstrdup(feed);
	w->cb = cb;
	w->arg = arg;
	return w;
}

void hub_subscribe(void *hub, const char *who, const char *feed, const char *jid,
		   const struct sub_change *change, hub_sub_cb cb, void *arg)
{
	struct wish *w = wish_create(hub, who, feed, cb, arg);
	/* People talk from any of their clients: chat goes to the person. */
	w->jid = change->format == FORMAT_EVENT ? xstrdup(jid) : jid_bare(jid);
	w->change = *change;
	w->turn = turn_take(hub, feed, jid, begin, w);
}

void hub_accept(struct hub *hub, const char *feed, const char *jid, hub_sub_cb cb,
		void *arg)
{
	struct wish *w = wish_create(hub, jid, feed, cb, arg);
	w->jid = xstrdup(jid);
	w->accepts = true;
	w->turn = turn_take(hub, feed, jid, begin, w);
}
