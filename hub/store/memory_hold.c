#include "store/done.h"
#include "store/memory_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

uint64_t mem_now_ms(const struct memory *m)
{
	return clock_wall_ms() + m->passed_ms;
}

/* ---- One row's hold ---- */

void mem_row_hold(struct memory *m, struct mem_row *row, const struct sub_hold *h)
{
	free(row->hold);
	row->hold = NULL;
	if (h->reason) {
		row->hold = xmalloc(HOLD_TEXT_SIZE);
		row->sub.hold_len = sub_hold_text(h, row->hold);
	} else {
		row->sub.hold_len = 0;
	}
	row->sub.hold = row->hold;
	if (h->reason != HOLD_DEAD)
		row->dead = 0;
	else if (!row->dead)
		row->dead = ++m->deaths;
}

/* A choice may be taken back after it was read, when there was no hold yet. */
static bool is_chosen(const struct mem_row *row, enum hold_reason why)
{
	struct sub_options o;
	sub_options_read(&row->sub, &o);
	switch (why) {
	case HOLD_PAUSED:
		return o.paused;
	case HOLD_QUIET:
		return o.quiet.set;
	case HOLD_OFFLINE:
		return o.hold_offline;
	case HOLD_SHOW:
		return o.shows;
	case HOLD_CONFIRM:
		return o.proven.epoch != 0;
	case HOLD_DIGEST:
		return sub_digest_set(&o.digest);
	default:
		return true;
	}
}

#define MINUTE_MS 60000
#define DAILY_MS (25 * 60 * MINUTE_MS)

/* H's delay. A digest may be wanted more often since the row was read. */
static uint64_t delay_of(const struct mem_row *row, const struct sub_hold *h)
{
	struct sub_options o;
	sub_options_read(&row->sub, &o);
	uint64_t delay = done_delay(h), most = DAILY_MS;
	if (!o.digest.daily)
		most = (uint64_t)o.digest.every_min * MINUTE_MS;
	return h->reason == HOLD_DIGEST && delay > most ? most : delay;
}

void mem_row_want(struct memory *m, struct mem_row *row, const struct sub_hold *want)
{
	struct sub_hold old, h = *want;
	sub_hold_read(&row->sub, &old);
	if (h.first_ms)
		h.first_ms = old.first_ms ? old.first_ms : mem_now_ms(m);
	if (!is_chosen(row, h.reason))
		h.due_ms = mem_now_ms(m);
	else
		h.due_ms = want->due_ms == HOLD_NEVER
				   ? 0
				   : mem_now_ms(m) + delay_of(row, want);
	mem_row_hold(m, row, &h);
}

bool mem_row_was(const struct mem_row *row, const struct store_done_row *r)
{
	return row->sub.hold_len == r->was_len &&
	       (!r->was_len || memcmp(row->hold, r->was, r->was_len) == 0);
}

static uint64_t *counter(struct store_counters *c, enum store_count kind)
{
	switch (kind) {
	case COUNT_TAKEN:
		return &c->taken;
	case COUNT_SENT:
		return &c->sent;
	case COUNT_HELD:
		return &c->held;
	case COUNT_DEAD:
		return &c->dead;
	case COUNT_BOUNCED:
		return &c->bounced;
	case COUNT_LEFT:
		return &c->left;
	case COUNT_SKIPPED:
		return &c->skipped;
	case COUNT_FILTERED:
		return &c->filtered;
	case COUNT_EXPIRED:
		return &c->expired;
	case COUNT_SUPERSEDED:
		return &c->superseded;
	case COUNT_RECEIVED:
		return &c->received;
	case COUNT_NONE:
		break;
	}
	return NULL;
}

/*
 * What the format was when it was sent is not known any more; and it may have been left
 * out, or have expired, when it was to be sent again, or be an older copy of what was
 * confirmed.
 */
static uint64_t *stand_in(struct store_counters *c, enum store_count kind)
{
	if (kind != COUNT_TAKEN && kind != COUNT_SENT)
		return NULL;
	uint64_t *twin = kind == COUNT_TAKEN ? &c->sent : &c->taken;
	uint64_t *others[] = {twin, &c->superseded, &c->expired, &c->received};
	size_t i = 0;
	while (i < 3 && !*others[i])
		i++;
	return others[i];
}

void mem_count(struct mem_feed *f, const struct store_move *move)
{
	struct mem_event *e = mem_event_at(f, move->pos);
	if (!e)
		return;
	uint64_t *from = counter(&e->counters, move->from);
	uint64_t *to = counter(&e->counters, move->to);
	if (from && !*from)
		from = stand_in(&e->counters, move->from);
	if (from && *from)
		--*from;
	if (to)
		++*to;
}

