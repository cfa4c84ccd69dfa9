#include "work/hub.h"

#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/*
 * The feeds that somebody follows. No index leads from a follower to the feeds, so they
 * are walked in order of names, and each is asked for its row. What one question costs is
 * bounded: pages, feeds found, calls under way.
 */
#define PAGE 100
#define PAGES_MAX 100
#define ROWS_UNDER_WAY 32

struct search;
struct candidate {
	struct search *search;
	struct hub_followed found;
	bool follows;
};
struct search {
	struct hub *hub;
	hub_search_cb cb;
	void *arg;
	char *who, *bare;
	char *after; /* the last name of the page before */
	bool reads;
	size_t limit;
	enum belfry_err err; /* the first failure; no more is asked then */
	size_t pages;
	bool more; /* feeds follow those that were listed, or found */
	/* Of the page: how many were asked, and do not answer yet. */
	size_t asked, under_way;
	struct candidate page[PAGE];
	size_t page_count;
	struct hub_followed *found; /* owned, with its texts */
	size_t found_count;
};

static void followed_clear(const struct hub_followed *f)
{
	/* They were made by this file. */
	free((void *)(uintptr_t)f->feed);
	free((void *)(uintptr_t)f->sub.options);
}

void hub_followed_free(struct hub_followed *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		followed_clear(&list[i]);
	free(list);
}

static void finish(struct search *q)
{
	enum belfry_err err = q->err;
	if (!err && q->found_count == 0 && q->more)
		err = BELFRY_EFULL;
	if (err) {
		hub_followed_free(q->found, q->found_count);
		q->cb(q->arg, err, NULL, 0, false);
	} else {
		q->cb(q->arg, BELFRY_OK, q->found, q->found_count, q->more);
	}
	free(q->who);
	free(q->bare);
	free(q->after);
	free(q);
}

static void next_page(struct search *q);

static void page_done(struct search *q)
{
	for (size_t i = 0; i < q->page_count; i++) {
		const struct candidate *c = &q->page[i];
		if (c->follows && q->found_count < q->limit) {
			q->found[q->found_count++] = c->found;
		} else {
			q->more = q->more || c->follows;
			followed_clear(&c->found);
		}
	}
	q->page_count = q->asked = 0;
	if (!q->err && q->more && q->pages < PAGES_MAX && q->found_count < q->limit)
		next_page(q);
	else
		finish(q);
}

static void look_on(struct search *q);

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct candidate *c = arg;
	struct search *q = c->search;
	(void)created;
	q->under_way--;
	c->follows = !err;
	if (!err) {
		c->found.sub = row->sub;
		if (row->sub.options != NULL)
			c->found.sub.options =
				xmemdup0(row->sub.options, row->sub.options_len);
	} else if (err != BELFRY_ENOENT && err != BELFRY_ENOFEED) {
		q->err = err;
	}
	look_on(q);
}

static void look_on(struct search *q)
{
	struct store *s = q->hub->store;
	while (!q->err && q->under_way < ROWS_UNDER_WAY && q->asked < q->page_count) {
		struct candidate *c = &q->page[q->asked++];
		q->under_way++;
		s->ops->sub_get(s, c->found.feed, q->bare, on_row, c);
	}
	if (q->under_way == 0)
		page_done(q);
}

static void on_page(void *arg, enum belfry_err err, const struct store_feed *feeds,
		    size_t count, bool more)
{
	struct search *q = arg;
	q->err = err;
	q->more = !err && more && count > 0;
	for (size_t i = 0; !err && i < count; i++)
		if (!q->reads || !hub_bars(&feeds[i], q->who))
			q->page[q->page_count++] = (struct candidate){
				.search = q, .found.feed = xstrdup(feeds[i].name)};
	if (q->more) {
		free(q->after);
		q->after = xstrdup(feeds[count - 1].name);
	}
	look_on(q);
}

static void next_page(struct search *q)
{
	struct store *s = q->hub->store;
	q->pages++;
	s->ops->feed_list(s, q->after, PAGE, on_page, q);
}

void hub_search(struct hub *hub, const char *who, const char *after, size_t limit,
		bool reads, hub_search_cb cb, void *arg)
{
	struct search *q = xcalloc(1, sizeof(*q));
	q->hub = hub;
	q->cb = cb;
	q->arg = arg;
	q->who = xstrdup(who);
	q->bare = jid_bare(who);
	q->after = xstrdup(after);
	q->reads = reads;
	q->limit = limit < HUB_FOLLOWED_MAX ? limit : HUB_FOLLOWED_MAX;
	q->found = xcalloc(q->limit + 1, sizeof(*q->found));
	next_page(q);
}

/* ---- For the XMPP side ------------------------------------------------------------ */

struct following {
	hub_followed_cb cb;
	void *arg;
};

static void on_found(void *arg, enum belfry_err err, struct hub_followed *list,
		     size_t count, bool more)
{
	struct following *f = arg;
	f->cb(f->arg, err, list, count, more);
	hub_followed_free(list, count);
	free(f);
}

void hub_following(void *hub, const char *who, const char *after, size_t limit,
		   hub_followed_cb cb, void *arg)
{
	struct following *f = xcalloc(1, sizeof(*f));
	f->cb = cb;
	f->arg = arg;
	hub_search(hub, who, after, limit, false, on_found, f);
}
