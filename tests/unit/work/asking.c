#include "asking.h"

#include <stdio.h>
#include <string.h>

static char ours[] = "example.org";
static char *const trusted[] = {ours, NULL};

void ask_on_sub(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	(void)sub;
	(void)created;
	struct reply *r = arg;
	r->err = err;
	r->done = true;
}

void ask_on_items(void *arg, enum belfry_err err, const struct hub_item *items,
		  size_t count)
{
	struct reply *r = arg;
	r->err = err;
	for (size_t i = 0; i < count; i++) {
		strcat(r->text, items[i].event->title);
		strcat(r->text, " ");
		snprintf(r->feeds + strlen(r->feeds), sizeof(r->feeds) - strlen(r->feeds),
			 "%s ", items[i].feed);
	}
	r->done = true;
}

void ask_on_following(void *arg, enum belfry_err err, const struct hub_followed *list,
		      size_t count, bool more)
{
	struct reply *r = arg;
	r->err = err;
	r->more = more;
	for (size_t i = 0; i < count; i++) {
		struct sub_options o;
		sub_options_read(&list[i].sub, &o);
		snprintf(r->feeds + strlen(r->feeds), sizeof(r->feeds) - strlen(r->feeds),
			 "%s%s%c%s ", list[i].feed, o.at_least ? "!" : "=",
			 (char)list[i].sub.format, o.tag_count ? o.tags[0] : "");
	}
	r->done = true;
}

void ask_begin(struct world *w, struct hub *h)
{
	world_start(w);
	*h = (struct hub){.store = w->app, .trusted_domains = trusted};
	world_feed(w, "a-local", "{\"title\":\"Ours\"}");
	world_feed(w, "b-open", "{\"access\":\"open\"}");
	world_feed(w, "c-list",
		   "{\"access\":\"whitelist\",\"whitelist\":[\"alice@example.org\"]}");
	world_feed(w, "d-open", "{\"access\":\"open\"}");
}

void ask_commit(struct world *w, uint64_t at_ms, const char *feed, const char *title)
{
	char doc[64];
	snprintf(doc, sizeof(doc), "{\"title\":\"%s\"}", title);
	w->at_ms = at_ms;
	world_commit(w, feed, doc);
}

struct reply ask_recent(struct world *w, struct hub *h, const char *who, size_t limit)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->recent(x.hub, who, limit, ask_on_items, &r);
	world_until(w, &r.done);
	return r;
}

struct reply ask_following(struct world *w, struct hub *h, const char *who,
			   const char *after, size_t limit)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->following(x.hub, who, after, limit, ask_on_following, &r);
	world_until(w, &r.done);
	return r;
}

/* ---- Watching what it costs ---- */

static const struct store_ops *real;
unsigned asked_pages, asked_rows;
size_t asked_at_once;

void asked_page(struct store *s, const char *after, size_t limit, store_feeds_cb cb,
		void *arg)
{
	asked_pages++;
	real->feed_list(s, after, limit, cb, arg);
}

static void count_rows(struct store *s, const char *feed, const char *jid,
		       store_row_cb cb, void *arg)
{
	asked_rows++;
	real->sub_get(s, feed, jid, cb, arg);
	if (real->pending(s) > asked_at_once)
		asked_at_once = real->pending(s);
}

void ask_watch(struct world *w)
{
	static struct store_ops watched;
	real = w->app->ops;
	watched = *real;
	watched.feed_list = asked_page;
	watched.sub_get = count_rows;
	w->app->ops = &watched;
	asked_pages = asked_rows = 0;
	asked_at_once = 0;
}
