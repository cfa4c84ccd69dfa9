#include "store/done.h"
#include "store/memory_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mem_op *mem_op_new(struct store *s, void (*run)(struct mem_op *, enum belfry_err),
			  const char *feed, void *arg)
{
	struct mem_op *op = xcalloc(1, sizeof *op);
	op->s = memory_of(s);
	op->run = run;
	op->feed = xstrdup(feed);
	op->arg = arg;
	return op;
}

void mem_op_put(struct mem_op *op)
{
	struct memory_store *s = op->s;
	*s->ops_tail = op;
	s->ops_tail = &op->next;
	s->pending++;
	if (s->turn && !loop_timer_armed(s->turn))
		loop_timer_arm(s->turn, 0);
}

void *mem_grown(void *list, size_t count, size_t size)
{
	bool full = (count & (count - 1)) == 0;
	return full ? xreallocarray(list, count ? 2 * count : 1, size) : list;
}

static void op_free(struct mem_op *op)
{
	done_free(&op->done);
	for (size_t i = 0; i < op->count; i++)
		free(op->list[i]);
	free(op->list);
	free(op->feed);
	free(op->text);
	free(op->text2);
	free(op->text3);
	free(op->text4);
	mem_face_free(op->face);
	free(op);
}

static void run_all(struct memory_store *s, enum belfry_err err)
{
	struct mem_op *list = s->ops;
	s->ops = NULL;
	s->ops_tail = &s->ops;
	while (list) {
		struct mem_op *op = list;
		list = op->next;
		s->pending--;
		op->run(op, s->m->away ? BELFRY_EAWAY : err);
		op_free(op);
	}
}

static void on_turn(void *arg)
{
	run_all(arg, BELFRY_OK);
}

static void memory_health(struct store *st, struct store_health *out)
{
	const struct memory *m = memory_of(st)->m;
	*out = (struct store_health){.up = !m->away, .full = m->full};
	if (m->away)
		snprintf(out->detail, sizeof out->detail, "the memory is away");
}

static size_t memory_pending(const struct store *st)
{
	return ((const struct memory_store *)st)->pending;
}

