#include "work/holds_int.h"

/*
 * Rows that confirm what they get (XEP-0184), and have shown that they do. What such a
 * row was sent is kept as a hold, from before the first event that is not confirmed; what
 * of it is awaited are bits. As long as there is room in the window, it goes along with
 * its bucket all the same. Else what is new waits until something is confirmed.
 */
#define CHECK_MS RECEIPTS_CHECK_MS
#define RESENDS_MAX 3

static const struct pos nowhere;

/* Is there room for POS behind BASE? A window does not cross an epoch. */
static bool has_room(struct pos base, struct pos pos)
{
	return pos.epoch == base.epoch && pos.n - base.n <= HOLD_WINDOW;
}

/* ---- In a common pass ------------------------------------------------------------- */

bool confirm_gate(const struct sub *sub, struct pos cursor)
{
	struct sub_hold h;
	sub_hold_read(sub, &h);
	if (!h.reason || h.reason == HOLD_PROVING)
		return true;
	return h.reason == HOLD_CONFIRM && h.awaited && pos_cmp(h.counted, cursor) >= 0;
}

static void begin(struct mark *m, struct pos first)
{
	m->begun = true;
	m->base = m->was.awaited ? m->was.pos : (struct pos){first.epoch, first.n - 1};
}

void confirm_pass(struct piece *p, size_t unit, size_t row, size_t k)
{
	struct mark *m = rows_mark_make(p, unit, row);
	if (m->was.awaited && !m->begun)
		begin(m, rows_event(p, k)->pos);
}

enum want confirm_want(struct piece *p, size_t unit, size_t row, size_t k)
{
	const struct log_event *ev = rows_event(p, k);
	uint64_t due_ms;
	confirm_pass(p, unit, row, k);
	struct mark *m = rows_mark(p, row);
	if (k >= m->from)
		return m->urgent && ev->event.priority == PRIORITY_URGENT ? WANT_SENT
									  : WANT_HELD;
	/* Asked again about what was sent, it says the same. */
	enum hold_reason why = rows_waits(p, row, ev->event.priority, &due_ms);
	if (why) {
		m->from = k;
		m->why = why;
		m->due_ms = due_ms;
		m->urgent = !m->begun && !rows_waits(p, row, PRIORITY_URGENT, &due_ms);
		return WANT_HELD;
	}
	if (!m->begun)
		begin(m, ev->pos);
	if (has_room(m->base, ev->pos))
		return WANT_SENT;
	m->from = k;
	m->full = true;
	return WANT_HELD;
}

bool confirm_count(struct piece *p, size_t row, size_t k, enum outcome o,
		   struct store_counters *count)
{
	struct mark *m = rows_mark(p, row);
	if (!m || !m->was.awaited)
		return false;
	rows_note(p, m, k, o);
	count->held++;
	return true;
}

/* What became of event K, which it was sent; false: it was not. */
static bool outcome(const struct draft *d, size_t k, enum outcome *o)
{
	enum gate gate = rows_gate(d->p, d->m->row);
	if (rows_want(d->p, d->m->unit, d->m->row, gate, k) != WANT_SENT)
		return false;
	if (!rows_outcome(d->m, k, o))
		*o = send_outcome(d->p, d->row, rows_event(d->p, k), d->q->grouped);
	return true;
}

/* When is H to be looked at next, if it gets nothing more now? A delay. */
static uint64_t look_in(const struct draft *d, struct sub_hold *h, bool full)
{
	uint64_t now = d->p->run->now_ms, at = now + CHECK_MS;
	if (!full)
		h->give_up_ms = 0;
	if (full && !h->again_ms && !h->give_up_ms) {
		enum availability a = rows_seen(d->p, d->m->row);
		if (a == AVAIL_UNKNOWN || a == AVAIL_OFFLINE)
			h->give_up_ms = now + RECEIPTS_GIVE_UP_MS;
		else
			h->again_ms = now + RECEIPTS_GRACE_MS;
	}
	if (h->again_ms && h->again_ms < at)
		at = h->again_ms;
	if (h->give_up_ms && h->give_up_ms < at)
		at = h->give_up_ms;
	return at > now ? at - now : 0;
}

