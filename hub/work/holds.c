#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <stdio.h>
#include <stdlib.h>

/* A remote server's refusal comes after the barrier, within: */
#define PROVE_FIRST_MS 30000   /* ... before the rest is sent after one try */
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

void hold_bounced(struct engine *e, const struct sub_hold *was, enum bounce_class class,
		  const char *condition, uint64_t now_ms, struct sub_hold *h)
{
	policy_bounce(&e->o.retry, was, class, condition, now_ms,
		      random_below(UINT32_MAX), h);
	if (!h->condition[0]) /* which says that the last try went well */
		snprintf(h->condition, sizeof(h->condition), "undefined-condition");
	h->urgent = false;
}

void hold_died(struct engine *e, const char *feed, const char *event, const char *jid,
	       const struct sub_hold *was, const struct sub_hold *h)
{
	if (h->reason != HOLD_DEAD || was->reason == HOLD_DEAD)
		return;
	e->counters.dead_letters++;
	log_warn("given up, a dead letter", log_s("feed", feed), log_s("event", event),
		 log_s("jid", jid), log_s("condition", h->condition),
		 log_u("tries", h->tries));
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
	const struct sub_hold *h = &d->m->was;
	struct pos pos = event_pos(d, k);
	bool first = pos_cmp(before(pos), h->pos) == 0;
	return pos_cmp(pos, h->counted) <= 0 && !(hold_tries(h) && first);
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
		    pos_cmp(event_pos(d, k), d->row->sub.since) > 0)
			move(d, k, COUNT_HELD, taken);
}

/* What became of the events that it was sent, up to the one that came back. */
static void serve_moves(struct draft *d)
{
	const struct mark *m = d->m;
	enum sub_format format = d->row->sub.format;
	enum store_count taken = count_of(OUTCOME_TAKEN, format);
	size_t back = m->back ? first_bit(m->back) : m->past;
	if (m->ended)
		back = m->past;
	for (size_t k = m->from; k < d->p->events; k++) {
		enum outcome o;
		if (!rows_outcome(m, k, &o))
			continue;
		enum store_count now = counted(d, k) ? taken : COUNT_HELD;
		enum store_count to = k < back	  ? count_of(o, format)
				      : k == back ? COUNT_HELD
						  : now;
		if (bit(m->ended, k))
			to = COUNT_LEFT;
		if (now != to &&
		    (now == COUNT_HELD || to == COUNT_HELD || to == COUNT_LEFT))
			move(d, k, now, to);
		if (bit(m->back, k))
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

static void served_row(struct draft *d)
{
	const struct mark *m = d->m;
	const struct piece *p = d->p;
	serve_moves(d);
	if (m->ended) {
		d->out->end = true;
		d->out->pos = event_pos(d, first_bit(m->ended));
	} else if (m->back) {
		size_t k = first_bit(m->back);
		hold_again(d, event_pos(d, k), id_of(d, k));
		d->out->hold.pos = before(event_pos(d, k));
		if (m->was.urgent)
			urgent_moves(d, k);
	} else {
		reached(d, m->past == p->events ? p->to : event_pos(d, m->past - 1));
	}
}

static void told_row(struct draft *d)
{
	const struct mark *m = d->m;
	struct pos trimmed = d->p->run->trimmed;
	if (m->told_ended) {
		d->out->end = true;
	} else if (m->told_back) {
		hold_again(d, d->p->run->buckets[0].cursor, "");
	} else {
		reached(d, trimmed);
		d->p->feed->engine->counters.gaps += m->told;
	}
}

/* False: nothing is to be said of it now. */
static bool due_row(struct draft *d)
{
	const struct mark *m = d->m;
	d->out->pos = d->p->run->buckets[0].cursor;
	switch (m->act) {
	case ACT_SERVE:
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
		if (d.held)
			late_check(p, m);
		n++;
	}
	return n;
}