enum store_count mem_taken(const struct mem_row *row)
{
	return row->sub.format == FORMAT_HEADLINE ? COUNT_SENT : COUNT_TAKEN;
}

void mem_count_first(struct mem_feed *f, const struct mem_row *row,
		     const struct sub_hold *h)
{
	for (size_t i = 0; i < f->event_count; i++) {
		const struct mem_event *e = &f->events[i];
		if (pos_cmp(e->e.pos, h->pos) > 0 && pos_cmp(e->e.pos, h->counted) <= 0 &&
		    !sub_hold_counted(h, e->e.pos) && e->counters.held)
			mem_count(f, &(struct store_move){e->e.pos, COUNT_HELD,
							  mem_taken(row)});
	}
}

void mem_count_urgent(struct mem_feed *f, const struct mem_row *row, struct pos from,
		      struct pos to)
{
	for (size_t i = 0; i < f->event_count; i++) {
		const struct store_event *e = &f->events[i].e;
		bool retract = e->kind == EVENT_RETRACT;
		struct pos its = retract ? e->retracted.versions[0] : e->pos;
		if (e->priority == PRIORITY_URGENT && pos_cmp(e->pos, from) > 0 &&
		    pos_cmp(e->pos, to) <= 0 && pos_cmp(its, row->sub.since) > 0)
			mem_count(f, &(struct store_move){e->pos, mem_taken(row),
							  COUNT_HELD});
	}
}

bool mem_row_redrive(struct memory *m, struct mem_feed *f, struct mem_row *row,
		     bool forget)
{
	struct sub_hold h;
	if (!sub_held(&row->sub))
		return false;
	sub_hold_read(&row->sub, &h);
	if (forget || h.reason == HOLD_DEAD) {
		mem_count_first(f, row, &h);
		if (h.tries && h.condition[0] && h.awaited) {
			/* Which says the same of what came back. */
			h.again_ms = mem_now_ms(m);
			h.resends = 0;
		}
		h.tries = 0;
		h.first_ms = 0;
	}
	if (h.reason == HOLD_DEAD || (forget && h.reason == HOLD_DROPPED))
		h.reason = HOLD_BOUNCED;
	h.due_ms = mem_now_ms(m);
	mem_row_hold(m, row, &h);
	return true;
}

/* ---- What people say to it ---- */

static bool drop(struct memory *m, struct mem_row *row)
{
	struct sub_hold h;
	sub_hold_read(&row->sub, &h);
	if (h.reason != HOLD_DEAD)
		return false;
	h.reason = HOLD_DROPPED;
	h.due_ms = mem_now_ms(m);
	mem_row_hold(m, row, &h);
	return true;
}

static bool wake(struct memory *m, struct mem_row *row)
{
	struct sub_hold h;
	sub_hold_read(&row->sub, &h);
	if (h.reason != HOLD_OFFLINE && h.reason != HOLD_SHOW)
		return false;
	h.due_ms = mem_now_ms(m);
	mem_row_hold(m, row, &h);
	return true;
}

static bool obey(struct memory *m, struct mem_feed *f, struct mem_row *row,
		 enum hold_order order)
{
	switch (order) {
	case ORDER_DROP:
		return drop(m, row);
	case ORDER_WAKE:
		return wake(m, row);
	case ORDER_REDRIVE:
		break;
	}
	return mem_row_redrive(m, f, row, true);
}

static void run_order(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	struct mem_row *row = NULL;
	if (!err && !op->text[0])
		err = BELFRY_EINVAL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err)
		row = mem_row_find(f, op->text);
	if (!err && (!row || !obey(m, f, row, op->order)))
		err = BELFRY_ENOENT;
	if (err) {
		op->cb.row(op->arg, err, NULL, false);
		return;
	}
	struct store_row out;
	mem_row_view(row, &out);
	op->cb.row(op->arg, BELFRY_OK, &out, false);
	mem_tell_listeners(m, WAKE_DUE, op->feed);
}

void memory_hold_order(struct store *st, const char *feed, const char *jid,
		       enum hold_order order, store_row_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_order, feed, arg);
	op->cb.row = cb;
	op->text = xstrdup(jid);
	op->order = order;
	mem_op_put(op);
}

/* ---- What is due ---- */

struct mem_due {
	struct store_due due;
	uint64_t ms;
};

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct mem_due *)a)->ms, y = ((const struct mem_due *)b)->ms;
	return x < y ? -1 : x > y;
}

