#include "holding.h"
#include "publishing.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Items that are replaced and retracted: who is told what. */

#define CAT "cat@example.org"
#define DAN "dan@example.org"

static struct pos put_tagged(struct world *w, const char *item, const char *doc)
{
	return world_publish(w, (struct store_commit){.item = item, .doc = doc});
}

static struct pos put(struct world *w, const char *item)
{
	return put_tagged(w, item, "{\"title\":\"an event\"}");
}

/* DOC: its tags. */
static struct pos retract_tagged(struct world *w, const char *item, struct pos newest,
				 const char *doc)
{
	return world_retract(
		w, (struct store_retract){.item = item, .newest = newest, .doc = doc});
}

static struct pos retract(struct world *w, const char *item, struct pos newest)
{
	return retract_tagged(w, item, newest, "{}");
}

/* The N-th message to JID takes back the FIRST-th one. */
static void assert_retracts(const struct worker *k, const char *jid, size_t n,
			    size_t first)
{
	char *id = recorder_attribute(k->link, sent_to(k, jid, first), "id");
	char want[200];
	snprintf(want, sizeof(want),
		 "<retract xmlns='urn:xmpp:message-retract:1' id='%s'/>", id);
	assert_true(contains(k, sent_to(k, jid, n), want));
	free(id);
}

static void assert_counters(struct world *w, unsigned event, unsigned taken,
			    unsigned superseded, unsigned filtered)
{
	struct store_counters c = counters(w, event);
	assert_int_equal(c.taken, taken);
	assert_int_equal(c.superseded, superseded);
	assert_int_equal(c.filtered, filtered);
	assert_int_equal(c.held, 0);
}

/* ---- At the common pace ----------------------------------------------------------- */

static void test_who_had_it(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	world_join_one(&w, "deploys", DAN, FORMAT_EVENT);
	struct pos x = put(&w, "x <&>");
	worker_run(&k);
	world_join_one(&w, "deploys", CAT, FORMAT_CHAT);
	retract(&w, "x <&>", x);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2");
	assert_sent(&k, CAT, ""); /* was not there */
	assert_retracts(&k, ANN, 1, 0);
	assert_retracts(&k, BOB, 1, 0);
	assert_true(contains(&k, sent_to(&k, ANN, 1), "<body>deploys has taken back"));
	assert_sent(&k, DAN, "1 2");
	assert_true(contains(&k, sent_to(&k, DAN, 1),
			     "<items node='deploys'>"
			     "<retract id='x &lt;&amp;&gt;'/></items>"));
	assert_counters(&w, 2, 3, 0, 0);
	assert_true(world_counters(&w, "deploys", w.ids[1], NULL).left == 0);
	world_end(&w, &k);
}

/* What was not for them is not taken back, either; headlines are gone anyway. */
static void test_the_same_filter(void **state)
{
	static const char doc[] = "{\"tags\":[\"prod\"]}";
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	world_join_one(&w, "deploys", CAT, FORMAT_HEADLINE);
	set(&w, ANN, SUB_SET_TAGS,
	    (struct sub_options){.tag_count = 1, .tags = {"prod"}});
	set(&w, BOB, SUB_SET_TAGS,
	    (struct sub_options){.tag_count = 1, .tags = {"test"}});
	struct pos x = put_tagged(&w, "x", doc);
	retract_tagged(&w, "x", x, doc);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2");
	assert_sent(&k, BOB, "");
	assert_sent(&k, CAT, "1");
	assert_counters(&w, 2, 1, 0, 2);
	world_end(&w, &k);
}

/* Muted when it came, and not when it was taken back. */
static void test_of_what_was_muted(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	set(&w, ANN, SUB_SET_MUTED,
	    (struct sub_options){.muted_until_ms = clock_wall_ms() + HOUR_MS / 2});
	struct pos x = put(&w, "x");
	world_retract(&w, (struct store_retract){
				  .item = "x",
				  .newest = x,
				  .at_ms = clock_wall_ms() + HOUR_MS,
			  });
	worker_run(&k);
	assert_sent(&k, ANN, "");
	assert_sent(&k, BOB, "1 2");
	world_end(&w, &k);
}

/* ---- Of what is held --------------------------------------------------------------- */

