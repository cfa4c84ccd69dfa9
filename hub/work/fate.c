#include "work/engine_int.h"

static const struct pos nowhere;

/* ---- Spans ------------------------------------------------------------------------ */

/*
 * Who is served late is not sent what was replaced or retracted meanwhile, nor that it
 * was. "Meanwhile" has to mean the same for an event and for its retraction, though a
 * pass or a crash may lie between them: so it is a span of the log, from what the row has
 * had to where its bucket is. Once something of it has been left out it stands in the
 * hold, until the row is through with it. What a span has of an item, its newest version,
 * is sent: so who is through with a span has what the others of the bucket have.
 */
static bool carried(const struct mark *m)
{
	return pos_cmp(m->was.span_to, hold_reached(&m->was)) > 0;
}

void fate_span(const struct piece *p, struct mark *m)
{
	struct pos cursor = p->run->buckets[0].cursor;
	m->span_from = carried(m) ? m->was.span_from : hold_reached(&m->was);
	m->span_to = carried(m) ? m->was.span_to : cursor;
	/* A gap goes further than the span: what it held may be missed for ever. */
	if (pos_cmp(m->span_to, p->run->trimmed) < 0)
		m->span_to = cursor;
}

static bool replaced(const struct mark *m, const struct log_event *ev)
{
	return ev->superseded.n && pos_cmp(ev->superseded, m->span_to) <= 0;
}

void fate_range(const struct piece *p, struct mark *m)
{
	while (m->past > m->from &&
	       pos_cmp(rows_event(p, m->past - 1)->pos, m->span_to) > 0)
		m->past--;
}

/* Has something of the span been left out? */
static bool left_out(const struct piece *p, const struct mark *m, struct pos pos)
{
	enum outcome o;
	if (carried(m))
		return true;
	for (size_t k = m->from; k < m->past; k++)
		if (pos_cmp(rows_event(p, k)->pos, pos) <= 0 && rows_outcome(m, k, &o) &&
		    o == OUTCOME_SUPERSEDED)
			return true;
	return false;
}

void fate_keep(const struct piece *p, const struct mark *m, struct sub_hold *h)
{
	bool keep = h->reason != HOLD_NONE && h->reason != HOLD_PROVING &&
		    pos_cmp(hold_reached(h), m->span_to) < 0 &&
		    (m->act == ACT_TELL || left_out(p, m, hold_reached(h)));
	h->span_from = keep ? m->span_from : nowhere;
	h->span_to = keep ? m->span_to : nowhere;
}

/* What was chosen is sent, whatever comes until then: so the span does not move. */
void fate_fix(const struct mark *m, struct sub_hold *h)
{
	h->span_from = m->span_from;
	h->span_to = m->span_to;
}

/* ---- Fates ------------------------------------------------------------------------ */

/* By its own choice; a headline is gone when it was seen, and not taken back. */
static bool passes(const struct store_row *row, const struct log_event *ev)
{
	if (ev->kind == EVENT_RETRACT && row->sub.format == FORMAT_HEADLINE)
		return false;
	/* What is no event is counted as such, not as filtered. */
	return !row->sub.options_len || !ev->id ||
	       sub_passes(&row->sub, &ev->event, ev->filter_ms);
}

/* The others had all as it came. */
static bool superseded(const struct piece *p, const struct store_row *row,
		       const struct log_event *ev)
{
	const struct mark *m =
		p->holds ? rows_mark(p, (size_t)(row - p->run->rows)) : NULL;
	if (!m)
		return false;
	if (ev->kind == EVENT_ITEM)
		return replaced(m, ev);
	/* One that counts as taken was left out then, or had; of what is awaited it is
	 * known that it was sent. */
	return (sub_hold_counted(&m->was, ev->pos) && !hold_awaits(&m->was, ev->pos)) ||
	       !policy_had(&row->sub, m->span_from, &ev->retracted);
}

/* By the clock of when the piece was read: all that is said of it goes by the same. */
static bool expired(const struct piece *p, const struct log_event *ev)
{
	return ev->expires_ms && ev->id && policy_expired(ev->expires_ms, p->run->now_ms);
}

enum outcome fate_of(const struct piece *p, const struct store_row *row,
		     const struct log_event *ev)
{
	if (!passes(row, ev))
		return OUTCOME_FILTERED;
	if (superseded(p, row, ev))
		return OUTCOME_SUPERSEDED;
	return expired(p, ev) ? OUTCOME_EXPIRED : OUTCOME_TAKEN;
}
