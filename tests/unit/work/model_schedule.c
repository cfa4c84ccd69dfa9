#include "model.h"

#include <belfry/base/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Events that are to come. What is accepted and not cancelled comes into the log, once,
 * in the order in which it is due, whoever releases it; what was cancelled never does.
 * What expires need not reach anybody, and is counted once all the same.
 */

#define DAY_MS (24u * 3600 * 1000)

struct planning {
	struct model *m;
	struct plan *plan;
};

static struct planning *planning(struct model *m, struct plan *plan)
{
	struct planning *p = malloc(sizeof(*p));
	*p = (struct planning){m, plan};
	return p;
}

static void on_planned(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct planning p = *(struct planning *)arg;
	free(arg);
	CHECK(p.m, "a plan", !err || err == BELFRY_EAWAY);
	if (err)
		return;
	CHECK(p.m, "it is kept", !done->replayed && done->due_ms == p.plan->due_ms);
	p.plan->state = PLAN_KEPT;
}

uint64_t plans_expiry(struct model *m, char id[EVENT_ID_SIZE])
{
	char *mark = &id[EVENT_ID_SIZE - 3];
	bool expires = below(m, 6) == 0;
	*mark = expires ? 'e' : 'd';
	return expires ? m->begun_ms + below(m, below(m, 2) ? DAY_MS : 10000) : 0;
}

void step_plan(struct model *m)
{
	if (m->plan_count == PLANS)
		return;
	struct plan *plan = &m->plans[m->plan_count++];
	bool urgent = below(m, 5) == 0;
	event_id_make(clock_wall_ms(), plan->id);
	plan->id[EVENT_ID_SIZE - 2] = urgent ? 'a' : 'b';
	/* Some are due by then. */
	plan->due_ms = m->begun_ms + below(m, below(m, 2) ? DAY_MS : 10000);
	const struct store_commit c = {.feed = "feed",
				       .id = plan->id,
				       .item = plan->id,
				       .priority =
					       urgent ? PRIORITY_URGENT : PRIORITY_NORMAL,
				       .at_ms = clock_wall_ms(),
				       .due_ms = plan->due_ms,
				       .expires_ms = plans_expiry(m, plan->id),
				       .doc = "{}",
				       .doc_len = 2};
	m->w.app->ops->commit(m->w.app, &c, on_planned, planning(m, plan));
}

static void on_cancelled(void *arg, enum belfry_err err)
{
	struct planning p = *(struct planning *)arg;
	free(arg);
	if (!err) {
		CHECK(p.m, "what is cancelled was to come", p.plan->state == PLAN_KEPT);
		p.plan->state = PLAN_CANCELLED;
	} else if (err == BELFRY_ENOENT) {
		CHECK(p.m, "what was to come is found", p.plan->state != PLAN_KEPT);
	}
}

void step_cancel(struct model *m)
{
	if (!m->plan_count)
		return;
	struct plan *plan = &m->plans[below(m, (uint32_t)m->plan_count)];
	m->w.app->ops->scheduled_cancel(m->w.app, "feed", plan->id, NULL, on_cancelled,
					planning(m, plan));
}

/* ---- What is released ------------------------------------------------------------- */

static void find_place(struct planning *p);

static void on_place(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct planning p = *(struct planning *)arg;
	struct posted *e = &p.m->e[p.plan->event];
	(void)counters;
	(void)settled;
	if (err == BELFRY_EAWAY && !p.m->over) {
		find_place(arg);
		return;
	}
	free(arg);
	p.m->finding--;
	if (err == BELFRY_ENOENT) /* where nobody follows it may be trimmed at once */
		for (size_t i = 0; i < PEOPLE; i++)
			CHECK(p.m, "what is due is in the log", !e->owed[i]);
	if (err)
		return;
	e->pos = event->pos;
	for (struct posted *before = e; before > p.m->e;) {
		before--;
		CHECK(p.m, "it comes in order", pos_cmp(before->pos, e->pos) < 0);
	}
}

static void find_place(struct planning *p)
{
	struct store *app = p->m->w.app;
	app->ops->event_get(app, "feed", p->plan->id, on_place, p);
}

/* The next one: what was due first. */
static struct plan *next_plan(struct model *m)
{
	struct plan *next = NULL;
	for (size_t i = 0; i < m->plan_count; i++) {
		struct plan *p = &m->plans[i];
		if (p->state == PLAN_KEPT &&
		    (!next || p->due_ms < next->due_ms ||
		     (p->due_ms == next->due_ms && strcmp(p->id, next->id) < 0)))
			next = p;
	}
	return next;
}

struct releasing {
	struct model *m;
	store_release_cb cb;
	void *arg;
};

/* At the very moment, so that it is known who follows. */
static void on_released(void *arg, enum belfry_err err, uint64_t released, uint64_t lost)
{
	struct releasing r = *(struct releasing *)arg;
	free(arg);
	CHECK(r.m, "nothing is lost", lost == 0);
	for (uint64_t i = 0; i < released; i++) {
		struct plan *plan = next_plan(r.m);
		CHECK(r.m, "it was to come", plan != NULL);
		plan->state = PLAN_OUT;
		plan->event = r.m->posted;
		model_posted(r.m, plan->id);
		r.m->finding++;
		find_place(planning(r.m, plan));
	}
	r.cb(r.arg, err, released, lost);
}

void plans_find(struct model *m)
{
	while (m->finding)
		world_turns(&m->w, 1);
}

static struct model *watching;
static struct store_ops watched;
static void (*release)(struct store *s, const char *feed, store_release_cb cb, void *arg);

static void watch_release(struct store *s, const char *feed, store_release_cb cb,
			  void *arg)
{
	struct releasing *r = malloc(sizeof(*r));
	*r = (struct releasing){watching, cb, arg};
	release(s, feed, on_released, r);
}

void plans_watch(struct model *m, struct store *s)
{
	watching = m;
	watched = *s->ops;
	release = watched.release;
	watched.release = watch_release;
	s->ops = &watched;
}

void plans_begin(struct model *m)
{
	m->begun_ms = (clock_wall_ms() / DAY_MS + 1) * DAY_MS + m->seed % DAY_MS;
}

void plans_let_go(struct model *m)
{
	world_pass(&m->w, 2 * DAY_MS);
}

size_t plans_left(const struct model *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->plan_count; i++)
		n += m->plans[i].state == PLAN_KEPT;
	return n;
}

void plans_check(struct model *m)
{
	m->over = true;
	for (size_t i = 0; i < m->plan_count; i++)
		if (m->plans[i].state != PLAN_OUT)
			CHECK(m, "what was cancelled never comes",
			      world_event_err(&m->w, "feed", m->plans[i].id) ==
				      BELFRY_ENOENT);
}
