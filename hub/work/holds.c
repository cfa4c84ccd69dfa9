#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

/*
 * A remote server's refusal comes after the barrier, within: Prosody tries to reach one
 * for 90 s, ejabberd for some 50.
 */
#define PROVE_FIRST_MS 100000  /* ... before the rest is sent after one try */
#define PROVE_MS (3600 * 1000) /* ... before all is forgotten */

static const struct pos nowhere;

/* All before POS: n are consecutive within an epoch. */
static struct pos before(struct pos pos)
{
	return (struct pos){pos.epoch, pos.n - 1};
}

/* Has its failures come late? Then what is taken may still come back. */
static bool proves(const struct sub_hold *h)
{
	return pos_cmp(h->counted, nowhere) != 0;
}

/* ---- A row of done ---------------------------------------------------------------- */

struct draft {
	struct part *q;
	struct piece *p;
	const struct mark *m;
	const struct store_row *row;
	bool held; /* in a common pass: it was when it was read */
	struct store_done_row *out;
	struct store_move *moves;
};

static struct pos event_pos(const struct draft *d, size_t k)
{
	return rows_event(d->p, k)->pos;
}

static size_t first_bit(uint64_t bits)
{
	return (size_t)__builtin_ctzll(bits);
}

static bool bit(uint64_t bits, size_t k)
{
	return bits >> k & 1;
}

static void move(struct draft *d, size_t k, enum store_count from, enum store_count to)
{
	d->moves[d->out->move_count++] = (struct store_move){event_pos(d, k), from, to};
}

static enum store_count count_of(enum outcome o, enum sub_format format)
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
static void hold_again(struct draft *d, struct pos pos, const char *event)
{
	struct engine *e = d->p->feed->engine;
	const struct mark *m = d->m;
	d->out->pos = pos;
	hold_bounced(e, &m->was, m->class, m->condition, d->p->run->now_ms,
		     &d->out->hold);
	hold_died(e, d->p->feed->name, event, d->row->jid, &m->was, &d->out->hold);
}

static const char *id_of(const struct draft *d, size_t k)
{
	const char *id = rows_event(d->p, k)->id;
	return id ? id : "";
}

/* ---- In a common pass ------------------------------------------------------------- */

static enum gate gate_of(const struct draft *d)
{
	return rows_gate(d->p, d->m->row);
}

