#include "contract.h"

#include "../../lib/store/sync.h"
#include "holding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What depends on who is there. */

static bool is_due_now(const struct holding *h)
{
	struct sync_dues due;
	OK(sync_due(B, 1000, &due));
	return holding_count_due(h, &due) > 0;
}

static void choose(const struct holding *h, const char *jid, bool offline, unsigned shows)
{
	const struct sub_change c = {
		.set = SUB_SET_OFFLINE | SUB_SET_SHOWS | SUB_SET_GRANT,
		.format = FORMAT_CHAT,
		.options = {.hold_offline = offline, .shows = shows, .grant = GRANT_YES}};
	OK(sync_change(A, h->feed, jid, &c, NULL, NULL));
}

static bool watched(const struct holding *h)
{
	struct store_feed f;
	OK(sync_feed_get(B, h->feed, &f));
	return f.watched;
}

static struct store_done_row held(const char *jid, struct pos since,
				  enum hold_reason reason)
{
	return (struct store_done_row){
		.jid = jid,
		.pos = {since.epoch, since.n + 1},
		.hold = {.reason = reason, .pos = since, .due_ms = 3600000}};
}

/* Each option stands for itself, and the feed says that somebody has one. */
void test_presence_options(void **state)
{
	struct holding h = holding_begin("presence");
	struct sub sub;
	struct sub_options o;
	(void)state;
	holding_join(&h, "a@b");
	assert_false(watched(&h));
	choose(&h, "a@b", true, 17);
	assert_true(watched(&h));
	OK(sync_sub_get(B, h.feed, "a@b", &sub));
	sub_options_read(&sub, &o);
	assert_true(o.hold_offline);
	assert_int_equal(o.shows, 17);
	assert_int_equal(o.grant, GRANT_YES);
	struct sub_change c = {.set = SUB_SET_GRANT,
			       .format = FORMAT_CHAT,
			       .only_existing = true,
			       .options.grant = GRANT_REFUSED};
	OK(sync_change(A, h.feed, "a@b", &c, &sub, NULL));
	sub_options_read(&sub, &o);
	assert_true(o.hold_offline && o.shows == 17 && o.grant == GRANT_REFUSED);
	c.set = SUB_SET_OFFLINE | SUB_SET_SHOWS;
	OK(sync_change(A, h.feed, "a@b", &c, &sub, NULL));
	sub_options_read(&sub, &o);
	assert_true(!o.hold_offline && !o.shows && o.grant == GRANT_REFUSED);
	holding_end(&h);
}

/* The worker wakes those alone who wait for a presence. */
void test_presence_wakes(void **state)
{
	struct holding h = holding_begin("wakes");
	struct sub_hold was, is;
	(void)state;
	choose(&h, "a@b", true, 0);
	choose(&h, "c@d", false, 1);
	holding_pause(&h, "e@f", true);
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_WAKE, NULL), BELFRY_ENOENT);
	IS(sync_hold_order(A, h.feed, "x@y", ORDER_WAKE, NULL), BELFRY_ENOENT);
	struct store_done_row rows[] = {held("a@b", since, HOLD_OFFLINE),
					held("c@d", since, HOLD_SHOW),
					held("e@f", since, HOLD_PAUSED)};
	rows[0].hold.urgent = true;
	rows[0].hold.tries = 3;
	rows[0].hold.first_ms = 1;
	OK(holding_done(&h, rows, 3, h.pos[1]));
	was = holding_of(&h, "a@b");
	assert_int_equal(was.reason, HOLD_OFFLINE);
	assert_int_equal(holding_of(&h, "c@d").reason, HOLD_SHOW);
	assert_false(is_due_now(&h));
	IS(sync_hold_order(A, h.feed, "e@f", ORDER_WAKE, NULL), BELFRY_ENOENT);
	assert_false(is_due_now(&h));
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_WAKE, &is));
	assert_true(is_due_now(&h));
	/* All the rest is as it was. */
	assert_true(is.due_ms < was.due_ms);
	was.due_ms = is.due_ms;
	char texts[2][HOLD_TEXT_SIZE];
	sub_hold_text(&was, texts[0]);
	sub_hold_text(&is, texts[1]);
	assert_string_equal(texts[0], texts[1]);
	assert_int_equal(is.tries, 3);
	OK(sync_hold_order(A, h.feed, "c@d", ORDER_WAKE, &is));
	assert_int_equal(is.reason, HOLD_SHOW);
	holding_end(&h);
}

/* Who has taken the choice back by then waits no more. */
void test_presence_without_choice(void **state)
{
	struct holding h = holding_begin("unchosen");
	(void)state;
	choose(&h, "a@b", true, 0);
	choose(&h, "c@d", false, 1);
	struct pos since = holding_cursor(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row rows[] = {held("a@b", since, HOLD_OFFLINE),
					held("c@d", since, HOLD_SHOW)};
	choose(&h, "a@b", false, 1); /* by another one */
	OK(holding_done(&h, rows, 1, since));
	assert_true(is_due_now(&h));
	OK(holding_due_done(&h, NULL, 0));
	choose(&h, "c@d", true, 0);
	OK(holding_done(&h, &rows[1], 1, since));
	struct sub_hold shown = holding_of(&h, "c@d"), offline = holding_of(&h, "a@b");
	assert_in_range(shown.due_ms, 1, offline.due_ms + 60000);
	holding_end(&h);
}
