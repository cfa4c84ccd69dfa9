#include "work/hub_int.h"
#include "work/policy.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000 /* what the store gives at once */
/* Of a list, where most may be hidden; a turn of the loop reads one such page. */
#define PAGE_MIN 100
#define LOOK_MAX 10000 /* feeds that one list looks at */
#define WHY_SIZE 128

/* A question under way. Which members are set depends on the question. */
struct ask {
	struct hub *hub;
	void *arg;
	char *who, *feed;
	bool known; /* WHO follows it, or may because it was invited */
	size_t limit;
	char **ids;
	size_t id_count;
	union {
		hub_feeds_cb feeds;
		hub_feed_cb feed;
		hub_sub_cb sub;
		hub_items_cb items;
	} cb;
	struct hub_feed *found; /* of a list; the texts are owned */
	size_t found_count;
	size_t looked; /* of a list: feeds looked at */
};

static struct ask *ask_create(void *hub, const char *who, const char *feed, void *arg)
{
	struct ask *a = xcalloc(1, sizeof(*a));
	a->hub = hub;
	a->who = xstrdup(who);
	a->feed = xstrdup(feed);
	a->arg = arg;
	return a;
}

static void found_free(const struct hub_feed *f)
{
	/* They were made by found_add(). */
	free((void *)(uintptr_t)f->name);
	free((void *)(uintptr_t)f->title);
	free((void *)(uintptr_t)f->description);
}

static void ask_free(struct ask *a)
{
	for (size_t i = 0; i < a->found_count; i++)
		found_free(&a->found[i]);
	free(a->found);
	for (size_t i = 0; i < a->id_count; i++)
		free(a->ids[i]);
	free(a->ids);
	free(a->who);
	free(a->feed);
	free(a);
}

static struct hub_feed describe(const struct ask *a, const struct store_feed *f,
				const struct feed_config *c)
{
	return (struct hub_feed){.name = f->name,
				 .title = c->title,
				 .description = c->description,
				 .face = f->face,
				 .access = c->access,
				 .affiliation = feed_affiliation_of(c, a->who),
				 .subscribers = f->subscribers,
				 .max_items = c->max_items,
				 .created_ms = f->created_ms};
}

/* ---- Lists ----------------------------------------------------------------------- */

static void found_add(struct ask *a, const struct store_feed *f, struct feed_config *c)
{
	struct hub_feed *out = &a->found[a->found_count++];
	*out = describe(a, f, c);
	out->name = xstrdup(f->name);
	out->face = NULL;
	c->title = c->description = NULL; /* moved */
}

static void next_page(struct ask *a);

static void on_page(void *arg, enum belfry_err err, const struct store_feed *feeds,
		    size_t count, bool more)
{
	struct ask *a = arg;
	bool full = false;
	for (size_t i = 0; !err && i < count && !full; i++) {
		struct feed_config c;
		if (!hub_read_config(&feeds[i], &c))
			continue;
		bool may = feed_shows(&c, a->who, a->hub->trusted_domains);
		full = may && a->found_count == a->limit;
		if (may && !full)
			found_add(a, &feeds[i], &c);
		feed_config_free(&c);
	}
	a->looked += count;
	if (!err && more && count && !full && a->looked < LOOK_MAX) {
		free(a->feed);
		a->feed = xstrdup(feeds[count - 1].name);
		next_page(a);
		return;
	}
	/* Where it ended may be the name of a feed that WHO may not see. */
	if (!err && more && !full && a->found_count == 0)
		err = BELFRY_EFULL;
	if (err)
		a->cb.feeds(a->arg, err, NULL, 0, false);
	else
		a->cb.feeds(a->arg, BELFRY_OK, a->found, a->found_count, full || more);
	ask_free(a);
}

static void next_page(struct ask *a)
{
	struct store *s = a->hub->store;
	size_t want = a->limit - a->found_count + 1;
	want = want > PAGE_MIN ? want : PAGE_MIN;
	s->ops->feed_list(s, a->feed, want < PAGE_MAX ? want : PAGE_MAX, on_page, a);
}

