#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* ---- Who has pieces -------------------------------------------------------------- */

static void activate(struct feed *f)
{
	struct engine *e = f->engine;
	if (f->active)
		return;
	f->active = true;
	e->active[e->active_count++] = f;
}

void feed_deactivate(struct feed *f)
{
	struct engine *e = f->engine;
	if (!f->active)
		return;
	f->active = false;
	size_t i = 0;
	while (e->active[i] != f)
		i++;
	e->active[i] = e->active[--e->active_count];
}

/* Without anything left to send, it waits for its turn among the others. */
static void settle_turn(struct feed *f)
{
	if (f->unsent)
		return;
	feed_deactivate(f);
	if (f->engine->feed_count > BATCHES_MAX) {
		batch_unref(f->batch); /* read again at its turn */
		f->batch = NULL;
	}
	if (!f->gone && f->state == FEED_PASS && f->next < f->end)
		fairq_push(&f->engine->waiting, &f->turn);
}

static void no_longer_unsent(struct piece *p)
{
	if (p->state == PIECE_SENT)
		return;
	if (p->state == PIECE_READING)
		p->feed->engine->reading--;
	p->state = PIECE_SENT;
	p->feed->unsent--;
	p->feed->engine->unsent--;
	settle_turn(p->feed);
}

static void piece_free(struct piece *p)
{
	store_run_free(p->run);
	batch_unref(p->batch);
	free(p->unit_state);
	free(p->bounced);
	free(p->bounces);
	free(p);
}

size_t piece_event(const struct piece *p, struct pos pos)
{
	for (size_t k = 0; k < p->events; k++)
		if (pos_cmp(p->batch->events[p->event + k].pos, pos) == 0)
			return k;
	return p->events;
}

void piece_called(struct piece *p)
{
	p->calls--;
	if (p->dropped && p->calls == 0)
		piece_free(p);
}

