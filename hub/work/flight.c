#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define BARRIER_US 5000000 /* without a result for longer: asked for again */
#define BARRIER_REPEATS 3

static struct win *open_window(struct engine *e)
{
	if (!e->open)
		e->open = xcalloc(1, sizeof(*e->open));
	return e->open;
}

struct part *flight_part_new(struct piece *p, size_t unit)
{
	struct part *q = xcalloc(1, sizeof(*q) + p->events * sizeof(q->counts[0]));
	q->piece = p;
	q->first = unit;
	q->count = 1;
	return q;
}

struct part *flight_part(struct engine *e, struct piece *p, size_t unit)
{
	struct win *w = open_window(e);
	for (struct part *q = w->parts; q; q = q->next) {
		if (q->piece == p) {
			q->count++;
			return q;
		}
	}
	struct part *q = flight_part_new(p, unit);
	q->next = w->parts;
	w->parts = q;
	return q;
}

bool flight_empty(const struct engine *e)
{
	return !e->open && !e->flying && !e->alone.jid;
}

/* ---- Done ------------------------------------------------------------------------ */

/*
 * Redis refuses every write, the lease's beat as well. What cannot be noted would be sent
 * again and again: the lease is given up.
 */
static bool takes_no_write(enum belfry_err err)
{
	return err == BELFRY_EFULL || err == BELFRY_EREPLICAS;
}