/* While a stanza was looked for that ends streams, some of it was sent before the last of
 * them ended, and may be lost; there was no hold yet that told so. */
static void repeat_former(const struct draft *d, struct sub_hold *h)
{
	if (!d->m->former)
		return;
	h->again_ms = d->p->run->now_ms + RECEIPTS_GRACE_MS;
	h->end = nowhere;
}

/* Gathers what is awaited of the events before TILL, and counts it, if it was held. */
static void gather(struct draft *d, struct sub_hold *h, size_t till)
{
	for (size_t k = 0; k < till; k++) {
		enum outcome o;
		if (outcome(d, k, &o) && o == OUTCOME_TAKEN)
			hold_await(h, draft_pos(d, k));
	}
}

void draft_first(struct draft *d, const struct sub_hold *h)
{
	struct pos first = {h->pos.epoch, h->pos.n + 1};
	if (!h->awaited || hold_tries(&d->m->was))
		return;
	for (size_t k = 0; !d->held && k < d->p->events; k++)
		if (pos_cmp(draft_pos(d, k), first) == 0)
			draft_recount(d, k, OUTCOME_HELD);
	if (d->held && pos_cmp(first, d->m->was.counted) <= 0)
		d->moves[d->out->move_count++] =
			(struct store_move){first, COUNT_TAKEN, COUNT_HELD};
}

/* Those before TILL were sent, and counted as held until now; but for FIRST. */
static void sent_moves(struct draft *d, size_t till, struct pos first)
{
	for (size_t k = 0; d->held && k < till; k++) {
		enum outcome o;
		if (outcome(d, k, &o) && pos_cmp(draft_pos(d, k), first) != 0)
			draft_move(d, k, COUNT_HELD,
				   draft_count_of(o, d->row->sub.format));
	}
}

void confirm_ended(struct draft *d)
{
	for (size_t k = 0; d->held && k < d->p->events; k++) {
		enum outcome o;
		if (!(d->m->ended >> k & 1) && outcome(d, k, &o))
			draft_move(d, k, COUNT_HELD,
				   draft_count_of(o, d->row->sub.format));
	}
}

/* How far it has got: what was sent, but for what came back, and is behind that. */
static struct pos sent_to(const struct draft *d, size_t till, size_t back)
{
	const struct piece *p = d->p;
	if (back < p->events)
		return (struct pos){draft_pos(d, back).epoch, draft_pos(d, back).n - 1};
	if (till == p->events)
		return p->to;
	return till ? draft_pos(d, till - 1) : d->m->was.counted;
}

static void common_back(struct draft *d, const struct sub_hold *h, size_t back)
{
	struct sub_hold *out = &d->out->hold;
	for (size_t k = back; !d->held && k < d->p->events; k++)
		draft_recount(d, k, OUTCOME_HELD);
	draft_first(d, h);
	sent_moves(d, back, (struct pos){h->pos.epoch, h->pos.n + 1});
	draft_bounced(d, draft_pos(d, back), draft_id(d, back));
	out->pos = h->pos;
	out->counted = h->counted;
	out->awaited = h->awaited;
	out->again_ms = out->give_up_ms = 0;
	out->end = nowhere;
}

/* Nothing of a whole window could be sent, or of an epoch: the rest is due at once. */
static bool goes_on(struct draft *d)
{
	struct pos pos = draft_pos(d, d->m->from);
	d->out->pos = pos;
	d->out->hold = d->m->was;
	d->out->hold.reason = HOLD_CONFIRM;
	d->out->hold.due_ms = 0;
	d->out->hold.pos = (struct pos){pos.epoch, pos.n - 1};
	d->out->hold.counted = nowhere;
	return true;
}

