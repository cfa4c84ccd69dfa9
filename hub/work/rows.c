#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

/* ---- Marks ----------------------------------------------------------------------- */

struct mark *rows_mark(const struct piece *p, size_t row)
{
	return p->mark_of && p->mark_of[row] ? p->marks[p->mark_of[row] - 1] : NULL;
}

struct mark *rows_mark_make(struct piece *p, size_t unit, size_t row)
{
	struct mark *m = rows_mark(p, row);
	if (m)
		return m;
	if (!p->mark_of)
		p->mark_of = xcalloc(p->run->row_count + 1, sizeof(*p->mark_of));
	if (p->mark_count == p->mark_cap) {
		p->mark_cap = p->mark_cap ? 2 * p->mark_cap : 16;
		p->marks = xreallocarray(p->marks, p->mark_cap, sizeof(*p->marks));
	}
	m = xcalloc(1, sizeof(*m));
	m->row = row;
	m->unit = unit;
	m->from = p->events;
	sub_hold_read(&p->run->rows[row].sub, &m->was);
	p->marks[p->mark_count++] = m;
	p->mark_of[row] = (uint32_t)p->mark_count;
	return m;
}

void rows_forget(struct piece *p)
{
	for (size_t i = 0; i < p->mark_count; i++) {
		free(p->marks[i]->outcomes);
		free(p->marks[i]);
	}
	free(p->marks);
	free(p->mark_of);
	p->marks = NULL;
	p->mark_of = NULL;
	p->mark_count = p->mark_cap = 0;
}

/* ---- Who is there ---------------------------------------------------------------- */

#define SOON 0x80 /* in seen[]: it is being found out */
/* For how long a hold waits for that; the answer wakes it earlier. */
#define SOON_MS 15000

static bool by_presence(const struct sub_hold *h)
{
	return h->reason == HOLD_OFFLINE || h->reason == HOLD_SHOW;
}

void rows_see(struct piece *p)
{
	const struct engine *e = p->feed->engine;
	for (size_t i = 0; e->o.presence && i < p->run->row_count; i++) {
		const struct store_row *row = &p->run->rows[i];
		bool soon = false;
		if (!row->sub.options_len || !sub_minds_presence(&row->sub))
			continue;
		if (!p->seen)
			p->seen = xcalloc(p->run->row_count, 1);
		p->seen[i] =
			(uint8_t)e->o.presence(e->o.arg, p->feed->name, row->jid, &soon);
		if (soon)
			p->seen[i] |= SOON;
	}
}

enum availability rows_seen(const struct piece *p, size_t row)
{
	return p->seen ? (enum availability)(p->seen[row] & ~SOON) : AVAIL_UNKNOWN;
}

enum hold_reason rows_waits(const struct piece *p, size_t row,
			    enum event_priority priority, uint64_t *due_ms)
{
	const struct sub *sub = &p->run->rows[row].sub;
	enum hold_reason why = policy_waits(sub, priority, p->run->now_ms, due_ms);
	return why ? why : policy_absent(sub, priority, rows_seen(p, row), due_ms);
}

/* What is held until somebody is there is so until that is known. */
static enum hold_reason still_waits(const struct piece *p, const struct mark *m,
				    uint64_t *due_ms)
{
	enum hold_reason why = rows_waits(p, m->row, PRIORITY_NORMAL, due_ms);
	if (why || !by_presence(&m->was) || !p->seen || !(p->seen[m->row] & SOON))
		return why;
	*due_ms = SOON_MS;
	return m->was.reason;
}

/* ---- What is due ----------------------------------------------------------------- */

/* Does it get what it has missed together? */
static bool is_digest(const struct piece *p, const struct mark *m)
{
	uint64_t ignored, now = p->run->now_ms;
	/* What came back of what it was to confirm, before it chose a digest, goes alone.
	 */
	if (m->was.awaited)
		return false;
	return sub_hold_members(&m->was) ||
	       policy_gathers(&p->run->rows[m->row].sub, PRIORITY_NORMAL, now, now,
			      &ignored);
}

static enum mark_act act_of(const struct piece *p, struct mark *m)
{
	const struct store_run *run = p->run;
	uint64_t ignored;
	m->floor = m->was.pos;
	if (pos_cmp(m->was.end, m->was.pos) <= 0)
		sub_hold_digest(&m->was, (struct pos){0, 0}, 0);
	fate_span(p, m);
	if (m->was.reason == HOLD_PROVING)
		return ACT_END;
	if (m->was.reason == HOLD_DROPPED) {
		if (pos_cmp(m->floor, run->trimmed) < 0)
			m->floor = run->trimmed;
		return ACT_DROP;
	}
	m->why = still_waits(p, m, &m->due_ms);
	m->urgent = rows_waits(p, m->row, PRIORITY_URGENT, &ignored) == HOLD_NONE;
	if (m->why)
		return ACT_WAIT;
	confirm_due(p, m);
	if (pos_cmp(m->floor, run->trimmed) < 0)
		return ACT_TELL;
	return is_digest(p, m) ? ACT_DIGEST : ACT_SERVE;
}

