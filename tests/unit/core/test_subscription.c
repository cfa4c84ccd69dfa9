#include <belfry/base/random.h>
#include <belfry/core/subscription.h>

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void formats_have_names(void **state)
{
	static const enum sub_format all[] = {FORMAT_CHAT, FORMAT_EVENT, FORMAT_HEADLINE,
					      FORMAT_NORMAL};
	enum sub_format f;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *text = sub_format_text(all[i]);
		assert_int_equal(sub_format_parse(text, strlen(text), &f), 0);
		assert_int_equal(f, all[i]);
	}
	assert_int_equal(sub_format_parse("Chat", 4, &f), -1);
	assert_int_equal(sub_format_parse("chat ", 5, &f), -1);
	assert_int_equal(sub_format_parse("", 0, &f), -1);
}

static void rows_round_trip(void **state)
{
	static const char *const rows[] = {"c 12-3",
					   "e 0-0",
					   "n 1-1 hb:1-2:3:4:5:gone:0-0",
					   "h 18446744073709551615-18446744073709551615",
					   "c 12-3 a",
					   "c 12-3 hwhatever",
					   "c 12-3 h",
					   "c 12-3 hp:12-9:0:0:0::12-9 a p3 tprod m17",
					   "c 12-3 hp hq"};
	char text[SUB_TEXT_SIZE];
	struct sub sub;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(sub_parse(rows[i], strlen(rows[i]), &sub), 0);
		size_t len = sub_format_row(&sub, text);
		assert_int_equal(len, strlen(text));
		assert_string_equal(text, rows[i]);
	}
}

static void rows_of_earlier_versions_are_read(void **state)
{
	static const char *const rows[][2] = {
		{"n 1-1 1-2", "n 1-1"},
		{"c 12-3 12-9 a p3 tprod", "c 12-3 a p3 tprod"},
		{"c 12-3 12-9 hb:1-2:3:4:5::0-0 a", "c 12-3 hb:1-2:3:4:5::0-0 a"},
	};
	char text[SUB_TEXT_SIZE];
	struct sub sub;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(sub_parse(rows[i][0], strlen(rows[i][0]), &sub), 0);
		sub_format_row(&sub, text);
		assert_string_equal(text, rows[i][1]);
	}
}

/* The longest that can be written can be read. */
static void the_longest_row_is_one(void **state)
{
	struct pos far = {UINT64_MAX, UINT64_MAX};
	struct sub_hold hold = {.reason = HOLD_BOUNCED,
				.pos = far,
				.due_ms = UINT64_MAX,
				.tries = UINT32_MAX,
				.first_ms = UINT64_MAX,
				.counted = far,
				.urgent = true};
	char options[SUB_OPTIONS_SIZE], words[HOLD_TEXT_SIZE], row[SUB_TEXT_SIZE];
	struct sub sub = {.format = FORMAT_CHAT, .since = far}, again;

	(void)state;
	memset(hold.condition, 'c', HOLD_CONDITION_MAX);
	memset(options, 'z', sizeof options);
	sub.hold = words;
	sub.hold_len = sub_hold_text(&hold, words);
	sub.options = options;
	sub.options_len = sizeof options - 1;
	size_t len = sub_format_row(&sub, row);
	assert_int_equal(len, strlen(row));
	assert_int_equal(sub_parse(row, len, &again), 0);
	assert_int_equal(again.hold_len, sub.hold_len);
	assert_int_equal(again.options_len, sub.options_len);
	memset(row + 4, '\0', 1);
	assert_int_equal(sub_parse(row, len, &again), -1);
}

static void bad_rows_are_refused(void **state)
{
	static const char *const bad[] = {"",
					  "c",
					  "c ",
					  "c1-2",
					  "x 1-2",
					  "c 1-2 ",
					  "c  1-2",
					  "c 1-2  1-3",
					  "c 1-2 3",
					  "c 1-2 1-3 ",
					  "c 1-2 1-3 1-4",
					  "c 12",
					  "c 12-3  a",
					  "c 12-3 12-9 -",
					  "c 12-3 A",
					  "c 12-3 hb ",
					  "c 12-3 hb 12-4",
					  "c 12-3 hb A"};
	char long_hold[HOLD_TEXT_SIZE + 8];
	struct sub sub;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(sub_parse(bad[i], strlen(bad[i]), &sub), -1);
	memset(long_hold, 'h', sizeof long_hold);
	memcpy(long_hold, "c 12-3 ", 7);
	assert_int_equal(sub_parse(long_hold, 7 + HOLD_TEXT_SIZE - 1, &sub), 0);
	assert_int_equal(sub_parse(long_hold, 7 + HOLD_TEXT_SIZE, &sub), -1);
}