bool confirm_common(struct draft *d)
{
	const struct mark *m = d->m;
	struct sub_hold h = m->was;
	size_t end = d->p->events,
	       back = m->back ? (size_t)__builtin_ctzll(m->back) : end;
	size_t till = m->from < back ? m->from : back;
	if (!d->held)
		h.pos = h.counted = nowhere;
	gather(d, &h, till);
	if (!h.awaited && m->full && back == end)
		return goes_on(d);
	if (!h.awaited)
		return false;
	h.counted = sent_to(d, till, back);
	d->out->pos = till ? draft_pos(d, till - 1) : d->p->run->buckets[m->unit].cursor;
	if (back < end) {
		common_back(d, &h, back);
		return true;
	}
	sent_moves(d, till, nowhere);
	repeat_former(d, &h);
	h.reason = m->why ? m->why : HOLD_CONFIRM;
	h.due_ms = m->why ? m->due_ms : look_in(d, &h, m->full);
	h.condition[0] = '\0';
	h.urgent = false;
	if (pos_cmp(h.counted, h.span_to) >= 0)
		h.span_from = h.span_to = nowhere;
	d->out->hold = h;
	return true;
}

/* ---- In a pass over holds --------------------------------------------------------- */

/* It does not confirm any more: what is awaited was taken, and that is that. */
static void settle(struct mark *m)
{
	struct sub_hold *h = &m->was;
	if (h->awaited)
		h->pos = h->counted;
	h->awaited = h->again_ms = h->give_up_ms = h->resends = 0;
	h->end = nowhere;
	m->resend = false;
}

void confirm_due(const struct piece *p, struct mark *m)
{
	const struct store_run *run = p->run;
	const struct store_row *row = &run->rows[m->row];
	struct sub_hold *h = &m->was;
	/* Who waited was not looked at when a stream began: he is sent it again, too. */
	bool waited = h->reason != HOLD_CONFIRM;
	bool failed = hold_tries(h) || h->reason == HOLD_BOUNCED;
	m->proven = sub_proven(&row->sub, NULL);
	if (sub_hold_members(h)) {
		/* A digest of before, which nobody can confirm. */
		m->unprove = m->proven;
		m->proven = false;
		return;
	}
	if (waited) /* ... and what was sent again before that */
		h->end = nowhere;
	bool again = h->again_ms && h->again_ms <= run->now_ms;
	bool late = h->give_up_ms && h->give_up_ms <= run->now_ms;
	if (m->proven && !waited && (again || late) &&
	    rows_seen(p, m->row) == AVAIL_OFFLINE) {
		/* It will be asked for when he is there. */
		h->again_ms = h->give_up_ms = 0;
		again = late = false;
	}
	m->resend = h->awaited && (again || waited);
	bool begins = m->resend && pos_cmp(h->end, nowhere) == 0;
	if (m->proven && !failed && h->awaited &&
	    (late || (begins && h->resends >= RESENDS_MAX))) {
		m->unprove = true;
		m->proven = false;
	}
	/* It is, or was, to be sent again: some of it may have come back, of which
	 * nothing else is known. */
	bool back = failed || h->tries || (h->again_ms && !m->unprove);
	if (!m->proven && back)
		m->resend = h->awaited;
	else if (!m->proven)
		settle(m);
	m->floor = h->awaited && !m->resend ? h->counted : h->pos;
	if (m->resend && pos_cmp(h->end, m->floor) > 0)
		m->floor = h->end; /* as far as it was sent again already */
}

void confirm_range(const struct piece *p, struct mark *m)
{
	struct pos base = m->was.pos;
	for (size_t k = m->from; k < m->past; k++) {
		struct pos pos = rows_event(p, k)->pos;
		if (!m->was.awaited && k == m->from)
			base = (struct pos){pos.epoch, pos.n - 1};
		if (has_room(base, pos) ||
		    (m->was.awaited && pos_cmp(pos, m->was.counted) <= 0))
			continue;
		m->full = true;
		m->past = k;
	}
}

/* How far it was sent to. */
static struct pos served_to(const struct draft *d)
{
	const struct mark *m = d->m;
	if (m->past == d->p->events)
		return d->p->to;
	if (m->past > m->from)
		return draft_pos(d, m->past - 1);
	return !m->full && pos_cmp(m->span_to, m->floor) > 0 ? m->span_to : m->floor;
}

/* What became of the events that it was sent, before BACK; FIRST is held. */
static void served_moves(struct draft *d, size_t back, struct pos first)
{
	const struct mark *m = d->m;
	for (size_t k = m->from; k < d->p->events; k++) {
		enum outcome o;
		if (!rows_outcome(m, k, &o))
			continue;
		if (m->back >> k & 1)
			draft_move(d, k, COUNT_NONE, COUNT_BOUNCED);
		enum store_count to = draft_count_of(o, d->row->sub.format);
		if (k < back && !draft_counted(d, k) &&
		    pos_cmp(draft_pos(d, k), first) != 0)
			draft_move(d, k, COUNT_HELD, to);
	}
}

