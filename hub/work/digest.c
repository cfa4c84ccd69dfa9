#include "work/engine_int.h"

#include <belfry/base/text.h>

/*
 * Digests. A row that wants its events together is held from the first one on. When that
 * is due it is served in two steps, each with a completion of its own: first it is
 * written which events are next, as many as one stanza holds (digest_range() chooses
 * them); then they are sent. So whatever happens in between, a repeat is the same stanza.
 * What cannot be sent as one any more is sent one by one, and so is one event alone.
 */
#define ITEMS_BYTES (32 * 1024) /* of a stanza of items, where it may be larger */
#define STANZA_FIXED 4096	/* what stands around the items, the receiver included */
/* What a unit sends of them before others have their turn. */
#define UNIT_BYTES (128 * 1024)

static const struct store_row *row_of(const struct piece *p, const struct mark *m)
{
	return &p->run->rows[m->row];
}

/* It has not had it before its time. */
static bool wants(const struct piece *p, const struct mark *m, size_t k)
{
	static const struct pos none;
	const struct log_event *ev = rows_event(p, k);
	return policy_wants(&row_of(p, m)->sub, none, ev->pos, ev->its) &&
	       !(m->was.urgent && ev->event.priority == PRIORITY_URGENT);
}

static struct render_event view(const struct piece *p, const struct log_event *ev)
{
	return (struct render_event){.feed = p->feed->name,
				     .id = ev->id,
				     .item = ev->item,
				     .pos = ev->pos,
				     .at_ms = ev->at_ms,
				     .event = &ev->event};
}

/* ---- Which events: the first step ------------------------------------------------- */

static size_t room_of(const struct piece *p, enum sub_format format)
{
	size_t most = p->feed->engine->o.max_stanza_bytes;
	if (format != FORMAT_EVENT)
		return RENDER_BODY_MAX - RENDER_HEADING_MAX;
	most = most > STANZA_FIXED ? most - STANZA_FIXED : 0;
	return most < ITEMS_BYTES ? most : ITEMS_BYTES;
}

/* Is EV too far from FIRST to be in one digest with it? */
static bool is_far(const struct log_event *first, const struct log_event *ev)
{
	return first->pos.epoch != ev->pos.epoch ||
	       ev->pos.n - first->pos.n >= SUB_MEMBERS_MAX;
}

/* What EV adds. */
static size_t bytes_of(const struct piece *p, struct log_event *ev,
		       enum sub_format format)
{
	size_t *bytes = &ev->digest[format == FORMAT_EVENT];
	if (!*bytes) {
		const struct render_event re = view(p, ev);
		*bytes = render_digest_bytes(&re, format);
	}
	return *bytes;
}

/*
 * The events behind its position that are its next digest; false: there is none. A
 * retraction that it is to have ends it, and goes alone: MARK's range ends there.
 */
static bool choose(const struct piece *p, struct mark *m)
{
	const struct store_row *row = row_of(p, m);
	const struct log_event *first = NULL, *last = NULL;
	size_t room = room_of(p, row->sub.format), bytes = 0;
	uint64_t members = 0;
	for (size_t k = m->from; k < m->past; k++) {
		struct log_event *ev = rows_event(p, k);
		if (first && is_far(first, ev))
			break;
		if (!wants(p, m, k) || send_outcome(p, row, ev, false) != OUTCOME_TAKEN)
			continue;
		if (ev->kind == EVENT_RETRACT) {
			m->past = k + 1;
			break;
		}
		bytes += bytes_of(p, ev, row->sub.format);
		if (first && bytes > room)
			break;
		members = first ? members << (ev->pos.n - last->pos.n) | 1 : 1;
		first = first ? first : ev;
		last = ev;
	}
	if (!last)
		return false;
	m->was_digest = m->was;
	sub_hold_digest(&m->was_digest, last->pos, members);
	return true;
}

/* ---- ... and the second ----------------------------------------------------------- */

/* Can event K, which was chosen, still be sent? */
static bool is_fit(const struct piece *p, const struct mark *m, size_t k)
{
	const struct store_row *row = row_of(p, m);
	const struct rendered *r = batch_rendered(p, rows_event(p, k), &row->sub);
	return r && send_fits(p->feed->engine, r, row);
}

/*
 * What becomes of event K, which was chosen. It is not asked again whether it is wanted;
 * but what came back has not been had, and a replaced or expired part of it need not be.
 */
