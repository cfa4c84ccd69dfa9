#include <belfry/base/random.h>
#include <belfry/core/backoff.h>
#include <belfry/core/id.h>
#include <belfry/core/pos.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void pos_orders(void **state)
{
	(void)state;
	assert_true(pos_cmp((struct pos){1, 9}, (struct pos){2, 0}) < 0);
	assert_true(pos_cmp((struct pos){2, 0}, (struct pos){1, 9}) > 0);
	assert_true(pos_cmp((struct pos){1, 1}, (struct pos){1, 2}) < 0);
	assert_true(pos_cmp((struct pos){1, 2}, (struct pos){1, 1}) > 0);
	assert_int_equal(pos_cmp((struct pos){1, 2}, (struct pos){1, 2}), 0);
}

static void pos_round_trips(void **state)
{
	static const struct pos all[] = {
		{0, 0}, {1, 0}, {12, 345}, {UINT64_MAX, UINT64_MAX}};
	char text[POS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct pos back;
		size_t len = pos_format(all[i], text);
		assert_int_equal(len, strlen(text));
		assert_int_equal(pos_parse(text, len, &back), 0);
		assert_int_equal(pos_cmp(back, all[i]), 0);
	}
}

static void positions_between_are_counted(void **state)
{
	static const struct {
		struct pos had, next;
		uint64_t between;
	} all[] = {
		{{3, 7}, {3, 8}, 0}, {{3, 7}, {3, 9}, 1}, {{3, 0}, {3, 1}, 0},
		{{3, 0}, {3, 5}, 4}, {{2, 7}, {3, 1}, 0}, {{2, 7}, {3, 4}, 3},
		{{0, 0}, {3, 4}, 0}, {{3, 8}, {3, 8}, 0}, {{3, UINT64_MAX}, {3, 1}, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		assert_int_equal(pos_between(all[i].had, all[i].next), all[i].between);
}

static void pos_refuses(void **state)
{
	static const char *const bad[] = {
		"",	"-",	"1",	 "1-",	  "-1",	  "1-2-3",
		"1--2", " 1-2", "1-2 ",	 "+1-2",  "a-b",  "1-18446744073709551616",
		"01-2", "1-02", "1.0-2", "0x1-2", "1-2\n"};
	struct pos p = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(pos_parse(bad[i], strlen(bad[i]), &p), -1);
	assert_int_equal(pos_parse("1-\0002", 4, &p), -1);
	assert_int_equal(pos_parse(NULL, 0, &p), -1);
	assert_int_equal(p.epoch, 7);
	/* Only LEN bytes are looked at. */
	assert_int_equal(pos_parse("1-23", 3, &p), 0);
	assert_int_equal(p.n, 2);
}

static void ids_are_uuid7_in_order(void **state)
{
	char last[EVENT_ID_SIZE] = "", id[EVENT_ID_SIZE];

	(void)state;
	for (int i = 0; i < 1500; i++) {
		event_id_make(1700000000000u, id);
		assert_true(event_id_valid(id, strlen(id)));
		assert_true(strcmp(last, id) < 0);
		memcpy(last, id, sizeof last);
	}
	event_id_make(1700000000001u, id);
	assert_true(strcmp(last, id) < 0);
	/* 1700000000001 is 0x18bcfe56801. */
	assert_memory_equal(id, "018bcfe5-6801-7", 15);
}

static void ids_are_checked(void **state)
{
	static const char good[] = "018bcfe5-6801-7abc-8def-0123456789ab";
	char id[EVENT_ID_SIZE];

	(void)state;
	assert_true(event_id_valid(good, 36));
	assert_false(event_id_valid(good, 35));
	assert_false(event_id_valid("", 0));
	for (size_t i = 0; i < 36; i++) {
		memcpy(id, good, sizeof id);
		id[i] = 'G';
		assert_false(event_id_valid(id, 36));
	}
	assert_false(event_id_valid("018BCFE5-6801-7abc-8def-0123456789ab", 36));
	assert_false(event_id_valid("018bcfe5-6801-4abc-8def-0123456789ab", 36));
	assert_false(event_id_valid("018bcfe5-6801-7abc-cdef-0123456789ab", 36));
}

static void stanza_ids_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"~",
		"~~",
		"deploys",
		"deploys~1-2",
		"deploys~1-2~",
		"deploys~1-2~0000abc",
		"deploys~1-2~0000abcde",
		"deploys~1-2~0000ABCD",
		"deploys~1-2~0000abcg",
		"Deploys~1-2~0000abcd",
		"~1-2~0000abcd",
		"deploys~12~0000abcd",
		"deploys~1-2~0000abcd~",
		"a~b~1-2~0000abcd",
		"deploys~1-2~groups",
		"deploys~1-2~grou",
		"deploys~1-2~GROUP",
		"deploys~1-9+~0000abcd",
		"deploys~1-9+0~0000abcd",
		"deploys~1-9+1~0000abcd",
		"deploys~1-9+2~0000abcd",
		"deploys~1-9+05~0000abcd",
		"deploys~1-9+F~0000abcd",
		"deploys~1-9+5+5~0000abcd",
		"deploys~1-2+5~0000abcd", /* the first of them would be 1-0 */
		"deploys~1-99+10000000000000001~0000abcd",
		"deploys~1-9+5~group",
	};
	struct stanza_id id;

	(void)state;
	const char *good = "deploys.eu~12-345~0000abcd";
	assert_int_equal(stanza_id_parse(good, strlen(good), &id), 0);
	assert_string_equal(id.feed, "deploys.eu");
	assert_int_equal(id.epoch, 12);
	assert_int_equal(id.n, 345);
	assert_int_equal(id.hash, 0xabcd);
	assert_false(id.group);
	assert_int_equal(id.members, 0);
	good = "deploys.eu~12-345+8000000000000003~0000abcd";
	assert_int_equal(stanza_id_parse(good, strlen(good), &id), 0);
	assert_int_equal(id.n, 345);
	assert_int_equal(id.members, 0x8000000000000003);
	good = "deploys.eu~12-345~group";
	assert_int_equal(stanza_id_parse(good, strlen(good), &id), 0);
	assert_int_equal(id.n, 345);
	assert_true(id.group);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(stanza_id_parse(bad[i], strlen(bad[i]), &id), -1);
	assert_int_equal(stanza_id_parse(NULL, 0, &id), -1);
}

