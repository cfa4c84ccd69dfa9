#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>

#include <stdlib.h>

/* Beyond this a piece of a feed without followers gives way to the rest of the turn. */
#define UNITS_A_TURN 4096
#define EMPTY_UNIT_COST 1.0
#define BYTES_A_STANZA 1024.0 /* a stanza of this size costs 2 */

bool send_flush(struct engine *e)
{
	if (e->out.len == 0)
		return true;
	if (e->halted || !e->o.may_write(e->o.arg)) {
		engine_halt(e);
	} else if (e->up) {
		e->link->ops->send(e->link, e->out.data, e->out.len);
		e->counters.stanzas += e->out_stanzas;
		e->counters.bytes += e->out.len;
	}
	buf_clear(&e->out);
	e->out_stanzas = 0;
	return e->up && !e->halted;
}

bool send_fits(const struct engine *e, const struct rendered *r,
	       const struct store_row *row)
{
	if (!utf8_valid(row->jid, row->jid_len) || row->jid_len > JID_MAX)
		return false;
	size_t fixed = r->bytes.len + 8;
	if (fixed + 6 * row->jid_len <= e->o.max_stanza_bytes)
		return true;
	return fixed + xml_escaped_len(row->jid, row->jid_len) <= e->o.max_stanza_bytes;
}

enum outcome send_outcome(const struct piece *p, const struct store_row *row,
			  struct log_event *ev, bool grouped)
{
	struct engine *e = p->feed->engine;
	enum outcome fate = fate_of(p, row, ev);
	if (fate != OUTCOME_TAKEN)
		return fate;
	const struct rendered *r = batch_rendered(p, ev, &row->sub);
	if (!r)
		return OUTCOME_SKIPPED;
	bool group = grouped && groups_reach(e, row->jid, row->jid_len);
	bool fits = group ? groups_fit(e, r, row) : send_fits(e, r, row);
	return fits ? OUTCOME_TAKEN : OUTCOME_SKIPPED;
}

/* How each row of a unit is reached; true: some in groups. */
static bool find_ways(struct engine *e, const struct piece *p,
		      const struct store_bucket *b)
{
	const struct store_row *rows = p->run->rows + b->first;
	bool any = false;
	if (b->count > e->ways_cap) {
		e->ways_cap = b->count + 256;
		e->ways = xreallocarray(e->ways, e->ways_cap, sizeof(struct way));
	}
	for (size_t i = 0; i < b->count; i++) {
		const struct sub *sub = &rows[i].sub;
		struct way *w = &e->ways[i];
		*w = (struct way){.group = e->group &&
					   groups_reach(e, rows[i].jid, rows[i].jid_len)};
		if (p->holds || sub->hold_len || sub->options_len)
			w->gate = (unsigned char)rows_gate(p, b->first + i);
		any |= w->group;
		if (!w->group)
			w->hash = row_hash(p->feed->salt, rows[i].jid, rows[i].jid_len);
	}
	return any;
}

/* One delivery, or its place in a group; false: it cannot be sent. */
static bool send_row(struct engine *e, struct group *group, const struct rendered *r,
		     const struct store_row *row, const struct way *way)
{
	if (!r)
		return false;
	if (way->group)
		return groups_add(e, group, r, row);
	if (!send_fits(e, r, row))
		return false;
	render_splice(&e->out, r, row->jid, row->jid_len, way->hash);
	e->out_stanzas++;
	return true;
}

static void send_groups(struct engine *e, struct group *groups)
{
	for (size_t k = 0; k < POLICY_KINDS; k++)
		groups_send(e, &groups[k]);
}

/* What becomes of one delivery that is wanted. */
static enum outcome deliver(struct engine *e, struct piece *p, struct group *groups,
			    struct log_event *ev, const struct store_row *row,
			    const struct way *way)
{
	/* Most are to be sent: they need not be asked about one by one. */
	bool plain = !p->holds && !row->sub.options_len && !ev->expires_ms &&
		     ev->kind == EVENT_ITEM;
	enum outcome fate = plain ? OUTCOME_TAKEN : fate_of(p, row, ev);
	if (fate != OUTCOME_TAKEN)
		return fate;
	unsigned kind = policy_kind(&row->sub, p->feed->asks);
	const struct rendered *r = batch_made(ev, kind);
	if (!r)
		r = batch_rendered(p, ev, &row->sub);
	return send_row(e, &groups[kind], r, row, way) ? OUTCOME_TAKEN : OUTCOME_SKIPPED;
}

