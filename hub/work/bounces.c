#include "work/engine_int.h"

#include <belfry/base/log.h>
#include <belfry/base/random.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <stdio.h>
#include <string.h>

void hold_bounced(struct engine *e, const struct sub_hold *was, enum bounce_class class,
		  const char *condition, uint64_t now_ms, struct sub_hold *h)
{
	policy_bounce(&e->o.retry, was, class, condition, now_ms,
		      random_below(UINT32_MAX), h);
	if (!h->condition[0]) /* which says that the last try went well */
		snprintf(h->condition, sizeof(h->condition), "undefined-condition");
	h->urgent = false;
	sub_hold_digest(h, (struct pos){0, 0}, 0);
}

void hold_died(struct engine *e, const char *feed, struct pos pos, const char *event,
	       const char *jid, const struct sub_hold *was, const struct sub_hold *h)
{
	char at[POS_TEXT_SIZE];

	if (h->reason != HOLD_DEAD || was->reason == HOLD_DEAD)
		return;
	e->counters.dead_letters++;
	pos_format(pos, at);
	log_warn("given up, a dead letter", log_s("feed", feed), log_s("event", event),
		 log_s("cursor", at), log_s("jid", jid), log_s("condition", h->condition),
		 log_u("tries", h->tries));
}

/* The subscription's key is the JID that came back, or its bare JID. */
static bool is_row(const struct store_row *row, const char *from, size_t from_len)
{
	if (row->jid_len > from_len || memcmp(row->jid, from, row->jid_len) != 0)
		return false;
	return row->jid_len == from_len || row->jid_len == jid_bare_len(from);
}

void bounce_note(struct mark *m, size_t k, enum bounce_class class, const char *condition)
{
	bool end = class == BOUNCE_ENDS;
	if (m->act == ACT_TELL)
		*(end ? &m->told_ended : &m->told_back) = true;
	else
		*(end ? &m->ended : &m->back) |= (uint64_t)1 << k;
	if (m->class != BOUNCE_SUSPENDS || !m->back)
		m->class = class;
	snprintf(m->condition, sizeof(m->condition), "%s", condition);
}

/* Where the delivery may be in flight in a piece. */
struct place {
	size_t unit, event;
	bool told; /* not an event: what told that some are gone */
	uint64_t members;
};

static bool in_flight(const struct piece *p, const struct stanza_id *id, uint32_t hash,
		      struct place *at)
{
	struct pos pos = {id->epoch, id->n};
	if (p->dropped || (p->state != PIECE_READY && p->state != PIECE_SENT) ||
	    !p->run->bucket_count)
		return false;
	uint32_t bucket = bucket_of(hash, p->run->feed_buckets);
	at->event = piece_event(p, pos);
	at->members = id->members;
	at->unit = bucket - p->run->buckets[0].bucket;
	at->told = p->holds && pos_cmp(pos, p->run->trimmed) == 0;
	return (at->event < p->events || at->told) && at->unit < p->run->bucket_count &&
	       p->run->buckets[at->unit].bucket == bucket &&
	       p->unit_state[at->unit] == UNIT_SENT;
}

/* Was it sent what came back? */
static bool was_sent(struct piece *p, const struct place *at, size_t row)
{
	const struct mark *m = rows_mark(p, row);
	enum outcome o;
	if (at->told)
		return m && m->act == ACT_TELL && m->told;
	if (at->members || (m && m->act == ACT_DIGEST))
		return m && m->act == ACT_DIGEST && m->sent &&
		       m->id_members == at->members &&
		       pos_cmp(m->id_pos, rows_event(p, at->event)->pos) == 0;
	if (p->holds)
		return m && rows_outcome(m, at->event, &o) && o == OUTCOME_TAKEN;
	return rows_want(p, at->unit, row, rows_gate(p, row), at->event) == WANT_SENT &&
	       fate_of(p, &p->run->rows[row], rows_event(p, at->event)) == OUTCOME_TAKEN;
}

enum found { FOUND_NOBODY, FOUND_NOT_SENT, FOUND };

/* The row of HASH that came back as from B's sender: noted, if it was sent that. */
static enum found find_row(struct piece *p, const struct place *at, uint32_t hash,
			   const struct link_bounce *b)
{
	const struct store_bucket *bucket = &p->run->buckets[at->unit];
	size_t len = strlen(b->from);
	for (size_t i = bucket->first; i < bucket->first + bucket->count; i++) {
		const struct store_row *row = &p->run->rows[i];
		if (!is_row(row, b->from, len) ||
		    row_hash(p->feed->salt, row->jid, row->jid_len) != hash)
			continue;
		if (!was_sent(p, at, i))
			return FOUND_NOT_SENT;
		bounce_note(rows_mark_make(p, at->unit, i), at->event, b->class,
			    b->condition);
		return FOUND;
	}
	return FOUND_NOBODY;
}

/* True if the delivery is in flight in P, whether or not the sender is right. */
static bool in_piece(struct engine *e, struct piece *p, const struct stanza_id *id,
		     const struct link_bounce *b)
{
	struct place at;
	if (!in_flight(p, id, id->hash, &at))
		return false;
	enum found found = find_row(p, &at, id->hash, b);
	if (found == FOUND_NOBODY)
		e->counters.strange_bounces++;
	return found != FOUND_NOT_SENT;
}

/* Of a group the id does not tell whose it was: who sends it back does. */
static bool in_group(struct piece *p, const struct stanza_id *id,
		     const struct link_bounce *b)
{
	size_t lens[] = {strlen(b->from), jid_bare_len(b->from)};
	struct place at;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint32_t hash = row_hash(p->feed->salt, b->from, lens[i]);
		if (in_flight(p, id, hash, &at) && find_row(p, &at, hash, b) == FOUND)
			return true;
	}
	return false;
}

void bounces_take(struct engine *e, const struct link_bounce *b)
{
	struct stanza_id id;
	if (!b->id || !b->from || stanza_id_parse(b->id, strlen(b->id), &id)) {
		e->counters.strange_bounces++;
		return;
	}
	log_debug("bounce", log_s("feed", id.feed), log_s("condition", b->condition));
	if (id.group && e->o.multicast && strcmp(b->from, e->o.multicast) == 0) {
		groups_refused(e, &id, b->condition);
		return;
	}
	if (suspects_bounced(e, &id, b))
		return;
	struct feed *f = feed_find(e, id.feed);
	for (struct piece *p = f ? f->pieces : NULL; p; p = p->next)
		if (id.group ? in_group(p, &id, b) : in_piece(e, p, &id, b))
			return;
	late_begin(e, &id, b);
}
