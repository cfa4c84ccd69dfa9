#include "work/prober_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 5000

/* A look under way. */
struct looking {
	struct prober *p;
	struct glance *g;
	enum sub_grant next; /* what is being written */
};

static struct looking *looking(struct prober *p, struct glance *g)
{
	struct looking *l = xcalloc(1, sizeof(*l));
	*l = (struct looking){.p = p, .g = g};
	p->calls++;
	return l;
}

static struct looking looked(void *arg)
{
	struct looking l = *(struct looking *)arg;
	free(arg);
	l.p->calls--;
	return l;
}

/* All that is to be known of it now is known. */
static void settle(struct prober *p, struct glance *g)
{
	availability_settle(p->o.availability, g->feed, g->jid);
	glance_free(g);
}

/* The store is away: it begins anew. */
static void later(struct prober *p, struct glance *g)
{
	g->step = LOOK_ROW;
	g->due_ms = clock_mono_ms() + RETRY_MS;
	glance_put(&p->todo, g);
	prober_arm(p);
}

/* The answer, if there is one, is looked at in a while. */
static void wait_for_answer(struct prober *p, struct glance *g, enum look_step step)
{
	g->step = step;
	g->stream = p->stream;
	g->due_ms = clock_mono_ms() + p->o.answer_ms;
	glance_put(&p->asleep, g);
	prober_arm(p);
}

/* Is G's stream still there? Else all are looked at on the next one. */
static bool same_stream(struct prober *p, struct glance *g)
{
	if (p->up && g->stream == p->stream)
		return true;
	if (p->up || g->anew)
		later(p, g);
	else
		glance_free(g);
	return false;
}

/* ---- What the row says is written before anything is sent ------------------------ */

static void on_noted(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct looking l = looked(arg);
	struct prober *p = l.p;
	struct glance *g = l.g;
	(void)row;
	(void)created;
	if (err == BELFRY_EAWAY || err == BELFRY_EFULL) {
		later(p, g);
		return;
	}
	if (!same_stream(p, g))
		return;
	if (!err && l.next == GRANT_ASKED && g->step == LOOK_ROW) {
		prober_send(p, "subscribe", g->feed, g->jid);
		p->stats.asked++;
	} else if (l.next == GRANT_NONE) {
		prober_send(p, "unsubscribe", g->feed, g->jid);
		availability_forget(p->o.availability, g->feed, g->jid);
	}
	settle(p, g);
}

static void note(struct prober *p, struct glance *g, enum sub_grant grant)
{
	struct store *s = p->store;
	const struct sub_change change = {.set = SUB_SET_GRANT,
					  .format = FORMAT_CHAT,
					  .only_existing = true,
					  .options.grant = grant};
	struct looking *l = looking(p, g);
	l->next = grant;
	s->ops->join(s, g->feed, g->jid, &change, on_noted, l);
}

/* ---- The row --------------------------------------------------------------------- */

/* Who has left, and may have let us see it before. (Of a full JID it may be another's.)
 */
static void is_gone(struct prober *p, struct glance *g)
{
	if (!strchr(g->jid, '/'))
		prober_send(p, "unsubscribe", g->feed, g->jid);
	availability_forget(p->o.availability, g->feed, g->jid);
	glance_free(g);
}

static void decide(struct prober *p, struct glance *g, const struct sub_options *o)
{
	if (o->grant != GRANT_YES)
		availability_grant(p->o.availability, g->feed, g->jid, false);
	if (!sub_chooses_presence(o) && o->grant) {
		note(p, g, GRANT_NONE);
	} else if (!sub_chooses_presence(o)) {
		availability_forget(p->o.availability, g->feed, g->jid);
		glance_free(g);
	} else if (o->grant == GRANT_NONE || (g->anew && o->grant != GRANT_YES)) {
		note(p, g, GRANT_ASKED);
	} else if (o->grant == GRANT_REFUSED) {
		settle(p, g);
	} else if (o->grant == GRANT_ASKED) {
		/* The answer may have been given while nobody was there to hear it. Who
		 * is still being asked is not asked twice by his server. */
		prober_send(p, "subscribe", g->feed, g->jid);
		p->stats.asked++;
		settle(p, g);
	} else {
		availability_grant(p->o.availability, g->feed, g->jid, true);
		prober_send(p, "probe", g->feed, g->jid);
		p->stats.probed++;
		wait_for_answer(p, g, LOOK_PROBED);
	}
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct looking l = looked(arg);
	struct sub_options options;
	(void)created;
	if (!same_stream(l.p, l.g))
		return;
	if (err == BELFRY_ENOENT || err == BELFRY_ENOFEED) {
		is_gone(l.p, l.g);
	} else if (err) {
		later(l.p, l.g);
	} else {
		sub_options_read(&row->sub, &options);
		decide(l.p, l.g, &options);
	}
}

void look_begin(struct prober *p, struct glance *g)
{
	struct store *s = p->store;
	g->stream = p->stream;
	s->ops->sub_get(s, g->feed, g->jid, on_row, looking(p, g));
}

/* ---- The answer ------------------------------------------------------------------ */

/* There was none to the repeated question either: what was granted is not any more. */
static void give_up(struct prober *p, struct glance *g)
{
	log_info("does not show its presence, and is not waited for",
		 log_s("feed", g->feed), log_s("jid", g->jid));
	availability_settle(p->o.availability, g->feed, g->jid);
	prober_wake(p, g->feed, g->jid);
	note(p, g, GRANT_ASKED);
}

void look_late(struct prober *p, struct glance *g)
{
	struct availabilities *a = p->o.availability;
	bool known = availability_of(a, g->feed, g->jid) != AVAIL_UNKNOWN;
	if (known || !availability_soon(a, g->feed, g->jid)) {
		glance_free(g);
	} else if (g->step == LOOK_PROBED) {
		/* Some servers answer the question by "unavailable" at once. */
		availability_grant(a, g->feed, g->jid, false);
		prober_send(p, "subscribe", g->feed, g->jid);
		p->stats.asked++;
		wait_for_answer(p, g, LOOK_REPEATED);
	} else {
		give_up(p, g);
	}
}