static void told(const struct completion *c)
{
	struct completion **at = &c->feed->telling;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void on_done(void *arg, enum belfry_err err)
{
	told(arg);
	struct completion c = *(struct completion *)arg;
	struct feed *f = c.feed;
	struct engine *e = f->engine;
	free(arg);
	e->dones--;
	e->untold -= c.sent;
	f->dones--;
	f->overtaken -= c.pass != f->pass;
	absent_told(e, c.absent);
	sweep_done(e, c.stream);
	engine_kick(e);
	if (feed_called(f))
		return;
	if (err == BELFRY_ELOST || takes_no_write(err)) {
		engine_halt(e);
		return;
	}
	if (err == BELFRY_ESTALE)
		e->counters.stale++;
	if (err)
		feed_fail_err(f, err);
	late_flush(f);
	receipts_flush(f);
	feed_step(f);
}

/* D's feed, feed_buckets, to and due are filled in. */
static void tell(const struct part *q, struct store_done *d)
{
	struct piece *p = q->piece;
	struct feed *f = p->feed;
	struct engine *e = f->engine;
	struct completion *c = xmalloc(sizeof(*c));
	*c = (struct completion){.feed = f,
				 .next = f->telling,
				 .first = p->run->buckets[q->first].bucket,
				 .count = (uint32_t)q->count,
				 .feed_buckets = p->run->feed_buckets,
				 .pass = f->pass,
				 .sent = q->sent,
				 .stream = e->stream,
				 .absent = absent_of(q)};
	f->telling = c;
	d->feed = f->name;
	d->feed_buckets = p->run->feed_buckets;
	d->to = p->holds ? p->run->buckets[0].cursor : p->to;
	d->due = p->holds;
	e->dones++;
	e->untold += q->sent;
	f->dones++;
	f->calls++;
	STORE(e, done, &e->owner, d, on_done, c);
}

static size_t done_buckets(const struct part *q, struct store_done_bucket *out)
{
	const struct piece *p = q->piece;
	size_t n = 0;
	for (size_t u = q->first; u < q->first + q->count; u++) {
		const struct store_bucket *b = &p->run->buckets[u];
		p->unit_state[u] = UNIT_DONE;
		if (p->holds || pos_cmp(b->cursor, p->to) < 0)
			out[n++] = (struct store_done_bucket){b->bucket, b->cursor};
	}
	return n;
}

void flight_count(struct engine *e, const struct store_counters *c)
{
	e->counters.taken += c->taken;
	e->counters.sent += c->sent;
	e->counters.bounced += c->bounced;
	e->counters.left += c->left;
	e->counters.skipped += c->skipped;
	e->counters.filtered += c->filtered;
	e->counters.expired += c->expired;
	e->counters.superseded += c->superseded;
	e->counters.held += c->held;
	e->counters.dead += c->dead;
}

static size_t done_events(struct engine *e, const struct part *q,
			  struct store_done_event *out)
{
	static const struct store_counters none;
	const struct piece *p = q->piece;
	size_t n = 0;
	if (p->holds)
		return 0; /* its rows tell */
	for (size_t k = 0; k < p->events; k++) {
		const struct store_counters *c = &q->counts[k];
		if (memcmp(c, &none, sizeof(none)) == 0)
			continue;
		out[n++] =
			(struct store_done_event){p->batch->events[p->event + k].pos, *c};
		flight_count(e, c);
	}
	return n;
}

void flight_part_done(struct engine *e, struct part *q)
{
	struct piece *p = q->piece;
	struct store_done_bucket *buckets = xcalloc(q->count, sizeof(*buckets));
	struct store_done_row *rows = xcalloc(p->mark_count + 1, sizeof(*rows));
	struct store_done_event *events = xcalloc(p->events + 1, sizeof(*events));
	struct store_done d = {.buckets = buckets, .rows = rows, .events = events};
	d.bucket_count = done_buckets(q, buckets);
	d.row_count = holds_done(q, rows);
	d.event_count = done_events(e, q, events);
	if (d.bucket_count)
		tell(q, &d);
	for (size_t i = 0; i < d.row_count; i++)
		free((void *)(uintptr_t)rows[i].moves);
	free(buckets);
	free(rows);
	free(events);
	piece_units_done(p, q->count);
}

/* The multicast service did not serve all of it: its feed is looked up and read again. */
static void part_refused(struct engine *e, const struct part *q)
{
	struct piece *p = q->piece;
	e->counters.repeated += q->sent;
	for (size_t u = q->first; u < q->first + q->count; u++)
		p->unit_state[u] = UNIT_DONE;
	feed_fail(p->feed, 0);
	piece_units_done(p, q->count);
}

static void win_done(struct engine *e, struct win *w)
{
	while (w->parts) {
		struct part *q = w->parts;
		w->parts = q->next;
		if (q->refused)
			part_refused(e, q);
		else
			flight_part_done(e, q);
		free(q);
	}
	free(w);
}

/* ---- Windows --------------------------------------------------------------------- */

void flight_close(struct engine *e)
{
	struct win *w = e->open;
	if (!w || !send_flush(e))
		return;
	e->open = NULL;
	if (!windows_open(e->windows)) {
		win_done(e, w); /* nothing had to be sent for these buckets */
		return;
	}
	uint64_t now = clock_mono_us();
	w->number = windows_close(e->windows, now);
	if (!e->flying)
		e->asked_us = now;
	*(e->flying ? &e->flying_last->next : &e->flying) = w;
	e->flying_last = w;
	e->counters.windows++;
	e->link->ops->barrier(e->link, w->number);
}

/*
 * The open window's barrier will be asked for behind all that others have sent; it is not
 * long in coming, as a window stays open only while more is being read for it.
 */
uint64_t flight_barrier(struct engine *e)
{
	if (e->open && windows_open(e->windows))
		return windows_current(e->windows);
	uint64_t now = clock_mono_us();
	if (!windows_oldest_us(e->windows))
		e->asked_us = now;
	uint64_t number = windows_close(e->windows, now);
	e->link->ops->barrier(e->link, number);
	return number;
}

void flight_passed(struct engine *e, uint64_t number)
{
	uint64_t now = clock_mono_us();
	uint64_t newest = windows_passed(e->windows, number, now);
	if (!newest)
		return;
	e->repeats = 0;
	e->asked_us = now;
	suspects_passed(e);
	while (e->flying && e->flying->number <= newest) {
		struct win *w = e->flying;
		e->flying = w->next;
		win_done(e, w);
	}
}

static void win_free(struct engine *e, struct win *w)
{
	while (w->parts) {
		struct part *q = w->parts;
		w->parts = q->next;
		e->counters.repeated += q->sent;
		free(q);
	}
	free(w);
}

void flight_drop(struct engine *e)
{
	buf_clear(&e->out);
	e->out_stanzas = 0;
	if (e->open)
		win_free(e, e->open);
	e->open = NULL;
	while (e->flying) {
		struct win *w = e->flying;
		e->flying = w->next;
		win_free(e, w);
	}
}

static void win_forget(struct win *w, const struct feed *f)
{
	for (struct part **at = &w->parts; *at;) {
		struct part *q = *at;
		if (q->piece->feed == f) {
			*at = q->next;
			free(q);
		} else {
			at = &q->next;
		}
	}
}

void flight_forget(struct engine *e, const struct feed *f)
{
	if (e->open)
		win_forget(e->open, f);
	for (struct win *w = e->flying; w; w = w->next)
		win_forget(w, f);
}

/*
 * On ejabberd, results are scattered over both connections while a stopped worker still
 * holds the name: another ping has another chance.
 */
void flight_watch(struct engine *e)
{
	uint64_t now = clock_mono_us();
	if (!e->up || !windows_oldest_us(e->windows) || now - e->asked_us < BARRIER_US)
		return;
	if (e->repeats == BARRIER_REPEATS) {
		log_warn("no barrier has a result, opening a new stream", LOG_NONE);
		e->counters.links_stalled++;
		e->repeats = 0;
		e->asked_us = now;
		e->o.stalled(e->o.arg);
		return;
	}
	e->repeats++;
	e->counters.barriers_repeated++;
	e->asked_us = now;
	if (e->open)
		flight_close(e);
	e->link->ops->barrier(e->link, windows_close(e->windows, now));
}
