#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void utf8_accepts_and_refuses(void **state)
{
	static const char *const good[] = {
		"",
		"plain",
		"\x7F",
		"\xC2\x80",
		"\xDF\xBF",
		"\xE0\xA0\x80",
		"\xED\x9F\xBF",
		"\xEE\x80\x80",
		"\xEF\xBF\xBF",
		"\xF0\x90\x80\x80",
		"\xF4\x8F\xBF\xBF",
		"שלום \xF0\x9F\x94\x94",
	};
	static const char *const bad[] = {
		"\x80",
		"\xBF",
		"\xC0\x80",
		"\xC1\xBF",
		"\xC2",
		"\xC2 ",
		"\xE0\x80\x80",
		"\xE0\x9F\xBF",
		"\xE2\x82",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xF0\x80\x80\x80",
		"\xF0\x8F\xBF\xBF",
		"\xF0\x9F\x94",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xFE",
		"\xFF",
		"ok\xE2\x28\xA1",
		"\xE2\x82\x28",
		"\xF0\x90\x28\x80",
		"\xF0\x90\x80\x28",
		"\xF8\x88\x80\x80\x80",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("a\0b", 3));
}

/* The encoder is the obvious one; every code point goes through it. */
static size_t encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

static void utf8_decodes_every_code_point(void **state)
{
	uint32_t cp, got;
	char s[4];
	size_t n;

	(void)state;
	for (cp = 0; cp < 0x110400; cp++) {
		bool legal = cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);

		got = UINT32_MAX;
		n = encode(cp, s);
		assert_int_equal(utf8_decode(s, n, &got), legal ? n : 0);
		assert_int_equal(utf8_valid(s, n), legal);
		if (legal)
			assert_int_equal(got, cp);
		assert_int_equal(utf8_decode(s, n - 1, &got), 0);
	}
}

static void utf8_cut_keeps_characters_whole(void **state)
{
	const char *s = "a\xC3\xA4\xF0\x9F\x94\x94z"; /* 1 + 2 + 4 + 1 bytes */
	static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
		assert_int_equal(utf8_cut(s, 8, i), cuts[i]);
}

static void check_escape(const char *in, size_t len, const char *want)
{
	struct buf out = {0};

	buf_adds(&out, "<x>");
	xml_escape(&out, in, len);
	assert_string_equal(out.data + 3, want);
	assert_int_equal(out.len - 3, strlen(want));
	assert_int_equal(xml_escaped_len(in, len), strlen(want));
	buf_free(&out);
}

static void xml_escape_makes_it_carryable(void **state)
{
	(void)state;
	check_escape("", 0, "");
	check_escape("plain", 5, "plain");
	check_escape("]]>", 3, "]]&gt;");
	check_escape("<a b='c' d=\"e\">&amp;", 20,
		     "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;amp;");
	check_escape("a\tb\nc\rd", 7, "a\tb\nc&#13;d");
	check_escape("a\0b", 3,
		     "a\xEF\xBF\xBD"
		     "b");
	check_escape("\x01\x08\x0B\x0C\x0E\x1F\x7F", 7,
		     "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
		     "\xEF\xBF\xBD\x7F");
	check_escape("\xEF\xBF\xBE-\xEF\xBF\xBF-\xEF\xBF\xBD-\xEF\xBE\xBE", 15,
		     "\xEF\xBF\xBD-\xEF\xBF\xBD-\xEF\xBF\xBD-\xEF\xBE\xBE");
	check_escape("שלום \xF0\x9F\x94\x94", 13, "שלום \xF0\x9F\x94\x94");
}

/* Every ASCII character, against the rule and not the table. */
static void xml_escape_knows_all_controls(void **state)
{
	int c;

	(void)state;
	for (c = 0; c < 0x20; c++) {
		char s = (char)c;
		struct buf out = {0};

		xml_escape(&out, &s, 1);
		if (c == '\t' || c == '\n')
			assert_memory_equal(out.data, &s, 1);
		else if (c == '\r')
			assert_string_equal(out.data, "&#13;");
		else
			assert_string_equal(out.data, "\xEF\xBF\xBD");
		buf_free(&out);
	}
}

