#include "model.h"

#include <stdlib.h>

struct looking {
	struct model *m;
	bool done, waits;
	uint32_t next;
};

/* For good: a pause, or a dead letter. What is due some time is not over. */
static bool is_final(const struct sub *sub, const struct sub_hold *h)
{
	struct sub_options o;
	sub_options_read(sub, &o);
	return !h->due_ms && (h->reason == HOLD_DEAD || o.paused);
}

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct looking *l = arg;
	for (size_t i = 0; !err && i < count; i++) {
		struct person *p = &l->m->p[atoi(rows[i].jid + 4)];
		struct sub_hold h;
		if (!sub_held(&rows[i].sub))
			continue;
		sub_hold_read(&rows[i].sub, &h);
		p->kept = true;
		p->kept_from = h.pos;
		l->waits |= !is_final(&rows[i].sub, &h);
	}
	l->next = next;
	l->done = true;
}

bool rest_is_over(struct model *m)
{
	struct looking l = {.m = m};
	for (size_t i = 0; i < PEOPLE; i++)
		m->p[i].kept = false;
	do {
		l.done = false;
		m->w.app->ops->sub_list(m->w.app, "feed", l.next, 1000, on_rows, &l);
		world_until(&m->w, &l.done);
	} while (l.next);
	return !l.waits;
}

bool rest_holds(const struct model *m, size_t event, size_t person)
{
	const struct person *p = &m->p[person];
	return p->kept && pos_cmp(m->e[event].pos, p->kept_from) > 0;
}

void rest_let_go(struct model *m)
{
	const struct sub_change c = {.set = SUB_SET_PAUSED, .only_existing = true};
	for (size_t i = 0; i < PEOPLE; i++) {
		if (!m->p[i].kept)
			continue;
		holds_change(m, &m->p[i], &c);
		holds_order(m, &m->p[i], ORDER_REDRIVE);
	}
}
