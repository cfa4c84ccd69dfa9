#include "work/hub_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/*
 * Somebody does not want to follow: leaves, takes a request back, or says no to an
 * invitation. What its own JID has asked for is taken back first, as there may be a row
 * beside it. Who does not follow may have been let in before what else waits is looked
 * at: so, where nothing does, leaving is tried once more.
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
	unsigned leaves; /* tried */
	/* What waited was */
	bool asked;   /* a request, */
	bool invited; /* or it has the question of an invitation */
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

static void look(struct refusal *r);

static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct refusal *r = arg;
	(void)created;
	if (err == BELFRY_ENOENT && r->asked)
		answer(r, BELFRY_EPENDING, NULL);
	else if (err == BELFRY_ENOENT && r->leaves == 1)
		look(r);
	else
		answer(r, err, err ? NULL : &row->sub);
}

static void leave(struct refusal *r)
{
	struct store *s = r->hub->store;
	r->leaves++;
	s->ops->leave(s, r->feed, r->jid, on_left, r);
}

/* ERR: why nothing of it waits; ENOENT: nothing did. */
static void nothing_waits(struct refusal *r, enum belfry_err err)
{
	if (err == BELFRY_ENOENT && r->what == NO_LEAVES)
		leave(r);
	else
		answer(r, err, NULL);
}

static void on_withdrawn(struct refusal *r)
{
	if (r->what == NO_LEAVES && r->invited)
		hub_unasked(r->hub, r->feed, r->jid);
	if (r->what == NO_RETURNED)
		log_info("an invitation came back", log_s("feed", r->feed),
			 log_s("jid", r->jid), log_s("condition", r->condition));
	answer(r,
	       r->what != NO_LEAVES ? BELFRY_OK
	       : r->asked	    ? BELFRY_EPENDING
				    : BELFRY_ENOENT,
	       NULL);
}

static void on_put(void *arg, enum belfry_err err)
{
	struct refusal *r = arg;
	if (err == BELFRY_ESTALE && ++r->tries < STORE_TRIES)
		look(r);
	else if (err)
		answer(r, err == BELFRY_ESTALE ? BELFRY_EAWAY : err, NULL);
	else if (r->asked && !r->leaves)
		leave(r);
	else
		on_withdrawn(r);
}

/* Then it is no refusal: the app may try again. */
bool hub_passes(const char *condition)
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

/* What becomes of P; its state, where it stays as it is. */
static enum pending_state after_no(const struct refusal *r, const struct store_pending *p)
{
	bool same = strcmp(p->jid, r->jid) == 0, leaves = r->what == NO_LEAVES;
	if (leaves && p->state == PENDING_OWNERS && (same || r->leaves))
		return PENDING_WITHDRAWN;
	/* Whoever leaves, by whatever JID: it is the person who was invited. */
	if (!pending_awaits_person(p->state) || !(leaves ? r->leaves : same))
		return p->state;
	return r->what == NO_RETURNED && hub_passes(r->condition) ? PENDING_NONE
								  : PENDING_REFUSED;
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct refusal *r = arg;
	struct store *s = r->hub->store;
	r->asked = r->invited = false;
	if (err || after_no(r, p) == p->state) {
		nothing_waits(r, err ? err : BELFRY_ENOENT);
		return;
	}
	struct store_pending next = *p;
	r->asked = p->state == PENDING_OWNERS;
	r->invited = p->state == PENDING_INVITED;
	next.state = after_no(r, p);
	next.seen_jid = p->jid;
	next.at_ms = clock_wall_ms();
	s->ops->pending_put(s, r->feed, &next, p->state, NOTICE_NONE, on_put, r);
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
