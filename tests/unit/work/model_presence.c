#include "model.h"

#include <stdlib.h>
#include <string.h>

/* People who come and go, and depend on that; what is known of it is lost with a stream.
 */

#define LOOK_MS (20 * 60 * 1000)
#define TURNS 2000

static struct person *person_of(struct model *m, const char *jid)
{
	for (size_t i = 0; i < PEOPLE; i++)
		if (strcmp(m->p[i].jid, jid) == 0)
			return &m->p[i];
	CHECK(m, "somebody is asked for", false);
}

static enum availability presence(void *arg, const char *feed, const char *jid,
				  bool *soon)
{
	struct model *m = arg;
	const struct person *p = person_of(m, jid);
	(void)feed;
	*soon = p->soon;
	return p->known;
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct model *m = arg;
	(void)row;
	CHECK(m, "nobody is made", err || !created);
}

/* It is not held, or for another reason: nothing happens. Away: it is lost. */
static void wake(void *arg, const char *feed, const char *jid)
{
	struct model *m = arg;
	m->w.app->ops->hold_order(m->w.app, feed, jid, ORDER_WAKE, on_row, m);
}

void presence_begin(struct model *m)
{
	m->w.play = (struct presence_play){presence, wake, m};
	for (size_t i = 0; i < PEOPLE; i++)
		m->p[i].there = AVAIL_ONLINE;
}

void presence_stale(struct model *m)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		m->p[i].known = AVAIL_UNKNOWN;
		m->p[i].soon = true;
	}
}

void step_choose(struct model *m)
{
	struct sub_change c = {.set = SUB_SET_OFFLINE | SUB_SET_SHOWS | SUB_SET_GRANT,
			       .only_existing = true,
			       .options.grant = GRANT_YES};
	c.options.hold_offline = below(m, 2);
	c.options.shows = below(m, 2) ? shows_bit(AVAIL_ONLINE) : 0;
	for (unsigned n = 0; n < 3; n++)
		m->w.app->ops->join(m->w.app, "feed", m->p[below(m, PEOPLE)].jid, &c,
				    on_row, m);
}

static void learn(struct model *m, struct person *p, enum availability now)
{
	enum availability was = p->known;
	p->known = now;
	p->soon = false;
	if (now == was || now == AVAIL_OFFLINE)
		return;
	wake(m, "feed", p->jid);
	engine_seen(m->worker->engine, "feed", p->jid);
}

void step_presence(struct model *m)
{
	static const enum availability shown[] = {AVAIL_ONLINE, AVAIL_DND, AVAIL_OFFLINE,
						  AVAIL_OFFLINE};
	for (unsigned n = 0; n < 10; n++) {
		struct person *p = &m->p[below(m, PEOPLE)];
		p->there = shown[below(m, 4)];
		if (p->known)
			learn(m, p, p->there);
	}
}

/* Or there is none, at last. */
void step_answer(struct model *m)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		struct person *p = &m->p[i];
		if (!p->soon || below(m, 3))
			continue;
		learn(m, p, below(m, 4) ? p->there : AVAIL_UNKNOWN);
		if (!p->known)
			wake(m, "feed", p->jid);
	}
}

void presence_give_up(struct model *m)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		struct person *p = &m->p[i];
		if (p->soon)
			wake(m, "feed", p->jid);
		p->soon = false;
	}
}

struct looking {
	bool done;
	uint32_t next;
	size_t held;
};

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct looking *l = arg;
	for (size_t i = 0; !err && i < count; i++) {
		struct sub_hold h;
		sub_hold_read(&rows[i].sub, &h);
		l->held += h.reason == HOLD_OFFLINE || h.reason == HOLD_SHOW;
	}
	l->next = next;
	l->done = true;
}

static size_t waiting(struct model *m)
{
	struct looking l = {0};
	do {
		l.done = false;
		m->w.app->ops->sub_list(m->w.app, "feed", l.next, 1000, on_rows, &l);
		world_until(&m->w, &l.done);
	} while (l.next);
	return l.held;
}

/*
 * All are there, or nothing is known of them. Whether they are woken or not, in the end
 * nobody is held until he is seen.
 */
void presence_let_go(struct model *m)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		struct person *p = &m->p[i];
		enum availability now = below(m, 2) ? AVAIL_ONLINE : AVAIL_UNKNOWN;
		if (below(m, 2))
			learn(m, p, now);
		p->known = now;
		p->soon = false;
	}
	for (unsigned turns = 0; waiting(m); turns++) {
		step_up(m);
		presence_give_up(m);
		step_serve(m);
		world_turns(&m->w, 3);
		world_pass(&m->w, turns % 20 ? 100 : LOOK_MS);
		CHECK(m, "nobody waits for ever to be seen", turns < TURNS);
	}
}
