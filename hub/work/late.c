#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What came back after its window was done. Its row is looked up, then told to the store.
 * Not as long as a piece has the row's bucket, or a completion is not answered: what they
 * count as taken would not be known to the hold. And what is read before it is answered
 * is read again, as behind a split that takes two turns.
 */
#define LATE_MAX 50000 /* at once: some 30 MB */
#define STALE_MAX 8    /* its hold was another one each time: somebody else is at it */
#define UNPARK_MS 1000 /* the store was away */

struct late {
	struct engine *engine;
	struct late *next;
	char *from;
	struct stanza_id id;
	enum bounce_class class;
	char condition[HOLD_CONDITION_MAX + 1];
	unsigned stale;
	struct feed *feed; /* being told, if it was in memory by then */
	/* As looked up: its hold, and what it is to become. */
	char was[HOLD_TEXT_SIZE];
	size_t was_len;
	struct sub_hold before, hold;
};

static void late_free(struct late *l)
{
	l->engine->late--;
	engine_kick(l->engine);
	free(l->from);
	free(l);
}

/* In the order in which they came: the first of a row tells where its hold begins. */
static struct late *in_order(struct late *newest)
{
	struct late *oldest = NULL;
	for (struct late *next; newest; newest = next) {
		next = newest->next;
		newest->next = oldest;
		oldest = newest;
	}
	return oldest;
}

static void late_begin_anew(struct late *l);

static void on_unpark(void *arg)
{
	struct engine *e = arg;
	struct late *l = in_order(e->parked);
	e->parked = NULL;
	for (struct late *next; l; l = next) {
		next = l->next;
		late_begin_anew(l);
	}
}

/* True: the store is away, or takes no write; it will be looked up again. */
static bool park(struct late *l, enum belfry_err err)
{
	struct engine *e = l->engine;
	if ((err != BELFRY_EAWAY && err != BELFRY_EREPLICAS && err != BELFRY_EFULL) ||
	    !e->owned)
		return false;
	l->next = e->parked;
	e->parked = l;
	if (!e->unpark)
		e->unpark = loop_timer_create(e->loop, on_unpark, e);
	if (!loop_timer_armed(e->unpark))
		loop_timer_arm(e->unpark, UNPARK_MS);
	return true;
}

void late_drop(struct engine *e)
{
	while (e->parked) {
		struct late *l = e->parked;
		e->parked = l->next;
		late_free(l);
	}
	loop_timer_destroy(e->unpark);
	e->unpark = NULL;
}

/* ---- Telling the store ------------------------------------------------------------ */

static void look(struct late *l);

static void on_told(void *arg, enum belfry_err err)
{
	struct late *l = arg;
	struct engine *e = l->engine;
	if (l->feed) {
		l->feed->lates_told++;
		feed_called(l->feed);
		l->feed = NULL;
	}
	if (err == BELFRY_OK) {
		e->counters.late_bounces++;
		if (l->class != BOUNCE_ENDS) {
			hold_died(e, l->id.feed, "", l->from, &l->before, &l->hold);
			due_hint(e, l->hold.due_ms);
		}
	} else if (err == BELFRY_ESTALE && ++l->stale < STALE_MAX) {
		look(l);
		return;
	} else if (park(l, err)) {
		return;
	}
	late_free(l);
}

static void tell(struct late *l, struct feed *f)
{
	struct engine *e = l->engine;
	const struct store_done_row row = {.jid = l->from,
					   .pos = {l->id.epoch, l->id.n},
					   .end = l->class == BOUNCE_ENDS,
					   .was = l->was_len ? l->was : NULL,
					   .was_len = l->was_len,
					   .hold = l->hold};
	l->feed = f;
	if (f) {
		f->calls++;
		f->lates_asked++;
	}
	STORE(e, late_bounce, &e->owner, l->id.feed, &row, on_told, l);
}

static bool is_busy(const struct feed *f, const char *jid)
{
	if (f->dones)
		return true;
	if (!f->pieces)
		return false;
	uint32_t bucket = bucket_of(row_hash(f->salt, jid, strlen(jid)), f->buckets);
	for (const struct piece *p = f->pieces; p; p = p->next)
		if (!p->holds && bucket >= p->first && bucket - p->first < p->count)
			return true;
	return false;
}