/* The buckets of F that will ever be due, added to LIST; their count. */
static size_t due_of(const struct mem_feed *f, struct mem_due **list, size_t count)
{
	size_t first = count;
	for (size_t i = 0; i < f->row_count; i++) {
		struct sub_hold h;
		uint32_t bucket = bucket_of(f->rows[i].hash, f->buckets);
		size_t k = first;
		sub_hold_read(&f->rows[i].sub, &h);
		if (!h.due_ms)
			continue;
		while (k < count && (*list)[k].due.bucket != bucket)
			k++;
		if (k == count) {
			*list = xreallocarray(*list, ++count, sizeof **list);
			(*list)[k] = (struct mem_due){{f->name, bucket}, h.due_ms};
		} else if (h.due_ms < (*list)[k].ms) {
			(*list)[k].ms = h.due_ms;
		}
	}
	return count;
}

static void run_due(struct mem_op *op, enum belfry_err err)
{
	const struct memory *m = op->s->m;
	uint64_t now = mem_now_ms(m), wait = HOLD_NEVER;
	struct mem_due *all = NULL;
	size_t count = 0, ready = 0;
	if (err) {
		op->cb.dues(op->arg, err, NULL, 0, HOLD_NEVER);
		return;
	}
	for (const struct mem_feed *f = m->feeds; f; f = f->next)
		count = due_of(f, &all, count);
	if (count)
		qsort(all, count, sizeof *all, by_time);
	struct store_due *list = xcalloc(count + 1, sizeof *list);
	for (; ready < count && ready < op->a && all[ready].ms <= now + op->b; ready++)
		list[ready] = all[ready].due;
	if (ready < count)
		wait = all[ready].ms > now ? all[ready].ms - now : 0;
	op->cb.dues(op->arg, BELFRY_OK, list, ready, wait);
	free(list);
	free(all);
}

void memory_due(struct store *st, size_t limit, store_dues_cb cb, void *arg)
{
	memory_due_within(st, 0, limit, cb, arg);
}

void memory_due_within(struct store *st, uint64_t within_ms, size_t limit,
		       store_dues_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_due, "", arg);
	op->cb.dues = cb;
	op->a = limit;
	op->b = within_ms;
	mem_op_put(op);
}

/* ---- Dead letters ---- */

static int by_death(const void *a, const void *b)
{
	const struct mem_row *const *x = a, *const *y = b;
	return (*x)->dead < (*y)->dead ? -1 : (*x)->dead > (*y)->dead;
}

static void run_dead_list(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	size_t count = 0, page = 0;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (err) {
		op->cb.rows(op->arg, err, NULL, 0, 0);
		return;
	}
	const struct mem_row **dead = xcalloc(f->row_count + 1, sizeof *dead);
	struct store_row *rows = xcalloc(f->row_count + 1, sizeof *rows);
	for (size_t i = 0; i < f->row_count; i++)
		if (f->rows[i].dead)
			dead[count++] = &f->rows[i];
	if (count)
		qsort(dead, count, sizeof *dead, by_death);
	for (size_t i = op->u; i < count && page < op->a; i++)
		mem_row_view(dead[i], &rows[page++]);
	size_t next = op->u + page;
	op->cb.rows(op->arg, BELFRY_OK, rows, page, next < count ? (uint32_t)next : 0);
	free(dead);
	free(rows);
}

void memory_dead_list(struct store *st, const char *feed, uint32_t first, size_t limit,
		      store_rows_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_dead_list, feed, arg);
	op->cb.rows = cb;
	op->u = first;
	op->a = limit ? limit : 1;
	mem_op_put(op);
}

static bool has_dead(const struct mem_feed *f)
{
	for (size_t i = 0; i < f->row_count; i++)
		if (f->rows[i].dead)
			return true;
	return false;
}

static void run_dead_feeds(struct mem_op *op, enum belfry_err err)
{
	size_t count = 0;
	for (const struct mem_feed *f = op->s->m->feeds; f; f = f->next)
		count++;
	const char **names = xcalloc(count + 1, sizeof *names);
	count = 0;
	for (const struct mem_feed *f = op->s->m->feeds; f; f = f->next)
		if (has_dead(f))
			names[count++] = f->name;
	op->cb.names(op->arg, err, err ? NULL : names, err ? 0 : count);
	free(names);
}

void memory_dead_feeds(struct store *st, store_names_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_dead_feeds, "", arg);
	op->cb.names = cb;
	mem_op_put(op);
}
