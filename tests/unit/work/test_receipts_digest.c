#include "digesting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Digests are not confirmed; who chooses them and receipts, too, has the digests. */
#define PHONE ANN "/phone"
#define ASK "<request xmlns='urn:xmpp:receipts'/></message>"
#define NO_DIGEST ((struct sub_options){0})

/* Her client confirms the N-th message that it was sent. */
static void confirm(struct worker *k, size_t n)
{
	char *id = recorder_attribute(k->link, sent_to(k, ANN, n), "id");
	recorder_received(k->link, id, PHONE);
	free(id);
	settle(k);
}

static void begin_asking(struct world *w, struct worker *k)
{
	passed_ms = 0;
	begin(w, k, "{}");
	set(w, ANN, SUB_SET_RECEIPT, (struct sub_options){.receipt = true});
}

static void begin_proven(struct world *w, struct worker *k)
{
	begin_asking(w, k);
	post_some(w, 1);
	worker_run(k);
	confirm(k, 0);
	assert_int_equal(reason(w, ANN), HOLD_NONE);
}

/* What was on its way when she chose them is let go; they ask for nothing. */
static void test_chosen(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post_some(&w, 2);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	set(&w, ANN, SUB_SET_DIGEST, HOURLY);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	post_some(&w, 2);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_DIGEST);
	confirm(&k, 1); /* too late */
	wait_for(&k, HOUR_MS);
	assert_int_equal(count_to(&k, ANN), 4);
	assert_string_equal(events_of(&k, ANN, 3), "5+3");
	assert_false(contains(&k, sent_to(&k, ANN, 3), "urn:xmpp:receipts"));
	confirm(&k, 3); /* nobody asked */
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	check_counters(&w, 1, 5, 2, 0, 0);
	assert_int_equal(counters(&w, 5).received, 0);
	/* She is asked again, and has to show it anew. */
	set(&w, ANN, SUB_SET_DIGEST, NO_DIGEST);
	post_some(&w, 1);
	worker_run(&k);
	assert_true(contains(&k, sent_to(&k, ANN, 4), ASK));
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	confirm(&k, 4);
	post_some(&w, 1);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	confirm(&k, 5);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 7).received, 1);
	world_end(&w, &k);
}

/* It came back, and she has chosen digests since: what is awaited goes one by one. */
static void test_chosen_while_it_bounces(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_proven(&w, &k);
	post_some(&w, 4);
	worker_run(&k);
	confirm(&k, 2);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	settle(&k);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(counters(&w, 2).held, 1);
	set(&w, ANN, SUB_SET_DIGEST, HOURLY);
	settle(&k);
	pass(&k, LATER_MS);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 3 4 5 2 4 5");
	assert_int_equal(world_hold(&w, "deploys", ANN).awaited, 0);
	post_some(&w, 2);
	worker_run(&k);
	wait_for(&k, LATER_MS);
	assert_string_equal(events_of(&k, ANN, 8), "7+3");
	check_counters(&w, 2, 2, 2, 0, 1);
	assert_int_equal(counters(&w, 3).received, 1);
	check_counters(&w, 4, 7, 2, 0, 0);
	world_end(&w, &k);
}

/* The second of it came back, and the first was tried alone: then the second goes, too.
 */
static void stops_between_tries(unsigned set_what, struct sub_options options)
{
	struct world w;
	struct worker k;
	begin_proven(&w, &k);
	post_some(&w, 2);
	worker_run(&k);
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	settle(&k);
	pass(&k, UINT32_MAX);
	assert_sent(&k, ANN, "1 2 3 2");
	set(&w, ANN, set_what, options);
	settle(&k);
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1 2 3 2 3");
	check_counters(&w, 2, 2, 2, 0, 0);
	check_counters(&w, 3, 3, 2, 0, 1);
	world_end(&w, &k);
}

static void test_stops_between_tries(void **state)
{
	(void)state;
	stops_between_tries(SUB_SET_DIGEST, HOURLY);
	stops_between_tries(SUB_SET_RECEIPT, (struct sub_options){.no_receipt = true});
}

/* A digest of before comes back when she confirms again: it is sent as it was. */
static void test_comes_back_late(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_hourly(&w, &k, "{}");
	post_some(&w, 2);
	worker_run(&k);
	wait_for(&k, HOUR_MS);
	assert_string_equal(events_of(&k, ANN, 0), "2+3");
	set(&w, ANN, SUB_SET_DIGEST, NO_DIGEST);
	set(&w, ANN, SUB_SET_RECEIPT, (struct sub_options){.receipt = true});
	post_some(&w, 1);
	worker_run(&k);
	confirm(&k, 1);
	post_some(&w, 2);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(sub_hold_members(&h), 3);
	assert_int_equal(h.awaited, 0);
	check_counters(&w, 1, 2, 1, 1, 1);
	pass(&k, LATER_MS);
	pass(&k, LATER_MS);
	assert_string_equal(events_of(&k, ANN, 4), "2+3");
	assert_false(contains(&k, sent_to(&k, ANN, 4), "urn:xmpp:receipts"));
	assert_int_equal(count_to(&k, ANN), 4 + 1 + 3);
	assert_string_equal(events_of(&k, ANN, 5), "3");
	check_counters(&w, 1, 2, 2, 0, 1);
	check_counters(&w, 3, 5, 2, 0, 0);
	/* She has to show it once more. */
	pass(&k, 2 * HOUR_MS);
	post_some(&w, 1);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	confirm(&k, 8);
	post_some(&w, 1);
	worker_run(&k);
	assert_int_equal(reason(&w, ANN), HOLD_CONFIRM);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_chosen_while_it_bounces),
		cmocka_unit_test(test_stops_between_tries),
		cmocka_unit_test(test_comes_back_late),
	};
	return cmocka_run_group_tests_name("work/receipts_digest", tests, NULL, NULL);
}