void rows_find_due(struct piece *p)
{
	const struct store_bucket *b = &p->run->buckets[0];
	for (size_t i = b->first; i < b->first + b->count; i++) {
		struct sub_hold h;
		if (!p->run->rows[i].sub.hold_len)
			continue;
		sub_hold_read(&p->run->rows[i].sub, &h);
		if (!h.reason || !h.due_ms)
			continue;
		if (h.due_ms > p->run->now_ms) {
			/* Its time may have been passed on for that of an earlier one. */
			due_hint(p->feed->engine, h.due_ms - p->run->now_ms);
			continue;
		}
		struct mark *m = rows_mark_make(p, 0, i);
		m->act = act_of(p, m);
	}
}

bool rows_floor(const struct piece *p, struct pos *low)
{
	bool any = false;
	for (size_t i = 0; i < p->mark_count; i++) {
		const struct mark *m = p->marks[i];
		bool served = m->act == ACT_SERVE || m->act == ACT_DIGEST;
		if ((!served && m->act != ACT_DROP) ||
		    pos_cmp(m->floor, p->run->buckets[0].cursor) >= 0)
			continue;
		if (!any || pos_cmp(m->floor, *low) < 0)
			*low = m->floor;
		any = true;
	}
	return any;
}

struct pos rows_need(const struct piece *p, struct pos low)
{
	struct pos need = low;
	for (size_t i = 0; i < p->mark_count; i++) {
		const struct mark *m = p->marks[i];
		if (m->act == ACT_DIGEST && pos_cmp(m->floor, low) == 0 &&
		    sub_hold_members(&m->was) && pos_cmp(m->was.end, need) > 0)
			need = m->was.end;
	}
	return need;
}

bool rows_gather(const struct piece *p, struct pos low)
{
	for (size_t i = 0; i < p->mark_count; i++) {
		const struct mark *m = p->marks[i];
		if (m->act == ACT_DIGEST && pos_cmp(m->floor, low) == 0 &&
		    !sub_hold_members(&m->was))
			return true;
	}
	return false;
}

bool rows_telling(const struct piece *p)
{
	for (size_t i = 0; i < p->mark_count; i++)
		if (p->marks[i]->act == ACT_TELL)
			return true;
	return false;
}

/* Does the piece not go as far as what is on its way to M? Unless it began with that. */
static bool is_short(const struct piece *p, const struct mark *m)
{
	return m->from > 0 && sub_hold_members(&m->was) &&
	       pos_cmp(m->was.end, p->to) > 0 &&
	       pos_cmp(p->to, p->run->buckets[0].cursor) < 0;
}

void rows_range(struct piece *p)
{
	for (size_t i = 0; i < p->mark_count; i++) {
		struct mark *m = p->marks[i];
		m->from = 0;
		m->past = p->events;
		while (m->from < p->events &&
		       pos_cmp(rows_event(p, m->from)->pos, m->floor) <= 0)
			m->from++;
		if (m->act == ACT_SERVE || m->act == ACT_DIGEST)
			fate_range(p, m);
		if (m->act == ACT_SERVE && m->past > m->from + p->range)
			m->past = m->from + p->range;
		m->beyond = pos_cmp(m->floor, p->to) >= 0 &&
			    pos_cmp(p->to, p->run->buckets[0].cursor) < 0;
		if (m->proven && m->act == ACT_SERVE)
			confirm_range(p, m);
		if (m->act != ACT_DIGEST)
			continue;
		m->beyond |= is_short(p, m);
		if (!m->beyond)
			digest_range(p, m);
	}
}

/* ---- Which row wants which event ------------------------------------------------- */

struct log_event *rows_event(const struct piece *p, size_t k)
{
	return &p->batch->events[p->event + k];
}

/* The cursor of ROW's bucket. */
static struct pos cursor_of(const struct piece *p, size_t row)
{
	const struct store_bucket *b = p->run->buckets;
	while (row >= b->first + b->count)
		b++;
	return b->cursor;
}

/* As rows_waits(), and a digest, which comes last: of an event of AT_MS. */
static enum hold_reason puts_off(const struct piece *p, size_t row,
				 enum event_priority priority, uint64_t at_ms,
				 uint64_t *due_ms)
{
	const struct sub *sub = &p->run->rows[row].sub;
	enum hold_reason why = rows_waits(p, row, priority, due_ms);
	if (!why && policy_gathers(sub, priority, at_ms, p->run->now_ms, due_ms))
		why = HOLD_DIGEST;
	return why;
}

