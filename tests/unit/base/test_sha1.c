#include <belfry/base/sha1.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, const char *expected)
{
	char hex[SHA1_HEX_SIZE];

	sha1_hex(text, strlen(text), hex);
	assert_string_equal(hex, expected);
}

/* FIPS 180-4's own, and the empty one. */
static void known_answers(void **state)
{
	(void)state;
	check("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	check("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	      "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void a_million(void **state)
{
	char hex[SHA1_HEX_SIZE];
	char *text = malloc(1000000);

	(void)state;
	memset(text, 'a', 1000000);
	sha1_hex(text, 1000000, hex);
	assert_string_equal(hex, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(text);
}

/* Each length around a block's end; the hash of all these hashes, by another program. */
static void lengths_around_a_block(void **state)
{
	unsigned char all[130 * SHA1_BYTES];
	char text[130], hex[SHA1_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('A' + i % 26);
	for (size_t len = 0; len < 130; len++)
		sha1(text, len, all + len * SHA1_BYTES);
	sha1_hex(all, sizeof all, hex);
	assert_string_equal(hex, "ed72c7d3ee855b29adce6470b9069e7db83630c7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(a_million),
		cmocka_unit_test(lengths_around_a_block),
	};

	return cmocka_run_group_tests_name("sha1", tests, NULL, NULL);
}
