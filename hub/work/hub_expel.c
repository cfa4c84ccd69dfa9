#include "work/hub_int.h"

#include <belfry/base/buf.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define SWEEP_PAGE 200
#define SWEEP_PAUSE_MS 5 /* between two pages */

/* ---- One of them ----------------------------------------------------------------- */

struct expelling {
	struct hub *hub;
	struct turn *turn;
	char *feed, *jid;
	store_cb cb;
	void *arg;
	unsigned tries;
	/* What it is to be told: what it had, and how; the JID that it had it with. */
	struct store_notice notice;
	char *told;
};

static void end(struct expelling *x, enum belfry_err err)
{
	struct turn *turn = x->turn;
	struct hub *hub = x->hub;
	x->cb(x->arg, err);
	free(x->feed);
	free(x->jid);
	free(x->told);
	free(x);
	turn_end(hub, turn);
}

static void set_told(struct expelling *x, const char *jid)
{
	free(x->told);
	x->told = xstrdup(jid);
}

static void on_noticed(void *arg, enum belfry_err err)
{
	struct expelling *x = arg;
	if (err)
		log_warn("an outcast will not be told that it is one",
			 log_s("feed", x->feed), log_s("jid", x->jid),
			 log_s("why", belfry_err_text(err)));
	end(x, BELFRY_OK);
}

static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct expelling *x = arg;
	struct store *s = x->hub->store;
	struct sub_options options = {0};
	(void)created;
	if (!err) {
		sub_options_read(&row->sub, &options);
		x->notice.kind = NOTICE_WITHDRAWN;
		x->notice.format = row->sub.format;
		x->notice.contact = options.contact;
		set_told(x, x->jid);
	}
	if ((err && err != BELFRY_ENOENT) || !x->notice.kind) {
		end(x, err == BELFRY_ENOENT ? BELFRY_OK : err);
		return;
	}
	x->notice.feed = x->feed;
	x->notice.jid = x->told;
	s->ops->notice_put(s, &x->notice, on_noticed, x);
}

static void look(struct expelling *x);

static void on_ended(void *arg, enum belfry_err err)
{
	struct expelling *x = arg;
	struct store *s = x->hub->store;
	if (err == BELFRY_ESTALE && ++x->tries < HUB_TRIES)
		look(x);
	else if (err)
		end(x, err == BELFRY_ESTALE ? BELFRY_EAWAY : err);
	else
		s->ops->leave(s, x->feed, x->jid, on_left, x);
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct expelling *x = arg;
	struct store *s = x->hub->store;
	if (err || p->state == PENDING_REFUSED) {
		on_ended(x, err == BELFRY_ENOENT ? BELFRY_OK : err);
		return;
	}
	struct store_pending none = *p;
	none.state = PENDING_NONE;
	/* Who was denied before knows. */
	x->notice = (struct store_notice){
		.kind = p->state == PENDING_OWNERS   ? NOTICE_TURNED_AWAY
			: p->state == PENDING_PERSON ? NOTICE_UNINVITED
						     : NOTICE_NONE,
		.format = p->format,
		.contact = p->options.contact};
	set_told(x, p->jid);
	s->ops->pending_put(s, x->feed, &none, p->state, NOTICE_NONE, on_ended, x);
}

static void look(struct expelling *x)
{
	struct store *s = x->hub->store;
	x->notice.kind = NOTICE_NONE;
	s->ops->pending_get(s, x->feed, x->jid, on_pending, x);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct expelling *x = arg;
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
		look(x);
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
	if (err)
		sweep_end(w, err);
	else
		expel_next(w);
}

static void expel_next(struct sweep *w)
{
	if (w->jid < w->jids.len) {
		const char *jid = w->jids.data + w->jid;
		w->jid += strlen(jid) + 1;
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

static void next_page(void *arg)
{
	struct sweep *w = arg;
	struct store *s = w->hub->store;
	buf_clear(&w->jids);
	w->jid = 0;
	s->ops->feed_get(s, w->feed, on_page_feed, w);
}

void hub_sweep(struct hub *hub, const char *feed, store_cb cb, void *arg)
{
	struct sweep *w = xcalloc(1, sizeof(*w));
	w->hub = hub;
	w->feed = xstrdup(feed);
	w->cb = cb;
	w->arg = arg;
	w->pause = loop_timer_create(hub->loop, next_page, w);
	w->next = hub->sweeps;
	hub->sweeps = w;
	next_page(w);
}
