#include "work/hub.h"

#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/*
 * The newest events of the feeds that somebody follows. No index leads from a follower to
 * the feeds, so they are walked in order of names, and each is asked for its row. What
 * one question costs is bounded: pages, feeds read, calls under way.
 */
#define PAGE 100
#define PAGES_MAX 100
#define FOLLOWED_MAX 200
#define ROWS_UNDER_WAY 32
/* Each may bring HUB_RECENT_MAX documents. */
#define READS_UNDER_WAY 4

struct recent;
struct candidate {
	struct recent *recent;
	char *feed;
	bool follows;
};
struct kept {
	const char *feed; /* a candidate's */
	char *id, *item;
	struct pos pos;
	uint64_t at_ms;
	struct event event;
};
struct recent {
	struct hub *hub;
	hub_items_cb cb;
	void *arg;
	char *who, *bare;
	char *after; /* the last name of the page before */
	size_t limit;
	enum belfry_err err; /* the first failure; no more is asked then */
	size_t pages;
	bool more; /* feeds follow those that were listed */
	/* Of the page, then of those followed: how many were asked, and do not answer
	 * yet. */
	size_t asked, under_way;
	struct candidate page[PAGE];
	size_t page_count;
	struct candidate followed[FOLLOWED_MAX];
	size_t followed_count;
	struct kept kept[HUB_RECENT_MAX]; /* oldest first */
	size_t kept_count;
};

static void kept_free(struct kept *k)
{
	free(k->id);
	free(k->item);
	event_free(&k->event);
}

static void recent_free(struct recent *q)
{
	for (size_t i = 0; i < q->followed_count; i++)
		free(q->followed[i].feed);
	for (size_t i = 0; i < q->kept_count; i++)
		kept_free(&q->kept[i]);
	free(q->who);
	free(q->bare);
	free(q->after);
	free(q);
}

static void finish(struct recent *q)
{
	struct hub_item items[HUB_RECENT_MAX];
	enum belfry_err err = q->err;
	if (!err && q->followed_count == 0)
		err = q->more ? BELFRY_EFULL : BELFRY_ENOENT;
	for (size_t i = 0; i < q->kept_count; i++) {
		const struct kept *k = &q->kept[i];
		items[i] = (struct hub_item){.feed = k->feed,
					     .id = k->id,
					     .item = k->item,
					     .pos = k->pos,
					     .at_ms = k->at_ms,
					     .event = &k->event};
	}
	q->cb(q->arg, err, err ? NULL : items, err ? 0 : q->kept_count);
	recent_free(q);
}

/* ---- Events ---------------------------------------------------------------------- */

static bool is_older(const struct store_event *e, const char *feed, const struct kept *k)
{
	int order = strcmp(feed, k->feed);
	if (e->at_ms != k->at_ms)
		return e->at_ms < k->at_ms;
	return order != 0 ? order < 0 : pos_cmp(e->pos, k->pos) < 0;
}

static void keep(struct recent *q, const char *feed, const struct store_event *e)
{
	struct event event;
	size_t at = q->kept_count;
	while (at > 0 && is_older(e, feed, &q->kept[at - 1]))
		at--;
	bool full = q->kept_count == q->limit;
	if ((full && at == 0) || !hub_event_parse(e, &event))
		return;
	if (full) {
		kept_free(&q->kept[0]);
		memmove(q->kept, q->kept + 1, --at * sizeof(*q->kept));
	} else {
		memmove(q->kept + at + 1, q->kept + at,
			(q->kept_count++ - at) * sizeof(*q->kept));
	}
	q->kept[at] = (struct kept){.feed = feed,
				    .id = xstrdup(e->id),
				    .item = xstrdup(e->item),
				    .pos = e->pos,
				    .at_ms = e->at_ms,
				    .event = event};
}

static void read_on(struct recent *q);

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct candidate *c = arg;
	struct recent *q = c->recent;
	(void)more;
	q->under_way--;
	if (err && err != BELFRY_ENOFEED) /* deleted meanwhile */
		q->err = err;
	for (size_t i = 0; !err && i < count; i++)
		keep(q, c->feed, &events[i]);
	read_on(q);
}

static void read_on(struct recent *q)
{
	struct store *s = q->hub->store;
	while (!q->err && q->under_way < READS_UNDER_WAY &&
	       q->asked < q->followed_count) {
		struct candidate *c = &q->followed[q->asked++];
		q->under_way++;
		s->ops->events(s, c->feed, (struct pos){0, 0}, true, q->limit, on_events,
			       c);
	}
	if (q->under_way == 0)
		finish(q);
}

/* ---- Feeds ----------------------------------------------------------------------- */

static void next_page(struct recent *q);

static void page_done(struct recent *q)
{
	for (size_t i = 0; i < q->page_count; i++) {
		if (q->page[i].follows && q->followed_count < FOLLOWED_MAX)
			q->followed[q->followed_count++] = q->page[i];
		else
			free(q->page[i].feed);
	}
	q->page_count = q->asked = 0;
	if (!q->err && q->more && q->pages < PAGES_MAX &&
	    q->followed_count < FOLLOWED_MAX)
		next_page(q);
	else
		read_on(q);
}

static void look_on(struct recent *q);

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct candidate *c = arg;
	struct recent *q = c->recent;
	(void)row;
	(void)created;
	q->under_way--;
	c->follows = !err;
	if (err && err != BELFRY_ENOENT && err != BELFRY_ENOFEED)
		q->err = err;
	look_on(q);
}

static void look_on(struct recent *q)
{
	struct store *s = q->hub->store;
	while (!q->err && q->under_way < ROWS_UNDER_WAY && q->asked < q->page_count) {
		struct candidate *c = &q->page[q->asked++];
		q->under_way++;
		s->ops->sub_get(s, c->feed, q->bare, on_row, c);
	}
	if (q->under_way == 0)
		page_done(q);
}

static void on_page(void *arg, enum belfry_err err, const struct store_feed *feeds,
		    size_t count, bool more)
{
	struct recent *q = arg;
	q->err = err;
	q->more = !err && more && count > 0;
	for (size_t i = 0; !err && i < count; i++) {
		if (!hub_shows(q->hub, &feeds[i], q->who))
			continue;
		q->page[q->page_count++] =
			(struct candidate){.recent = q, .feed = xstrdup(feeds[i].name)};
	}
	if (q->more) {
		free(q->after);
		q->after = xstrdup(feeds[count - 1].name);
	}
	look_on(q);
}

static void next_page(struct recent *q)
{
	struct store *s = q->hub->store;
	q->pages++;
	s->ops->feed_list(s, q->after, PAGE, on_page, q);
}

void hub_recent(void *hub, const char *who, size_t limit, hub_items_cb cb, void *arg)
{
	struct recent *q = xcalloc(1, sizeof(*q));
	q->hub = hub;
	q->cb = cb;
	q->arg = arg;
	q->who = xstrdup(who);
	q->bare = jid_bare(who);
	q->after = xstrdup("");
	q->limit = limit < HUB_RECENT_MAX ? limit : HUB_RECENT_MAX;
	next_page(q);
}
