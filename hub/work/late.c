#include "work/late_int.h"

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
 * Not as long as a piece has the row's bucket, or a completion of it is not answered:
 * what they count as taken would not be known to the hold, and what a look says of the
 * row may be over. What is read before a late bounce is answered is read again, as behind
 * a split that takes two turns.
 *
 * Of a row one thing is told at a time: the first event that came back, as it is sent
 * again with all behind it, which then need not be told.
 */
#define LATE_TABLE 16384
#define LATE_MANY 50000 /* then nothing more is sent, as it could come back, too */
#define LATE_BYTES (128u << 20)
#define ROW_MAX 1024   /* of a row: the first ones tell */
#define AT_ONCE 1024   /* rows */
#define FLUSH_MAX 256  /* looked at while others of their feed are on their way */
#define REST_MS 1000   /* the store was away */
#define KEEP_MS 600000 /* without the lease */

/* ---- Which are there -------------------------------------------------------------- */

static void put(struct late_list *list, struct late *l)
{
	l->next = NULL;
	*(list->first ? &list->last->next : &list->first) = l;
	list->last = l;
}

static struct late *take(struct late_list *list)
{
	struct late *l = list->first;
	list->first = l->next;
	return l;
}

static struct late **table(struct engine *e)
{
	if (!e->late_table)
		e->late_table = xcalloc(LATE_TABLE, sizeof(struct late *));
	return e->late_table;
}

void late_forget(struct late *l, struct back **at)
{
	struct back *b = *at;
	*at = b->next;
	free(b);
	l->count--;
	l->engine->late--;
	l->engine->late_bytes -= sizeof(*b);
}

static size_t size_of(const struct late *l)
{
	return sizeof(*l) + l->from_len + strlen(l->feed);
}

static void late_free(struct late *l)
{
	struct late **at = &l->engine->late_table[l->slot];
	while (*at != l)
		at = &(*at)->chain;
	*at = l->chain;
	while (l->backs)
		late_forget(l, &l->backs);
	l->engine->late_bytes -= size_of(l);
	free(l->feed);
	free(l->from);
	free(l);
}

void late_given_up(struct engine *e, const char *why)
{
	if (e->counters.late_dropped++ % LATE_MANY == 0)
		log_warn("a late bounce was given up, its event is not sent again",
			 log_s("why", why));
}

bool late_many(const struct engine *e)
{
	return e->late >= LATE_MANY;
}

static struct late *late_of(struct engine *e, const struct stanza_id *id,
			    const char *from)
{
	size_t slot = (row_hash(TABLE_SALT, id->feed, strlen(id->feed)) ^
		       row_hash(TABLE_SALT, from, strlen(from))) %
		      LATE_TABLE;
	struct late **chain = &table(e)[slot], *l = *chain;
	while (l &&
	       (l->group != id->group || strcmp(l->from, from) != 0 ||
		(!l->group && l->hash != id->hash) || strcmp(l->feed, id->feed) != 0))
		l = l->chain;
	if (l)
		return l;
	l = xcalloc(1, sizeof(*l));
	*l = (struct late){.engine = e,
			   .chain = *chain,
			   .slot = slot,
			   .feed = xstrdup(id->feed),
			   .from = xstrdup(from),
			   .from_len = strlen(from),
			   .hash = id->hash,
			   .group = id->group};
	*chain = l;
	e->late_bytes += size_of(l);
	put(&e->late_queue, l);
	return l;
}

static void pump(struct engine *e);

/* Of a digest, its first event. */
static struct pos first_of(const struct stanza_id *id)
{
	uint64_t back = id->members ? 63u - (unsigned)__builtin_clzll(id->members) : 0;
	return (struct pos){id->epoch, id->n - back};
}

void late_begin(struct engine *e, const struct stanza_id *id, const struct link_bounce *b)
{
	if (e->late_bytes >= LATE_BYTES) {
		late_given_up(e, "too many at once");
		return;
	}
	struct late *l = late_of(e, id, b->from);
	if (l->count >= ROW_MAX)
		return;
	struct back *new = xcalloc(1, sizeof(*new));
	*new = (struct back){.next = l->backs,
			     .pos = first_of(id),
			     .last = {id->epoch, id->n},
			     .members = id->members,
			     .class = b->class};
	snprintf(new->condition, sizeof(new->condition), "%s", b->condition);
	l->backs = new;
	l->count++;
	e->late++;
	e->late_bytes += sizeof(*new);
	pump(e);
}