static struct sub with(const char *options)
{
	return (struct sub){.options = options, .options_len = strlen(options)};
}

static void a_row_has_no_nul(void **state)
{
	struct sub sub;

	(void)state;
	assert_int_equal(sub_parse("c 12-3 ta\0b", 11, &sub), -1);
}

static void options_round_trip(void **state)
{
	static const char *const texts[] = {
		"",	 "a",
		"p3",	 "m1763812345678",
		"z",	 "q1320-420/Europe/Berlin u",
		"u",	 "q0-1439/America/Argentina/ComodRivadavia",
		"tprod", "a p1 m1 z q1-0/UTC u tnight%20shift t100%25 t\xc3\xa4"};
	char out[SUB_OPTIONS_SIZE];
	struct sub_options o;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct sub sub = with(texts[i]);
		sub_options_read(&sub, &o);
		assert_int_equal(sub_options_text(&o, out), strlen(texts[i]));
		assert_string_equal(out, texts[i]);
	}
	assert_int_equal(o.tag_count, 3);
	assert_string_equal(o.tags[0], "night shift");
	assert_string_equal(o.tags[1], "100%");
	/* What another version may have written, or nobody should have. */
	struct sub odd = with("zz a3 p9 p mx t q1 t%2 uu hb q1-2 q1-2/ q1440-2/UTC "
			      "q1-1440/UTC q5-5/UTC q-5/UTC q1-/UTC q1/UTC-2 "
			      "q1-2/America/Argentina/ComodRivadaviaX");
	sub_options_read(&odd, &o);
	assert_false(o.contact);
	assert_int_equal(o.at_least, PRIORITY_LOW);
	assert_int_equal(o.muted_until_ms, 0);
	assert_int_equal(o.tag_count, 1);
	assert_false(o.paused || o.quiet.set || o.urgent_passes);
}

static void quiet_hours_are_read(void **state)
{
	struct sub sub = with("z q1320-420/Europe/Berlin u");
	struct sub_options o;

	(void)state;
	sub_options_read(&sub, &o);
	assert_true(o.paused && o.quiet.set && o.urgent_passes);
	assert_int_equal(o.quiet.from, 22 * 60);
	assert_int_equal(o.quiet.to, 7 * 60);
	assert_string_equal(o.quiet.zone, "Europe/Berlin");
	assert_true(sub_may_wait(&sub));
	sub = with("a p1 u tq tz");
	assert_false(sub_may_wait(&sub));
	sub = with("q1320-420/UTC");
	assert_true(sub_may_wait(&sub));
	sub = with("d60");
	assert_true(sub_may_wait(&sub));
	assert_false(sub_may_wait(&(struct sub){0}));
}

/* Whatever else is set, there is room for it beside the tags. */
static void there_is_room_for_all(void **state)
{
	struct sub_options o = {.contact = true,
				.at_least = PRIORITY_URGENT,
				.muted_until_ms = UINT64_MAX,
				.paused = true,
				.quiet = {.set = true, .from = 1439, .to = 1438},
				.urgent_passes = true,
				.hold_offline = true,
				.shows = SHOWS_ALL,
				.grant = GRANT_REFUSED,
				.digest = {.daily = true, .at = 1439}};
	char tag[SUB_TAG_MAX], out[SUB_OPTIONS_SIZE];
	struct sub_options again;

	(void)state;
	memset(o.quiet.zone, 'Z', SUB_ZONE_MAX);
	memset(o.digest.zone, 'Z', SUB_ZONE_MAX);
	for (char c = 'a'; c < 'c'; c++) {
		memset(tag, c, sizeof tag);
		assert_int_equal(sub_options_tag(&o, tag, sizeof tag), 0);
	}
	memset(tag, 'c', sizeof tag);
	for (size_t len = 1;; len++) {
		o.tag_count = 2;
		assert_int_equal(sub_options_tag(&o, tag, len), 0);
		struct sub_options tags = {0};
		sub_change_apply(&(struct sub_change){.set = SUB_SET_TAGS, .options = o},
				 &tags);
		bool fits = sub_options_text(&tags, out) >= 0;
		assert_int_equal(sub_options_text(&o, out) >= 0, fits);
		if (!fits)
			break;
		struct sub sub = with(out);
		sub_options_read(&sub, &again);
		assert_memory_equal(&again, &o, sizeof o);
	}
}

