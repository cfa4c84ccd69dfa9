#include "store/memory_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

/* ---- Feeds ---- */

struct mem_feed *mem_feed_find(struct memory *m, const char *name)
{
	struct mem_feed *f = m->feeds;
	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

struct pos mem_head(const struct mem_feed *f)
{
	return (struct pos){f->epoch, f->n};
}

void mem_event_free(struct mem_event *e)
{
	free((char *)(uintptr_t)e->e.id);
	free((char *)(uintptr_t)e->e.item);
	free((char *)(uintptr_t)e->e.doc);
}

void mem_feed_free(struct mem_feed *f)
{
	while (f->row_count)
		mem_row_remove(f, f->rows);
	for (size_t i = 0; i < f->event_count; i++)
		mem_event_free(&f->events[i]);
	while (f->idem) {
		struct mem_idem *k = f->idem;
		f->idem = k->next;
		free(k->key);
		free(k->digest);
		free(k->id);
		free(k->item);
		free(k);
	}
	mem_items_free(f);
	free(f->rows);
	free(f->events);
	free(f->cursors);
	mem_face_free(f->face);
	mem_scheduled_free(f);
	mem_pendings_free(f);
	free(f->name);
	free(f->config);
	free(f->presence);
	free(f);
}

static uint64_t contacts(const struct mem_feed *f)
{
	uint64_t n = 0;
	for (size_t i = 0; i < f->row_count; i++) {
		struct sub_options options = {0};
		if (f->rows[i].sub.options_len)
			sub_options_read(&f->rows[i].sub, &options);
		n += options.contact;
	}
	return n;
}

static struct store_feed view(const struct mem_feed *f)
{
	struct store_feed out = {.name = f->name,
				 .config = f->config,
				 .head = mem_head(f),
				 .settled = f->settled,
				 .trimmed = f->trimmed,
				 .subscribers = f->row_count,
				 .contacts = contacts(f),
				 .watched = mem_watched(f),
				 .buckets = f->buckets,
				 .salt = f->salt,
				 .created_ms = f->created_ms,
				 .casts = f->casts,
				 .presence = f->presence,
				 .face = f->face ? f->face->sha1 : NULL};
	if (f->n == 0)
		out.head = out.settled = (struct pos){0, 0};
	return out;
}

static uint64_t next_epoch(struct memory *m)
{
	uint64_t now = clock_wall_ms() / 1000;
	m->epoch = m->epoch + 1 > now ? m->epoch + 1 : now;
	return m->epoch;
}

static struct mem_feed *feed_make(struct memory *m, const char *name, uint64_t at_ms)
{
	struct mem_feed **at = &m->feeds;
	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	struct mem_feed *f = xcalloc(1, sizeof *f);
	f->next = *at;
	*at = f;
	f->name = xstrdup(name);
	f->epoch = next_epoch(m);
	f->run = m->run;
	f->casts = f->epoch * 1000000; /* none of an earlier one's */
	f->settled = mem_head(f);
	/* By the name, so that a test's history can be repeated. */
	f->salt = 1 + row_hash(1000003, name, strlen(name)) % ((1u << 21) - 1);
	f->created_ms = at_ms;
	return f;
}

void mem_tell_listeners(struct memory *m, enum store_wake what, const char *feed)
{
	for (struct memory_store *s = m->stores; s; s = s->next)
		if (s->wake)
			s->wake(s->wake_arg, what, feed);
}

/* Does the new configuration ask for a NOTICE_SWEEP? */
static bool casts_out(const char *old, const char *new)
{
	struct feed_config before, after;
	char why[128];
	feed_config_init(&before);
	feed_config_init(&after);
	feed_config_patch(&before, old, strlen(old), why, sizeof why);
	feed_config_patch(&after, new, strlen(new), why, sizeof why);
	bool out = feed_casts_out(&before, &after);
	feed_config_free(&before);
	feed_config_free(&after);
	return out;
}

static void run_feed_put(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	bool created = false, sweep = false;
	if (!err && op->text2 && !f)
		err = BELFRY_ENOFEED;
	if (!err && op->text2 && strcmp(op->text2, f->config) != 0)
		err = BELFRY_ESTALE;
	if (!err && f)
		sweep = casts_out(f->config, op->text);
	if (sweep)
		mem_sweep_forget(m, op->feed);
	if (sweep && m->notice_count >= STORE_NOTICES_MAX)
		err = BELFRY_EFULL;
	if (!err && !f) {
		f = feed_make(m, op->feed, op->a);
		created = true;
	}
	if (err) {
		op->cb.feed(op->arg, err, NULL, false);
		return;
	}
	bool changed = f->n && strcmp(f->config, op->text) != 0;
	free(f->config);
	f->config = xstrdup(op->text);
	if (changed)
		f->behind = true; /* there may be more to trim */
	if (sweep) {
		mem_notice_add(m, op->feed, "", NOTICE_SWEEP);
		f->casts++;
	}
	struct store_feed v = view(f);
	op->cb.feed(op->arg, BELFRY_OK, &v, created);
	if (changed)
		mem_tell_listeners(m, WAKE_EVENTS, op->feed);
	if (sweep)
		mem_tell_listeners(m, WAKE_NOTICE, op->feed);
}

void memory_feed_put(struct store *st, const char *feed, const char *config,
		     const char *expect, uint64_t at_ms, store_feed_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_feed_put, feed, arg);
	op->cb.feed = cb;
	op->text = xstrdup(config);
	op->text2 = expect ? xstrdup(expect) : NULL;
	op->a = at_ms;
	mem_op_put(op);
}

