#include <belfry/core/image.h>

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What is taken for an SVG, before something draws it. */

static int svg(const char *text, size_t len, char why[IMAGE_WHY_SIZE])
{
	return image_svg_check(text, len, why, IMAGE_WHY_SIZE);
}

static void drawings_are_text(void **state)
{
	static const char xml[] = "\xef\xbb\xbf <?xml version=\"1.0\"?><svg:svg/>";
	static char large[IMAGE_BYTES_MAX + 1];
	char why[IMAGE_WHY_SIZE];

	(void)state;
	assert_int_equal(svg("<svg/>", 6, why), 0);
	assert_int_equal(svg(xml, strlen(xml), why), 0);
	assert_int_equal(svg("", 0, why), -1);
	assert_non_null(strstr(why, "not an SVG"));
	assert_int_equal(svg(NULL, 0, why), -1);
	assert_int_equal(svg("<html/>", 7, why), -1);
	assert_int_equal(svg("svg", 3, why), -1);
	assert_int_equal(svg("\x1f\x8b\x08\x00svg", 7, why), -1);
	assert_non_null(strstr(why, "compressed"));
	assert_int_equal(svg("<svg>\xff</svg>", 12, why), -1);
	assert_non_null(strstr(why, "UTF-8"));
	assert_int_equal(svg("<svg>\0</svg>", 12, why), -1);
	memset(large, ' ', sizeof large);
	memcpy(large, "<svg/>", 6);
	assert_int_equal(svg(large, IMAGE_BYTES_MAX, why), 0);
	assert_int_equal(svg(large, IMAGE_BYTES_MAX + 1, why), -1);
	assert_non_null(strstr(why, "65537 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawings_are_text),
	};

	return cmocka_run_group_tests_name("image_svg", tests, NULL, NULL);
}
