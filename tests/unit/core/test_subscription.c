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
					   "n 1-1 1-2",
					   ("h 18446744073709551615-18446744073709551615 "
					    "18446744073709551615-18446744073709551615"),
					   "c 12-3 a",
					   "c 12-3 12-9 a p3 tprod m17"};
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
					  "c 12-3 A"};
	struct sub sub;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(sub_parse(bad[i], strlen(bad[i]), &sub), -1);
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
		"tprod", "a p1 m1 tnight%20shift t100%25 t\xc3\xa4"};
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
	struct sub odd = with("zz a3 p9 p mx t q1 t%2");
	sub_options_read(&odd, &o);
	assert_false(o.contact);
	assert_int_equal(o.at_least, PRIORITY_LOW);
	assert_int_equal(o.muted_until_ms, 0);
	assert_int_equal(o.tag_count, 1);
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
		cmocka_unit_test(bad_rows_are_refused),
		cmocka_unit_test(a_row_has_no_nul),
		cmocka_unit_test(options_round_trip),
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
