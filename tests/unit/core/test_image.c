#include <belfry/core/image.h>

#include <belfry/base/mem.h>

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- Making PNGs, sound ones and others ---- */

#define HEAD 8 /* bytes of the signature */
#define IHDR_END (HEAD + 25)

static void add_be32(struct buf *out, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_addc(out, (char)(v >> shift));
}

static uint32_t crc_of(const char *p, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

static void add_chunk(struct buf *out, const char *type, const char *data, size_t len)
{
	add_be32(out, (uint32_t)len);
	size_t from = out->len;
	buf_add(out, type, 4);
	buf_add(out, data, len);
	add_be32(out, crc_of(out->data + from, len + 4));
}

/* Of noise, so that it does not shrink; or of one colour. */
static struct buf make_png(unsigned width, unsigned height, bool noise)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = width,
			   .height = height,
			   .format = PNG_FORMAT_RGBA};
	size_t bytes = (size_t)width * height * 4;
	unsigned char *pixels = xmalloc(bytes);
	png_alloc_size_t size = 0;
	struct buf out = {0};
	uint32_t seed = 1;

	for (size_t i = 0; i < bytes; i++) {
		seed = seed * 1103515245 + 12345;
		pixels[i] = noise ? (unsigned char)(seed >> 16) : 0x80;
	}
	assert_true(png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL));
	buf_reserve(&out, size);
	assert_true(
		png_image_write_to_memory(&image, out.data, &size, 0, pixels, 0, NULL));
	out.len = size;
	free(pixels);
	return out;
}

/* PNG with CHUNKS bytes put in behind its header. */
static struct buf with_chunks(const struct buf *png, const struct buf *chunks)
{
	struct buf out = {0};

	buf_add(&out, png->data, IHDR_END);
	buf_add(&out, chunks->data, chunks->len);
	buf_add(&out, png->data + IHDR_END, png->len - IHDR_END);
	return out;
}

/* A header that says anything, and DATA as its only IDAT. */
static struct buf with_header(uint32_t width, uint32_t height, const char rest[5],
			      const char *data, size_t len)
{
	struct buf out = {0}, header = {0};

	buf_add(&out, "\x89PNG\r\n\x1a\n", HEAD);
	add_be32(&header, width);
	add_be32(&header, height);
	buf_add(&header, rest, 5);
	add_chunk(&out, "IHDR", header.data, header.len);
	add_chunk(&out, "IDAT", data, len);
	add_chunk(&out, "IEND", "", 0);
	buf_free(&header);
	return out;
}

static int check(const struct buf *png, char why[IMAGE_WHY_SIZE])
{
	unsigned width = 0, height = 0;
	struct buf clean = {0};

	why[0] = '\0';
	int bad = image_png_clean(png->data, png->len, &clean, &width, &height, why,
				  IMAGE_WHY_SIZE);
	assert_true(bad ? !clean.len : clean.len <= png->len);
	buf_free(&clean);
	return bad;
}

static void refused(struct buf png, const char *word)
{
	char why[IMAGE_WHY_SIZE];

	if (!check(&png, why))
		fail_msg("taken; expected: %s", word);
	if (!strstr(why, word))
		fail_msg("expected '%s': %s", word, why);
	buf_free(&png);
}

/* ---- PNG ---- */

static void sound_ones_are_taken(void **state)
{
	static const unsigned sides[][2] = {{1, 1}, {192, 192}, {512, 512}, {512, 1}};
	char why[IMAGE_WHY_SIZE];
	unsigned width, height;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buf png = make_png(sides[i][0], sides[i][1], false);
		assert_true(image_is_png(png.data, png.len));
		struct buf clean = {0};
		assert_int_equal(image_png_clean(png.data, png.len, &clean, &width,
						 &height, why, sizeof why),
				 0);
		buf_free(&clean);
		assert_int_equal(width, sides[i][0]);
		assert_int_equal(height, sides[i][1]);
		buf_free(&png);
	}
}

