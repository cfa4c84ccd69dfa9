#include "work/hub.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/*
 * The newest events of the feeds that somebody follows: as many of each as are asked for,
 * and of those the newest. Each call may bring HUB_RECENT_MAX documents.
 */
#define READS_UNDER_WAY 4
/* Of a feed, where what is newest is not to be shown. */
#define READS_MAX 5

struct recent;
struct source {
	struct recent *recent;
	const char *feed;
	size_t shown;
	unsigned reads;
};
struct kept {
	const char *feed; /* a source's */
	char *id, *item;
	struct pos pos;
	uint64_t at_ms;
	struct event event;
};
struct recent {
	struct hub *hub;
	hub_items_cb cb;
	void *arg;
	size_t limit;
	enum belfry_err err; /* the first failure; no more is asked then */
	struct hub_followed *followed;
	struct source sources[HUB_FOLLOWED_MAX];
	size_t count;
	size_t asked, under_way;	  /* of the sources */
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
	for (size_t i = 0; i < q->kept_count; i++)
		kept_free(&q->kept[i]);
	hub_followed_free(q->followed, q->count);
	free(q);
}

static void finish(struct recent *q)
{
	struct hub_item items[HUB_RECENT_MAX];
	for (size_t i = 0; i < q->kept_count; i++) {
		const struct kept *k = &q->kept[i];
		items[i] = (struct hub_item){.feed = k->feed,
					     .id = k->id,
					     .item = k->item,
					     .pos = k->pos,
					     .at_ms = k->at_ms,
					     .event = &k->event};
	}
	q->cb(q->arg, q->err, q->err ? NULL : items, q->err ? 0 : q->kept_count);
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

static bool is_shown(const struct store_event *e)
{
	return e->kind == EVENT_ITEM && !e->gone && !hub_event_expired(e);
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

static void read_before(struct source *from, struct pos pos);

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct source *from = arg;
	struct recent *q = from->recent;
	q->under_way--;
	if (err && err != BELFRY_ENOFEED) /* deleted meanwhile */
		q->err = err;
	for (size_t i = 0; !err && i < count && from->shown < q->limit; i++) {
		if (!is_shown(&events[i]))
			continue;
		from->shown++;
		keep(q, from->feed, &events[i]);
	}
	if (!q->err && more && from->shown < q->limit && from->reads < READS_MAX)
		read_before(from, events[count - 1].pos);
	else
		read_on(q);
}

/* POS 0-0: the newest. */
static void read_before(struct source *from, struct pos pos)
{
	struct recent *q = from->recent;
	struct store *s = q->hub->store;
	from->reads++;
	q->under_way++;
	s->ops->events(s, from->feed, pos, true, q->limit, on_events, from);
}

static void read_on(struct recent *q)
{
	while (!q->err && q->under_way < READS_UNDER_WAY && q->asked < q->count)
		read_before(&q->sources[q->asked++], (struct pos){0, 0});
	if (q->under_way == 0)
		finish(q);
}

static void on_found(void *arg, enum belfry_err err, struct hub_followed *list,
		     size_t count, bool more)
{
	struct recent *q = arg;
	(void)more;
	q->err = !err && count == 0 ? BELFRY_ENOENT : err;
	q->followed = list;
	q->count = count;
	for (size_t i = 0; i < count; i++)
		q->sources[i] = (struct source){.recent = q, .feed = list[i].feed};
	read_on(q);
}

void hub_recent(void *hub, const char *who, size_t limit, hub_items_cb cb, void *arg)
{
	struct recent *q = xcalloc(1, sizeof(*q));
	q->hub = hub;
	q->cb = cb;
	q->arg = arg;
	q->limit = limit < HUB_RECENT_MAX ? limit : HUB_RECENT_MAX;
	hub_search(hub, who, "", HUB_FOLLOWED_MAX, true, on_found, q);
}
