#include <belfry/core/subscription.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const enum hold_reason reasons[] = {HOLD_BOUNCED, HOLD_DEAD,  HOLD_DROPPED,
					   HOLD_PAUSED,	 HOLD_QUIET, HOLD_PROVING,
					   HOLD_OFFLINE, HOLD_SHOW,  HOLD_DIGEST};
#define REASONS (sizeof reasons / sizeof reasons[0])

static int parse(const char *text, struct sub_hold *out)
{
	return sub_hold_parse(text, strlen(text), out);
}

static void texts_are_as_documented(void **state)
{
	struct sub_hold h = {.reason = HOLD_BOUNCED,
			     .pos = {12, 8},
			     .due_ms = 1763812345678,
			     .tries = 3,
			     .first_ms = 1763800000000,
			     .counted = {12, 11},
			     .condition = "service-unavailable"};
	char text[HOLD_TEXT_SIZE];

	(void)state;
	sub_hold_text(&h, text);
	assert_string_equal(text, "hb:12-8:1763812345678:3:1763800000000:"
				  "service-unavailable:12-11");
	h = (struct sub_hold){.reason = HOLD_QUIET, .urgent = true, .due_ms = 5};
	sub_hold_text(&h, text);
	assert_string_equal(text, "hqu:0-0:5:0:0::0-0");
	h.end = (struct pos){12, 9};
	sub_hold_text(&h, text);
	assert_string_equal(text, "hqu:0-0:5:0:0::0-0:;e12-9");
	h.span_from = (struct pos){12, 7};
	h.span_to = (struct pos){12, 30};
	sub_hold_text(&h, text);
	assert_string_equal(text, "hqu:0-0:5:0:0::0-0:;e12-9;f12-7;t12-30");
	sub_hold_digest(&h, (struct pos){12, 9}, 0x8000000100000005);
	sub_hold_text(&h, text);
	assert_string_equal(text, "hqu:0-0:5:0:0::0-0:;e12-9;f12-7;t12-30;m2147483649-5");
	assert_int_equal(sub_hold_members(&h), 0x8000000100000005);
}

static void members_of_a_digest(void **state)
{
	struct sub_hold h = {.reason = HOLD_DIGEST, .pos = {12, 100}};

	(void)state;
	sub_hold_digest(&h, (struct pos){12, 164}, 0x8000000000000005);
	assert_true(sub_hold_member(&h, (struct pos){12, 101}));
	assert_true(sub_hold_member(&h, (struct pos){12, 162}));
	assert_true(sub_hold_member(&h, (struct pos){12, 164}));
	assert_false(sub_hold_member(&h, (struct pos){12, 100}));
	assert_false(sub_hold_member(&h, (struct pos){12, 163}));
	assert_false(sub_hold_member(&h, (struct pos){12, 165}));
	assert_false(sub_hold_member(&h, (struct pos){11, 164}));
	assert_false(sub_hold_counted(&h, (struct pos){12, 164}));
	h.counted = (struct pos){12, 164};
	assert_true(sub_hold_counted(&h, (struct pos){12, 164}));
	h.tries = 1;
	strcpy(h.condition, "gone");
	assert_false(sub_hold_counted(&h, (struct pos){12, 164}));
	assert_true(sub_hold_counted(&h, (struct pos){12, 163}));
}

static void holds_round_trip(void **state)
{
	char text[HOLD_TEXT_SIZE], again[HOLD_TEXT_SIZE];
	struct sub_hold h, got;

	(void)state;
	for (size_t i = 0; i < 2 * REASONS; i++) {
		h = (struct sub_hold){.reason = reasons[i / 2],
				      .urgent = i % 2,
				      .pos = {i, UINT64_MAX - i},
				      .due_ms = i * 1000,
				      .tries = (unsigned)i,
				      .first_ms = UINT64_MAX,
				      .counted = {UINT64_MAX, i},
				      .end = {UINT64_MAX, i / 2},
				      .span_from = {UINT64_MAX, i / 2},
				      .span_to = {i, UINT64_MAX}};
		memset(h.condition, 'a' + (char)i, i);
		size_t len = sub_hold_text(&h, text);
		assert_int_equal(len, strlen(text));
		assert_int_equal(sub_hold_parse(text, len, &got), 0);
		sub_hold_text(&got, again);
		assert_string_equal(again, text);
		assert_int_equal(got.reason, h.reason);
		assert_int_equal(got.urgent, h.urgent);
		assert_int_equal(pos_cmp(got.pos, h.pos), 0);
		assert_true(got.due_ms == h.due_ms && got.first_ms == h.first_ms);
		assert_int_equal(got.tries, h.tries);
		assert_int_equal(pos_cmp(got.counted, h.counted), 0);
		assert_int_equal(pos_cmp(got.end, h.end), 0);
		assert_int_equal(pos_cmp(got.span_from, h.span_from), 0);
		assert_int_equal(pos_cmp(got.span_to, h.span_to), 0);
		assert_string_equal(got.condition, h.condition);
	}
}

