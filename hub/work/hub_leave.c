#include "work/hub_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/*
 * Somebody does not want to follow: leaves, takes a request back, or says no to an
 * invitation. What waits ends before the row does, so that nobody who lets it in at the
 * same time makes a row that stays.
 */
enum no { NO_LEAVES, NO_ANSWERS, NO_RETURNED };
struct refusal {
	struct hub *hub;
	struct turn *turn;
	char *feed, *jid;
	enum no what;
	char *condition; /* why it came back */
	hub_sub_cb cb;	 /* NULL: nobody wants to know */
	void *arg;
	unsigned tries;
	enum pending_state state; /* in which it waited */
};

static void answer(struct refusal *r, enum belfry_err err, const struct sub *sub)
{
	struct turn *turn = r->turn;
	struct hub *hub = r->hub;
	if (r->cb)
		r->cb(r->arg, err, sub, false);
	free(r->feed);
	free(r->jid);
	free(r->condition);
	free(r);
	turn_end(hub, turn);
}

static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct refusal *r = arg;
	(void)created;
	if (r->what != NO_LEAVES) {
		answer(r, err == BELFRY_ENOENT ? BELFRY_OK : err, NULL);
		return;
	}
	if (err == BELFRY_ENOENT && r->state == PENDING_OWNERS)
		err = BELFRY_EPENDING;
	answer(r, err, err ? NULL : &row->sub);
}

/*
 * Nothing of it waits any more; ENOENT: nothing did. Who is let in has a row before what
 * waited is gone, and a crash may have come in between.
 */
static void ended(struct refusal *r, enum belfry_err err)
{
	struct store *s = r->hub->store;
	if (!err && r->what == NO_RETURNED) {
		log_info("an invitation came back", log_s("feed", r->feed),
			 log_s("jid", r->jid), log_s("condition", r->condition));
		answer(r, err, NULL);
		return;
	}
	if (!err || (r->what == NO_LEAVES && err == BELFRY_ENOENT))
		s->ops->leave(s, r->feed, r->jid, on_left, r);
	else
		answer(r, err, NULL);
}

static void look(struct refusal *r);

static void on_put(void *arg, enum belfry_err err)
{
	struct refusal *r = arg;
	if (err == BELFRY_ESTALE && ++r->tries < HUB_TRIES)
		look(r);
	else
		ended(r, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
}

/* Might it be handed over another time? Then it is no refusal: the app may try again. */
static bool passes(const char *condition)
{
	static const char *const passing[] = {
		"remote-server-not-found", "remote-server-timeout",
		"resource-constraint",	   "internal-server-error",
		"policy-violation",	   "undefined-condition"};
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strcmp(condition, passing[i]) == 0)
			return true;
	return false;
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct refusal *r = arg;
	struct store *s = r->hub->store;
	r->state = err ? PENDING_NONE : p->state;
	bool takes_back = r->what == NO_LEAVES && r->state == PENDING_OWNERS;
	if (err || (r->state != PENDING_PERSON && !takes_back)) {
		ended(r, err ? err : BELFRY_ENOENT);
		return;
	}
	struct store_pending next = *p;
	bool forget = takes_back || (r->what == NO_RETURNED && passes(r->condition));
	next.state = forget ? PENDING_NONE : PENDING_REFUSED;
	next.at_ms = clock_wall_ms();
	s->ops->pending_put(s, r->feed, &next, r->state, NOTICE_NONE, on_put, r);
}

static void look(struct refusal *r)
{
	struct store *s = r->hub->store;
	s->ops->pending_get(s, r->feed, r->jid, on_pending, r);
}

static void begin(void *arg)
{
	look(arg);
}

static struct refusal *refuse(struct hub *hub, const char *feed, const char *jid,
			      enum no what, hub_sub_cb cb, void *arg)
{
	struct refusal *r = xcalloc(1, sizeof(*r));
	r->hub = hub;
	r->feed = xstrdup(feed);
	r->jid = xstrdup(jid);
	r->what = what;
	r->cb = cb;
	r->arg = arg;
	r->turn = turn_take(hub, feed, jid, begin, r);
	return r;
}

void hub_unsubscribe(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
		     void *arg)
{
	refuse(hub, feed, jid, NO_LEAVES, cb, arg);
}

void hub_answer(void *hub, const char *feed, const char *jid, bool yes, hub_sub_cb cb,
		void *arg)
{
	if (yes)
		hub_accept(hub, feed, jid, cb, arg);
	else
		refuse(hub, feed, jid, NO_ANSWERS, cb, arg);
}

void hub_undelivered(void *hub, const char *feed, const char *jid, const char *condition)
{
	refuse(hub, feed, jid, NO_RETURNED, NULL, NULL)->condition = xstrdup(condition);
}
