#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* ---- What has been used as which item ---- */

static struct mem_item *item_find(const struct mem_feed *f, const char *item)
{
	struct mem_item *i = f->items;
	while (i && strcmp(i->item, item) != 0)
		i = i->next;
	return i;
}

static struct mem_item *item_take(struct mem_feed *f, const char *item)
{
	struct mem_item *i = item_find(f, item);
	if (i)
		return i;
	i = xcalloc(1, sizeof *i);
	i->item = xstrdup(item);
	i->next = f->items;
	f->items = i;
	return i;
}

void mem_items_free(struct mem_feed *f)
{
	while (f->items) {
		struct mem_item *i = f->items;
		f->items = i->next;
		free(i->item);
		free(i);
	}
}

/* The newest is POS now; the first one is kept. */
static void version_add(struct mem_item *i, struct pos pos)
{
	size_t keep = STORE_VERSIONS - 1;
	if (i->versions[keep].n)
		keep--;
	memmove(i->versions + 1, i->versions, keep * sizeof i->versions[0]);
	i->versions[0] = pos;
}

/* E was appended: it is the newest of its item, or takes it back. */
void mem_item_used(struct mem_feed *f, struct mem_event *e)
{
	struct mem_item *i = item_take(f, e->e.item);
	bool gone = e->e.kind == EVENT_RETRACT;
	struct mem_event *before =
		i->versions[0].n ? mem_event_at(f, i->versions[0]) : NULL;
	if (before) {
		before->e.superseded = e->e.pos;
		before->e.gone = gone;
	}
	if (gone) {
		memset(i->versions, 0, sizeof i->versions);
		i->gone = e->e.pos;
		return;
	}
	i->gone = (struct pos){0, 0};
	version_add(i, e->e.pos);
}

void mem_item_trimmed(struct mem_feed *f, const struct store_event *e)
{
	for (struct mem_item **at = &f->items; *at; at = &(*at)->next) {
		struct mem_item *i = *at;
		struct pos newest = i->gone.n ? i->gone : i->versions[0];
		if (strcmp(i->item, e->item) != 0 || pos_cmp(newest, e->pos) != 0)
			continue;
		*at = i->next;
		free(i->item);
		free(i);
		return;
	}
}

/* ---- Retracting ---- */

static enum belfry_err retract(struct memory *m, struct mem_feed *f, struct mem_op *op)
{
	struct mem_item *i = item_find(f, op->text2);
	if (!i || i->gone.n)
		return BELFRY_ENOENT;
	if (pos_cmp(i->versions[0], op->pos) != 0)
		return BELFRY_ESTALE;
	const struct store_event *e = &mem_event_at(f, op->pos)->e;
	struct store_event r = {.id = op->text,
				.item = op->text2,
				.kind = EVENT_RETRACT,
				.priority = e->priority,
				.at_ms = op->a,
				.retracted.at_ms = e->at_ms,
				.doc = op->list[0],
				.doc_len = op->text_len};
	memcpy(r.retracted.versions, i->versions, sizeof i->versions);
	op->pos = mem_append(m, f, &r);
	return BELFRY_OK;
}

static void run_retract(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	if (!err && m->full)
		err = BELFRY_EFULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err)
		err = retract(m, f, op);
	const struct store_committed done = {
		.id = op->text, .item = op->text2, .pos = op->pos};
	op->cb.commit(op->arg, err, err ? NULL : &done);
	if (!err)
		mem_tell_listeners(m, WAKE_EVENTS, op->feed);
}

void memory_retract(struct store *st, const struct store_retract *r, store_commit_cb cb,
		    void *arg)
{
	struct mem_op *op = mem_op_new(st, run_retract, r->feed, arg);
	op->cb.commit = cb;
	op->text = xstrdup(r->id);
	op->text2 = xstrdup(r->item);
	op->pos = r->newest;
	op->a = r->at_ms;
	op->list = xcalloc(1, sizeof *op->list);
	op->list[0] = xmemdup0(r->doc, r->doc_len);
	op->count = 1;
	op->text_len = r->doc_len;
	mem_op_put(op);
}

/* ---- Items ---- */

static bool used_again(const struct mem_feed *f, size_t i)
{
	for (size_t k = i + 1; k < f->event_count; k++)
		if (strcmp(f->events[k].e.item, f->events[i].e.item) == 0)
			return true;
	return false;
}

static bool wanted(const struct mem_op *op, const char *item)
{
	for (size_t i = 0; i < op->count; i++)
		if (strcmp(op->list[i], item) == 0)
			return true;
	return op->count == 0;
}

static bool expired(const struct mem_op *op, const struct store_event *e)
{
	return e->expires_ms && e->expires_ms <= mem_now_ms(op->s->m);
}

static void run_items(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (err) {
		op->cb.events(op->arg, err, NULL, 0, false);
		return;
	}
	struct store_event *all = xcalloc(f->event_count + 1, sizeof *all);
	size_t count = 0;
	for (size_t i = 0; i < f->event_count; i++)
		if (f->events[i].e.kind == EVENT_ITEM &&
		    wanted(op, f->events[i].e.item) && !used_again(f, i) &&
		    (op->count || !expired(op, &f->events[i].e)))
			all[count++] = f->events[i].e;
	size_t limit = op->count ? count : op->a;
	size_t skip = count > limit ? count - limit : 0;
	op->cb.events(op->arg, BELFRY_OK, all + skip, count - skip, skip > 0);
	free(all);
}

void memory_items(struct store *st, const char *feed, const char *const *items,
		  size_t item_count, size_t limit, store_events_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_items, feed, arg);
	op->cb.events = cb;
	op->a = limit > 1000 ? 1000 : limit;
	op->list = xcalloc(item_count + 1, sizeof *op->list);
	for (op->count = 0; op->count < item_count; op->count++)
		op->list[op->count] = xstrdup(items[op->count]);
	mem_op_put(op);
}
