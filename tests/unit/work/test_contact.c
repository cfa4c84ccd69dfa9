#include "work/hub.h"
#include "work/look.h"

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define US "alice@example.org"
#define SHA1 "0123456789012345678901234567890123456789"

static char ours[] = "example.org";
static char *const trusted[] = {ours, NULL};

struct reply {
	bool done;
	enum belfry_err err;
	char text[600];
};

static void on_look(void *arg, enum belfry_err err, const struct hub_look *look)
{
	struct reply *r = arg;
	r->err = err;
	if (look)
		snprintf(r->text, sizeof(r->text), "%s|%s|%s",
			 look->show ? look->show : "", look->status ? look->status : "",
			 look->face ? look->face : "");
	r->done = true;
}

static void on_card(void *arg, enum belfry_err err, const struct hub_feed *feed,
		    const struct hub_face *face)
{
	struct reply *r = arg;
	r->err = err;
	if (feed)
		snprintf(r->text, sizeof(r->text), "%s|%s|%s|%s|%zu", feed->name,
			 feed->title ? feed->title : "",
			 feed->description ? feed->description : "",
			 face ? face->type : "", face ? face->len : 0);
	r->done = true;
}

static void on_plain(void *arg, enum belfry_err err)
{
	struct reply *r = arg;
	assert_int_equal(err, BELFRY_OK);
	r->done = true;
}

static void on_shown(void *arg, const char *feed, struct look *look)
{
	snprintf(arg, 64, "%s", feed);
	look_free(look);
}

static struct reply look(struct world *w, struct hub *h, const char *feed)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->look(x.hub, feed, US, on_look, &r);
	world_until(w, &r.done);
	return r;
}

static struct reply card(struct world *w, struct hub *h, const char *who,
			 const char *feed)
{
	struct reply r = {0};
	struct xmpp_hub x = hub_for(h);
	x.ops->card(x.hub, who, feed, on_card, &r);
	world_until(w, &r.done);
	return r;
}

static void set_presence(struct world *w, const char *json)
{
	struct reply r = {0};
	w->app->ops->presence_put(w->app, "a", json, on_plain, &r);
	world_until(w, &r.done);
}

static void set_face(struct world *w)
{
	static const struct store_face face = {"image/png", SHA1, "data", 4, 64, 64};
	struct reply r = {0};
	w->app->ops->face_put(w->app, "a", &face, on_plain, &r);
	world_until(w, &r.done);
}

static void test_contacts_are_shown_it(void **state)
{
	struct world w;
	char shown[64] = "";
	(void)state;
	world_start(&w);
	struct hub h = {.store = w.app,
			.trusted_domains = trusted,
			.shown = on_shown,
			.shown_arg = shown};
	assert_int_equal(look(&w, &h, "a").err, BELFRY_ENOFEED);
	world_feed(&w, "a", "{}");
	assert_int_equal(look(&w, &h, "a").err, BELFRY_ENOENT);
	world_join_one(&w, "a", US, FORMAT_CHAT);
	assert_int_equal(look(&w, &h, "a").err, BELFRY_ENOENT);
	assert_string_equal(shown, "");
	struct sub_change contact = {.set = SUB_SET_CONTACT,
				     .format = FORMAT_EVENT,
				     .options = {.contact = true}};
	world_change(&w, "a", US, &contact);
	struct reply r = look(&w, &h, "a");
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.text, "||");
	assert_string_equal(shown, "a");
	/* It goes on as it was. */
	struct sub sub;
	assert_int_equal(world_sub(&w, "a", US, &sub), BELFRY_OK);
	assert_int_equal(sub.format, FORMAT_CHAT);
	world_commit(&w, "a", "{\"title\":\"one\"}");
	world_commit(&w, "a", "{\"body\":\"two\"}");
	assert_string_equal(look(&w, &h, "a").text, "||");
	world_commit(&w, "a", "{\"title\":\"three\"}");
	assert_string_equal(look(&w, &h, "a").text, "|three|");
	set_presence(&w, "{\"show\":\"away\"}");
	set_face(&w);
	assert_string_equal(look(&w, &h, "a").text, "away|three|" SHA1);
	set_presence(&w, "{\"status\":\"set\"}");
	assert_string_equal(look(&w, &h, "a").text, "|set|" SHA1);
	world_finish(&w);
}

static void test_cards(void **state)
{
	struct world w;
	(void)state;
	world_start(&w);
	struct hub h = {.store = w.app, .trusted_domains = trusted};
	assert_int_equal(card(&w, &h, US, "a").err, BELFRY_ENOFEED);
	world_feed(&w, "a", "{\"title\":\"A\",\"description\":\"Of it\"}");
	assert_int_equal(card(&w, &h, "x@example.net/y", "a").err, BELFRY_EDENIED);
	struct reply r = card(&w, &h, US "/phone", "a");
	assert_int_equal(r.err, BELFRY_OK);
	assert_string_equal(r.text, "a|A|Of it||0");
	set_face(&w);
	assert_string_equal(card(&w, &h, US "/phone", "a").text, "a|A|Of it|image/png|4");
	assert_int_equal(card(&w, &h, "x@example.net/y", "a").err, BELFRY_EDENIED);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contacts_are_shown_it),
		cmocka_unit_test(test_cards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