static void glob_matches(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"deploys", "deploys", true},
		{"deploys", "deploy", false},
		{"deploy", "deploys", false},
		{"team-*", "team-", true},
		{"team-*", "team-a", true},
		{"team-*", "tea", false},
		{"*.log", "a.b.log", true},
		{"*.log", "a.log.x", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"a*b*c", "abbcbc", true},
		{"**a**", "bab", true},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "aab", false},
		{"*", "*", true},
		{"?", "a", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(glob_match(cases[i].pattern, cases[i].text),
				 cases[i].match);
}

/* With the usual recursion this takes longer than the universe has existed. */
static void glob_does_not_explode(void **state)
{
	char pattern[201], text[2001];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pattern - 1; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[sizeof pattern - 2] = 'b';
	pattern[sizeof pattern - 1] = '\0';
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_false(glob_match(pattern, text));
}

static void numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t max;
		int rc;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0, 0},
		{"1", 0, -1, 0},
		{"7", 5, -1, 0},
		{"42", 42, 0, 42},
		{"43", 42, -1, 0},
		{"007", 10, 0, 7},
		{"", 10, -1, 0},
		{"-1", 10, -1, 0},
		{"+1", 10, -1, 0},
		{" 1", 10, -1, 0},
		{"1 ", 10, -1, 0},
		{"1x", 100, -1, 0},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -1, 0},
		{"99999999999999999999999", UINT64_MAX, -1, 0},
	};
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		value = 12345;
		assert_int_equal(
			parse_u64(cases[i].s, strlen(cases[i].s), cases[i].max, &value),
			cases[i].rc);
		assert_true(value == (cases[i].rc == 0 ? cases[i].value : 12345));
	}
	assert_int_equal(parse_u64("12345", 2, 100, &value), 0);
	assert_true(value == 12);
	assert_int_equal(parse_u64("1\0", 2, 100, &value), -1);
}

static void hex_digits_of_either_case(void **state)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	int found = 0;

	(void)state;
	for (int i = 0; digits[i]; i++)
		assert_int_equal(text_hex_digit(digits[i]), i % 16);
	for (int c = -128; c < 128; c++)
		found += text_hex_digit((char)c) >= 0;
	assert_int_equal(found, 22);
}

static void text_is_exact(void **state)
{
	(void)state;
	assert_true(text_is("abc", 3, "abc"));
	assert_true(text_is("abcd", 3, "abc"));
	assert_false(text_is("abc", 2, "abc"));
	assert_false(text_is("abd", 3, "abc"));
	assert_false(text_is("a\0c", 3, "a"));
	assert_true(text_is(NULL, 0, ""));
}

/* RFC 4648 10 */
static void base64_as_in_the_rfc(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfb", "//77"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out = {0};
		buf_adds(&out, "<");
		base64_add(&out, cases[i][0], strlen(cases[i][0]));
		buf_adds(&out, ">");
		assert_int_equal(out.len, strlen(cases[i][1]) + 2);
		assert_memory_equal(out.data + 1, cases[i][1], out.len - 2);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_accepts_and_refuses),
		cmocka_unit_test(utf8_decodes_every_code_point),
		cmocka_unit_test(utf8_cut_keeps_characters_whole),
		cmocka_unit_test(xml_escape_makes_it_carryable),
		cmocka_unit_test(xml_escape_knows_all_controls),
		cmocka_unit_test(glob_matches),
		cmocka_unit_test(glob_does_not_explode),
		cmocka_unit_test(numbers),
		cmocka_unit_test(hex_digits_of_either_case),
		cmocka_unit_test(text_is_exact),
		cmocka_unit_test(base64_as_in_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