static void tags_are_bounded(void **state)
{
	struct sub_options o = {0};
	char long_tag[SUB_TAG_MAX + 1], out[SUB_OPTIONS_SIZE], name[16];

	(void)state;
	memset(long_tag, 'x', sizeof long_tag);
	assert_int_equal(sub_options_tag(&o, "", 0), -1);
	assert_int_equal(sub_options_tag(&o, long_tag, sizeof long_tag), -1);
	assert_int_equal(sub_options_tag(&o, "a\nb", 3), -1);
	assert_int_equal(sub_options_tag(&o, "a\xff", 2), -1);
	assert_int_equal(sub_options_tag(&o, "Prod", 4), 0);
	assert_int_equal(sub_options_tag(&o, "pROD", 4), 0);
	assert_int_equal(o.tag_count, 1);
	for (int i = 1; i < SUB_TAGS_MAX; i++) {
		snprintf(name, sizeof name, "t%d", i);
		assert_int_equal(sub_options_tag(&o, name, strlen(name)), 0);
	}
	assert_int_equal(sub_options_tag(&o, "more", 4), -1);
	assert_true(sub_options_text(&o, out) > 0);
	o.tag_count = 0;
	for (int i = 0; i < 3; i++) {
		long_tag[0] = (char)('a' + i);
		assert_int_equal(sub_options_tag(&o, long_tag, SUB_TAG_MAX), 0);
	}
	assert_int_equal(sub_options_text(&o, out), -1);
}

static void filters_decide(void **state)
{
	char night[] = "Night Shift", web[] = "web", *tags[] = {night, web, NULL};
	struct event tagged = {.tags = tags, .priority = PRIORITY_HIGH};
	struct event plain = {.priority = PRIORITY_NORMAL};
	static const struct {
		const char *options;
		bool tagged, plain;
	} cases[] = {
		{"a", true, true},
		{"p2", true, false},
		{"p3", false, false},
		{"tWEB", true, false},
		{"tnight%20shift", true, false},
		{"tnight", false, false},
		{"tweb2", false, false},
		{"tprod tweb", true, false},
		{"p3 tweb", false, false},
		{"m1000", true, true},
		{"m1001", false, false},
		{"q7", true, true},
		{"z q0-1439/UTC u", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sub sub = with(cases[i].options);
		assert_int_equal(sub_passes(&sub, &tagged, 1000), cases[i].tagged);
		assert_int_equal(sub_passes(&sub, &plain, 1000), cases[i].plain);
	}
	assert_true(sub_passes(&(struct sub){0}, &plain, 1000));
}

static void changes_touch_what_they_set(void **state)
{
	struct sub_options o = {.contact = true, .at_least = PRIORITY_HIGH};
	struct sub_change c = {.set = SUB_SET_MUTED | SUB_SET_TAGS,
			       .options = {.muted_until_ms = 7}};

	(void)state;
	sub_options_tag(&c.options, "web", 3);
	sub_change_apply(&c, &o);
	assert_true(o.contact);
	assert_int_equal(o.at_least, PRIORITY_HIGH);
	assert_int_equal(o.muted_until_ms, 7);
	assert_int_equal(o.tag_count, 1);
	c = (struct sub_change){.set = SUB_SET_CONTACT | SUB_SET_PRIORITY};
	sub_change_apply(&c, &o);
	assert_false(o.contact);
	assert_int_equal(o.at_least, PRIORITY_LOW);
	assert_int_equal(o.muted_until_ms, 7);
	assert_int_equal(o.tag_count, 1);
	c = (struct sub_change){.set = SUB_SET_PAUSED | SUB_SET_QUIET | SUB_SET_URGENT,
				.options = {.paused = true,
					    .quiet = {true, 1, 2, "UTC"},
					    .urgent_passes = true}};
	sub_change_apply(&c, &o);
	assert_true(o.paused && o.quiet.set && o.urgent_passes);
	assert_string_equal(o.quiet.zone, "UTC");
	c = (struct sub_change){.set = SUB_SET_URGENT};
	sub_change_apply(&c, &o);
	assert_true(o.paused && o.quiet.set && !o.urgent_passes);
	c = (struct sub_change){.set = SUB_SET_PAUSED | SUB_SET_QUIET};
	sub_change_apply(&c, &o);
	assert_false(o.paused || o.quiet.set);
	assert_int_equal(o.tag_count, 1);
}

/* As the header says it, with a division. */
static uint32_t plain_hash(uint32_t salt, const char *key, size_t len)
{
	uint64_t h = 5381;

	for (size_t i = 0; i < len; i++)
		h = (h * salt + (unsigned char)key[i]) % 4294967291u;
	return (uint32_t)h;
}

static void hash_is_what_the_header_says(void **state)
{
	char key[300];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t salt = 1 + random_below((1u << 21) - 1);
		size_t len = random_below(sizeof key);
		random_fill(key, len);
		assert_int_equal(row_hash(salt, key, len), plain_hash(salt, key, len));
	}
	memset(key, 0xff, sizeof key);
	assert_int_equal(row_hash((1u << 21) - 1, key, sizeof key),
			 plain_hash((1u << 21) - 1, key, sizeof key));
	assert_int_equal(row_hash(1, NULL, 0), 5381);
}