/* A palette of one colour, 1 bit; 16 bits of grey, interlaced: whatever libpng shows. */
static void other_kinds_are_taken(void **state)
{
	static const char one_row[] = "\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01";
	static const char grey16[] = "\x78\x9c\x63\x60\x60\x00\x00\x00\x03\x00\x01";
	char why[IMAGE_WHY_SIZE];
	struct buf plte = {0};

	(void)state;
	struct buf png =
		with_header(1, 1, "\x01\x03\x00\x00\x00", one_row, sizeof one_row - 1);
	add_chunk(&plte, "PLTE", "\xff\x00\x00", 3);
	struct buf whole = with_chunks(&png, &plte);
	if (check(&whole, why))
		fail_msg("palette: %s", why);
	buf_free(&png);
	buf_free(&plte);
	buf_free(&whole);
	png = with_header(1, 1, "\x10\x00\x00\x00\x01", grey16, sizeof grey16 - 1);
	if (check(&png, why))
		fail_msg("grey: %s", why);
	buf_free(&png);
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	refused(make_png(513, 1, false), "513 x 1 pixels: 1 to 512");
	refused(make_png(1, 513, false), "1 x 513 pixels");
	refused(make_png(160, 160, true), "bytes, and 65536 are the most");
	refused(with_header(0, 1, "\x08\x06\x00\x00\x00", "", 0), "0 x 1");
	refused(with_header(0x80000000u, 0xffffffffu, "\x08\x06\x00\x00\x00", "", 0),
		"1 to 512 a side");
}

static void what_is_no_png(void **state)
{
	struct buf empty = {0}, text = {0}, signature = {0};

	(void)state;
	buf_adds(&text, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
	buf_add(&signature, "\x89PNG\r\n\x1a\n", HEAD);
	assert_false(image_is_png(text.data, text.len));
	assert_false(image_is_png(NULL, 0));
	refused(empty, "not a PNG");
	refused(text, "not a PNG");
	refused(signature, "cut off");
}

static void every_truncation_is_seen(void **state)
{
	struct buf png = make_png(32, 32, true);
	char why[IMAGE_WHY_SIZE];

	(void)state;
	for (size_t len = 0; len < png.len; len++) {
		/* In memory of its own, so that a look behind its end shows. */
		struct buf cut = {0};
		buf_add(&cut, png.data, len);
		assert_int_equal(check(&cut, why), -1);
		buf_free(&cut);
	}
	buf_addc(&png, '\n');
	refused(png, "behind the PNG's end");
}

static void every_damaged_byte_is_seen(void **state)
{
	struct buf png = make_png(16, 16, true);
	char why[IMAGE_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < png.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			png.data[i] = (char)(png.data[i] ^ (1 << bit));
			if (!check(&png, why))
				fail_msg("bit %d of byte %zu", bit, i);
			png.data[i] = (char)(png.data[i] ^ (1 << bit));
		}
	}
	assert_int_equal(check(&png, why), 0);
	buf_free(&png);
}

/* Checksums right, pixels wrong. */
static void pixels_must_be_there(void **state)
{
	static const char rgba[] = "\x08\x06\x00\x00\x00";
	static const char one_row[] = "\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01";

	(void)state;
	refused(with_header(100, 100, rgba, "", 0), "cannot be shown");
	refused(with_header(100, 100, rgba, "rubbish", 7), "cannot be shown");
	refused(with_header(100, 100, rgba, one_row, sizeof one_row - 1),
		"cannot be shown");
	refused(with_header(512, 512, "\x10\x06\x00\x00\x01", one_row,
			    sizeof one_row - 1),
		"cannot be shown");
	/* A depth, a colour type, a filter, an interlacing that is none. */
	refused(with_header(1, 1, "\x07\x06\x00\x00\x00", one_row, 10),
		"cannot be shown");
	refused(with_header(1, 1, "\x08\x05\x00\x00\x00", one_row, 10),
		"cannot be shown");
	refused(with_header(1, 1, "\x08\x00\x00\x01\x00", one_row, 10),
		"cannot be shown");
	refused(with_header(1, 1, "\x08\x00\x00\x00\x02", one_row, 10),
		"cannot be shown");
	/* A palette image without its palette. */
	refused(with_header(1, 1, "\x01\x03\x00\x00\x00", one_row, 10),
		"cannot be shown");
}

