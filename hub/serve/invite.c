#include "service.h"
#include "subscriber_json.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>
#include <belfry/store/decide.h>

#include <stdlib.h>
#include <string.h>

/*
 * Somebody whose domain is not ours is entered over HTTP: he is asked, in his client, by
 * the worker, and follows once he has said yes.
 */

static void look(struct call *call);

/* ---- How many ------------------------------------------------------------------- */

static void limits_return(struct call *call)
{
	struct service *s = call->service;
	size_t len;

	limits_give_back(s->invites.per_jid, call->text);
	limits_give_back(s->invites.per_domain, jid_domain(call->text, &len));
}

/* -1: not now, and the call has been answered. call->text is bare. */
static int limits_pass(struct call *call)
{
	struct service *s = call->service;
	uint64_t now = clock_mono_ms();
	const char *whose = "this JID";
	size_t len;

	uint64_t wait_s = limits_take(s->invites.per_jid, call->text, now);
	if (!wait_s) {
		whose = "users of this domain";
		wait_s = limits_take(s->invites.per_domain, jid_domain(call->text, &len),
				     now);
		if (!wait_s)
			return 0;
		limits_give_back(s->invites.per_jid, call->text);
	}
	s->count.limited++;
	struct problem problem = *problem_of(BELFRY_ELIMIT);
	problem.retry_after_s = (unsigned)wait_s;
	call_problemf(call, &problem,
		      "There were many invitations to %s within the hour. Try again in "
		      "%llu seconds.",
		      whose, (unsigned long long)wait_s);
	return -1;
}

/* ---- The invitation ------------------------------------------------------------- */

static void again(struct call *call)
{
	if (++call->tries < STORE_TRIES)
		look(call);
	else
		call_error(call, BELFRY_ESTALE);
}

static void answer_invited(struct call *call)
{
	struct buf out = {0};

	buf_adds(&out, call->more);
	buf_adds(&out, "\n");
	call_answer(call, 202, &out);
}

/* His wishes, or those of who entered him, as they are from now on. */
static void put(struct call *call, const struct store_pending *now,
		enum notice_kind notice, store_cb cb)
{
	struct store *store = call->service->store;
	struct store_pending p = {.format = call->change.format};
	struct buf json = {0};
	bool waits = now && pending_awaits_person(now->state);

	p.at_ms = waits ? now->at_ms : clock_wall_ms();
	if (waits)
		p.options = now->options;
	if (waits && !(call->change.set & SUB_SET_FORMAT))
		p.format = now->format;
	sub_change_apply(&call->change, &p.options);
	p.jid = call->text;
	p.state = waits ? now->state : PENDING_PERSON;
	pending_write(&json, &p);
	free(call->more);
	call->more = buf_steal(&json);
	store->ops->pending_put(store, call->feed, &p, now ? now->state : PENDING_NONE,
				notice, cb, call);
}

static void on_changed(void *arg, enum belfry_err err)
{
	struct call *call = arg;

	if (err == BELFRY_ESTALE)
		again(call);
	else if (err)
		call_error(call, err);
	else
		answer_invited(call);
}

static void on_invited(void *arg, enum belfry_err err)
{
	struct call *call = arg;

	if (!err) {
		call->service->count.invited++;
		answer_invited(call);
		return;
	}
	/* Away: he may have been invited. */
	if (err != BELFRY_EAWAY)
		limits_return(call);
	if (err == BELFRY_ESTALE)
		again(call);
	else
		call_pending_error(call, err);
}

/* He had asked to follow himself: to enter him is to let him in, as whom he asked for. */
static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	struct call *call = arg;

	if (!err && row) {
		free(call->text);
		call->text = xstrdup(row->jid);
	}
	call->created = call->created || created;
	if (!err || err == BELFRY_ENOENT || err == BELFRY_EPENDING)
		again(call);
	else
		call_pending_error(call, err);
}

static void invite(struct call *call, const struct store_pending *now)
{
	if (jid_has_resource(call->text))
		call_problem(call, &problem_bad_parameter,
			     "This JID does not follow yet, and an invitation goes to a "
			     "bare JID: leave out the / and what is behind it.");
	else if (!limits_pass(call))
		put(call, now, NOTICE_INVITATION, on_invited);
}

/* One of his programs is to follow, and another one asks. */
static bool is_another(const struct call *call, const struct store_pending *p)
{
	return jid_has_resource(call->text) && strcmp(call->text, p->jid) != 0;
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct call *call = arg;
	struct store *store = call->service->store;

	if (err && err != BELFRY_ENOENT) {
		call_error(call, err);
		return;
	}
	switch (p ? p->state : PENDING_NONE) {
	case PENDING_OWNERS:
		if (is_another(call, p))
			invite(call, p);
		else
			store_decide(store, call->feed, call->text, true, on_decided,
				     call);
		break;
	case PENDING_REFUSED:
		call_error(call, BELFRY_EREFUSED);
		break;
	case PENDING_PERSON:
	case PENDING_INVITED:
		put(call, p, NOTICE_NONE, on_changed);
		break;
	case PENDING_NONE:
	case PENDING_DENIED:
	case PENDING_WITHDRAWN:
		invite(call, p);
		break;
	}
}

static void on_changed_row(void *arg, enum belfry_err err, const struct store_row *row,
			   bool created)
{
	struct call *call = arg;
	struct store *store = call->service->store;

	if (err != BELFRY_ENOENT)
		call_row(call, err, row, created);
	else
		store->ops->pending_get(store, call->feed, call->text, on_pending, call);
}

/* Who follows already is not asked again. */
static void look(struct call *call)
{
	struct store *store = call->service->store;

	call->change.only_existing = true;
	store->ops->join(store, call->feed, call->text, &call->change, on_changed_row,
			 call);
}

/* Not our own: a feed is not to follow another one. */
static bool may_be_invited(const struct call *call, const struct feed_config *feed)
{
	const struct config *config = call->service->config;
	const char *domain = config->xmpp.domain;

	return !(domain && jid_matches(call->text, domain)) &&
	       feed_affiliation_of(feed, call->text) != AFFILIATION_OUTCAST;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct call *call = arg;
	struct feed_config config;

	(void)created;
	if (call_config(call, err, feed, &config))
		return;
	bool may = may_be_invited(call, &config);
	feed_config_free(&config);
	if (may)
		look(call);
	else
		call_error(call, BELFRY_EDENIED);
}

void call_invite(struct call *call)
{
	struct store *store = call->service->store;

	store->ops->feed_get(store, call->feed, on_feed, call);
}