static void tell_in_time(struct late *l)
{
	struct feed *f = feed_find(l->engine, l->id.feed);
	if (f && is_busy(f, l->from)) {
		l->next = f->lates;
		f->lates = l;
	} else {
		tell(l, f);
	}
}

void late_flush(struct feed *f)
{
	struct late *l = in_order(f->lates);
	f->lates = NULL;
	for (struct late *next; l; l = next) {
		next = l->next;
		if (f->engine->owned)
			tell_in_time(l);
		else
			late_free(l);
	}
}

/* ---- Looking up ------------------------------------------------------------------- */

static void learn_row(struct late *l, const struct store_row *row)
{
	struct engine *e = l->engine;
	struct pos pos = {l->id.epoch, l->id.n};
	l->was_len = row->sub.hold_len;
	if (l->was_len)
		memcpy(l->was, row->sub.hold, l->was_len);
	sub_hold_read(&row->sub, &l->before);
	/* It will be sent again, and speaks for itself then. */
	if (sub_held(&row->sub) && pos_cmp(pos, l->before.pos) > 0 && !l->before.urgent) {
		late_free(l);
		return;
	}
	hold_bounced(e, &l->before, l->class, l->condition, clock_wall_ms(), &l->hold);
	tell_in_time(l);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct late *l = arg;
	size_t bare = jid_bare_len(l->from);
	(void)created;
	if (err == BELFRY_ENOENT && l->id.group && l->from[bare]) {
		l->from[bare] = '\0'; /* the subscription may be of the bare JID */
		look(l);
	} else if (!err && l->engine->owned) {
		learn_row(l, row);
	} else if (!park(l, err)) {
		late_free(l);
	}
}

static void look(struct late *l)
{
	STORE(l->engine, sub_get, l->id.feed, l->from, on_row, l);
}

/* Of a stanza for one its id tells whether it was the full or the bare JID. */
static bool know_row(struct late *l, uint32_t salt)
{
	size_t len = strlen(l->from), bare = jid_bare_len(l->from);
	if (l->id.group || row_hash(salt, l->from, len) == l->id.hash)
		return true;
	if (row_hash(salt, l->from, bare) != l->id.hash)
		return false;
	l->from[bare] = '\0';
	return true;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct late *l = arg;
	struct engine *e = l->engine;
	(void)created;
	if (err) {
		if (!park(l, err))
			late_free(l);
		return;
	}
	if (know_row(l, feed->salt)) {
		look(l);
		return;
	}
	e->counters.strange_bounces++;
	late_free(l);
}

static void late_begin_anew(struct late *l)
{
	STORE(l->engine, feed_get, l->id.feed, on_feed, l);
}

static struct late *late_new(struct engine *e, const char *from, enum bounce_class class,
			     const char *condition)
{
	if (e->late >= LATE_MAX) {
		if (e->counters.late_dropped++ % LATE_MAX == 0)
			log_warn("too many late bounces at once, not sent again",
				 log_s("condition", condition));
		return NULL;
	}
	struct late *l = xcalloc(1, sizeof(*l));
	l->engine = e;
	l->from = xstrdup(from);
	l->class = class;
	snprintf(l->condition, sizeof(l->condition), "%s", condition);
	e->late++;
	return l;
}

void late_begin(struct engine *e, const struct stanza_id *id, const struct link_bounce *b)
{
	struct late *l = late_new(e, b->from, b->class, b->condition);
	if (!l)
		return;
	l->id = *id;
	late_begin_anew(l);
}

void late_check(const struct piece *p, const struct mark *m)
{
	const struct feed *f = p->feed;
	const struct store_row *row = &p->run->rows[m->row];
	uint64_t bits = m->ended ? m->ended : m->back;
	struct pos pos = rows_event(p, (size_t)__builtin_ctzll(bits))->pos;
	struct late *l = late_new(f->engine, row->jid, m->ended ? BOUNCE_ENDS : m->class,
				  m->condition);
	if (!l)
		return;
	snprintf(l->id.feed, sizeof(l->id.feed), "%s", f->name);
	l->id.epoch = pos.epoch;
	l->id.n = pos.n;
	l->id.hash = row_hash(f->salt, row->jid, row->jid_len);
	late_begin_anew(l);
}