static void what_is_no_hold_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"h",
		"hb",
		"b:1-2:3:4:5::0-0",
		"h:1-2:3:4:5::0-0",
		"hz:1-2:3:4:5::0-0",
		"hbx:1-2:3:4:5::0-0",
		"hbuu:1-2:3:4:5::0-0",
		"xb:1-2:3:4:5::0-0",
		"hb:12:3:4:5::0-0",
		"hb:1-2::4:5::0-0",
		"hb:1-2:3:-4:5::0-0",
		"hb:1-2:3:4294967296:5::0-0",
		"hb:1-2:3:4:5:gone",
		"hb:1-2:3:4:5::0-0:",
		"hb:1-2:3:4:5::0-0:1",
		"hb:1-2:3:4:5::0-0:e1-2",
		"hb:1-2:3:4:5::0-0:;",
		"hb:1-2:3:4:5::0-0:;e",
		"hb:1-2:3:4:5::0-0:;e1-2;",
		"hb:1-2:3:4:5::0-0:;z1-2",
		"hb:1-2:3:4:5:Gone:0-0",
		"hb:1-2:3:4:5:a b:0-0",
		"hb:1-2:3:4:5::",
		"hb:1-2:3:4:5:aaaaaaaaaabbbbbbbbbbccccccccccddd:0-0",
		"hb:1-2:18446744073709551616:4:5::0-0",
	};
	struct sub_hold h = {.tries = 77};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (parse(bad[i], &h) == 0)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(h.tries, 77);
}

static struct sub row(const char *text)
{
	struct sub sub;
	assert_int_equal(sub_parse(text, strlen(text), &sub), 0);
	return sub;
}

static void rows_tell_whether_they_are_held(void **state)
{
	static const struct {
		const char *row;
		enum hold_reason reason;
		bool held;
	} cases[] = {
		{"c 1-2", HOLD_NONE, false},
		{"c 1-2 a p3", HOLD_NONE, false},
		{"c 1-2 hb:1-2:3:4:5::0-0", HOLD_BOUNCED, true},
		{"c 1-2 hdu:1-2:0:4:5::0-0 a", HOLD_DEAD, true},
		{"c 1-2 hx:1-2:3:4:5::0-0", HOLD_DROPPED, true},
		{"c 1-2 hp:1-2:0:0:0::0-0 z", HOLD_PAUSED, true},
		{"c 1-2 hqu:1-2:9:0:0::0-0 q1-2/UTC u", HOLD_QUIET, true},
		{"c 1-2 hk:0-0:9:1:5:gone:0-0", HOLD_PROVING, false},
		{"c 1-2 hb", HOLD_NONE, false},
		{"c 1-2 a hb:1-2:3:4:5::0-0", HOLD_NONE, false},
	};
	struct sub_hold h;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sub sub = row(cases[i].row);
		memset(&h, 0xff, sizeof h);
		sub_hold_read(&sub, &h);
		assert_int_equal(h.reason, cases[i].reason);
		assert_int_equal(sub_held(&sub), cases[i].held);
	}
}

static void reasons_have_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < REASONS; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(hold_reason_text(reasons[i]),
						hold_reason_text(reasons[k]));
	assert_string_equal(hold_reason_text(HOLD_BOUNCED), "bounced");
	assert_string_equal(hold_reason_text(HOLD_NONE), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_as_documented),
		cmocka_unit_test(members_of_a_digest),
		cmocka_unit_test(holds_round_trip),
		cmocka_unit_test(what_is_no_hold_is_refused),
		cmocka_unit_test(rows_tell_whether_they_are_held),
		cmocka_unit_test(reasons_have_names),
	};

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
