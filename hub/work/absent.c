#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

/*
 * Who came while it was being written that it is held until it comes: nobody wakes it
 * then, as there was no hold yet. So what was seen is compared once more, when the store
 * has answered.
 */
struct absent {
	struct absent *next;
	char *feed, *jid;
	enum availability seen;
};

struct absent *absent_of(const struct part *q)
{
	const struct piece *p = q->piece;
	struct absent *list = NULL;
	for (size_t i = 0; p->seen && i < p->mark_count; i++) {
		const struct mark *m = p->marks[i];
		if ((m->why != HOLD_OFFLINE && m->why != HOLD_SHOW) ||
		    m->unit < q->first || m->unit >= q->first + q->count)
			continue;
		struct absent *a = xcalloc(1, sizeof(*a));
		a->feed = xstrdup(p->feed->name);
		a->jid = xstrdup(p->run->rows[m->row].jid);
		a->seen = rows_seen(p, m->row);
		a->next = list;
		list = a;
	}
	return list;
}

/* What is not known yet wakes it when it is. */
static void check(struct engine *e, const struct absent *a)
{
	bool soon = false;
	enum availability now = e->o.presence(e->o.arg, a->feed, a->jid, &soon);
	if (now != a->seen && now != AVAIL_OFFLINE && !(now == AVAIL_UNKNOWN && soon))
		e->o.wake(e->o.arg, a->feed, a->jid);
}

void absent_told(struct engine *e, struct absent *list)
{
	for (struct absent *next; list; list = next) {
		next = list->next;
		if (e->owned)
			check(e, list);
		free(list->feed);
		free(list->jid);
		free(list);
	}
}
