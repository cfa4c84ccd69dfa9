#include "work/holds_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

static const struct pos nowhere;

/* ---- A row of done ---------------------------------------------------------------- */

void draft_move(struct draft *d, size_t k, enum store_count from, enum store_count to)
{
	d->moves[d->out->move_count++] = (struct store_move){draft_pos(d, k), from, to};
}

enum store_count draft_count_of(enum outcome o, enum sub_format format)
{
	switch (o) {
	case OUTCOME_TAKEN:
		return format == FORMAT_HEADLINE ? COUNT_SENT : COUNT_TAKEN;
	case OUTCOME_SKIPPED:
		return COUNT_SKIPPED;
	case OUTCOME_FILTERED:
		return COUNT_FILTERED;
	case OUTCOME_EXPIRED:
		return COUNT_EXPIRED;
	case OUTCOME_SUPERSEDED:
		return COUNT_SUPERSEDED;
	case OUTCOME_LEFT:
		return COUNT_LEFT;
	case OUTCOME_BOUNCED:
	case OUTCOME_HELD:
		break;
	}
	return COUNT_HELD;
}

/* The hold after what came back; POS: of what did. */
void draft_bounced(struct draft *d, struct pos pos, const char *event)
{
	struct engine *e = d->p->feed->engine;
	const struct mark *m = d->m;
	d->out->pos = pos;
	hold_bounced(e, &m->was, m->class, m->condition, d->p->run->now_ms,
		     &d->out->hold);
	hold_died(e, d->p->feed->name, pos, event, d->row->jid, &m->was, &d->out->hold);
}

/* ---- In a common pass ------------------------------------------------------------- */

static enum gate gate_of(const struct draft *d)
{
	return rows_gate(d->p, d->m->row);
}

/* What event K was counted as in the window; false: it was not looked at for it. */
bool draft_counted_as(const struct draft *d, size_t k, enum outcome *o)
{
	switch (rows_want(d->p, d->m->unit, d->m->row, gate_of(d), k)) {
	case WANT_NOT:
		return false;
	case WANT_HELD:
		*o = OUTCOME_HELD;
		break;
	case WANT_SENT:
		if (d->held && d->m->begun)
			*o = OUTCOME_HELD; /* see confirm_count() */
		else if (!rows_outcome(d->m, k, o))
			*o = send_outcome(d->p, d->row, rows_event(d->p, k),
					  d->q->grouped);
		break;
	}
	return true;
}

static void uncount(struct store_counters *c, enum sub_format format, enum outcome o)
{
	switch (o) {
	case OUTCOME_SKIPPED:
		c->skipped--;
		break;
	case OUTCOME_FILTERED:
		c->filtered--;
		break;
	case OUTCOME_EXPIRED:
		c->expired--;
		break;
	case OUTCOME_SUPERSEDED:
		c->superseded--;
		break;
	case OUTCOME_HELD:
		c->held--;
		break;
	default:
		policy_uncount(c, format);
	}
}

/* If it is held somebody may change that meanwhile: only if not, it is counted anew. */
void draft_recount(struct draft *d, size_t k, enum outcome to)
{
	struct store_counters *c = &d->q->counts[k];
	enum sub_format format = d->row->sub.format;
	enum outcome was;
	if (!draft_counted_as(d, k, &was) || was == to)
		return;
	if (d->held) {
		draft_move(d, k, draft_count_of(was, format), draft_count_of(to, format));
		return;
	}
	uncount(c, format, was);
	policy_count(c, format, to);
}

static void count_bounced(struct draft *d, size_t k)
{
	if (d->held)
		draft_move(d, k, COUNT_NONE, COUNT_BOUNCED);
	else
		d->q->counts[k].bounced++;
}

/* From event K on it is held. */
static void held_from(struct draft *d, size_t k)
{
	d->out->hold.pos = pos_before(draft_pos(d, k));
	d->out->hold.counted = nowhere;
}

