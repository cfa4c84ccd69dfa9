#include "work/hub.h"

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define US "alice@example.org/phone"
#define THEM "mallory@example.net/x"

static char ours[] = "example.org";
static char *const trusted[] = {ours, NULL};

struct reply {
	bool done, more;
	enum belfry_err err;
	char text[512];	  /* names or items, each followed by a space */
	char feeds[2048]; /* of the items */
};

static void on_feeds(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		     size_t count, bool more)
{
	struct reply *r = arg;
	r->err = err;
	r->more = more;
	for (size_t i = 0; i < count; i++) {
		strcat(r->text, feeds[i].name);
		strcat(r->text, " ");
	}
	r->done = true;
}

static void on_feed(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct reply *r = arg;
	r->err = err;
	if (feed)
		snprintf(r->text, sizeof(r->text), "%s: %s", feed->name,
			 feed->title ? feed->title : "");
	r->done = true;
}

static void on_sub(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	(void)sub;
	(void)created;
	struct reply *r = arg;
	r->err = err;
	r->done = true;
}

static void on_items(void *arg, enum belfry_err err, const struct hub_item *items,
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

static void begin(struct world *w, struct hub *h)
{
	world_start(w);
	*h = (struct hub){.store = w->app, .trusted_domains = trusted};
	world_feed(w, "a-local", "{\"title\":\"Ours\"}");
	world_feed(w, "b-open", "{\"access\":\"open\"}");
	world_feed(w, "c-list",
		   "{\"access\":\"whitelist\",\"whitelist\":[\"alice@example.org\"]}");
	world_feed(w, "d-open", "{\"access\":\"open\"}");
}

static struct reply list(struct world *w, struct hub *h, const char *who,
			 const char *after, size_t limit)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->feeds(x.hub, who, after, limit, on_feeds, &r);
	world_until(w, &r.done);
	return r;
}

static void test_lists_show_what_one_may_see(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	begin(&w, &h);
	struct reply r = list(&w, &h, US, "", 100);
	assert_string_equal(r.text, "a-local b-open c-list d-open ");
	assert_false(r.more);
	r = list(&w, &h, THEM, "", 100);
	assert_string_equal(r.text, "b-open d-open ");
	assert_false(r.more);
	/* A page is filled from behind what is hidden. */
	r = list(&w, &h, THEM, "", 1);
	assert_string_equal(r.text, "b-open ");
	assert_true(r.more);
	r = list(&w, &h, THEM, "b-open", 1);
	assert_string_equal(r.text, "d-open ");
	world_finish(&w);
}

static void test_feed(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	begin(&w, &h);
	struct xmpp_hub x = hub_for(&h);
	static const struct {
		const char *who, *feed, *text;
		enum belfry_err err;
	} cases[] = {
		{US, "a-local", "a-local: Ours", BELFRY_OK},
		{THEM, "a-local", "", BELFRY_EDENIED},
		{US, "none", "", BELFRY_ENOFEED},
	};
	for (size_t i = 0; i < 3; i++) {
		struct reply r = {0};
		x.ops->feed(x.hub, cases[i].who, cases[i].feed, on_feed, &r);
		world_until(&w, &r.done);
		assert_int_equal(r.err, cases[i].err);
		assert_string_equal(r.text, cases[i].text);
	}
	world_finish(&w);
}

static enum belfry_err subscribe(struct world *w, struct hub *h, const char *who,
				 const char *feed, const char *jid,
				 enum sub_format format)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->subscribe(x.hub, who, feed, jid, SUB_FOLLOW(format), on_sub, &r);
	world_until(w, &r.done);
	return r.err;
}

static enum belfry_err unsubscribe(struct world *w, struct hub *h, const char *feed,
				   const char *jid)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->unsubscribe(x.hub, feed, jid, on_sub, &r);
	world_until(w, &r.done);
	return r.err;
}

