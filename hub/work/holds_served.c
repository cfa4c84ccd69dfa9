#include "work/holds_int.h"

/* What done says of rows whose holds were due. */

/*
 * A remote server's refusal comes after the barrier, within: Prosody tries to reach one
 * for 90 s, ejabberd for some 50.
 */
#define PROVE_FIRST_MS 100000  /* ... before the rest is sent after one try */
#define PROVE_MS (3600 * 1000) /* ... before all is forgotten */

static const struct pos nowhere;

/* Has its failures come late? Then what is taken may still come back. */
static bool proves(const struct sub_hold *h)
{
	return pos_cmp(h->counted, nowhere) != 0;
}

/* Is event K counted as taken for it, from before it came back late? */
bool draft_counted(const struct draft *d, size_t k)
{
	return sub_hold_counted(&d->m->was, draft_pos(d, k));
}

void draft_urgent(struct draft *d, size_t back)
{
	const struct sub_hold *was = &d->m->was;
	struct pos from = pos_cmp(was->counted, was->pos) > 0 ? was->counted : was->pos;
	enum store_count taken = draft_count_of(OUTCOME_TAKEN, d->row->sub.format);
	for (size_t k = d->m->from; k < back; k++)
		if (rows_event(d->p, k)->event.priority == PRIORITY_URGENT &&
		    pos_cmp(draft_pos(d, k), from) > 0 &&
		    pos_cmp(rows_event(d->p, k)->its, d->row->sub.since) > 0)
			draft_move(d, k, COUNT_HELD, taken);
}

/* What became of the events that it was sent, up to the one that came back. */
static void serve_moves(struct draft *d)
{
	const struct mark *m = d->m;
	enum sub_format format = d->row->sub.format;
	enum store_count taken = draft_count_of(OUTCOME_TAKEN, format);
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
		enum store_count now = draft_counted(d, k) ? taken : COUNT_HELD;
		bool again = pos_cmp(draft_pos(d, k), m->was.counted) <= 0;
		enum store_count to = k < back		  ? draft_count_of(o, format)
				      : k > back && again ? taken
							  : COUNT_HELD;
		if (together && bit(came, k))
			to = COUNT_HELD;
		if (bit(ended, k))
			to = COUNT_LEFT;
		if (now != to &&
		    (now == COUNT_HELD || to == COUNT_HELD || to == COUNT_LEFT))
			draft_move(d, k, now, to);
		if (bit(came, k))
			draft_move(d, k, COUNT_NONE, COUNT_BOUNCED);
	}
}

static void drop_moves(struct draft *d)
{
	for (size_t k = d->m->from; k < d->m->past; k++)
		if (rows_want(d->p, d->m->unit, d->m->row, GATE_DUE, k) == WANT_HELD &&
		    !draft_counted(d, k))
			draft_move(d, k, COUNT_HELD, COUNT_DEAD);
}

/* What is up to its new position is awaited no more. */
static void rest_awaited(struct sub_hold *h, const struct sub_hold *was)
{
	struct sub_hold rest = *was;
	if (!was->awaited)
		return;
	hold_forget(&rest, h->pos);
	h->awaited = rest.awaited;
	if (rest.awaited || pos_cmp(h->pos, rest.pos) < 0)
		h->pos = rest.pos;
}

/* Nothing came back: it has had what is up to POS. */
void draft_reached(struct draft *d, struct pos pos)
{
	const struct sub_hold *was = &d->m->was;
	struct sub_hold *h = &d->out->hold;
	struct pos cursor = d->p->run->buckets[0].cursor;
	bool tried = hold_tries(was), late = proves(was);
	*h = *was;
	h->pos = pos;
	rest_awaited(h, was);
	/* Of what is on its way, a part is gone: the rest is still to be sent. */
	if (sub_hold_members(was) && pos_cmp(pos, was->end) < 0 &&
	    pos_cmp(pos, cursor) < 0) {
		h->due_ms = 0;
		return;
	}
	if (!h->awaited)
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
	if (pos_cmp(h->pos, cursor) < 0)
		return;
	h->awaited = h->again_ms = h->resends = h->give_up_ms = 0;
	h->end = nowhere;
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
		return draft_pos(d, m->past - 1);
	return sub_hold_members(&m->was) ? m->was.end : m->span_to;
}

static void served_row(struct draft *d)
{
	const struct mark *m = d->m;
	if (!m->ended && m->proven && confirm_served(d)) {
		fate_keep(d->p, m, &d->out->hold);
		return;
	}
	serve_moves(d);
	if (m->ended) {
		d->out->end = true;
		d->out->pos = draft_pos(d, first_bit(m->ended));
	} else if (m->back && m->act == ACT_DIGEST) {
		draft_bounced(d, draft_pos(d, first_bit(m->back)), "");
		keep_digest(d);
	} else if (m->back) {
		size_t k = first_bit(m->back);
		draft_bounced(d, draft_pos(d, k), draft_id(d, k));
		d->out->hold.pos = pos_before(draft_pos(d, k));
		rest_awaited(&d->out->hold, &m->was);
		if (m->was.urgent)
			draft_urgent(d, k);
	} else {
		draft_reached(d, range_end(d));
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
		draft_bounced(d, d->p->run->buckets[0].cursor, "");
		/* What was chosen, and has not come back: it is chosen anew. */
		if (hold_tries(&m->was))
			keep_digest(d);
	} else {
		draft_reached(d, trimmed);
		fate_keep(d->p, m, &d->out->hold);
		d->p->feed->engine->counters.gaps += m->told;
	}
}

bool holds_served(struct draft *d)
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
			draft_reached(d, d->p->to);
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
