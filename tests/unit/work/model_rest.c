#include "model.h"

#include <stdlib.h>

static bool is_tried(const struct sub_hold *h)
{
	return h->tries && h->condition[0];
}

struct looking {
	struct model *m;
	bool reading;
	struct pos head;
	bool done, waits;
	uint32_t next;
};

/* For good: a pause, or a dead letter. What is due some time is not over; but who is not
 * there to confirm what he has waits for that, and so does what else there is. */
static bool is_final(const struct looking *l, const struct person *p,
		     const struct sub *sub)
{
	const struct sub_hold *h = &p->kept;
	struct sub_options o;
	sub_options_read(sub, &o);
	if (h->awaited && !l->reading && !h->again_ms && !is_tried(h) &&
	    (pos_cmp(h->counted, l->head) >= 0 || p->known == AVAIL_OFFLINE))
		return true;
	return !h->due_ms && (h->reason == HOLD_DEAD || o.paused);
}

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct looking *l = arg;
	for (size_t i = 0; !err && i < count; i++) {
		struct person *p = &l->m->p[atoi(rows[i].jid + 4)];
		if (!sub_held(&rows[i].sub))
			continue;
		sub_hold_read(&rows[i].sub, &p->kept);
		l->waits |= !is_final(l, p, &rows[i].sub);
	}
	l->next = next;
	l->done = true;
}

bool rest_is_over(struct model *m, bool reading)
{
	struct looking l = {
		.m = m, .reading = reading, .head = world_feed_get(&m->w, "feed").head};
	for (size_t i = 0; i < PEOPLE; i++)
		m->p[i].kept = (struct sub_hold){0};
	do {
		l.done = false;
		m->w.app->ops->sub_list(m->w.app, "feed", l.next, 1000, on_rows, &l);
		world_until(&m->w, &l.done);
	} while (l.next);
	return !l.waits;
}

bool rest_holds(const struct model *m, size_t event, size_t person)
{
	const struct sub_hold *h = &m->p[person].kept;
	struct pos pos = m->e[event].pos;
	return h->reason &&
	       (pos_cmp(pos, hold_reached(h)) > 0 ||
		((h->reason != HOLD_CONFIRM || h->again_ms) && hold_awaits(h, pos)));
}

void rest_let_go(struct model *m)
{
	const struct sub_change c = {.set = SUB_SET_PAUSED, .only_existing = true};
	for (size_t i = 0; i < PEOPLE; i++) {
		if (!m->p[i].kept.reason)
			continue;
		holds_change(m, &m->p[i], &c);
		holds_order(m, &m->p[i], ORDER_REDRIVE);
	}
}
