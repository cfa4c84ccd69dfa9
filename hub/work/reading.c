#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

/* ---- The range of events --------------------------------------------------------- */

/* The most rows of a bucket that may be sent an event. */
static size_t rows_most(const struct piece *p)
{
	size_t most = 0;
	for (size_t i = 0; p->holds && i < p->mark_count; i++)
		most += p->marks[i]->act != ACT_DIGEST; /* which is one, as a whole */
	if (p->holds)
		return most;
	for (size_t i = 0; i < p->run->bucket_count; i++)
		if (p->run->buckets[i].count > most)
			most = p->run->buckets[i].count;
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
	if (p->holds)
		return;
	if (pos_cmp(to, f->head) < 0)
		feed_again(f, p->first, past);
	if (past > f->passed)
		f->passed = past;
	if (pos_cmp(to, f->reached) < 0)
		f->reached = to;
}

/* Nothing in it needs anything. */
static void pass_over(struct piece *p)
{
	leave_rest(p, p->run->head);
	if (p->feed->alone)
		suspects_cleared(p->feed->engine);
	give_up(p);
}

/* What nobody may be sent any more by it, as it was not there when the rows were read. */
static struct pos newest(const struct piece *p)
{
	return p->holds ? p->run->buckets[0].cursor : p->run->head;
}

/*
 * How many of the COUNT events from EV on were there when the rows were read: who joined
 * since then is not among the rows, and later events may be theirs, too. What is held is
 * no newer than its bucket's cursor.
 */
static size_t events_read(const struct piece *p, const struct log_event *ev, size_t count)
{
	while (count && pos_cmp(ev[count - 1].pos, newest(p)) > 0)
		count--;
	return count;
}

/* How far it goes, if it takes all that the batch has for it. */
static struct pos furthest(const struct piece *p)
{
	if (p->events && !p->holds)
		return p->batch->events[p->event + p->events - 1].pos;
	return pos_cmp(p->batch->to, newest(p)) < 0 ? p->batch->to : newest(p);
}

/* What the piece has to hold is not cut off. */
static bool may_cut(const struct piece *p, struct pos need)
{
	return pos_cmp(p->batch->events[p->event + p->events - 1].pos, need) > 0;
}

