#include "work/engine_int.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

#define LATE_MAX 10000 /* being told to the store at once */

/* The subscription's key is the JID that came back, or its bare JID. */
static bool is_row(const struct store_row *row, const char *from, size_t from_len)
{
	if (row->jid_len > from_len || memcmp(row->jid, from, row->jid_len) != 0)
		return false;
	return row->jid_len == from_len || row->jid_len == jid_bare_len(from);
}

/* Once for each row and event: a bit remembers. */
static void note(struct piece *p, size_t unit, size_t event, size_t row, bool end)
{
	size_t bit = row * p->events + event;
	if (!p->bounced)
		p->bounced = xcalloc(p->run->row_count * p->events / 8 + 1, 1);
	if (p->bounced[bit / 8] & (1u << bit % 8))
		return;
	p->bounced[bit / 8] = (unsigned char)(p->bounced[bit / 8] | 1u << bit % 8);
	if (p->bounce_count == p->bounce_cap) {
		p->bounce_cap = p->bounce_cap ? 2 * p->bounce_cap : 16;
		p->bounces = xreallocarray(p->bounces, p->bounce_cap,
					   sizeof(struct piece_bounce));
	}
	p->bounces[p->bounce_count++] = (struct piece_bounce){
		.unit = unit, .event = event, .row = row, .end = end};
}

/* The index in the piece's range of the event at POS; p->events: it is not in it. */
static size_t event_index(const struct piece *p, struct pos pos)
{
	for (size_t k = 0; k < p->events; k++)
		if (pos_cmp(p->batch->events[p->event + k].pos, pos) == 0)
			return k;
	return p->events;
}

/* True if the delivery is in flight in P, whether or not the sender is right. */
static bool in_piece(struct engine *e, struct piece *p, const struct stanza_id *id,
		     const char *from, bool end)
{
	if (p->dropped || (p->state != PIECE_READY && p->state != PIECE_SENT) ||
	    !p->batch || !p->run->bucket_count)
		return false;
	size_t k = event_index(p, (struct pos){id->epoch, id->n});
	uint32_t bucket = bucket_of(id->hash, p->run->feed_buckets);
	size_t unit = bucket - p->run->buckets[0].bucket;
	if (k == p->events || unit >= p->run->bucket_count ||
	    p->run->buckets[unit].bucket != bucket || p->unit_state[unit] != UNIT_SENT)
		return false;
	const struct store_bucket *b = &p->run->buckets[unit];
	size_t len = strlen(from);
	for (size_t i = b->first; i < b->first + b->count; i++) {
		const struct store_row *row = &p->run->rows[i];
		if (is_row(row, from, len) &&
		    row_hash(p->feed->salt, row->jid, row->jid_len) == id->hash) {
			note(p, unit, k, i, end);
			return true;
		}
	}
	e->counters.strange_bounces++;
	return true;
}

/* ---- After its window was done --------------------------------------------------- */

struct late {
	struct engine *engine;
	char *from;
	struct stanza_id id;
	bool end;
};

static void late_free(struct late *l)
{
	l->engine->late--;
	free(l->from);
	free(l);
}

static void on_late(void *arg, enum belfry_err err)
{
	struct late *l = arg;
	if (err == BELFRY_OK)
		l->engine->counters.late_bounces++;
	late_free(l);
}

static void on_late_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
			 bool created)
{
	struct late *l = arg;
	struct engine *e = l->engine;
	(void)created;
	if (err) {
		late_free(l);
		return;
	}
	size_t len = strlen(l->from), bare = jid_bare_len(l->from);
	if (row_hash(feed->salt, l->from, len) != l->id.hash) {
		if (row_hash(feed->salt, l->from, bare) != l->id.hash) {
			e->counters.strange_bounces++;
			late_free(l);
			return;
		}
		l->from[bare] = '\0';
	}
	STORE(e, late_bounce, l->id.feed, l->from, (struct pos){l->id.epoch, l->id.n},
	      l->end, on_late, l);
}

static void late(struct engine *e, const struct stanza_id *id, const char *from, bool end)
{
	if (e->late >= LATE_MAX) {
		e->counters.strange_bounces++;
		return;
	}
	struct late *l = xmalloc(sizeof(*l));
	*l = (struct late){.engine = e, .from = xstrdup(from), .id = *id, .end = end};
	e->late++;
	STORE(e, feed_get, l->id.feed, on_late_feed, l);
}

void bounces_take(struct engine *e, const struct link_bounce *b)
{
	struct stanza_id id;
	if (!b->id || !b->from || stanza_id_parse(b->id, strlen(b->id), &id)) {
		e->counters.strange_bounces++;
		return;
	}
	bool end = b->class == BOUNCE_ENDS;
	log_debug("bounce", log_s("feed", id.feed), log_s("condition", b->condition));
	if (suspects_bounced(e, &id, b->from, end))
		return;
	struct feed *f = feed_find(e, id.feed);
	for (struct piece *p = f ? f->pieces : NULL; p; p = p->next)
		if (in_piece(e, p, &id, b->from, end))
			return;
	late(e, &id, b->from, end);
}