static void longest_stanza_id_fits(void **state)
{
	char text[STANZA_ID_SIZE], feed[65];
	struct stanza_id id;

	(void)state;
	memset(feed, 'x', 64);
	feed[64] = '\0';
	int len = snprintf(text, sizeof text,
			   "%s~%" PRIu64 "-%" PRIu64 "+ffffffffffffffff~ffffffff", feed,
			   UINT64_MAX, UINT64_MAX);
	assert_true(len < STANZA_ID_SIZE);
	assert_int_equal(stanza_id_parse(text, (size_t)len, &id), 0);
	assert_string_equal(id.feed, feed);
	assert_int_equal(id.hash, UINT32_MAX);
}

static void backoff_doubles_to_its_ceiling(void **state)
{
	struct backoff b = {.first_ms = 100, .max_ms = 3000};
	uint64_t ceiling = 100;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t delay = backoff_next(&b);
		assert_in_range(delay, ceiling / 2, ceiling);
		ceiling = ceiling * 2 < 3000 ? ceiling * 2 : 3000;
	}
	backoff_reset(&b);
	assert_in_range(backoff_next(&b), 50, 100);
}

static void backoff_jitters(void **state)
{
	struct backoff b = {.first_ms = 100000, .max_ms = 100000};
	uint64_t first = backoff_next(&b);
	int different = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		different += backoff_next(&b) != first;
	assert_true(different > 10);
}

static void backoff_has_no_overflow(void **state)
{
	struct backoff b = {.first_ms = UINT64_MAX / 3, .max_ms = UINT64_MAX};
	struct backoff zero = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(backoff_next(&b) >= UINT64_MAX / 6);
	assert_int_equal(backoff_next(&zero), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pos_orders),
		cmocka_unit_test(pos_round_trips),
		cmocka_unit_test(positions_between_are_counted),
		cmocka_unit_test(pos_refuses),
		cmocka_unit_test(ids_are_uuid7_in_order),
		cmocka_unit_test(ids_are_checked),
		cmocka_unit_test(stanza_ids_parse),
		cmocka_unit_test(longest_stanza_id_fits),
		cmocka_unit_test(backoff_doubles_to_its_ceiling),
		cmocka_unit_test(backoff_jitters),
		cmocka_unit_test(backoff_has_no_overflow),
	};

	return cmocka_run_group_tests_name("pos, id, backoff", tests, NULL, NULL);
}