static void make_ready(struct piece *p, struct batch *b, struct pos low)
{
	struct pos need = p->holds ? rows_need(p, low) : low;
	struct engine *e = p->feed->engine;
	struct windows_stats w;
	struct pos limit = suspects_limit(p);
	windows_stats(e->windows, &w);
	while (p->event < b->count && pos_cmp(b->events[p->event].pos, low) <= 0)
		p->event++;
	p->batch = batch_ref(b);
	p->events = events_read(p, &b->events[p->event], b->count - p->event);
	p->to = furthest(p);
	size_t most = policy_range(rows_most(p), w.size, p->events);
	p->range = most;
	if (most > EVENTS_MAX || rows_gather(p, low))
		most = EVENTS_MAX;
	while (p->events > EVENTS_MAX ||
	       ((p->events > most || (p->events > 1 && pos_cmp(p->to, limit) > 0)) &&
		may_cut(p, need)))
		p->to = b->events[p->event + --p->events - 1].pos;
	leave_rest(p, p->to);
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

static void load_events(struct feed *f, struct pos from, size_t limit, bool old)
{
	if (f->batch_loading)
		return;
	f->batch_loading = true;
	f->old_loading = old;
	f->batch_from = from;
	f->batch_head = f->head;
	f->batch_limit = limit;
	f->calls++;
	STORE(f->engine, events, f->name, from, false, limit, on_events, f);
}

void pieces_look_ahead(struct feed *f)
{
	load_events(f, f->batch->to, f->batch_most, false);
}

/* ---- What holds need ------------------------------------------------------------- */

/*
 * Was nothing trimmed behind LOW after the rows, which tell what was trimmed, were read?
 * Not if the batch was there before them, or if it goes on where LOW ends.
 */
static bool unbroken(const struct piece *p, const struct batch *b, struct pos low)
{
	size_t k = 0;
	while (k < b->count && pos_cmp(b->events[k].pos, low) <= 0)
		k++;
	return p->batches == p->feed->batches ||
	       (k < b->count && b->events[k].pos.epoch == low.epoch &&
		b->events[k].pos.n == low.n + 1);
}

static void read_anew(struct piece *p)
{
	rows_forget(p);
	store_run_free(p->run);
	free(p->unit_state);
	free(p->seen);
	p->run = NULL;
	p->unit_state = NULL;
	p->seen = NULL;
	p->state = PIECE_READING;
	p->feed->engine->reading++;
	piece_read(p);
}

/* How many events from LOW on are wanted, whatever has been chosen. */
static size_t wanted(const struct piece *p, struct pos low)
{
	const struct feed *f = p->feed;
	return rows_gather(p, low) ? f->together_most : f->batch_most;
}

/* How many are asked for, so that what is up to NEED is among them. */
static size_t limit_for(const struct piece *p, struct pos low, struct pos need)
{
	size_t most = EVENTS_MAX, want = wanted(p, low);
	if (pos_cmp(need, low) <= 0)
		return want;
	if (need.epoch == low.epoch && need.n - low.n < most)
		most = (size_t)(need.n - low.n);
	return most > want ? most : want;
}

/* Are there more than it has, and fewer in it than a digest may have? */
static bool cuts_digest(const struct piece *p, const struct batch *b, struct pos low)
{
	size_t k = 0;
	if (!rows_gather(p, low) || b->count < b->limit)
		return false;
	while (k < b->count && pos_cmp(b->events[k].pos, low) <= 0)
		k++;
	return b->count - k < wanted(p, low);
}

/* Not if it has all that can be asked for. */
static bool ends_early(const struct piece *p, struct pos low, struct pos need)
{
	const struct batch *b = p->feed->old;
	if (cuts_digest(p, b, low))
		return true;
	return pos_cmp(b->to, need) < 0 &&
	       (pos_cmp(b->from, low) < 0 || b->limit < limit_for(p, low, need));
}

static void want_old_events(struct piece *p)
{
	struct feed *f = p->feed;
	struct pos low, limit = suspects_limit(p);
	bool any = rows_floor(p, &low);
	struct pos need = any ? rows_need(p, low) : limit;
	if (f->alone && !rows_telling(p) && (!any || pos_cmp(low, limit) >= 0)) {
		pass_over(p);
	} else if (!any) {
		p->to = newest(p);
		p->state = PIECE_READY;
		engine_kick(f->engine);
	} else if (!covers(f->old, low) || ends_early(p, low, need) ||
		   pos_cmp(f->old->head, p->run->buckets[0].cursor) < 0) {
		/* What was replaced before the rows were read has to be known. */
		p->state = PIECE_WAITING;
		load_events(f, low, limit_for(p, low, need), true);
	} else if (!unbroken(p, f->old, low)) {
		read_anew(p);
	} else {
		make_ready(p, f->old, low);
		rows_range(p);
	}
}

/* Ready, if the events are there; else they are asked for. */
static void want_events(struct piece *p)
{
	struct feed *f = p->feed;
	struct pos low;
	if (p->holds) {
		want_old_events(p);
	} else if (!lowest_cursor(p, &low) || pos_cmp(low, suspects_limit(p)) >= 0) {
		pass_over(p);
	} else if (covers(f->batch, low)) {
		make_ready(p, f->batch, low);
	} else {
		p->state = PIECE_WAITING;
		load_events(f, low, f->batch_most, false);
	}
}

static size_t bytes_of(const struct store_event *events, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += events[i].doc_len;
	return bytes;
}

static void take_events(struct feed *f, const struct store_event *events, size_t count)
{
	struct batch **slot = f->old_loading ? &f->old : &f->batch;
	batch_unref(*slot);
	*slot = batch_create(f->engine, f->name, f->batch_from, f->batch_head, events,
			     count);
	(*slot)->delayed = f->old_loading;
	(*slot)->limit = f->batch_limit;
	f->batches += f->old_loading;
	f->batch_most = policy_batch(count, bytes_of(events, count));
	f->together_most = policy_batch_together(count, bytes_of(events, count));
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct feed *f = arg;
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
		take_events(f, events, count);
		if (p && !f->old_loading)
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
	if (!p->holds) {
		learn_head(f, run->head, p->first);
	} else if (pos_cmp(run->head, f->head) > 0) {
		f->head = run->head;
		feed_again(f, 0, f->buckets);
	}
	/*
	 * Rows of a new bucket may be in flight as its parent's: it is passed over when
	 * nothing is. Until then nobody knows what it has reached.
	 */
	if (run->feed_buckets > f->buckets) {
		feed_again(f, f->buckets, run->feed_buckets);
		f->buckets = run->feed_buckets;
		f->reached = (struct pos){0, 0};
	}
	if (p->holds)
		return;
	/* The one piece is the whole feed: it tells how far this pass goes. */
	if (p->first == 0 && run->bucket_count == f->buckets)
		f->reached = run->head;
	f->run = policy_run(run->row_count, run->bucket_count);
}

static void on_forgotten(void *arg, enum belfry_err err)
{
	(void)err; /* it is due again, then */
	feed_called(arg);
}

/* The bucket is said to be due, and is not there. */
static void forget_due(const struct piece *p)
{
	struct feed *f = p->feed;
	struct engine *e = f->engine;
	const struct store_done_bucket bucket = {.bucket = p->first};
	const struct store_done d = {.feed = f->name,
				     .feed_buckets = p->first + 1,
				     .buckets = &bucket,
				     .bucket_count = 1,
				     .due = true};
	f->calls++;
	STORE(e, done, &e->owner, &d, on_forgotten, f);
}

static void take_run(struct piece *p)
{
	struct engine *e = p->feed->engine;
	e->counters.reads++;
	e->counters.rows += p->run->row_count;
	p->left = p->run->bucket_count;
	p->unit_state = xcalloc(p->run->bucket_count + 1, 1);
	learn(p);
	if (p->holds && !p->run->bucket_count) {
		forget_due(p);
		give_up(p);
		return;
	}
	rows_see(p);
	if (p->holds)
		rows_find_due(p);
	want_events(p);
}

static void on_read(void *arg, enum belfry_err err, struct store_run *run)
{
	struct piece *p = arg;
	struct feed *f = p->feed;
	struct engine *e = f->engine;
	/* What goes before it may take two turns: its cursors, or holds, are old then. */
	bool old = f->overtaken || f->lates_told < p->lates;
	bool dropped = p->dropped, again = !dropped && !err && old;
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
		piece_read(p);
		return;
	}
	e->reading--;
	p->state = PIECE_WAITING;
	engine_kick(e);
	if (!err && !f->failed && pos_cmp(run->head, f->head) < 0)
		err = BELFRY_ESTALE; /* Redis came back with less than it had */
	if (err)
		feed_fail_err(f, err);
	if (f->failed)
		give_up(p);
	else
		take_run(p);
}

void piece_read(struct piece *p)
{
	struct feed *f = p->feed;
	p->calls++;
	f->calls++;
	p->batches = f->batches;
	p->lates = f->lates_asked;
	STORE(f->engine, read, f->name, p->first, p->count, on_read, p);
}