static void store_destroy(struct store *st)
{
	struct memory_store *s = memory_of(st);
	struct memory_store **at = &s->m->stores;
	loop_timer_destroy(s->turn);
	s->turn = NULL;
	while (s->ops)
		run_all(s, BELFRY_EAWAY);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

static const struct store_ops ops = {
	.feed_put = memory_feed_put,
	.feed_get = memory_feed_get,
	.feed_list = memory_feed_list,
	.feed_delete = memory_feed_delete,
	.feed_sweep = memory_feed_sweep,
	.presence_put = memory_presence_put,
	.face_put = memory_face_put,
	.face_get = memory_face_get,
	.commit = memory_commit,
	.events = memory_events,
	.retract = memory_retract,
	.event_get = memory_event_get,
	.items = memory_items,
	.trim = memory_trim,
	.scheduled_list = memory_scheduled_list,
	.scheduled_get = memory_scheduled_get,
	.scheduled_cancel = memory_scheduled_cancel,
	.scheduled_due = memory_scheduled_due,
	.release = memory_release,
	.join = memory_join,
	.leave = memory_leave,
	.expel = memory_expel,
	.sub_get = memory_sub_get,
	.sub_list = memory_sub_list,
	.split = memory_split,
	.pending_put = memory_pending_put,
	.admit = memory_admit,
	.pending_get = memory_pending_get,
	.pending_list = memory_pending_list,
	.notice_put = memory_notice_put,
	.notices = memory_notices,
	.notice_done = memory_notice_done,
	.lease_take = memory_lease_take,
	.lease_beat = memory_lease_beat,
	.lease_release = memory_lease_release,
	.behind = memory_behind,
	.read = memory_read,
	.done = memory_done,
	.late_bounce = memory_late_bounce,
	.received = memory_received,
	.due_within = memory_due_within,
	.due = memory_due,
	.hold_order = memory_hold_order,
	.dead_list = memory_dead_list,
	.dead_feeds = memory_dead_feeds,
	.settle = memory_settle,
	.listen = memory_listen,
	.token_put = memory_token_put,
	.token_get = memory_token_get,
	.token_delete = memory_token_delete,
	.token_list = memory_token_list,
	.health = memory_health,
	.pending = memory_pending,
	.destroy = store_destroy,
};

struct store *store_memory_create(struct loop *loop, struct memory *m)
{
	struct memory_store *s = xcalloc(1, sizeof *s);
	s->store.ops = &ops;
	s->m = m;
	s->ops_tail = &s->ops;
	s->turn = loop_timer_create(loop, on_turn, s);
	s->next = m->stores;
	m->stores = s;
	return &s->store;
}

struct memory *memory_create(void)
{
	struct memory *m = xcalloc(1, sizeof *m);
	m->run = 1;
	m->epoch = clock_wall_ms() / 1000;
	return m;
}

void memory_destroy(struct memory *m)
{
	if (!m)
		return;
	while (m->feeds) {
		struct mem_feed *f = m->feeds;
		m->feeds = f->next;
		mem_feed_free(f);
	}
	mem_notices_free(m);
	while (m->tokens) {
		struct mem_pair *t = m->tokens;
		m->tokens = t->next;
		free(t->id);
		free(t->json);
		free(t);
	}
	while (m->leases) {
		struct mem_lease *l = m->leases;
		m->leases = l->next;
		free(l);
	}
	free(m);
}

void memory_restart(struct memory *m)
{
	m->run++;
}

void memory_set_away(struct memory *m, bool away)
{
	m->away = away;
}

void memory_set_full(struct memory *m, bool full)
{
	m->full = full;
}

void memory_forget_behind(struct memory *m)
{
	for (struct mem_feed *f = m->feeds; f; f = f->next)
		f->behind = false;
}

void memory_pass_time(struct memory *m, uint64_t ms)
{
	m->passed_ms += ms;
}

/* ---- Leases ---- */

static struct mem_lease *lease_find(struct memory *m, const char *name)
{
	struct mem_lease *l = m->leases;
	while (l && strcmp(l->owner.name, name) != 0)
		l = l->next;
	return l;
}

bool mem_owns(struct memory *m, const struct store_owner *o)
{
	const struct mem_lease *l = lease_find(m, o->name);
	/* After a release the fence stays, until the next owner's. */
	return l && l->owner.fence == o->fence;
}

static void run_take(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_lease *l = err ? NULL : lease_find(m, op->owner.name);
	struct store_lease_seen now = {0};
	if (l) {
		memcpy(now.token, l->owner.token, sizeof now.token);
		now.beat = l->beat;
		if (now.token[0] &&
		    (strcmp(now.token, op->seen.token) != 0 || now.beat != op->seen.beat))
			err = BELFRY_EEXIST;
	}
	if (err) {
		op->cb.lease(op->arg, err, NULL, err == BELFRY_EEXIST ? &now : NULL);
		return;
	}
	if (!l) {
		l = xcalloc(1, sizeof *l);
		l->next = m->leases;
		m->leases = l;
	}
	op->owner.fence = l->owner.fence + 1;
	static uint64_t tokens;
	snprintf(op->owner.token, sizeof op->owner.token, "%032llx",
		 (unsigned long long)++tokens);
	l->owner = op->owner;
	l->beat = 0;
	op->cb.lease(op->arg, BELFRY_OK, &op->owner, NULL);
}

void memory_lease_take(struct store *st, const char *name,
		       const struct store_lease_seen *seen, store_lease_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_take, "", arg);
	op->cb.lease = cb;
	snprintf(op->owner.name, sizeof op->owner.name, "%s", name);
	if (seen)
		op->seen = *seen;
	mem_op_put(op);
}

static void run_beat(struct mem_op *op, enum belfry_err err)
{
	struct mem_lease *l = err ? NULL : lease_find(op->s->m, op->owner.name);
	if (!err && (!l || strcmp(l->owner.token, op->owner.token) != 0))
		err = BELFRY_ELOST;
	if (!err) {
		l->beat++;
		if (op->flag)
			l->owner.token[0] = '\0';
	}
	op->cb.plain(op->arg, err);
}