static void run_feed_get(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	struct store_feed v = f ? view(f) : (struct store_feed){0};
	if (!err && !f)
		err = BELFRY_ENOFEED;
	op->cb.feed(op->arg, err, err ? NULL : &v, false);
}

void memory_feed_get(struct store *st, const char *feed, store_feed_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_feed_get, feed, arg);
	op->cb.feed = cb;
	mem_op_put(op);
}

static void run_feed_list(struct mem_op *op, enum belfry_err err)
{
	struct store_feed *page = xcalloc(op->a + 1, sizeof *page);
	size_t count = 0;
	bool more = false;
	for (const struct mem_feed *f = op->s->m->feeds; f && !more; f = f->next) {
		if (strcmp(f->name, op->feed) <= 0)
			continue;
		if (count == op->a)
			more = true;
		else
			page[count++] = view(f);
	}
	op->cb.feeds(op->arg, err, err ? NULL : page, err ? 0 : count, !err && more);
	free(page);
}

void memory_feed_list(struct store *st, const char *after, size_t limit,
		      store_feeds_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_feed_list, after, arg);
	op->cb.feeds = cb;
	op->a = limit > 1000 ? 1000 : limit;
	mem_op_put(op);
}

static void run_feed_delete(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed **at = &op->s->m->feeds;
	while (*at && strcmp((*at)->name, op->feed) != 0)
		at = &(*at)->next;
	struct mem_feed *f = *at;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err) {
		*at = f->next;
		mem_feed_free(f);
	}
	op->cb.plain(op->arg, err);
}

void memory_feed_delete(struct store *st, const char *feed, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_feed_delete, feed, arg);
	op->cb.plain = cb;
	mem_op_put(op);
}

static void run_nothing(struct mem_op *op, enum belfry_err err)
{
	op->cb.plain(op->arg, err);
}

void memory_feed_sweep(struct store *st, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_nothing, "", arg);
	op->cb.plain = cb;
	mem_op_put(op);
}

/* ---- Commit ---- */

struct pos mem_append(struct memory *m, struct mem_feed *f, const struct store_event *new)
{
	if (f->run != m->run) {
		if (f->n > 0)
			f->epoch = next_epoch(m);
		f->n = 0;
		f->run = m->run;
	}
	f->n++;
	f->events = mem_grown(f->events, f->event_count, sizeof *f->events);
	struct mem_event *e = &f->events[f->event_count++];
	*e = (struct mem_event){.e = *new};
	e->e.pos = mem_head(f);
	e->e.id = xstrdup(new->id);
	e->e.item = xstrdup(new->item);
	e->e.doc = xmemdup0(new->doc, new->doc_len);
	e->e.subscribers = f->row_count;
	mem_item_used(f, e);
	f->behind = true; /* without followers, too: the log has to be trimmed */
	if (!f->buckets)
		f->settled = e->e.pos;
	return e->e.pos;
}

/* What the key of OP stood for first, or NULL. */
static struct mem_idem *idem_find(const struct mem_feed *f, const char *key)
{
	struct mem_idem *k = key ? f->idem : NULL;
	while (k && strcmp(k->key, key) != 0)
		k = k->next;
	return k;
}

static void idem_add(struct mem_feed *f, const struct mem_op *op, struct pos pos)
{
	struct mem_idem *k = xcalloc(1, sizeof *k);
	k->key = xstrdup(op->text3);
	k->digest = xstrdup(op->text4);
	k->id = xstrdup(op->text);
	k->item = xstrdup(op->text2);
	k->pos = pos;
	k->next = f->idem;
	f->idem = k;
}

