#include "asking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	ask_begin(&w, &h);
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
	ask_begin(&w, &h);
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
	x.ops->subscribe(x.hub, who, feed, jid, SUB_FOLLOW(format), ask_on_sub, &r);
	world_until(w, &r.done);
	return r.err;
}

static enum belfry_err unsubscribe(struct world *w, struct hub *h, const char *feed,
				   const char *jid)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->unsubscribe(x.hub, feed, jid, ask_on_sub, &r);
	world_until(w, &r.done);
	return r.err;
}

static void test_following(void **state)
{
	struct world w;
	struct hub h;
	struct sub sub;
	(void)state;
	ask_begin(&w, &h);
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
	ask_begin(&w, &h);
	struct xmpp_hub x = hub_for(&h);
	world_commit(&w, "a-local", "{\"title\":\"one\"}");
	world_commit(&w, "a-local", "not an event");
	world_commit(&w, "a-local", "{\"title\":\"three\"}");
	struct reply all = {0}, denied = {0}, named = {0};
	x.ops->items(x.hub, US, "a-local", NULL, 0, 10, ask_on_items, &all);
	world_until(&w, &all.done);
	assert_int_equal(all.err, BELFRY_OK);
	assert_string_equal(all.text, "one three ");
	x.ops->items(x.hub, THEM, "a-local", NULL, 0, 10, ask_on_items, &denied);
	world_until(&w, &denied.done);
	assert_int_equal(denied.err, BELFRY_EDENIED);
	const char *ids[] = {w.ids[0], "none"};
	x.ops->items(x.hub, US, "a-local", ids, 2, 10, ask_on_items, &named);
	world_until(&w, &named.done);
	assert_string_equal(named.text, "one ");
	world_finish(&w);
}

/* A page holds far more than a short list; MORE is said of what may be seen alone. */
static void test_lists_skip_what_is_hidden(void **state)
{
	struct world w;
	struct hub h;
	char name[16];
	(void)state;
	ask_begin(&w, &h);
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
	ask_watch(&w);
	r = list(&w, &h, THEM, "f420", 1);
	assert_string_equal(r.text, "");
	assert_false(r.more);
	assert_int_equal(asked_pages, 1);
	r = list(&w, &h, THEM, "", 2);
	assert_string_equal(r.text, "b-open d-open ");
	assert_true(r.more);
	assert_int_equal(asked_pages, 1 + 5);
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
	asked_rows += (unsigned)limit;
	asked_page(s, "", 1, give_page, e);
}

static void test_no_question_goes_on_for_ever(void **state)
{
	struct world w;
	struct hub h;
	(void)state;
	ask_begin(&w, &h);
	ask_watch(&w);
	((struct store_ops *)(uintptr_t)w.app->ops)->feed_list = endless_list;
	struct reply r = list(&w, &h, THEM, "", 1);
	assert_int_equal(r.err, BELFRY_EFULL);
	assert_string_equal(r.text, "");
	assert_int_equal(asked_rows, 10000);
	/* From a name on that somebody chose: what was found leads on. */
	r = list(&w, &h, THEM, "f00010000", 5);
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.text, "f00012345 ");
	assert_true(r.more);
	assert_int_equal(asked_rows, 20000);
	assert_int_equal(list(&w, &h, THEM, "f00012345", 5).err, BELFRY_EFULL);
	/* Who sees them all is not slowed down. */
	asked_rows = 0;
	assert_true(list(&w, &h, US, "", 3).more);
	assert_int_equal(asked_rows, 100);
	asked_pages = asked_rows = 0;
	assert_int_equal(ask_recent(&w, &h, THEM, 3).err, BELFRY_EFULL);
	assert_int_equal(asked_pages, 100);
	asked_pages = 0;
	assert_int_equal(ask_following(&w, &h, THEM, "", 3).err, BELFRY_EFULL);
	assert_int_equal(asked_pages, 100);
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
		cmocka_unit_test(test_no_question_goes_on_for_ever),
	};
	return cmocka_run_group_tests_name("work/hub", tests, NULL, NULL);
}