static void hub_feeds(void *hub, const char *who, const char *after, size_t limit,
		      hub_feeds_cb cb, void *arg)
{
	struct ask *a = ask_create(hub, who, after ? after : "", arg);
	a->limit = limit < PAGE_MAX ? limit : PAGE_MAX;
	a->cb.feeds = cb;
	a->found = xcalloc(a->limit + 1, sizeof(*a->found));
	next_page(a);
}

/* ---- One feed -------------------------------------------------------------------- */

/* What the look-up of a feed ended in; if well, *C is its configuration. */
static enum belfry_err config_found(enum belfry_err err, const struct store_feed *feed,
				    struct feed_config *c)
{
	return err || hub_read_config(feed, c) ? err : BELFRY_EDENIED;
}

/* Who has nothing to do with a feed does not hear more of it than that. */
static enum belfry_err denied_unless_known(enum belfry_err err)
{
	return err == BELFRY_ENOENT ? BELFRY_EDENIED : err;
}

static void feed_ends(struct ask *a, enum belfry_err err, const struct hub_feed *feed)
{
	a->cb.feed(a->arg, err, feed);
	ask_free(a);
}

static void look_at_feed(struct ask *a);

/* Whom its access does not let in may know it all the same. */
static void on_feed_known(void *arg, enum belfry_err err)
{
	struct ask *a = arg;
	a->known = !err;
	if (err)
		feed_ends(a, denied_unless_known(err), NULL);
	else
		look_at_feed(a);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct ask *a = arg;
	struct feed_config c;
	(void)created;
	err = config_found(err, feed, &c);
	if (err) {
		feed_ends(a, err, NULL);
		return;
	}
	bool outcast = feed_affiliation_of(&c, a->who) == AFFILIATION_OUTCAST;
	if (a->known ? !outcast : feed_shows(&c, a->who, a->hub->trusted_domains)) {
		struct hub_feed f = describe(a, feed, &c);
		feed_ends(a, BELFRY_OK, &f);
	} else if (a->known || outcast) {
		feed_ends(a, BELFRY_EDENIED, NULL);
	} else {
		hub_knows(a->hub, a->feed, a->who, true, on_feed_known, a);
	}
	feed_config_free(&c);
}

static void look_at_feed(struct ask *a)
{
	struct store *s = a->hub->store;
	s->ops->feed_get(s, a->feed, on_feed, a);
}

void hub_feed(void *hub, const char *who, const char *feed, hub_feed_cb cb, void *arg)
{
	struct ask *a = ask_create(hub, who, feed, arg);
	a->cb.feed = cb;
	look_at_feed(a);
}

/* ---- One subscription ------------------------------------------------------------ */

static void sub_ends(struct ask *a, enum belfry_err err, const struct sub *sub)
{
	a->cb.sub(a->arg, err, sub, false);
	ask_free(a);
}

static void on_waiting(void *arg, enum belfry_err err, const struct store_pending *p)
{
	if (!err)
		err = p->state == PENDING_OWNERS ? BELFRY_EPENDING : BELFRY_ENOENT;
	sub_ends(arg, err, NULL);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct ask *a = arg;
	struct store *s = a->hub->store;
	(void)created;
	if (err == BELFRY_ENOENT)
		s->ops->pending_get(s, a->feed, a->who, on_waiting, a);
	else
		sub_ends(a, err, err ? NULL : &row->sub);
}

static void hub_subscription(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
			     void *arg)
{
	struct ask *a = ask_create(hub, jid, feed, arg);
	struct store *s = a->hub->store;
	a->cb.sub = cb;
	s->ops->sub_get(s, a->feed, a->who, on_row, a);
}

/* ---- Items ----------------------------------------------------------------------- */

bool hub_event_parse(const struct store_event *e, struct event *out)
{
	char why[WHY_SIZE];
	*out = (struct event){0};
	/* What is not an event was skipped when it was to be sent, and logged. */
	return utf8_valid(e->id, strlen(e->id)) && utf8_valid(e->item, strlen(e->item)) &&
	       event_parse_json(out, e->doc, e->doc_len, why, sizeof(why)) == 0;
}

