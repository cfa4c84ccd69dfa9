#include "work/hub_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>
#include <belfry/store/decide.h>

#include <stdlib.h>
#include <string.h>

/*
 * Somebody wants to follow. The feed says whether it may, or has to ask; what is
 * remembered of it (invited, refused, denied) counts as well. The row is made first and
 * what was remembered is taken away then: what a crash leaves between does no harm.
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
	bool follows; /* by another row, or this one: need not ask */
	unsigned tries;
	enum pending_state state;  /* what is remembered, */
	bool of_bare;		   /* though of the bare JID */
	struct sub_change invited; /* as it was wished for it */
	bool taken;		   /* counts in the limits */

	bool created;
	struct sub sub;
	char options[SUB_OPTIONS_SIZE];
};

static void answer(struct wish *w, enum belfry_err err, const struct sub *sub,
		   bool created)
{
	struct turn *turn = w->turn;
	struct hub *hub = w->hub;
	if (w->taken && !created && err != BELFRY_EAWAY)
		hub_give_back(hub, w->who);
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

/* ---- It may ---------------------------------------------------------------------- */

/* Whose state is remembered. */
static char *remembered(const struct wish *w)
{
	return w->of_bare ? jid_bare(w->jid) : xstrdup(w->jid);
}

static void forget(struct wish *w);

/* Nothing but the invitation lets it in, and that was taken back meanwhile. */
static void on_undone(void *arg, enum belfry_err err, const struct store_row *row,
		      bool created)
{
	struct wish *w = arg;
	(void)row;
	(void)created;
	if (err && err != BELFRY_ENOENT)
		fail(w, err);
	else
		fail(w, w->accepts ? BELFRY_ENOENT : BELFRY_EDENIED);
}

static void on_changed(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct wish *w = arg;
	struct store *s = w->hub->store;
	bool by_invitation =
		w->state == PENDING_PERSON && !w->follows && w->admission != ADMIT_YES;
	if (!err && (p->state == PENDING_PERSON || !by_invitation)) {
		w->state = p->state;
		forget(w);
	} else if (by_invitation && w->created && (!err || err == BELFRY_ENOENT)) {
		s->ops->leave(s, w->feed, w->jid, on_undone, w);
	} else {
		answer(w, BELFRY_OK, &w->sub, w->created);
	}
}

static void on_forgotten(void *arg, enum belfry_err err)
{
	struct wish *w = arg;
	struct store *s = w->hub->store;
	if (err == BELFRY_ESTALE && ++w->tries < HUB_TRIES) {
		char *jid = remembered(w);
		s->ops->pending_get(s, w->feed, jid, on_changed, w);
		free(jid);
		return;
	}
	/* It follows, whatever else is remembered. */
	answer(w, BELFRY_OK, &w->sub, w->created);
}

static void forget(struct wish *w)
{
	struct store *s = w->hub->store;
	char *jid = remembered(w);
	const struct store_pending p = {
		.jid = jid, .state = PENDING_NONE, .format = FORMAT_CHAT};
	s->ops->pending_put(s, w->feed, &p, w->state, NOTICE_NONE, on_forgotten, w);
	free(jid);
}

static void on_joined(void *arg, enum belfry_err err, const struct store_row *row,
		      bool created)
{
	struct wish *w = arg;
	if (err) {
		fail(w, err);
		return;
	}
	w->created = created;
	w->sub = row->sub;
	w->sub.options = NULL;
	if (row->sub.options && row->sub.options_len < sizeof(w->options)) {
		memcpy(w->options, row->sub.options, row->sub.options_len);
		w->sub.options = w->options;
	} else {
		w->sub.options_len = 0;
	}
	if (w->state == PENDING_NONE)
		answer(w, BELFRY_OK, &w->sub, created);
	else
		forget(w);
}

static void join(struct wish *w)
{
	struct store *s = w->hub->store;
	if (w->state == PENDING_PERSON || w->change.only_existing || count(w))
		s->ops->join(s, w->feed, w->jid, &w->change, on_joined, w);
}

/* What it was invited for, unless it wishes otherwise now. */
static void join_invited(struct wish *w)
{
	if (!w->of_bare) {
		sub_change_apply(&w->change, &w->invited.options);
		if (w->change.set & SUB_SET_FORMAT)
			w->invited.format = w->change.format;
		w->invited.set |= w->change.set;
		w->change = w->invited;
	}
	join(w);
}

/* ---- Its owners are asked -------------------------------------------------------- */

static void look(struct wish *w);

static void on_asked(void *arg, enum belfry_err err)
{
	struct wish *w = arg;
	if (err == BELFRY_ESTALE && ++w->tries < HUB_TRIES)
		look(w);
	else if (err)
		fail(w, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
	else
		answer(w, BELFRY_EPENDING, NULL, w->state != PENDING_OWNERS);
}

/* P: what it has asked for before; NULL: nothing. */
static void ask_owners(struct wish *w, const struct store_pending *p)
{
	struct store *s = w->hub->store;
	struct store_pending wish = {.format = w->change.format};
	char words[SUB_OPTIONS_SIZE];
	bool again = w->state == PENDING_OWNERS;
	if (again)
		wish = *p;
	else
		wish.at_ms = clock_wall_ms();
	if (w->change.set & SUB_SET_FORMAT)
		wish.format = w->change.format;
	sub_change_apply(&w->change, &wish.options);
	wish.jid = w->jid;
	wish.state = PENDING_OWNERS;
	if (sub_options_text(&wish.options, words) < 0)
		fail(w, BELFRY_EINVAL);
	else if (again || count(w))
		s->ops->pending_put(s, w->feed, &wish, w->state,
				    again ? NOTICE_NONE : NOTICE_REQUEST, on_asked, w);
}

/* Its feed wants it to ask. */
static void ask(struct wish *w, const struct store_pending *p)
{
	uint64_t now = clock_wall_ms();
	bool denied = w->state == PENDING_DENIED && now < p->at_ms + HUB_DENIED_MS;
	if (denied) {
		fail(w, BELFRY_EDENIED);
	} else if (w->of_bare && w->state == PENDING_OWNERS) {
		fail(w, BELFRY_EPENDING); /* the person has asked */
	} else {
		if (w->of_bare)
			w->state = PENDING_NONE; /* of the full JID */
		w->of_bare = false;
		ask_owners(w, p);
	}
}

/* ---- It may not ------------------------------------------------------------------ */

static void on_reopened(void *arg, enum belfry_err err)
{
	fail(arg, err && err != BELFRY_ESTALE ? err : BELFRY_EDENIED);
}

/* Who subscribes does not mind being invited any more. */
static void turn_down(struct wish *w)
{
	struct store *s = w->hub->store;
	if (w->state != PENDING_REFUSED) {
		fail(w, BELFRY_EDENIED);
		return;
	}
	char *jid = remembered(w);
	const struct store_pending p = {
		.jid = jid, .state = PENDING_NONE, .format = FORMAT_CHAT};
	s->ops->pending_put(s, w->feed, &p, w->state, NOTICE_NONE, on_reopened, w);
	free(jid);
}

/* ---- What is known of it --------------------------------------------------------- */

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct wish *w = arg;
	if (err == BELFRY_ENOENT && !w->of_bare && jid_has_resource(w->jid)) {
		w->of_bare = true;
		look(w);
		return;
	}
	if (err && err != BELFRY_ENOENT) {
		fail(w, err);
		return;
	}
	w->state = err ? PENDING_NONE : p->state;
	w->of_bare = w->of_bare && !err;
	if (w->state == PENDING_PERSON) {
		w->invited = store_pending_change(p);
		join_invited(w);
	} else if (w->accepts) {
		fail(w, BELFRY_ENOENT);
	} else if (w->admission == ADMIT_YES || w->follows) {
		join(w);
	} else if (w->admission == ADMIT_ASK) {
		ask(w, p);
	} else {
		turn_down(w);
	}
}

static void look(struct wish *w)
{
	struct store *s = w->hub->store;
	char *jid = remembered(w);
	s->ops->pending_get(s, w->feed, jid, on_pending, w);
	free(jid);
}

/* Who follows may go on, and change how, though it would not be let in now. */
static void on_known(void *arg, enum belfry_err err)
{
	struct wish *w = arg;
	w->follows = !err;
	if (err && err != BELFRY_ENOENT)
		fail(w, err);
	else if (!err && w->change.only_existing)
		join(w);
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
	feed_config_free(&c);
	if (outcast)
		fail(w, w->accepts ? BELFRY_ENOENT : BELFRY_EDENIED);
	else if (w->admission == ADMIT_YES && w->change.only_existing)
		join(w);
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
