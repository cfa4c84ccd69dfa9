#include "check.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/image.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 8 /* bytes of the signature */

static uint32_t crc_of(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

/* Few inputs have the right checksums, and the others end there. */
static void mend_checksums(uint8_t *png, size_t size)
{
	size_t at = HEAD;

	while (size - at >= 12) {
		uint32_t len = (uint32_t)png[at] << 24 | (uint32_t)png[at + 1] << 16 |
			       (uint32_t)png[at + 2] << 8 | png[at + 3];

		if (len > size - at - 12)
			return;
		uint32_t crc = crc_of(png + at + 4, 4 + (size_t)len);
		at += 8 + (size_t)len;
		for (int i = 3; i >= 0; i--, crc >>= 8)
			png[at + (size_t)i] = (uint8_t)crc;
		at += 4;
	}
}

static void check_png(const char *data, size_t size)
{
	unsigned width = 0, height = 0, w, h;
	char why[IMAGE_WHY_SIZE] = "";
	struct buf clean = {0}, again = {0}, square = {0};
	bool sound = image_png_clean(data, size, &clean, &width, &height, why,
				     sizeof why) == 0;

	CHECK(sound || (why[0] && utf8_valid(why, strlen(why))));
	if (sound) {
		CHECK(image_is_png(data, size) && size <= IMAGE_BYTES_MAX);
		CHECK(width >= 1 && width <= IMAGE_SIDE_MAX);
		CHECK(height >= 1 && height <= IMAGE_SIDE_MAX);
		CHECK(image_png_clean(clean.data, clean.len, &again, &w, &h, why,
				      sizeof why) == 0);
		CHECK(again.len == clean.len && w == width && h == height);
	}
	bool made = image_png_square(data, size, &square, why, sizeof why) == 0;
	CHECK(made || !sound);
	if (made && square.len <= IMAGE_BYTES_MAX) {
		CHECK(image_png_clean(square.data, square.len, &again, &w, &h, why,
				      sizeof why) == 0);
		CHECK(w == h);
	}
	buf_free(&clean);
	buf_free(&again);
	buf_free(&square);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[IMAGE_WHY_SIZE] = "";
	uint8_t *mended = xmalloc(size + 1);

	check_png((const char *)data, size);
	memcpy(mended, data, size);
	if (size > HEAD)
		mend_checksums(mended, size);
	check_png((const char *)mended, size);
	if (image_svg_check((const char *)data, size, why, sizeof why))
		CHECK(why[0]);
	free(mended);
	return 0;
}
