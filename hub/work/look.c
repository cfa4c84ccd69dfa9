#include "work/look.h"
#include "work/hub.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/presence.h>

#include <stdlib.h>
#include <string.h>

#define WHY_SIZE 128
#define LOOK_BACK 4 /* newest events, of which some may have been taken back */

struct looking {
	struct store *store;
	char *feed;
	struct look *look;
	look_cb cb;
	void *arg;
};

void look_free(struct look *l)
{
	if (!l)
		return;
	/* They were made here. */
	free((void *)(uintptr_t)l->shown.status);
	free((void *)(uintptr_t)l->shown.face);
	free(l);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool look_same(const struct look *a, const struct look *b, bool set)
{
	if (!same(a->shown.show, b->shown.show) || !same(a->shown.face, b->shown.face))
		return false;
	if (set)
		return a->status_set == b->status_set &&
		       (!a->status_set || same(a->shown.status, b->shown.status));
	return same(a->shown.status, b->shown.status);
}

static void end(struct looking *l, enum belfry_err err)
{
	struct looking o = *l;
	free(l);
	free(o.feed);
	if (err) {
		look_free(o.look);
		o.look = NULL;
	}
	o.cb(o.arg, err, o.look);
}

/* Malloc'ed; NULL: there is nothing to see of it. */
static char *title_text(const char *title)
{
	size_t len = title ? strlen(title) : 0, at = 0;
	uint32_t cp;
	for (size_t n = 0; n < LOOK_TITLE_MAX && at < len; n++)
		at += utf8_decode(title + at, len - at,
				  &cp); /* an event's text is valid */
	return at ? xmemdup0(title, at) : NULL;
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *events,
		     size_t count, bool more)
{
	struct looking *l = arg;
	struct event e;
	(void)more;
	size_t i = 0;
	while (!err && i < count && (events[i].kind == EVENT_RETRACT || events[i].gone))
		i++;
	if (!err && i < count && hub_event_parse(&events[i], &e)) {
		l->look->shown.status = title_text(e.title);
		event_free(&e);
	}
	end(l, err);
}

static void read_presence(struct look *look, const struct store_feed *feed)
{
	struct feed_presence p;
	char why[WHY_SIZE];
	if (!feed->presence)
		return;
	if (feed_presence_parse(&p, feed->presence, strlen(feed->presence), why,
				sizeof(why))) {
		log_warn("a feed's presence is unreadable, shown as available",
			 log_s("feed", feed->name), log_s("why", why));
		return;
	}
	if (p.show != SHOW_AVAILABLE)
		look->shown.show = feed_show_text(p.show);
	look->status_set = p.status != NULL;
	look->shown.status = p.status;
	p.status = NULL; /* moved */
	feed_presence_free(&p);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct looking *l = arg;
	struct store *s = l->store;
	(void)created;
	if (err) {
		end(l, err);
		return;
	}
	l->look = xcalloc(1, sizeof(*l->look));
	l->look->contacts = feed->contacts;
	l->look->shown.face = feed->face ? xstrdup(feed->face) : NULL;
	read_presence(l->look, feed);
	if (l->look->shown.status || feed->head.n == 0 || feed->contacts == 0)
		end(l, BELFRY_OK);
	else
		s->ops->events(s, l->feed, (struct pos){0, 0}, true, LOOK_BACK, on_event,
			       l);
}

void look_get(struct store *s, const char *feed, look_cb cb, void *arg)
{
	struct looking *l = xcalloc(1, sizeof(*l));
	l->store = s;
	l->feed = xstrdup(feed);
	l->cb = cb;
	l->arg = arg;
	s->ops->feed_get(s, l->feed, on_feed, l);
}