/* One event, the K-th, to the rows of one bucket. */
static size_t send_event(struct engine *e, struct piece *p, size_t unit, size_t k,
			 struct store_counters *count)
{
	const struct store_bucket *b = &p->run->buckets[unit];
	const struct store_row *rows = p->run->rows + b->first;
	struct log_event *ev = rows_event(p, k);
	struct group groups[POLICY_KINDS];
	size_t sent = 0;
	/* policy_wants(), but for what is the same for all. */
	bool behind = pos_cmp(ev->pos, b->cursor) > 0;
	for (size_t f = 0; f < POLICY_KINDS; f++)
		groups[f].count = 0;
	for (size_t i = 0; i < b->count; i++) {
		const struct store_row *row = &rows[i];
		const struct way *way = &e->ways[i];
		if (way->gate == GATE_OPEN) {
			if (!behind || pos_cmp(ev->its, row->sub.since) <= 0)
				continue;
		} else {
			enum want want =
				rows_want(p, unit, b->first + i, (enum gate)way->gate, k);
			if (want == WANT_HELD)
				count->held++;
			if (want != WANT_SENT)
				continue;
		}
		enum outcome o = deliver(e, p, groups, ev, row, way);
		if (way->gate != GATE_CONFIRM ||
		    !confirm_count(p, b->first + i, k, o, count))
			policy_count(count, row->sub.format, o);
		if (p->holds)
			rows_note(p, rows_mark(p, b->first + i), k, o);
		if (o != OUTCOME_TAKEN)
			continue;
		sent++;
		if (e->out.len >= FLUSH_BYTES && !send_flush(e))
			return sent;
	}
	send_groups(e, groups);
	return sent;
}

/* Those who are told that what they have missed is gone. */
static size_t send_gaps(struct engine *e, struct piece *p)
{
	size_t sent = 0;
	for (size_t i = 0; i < p->mark_count; i++)
		sent += p->marks[i]->act == ACT_TELL && gap_send(e, p, p->marks[i]);
	return sent;
}

/* One bucket, the range of events. Returns the deliveries sent. */
static size_t send_unit(struct engine *e, struct piece *p)
{
	size_t unit = p->unit++, sent = 0;
	const struct store_bucket *b = &p->run->buckets[unit];
	struct part *part = flight_part(e, p, unit);
	p->unit_state[unit] = UNIT_SENT;
	if (!p->holds && pos_cmp(b->cursor, p->to) >= 0)
		return 0;
	if (p->events)
		part->grouped |= find_ways(e, p, b);
	uint64_t before = e->counters.bytes;
	size_t buffered = e->out.len;
	if (p->holds)
		sent += send_gaps(e, p) + digests_send(e, p);
	for (size_t k = 0; k < p->events; k++)
		sent += send_event(e, p, unit, k, &part->counts[k]);
	size_t bytes = (size_t)(e->counters.bytes - before) + e->out.len - buffered;
	part->sent += sent;
	if (sent)
		windows_sent(e->windows, sent, bytes);
	fairq_charge(&e->waiting, &p->feed->turn,
		     EMPTY_UNIT_COST + (double)sent + (double)bytes / BYTES_A_STANZA);
	return sent;
}

/* Neither the server nor the store has more to answer than a crash may repeat. */
static bool may_send(const struct engine *e)
{
	struct windows_stats w;
	windows_stats(e->windows, &w);
	return windows_may_send(e->windows) && e->link->ops->room(e->link) &&
	       e->untold < UNTOLD_WINDOWS * w.size;
}

void send_pump(struct engine *e)
{
	if (suspects_any(e)) {
		suspects_send(e);
		return;
	}
	groups_turn(e);
	size_t units = 0;
	for (; units < UNITS_A_TURN; units++) {
		/* Before it is filled it may become full: a barrier's result shrinks it.
		 */
		if (windows_full(e->windows))
			flight_close(e);
		if (e->quiet || !e->up || e->halted)
			break;
		if (!may_send(e)) {
			if (e->ahead > AHEAD_MIN)
				e->ahead--;
			break;
		}
		struct feed *f = pieces_next(e);
		if (!f) {
			if (e->reading && e->ahead < AHEAD_MAX)
				e->ahead++;
			break;
		}
		struct piece *p = piece_ready(f);
		if (p->unit < p->run->bucket_count)
			send_unit(e, p);
		if (p->unit >= p->run->bucket_count)
			piece_sent(p);
	}
	if (units == UNITS_A_TURN)
		engine_kick(e);
	/* More is being read: it goes into the same window. */
	if (!send_flush(e) || !e->open)
		return;
	if (e->quiet || (e->reading == 0 && !pieces_next(e)))
		flight_close(e);
}