static void test_following(void **state)
{
	struct world w;
	struct hub h;
	struct sub sub;
	(void)state;
	begin(&w, &h);
	assert_int_equal(subscribe(&w, &h, US, "a-local", US, FORMAT_CHAT), BELFRY_OK);
	/* Chat follows the person, pubsub the JID as it was given. */
	assert_int_equal(world_sub(&w, "a-local", "alice@example.org", &sub), BELFRY_OK);
	assert_int_equal(sub.format, FORMAT_CHAT);
	assert_int_equal(world_sub(&w, "a-local", US, NULL), BELFRY_ENOENT);
	assert_int_equal(subscribe(&w, &h, US, "a-local", US, FORMAT_EVENT), BELFRY_OK);
	assert_int_equal(world_sub(&w, "a-local", US, &sub), BELFRY_OK);
	assert_int_equal(sub.format, FORMAT_EVENT);
	assert_int_equal(subscribe(&w, &h, THEM, "a-local", THEM, FORMAT_CHAT),
			 BELFRY_EDENIED);
	assert_int_equal(subscribe(&w, &h, US, "a-local", THEM, FORMAT_CHAT),
			 BELFRY_EDENIED);
	assert_int_equal(subscribe(&w, &h, US, "none", US, FORMAT_CHAT), BELFRY_ENOFEED);
	/* Leaving needs no access. */
	world_join_one(&w, "a-local", THEM, FORMAT_EVENT);
	assert_int_equal(unsubscribe(&w, &h, "a-local", THEM), BELFRY_OK);
	assert_int_equal(unsubscribe(&w, &h, "a-local", THEM), BELFRY_ENOENT);
	world_finish(&w);
}

static void test_items(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	begin(&w, &h);
	struct xmpp_hub x = hub_for(&h);
	world_commit(&w, "a-local", "{\"title\":\"one\"}");
	world_commit(&w, "a-local", "not an event");
	world_commit(&w, "a-local", "{\"title\":\"three\"}");
	struct reply all = {0}, denied = {0}, named = {0};
	x.ops->items(x.hub, US, "a-local", NULL, 0, 10, on_items, &all);
	world_until(&w, &all.done);
	assert_int_equal(all.err, BELFRY_OK);
	assert_string_equal(all.text, "one three ");
	x.ops->items(x.hub, THEM, "a-local", NULL, 0, 10, on_items, &denied);
	world_until(&w, &denied.done);
	assert_int_equal(denied.err, BELFRY_EDENIED);
	const char *ids[] = {w.ids[0], "none"};
	x.ops->items(x.hub, US, "a-local", ids, 2, 10, on_items, &named);
	world_until(&w, &named.done);
	assert_string_equal(named.text, "one ");
	world_finish(&w);
}

/* ---- Watching what it costs ---- */

static const struct store_ops *real;
static unsigned pages, rows;
static size_t most_under_way;

static void count_pages(struct store *s, const char *after, size_t limit,
			store_feeds_cb cb, void *arg)
{
	pages++;
	real->feed_list(s, after, limit, cb, arg);
}

static void count_rows(struct store *s, const char *feed, const char *jid,
		       store_row_cb cb, void *arg)
{
	rows++;
	real->sub_get(s, feed, jid, cb, arg);
	if (real->pending(s) > most_under_way)
		most_under_way = real->pending(s);
}

static void watch(struct world *w)
{
	static struct store_ops watched;
	real = w->app->ops;
	watched = *real;
	watched.feed_list = count_pages;
	watched.sub_get = count_rows;
	w->app->ops = &watched;
	pages = rows = 0;
	most_under_way = 0;
}

static struct reply recent(struct world *w, struct hub *h, const char *who, size_t limit)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->recent(x.hub, who, limit, on_items, &r);
	world_until(w, &r.done);
	return r;
}

static void commit_at(struct world *w, uint64_t at_ms, const char *feed,
		      const char *title)
{
	char doc[64];
	snprintf(doc, sizeof(doc), "{\"title\":\"%s\"}", title);
	w->at_ms = at_ms;
	world_commit(w, feed, doc);
}

#define US_BARE "alice@example.org"