enum gate rows_gate(const struct piece *p, size_t row)
{
	const struct sub *sub = &p->run->rows[row].sub;
	struct sub_hold h;
	uint64_t ignored;
	if (p->holds)
		return rows_mark(p, row) ? GATE_DUE : GATE_SHUT;
	if (sub->options_len && sub_proven(sub, NULL) &&
	    confirm_gate(sub, cursor_of(p, row)))
		return GATE_CONFIRM;
	if (sub->hold_len && sub_held(sub)) {
		sub_hold_read(sub, &h);
		return h.urgent ? GATE_URGENT : GATE_HELD;
	}
	if (sub->options_len &&
	    puts_off(p, row, PRIORITY_NORMAL, p->run->now_ms, &ignored))
		return GATE_WAITS;
	return GATE_OPEN;
}

static bool urgent(const struct log_event *ev)
{
	return ev->event.priority == PRIORITY_URGENT;
}

/* A retraction comes alone, and at once, as nothing that it takes back waits. */
static bool in_digest(const struct piece *p, size_t row, const struct log_event *ev)
{
	return ev->kind == EVENT_ITEM &&
	       fate_of(p, &p->run->rows[row], ev) == OUTCOME_TAKEN;
}

/* From the first event on that is not urgent where those pass. */
static enum want waits_want(struct piece *p, size_t unit, size_t row, size_t k)
{
	const struct log_event *ev = rows_event(p, k);
	struct mark *m = rows_mark(p, row);
	uint64_t due_ms;
	if (m && m->why && k >= m->from)
		return m->urgent && urgent(ev) ? WANT_SENT : WANT_HELD;
	enum hold_reason why = puts_off(p, row, ev->event.priority, ev->at_ms, &due_ms);
	/* A digest begins with what will be in it. */
	if (!why || (why == HOLD_DIGEST && !in_digest(p, row, ev)))
		return WANT_SENT;
	m = rows_mark_make(p, unit, row);
	m->from = k;
	m->why = why;
	m->due_ms = due_ms;
	m->urgent = puts_off(p, row, PRIORITY_URGENT, ev->at_ms, &due_ms) == HOLD_NONE;
	return WANT_HELD;
}

static enum want due_wants(const struct piece *p, size_t row, size_t k)
{
	const struct mark *m = rows_mark(p, row);
	if (!m || k < m->from || k >= m->past || (m->split && !(m->together >> k & 1)))
		return WANT_NOT;
	struct pos pos = rows_event(p, k)->pos;
	bool awaited = hold_awaits(&m->was, pos);
	if (!awaited && ((m->was.urgent && urgent(rows_event(p, k))) ||
			 (m->was.awaited && pos_cmp(pos, m->was.counted) <= 0)))
		return WANT_NOT;
	return m->act == ACT_SERVE  ? WANT_SENT
	       : m->act == ACT_DROP ? WANT_HELD
				    : WANT_NOT;
}

enum want rows_want(struct piece *p, size_t unit, size_t row, enum gate gate, size_t k)
{
	static const struct pos none;
	struct pos cursor = p->holds ? none : p->run->buckets[unit].cursor;
	const struct log_event *ev = rows_event(p, k);
	if (!policy_wants(&p->run->rows[row].sub, cursor, ev->pos, ev->its)) {
		if (gate == GATE_CONFIRM && pos_cmp(ev->pos, cursor) > 0)
			confirm_pass(p, unit, row, k);
		return WANT_NOT;
	}
	switch (gate) {
	case GATE_OPEN:
		return WANT_SENT;
	case GATE_HELD:
		return WANT_HELD;
	case GATE_URGENT:
		return urgent(rows_event(p, k)) ? WANT_SENT : WANT_HELD;
	case GATE_WAITS:
		return waits_want(p, unit, row, k);
	case GATE_CONFIRM:
		return confirm_want(p, unit, row, k);
	case GATE_DUE:
		return due_wants(p, row, k);
	case GATE_SHUT:
		break;
	}
	return WANT_NOT;
}

/* ---- What became of it ----------------------------------------------------------- */

void rows_note(struct piece *p, struct mark *m, size_t k, enum outcome o)
{
	if (!m->outcomes)
		m->outcomes = xcalloc(p->events + 1, 1);
	m->outcomes[k] = (uint8_t)(o + 1);
	/* What came back once is tried alone. */
	if (p->holds && hold_tries(&m->was) && o == OUTCOME_TAKEN &&
	    !sub_hold_members(&m->was))
		m->past = k + 1;
}

bool rows_outcome(const struct mark *m, size_t k, enum outcome *o)
{
	if (!m->outcomes || !m->outcomes[k])
		return false;
	*o = (enum outcome)(m->outcomes[k] - 1);
	return true;
}

bool hold_tries(const struct sub_hold *h)
{
	return h->tries && h->condition[0];
}