static void run_commit(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	uint64_t due_ms = op->c;
	if (!err && m->full)
		err = BELFRY_EFULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	const struct mem_idem *k = err ? NULL : idem_find(f, op->text3);
	if (k && strcmp(k->digest, op->text4) != 0)
		err = BELFRY_EREUSED;
	if (!err && !k && due_ms && f->scheduled_count >= STORE_SCHEDULED_MAX)
		err = BELFRY_ELIMIT;
	if (err) {
		op->cb.commit(op->arg, err, NULL);
		return;
	}
	struct store_event e = {.id = op->text,
				.item = op->text2,
				.priority = (enum event_priority)op->u,
				.at_ms = op->a,
				.expires_ms = op->b,
				.doc = op->list[0],
				.doc_len = op->text_len};
	struct store_committed done = {.id = op->text, .item = op->text2};
	bool first = false;
	if (k) {
		done = (struct store_committed){k->id, k->item, true, k->pos, 0};
		done.due_ms = due_ms ? mem_schedule_due(f, k->id) : 0;
	} else if (due_ms) {
		done.due_ms = due_ms;
		first = mem_schedule(f, due_ms, &e);
	} else {
		done.pos = mem_append(m, f, &e);
	}
	if (!k && op->text3)
		idem_add(f, op, done.pos);
	op->cb.commit(op->arg, BELFRY_OK, &done);
	if (first)
		mem_tell_listeners(m, WAKE_SCHEDULED, op->feed);
	else if (!done.replayed && !due_ms)
		mem_tell_listeners(m, WAKE_EVENTS, op->feed);
}

void memory_commit(struct store *st, const struct store_commit *c, store_commit_cb cb,
		   void *arg)
{
	struct mem_op *op = mem_op_new(st, run_commit, c->feed, arg);
	op->cb.commit = cb;
	op->text = xstrdup(c->id);
	op->text2 = xstrdup(c->item);
	op->text3 = c->idem_key ? xstrdup(c->idem_key) : NULL;
	op->text4 = xstrdup(c->idem_digest ? c->idem_digest : "");
	op->u = (uint32_t)c->priority;
	op->a = c->at_ms;
	op->b = c->expires_ms;
	op->c = c->due_ms;
	op->list = xcalloc(1, sizeof *op->list);
	op->list[0] = xmemdup0(c->doc, c->doc_len);
	op->count = 1;
	op->text_len = c->doc_len;
	mem_op_put(op);
}

/* ---- Reading the log ---- */

struct mem_event *mem_event_at(struct mem_feed *f, struct pos pos)
{
	for (size_t i = 0; i < f->event_count; i++)
		if (pos_cmp(f->events[i].e.pos, pos) == 0)
			return &f->events[i];
	return NULL;
}

static void run_events(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	struct store_event *page = xcalloc(op->a + 1, sizeof *page);
	size_t count = 0;
	bool more = false;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	for (size_t i = 0; !err && i < f->event_count && !more; i++) {
		const struct store_event *e =
			&f->events[op->flag ? f->event_count - 1 - i : i].e;
		int order = pos_cmp(e->pos, op->pos);
		if (op->flag ? order >= 0 && (op->pos.epoch || op->pos.n) : order <= 0)
			continue;
		if (count == op->a)
			more = true;
		else
			page[count++] = *e;
	}
	op->cb.events(op->arg, err, err ? NULL : page, err ? 0 : count, more);
	free(page);
}

void memory_events(struct store *st, const char *feed, struct pos from, bool newest,
		   size_t limit, store_events_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_events, feed, arg);
	op->cb.events = cb;
	op->pos = from;
	op->flag = newest;
	op->a = limit > 1000 ? 1000 : limit;
	mem_op_put(op);
}

static void run_event_get(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	const struct mem_event *e = NULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	for (size_t i = 0; !err && !e && i < f->event_count; i++)
		if (strcmp(f->events[i].e.id, op->text) == 0)
			e = &f->events[i];
	if (!err && !e)
		err = BELFRY_ENOENT;
	if (err)
		op->cb.event(op->arg, err, NULL, NULL, false);
	else
		op->cb.event(op->arg, BELFRY_OK, &e->e, &e->counters,
			     pos_cmp(e->e.pos, f->settled) <= 0);
}

void memory_event_get(struct store *st, const char *feed, const char *id,
		      store_event_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_event_get, feed, arg);
	op->cb.event = cb;
	op->text = xstrdup(id);
	mem_op_put(op);
}

static void run_trim(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	size_t gone = 0;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	while (!err && gone < f->event_count) {
		struct mem_event *e = &f->events[gone];
		if (pos_cmp(e->e.pos, f->settled) > 0 ||
		    (f->event_count - gone <= op->a && e->e.at_ms >= op->b))
			break;
		f->trimmed = e->e.pos;
		mem_item_trimmed(f, &e->e);
		mem_event_free(e);
		gone++;
	}
	if (gone) {
		f->event_count -= gone;
		memmove(f->events, f->events + gone, f->event_count * sizeof *f->events);
	}
	op->cb.plain(op->arg, err);
}

void memory_trim(struct store *st, const char *feed, uint64_t max_items,
		 uint64_t oldest_ms, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_trim, feed, arg);
	op->cb.plain = cb;
	op->a = max_items;
	op->b = oldest_ms;
	mem_op_put(op);
}
