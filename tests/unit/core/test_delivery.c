#include <belfry/core/delivery.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct pos cursor = {7, 10};

/* What the row says of the event 7-N, whose priority is PRIORITY. */
static enum delivery of(const char *row, uint64_t n, enum event_priority priority)
{
	char tag[] = "web", *tags[] = {tag, NULL};
	struct event e = {.priority = priority, .tags = tags};
	struct sub sub;

	assert_int_equal(sub_parse(row, strlen(row), &sub), 0);
	return delivery_of(&sub, cursor, &e, (struct pos){7, n}, 5000);
}

static void by_cursor(void **state)
{
	(void)state;
	assert_int_equal(of("c 7-3", 3, PRIORITY_NORMAL), DELIVERY_NOT_ITS);
	assert_int_equal(of("c 7-3", 4, PRIORITY_NORMAL), DELIVERY_TAKEN);
	assert_int_equal(of("h 7-3", 10, PRIORITY_NORMAL), DELIVERY_SENT);
	assert_int_equal(of("c 7-3", 11, PRIORITY_NORMAL), DELIVERY_QUEUED);
	assert_int_equal(of("c 6-9999", 1, PRIORITY_NORMAL), DELIVERY_TAKEN);
	assert_int_equal(of("c 7-3 tprod", 4, PRIORITY_NORMAL), DELIVERY_FILTERED);
	assert_int_equal(of("c 7-3 tweb", 4, PRIORITY_NORMAL), DELIVERY_TAKEN);
	assert_int_equal(of("c 7-3 tprod", 11, PRIORITY_NORMAL), DELIVERY_QUEUED);
}

static void by_hold(void **state)
{
	const char *bounced = "c 7-3 hb:7-5:9000:1:8000:gone:0-0 tprod";
	const char *dropped = "c 7-3 hx:7-5:9000:4:8000:gone:0-0";
	const char *proving = "c 7-3 hk:7-5:9000:1:8000:gone:0-0";

	(void)state;
	assert_int_equal(of(bounced, 3, PRIORITY_NORMAL), DELIVERY_NOT_ITS);
	assert_int_equal(of(bounced, 5, PRIORITY_NORMAL), DELIVERY_FILTERED);
	/* Whether it is for it is looked at when its turn comes. */
	assert_int_equal(of(bounced, 6, PRIORITY_NORMAL), DELIVERY_HELD);
	assert_int_equal(of(bounced, 10, PRIORITY_URGENT), DELIVERY_HELD);
	assert_int_equal(of(bounced, 11, PRIORITY_NORMAL), DELIVERY_QUEUED);
	assert_int_equal(of(dropped, 5, PRIORITY_NORMAL), DELIVERY_TAKEN);
	assert_int_equal(of(dropped, 6, PRIORITY_NORMAL), DELIVERY_DEAD);
	assert_int_equal(of(proving, 6, PRIORITY_NORMAL), DELIVERY_TAKEN);
}

static void urgent_ones_passed(void **state)
{
	const char *quiet = "c 7-3 hqu:7-5:9000:0:0::0-0";

	(void)state;
	assert_int_equal(of(quiet, 6, PRIORITY_HIGH), DELIVERY_HELD);
	assert_int_equal(of(quiet, 6, PRIORITY_URGENT), DELIVERY_TAKEN);
	assert_int_equal(of(quiet, 11, PRIORITY_URGENT), DELIVERY_QUEUED);
}

/* A late bounce: what it has had since is repeated, but stays counted. */
static void what_is_counted_is_not_held(void **state)
{
	const char *late = "h 7-3 hb:7-5:9000:1:8000:gone:7-8";
	const char *redriven = "h 7-3 hb:7-5:9000:0:0::7-8";

	(void)state;
	assert_int_equal(of(late, 6, PRIORITY_NORMAL), DELIVERY_HELD);
	assert_int_equal(of(late, 7, PRIORITY_NORMAL), DELIVERY_SENT);
	assert_int_equal(of(late, 9, PRIORITY_NORMAL), DELIVERY_HELD);
	assert_int_equal(of(redriven, 6, PRIORITY_NORMAL), DELIVERY_SENT);
}

/* Of a digest that came back its events are held, and not what was left out of it. */
static void what_a_digest_left_out_is_not_held(void **state)
{
	const char *late = "c 7-3 hb:7-5:9000:1:8000:gone:7-9:;e7-8;m0-5";
	const char *sent = "c 7-3 hg:7-5:9000:0:0::0-0:;e7-8;m0-5";

	(void)state;
	assert_int_equal(of(late, 6, PRIORITY_NORMAL), DELIVERY_HELD);
	assert_int_equal(of(late, 7, PRIORITY_NORMAL), DELIVERY_TAKEN);
	assert_int_equal(of(late, 8, PRIORITY_NORMAL), DELIVERY_HELD);
	assert_int_equal(of(late, 9, PRIORITY_NORMAL), DELIVERY_TAKEN);
	assert_int_equal(of(late, 10, PRIORITY_NORMAL), DELIVERY_HELD);
	for (unsigned n = 6; n <= 10; n++)
		assert_int_equal(of(sent, n, PRIORITY_NORMAL), DELIVERY_HELD);
}

static void texts(void **state)
{
	(void)state;
	assert_string_equal(delivery_text(DELIVERY_QUEUED), "queued");
	assert_string_equal(delivery_text(DELIVERY_TAKEN), "taken");
	assert_string_equal(delivery_text(DELIVERY_SENT), "sent");
	assert_string_equal(delivery_text(DELIVERY_FILTERED), "filtered");
	assert_string_equal(delivery_text(DELIVERY_HELD), "held");
	assert_string_equal(delivery_text(DELIVERY_DEAD), "dead");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_cursor),
		cmocka_unit_test(by_hold),
		cmocka_unit_test(urgent_ones_passed),
		cmocka_unit_test(what_is_counted_is_not_held),
		cmocka_unit_test(what_a_digest_left_out_is_not_held),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
