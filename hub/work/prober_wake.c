#include "work/prober_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* So many are remembered at once; the others are looked at in an hour. */
#define WAKES_MAX 20000
#define SAME_MAX 100 /* of them are looked at for one that is there already */
#define AWAY_MS 1000

struct waking {
	struct prober *p;
	struct glance *g;
};

/* ENOENT: it is not held, or for another reason. */
static void on_woken(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct waking w = *(struct waking *)arg;
	(void)row;
	(void)created;
	free(arg);
	w.p->calls--;
	w.p->stats.woken += err == BELFRY_OK;
	if (err == BELFRY_EAWAY || err == BELFRY_EFULL) {
		w.g->due_ms = clock_mono_ms() + AWAY_MS;
		glance_put(&w.p->wakes, w.g);
	} else {
		glance_free(w.g);
	}
	prober_arm(w.p);
}

void wake_next(struct prober *p)
{
	struct store *s = p->store;
	struct glance *g = glance_take(&p->wakes);
	if (g->due_ms > clock_mono_ms()) {
		glance_put(&p->wakes, g);
		return;
	}
	struct waking *w = xmalloc(sizeof(*w));
	*w = (struct waking){p, g};
	p->calls++;
	s->ops->hold_order(s, g->feed, g->jid, ORDER_WAKE, on_woken, w);
}

/* Who changes often is woken as often as he can be, and takes nobody's place. */
void prober_wake(struct prober *p, const char *feed, const char *jid)
{
	if (p->wakes.count < WAKES_MAX && !glance_find(&p->wakes, SAME_MAX, feed, jid))
		glance_add(&p->wakes, feed, jid);
	prober_arm(p);
}

/* Nobody goes offline to get something. Who was lost and is there again is looked at. */
void wake_heard(void *arg, const char *feed, const char *jid, const char *bare,
		enum availability was, enum availability now)
{
	struct prober *p = arg;
	if (now == AVAIL_OFFLINE)
		return;
	const char *row = availability_expected(p->o.availability, feed, bare);
	if (!now && !was && row && availability_soon(p->o.availability, feed, bare)) {
		prober_look(p, feed, row, false);
		return;
	}
	if (now != was)
		prober_wake(p, feed, bare);
	/* What is not known of the bare JID is not of the others. */
	if (strcmp(jid, bare) != 0)
		row = jid;
	if (row && strcmp(row, bare) != 0 &&
	    availability_by_resource(p->o.availability, feed, bare))
		prober_wake(p, feed, row);
}