static void floods_are_refused(void **state)
{
	static char filler[20000];
	struct buf png = make_png(16, 16, false), few = {0}, many = {0}, large = {0},
		   empty = {0};
	char why[IMAGE_WHY_SIZE];

	(void)state;
	add_chunk(&few, "tEXt", "Title\0Deploys", 13);
	add_chunk(&few, "pHYs", "\0\0\x0b\x13\0\0\x0b\x13\x01", 9);
	struct buf sound = with_chunks(&png, &few);
	if (check(&sound, why))
		fail_msg("%s", why);
	for (int i = 0; i < 33; i++)
		add_chunk(&many, "tEXt", "a\0b", 3);
	refused(with_chunks(&png, &many), "too much beside the image");
	memset(filler, 'x', sizeof filler);
	filler[1] = '\0';
	add_chunk(&large, "tEXt", filler, sizeof filler);
	refused(with_chunks(&png, &large), "too much beside the image");
	for (int i = 0; i < 600; i++)
		add_chunk(&empty, "IDAT", "", 0);
	refused(with_chunks(&png, &empty), "too much beside the image");
	buf_free(&png);
	buf_free(&few);
	buf_free(&many);
	buf_free(&large);
	buf_free(&empty);
	buf_free(&sound);
}

/* What is compressed can be a thousand times larger than the file. */
static struct buf packed_zeros(size_t len)
{
	struct buf zeros = {0}, out = {0};
	uLongf size = compressBound(len);

	buf_reserve(&zeros, len);
	memset(zeros.data, 0, len);
	buf_reserve(&out, size);
	assert_int_equal(
		compress((Bytef *)out.data, &size, (const Bytef *)zeros.data, len), Z_OK);
	out.len = size;
	buf_free(&zeros);
	return out;
}

static void bombs_are_not_unpacked(void **state)
{
	static const struct {
		unsigned side;
		const char *kind;
		size_t bytes; /* of its rows */
	} images[] = {
		{8, "\x08\x06\x00\x00\x00", 8 * 33},
		{8, "\x08\x06\x00\x00\x01", 8 * 32 + 15},
		{5, "\x01\x00\x00\x00\x00", 5 * 2},
		{9, "\x10\x02\x00\x00\x00", 9 * 55},
		{512, "\x10\x06\x00\x00\x00", 512 * 4097},
		{1, "\x08\x04\x00\x00\x01", 3},
	};
	char why[IMAGE_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
		const size_t lens[] = {images[i].bytes, images[i].bytes - 1,
				       images[i].bytes + 1, 48000000};
		static const char *const words[] = {NULL, "damaged", "behind", "behind"};
		for (size_t j = 0; j < 4; j++) {
			struct buf data = packed_zeros(lens[j]);
			struct buf png = with_header(images[i].side, images[i].side,
						     images[i].kind, data.data, data.len);
			if (words[j])
				refused(png, words[j]);
			else if (check(&png, why))
				fail_msg("image %zu: %s", i, why);
			if (!words[j])
				buf_free(&png);
			buf_free(&data);
		}
	}
}

/* What is stored and sent on is what is needed to show it. */
static void the_rest_is_left_out(void **state)
{
	struct buf png = make_png(8, 8, false), extra = {0}, text = {0}, clean = {0},
		   again = {0};
	struct buf zeros = packed_zeros(8000000);
	char why[IMAGE_WHY_SIZE];
	unsigned w, h;

	(void)state;
	buf_add(&text, "Comment\0\0", 9);
	buf_add(&text, zeros.data, zeros.len);
	add_chunk(&extra, "zTXt", text.data, text.len);
	add_chunk(&extra, "eXIf", "MM\0*", 4);
	struct buf large = with_chunks(&png, &extra);
	assert_int_equal(
		image_png_clean(large.data, large.len, &clean, &w, &h, why, sizeof why),
		0);
	assert_true(clean.len <= png.len);
	assert_null(memmem(clean.data, clean.len, "zTXt", 4));
	assert_null(memmem(clean.data, clean.len, "eXIf", 4));
	assert_int_equal(
		image_png_clean(clean.data, clean.len, &again, &w, &h, why, sizeof why),
		0);
	assert_int_equal(again.len, clean.len);
	assert_memory_equal(again.data, clean.data, clean.len);
	struct buf *bufs[] = {&png, &extra, &text, &clean, &again, &zeros, &large};
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_free(bufs[i]);
}

