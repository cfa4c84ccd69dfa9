#include <belfry/core/subscription.h>

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sub with(const char *options)
{
	return (struct sub){.options = options, .options_len = strlen(options)};
}

static void digests_are_read(void **state)
{
	static const char *const none[] = {
		"d",	  "d0",
		"d10081", "d1h",
		"d@",	  "d@480",
		"d@480/", "d@1440/UTC",
		"d@/UTC", "d@480/123456789012345678901234567890123"};
	struct sub sub = with("a d10080 tweb");
	struct sub_options o;
	char text[SUB_DIGEST_TEXT_SIZE];
	unsigned minutes;

	(void)state;
	sub_options_read(&sub, &o);
	assert_true(sub_digest_set(&o.digest));
	assert_int_equal(o.digest.every_min, 10080);
	sub = with("d@481/Europe/Berlin");
	sub_options_read(&sub, &o);
	assert_true(o.digest.daily);
	assert_int_equal(o.digest.at, 481);
	assert_string_equal(o.digest.zone, "Europe/Berlin");
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		sub = with(none[i]);
		sub_options_read(&sub, &o);
		assert_false(sub_digest_set(&o.digest));
	}
	assert_int_equal(sub_digest_every_parse("36H", 3, &minutes), 0);
	assert_int_equal(minutes, 36 * 60);
	sub_digest_every_text(minutes, text);
	assert_string_equal(text, "36h");
	sub_digest_every_text(90, text);
	assert_string_equal(text, "90m");
	sub_digest_every_text(10080, text);
	assert_string_equal(text, "7d");
	assert_int_equal(sub_digest_every_parse("", 0, &minutes), -1);
	assert_int_equal(sub_digest_every_parse("h", 1, &minutes), -1);
	assert_int_equal(sub_digest_every_parse("8d", 2, &minutes), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_read),
	};
	return cmocka_run_group_tests_name("sub_digest", tests, NULL, NULL);
}