/* ---- When they are told ----------------------------------------------------------- */

static bool within(uint32_t hash, uint32_t buckets, uint32_t first, uint32_t count)
{
	uint32_t bucket = bucket_of(hash, buckets);
	return bucket >= first && bucket - first < count;
}

static bool is_unanswered(const struct feed *f, uint32_t hash)
{
	for (const struct completion *c = f->telling; c; c = c->next)
		if (within(hash, c->feed_buckets, c->first, c->count))
			return true;
	return false;
}

bool late_is_busy(const struct feed *f, uint32_t hash)
{
	if (is_unanswered(f, hash))
		return true;
	for (const struct piece *p = f->pieces; p; p = p->next)
		if (!p->holds && within(hash, p->run ? p->run->feed_buckets : f->buckets,
					p->first, p->count))
			return true;
	return false;
}

/* It is no longer being told. */
static void rest(struct late *l)
{
	struct feed *f = l->waits;
	free(l->seen);
	l->seen = NULL;
	l->waits = NULL;
	l->engine->late_active--;
	if (!f)
		return;
	f->lates_first--;
	if (!feed_called(f))
		feed_step(f);
}

void late_end(struct late *l)
{
	struct engine *e = l->engine;
	rest(l);
	late_free(l);
	engine_kick(e);
	pump(e);
}

static void again(struct late *l)
{
	rest(l);
	put(&l->engine->late_queue, l);
	pump(l->engine);
}

void late_wait(struct late *l, struct feed *f)
{
	rest(l);
	put(&f->lates, l);
	pump(l->engine);
}

static void begin(struct late *l)
{
	l->engine->late_active++;
	l->seen = xcalloc(1, sizeof(*l->seen));
	late_look_up(l);
}

static void pump(struct engine *e)
{
	while (e->owned && e->late_queue.first && e->late_active < AT_ONCE &&
	       !(e->late_rest && loop_timer_armed(e->late_rest)))
		begin(take(&e->late_queue));
}

static void on_rested(void *arg)
{
	pump(arg);
}

/* The store is away, takes no write, or does not say why. */
void late_failed(struct late *l, enum belfry_err err)
{
	struct engine *e = l->engine;
	if (err == BELFRY_EINVAL ||
	    (err == BELFRY_EINTERNAL && ++l->stale == LATE_STALE_MAX)) {
		late_given_up(e, belfry_err_text(err));
		late_end(l);
		return;
	}
	if (!e->late_rest)
		e->late_rest = loop_timer_create(e->loop, on_rested, e);
	if (!loop_timer_armed(e->late_rest))
		loop_timer_arm(e->late_rest, REST_MS);
	again(l);
}

static bool between_passes(const struct feed *f)
{
	return f->state == FEED_PASS && !f->failed && !f->alone && f->next >= f->end;
}

/* If nothing of the feed is on its way, all may be told. */
void late_flush(struct feed *f)
{
	struct late *last = f->lates.first ? f->lates.last : NULL, *l = NULL;
	bool all = f->gone || (!f->pieces && !f->telling);
	if (all && between_passes(f))
		return; /* late_goes_first() sees to them */
	for (unsigned n = 0; f->lates.first && l != last && (all || n < FLUSH_MAX); n++) {
		l = take(&f->lates);
		put(all || !late_is_busy(f, l->hash) ? &f->engine->late_queue : &f->lates,
		    l);
	}
	pump(f->engine);
}

bool late_goes_first(struct feed *f)
{
	if (f->lates_first)
		return true;
	if (!f->lates.first)
		return false;
	if (f->telling)
		return true;
	for (unsigned n = 0; n < FLUSH_MAX && f->lates.first; n++) {
		struct late *l = take(&f->lates);
		l->waits = f;
		f->calls++;
		f->lates_first++;
		begin(l);
	}
	return true;
}

static void drop_queue(struct engine *e)
{
	while (e->late_queue.first) {
		struct late *l = take(&e->late_queue);
		e->counters.late_dropped += l->count;
		late_free(l);
	}
}

void late_disown(struct engine *e)
{
	e->late_lost_ms = clock_mono_ms();
}

void late_own(struct engine *e)
{
	if (clock_mono_ms() - e->late_lost_ms > KEEP_MS)
		drop_queue(e);
	pump(e);
}

void late_finish(struct engine *e)
{
	drop_queue(e);
	loop_timer_destroy(e->late_rest);
	free(e->late_table);
}
