#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* As the script: no more at a time. */
#define RELEASE_EVENTS 64

static void scheduled_free(struct mem_scheduled *x)
{
	struct mem_event e = {.e = x->e};
	mem_event_free(&e);
}

void mem_scheduled_free(struct mem_feed *f)
{
	for (size_t i = 0; i < f->scheduled_count; i++)
		scheduled_free(&f->scheduled[i]);
	free(f->scheduled);
}

/* Is X behind DUE_MS and ID? */
static bool is_behind(const struct mem_scheduled *x, uint64_t due_ms, const char *id)
{
	return x->due_ms != due_ms ? x->due_ms > due_ms : strcmp(x->e.id, id) > 0;
}

bool mem_schedule(struct mem_feed *f, uint64_t due_ms, const struct store_event *e)
{
	size_t at = f->scheduled_count++;
	f->scheduled = mem_grown(f->scheduled, at, sizeof *f->scheduled);
	for (; at && is_behind(&f->scheduled[at - 1], due_ms, e->id); at--)
		f->scheduled[at] = f->scheduled[at - 1];
	struct mem_scheduled *x = &f->scheduled[at];
	*x = (struct mem_scheduled){.due_ms = due_ms, .e = *e};
	x->e.id = xstrdup(e->id);
	x->e.item = xstrdup(e->item);
	x->e.doc = xmemdup0(e->doc, e->doc_len);
	return at == 0;
}

static const struct mem_scheduled *find(const struct mem_feed *f, const char *id)
{
	for (size_t i = 0; i < f->scheduled_count; i++)
		if (strcmp(f->scheduled[i].e.id, id) == 0)
			return &f->scheduled[i];
	return NULL;
}

uint64_t mem_schedule_due(const struct mem_feed *f, const char *id)
{
	const struct mem_scheduled *x = find(f, id);
	return x ? x->due_ms : 0;
}

static void forget(struct mem_feed *f, size_t i)
{
	scheduled_free(&f->scheduled[i]);
	f->scheduled_count--;
	memmove(&f->scheduled[i], &f->scheduled[i + 1],
		(f->scheduled_count - i) * sizeof *f->scheduled);
}

/* ---- Looking ---- */

static void run_list(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	struct store_scheduled *page = xcalloc(op->b + 1, sizeof *page);
	size_t count = 0;
	bool more = false;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	for (size_t i = 0; !err && i < f->scheduled_count && !more; i++) {
		const struct mem_scheduled *x = &f->scheduled[i];
		if (!is_behind(x, op->a, op->text))
			continue;
		if (count == op->b)
			more = true;
		else
			page[count++] = (struct store_scheduled){x->due_ms, x->e};
	}
	op->cb.scheduled(op->arg, err, err ? NULL : page, count, more);
	free(page);
}

void memory_scheduled_list(struct store *st, const char *feed, uint64_t after_ms,
			   const char *after_id, size_t limit, store_scheduled_cb cb,
			   void *arg)
{
	struct mem_op *op = mem_op_new(st, run_list, feed, arg);
	op->cb.scheduled = cb;
	op->text = xstrdup(after_id);
	op->a = after_ms;
	op->b = limit < 1 ? 1 : limit > 1000 ? 1000 : limit;
	mem_op_put(op);
}

static void run_get(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	const struct mem_scheduled *x = f ? find(f, op->text) : NULL;
	struct store_scheduled one = {0};
	if (!err && !x)
		err = f ? BELFRY_ENOENT : BELFRY_ENOFEED;
	if (!err)
		one = (struct store_scheduled){x->due_ms, x->e};
	op->cb.scheduled(op->arg, err, err ? NULL : &one, !err, false);
}

void memory_scheduled_get(struct store *st, const char *feed, const char *id,
			  store_scheduled_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_get, feed, arg);
	op->cb.scheduled = cb;
	op->text = xstrdup(id);
	mem_op_put(op);
}

static void run_cancel(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	bool any = false;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	for (size_t i = err ? 0 : f->scheduled_count; i--;) {
		const struct store_event *e = &f->scheduled[i].e;
		if (strcmp(op->text ? e->id : e->item, op->text ? op->text : op->text2))
			continue;
		forget(f, i);
		any = true;
	}
	if (!err && !any)
		err = BELFRY_ENOENT;
	op->cb.plain(op->arg, err);
}

void memory_scheduled_cancel(struct store *st, const char *feed, const char *id,
			     const char *item, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_cancel, feed, arg);
	op->cb.plain = cb;
	op->text = id ? xstrdup(id) : NULL;
	op->text2 = id ? NULL : xstrdup(item);
	mem_op_put(op);
}

/* ---- What is due ---- */

static void run_due(struct mem_op *op, enum belfry_err err)
{
	const struct memory *m = op->s->m;
	uint64_t now = mem_now_ms(m), wait = UINT64_MAX;
	const char **feeds = xcalloc(op->a + 1, sizeof *feeds);
	size_t count = 0;
	for (const struct mem_feed *f = m->feeds; !err && f; f = f->next) {
		uint64_t due = f->scheduled_count ? f->scheduled[0].due_ms : UINT64_MAX;
		if (due <= now && count < op->a)
			feeds[count++] = f->name;
		else if (due <= now)
			wait = 0;
		else if (due != UINT64_MAX && due - now < wait)
			wait = due - now;
	}
	op->cb.times(op->arg, err, feeds, count, wait);
	free(feeds);
}

void memory_scheduled_due(struct store *st, size_t limit, store_times_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_due, "", arg);
	op->cb.times = cb;
	op->a = limit < 1000 ? limit : 1000;
	mem_op_put(op);
}

static void run_release(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	uint64_t now = mem_now_ms(m), released = 0;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	while (!err && released < RELEASE_EVENTS && f->scheduled_count &&
	       f->scheduled[0].due_ms <= now) {
		f->scheduled[0].e.at_ms = now;
		mem_append(m, f, &f->scheduled[0].e);
		forget(f, 0);
		released++;
	}
	op->cb.release(op->arg, err, released, 0);
	if (released)
		mem_tell_listeners(m, WAKE_EVENTS, op->feed);
}

void memory_release(struct store *st, const char *feed, store_release_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_release, feed, arg);
	op->cb.release = cb;
	mem_op_put(op);
}