static void served_back(struct draft *d, const struct sub_hold *h, size_t back)
{
	const struct sub_hold *was = &d->m->was;
	struct sub_hold *out = &d->out->hold;
	struct pos first = {h->pos.epoch, h->pos.n + 1}, pos = draft_pos(d, back);
	bool tried = hold_tries(was) && pos_cmp(was->pos, h->pos) == 0;
	served_moves(d, back, first);
	if (was->urgent)
		draft_urgent(d, back);
	if (!tried && pos_cmp(first, was->counted) <= 0)
		d->moves[d->out->move_count++] =
			(struct store_move){first, COUNT_TAKEN, COUNT_HELD};
	draft_bounced(d, pos, draft_id(d, back));
	out->pos = h->pos;
	out->awaited = h->awaited;
	out->counted = pos_cmp(pos, was->counted) > 0 ? (struct pos){pos.epoch, pos.n - 1}
						      : was->counted;
	out->again_ms = out->give_up_ms = 0;
	out->end = nowhere;
}

/* It goes on, and what it was sent is awaited. */
static void served_well(struct draft *d, struct sub_hold *h, struct pos to)
{
	const struct mark *m = d->m;
	bool tried = hold_tries(&m->was);
	struct sub_hold rest = *h;
	hold_forget(&rest, to);
	bool partly = m->resend && rest.awaited && !m->former;
	bool more = pos_cmp(h->counted, d->p->run->buckets[0].cursor) < 0;
	h->reason = HOLD_CONFIRM;
	h->condition[0] = '\0';
	if (h->urgent && !more) {
		draft_urgent(d, d->p->events);
		h->urgent = false;
	}
	h->resends += m->resend && pos_cmp(h->end, nowhere) == 0;
	h->end = partly ? to : nowhere;
	if (m->resend)
		h->again_ms = partly ? d->p->run->now_ms : 0;
	repeat_former(d, h);
	h->due_ms = look_in(d, h, more && m->full);
	if (partly || (more && !m->full))
		h->due_ms = tried ? RECEIPTS_GRACE_MS : 0;
	d->out->hold = *h;
}

/* Of what was sent again with that which came back, event BACK, all is to be once more.
 */
static void repeat_counted(const struct draft *d, struct sub_hold *h, size_t back)
{
	const struct mark *m = d->m;
	for (size_t k = back; k < m->past; k++) {
		enum outcome o;
		if (rows_outcome(m, k, &o) &&
		    pos_cmp(draft_pos(d, k), m->was.counted) <= 0)
			hold_await(h, draft_pos(d, k));
	}
}

bool confirm_served(struct draft *d)
{
	const struct mark *m = d->m;
	struct sub_hold h = m->was;
	size_t back = m->back ? (size_t)__builtin_ctzll(m->back) : d->p->events;
	for (size_t k = m->from; k < m->past && k < back; k++) {
		enum outcome o;
		if (!rows_outcome(m, k, &o))
			continue;
		if (o == OUTCOME_TAKEN)
			hold_await(&h, draft_pos(d, k));
		else if (hold_awaits(&h, draft_pos(d, k)))
			h.awaited &= ~((uint64_t)1 << (draft_pos(d, k).n - h.pos.n - 1));
	}
	if (!m->was.awaited && m->back)
		repeat_counted(d, &h, back);
	struct pos to = served_to(d);
	/* All that is counted is repeated, and there is more of it. */
	if (!m->was.awaited && pos_cmp(to, m->was.counted) < 0)
		return false;
	if (pos_cmp(to, h.counted) > 0)
		h.counted = to;
	if (h.awaited)
		hold_forget(&h, h.pos);
	if (!h.awaited)
		return false;
	d->out->pos = d->p->run->buckets[0].cursor;
	if (m->back) {
		served_back(d, &h, back);
		return true;
	}
	served_moves(d, back, nowhere);
	served_well(d, &h, to);
	return true;
}