static void test_recent_merges_what_is_followed(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	begin(&w, &h);
	commit_at(&w, 1000, "d-open", "d1");
	commit_at(&w, 2000, "a-local", "a2");
	commit_at(&w, 3000, "b-open", "b3");
	world_commit(&w, "d-open", "not an event");
	commit_at(&w, 4000, "d-open", "d4");
	commit_at(&w, 4000, "a-local", "a4");
	struct reply r = recent(&w, &h, US, 3);
	assert_int_equal(r.err, BELFRY_ENOENT);
	/* Another resource's subscription is not the person's. */
	world_join_one(&w, "b-open", US, FORMAT_EVENT);
	assert_int_equal(recent(&w, &h, US, 3).err, BELFRY_ENOENT);
	world_join_one(&w, "c-list", US_BARE, FORMAT_CHAT);
	r = recent(&w, &h, US, 3);
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.text, "");
	world_join_one(&w, "a-local", US_BARE, FORMAT_CHAT);
	world_join_one(&w, "d-open", US_BARE, FORMAT_EVENT);
	/* At the same time: by the feed's name. */
	r = recent(&w, &h, US, 3);
	assert_string_equal(r.text, "a2 a4 d4 ");
	assert_string_equal(r.feeds, "a-local a-local d-open ");
	assert_string_equal(recent(&w, &h, US, 1).text, "d4 ");
	assert_string_equal(recent(&w, &h, US, 20).text, "d1 a2 a4 d4 ");
	/* Following is not enough: access counts. */
	world_join_one(&w, "a-local", "mallory@example.net", FORMAT_CHAT);
	assert_int_equal(recent(&w, &h, THEM, 3).err, BELFRY_ENOENT);
	world_join_one(&w, "b-open", "mallory@example.net", FORMAT_CHAT);
	assert_string_equal(recent(&w, &h, THEM, 3).text, "b3 ");
	world_finish(&w);
}

/* More than a page, more than are asked at once, and more than are read. */
static void test_recent_of_many_feeds(void **state)
{
	struct world w;
	struct hub h;
	char name[16];
	(void)state;
	begin(&w, &h);
	for (unsigned i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		world_feed(&w, name, i % 2 ? "{\"access\":\"open\"}" : "{}");
		commit_at(&w, 1000000 - 1000 * i, name, name);
		commit_at(&w, 1000000 - 1000 * i - 1, name, "older");
	}
	world_join_one(&w, "f249", US_BARE, FORMAT_CHAT);
	watch(&w);
	assert_string_equal(recent(&w, &h, US, 20).text, "older f249 ");
	assert_int_equal(pages, 3);
	assert_int_equal(rows, 254);
	assert_in_range(most_under_way, 2, 32);
	/* What may not be seen is not asked for. */
	assert_int_equal(recent(&w, &h, THEM, 20).err, BELFRY_ENOENT);
	assert_int_equal(rows, 254 + 125 + 2);
	for (unsigned i = 20; i < 249; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		world_join_one(&w, name, US_BARE, FORMAT_CHAT);
	}
	struct reply r = recent(&w, &h, US, 5);
	assert_string_equal(r.text, "f022 older f021 older f020 ");
	assert_string_equal(r.feeds, "f022 f021 f021 f020 f020 ");
	/* The 201st feed in order of names has what is newest. */
	commit_at(&w, 2000000, "f220", "unseen");
	commit_at(&w, 1500000, "f219", "seen");
	assert_string_equal(recent(&w, &h, US, 1).text, "seen ");
	world_finish(&w);
}

static void test_the_store_goes_away(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	for (unsigned turns = 0; turns < 8; turns++) {
		struct reply r = {0};
		begin(&w, &h);
		commit_at(&w, 1000, "a-local", "a1");
		world_join_one(&w, "a-local", US_BARE, FORMAT_CHAT);
		struct xmpp_hub x = hub_for(&h);
		x.ops->recent(x.hub, US, 3, on_items, &r);
		world_turns(&w, turns);
		world_finish(&w);
		assert_true(r.done);
		assert_int_equal(r.err, r.text[0] ? BELFRY_OK : BELFRY_EAWAY);
	}
}