/* What event K was counted as in the window; false: it was not looked at for it. */
static bool counted_as(const struct draft *d, size_t k, enum outcome *o)
{
	switch (rows_want(d->p, d->m->unit, d->m->row, gate_of(d), k)) {
	case WANT_NOT:
		return false;
	case WANT_HELD:
		*o = OUTCOME_HELD;
		break;
	case WANT_SENT:
		if (!rows_outcome(d->m, k, o))
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
static void recount(struct draft *d, size_t k, enum outcome to)
{
	struct store_counters *c = &d->q->counts[k];
	enum sub_format format = d->row->sub.format;
	enum outcome was;
	if (!counted_as(d, k, &was) || was == to)
		return;
	if (d->held) {
		move(d, k, count_of(was, format), count_of(to, format));
		return;
	}
	uncount(c, format, was);
	policy_count(c, format, to);
}

static void count_bounced(struct draft *d, size_t k)
{
	if (d->held)
		move(d, k, COUNT_NONE, COUNT_BOUNCED);
	else
		d->q->counts[k].bounced++;
}

/* From event K on it is held. */
static void held_from(struct draft *d, size_t k)
{
	d->out->hold.pos = before(event_pos(d, k));
	d->out->hold.counted = nowhere;
}

/* What came back, and all behind that, is to be sent again. */
static void came_back(struct draft *d)
{
	const struct mark *m = d->m;
	size_t k = first_bit(m->back);
	hold_again(d, event_pos(d, k), id_of(d, k));
	if (d->held)
		k = 0;
	else if (m->from < k)
		k = m->from;
	if (!d->held)
		held_from(d, k);
	for (; k < d->p->events; k++)
		recount(d, k, OUTCOME_HELD);
}

/* False: nothing is to be said of it. */
static bool common_row(struct draft *d)
{
	const struct mark *m = d->m;
	const struct piece *p = d->p;
	for (size_t k = 0; k < p->events; k++) {
		if (bit(m->ended, k))
			recount(d, k, OUTCOME_LEFT);
		else if (bit(m->back, k))
			count_bounced(d, k);
	}
	if (m->ended) {
		d->out->end = true;
		d->out->pos = event_pos(d, first_bit(m->ended));
	} else if (m->back) {
		came_back(d);
	} else if (m->from < p->events) {
		d->out->pos = event_pos(d, m->from);
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

/* ---- In a pass over holds --------------------------------------------------------- */

/* Is event K counted as taken for it, from before it came back late? */
static bool counted(const struct draft *d, size_t k)
{
	return sub_hold_counted(&d->m->was, event_pos(d, k));
}

/*
 * Urgent events were sent before their time, and will be again, as this hold does not
 * tell any more: the store counts them all as held. Not so those before event BACK.
 */
static void urgent_moves(struct draft *d, size_t back)
{
	enum store_count taken = count_of(OUTCOME_TAKEN, d->row->sub.format);
	for (size_t k = d->m->from; k < back; k++)
		if (rows_event(d->p, k)->event.priority == PRIORITY_URGENT &&
		    pos_cmp(rows_event(d->p, k)->its, d->row->sub.since) > 0)
			move(d, k, COUNT_HELD, taken);
}

/* What became of the events that it was sent, up to the one that came back. */
static void serve_moves(struct draft *d)
{
	const struct mark *m = d->m;
	enum sub_format format = d->row->sub.format;
	enum store_count taken = count_of(OUTCOME_TAKEN, format);
	bool together = m->act == ACT_DIGEST;
	bool again_whole = together && m->back && !m->ended;
	uint64_t came = together && m->back ? m->together : m->back;
	uint64_t ended = together && m->ended ? m->together : m->ended;
	size_t back = m->back && !together ? first_bit(m->back) : m->past;
	if (m->ended)
		back = m->past;
	for (size_t k = m->from; k < d->p->events; k++) {
		enum outcome o;
		/* What was left out of what came back will be again. */
		if (!rows_outcome(m, k, &o) || (again_whole && !bit(came, k)))
			continue;
		enum store_count now = counted(d, k) ? taken : COUNT_HELD;
		bool again = pos_cmp(event_pos(d, k), m->was.counted) <= 0;
		enum store_count to = k < back		  ? count_of(o, format)
				      : k > back && again ? taken
							  : COUNT_HELD;
		if (together && bit(came, k))
			to = COUNT_HELD;
		if (bit(ended, k))
			to = COUNT_LEFT;
		if (now != to &&
		    (now == COUNT_HELD || to == COUNT_HELD || to == COUNT_LEFT))
			move(d, k, now, to);
		if (bit(came, k))
			move(d, k, COUNT_NONE, COUNT_BOUNCED);
	}
}

static void drop_moves(struct draft *d)
{
	for (size_t k = d->m->from; k < d->m->past; k++)
		if (rows_want(d->p, d->m->unit, d->m->row, GATE_DUE, k) == WANT_HELD &&
		    !counted(d, k))
			move(d, k, COUNT_HELD, COUNT_DEAD);
}

/* Nothing came back: it has had what is up to POS. */
static void reached(struct draft *d, struct pos pos)
{
	const struct sub_hold *was = &d->m->was;
	struct sub_hold *h = &d->out->hold;
	struct pos cursor = d->p->run->buckets[0].cursor;
	bool tried = hold_tries(was), late = proves(was);
	*h = *was;
	h->pos = pos;
	/* Of what is on its way, a part is gone: the rest is still to be sent. */
	if (sub_hold_members(was) && pos_cmp(pos, was->end) < 0 &&
	    pos_cmp(pos, cursor) < 0) {
		h->due_ms = 0;
		return;
	}
	sub_hold_digest(h, nowhere, 0);
	h->due_ms = tried && late ? PROVE_FIRST_MS : 0;
	if (h->due_ms && h->reason != HOLD_DROPPED)
		h->reason = HOLD_BOUNCED; /* it waits no longer by choice */
	if (tried)
		h->condition[0] = '\0';
	if (tried && !late)
		h->tries = 0;
	if (!h->tries)
		h->first_ms = 0;
	if (pos_cmp(pos, cursor) < 0)
		return;
	h->reason = h->tries && was->reason != HOLD_DROPPED ? HOLD_PROVING : HOLD_NONE;
	h->due_ms = PROVE_MS;
	h->pos = h->counted = nowhere;
	h->urgent = false;
}

/* It came back, and waits as it is: unless what was sent before its time is to be sent
 * again, and is not in it. */
static void keep_digest(struct draft *d)
{
	const struct sub_hold *was = &d->m->was;
	struct sub_hold *h = &d->out->hold;
	if (was->urgent && (d->m->act != ACT_DIGEST || h->reason != HOLD_BOUNCED))
		return;
	h->urgent = was->urgent;
	h->end = was->end;
	h->members = was->members;
}

/* Up to where it was served. */
static struct pos range_end(const struct draft *d)
{
	const struct mark *m = d->m;
	if (m->past == d->p->events)
		return d->p->to;
	if (m->past > m->from)
		return event_pos(d, m->past - 1);
	return sub_hold_members(&m->was) ? m->was.end : m->span_to;
}

static void served_row(struct draft *d)
{
	const struct mark *m = d->m;
	serve_moves(d);
	if (m->ended) {
		d->out->end = true;
		d->out->pos = event_pos(d, first_bit(m->ended));
	} else if (m->back && m->act == ACT_DIGEST) {
		hold_again(d, event_pos(d, first_bit(m->back)), "");
		keep_digest(d);
	} else if (m->back) {
		size_t k = first_bit(m->back);
		hold_again(d, event_pos(d, k), id_of(d, k));
		d->out->hold.pos = before(event_pos(d, k));
		if (m->was.urgent)
			urgent_moves(d, k);
	} else {
		reached(d, range_end(d));
	}
	fate_keep(d->p, m, &d->out->hold);
}

static void told_row(struct draft *d)
{
	const struct mark *m = d->m;
	struct pos trimmed = d->p->run->trimmed;
	if (m->told_ended) {
		d->out->end = true;
	} else if (m->told_back) {
		hold_again(d, d->p->run->buckets[0].cursor, "");
		keep_digest(d);
	} else {
		reached(d, trimmed);
		fate_keep(d->p, m, &d->out->hold);
		d->p->feed->engine->counters.gaps += m->told;
	}
}

/* False: nothing is to be said of it now. */
static bool due_row(struct draft *d)
{
	const struct mark *m = d->m;
	d->out->pos = d->p->run->buckets[0].cursor;
	switch (m->act) {
	case ACT_CHOOSE:
		d->out->hold = m->was_digest;
		d->out->hold.due_ms = 0;
		fate_fix(m, &d->out->hold);
		return true;
	case ACT_SERVE:
	case ACT_DIGEST:
		if (!m->beyond)
			served_row(d);
		return !m->beyond;
	case ACT_DROP:
		drop_moves(d);
		if (!m->beyond)
			reached(d, d->p->to);
		return !m->beyond;
	case ACT_TELL:
		told_row(d);
		return true;
	case ACT_WAIT:
		d->out->hold = m->was;
		d->out->hold.reason = m->why;
		d->out->hold.due_ms = m->due_ms;
		d->out->hold.urgent = m->was.urgent && m->urgent;
		if (d->out->hold.urgent != m->was.urgent)
			sub_hold_digest(&d->out->hold, nowhere, 0);
		return true;
	case ACT_END:
	case ACT_COMMON:
		break;
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
						 .moves = d.moves};
		bool any = p->holds ? due_row(&d) : common_row(&d);
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