/* What came back, and all behind that, is to be sent again. */
static void came_back(struct draft *d)
{
	const struct mark *m = d->m;
	size_t k = first_bit(m->back);
	draft_bounced(d, draft_pos(d, k), draft_id(d, k));
	if (d->held)
		k = 0;
	else if (m->from < k)
		k = m->from;
	if (!d->held)
		held_from(d, k);
	else
		draft_first(d, &m->was);
	for (; k < d->p->events; k++)
		draft_recount(d, k, OUTCOME_HELD);
}

/* False: nothing is to be said of it. */
static bool common_row(struct draft *d)
{
	const struct mark *m = d->m;
	const struct piece *p = d->p;
	for (size_t k = 0; k < p->events; k++) {
		if (bit(m->ended, k))
			draft_recount(d, k, OUTCOME_LEFT);
		else if (bit(m->back, k))
			count_bounced(d, k);
	}
	if (m->ended) {
		d->out->end = true;
		d->out->pos = draft_pos(d, first_bit(m->ended));
		if (m->begun)
			confirm_ended(d);
	} else if (m->begun && confirm_common(d)) {
		return d->out->hold.reason != HOLD_NONE;
	} else if (m->back) {
		came_back(d);
	} else if (m->from < p->events) {
		d->out->pos = draft_pos(d, m->from);
		d->out->hold = m->was;
		d->out->hold.reason = m->why;
		d->out->hold.due_ms = m->due_ms;
		d->out->hold.urgent = m->urgent;
		d->out->hold.condition[0] = '\0';
		held_from(d, m->from);
	} else {
		return false;
	}
	return true;
}

/* ---- All of them ------------------------------------------------------------------ */

static void count_moves(struct engine *e, const struct store_done_row *row)
{
	struct store_counters sum = {0};
	for (size_t i = 0; i < row->move_count; i++) {
		enum store_count to = row->moves[i].to;
		sum.taken += to == COUNT_TAKEN;
		sum.sent += to == COUNT_SENT;
		sum.dead += to == COUNT_DEAD;
		sum.bounced += to == COUNT_BOUNCED;
		sum.left += to == COUNT_LEFT;
		sum.skipped += to == COUNT_SKIPPED;
		sum.filtered += to == COUNT_FILTERED;
		sum.expired += to == COUNT_EXPIRED;
		sum.superseded += to == COUNT_SUPERSEDED;
	}
	flight_count(e, &sum);
}

/* When is it to be looked at next? */
static void look_again(struct feed *f, const struct piece *p, const struct mark *m,
		       const struct store_done_row *row)
{
	bool more = p->holds && (m->beyond || (row && !row->end && row->hold.reason &&
					       !row->hold.due_ms));
	if (more)
		due_add(f, p->first);
	else if (row && !row->end && row->hold.reason)
		due_hint(f->engine, row->hold.due_ms);
}

size_t holds_done(struct part *q, struct store_done_row *out)
{
	struct piece *p = q->piece;
	size_t n = 0;
	for (size_t i = 0; i < p->mark_count; i++) {
		const struct mark *m = p->marks[i];
		if (m->unit < q->first || m->unit >= q->first + q->count)
			continue;
		const struct store_row *row = &p->run->rows[m->row];
		struct draft d = {.q = q,
				  .p = p,
				  .m = m,
				  .row = row,
				  .held = !p->holds && sub_held(&row->sub),
				  .out = &out[n],
				  .moves = xcalloc(2 * p->events + 1, sizeof(*d.moves))};
		out[n] = (struct store_done_row){.jid = row->jid,
						 .was = row->sub.hold,
						 .was_len = row->sub.hold_len,
						 .unprove = m->unprove,
						 .moves = d.moves};
		bool any = p->holds ? holds_served(&d) : common_row(&d);
		look_again(p->feed, p, m, any ? &out[n] : NULL);
		if (!any) {
			free(d.moves);
			continue;
		}
		count_moves(p->feed->engine, &out[n]);
		n++;
	}
	return n;
}