bool hub_event_expired(const struct store_event *e)
{
	return policy_expired(e->expires_ms, clock_wall_ms());
}

static void items_end(struct ask *a, enum belfry_err err)
{
	a->cb.items(a->arg, err, NULL, 0);
	ask_free(a);
}

static void on_items(void *arg, enum belfry_err err, const struct store_event *events,
		     size_t count, bool more)
{
	struct ask *a = arg;
	(void)more;
	if (err || count == 0) {
		items_end(a, err);
		return;
	}
	struct event *parsed = xcalloc(count, sizeof(*parsed));
	struct hub_item *items = xcalloc(count, sizeof(*items));
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		const struct store_event *e = &events[i];
		if (hub_event_expired(e) || !hub_event_parse(e, &parsed[n]))
			continue;
		items[n] = (struct hub_item){.feed = a->feed,
					     .id = e->id,
					     .item = e->item,
					     .pos = e->pos,
					     .at_ms = e->at_ms,
					     .event = &parsed[n]};
		n++;
	}
	a->cb.items(a->arg, BELFRY_OK, items, n);
	for (size_t i = 0; i < n; i++)
		event_free(&parsed[i]);
	free(parsed);
	free(items);
	ask_free(a);
}

static void read_items(struct ask *a)
{
	struct store *s = a->hub->store;
	s->ops->items(s, a->feed, (const char *const *)a->ids, a->id_count, a->limit,
		      on_items, a);
}

static void on_items_known(void *arg, enum belfry_err err)
{
	if (err)
		items_end(arg, denied_unless_known(err));
	else
		read_items(arg);
}

static void on_items_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
			  bool created)
{
	struct ask *a = arg;
	struct feed_config c;
	(void)created;
	err = config_found(err, feed, &c);
	if (err) {
		items_end(a, err);
		return;
	}
	if (feed_admits(&c, a->who, a->hub->trusted_domains) == ADMIT_YES)
		read_items(a);
	else if (feed_affiliation_of(&c, a->who) == AFFILIATION_OUTCAST)
		items_end(a, BELFRY_EDENIED);
	else
		hub_knows(a->hub, a->feed, a->who, false, on_items_known, a);
	feed_config_free(&c);
}

static void hub_items(void *hub, const char *who, const char *feed,
		      const char *const *ids, size_t id_count, size_t limit,
		      hub_items_cb cb, void *arg)
{
	struct ask *a = ask_create(hub, who, feed, arg);
	struct store *s = a->hub->store;
	a->limit = limit < PAGE_MAX ? limit : PAGE_MAX;
	a->cb.items = cb;
	a->id_count = id_count;
	a->ids = xcalloc(id_count + 1, sizeof(*a->ids));
	for (size_t i = 0; i < id_count; i++)
		a->ids[i] = xstrdup(ids[i]);
	s->ops->feed_get(s, a->feed, on_items_feed, a);
}

static const struct xmpp_hub_ops hub_ops = {
	.feeds = hub_feeds,
	.feed = hub_feed,
	.subscribe = hub_subscribe,
	.unsubscribe = hub_unsubscribe,
	.subscription = hub_subscription,
	.look = hub_look,
	.card = hub_card,
	.answer = hub_answer,
	.undelivered = hub_undelivered,
	.owner_returned = hub_owner_returned,
	.heard = hub_heard,
	.available = hub_available,
	.granted = hub_granted,
	.decide = hub_decide,
	.requests = hub_requests,
	.affiliations = hub_affiliations,
	.affiliation = hub_affiliation,
	.affiliate = hub_affiliate,
	.items = hub_items,
	.recent = hub_recent,
	.following = hub_following,
};

struct xmpp_hub hub_for(struct hub *hub)
{
	return (struct xmpp_hub){.ops = &hub_ops, .hub = hub};
}