/* A page holds far more than a short list; MORE is said of what may be seen alone. */
static void test_lists_skip_what_is_hidden(void **state)
{
	struct world w;
	struct hub h;
	char name[16];
	(void)state;
	begin(&w, &h);
	for (unsigned i = 0; i < 450; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		world_feed(&w, name, i == 420 ? "{\"access\":\"open\"}" : "{}");
	}
	struct reply r = list(&w, &h, THEM, "d-open", 1);
	assert_string_equal(r.text, "f420 ");
	assert_false(r.more);
	r = list(&w, &h, THEM, "b-open", 1);
	assert_string_equal(r.text, "d-open ");
	assert_true(r.more);
	watch(&w);
	r = list(&w, &h, THEM, "f420", 1);
	assert_string_equal(r.text, "");
	assert_false(r.more);
	assert_int_equal(pages, 1);
	r = list(&w, &h, THEM, "", 2);
	assert_string_equal(r.text, "b-open d-open ");
	assert_true(r.more);
	assert_int_equal(pages, 1 + 5);
	world_finish(&w);
}

/* ---- More feeds than anybody would look through ---- */

#define VISIBLE 12345 /* the number of the only feed that is open */

struct endless {
	store_feeds_cb cb;
	void *arg;
	unsigned first;
	size_t limit;
};

static void give_page(void *arg, enum belfry_err err, const struct store_feed *feeds,
		      size_t count, bool more)
{
	struct endless e = *(struct endless *)arg;
	struct store_feed page[1000];
	char names[1000][16];
	(void)feeds;
	(void)count;
	(void)more;
	free(arg);
	for (size_t i = 0; i < e.limit; i++) {
		unsigned number = e.first + (unsigned)i;
		snprintf(names[i], sizeof(names[i]), "f%08u", number);
		page[i] = (struct store_feed){
			.name = names[i],
			.config = number == VISIBLE ? "{\"access\":\"open\"}" : "{}"};
	}
	e.cb(e.arg, err, page, e.limit, true);
}

static void endless_list(struct store *s, const char *after, size_t limit,
			 store_feeds_cb cb, void *arg)
{
	struct endless *e = malloc(sizeof(*e));
	unsigned last = 0;
	sscanf(after, "f%u", &last);
	*e = (struct endless){cb, arg, last + 1, limit};
	rows += (unsigned)limit;
	count_pages(s, "", 1, give_page, e);
}

static void test_no_question_goes_on_for_ever(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	begin(&w, &h);
	watch(&w);
	((struct store_ops *)(uintptr_t)w.app->ops)->feed_list = endless_list;
	struct reply r = list(&w, &h, THEM, "", 1);
	assert_int_equal(r.err, BELFRY_EFULL);
	assert_string_equal(r.text, "");
	assert_int_equal(rows, 10000);
	/* From a name on that somebody chose: what was found leads on. */
	r = list(&w, &h, THEM, "f00010000", 5);
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.text, "f00012345 ");
	assert_true(r.more);
	assert_int_equal(rows, 20000);
	assert_int_equal(list(&w, &h, THEM, "f00012345", 5).err, BELFRY_EFULL);
	/* Who sees them all is not slowed down. */
	rows = 0;
	assert_true(list(&w, &h, US, "", 3).more);
	assert_int_equal(rows, 100);
	pages = rows = 0;
	assert_int_equal(recent(&w, &h, THEM, 3).err, BELFRY_EFULL);
	assert_int_equal(pages, 100);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_show_what_one_may_see),
		cmocka_unit_test(test_feed),
		cmocka_unit_test(test_following),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_lists_skip_what_is_hidden),
		cmocka_unit_test(test_recent_merges_what_is_followed),
		cmocka_unit_test(test_recent_of_many_feeds),
		cmocka_unit_test(test_the_store_goes_away),
		cmocka_unit_test(test_no_question_goes_on_for_ever),
	};
	return cmocka_run_group_tests_name("work/hub", tests, NULL, NULL);
}
