#include "work/hub_int.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define SWEEP_PAGE 200
#define SWEEP_PAUSE_MS 5  /* between two pages */
#define ROOM_PAUSE_MS 200 /* until some of those who left were told */

/* ---- One of them ----------------------------------------------------------------- */

struct expelling {
	struct hub *hub;
	struct turn *turn;
	char *feed, *jid;
	store_cb cb;
	void *arg;
	unsigned tries;
	bool told; /* that it follows no more */
};

static void end(struct expelling *x, enum belfry_err err)
{
	struct turn *turn = x->turn;
	struct hub *hub = x->hub;
	x->cb(x->arg, err);
	free(x->feed);
	free(x->jid);
	free(x);
	turn_end(hub, turn);
}

static void look(struct expelling *x);

static void on_ended(void *arg, enum belfry_err err)
{
	struct expelling *x = arg;
	if (err == BELFRY_ESTALE && ++x->tries < STORE_TRIES)
		look(x);
	else
		end(x, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
}

/* Who was denied before knows, and who has no invitation yet is to get none. */
static enum notice_kind news(enum pending_state state)
{
	return state == PENDING_OWNERS	  ? NOTICE_TURNED_AWAY
	       : state == PENDING_INVITED ? NOTICE_UNINVITED
					  : NOTICE_NONE;
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct expelling *x = arg;
	struct store *s = x->hub->store;
	if (err || p->state == PENDING_REFUSED) {
		end(x, err == BELFRY_ENOENT ? BELFRY_OK : err);
		return;
	}
	struct store_pending none = *p;
	none.state = PENDING_NONE;
	none.seen_jid = p->jid;
	s->ops->pending_put(s, x->feed, &none, p->state,
			    x->told ? NOTICE_NONE : news(p->state), on_ended, x);
}

static void look(struct expelling *x)
{
	struct store *s = x->hub->store;
	s->ops->pending_get(s, x->feed, x->jid, on_pending, x);
}

/* What waits cannot become a row any more: whoever lets in has to look at the feed. */
static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct expelling *x = arg;
	(void)row;
	(void)created;
	x->told = !err;
	if (err && err != BELFRY_ENOENT)
		end(x, err);
	else
		look(x);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct expelling *x = arg;
	struct store *s = x->hub->store;
	struct feed_config c;
	(void)created;
	if (err) {
		end(x, err);
		return;
	}
	/* It may have been forgiven since. */
	bool outcast = hub_read_config(feed, &c) &&
		       feed_affiliation_of(&c, x->jid) == AFFILIATION_OUTCAST;
	feed_config_free(&c);
	if (outcast)
		s->ops->expel(s, x->feed, x->jid, on_left, x);
	else
		end(x, BELFRY_OK);
}

static void begin(void *arg)
{
	struct expelling *x = arg;
	struct store *s = x->hub->store;
	s->ops->feed_get(s, x->feed, on_feed, x);
}

void hub_expel(struct hub *hub, const char *feed, const char *jid, store_cb cb, void *arg)
{
	struct expelling *x = xcalloc(1, sizeof(*x));
	x->hub = hub;
	x->feed = xstrdup(feed);
	x->jid = xstrdup(jid);
	x->cb = cb;
	x->arg = arg;
	x->turn = turn_take(hub, feed, jid, begin, x);
}

/* ---- All of a feed --------------------------------------------------------------- */

/*
 * One call at a time, with a pause behind each page: a million rows take half a minute,
 * and hold up nobody.
 */
struct sweep {
	struct sweep *next;
	struct hub *hub;
	struct loop_timer *pause;
	char *feed;
	store_cb cb;
	void *arg;
	struct feed_config c; /* as of this page */
	bool rows;	      /* the pending ones are done: they may become rows */
	uint64_t cursor;      /* of either */
	struct buf jids;      /* of the page: those who are to go, one after the other */
	size_t jid;	      /* the next one */
};

static void sweep_free(struct sweep *w)
{
	struct sweep **at = &w->hub->sweeps;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	loop_timer_destroy(w->pause);
	feed_config_free(&w->c);
	buf_free(&w->jids);
	free(w->feed);
	free(w);
}

void hub_forget_sweeps(struct hub *hub)
{
	while (hub->sweeps)
		sweep_free(hub->sweeps);
}

static void sweep_end(struct sweep *w, enum belfry_err err)
{
	store_cb cb = w->cb;
	void *arg = w->arg;
	sweep_free(w);
	cb(arg, err);
}

static void expel_next(struct sweep *w);

static void on_expelled(void *arg, enum belfry_err err)
{
	struct sweep *w = arg;
	if (err == BELFRY_EFULL) {
		loop_timer_arm(w->pause, ROOM_PAUSE_MS);
	} else if (err) {
		sweep_end(w, err);
	} else {
		w->jid += strlen(w->jids.data + w->jid) + 1;
		expel_next(w);
	}
}

static void expel_next(struct sweep *w)
{
	if (w->jid < w->jids.len) {
		const char *jid = w->jids.data + w->jid;
		hub_expel(w->hub, w->feed, jid, on_expelled, w);
	} else if (w->cursor || !w->rows) {
		w->rows = w->rows || !w->cursor;
		loop_timer_arm(w->pause, SWEEP_PAUSE_MS);
	} else {
		sweep_end(w, BELFRY_OK);
	}
}

static void found(struct sweep *w, const char *jid)
{
	if (feed_affiliation_of(&w->c, jid) == AFFILIATION_OUTCAST)
		buf_add(&w->jids, jid, strlen(jid) + 1);
}

static void page_end(struct sweep *w, enum belfry_err err, uint64_t next)
{
	w->cursor = next;
	if (err)
		sweep_end(w, err);
	else
		expel_next(w);
}

static void on_pendings(void *arg, enum belfry_err err, const struct store_pending *list,
			size_t count, uint64_t next)
{
	for (size_t i = 0; !err && i < count; i++)
		if (list[i].state != PENDING_REFUSED)
			found(arg, list[i].jid);
	page_end(arg, err, next);
}

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	for (size_t i = 0; !err && i < count; i++)
		found(arg, rows[i].jid);
	page_end(arg, err, next);
}

static void on_page_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
			 bool created)
{
	struct sweep *w = arg;
	struct store *s = w->hub->store;
	(void)created;
	feed_config_free(&w->c);
	if (!err && !hub_read_config(feed, &w->c))
		err = BELFRY_EINVAL;
	if (err || !w->c.outcasts)
		sweep_end(w, err);
	else if (w->rows)
		s->ops->sub_list(s, w->feed, (uint32_t)w->cursor, SWEEP_PAGE, on_rows, w);
	else
		s->ops->pending_list(s, w->feed, w->cursor, SWEEP_PAGE, on_pendings, w);
}

static void next_page(struct sweep *w)
{
	struct store *s = w->hub->store;
	buf_clear(&w->jids);
	w->jid = 0;
	s->ops->feed_get(s, w->feed, on_page_feed, w);
}

static void on_pause(void *arg)
{
	struct sweep *w = arg;
	if (w->jid < w->jids.len)
		expel_next(w);
	else
		next_page(w);
}

void hub_sweep(struct hub *hub, const char *feed, store_cb cb, void *arg)
{
	struct sweep *w = xcalloc(1, sizeof(*w));
	w->hub = hub;
	w->feed = xstrdup(feed);
	w->cb = cb;
	w->arg = arg;
	w->pause = loop_timer_create(hub->loop, on_pause, w);
	w->next = hub->sweeps;
	hub->sweeps = w;
	next_page(w);
}