static void piece_drop(struct piece *p)
{
	struct feed *f = p->feed;
	for (struct piece **at = &f->pieces; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	no_longer_unsent(p);
	if (f->engine->alone_piece == p)
		f->engine->alone_piece = NULL;
	p->dropped = true;
	if (p->calls == 0)
		piece_free(p);
}

void pieces_drop(struct feed *f)
{
	f->next = f->end;
	flight_forget(f->engine, f);
	while (f->pieces)
		piece_drop(f->pieces);
	fairq_remove(&f->engine->waiting, &f->turn);
	feed_deactivate(f);
}

void piece_units_done(struct piece *p, size_t count)
{
	struct feed *f = p->feed;
	p->left -= count;
	if (p->left == 0 && p->state == PIECE_SENT && !p->dropped) {
		piece_drop(p);
		feed_step(f);
	}
}

void piece_sent(struct piece *p)
{
	no_longer_unsent(p);
	piece_units_done(p, 0);
}

void pieces_unread(struct feed *f)
{
	for (struct piece *p = f->pieces, *next; p; p = next) {
		next = p->next;
		if (p->state != PIECE_READY)
			continue;
		p->left -= p->run->bucket_count - p->unit;
		piece_sent(p);
	}
}

struct piece *piece_ready(const struct feed *f)
{
	struct piece *p = f->pieces;
	while (p && p->state != PIECE_READY)
		p = p->next;
	return p;
}

struct feed *pieces_next(const struct engine *e)
{
	struct feed *best = NULL;
	for (size_t i = 0; i < e->active_count; i++) {
		struct feed *f = e->active[i];
		if (piece_ready(f) && (!best || fairq_before(&f->turn, &best->turn)))
			best = f;
	}
	return best;
}

/* ---- The range of events --------------------------------------------------------- */

static size_t rows_most(const struct store_run *run)
{
	size_t most = 0;
	for (size_t i = 0; i < run->bucket_count; i++)
		if (run->buckets[i].count > most)
			most = run->buckets[i].count;
	return most;
}

/* The lowest cursor of the buckets that were behind when read; false: none was. */
static bool lowest_cursor(const struct piece *p, struct pos *low)
{
	bool any = false;
	for (size_t i = 0; i < p->run->bucket_count; i++) {
		struct pos c = p->run->buckets[i].cursor;
		if (pos_cmp(c, p->run->head) < 0 && (!any || pos_cmp(c, *low) < 0)) {
			*low = c;
			any = true;
		}
	}
	return any;
}

static bool covers(const struct batch *b, struct pos after)
{
	return b && pos_cmp(b->from, after) <= 0 && pos_cmp(after, b->to) < 0;
}

static void give_up(struct piece *p)
{
	p->left = 0;
	piece_sent(p);
}

/* What of it is newer than what this pass brings. */
static void leave_rest(struct piece *p, struct pos to)
{
	struct feed *f = p->feed;
	uint32_t past = p->first + p->count;
	if (pos_cmp(to, f->head) < 0)
		feed_again(f, p->first, past);
	if (past > f->passed)
		f->passed = past;
}

/* Nothing in it needs anything. */
static void pass_over(struct piece *p)
{
	leave_rest(p, p->run->head);
	if (p->feed->alone)
		suspects_cleared(p->feed->engine);
	give_up(p);
}

/*
 * How many of the COUNT events from EV on were there when the rows were read: who joined
 * since then is not among the rows, and later events may be theirs, too.
 */
static size_t events_read(const struct piece *p, const struct log_event *ev, size_t count)
{
	while (count && pos_cmp(ev[count - 1].pos, p->run->head) > 0)
		count--;
	return count;
}

static void make_ready(struct piece *p, struct pos low)
{
	struct feed *f = p->feed;
	struct engine *e = f->engine;
	struct batch *b = f->batch;
	struct windows_stats w;
	struct pos limit = suspects_limit(p);
	windows_stats(e->windows, &w);
	while (p->event < b->count && pos_cmp(b->events[p->event].pos, low) <= 0)
		p->event++;
	p->batch = batch_ref(b);
	p->events = events_read(p, &b->events[p->event], b->count - p->event);
	p->events = policy_range(rows_most(p->run), w.size, p->events);
	if (p->events)
		p->to = b->events[p->event + p->events - 1].pos;
	else
		p->to = pos_cmp(b->to, p->run->head) < 0 ? b->to : p->run->head;
	while (p->events > 1 && pos_cmp(p->to, limit) > 0)
		p->to = b->events[p->event + --p->events - 1].pos;
	leave_rest(p, p->to);
	if (pos_cmp(p->to, f->reached) < 0)
		f->reached = p->to;
	p->state = PIECE_READY;
	engine_kick(e);
}

/*
 * The log is longer than was known: what this pass has been through, below bucket FIRST
 * or already decided (pieces overtake one another), wants another one.
 */
static void learn_head(struct feed *f, struct pos head, uint32_t first)
{
	if (pos_cmp(head, f->head) <= 0)
		return;
	f->head = head;
	feed_again(f, 0, first > f->passed ? first : f->passed);
	feed_again(f, f->end, f->buckets);
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more);

static void load_events(struct feed *f, struct pos from)
{
	if (f->batch_loading)
		return;
	f->batch_loading = true;
	f->batch_from = from;
	f->batch_head = f->head;
	f->calls++;
	STORE(f->engine, events, f->name, from, false, f->batch_most, on_events, f);
}

void pieces_look_ahead(struct feed *f)
{
	load_events(f, f->batch->to);
}

/* Ready, if the events are there; else they are asked for. */
static void want_events(struct piece *p)
{
	struct feed *f = p->feed;
	struct pos low;
	if (!lowest_cursor(p, &low) || pos_cmp(low, suspects_limit(p)) >= 0) {
		pass_over(p);
		return;
	}
	if (covers(f->batch, low)) {
		make_ready(p, low);
		return;
	}
	p->state = PIECE_WAITING;
	load_events(f, low);
}

static size_t bytes_of(const struct store_event *events, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += events[i].doc_len;
	return bytes;
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct feed *f = arg;
	struct engine *e = f->engine;
	(void)more;
	if (feed_called(f))
		return;
	f->batch_loading = false;
	struct piece *p = f->pieces;
	while (p && p->state != PIECE_WAITING)
		p = p->next;
	if (err) {
		feed_fail_err(f, err);
	} else {
		batch_unref(f->batch);
		f->batch = batch_create(e, f->name, f->batch_from, f->batch_head, events,
					count);
		f->batch_most = policy_batch(count, bytes_of(events, count));
		if (p)
			learn_head(f, f->batch->to, p->first);
	}
	for (struct piece *next; p; p = next) {
		next = p->next;
		if (p->state != PIECE_WAITING)
			continue;
		if (err)
			give_up(p);
		else
			want_events(p);
	}
}

/* ---- Reading --------------------------------------------------------------------- */

/* What a read tells about the feed: newer events, more buckets. */
static void learn(struct piece *p)
{
	struct feed *f = p->feed;
	const struct store_run *run = p->run;
	learn_head(f, run->head, p->first);
	/*
	 * Rows of a new bucket may be in flight as its parent's: it is passed over when
	 * nothing is. Until then nobody knows what it has reached.
	 */
	if (run->feed_buckets > f->buckets) {
		feed_again(f, f->buckets, run->feed_buckets);
		f->buckets = run->feed_buckets;
		f->reached = (struct pos){0, 0};
	}
	/* The one piece is the whole feed: it tells how far this pass goes. */
	if (p->first == 0 && run->bucket_count == f->buckets)
		f->reached = run->head;
	f->run = policy_run(run->row_count, run->bucket_count);
}

static void ask_rows(struct piece *p);

static void on_read(void *arg, enum belfry_err err, struct store_run *run)
{
	struct piece *p = arg;
	struct feed *f = p->feed;
	struct engine *e = f->engine;
	bool dropped = p->dropped, again = !dropped && !err && f->overtaken;
	if (dropped || again)
		store_run_free(run);
	else
		p->run = run;
	piece_called(p);
	if (feed_called(f))
		return;
	if (dropped) {
		feed_step(f);
		return;
	}
	if (again && !f->failed) {
		ask_rows(p); /* a completion took two turns: its cursors are old */
		return;
	}
	e->reading--;
	p->state = PIECE_WAITING;
	engine_kick(e);
	if (!err && !f->failed && pos_cmp(run->head, f->head) < 0)
		err = BELFRY_ESTALE; /* Redis came back with less than it had */
	if (err)
		feed_fail_err(f, err);
	if (f->failed) {
		give_up(p);
		return;
	}
	e->counters.reads++;
	e->counters.rows += run->row_count;
	p->left = run->bucket_count;
	p->unit_state = xcalloc(run->bucket_count + 1, 1);
	learn(p);
	want_events(p);
}

static void ask_rows(struct piece *p)
{
	struct feed *f = p->feed;
	p->calls++;
	f->calls++;
	STORE(f->engine, read, f->name, p->first, p->count, on_read, p);
}

static void claim(struct feed *f)
{
	struct engine *e = f->engine;
	fairq_remove(&e->waiting, &f->turn);
	activate(f);
	struct piece *p = xcalloc(1, sizeof(*p));
	p->feed = f;
	p->first = f->next;
	p->count = f->end - f->next < f->run ? f->end - f->next : f->run;
	f->next += p->count;
	struct piece **at = &f->pieces;
	while (*at)
		at = &(*at)->next;
	*at = p;
	f->unsent++;
	e->unsent++;
	e->reading++;
	f->woken = false;
	ask_rows(p);
}

/* The active feed that may read ahead and is served next. */
static struct feed *read_ahead(const struct engine *e)
{
	struct feed *best = NULL;
	if (e->unsent >= 2 * e->ahead)
		return NULL;
	for (size_t i = 0; i < e->active_count; i++) {
		struct feed *f = e->active[i];
		if (f->state == FEED_PASS && f->next < f->end && f->unsent < e->ahead &&
		    (!best || fairq_before(&f->turn, &best->turn)))
			best = f;
	}
	return best;
}

static struct feed *from_turn(struct fairq_node *n)
{
	return n ? (struct feed *)((char *)n - offsetof(struct feed, turn)) : NULL;
}

/* It will be served before all that has been read. */
static bool goes_first(const struct engine *e, const struct feed *f)
{
	for (size_t i = 0; i < e->active_count; i++)
		if (!fairq_before(&f->turn, &e->active[i]->turn))
			return false;
	return true;
}

void pieces_claim(struct engine *e)
{
	while (engine_can_claim(e)) {
		struct feed *w = e->active_count < ACTIVE_MAX
					 ? from_turn(fairq_first(&e->waiting))
					 : NULL;
		/* A little is read ahead, so that who is next is also ready. */
		bool full = !e->link->ops->room(e->link) ||
			    (!windows_may_send(e->windows) && e->unsent >= 2 * e->ahead);
		if (full && !(w && goes_first(e, w)))
			return;
		struct feed *f = full ? NULL : read_ahead(e);
		if (w && (!f || fairq_before(&w->turn, &f->turn)))
			f = w;
		if (!f)
			return;
		claim(f);
	}
}