static enum outcome fate_of_member(const struct piece *p, const struct mark *m, size_t k)
{
	const struct store_row *row = row_of(p, m);
	enum outcome o = fate_of(p, row, rows_event(p, k));
	if (m->was.condition[0] && (o == OUTCOME_SUPERSEDED || o == OUTCOME_EXPIRED))
		return o;
	return is_fit(p, m, k) ? OUTCOME_TAKEN : OUTCOME_SKIPPED;
}

/* What becomes of one that was not, though it is behind the position. */
static enum outcome fate_of_other(const struct piece *p, const struct mark *m, size_t k)
{
	enum outcome o = send_outcome(p, row_of(p, m), rows_event(p, k), false);
	return o == OUTCOME_TAKEN ? OUTCOME_FILTERED : o;
}

/* What was chosen, and is sent together: as bits, and as the stanza's id tells. */
static void find_members(struct piece *p, struct mark *m)
{
	m->past = m->from;
	while (m->past < p->events &&
	       pos_cmp(rows_event(p, m->past)->pos, m->was.end) <= 0)
		m->past++;
	for (size_t k = m->from; k < m->past; k++) {
		struct pos pos = rows_event(p, k)->pos;
		bool member = sub_hold_member(&m->was, pos);
		if (!wants(p, m, k))
			continue;
		enum outcome o =
			member ? fate_of_member(p, m, k) : fate_of_other(p, m, k);
		if (o != OUTCOME_TAKEN) {
			rows_note(p, m, k, o);
			continue;
		}
		m->id_members =
			m->together ? m->id_members << (pos.n - m->id_pos.n) | 1 : 1;
		m->together |= (uint64_t)1 << k;
		m->id_pos = pos;
	}
}

void digest_split(struct mark *m)
{
	m->act = ACT_SERVE;
	m->split = true;
}

/* What came back alone, and was counted as taken before, goes alone. */
static bool is_single(const struct sub_hold *h)
{
	return hold_tries(h) && pos_cmp(h->counted, h->pos) > 0;
}

void digest_range(struct piece *p, struct mark *m)
{
	const struct store_row *row = row_of(p, m);
	if (!sub_hold_members(&m->was)) {
		m->act = !is_single(&m->was) && choose(p, m) ? ACT_CHOOSE : ACT_SERVE;
		return;
	}
	find_members(p, m);
	bool one = m->together && !(m->together & (m->together - 1));
	if (one || suspects_banned(p->feed->engine, p->feed->name, m->id_pos,
				   row->sub.format, true))
		digest_split(m);
}

/* ---- Sending it ------------------------------------------------------------------- */

/* Rows of a bucket often want the same. */
static const struct rendered *rendered(struct piece *p, const struct mark *m)
{
	enum sub_format format = row_of(p, m)->sub.format;
	struct render_event events[EVENTS_MAX];
	size_t count = 0;
	if (p->together == m->together && p->together_format == format)
		return &p->together_out;
	for (size_t k = m->from; k < m->past; k++)
		if (m->together >> k & 1)
			events[count++] = view(p, rows_event(p, k));
	rendered_free(&p->together_out);
	render_digest(&p->together_out, events, count, m->id_members, format,
		      p->feed->engine->o.domain);
	p->together = m->together;
	p->together_format = format;
	return &p->together_out;
}

bool digest_write(struct engine *e, struct piece *p, struct mark *m)
{
	const struct store_row *row = row_of(p, m);
	if (!m->together)
		return false;
	const struct rendered *r = rendered(p, m);
	if (!batch_fit(e, r) || !send_fits(e, r, row)) {
		digest_split(m);
		return false;
	}
	render_splice(&e->out, r, row->jid, row->jid_len,
		      row_hash(p->feed->salt, row->jid, row->jid_len));
	e->out_stanzas++;
	return true;
}

void digest_sent(struct piece *p, struct mark *m)
{
	m->sent = true;
	for (size_t k = m->from; k < m->past; k++)
		if (m->together >> k & 1)
			rows_note(p, m, k, OUTCOME_TAKEN);
}

size_t digests_send(struct engine *e, struct piece *p)
{
	uint64_t before = e->counters.bytes;
	size_t sent = 0, buffered = e->out.len;
	for (size_t i = 0; i < p->mark_count; i++) {
		struct mark *m = p->marks[i];
		if (m->act != ACT_DIGEST || m->beyond)
			continue;
		size_t bytes = (size_t)(e->counters.bytes - before) + e->out.len;
		if (sent && bytes > buffered + UNIT_BYTES) {
			m->beyond = true; /* of the next pass */
			continue;
		}
		if (!digest_write(e, p, m))
			continue;
		digest_sent(p, m);
		sent++;
		if (e->out.len >= FLUSH_BYTES && !send_flush(e))
			break;
	}
	return sent;
}
