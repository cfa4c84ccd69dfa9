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

/* Where the delivery may be in flight in a piece. */
struct place {
	size_t unit, event;
};

static bool in_flight(const struct piece *p, const struct stanza_id *id, uint32_t hash,
		      struct place *at)
{
	if (p->dropped || (p->state != PIECE_READY && p->state != PIECE_SENT) ||
	    !p->batch || !p->run->bucket_count)
		return false;
	uint32_t bucket = bucket_of(hash, p->run->feed_buckets);
	at->event = piece_event(p, (struct pos){id->epoch, id->n});
	at->unit = bucket - p->run->buckets[0].bucket;
	return at->event < p->events && at->unit < p->run->bucket_count &&
	       p->run->buckets[at->unit].bucket == bucket &&
	       p->unit_state[at->unit] == UNIT_SENT;
}

/* The row of HASH that came back as FROM, noted; false: it is not there. */
static bool find_row(struct piece *p, const struct place *at, uint32_t hash,
		     const char *from, bool end)
{
	const struct store_bucket *b = &p->run->buckets[at->unit];
	size_t len = strlen(from);
	for (size_t i = b->first; i < b->first + b->count; i++) {
		const struct store_row *row = &p->run->rows[i];
		if (is_row(row, from, len) &&
		    row_hash(p->feed->salt, row->jid, row->jid_len) == hash) {
			note(p, at->unit, at->event, i, end);
			return true;
		}
	}
	return false;
}

/* True if the delivery is in flight in P, whether or not the sender is right. */
static bool in_piece(struct engine *e, struct piece *p, const struct stanza_id *id,
		     const char *from, bool end)
{
	struct place at;
	if (!in_flight(p, id, id->hash, &at))
		return false;
	if (!find_row(p, &at, id->hash, from, end))
		e->counters.strange_bounces++;
	return true;
}

/* Of a group the id does not tell whose it was: who sends it back does. */
static bool in_group(struct piece *p, const struct stanza_id *id, const char *from,
		     bool end)
{
	size_t lens[] = {strlen(from), jid_bare_len(from)};
	struct place at;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint32_t hash = row_hash(p->feed->salt, from, lens[i]);
		if (in_flight(p, id, hash, &at) && find_row(p, &at, hash, from, end))
			return true;
	}
	return false;
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

static void tell_late(struct late *l);

static void on_late(void *arg, enum belfry_err err)
{
	struct late *l = arg;
	if (err == BELFRY_OK)
		l->engine->counters.late_bounces++;
	size_t bare = jid_bare_len(l->from);
	if (err == BELFRY_ENOENT && l->id.group && l->from[bare]) {
		l->from[bare] = '\0'; /* the subscription may be of the bare JID */
		tell_late(l);
		return;
	}
	late_free(l);
}

static void tell_late(struct late *l)
{
	STORE(l->engine, late_bounce, l->id.feed, l->from,
	      (struct pos){l->id.epoch, l->id.n}, l->end, on_late, l);
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
	if (know_row(l, feed->salt)) {
		tell_late(l);
		return;
	}
	e->counters.strange_bounces++;
	late_free(l);
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
	if (id.group && e->o.multicast && strcmp(b->from, e->o.multicast) == 0) {
		groups_refused(e, &id, b->condition);
		return;
	}
	if (suspects_bounced(e, &id, b->from, end))
		return;
	struct feed *f = feed_find(e, id.feed);
	for (struct piece *p = f ? f->pieces : NULL; p; p = p->next)
		if (id.group ? in_group(p, &id, b->from, end)
			     : in_piece(e, p, &id, b->from, end))
			return;
	late(e, &id, b->from, end);
}
