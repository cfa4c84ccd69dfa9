#include <belfry/core/delivery.h>
#include <belfry/core/render.h>
#include <belfry/core/subscription.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char row[] = "c 7-3 hc:7-5:9000:0:0::7-8:;w5;a1000;n2;b3000 tprod r v7-4";

static struct sub sub_of(const char *text)
{
	struct sub sub;
	assert_int_equal(sub_parse(text, strlen(text), &sub), 0);
	return sub;
}

static void what_is_awaited(void **state)
{
	struct sub_hold h = {.counted = {7, 40}};
	(void)state;
	assert_true(hold_await(&h, (struct pos){7, 6}));
	assert_int_equal(h.pos.n, 5);
	assert_true(hold_await(&h, (struct pos){7, 8}));
	assert_true(hold_await(&h, (struct pos){7, 37}));
	assert_false(hold_await(&h, (struct pos){7, 38}));
	assert_false(hold_await(&h, (struct pos){8, 7}));
	assert_true(hold_awaits(&h, (struct pos){7, 8}));
	assert_false(hold_awaits(&h, (struct pos){7, 7}));
	assert_false(hold_awaits(&h, (struct pos){7, 5}));
	assert_false(hold_awaits(&h, (struct pos){8, 8}));
	hold_forget(&h, (struct pos){7, 6});
	assert_int_equal(h.pos.n, 7);
	assert_true(hold_awaits(&h, (struct pos){7, 37}));
	hold_forget(&h, (struct pos){7, 38});
	assert_int_equal(h.awaited, 0);
	assert_int_equal(h.pos.n, 40);
}

static void texts_come_back(void **state)
{
	struct sub sub = sub_of(row);
	struct sub_hold h;
	struct sub_options o;
	char text[HOLD_TEXT_SIZE], words[SUB_OPTIONS_SIZE];
	(void)state;
	sub_hold_read(&sub, &h);
	assert_int_equal(h.reason, HOLD_CONFIRM);
	assert_int_equal(h.awaited, 5);
	assert_int_equal(h.again_ms, 1000);
	assert_int_equal(h.resends, 2);
	assert_int_equal(h.give_up_ms, 3000);
	assert_int_equal(sub_hold_text(&h, text), sub.hold_len);
	assert_memory_equal(text, sub.hold, sub.hold_len);
	sub_options_read(&sub, &o);
	assert_true(o.receipt && o.proven.epoch == 7 && o.proven.n == 4);
	sub_options_text(&o, words);
	assert_string_equal(words, "r v7-4 tprod");
}

static void who_is_asked(void **state)
{
	struct pos since;
	struct sub sub = sub_of(row);
	struct sub_options o = {.receipt = true, .proven = {7, 4}};
	(void)state;
	assert_true(sub_asks(&sub, false) && sub_proven(&sub, &since) && since.n == 4);
	sub = sub_of("c 7-3 r");
	assert_true(sub_asks(&sub, false) && !sub_proven(&sub, NULL));
	assert_true(sub_asks(&sub, true));
	sub = sub_of("c 7-3 v7-4"); /* the feed has asked */
	assert_true(sub_asks(&sub, false) && sub_proven(&sub, &since) && since.n == 4);
	sub = sub_of("c 7-3 r0 v7-4");
	assert_false(sub_asks(&sub, true) || sub_proven(&sub, NULL));
	sub = sub_of("c 7-3");
	assert_true(sub_asks(&sub, true) && !sub_asks(&sub, false));
	sub = sub_of("n 7-3 r v7-4");
	assert_false(sub_asks(&sub, true) || sub_proven(&sub, NULL));
	sub_change_apply(SUB_FOLLOW(FORMAT_CHAT), &o);
	assert_true(o.receipt && o.proven.n == 4);
	sub_change_apply(SUB_FOLLOW(FORMAT_EVENT), &o);
	assert_true(o.receipt && o.proven.epoch == 0);
	o.proven = (struct pos){7, 4};
	sub_change_apply(&(struct sub_change){.set = SUB_SET_RECEIPT}, &o);
	assert_true(!o.receipt && o.proven.epoch == 0);
}

/* Who gets digests is not, and proves it anew when that is over. */
static void who_has_digests(void **state)
{
	struct sub sub = sub_of("c 7-3 r d60 v7-4");
	struct sub_options o = {.receipt = true, .proven = {7, 4}};
	(void)state;
	assert_false(sub_asks(&sub, true) || sub_proven(&sub, NULL));
	assert_true(sub_wants_receipts(&sub));
	sub = sub_of("c 7-3 d@480/Europe/Berlin r");
	assert_false(sub_asks(&sub, true));
	assert_true(sub_wants_receipts(&sub));
	sub = sub_of("c 7-3 d60 v7-4");
	assert_false(sub_asks(&sub, true) || sub_wants_receipts(&sub));
	sub = sub_of("c 7-3 r0 d60");
	assert_false(sub_wants_receipts(&sub));
	sub = sub_of("n 7-3 r d60");
	assert_false(sub_wants_receipts(&sub));
	sub_change_apply(&(struct sub_change){.set = SUB_SET_DIGEST}, &o);
	assert_int_equal(o.proven.n, 4);
	sub_change_apply(&(struct sub_change){.set = SUB_SET_DIGEST,
					      .options.digest.every_min = 5},
			 &o);
	assert_true(o.receipt && o.proven.epoch == 0);
}

static enum delivery of(const char *text, uint64_t n)
{
	const struct sub sub = sub_of(text);
	const struct event e = {.priority = PRIORITY_NORMAL};
	return delivery_of(&sub, (struct pos){7, 10}, &e, (struct pos){7, n}, 0);
}

static void what_became_of_it(void **state)
{
	static const char plain[] = "c 7-3 hc:7-5:9000:1:1::7-8:;w5 r v7-4";
	(void)state;
	assert_int_equal(of("c 7-3 r", 5), DELIVERY_UNCONFIRMED);
	assert_int_equal(of("c 7-3 r d60", 5), DELIVERY_UNCONFIRMED);
	assert_int_equal(of("c 7-3 d60", 5), DELIVERY_TAKEN);
	assert_int_equal(of(plain, 4), DELIVERY_UNCONFIRMED);
	assert_int_equal(of(plain, 5), DELIVERY_RECEIVED);
	assert_int_equal(of(plain, 6), DELIVERY_UNCONFIRMED);
	assert_int_equal(of(plain, 7), DELIVERY_RECEIVED);
	assert_int_equal(of(plain, 9), DELIVERY_HELD);
	assert_int_equal(of(plain, 11), DELIVERY_QUEUED);
	assert_int_equal(of("c 7-3 r v7-4", 9), DELIVERY_RECEIVED);
	assert_string_equal(delivery_text(DELIVERY_RECEIVED), "received");
	assert_string_equal(delivery_text(DELIVERY_UNCONFIRMED), "unconfirmed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_awaited),   cmocka_unit_test(texts_come_back),
		cmocka_unit_test(who_is_asked),	     cmocka_unit_test(who_has_digests),
		cmocka_unit_test(what_became_of_it),
	};
	return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