static void test_only_the_new_one(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	pause_row(&w, ANN);
	put(&w, "x");
	put(&w, "y");
	put(&w, "x");
	worker_run(&k);
	assert_sent(&k, BOB, "1 2 3");
	assert_int_equal(counters(&w, 1).held, 1);
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "2 3");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_counters(&w, 1, 1, 1, 0);
	assert_counters(&w, 3, 2, 0, 0);
	assert_int_equal(engine_counters(k.engine)->superseded, 1);
	world_end(&w, &k);
}

static void test_nothing_of_what_is_gone(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	pause_row(&w, ANN);
	put(&w, "x");
	retract(&w, "x", put(&w, "x"));
	put(&w, "y");
	worker_run(&k);
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "4");
	assert_sent(&k, BOB, "1 2 3 4");
	for (unsigned event = 1; event <= 3; event++)
		assert_counters(&w, event, 1, 1, 0);
	world_end(&w, &k);
}

/* Who has an old version of it: in events the item goes, of messages the one he has not.
 */
static void test_of_an_older_version(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	world_join_one(&w, "deploys", DAN, FORMAT_EVENT);
	put(&w, "x");
	worker_run(&k);
	world_join_one(&w, "deploys", CAT, FORMAT_EVENT);
	pause_row(&w, ANN);
	pause_row(&w, DAN);
	pause_row(&w, CAT);
	put(&w, "x");
	retract(&w, "x", put(&w, "x"));
	worker_run(&k);
	resume_row(&w, ANN);
	resume_row(&w, DAN);
	resume_row(&w, CAT);
	settle(&k);
	assert_sent(&k, ANN, "1");
	assert_sent(&k, DAN, "1 4");
	assert_sent(&k, CAT, "");
	assert_counters(&w, 4, 2, 2, 0);
	world_end(&w, &k);
}

/* What he had before he paused is taken back. */
static void test_had_before(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	struct pos x = put(&w, "x");
	worker_run(&k);
	pause_row(&w, ANN);
	retract(&w, "x", x);
	put(&w, "x");
	worker_run(&k);
	resume_row(&w, ANN);
	settle(&k);
	assert_sent(&k, ANN, "1 2 3");
	assert_retracts(&k, ANN, 1, 0);
	world_end(&w, &k);
}

/* What he is through with, of a catch-up that takes several passes, he had. */
static void test_meanwhile(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	pause_row(&w, ANN);
	struct pos early = put(&w, "early"), gone = put(&w, "gone");
	post(&w, 200);
	struct pos last = put(&w, "last");
	retract(&w, "gone", gone);
	worker_run(&k);
	resume_row(&w, ANN);
	worker_until_sent(&k, 204 + 40, true);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_in_range(h.pos.n, 10, 150);
	assert_int_equal(h.span_from.n, 0);
	assert_int_equal(h.span_to.n, 204);
	retract(&w, "early", early);
	retract(&w, "last", last);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	/* Of the span that was begun all is sent that was there then. */
	size_t n = count_to(&k, ANN);
	assert_int_equal(event_of(&k, sent_to(&k, ANN, n - 3)), 203);
	assert_int_equal(event_of(&k, sent_to(&k, ANN, n - 2)), 205);
	assert_retracts(&k, ANN, n - 2, 0);
	assert_int_equal(event_of(&k, sent_to(&k, ANN, n - 1)), 206);
	assert_retracts(&k, ANN, n - 1, n - 3);
	assert_counters(&w, 2, 1, 1, 0);
	assert_counters(&w, 204, 1, 1, 0);
	assert_counters(&w, 203, 2, 0, 0);
	world_end(&w, &k);
}

/* Nothing was left out: what is gone by the next pass is not sent in it. */
static void test_as_soon_as_it_is_gone(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	pause_row(&w, ANN);
	post(&w, 200);
	struct pos last = put(&w, "last");
	worker_run(&k);
	resume_row(&w, ANN);
	worker_until_sent(&k, 201 + 40, true);
	assert_in_range(world_hold(&w, "deploys", ANN).pos.n, 10, 150);
	retract(&w, "last", last);
	settle(&k);
	assert_int_equal(event_of(&k, sent_to(&k, ANN, count_to(&k, ANN) - 1)), 200);
	assert_counters(&w, 201, 1, 1, 0);
	assert_counters(&w, 202, 1, 1, 0);
	world_end(&w, &k);
}