static void keep(struct store *st, const struct store_owner *o, bool release, store_cb cb,
		 void *arg)
{
	struct mem_op *op = mem_op_new(st, run_beat, "", arg);
	op->cb.plain = cb;
	op->owner = *o;
	op->flag = release;
	mem_op_put(op);
}

void memory_lease_beat(struct store *st, const struct store_owner *o, store_cb cb,
		       void *arg)
{
	keep(st, o, false, cb, arg);
}

void memory_lease_release(struct store *st, const struct store_owner *o, store_cb cb,
			  void *arg)
{
	keep(st, o, true, cb, arg);
}

/* ---- Tokens ---- */

static struct mem_pair **token_at(struct memory *m, const char *id)
{
	struct mem_pair **at = &m->tokens;
	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

static void run_token_put(struct mem_op *op, enum belfry_err err)
{
	struct mem_pair **at = token_at(op->s->m, op->text);
	if (!err && !*at) {
		*at = xcalloc(1, sizeof **at);
		(*at)->id = xstrdup(op->text);
	}
	if (!err) {
		free((*at)->json);
		(*at)->json = xstrdup(op->text2);
	}
	op->cb.plain(op->arg, err);
}

void memory_token_put(struct store *st, const char *id, const char *json, store_cb cb,
		      void *arg)
{
	struct mem_op *op = mem_op_new(st, run_token_put, "", arg);
	op->cb.plain = cb;
	op->text = xstrdup(id);
	op->text2 = xstrdup(json);
	mem_op_put(op);
}

static void run_token_get(struct mem_op *op, enum belfry_err err)
{
	const struct mem_pair *t = *token_at(op->s->m, op->text);
	if (!err && !t)
		err = BELFRY_ENOENT;
	op->cb.token(op->arg, err, err ? NULL : t->json, err ? 0 : strlen(t->json));
}

void memory_token_get(struct store *st, const char *id, store_token_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_token_get, "", arg);
	op->cb.token = cb;
	op->text = xstrdup(id);
	mem_op_put(op);
}

static void run_token_delete(struct mem_op *op, enum belfry_err err)
{
	struct mem_pair **at = token_at(op->s->m, op->text);
	struct mem_pair *t = *at;
	if (!err && !t)
		err = BELFRY_ENOENT;
	if (!err) {
		*at = t->next;
		free(t->id);
		free(t->json);
		free(t);
	}
	op->cb.plain(op->arg, err);
}

void memory_token_delete(struct store *st, const char *id, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_token_delete, "", arg);
	op->cb.plain = cb;
	op->text = xstrdup(id);
	mem_op_put(op);
}

static void run_token_list(struct mem_op *op, enum belfry_err err)
{
	size_t count = 0;
	for (const struct mem_pair *t = op->s->m->tokens; t; t = t->next)
		count++;
	const char **ids = xcalloc(2 * count + 1, sizeof *ids);
	size_t i = 0;
	for (const struct mem_pair *t = op->s->m->tokens; t; t = t->next, i++) {
		ids[i] = t->id;
		ids[count + i] = t->json;
	}
	op->cb.tokens(op->arg, err, ids, ids + count, err ? 0 : count);
	free(ids);
}

void memory_token_list(struct store *st, store_tokens_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_token_list, "", arg);
	op->cb.tokens = cb;
	mem_op_put(op);
}

/* ---- Waking ---- */

static void run_listen(struct mem_op *op, enum belfry_err err)
{
	(void)err;
	if (op->s->wake)
		op->s->wake(op->s->wake_arg, WAKE_ALL, "");
}

void memory_listen(struct store *st, store_wake_cb cb, void *arg)
{
	struct memory_store *s = memory_of(st);
	s->wake = cb;
	s->wake_arg = arg;
	if (!cb)
		return;
	mem_op_put(mem_op_new(st, run_listen, "", NULL));
}
