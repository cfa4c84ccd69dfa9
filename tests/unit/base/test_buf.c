#include <belfry/base/buf.h>
#include <belfry/base/err.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void grows_and_ends_in_nul(void **state)
{
	struct buf b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 100000);
	for (i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	buf_adds(&b, "again");
	assert_string_equal(b.data, "again");
	buf_free(&b);
}

static void holds_any_bytes(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_add(&b, NULL, 0);
	buf_adds(&b, "");
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_free(&b);
}

static void clear_keeps_the_memory(void **state)
{
	struct buf b = {0};
	const char *data;

	(void)state;
	buf_clear(&b);
	assert_null(b.data);
	buf_reserve(&b, 1000);
	assert_string_equal(b.data, "");
	data = b.data;
	buf_adds(&b, "text");
	buf_clear(&b);
	assert_ptr_equal(b.data, data);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void reserve_is_enough(void **state)
{
	struct buf b = {0};
	const char *data;

	(void)state;
	buf_adds(&b, "x");
	buf_reserve(&b, 5000);
	data = b.data;
	while (b.len < 5001)
		buf_addc(&b, 'y');
	assert_ptr_equal(b.data, data);
	buf_free(&b);
}

static void printf_appends(void **state)
{
	struct buf b = {0};
	char big[3000];

	(void)state;
	memset(big, 'z', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	buf_printf(&b, "%s-%d|", "n", 42);
	buf_printf(&b, "%s", big);
	buf_printf(&b, "%s", "");
	assert_int_equal(b.len, 5 + sizeof big - 1);
	assert_memory_equal(b.data, "n-42|zzz", 8);
	assert_int_equal(strlen(b.data), b.len);
	buf_free(&b);
}

static void steal_leaves_it_empty(void **state)
{
	struct buf b = {0};
	char *s = buf_steal(&b);

	(void)state;
	assert_string_equal(s, "");
	free(s);
	buf_adds(&b, "mine");
	s = buf_steal(&b);
	assert_string_equal(s, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(s);
	buf_free(&b);
}

static void memory_of_no_size_is_memory(void **state)
{
	void *p = xmalloc(0);
	char *zeroed = xcalloc(8, 1);
	char *copy;

	(void)state;
	assert_non_null(p);
	p = xrealloc(p, 0);
	assert_non_null(p);
	p = xreallocarray(p, 0, 8);
	assert_non_null(p);
	free(p);
	assert_memory_equal(zeroed, "\0\0\0\0\0\0\0\0", 8);
	free(zeroed);
	copy = xmemdup0("ab\0c", 4);
	assert_memory_equal(copy, "ab\0c\0", 5);
	free(copy);
	copy = xmemdup0(NULL, 0);
	assert_string_equal(copy, "");
	free(copy);
	copy = xstrdup("copy");
	assert_string_equal(copy, "copy");
	free(copy);
}

static void every_error_has_a_word(void **state)
{
	int i, j;

	(void)state;
	for (i = BELFRY_OK; i <= BELFRY_EINTERNAL; i++) {
		const char *text = belfry_err_text((enum belfry_err)i);

		assert_string_not_equal(text, "unknown error");
		for (j = BELFRY_OK; j < i; j++)
			assert_string_not_equal(text,
						belfry_err_text((enum belfry_err)j));
	}
	assert_string_equal(belfry_err_text((enum belfry_err)(BELFRY_EINTERNAL + 1)),
			    "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_ends_in_nul),
		cmocka_unit_test(holds_any_bytes),
		cmocka_unit_test(clear_keeps_the_memory),
		cmocka_unit_test(reserve_is_enough),
		cmocka_unit_test(printf_appends),
		cmocka_unit_test(steal_leaves_it_empty),
		cmocka_unit_test(memory_of_no_size_is_memory),
		cmocka_unit_test(every_error_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