/* What came back was not had: it is not sent again when it is gone. */
static void test_of_what_came_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	struct pos x = put(&w, "x");
	post(&w, 1);
	worker_until_sent(&k, 4, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	worker_run(&k);
	retract(&w, "x", x);
	worker_run(&k);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 2");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_counters(&w, 1, 1, 1, 0);
	assert_counters(&w, 3, 1, 1, 0);
	world_end(&w, &k);
}

/* It came late: what followed it is taken for lost, too, and is not sent again. */
static void test_of_what_came_back_late(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 1);
	struct pos x = put(&w, "x");
	worker_run(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	retract(&w, "x", x);
	settle(&k);
	assert_int_equal(world_hold(&w, "deploys", ANN).counted.n, 2);
	pass(&k, LATER_MS);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 1");
	assert_counters(&w, 2, 2, 0, 0);
	assert_counters(&w, 3, 1, 1, 0);
	world_end(&w, &k);
}

/* He is told that it is gone from the log, and not what became of it. */
static void test_of_what_was_trimmed(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{\"max_items\":2}");
	pause_row(&w, ANN);
	struct pos x = put(&w, "x");
	worker_run(&k);
	retract(&w, "x", x);
	post(&w, 1);
	settle(&k);
	assert_int_equal(world_event_err(&w, "deploys", w.ids[0]), BELFRY_ENOENT);
	resume_row(&w, ANN);
	settle(&k);
	assert_int_equal(count_to(&k, ANN), 2);
	assert_true(contains(&k, sent_to(&k, ANN, 0), "no longer kept"));
	assert_int_equal(event_of(&k, sent_to(&k, ANN, 1)), 3);
	assert_counters(&w, 2, 1, 1, 0);
	world_end(&w, &k);
}

/* Urgent ones pass quiet hours, and so does what takes them back. */
static void test_urgent_ones(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	set(&w, ANN, SUB_SET_QUIET | SUB_SET_URGENT, quiet_for(120, true));
	post(&w, 1);
	struct pos x = put_tagged(&w, "x", "{\"title\":\"urgent\"}");
	worker_run(&k);
	assert_sent(&k, ANN, "2");
	retract(&w, "x", x);
	worker_run(&k);
	assert_sent(&k, ANN, "2 3");
	pass(&k, 3 * HOUR_MS);
	assert_sent(&k, ANN, "2 3 1");
	for (unsigned event = 1; event <= 3; event++)
		assert_counters(&w, event, 2, 0, 0);
	world_end(&w, &k);
}

/* Urgent ones are held again, but what was not for her. */
static void test_urgent_ones_come_back(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	struct pos x = put_tagged(&w, "x", "{\"title\":\"urgent\"}");
	worker_run(&k);
	world_join_one(&w, "deploys", CAT, FORMAT_CHAT);
	set(&w, CAT, SUB_SET_QUIET | SUB_SET_URGENT, quiet_for(120, true));
	post(&w, 1);
	retract(&w, "x", x);
	worker_run(&k);
	post_urgent(&w);
	worker_run(&k);
	assert_sent(&k, CAT, "4");
	bounce(&k, CAT, 0, BOUNCE_RETRIES);
	settle(&k);
	pass(&k, LATER_MS);
	pass(&k, 3 * HOUR_MS);
	assert_counters(&w, 3, 2, 0, 0);
	assert_counters(&w, 4, 3, 0, 0);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_had_it),
		cmocka_unit_test(test_the_same_filter),
		cmocka_unit_test(test_of_what_was_muted),
		cmocka_unit_test(test_only_the_new_one),
		cmocka_unit_test(test_nothing_of_what_is_gone),
		cmocka_unit_test(test_of_an_older_version),
		cmocka_unit_test(test_had_before),
		cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_as_soon_as_it_is_gone),
		cmocka_unit_test(test_of_what_came_back),
		cmocka_unit_test(test_of_what_came_back_late),
		cmocka_unit_test(test_of_what_was_trimmed),
		cmocka_unit_test(test_urgent_ones),
		cmocka_unit_test(test_urgent_ones_come_back),
	};
	return cmocka_run_group_tests_name("work/retract", tests, NULL, NULL);
}
