#include "work/hub.h"
#include "work/look.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/* What the hub shows of feeds to those who have them as contacts. */

struct contact_ask {
	struct hub *hub;
	char *feed;
	void *arg;
	hub_look_cb cb;
};

static void end(struct contact_ask *a, enum belfry_err err, struct look *look)
{
	a->cb(a->arg, err, look ? &look->shown : NULL);
	if (look && a->hub->shown)
		a->hub->shown(a->hub->shown_arg, a->feed, look);
	else
		look_free(look);
	free(a->feed);
	free(a);
}

static void on_look(void *arg, enum belfry_err err, struct look *look)
{
	end(arg, err, look);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct contact_ask *a = arg;
	struct sub_options options = {0};
	(void)created;
	if (!err)
		sub_options_read(&row->sub, &options);
	if (!err && !options.contact)
		err = BELFRY_ENOENT;
	if (err)
		end(a, err, NULL);
	else
		look_get(a->hub->store, a->feed, on_look, a);
}

void hub_look(void *hub, const char *feed, const char *jid, hub_look_cb cb, void *arg)
{
	struct contact_ask *a = xcalloc(1, sizeof(*a));
	a->hub = hub;
	a->feed = xstrdup(feed);
	a->cb = cb;
	a->arg = arg;
	struct store *s = a->hub->store;
	s->ops->sub_get(s, a->feed, jid, on_row, a);
}

/* ---- Cards ----------------------------------------------------------------------- */

struct card_ask {
	struct hub *hub;
	void *arg;
	hub_card_cb cb;
	struct hub_feed feed; /* its texts are owned */
};

static void card_free(struct card_ask *a)
{
	/* They were made by on_feed(). */
	free((void *)(uintptr_t)a->feed.name);
	free((void *)(uintptr_t)a->feed.title);
	free((void *)(uintptr_t)a->feed.description);
	free(a);
}

static void on_face(void *arg, enum belfry_err err, const struct store_face *face)
{
	struct card_ask *a = arg;
	/* It may have gone since the feed was read. */
	if (err == BELFRY_ENOENT) {
		a->cb(a->arg, BELFRY_OK, &a->feed, NULL);
	} else if (err) {
		a->cb(a->arg, err, NULL, NULL);
	} else {
		struct hub_face f = {.type = face->type,
				     .sha1 = face->sha1,
				     .data = face->data,
				     .len = face->len,
				     .width = face->width,
				     .height = face->height};
		a->cb(a->arg, BELFRY_OK, &a->feed, &f);
	}
	card_free(a);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void on_feed(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct card_ask *a = arg;
	struct store *s = a->hub->store;
	if (err || !feed->face) {
		a->cb(a->arg, err, feed, NULL);
		card_free(a);
		return;
	}
	a->feed = *feed;
	a->feed.name = xstrdup(feed->name);
	a->feed.title = copy(feed->title);
	a->feed.description = copy(feed->description);
	a->feed.face = NULL;
	s->ops->face_get(s, a->feed.name, on_face, a);
}

void hub_card(void *hub, const char *who, const char *feed, hub_card_cb cb, void *arg)
{
	struct card_ask *a = xcalloc(1, sizeof(*a));
	a->hub = hub;
	a->cb = cb;
	a->arg = arg;
	hub_feed(hub, who, feed, on_feed, a);
}