static void the_header_comes_first(void **state)
{
	struct buf out = {0}, text = {0}, png = make_png(2, 2, false);

	(void)state;
	add_chunk(&text, "tEXt", "a\0b", 3);
	buf_add(&out, png.data, HEAD);
	buf_add(&out, text.data, text.len);
	buf_add(&out, png.data + HEAD, png.len - HEAD);
	refused(out, "has no header");
	out = (struct buf){0};
	buf_add(&out, png.data, HEAD);
	add_chunk(&out, "IHDR", "short", 5);
	refused(out, "has no header");
	out = (struct buf){0};
	buf_add(&out, png.data, HEAD);
	buf_add(&out, "\xff\xff\xff\xffIHDRxxxxxxxxxxxxx", 21);
	refused(out, "cut off");
	/* A second header. */
	struct buf header = {0};
	buf_add(&header, png.data + HEAD, IHDR_END - HEAD);
	refused(with_chunks(&png, &header), "cannot be shown");
	buf_free(&header);
	buf_free(&text);
	buf_free(&png);
}

/* ---- Squares ---- */

static void check_square(unsigned width, unsigned height)
{
	struct buf png = make_png(width, height, false), out = {0};
	unsigned side = width > height ? width : height, w, h;
	char why[IMAGE_WHY_SIZE];
	png_image image = {.version = PNG_IMAGE_VERSION};

	assert_int_equal(image_png_square(png.data, png.len, &out, why, sizeof why), 0);
	struct buf clean = {0};
	assert_int_equal(
		image_png_clean(out.data, out.len, &clean, &w, &h, why, sizeof why), 0);
	buf_free(&clean);
	assert_int_equal(w, side);
	assert_int_equal(h, side);
	assert_true(png_image_begin_read_from_memory(&image, out.data, out.len));
	image.format = PNG_FORMAT_RGBA;
	unsigned char *pixels = xmalloc(PNG_IMAGE_SIZE(image));
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	size_t seen = 0;
	for (size_t i = 0; i < (size_t)side * side; i++)
		seen += pixels[4 * i + 3] != 0;
	assert_int_equal(seen, (size_t)width * height);
	/* It is in the middle. */
	size_t middle = (size_t)(side / 2) * side + side / 2;
	assert_int_equal(pixels[4 * middle + 3], 0x80);
	free(pixels);
	buf_free(&png);
	buf_free(&out);
}

static void squares_are_made(void **state)
{
	struct buf out = {0};
	char why[IMAGE_WHY_SIZE];

	(void)state;
	check_square(192, 96);
	check_square(3, 64);
	check_square(64, 64);
	check_square(1, 1);
	assert_int_equal(image_png_square("nothing", 7, &out, why, sizeof why), -1);
	assert_int_equal(image_png_square("", 0, &out, why, sizeof why), -1);
	/* libpng would reserve what such a chunk says that it has. */
	struct buf png = make_png(2, 2, false), chunk = {0};
	buf_add(&chunk, "\x70\x00\x00\x00zTXt", 8);
	struct buf bomb = with_chunks(&png, &chunk);
	assert_int_equal(image_png_square(bomb.data, bomb.len, &out, why, sizeof why),
			 -1);
	assert_non_null(strstr(why, "cut off"));
	struct buf large = make_png(160, 160, true);
	assert_int_equal(image_png_square(large.data, large.len, &out, why, sizeof why),
			 -1);
	assert_non_null(strstr(why, "65536 are the most"));
	buf_free(&large);
	buf_free(&png);
	buf_free(&chunk);
	buf_free(&bomb);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_ones_are_taken),
		cmocka_unit_test(other_kinds_are_taken),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(what_is_no_png),
		cmocka_unit_test(every_truncation_is_seen),
		cmocka_unit_test(every_damaged_byte_is_seen),
		cmocka_unit_test(pixels_must_be_there),
		cmocka_unit_test(floods_are_refused),
		cmocka_unit_test(bombs_are_not_unpacked),
		cmocka_unit_test(the_rest_is_left_out),
		cmocka_unit_test(the_header_comes_first),
		cmocka_unit_test(squares_are_made),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
