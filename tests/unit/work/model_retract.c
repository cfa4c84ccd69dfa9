#include "model.h"

#include <belfry/base/clock.h>

#include <stdio.h>
#include <stdlib.h>

/*
 * Items that are replaced and retracted. Nobody is told that something is gone that he
 * never had; who had it is told; who waits need not get what is not there any more.
 */

struct changing {
	struct model *m;
	size_t item;	  /* + 1; 0: the event's own */
	size_t of;	  /* the event that is taken back, + 1; 0: none is */
	bool had[PEOPLE]; /* by what the store says */
};

static struct changing *changing(struct model *m, size_t item, size_t of)
{
	struct changing *c = malloc(sizeof(*c));
	*c = (struct changing){.m = m, .item = item, .of = of};
	return c;
}

static void make_id(struct model *m, bool urgent, char id[EVENT_ID_SIZE])
{
	(void)m;
	event_id_make(clock_wall_ms(), id);
	id[EVENT_ID_SIZE - 2] = urgent ? 'a' : 'b';
}

static bool has_room(const struct model *m)
{
	const struct store *app = m->w.app;
	return m->posted + app->ops->pending(app) < EVENTS;
}

static void on_item(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct changing c = *(struct changing *)arg;
	struct model *m = c.m;
	free(arg);
	CHECK(m, "an item", !err || err == BELFRY_EAWAY);
	if (err)
		return;
	size_t *newest = &m->newest[c.item - 1];
	struct posted *e = model_posted(m, done->id);
	e->pos = done->pos;
	e->item = c.item;
	if (*newest)
		m->e[*newest - 1].by = m->posted;
	*newest = m->posted;
}

void step_item(struct model *m)
{
	char id[EVENT_ID_SIZE], item[16];
	size_t i = below(m, ITEMS);
	bool urgent = below(m, 5) == 0;
	if (!has_room(m))
		return;
	make_id(m, urgent, id);
	snprintf(item, sizeof(item), "item %zu", i);
	const struct store_commit c = {.feed = "feed",
				       .id = id,
				       .item = item,
				       .priority =
					       urgent ? PRIORITY_URGENT : PRIORITY_NORMAL,
				       .at_ms = clock_wall_ms(),
				       .doc = "{}",
				       .doc_len = 2};
	m->w.app->ops->commit(m->w.app, &c, on_item, changing(m, i + 1, 0));
}

/* Just before it is taken back: who is past it? */
static void on_rows(void *arg, enum belfry_err err, struct store_run *run)
{
	struct changing *c = arg;
	struct pos pos = c->m->e[c->of - 1].pos;
	for (size_t b = 0; !err && b < run->bucket_count; b++) {
		const struct store_bucket *bucket = &run->buckets[b];
		for (size_t r = bucket->first; r < bucket->first + bucket->count; r++) {
			const struct store_row *row = &run->rows[r];
			struct sub_hold h = {.pos = bucket->cursor};
			if (sub_held(&row->sub))
				sub_hold_read(&row->sub, &h);
			size_t i = (size_t)atoi(row->jid + 4);
			c->had[i] = pos_cmp(hold_reached(&h), pos) >= 0;
		}
	}
	store_run_free(run);
}

static void on_retracted(void *arg, enum belfry_err err,
			 const struct store_committed *done)
{
	struct changing c = *(struct changing *)arg;
	struct model *m = c.m;
	struct posted *of = &m->e[c.of - 1];
	free(arg);
	CHECK(m, "only a newer one is in the way", err != BELFRY_ESTALE || of->by);
	if (err)
		return;
	CHECK(m, "it was there", !of->by);
	struct posted *e = model_posted(m, done->id);
	e->pos = done->pos;
	e->of = c.of;
	for (size_t i = 0; i < PEOPLE; i++) {
		if (of->owed[i] != e->owed[i])
			e->owed[i] = 0; /* he was not there */
		e->told[i] = c.had[i] && of->taken[i] && !of->back[i];
	}
	of->by = m->posted;
	if (c.item)
		m->newest[c.item - 1] = 0;
}

void step_retract(struct model *m)
{
	char id[EVENT_ID_SIZE], item[16];
	if (!m->posted || !has_room(m))
		return;
	/* The newest are more interesting. */
	size_t back = below(m, below(m, 2) ? 8 : (uint32_t)m->posted);
	size_t k = m->posted - 1 - (back < m->posted ? back : 0);
	const struct posted *e = &m->e[k];
	if (e->of || e->by || !e->pos.n)
		return;
	make_id(m, e->urgent, id);
	snprintf(item, sizeof(item), "item %zu", e->item - 1);
	const struct store_retract r = {.feed = "feed",
					.id = id,
					.item = e->item ? item : e->id,
					.newest = e->pos,
					.at_ms = clock_wall_ms(),
					.doc = "{}",
					.doc_len = 2};
	struct changing *c = changing(m, e->item, k + 1);
	m->w.app->ops->read(m->w.app, "feed", 0, m->buckets, on_rows, c);
	m->w.app->ops->retract(m->w.app, &r, on_retracted, c);
}

void retract_sent(struct model *m, size_t k, size_t i)
{
	const struct posted *e = &m->e[k];
	const struct person *p = &m->p[i];
	if (!e->of || p->ended || e->owed[i] != p->generation)
		return;
	const struct posted *of = &m->e[e->of - 1];
	CHECK(m, "it had come before it went",
	      of->sent[i] || of->refused[i] || of->given_up[i] || e->of - 1 < p->told ||
		      of->expires || poisonous(of, i));
}

bool retract_excuses(const struct model *m, size_t k, size_t i)
{
	const struct posted *e = &m->e[k];
	if (e->by)
		return true;
	if (!e->of)
		return false;
	/* A gap says of what it holds that it is gone, also of what was had once. */
	return !e->told[i] || m->p[i].late || e->of - 1 < m->p[i].told;
}