static uint32_t plain_bucket(uint32_t hash, uint32_t buckets)
{
	uint64_t power = 1;

	while (power * 2 <= buckets)
		power *= 2;
	uint64_t wide = hash % (power * 2);
	return (uint32_t)(wide < buckets ? wide : hash % power);
}

static void bucket_is_what_the_header_says(void **state)
{
	static const uint32_t large[] = {1u << 30, (1u << 31) - 1, 1u << 31,
					 (1u << 31) + 12345, UINT32_MAX};

	(void)state;
	for (uint32_t buckets = 1; buckets < 2000; buckets++) {
		for (int i = 0; i < 20; i++) {
			uint32_t hash = random_below(UINT32_MAX);
			assert_int_equal(bucket_of(hash, buckets),
					 plain_bucket(hash, buckets));
		}
	}
	for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
		uint32_t hash = random_below(UINT32_MAX);
		assert_int_equal(bucket_of(hash, large[i]), plain_bucket(hash, large[i]));
		assert_true(bucket_of(UINT32_MAX, large[i]) < large[i]);
	}
}

/* A split moves rows from the parent to the new bucket, and none else. */
static void splits_touch_the_parent_alone(void **state)
{
	(void)state;
	for (uint32_t buckets = 1; buckets < 600; buckets++) {
		uint32_t parent = bucket_parent(buckets);
		int moved = 0;
		assert_true(parent < buckets);
		for (uint32_t i = 0; i < 4000; i++) {
			uint32_t hash = i * 2654435761u;
			uint32_t before = bucket_of(hash, buckets);
			uint32_t after = bucket_of(hash, buckets + 1);
			if (before != parent)
				assert_int_equal(after, before);
			else
				assert_true(after == parent || after == buckets);
			moved += after == buckets;
		}
		assert_true(moved > 0);
	}
}

static void ancestors_compose(void **state)
{
	(void)state;
	for (int i = 0; i < 50000; i++) {
		uint32_t hash = random_below(UINT32_MAX);
		uint32_t old = 1 + random_below(5000), now = old + random_below(5000);
		uint32_t later = now + random_below(5000);
		uint32_t bucket = bucket_of(hash, later);
		assert_int_equal(bucket_ancestor(bucket, old), bucket_of(hash, old));
		assert_int_equal(bucket_ancestor(bucket_ancestor(bucket, now), old),
				 bucket_ancestor(bucket, old));
	}
	assert_int_equal(bucket_ancestor(3, 10), 3);
}

/* JIDs as they come, counted up: no bucket gets much more than its share. */
static void rows_spread(void **state)
{
	enum { ROWS = 100000, BUCKETS = 1000 };
	static const uint32_t salts[] = {257, 77777, 524309, 1000003, 2097143};
	static unsigned count[BUCKETS];
	char jid[64];

	(void)state;
	for (size_t k = 0; k < sizeof salts / sizeof salts[0]; k++) {
		memset(count, 0, sizeof count);
		for (int i = 0; i < ROWS; i++) {
			int len = snprintf(jid, sizeof jid, "user%d@example.org", i);
			count[bucket_of(row_hash(salts[k], jid, (size_t)len), BUCKETS)]++;
		}
		/* Between two powers of two, some buckets are twice as large. */
		for (int i = 0; i < BUCKETS; i++)
			assert_in_range(count[i], 40, 300);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_have_names),
		cmocka_unit_test(rows_round_trip),
		cmocka_unit_test(rows_of_earlier_versions_are_read),
		cmocka_unit_test(the_longest_row_is_one),
		cmocka_unit_test(bad_rows_are_refused),
		cmocka_unit_test(a_row_has_no_nul),
		cmocka_unit_test(options_round_trip),
		cmocka_unit_test(quiet_hours_are_read),
		cmocka_unit_test(there_is_room_for_all),
		cmocka_unit_test(tags_are_bounded),
		cmocka_unit_test(filters_decide),
		cmocka_unit_test(changes_touch_what_they_set),
		cmocka_unit_test(hash_is_what_the_header_says),
		cmocka_unit_test(bucket_is_what_the_header_says),
		cmocka_unit_test(splits_touch_the_parent_alone),
		cmocka_unit_test(ancestors_compose),
		cmocka_unit_test(rows_spread),
	};

	return cmocka_run_group_tests_name("subscription", tests, NULL, NULL);
}
