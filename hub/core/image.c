#include <belfry/core/image.h>

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Colour profiles, texts, dates, thumbnails: what an avatar needs of it is little. */
#define EXTRA_CHUNKS_MAX 32
#define EXTRA_BYTES_MAX 16384
#define CHUNKS_MAX 512
#define CHUNK_FRAME 12 /* length, type, checksum */
#define IHDR_BYTES 13

static const char signature[8] = "\x89PNG\r\n\x1a\n";

struct why {
	char *text;
	size_t size;
};

struct png {
	unsigned width, height;
	unsigned depth, color, interlaced; /* as the header has them */
	struct buf file;		   /* what is needed to show it, and no more */
	struct buf packed;		   /* its pixels, compressed */
};

static void file_free(struct png *png)
{
	buf_free(&png->file);
	buf_free(&png->packed);
}

static int refuse(struct why *why, const char *text)
{
	snprintf(why->text, why->size, "%s", text);
	return -1;
}

bool image_is_png(const char *data, size_t len)
{
	return len >= sizeof signature && !memcmp(data, signature, sizeof signature);
}

static int size_check(size_t len, struct why *why)
{
	if (len <= IMAGE_BYTES_MAX)
		return 0;
	snprintf(why->text, why->size,
		 "the image has %zu bytes, and %d are the most: make it smaller; 192 "
		 "pixels a side are enough",
		 len, IMAGE_BYTES_MAX);
	return -1;
}

/* ---- The file: chunk by chunk, before a library looks at it ---------------------- */

/* It would reserve as much memory as a chunk says that it has, up to 2 GB. */

struct chunk {
	const unsigned char *data; /* behind its length and type */
	uint32_t len;
	char type[5];
};

static uint32_t read_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* PNG (third edition), annex D; bit by bit, as it is little data. */
static uint32_t checksum(const unsigned char *p, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (; len; len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
	}
	return ~crc;
}

static int next_chunk(const unsigned char **p, const unsigned char *end,
		      struct chunk *out, struct why *why)
{
	size_t left = (size_t)(end - *p);
	uint32_t len = left >= CHUNK_FRAME ? read_be32(*p) : 0;

	if (left < CHUNK_FRAME || len > left - CHUNK_FRAME)
		return refuse(why, "the PNG is cut off");
	memcpy(out->type, *p + 4, 4);
	out->type[4] = '\0';
	out->data = *p + 8;
	out->len = len;
	if (checksum(*p + 4, 4 + (size_t)len) != read_be32(out->data + len))
		return refuse(why, "a checksum of the PNG is wrong: it is damaged");
	*p = out->data + len + 4;
	return 0;
}

static int header_read(const struct chunk *c, struct png *png, struct why *why)
{
	if (strcmp(c->type, "IHDR") != 0 || c->len != IHDR_BYTES)
		return refuse(why, "the PNG has no header");
	png->width = read_be32(c->data);
	png->height = read_be32(c->data + 4);
	png->depth = c->data[8];
	png->color = c->data[9];
	png->interlaced = c->data[12];
	if (png->width >= 1 && png->width <= IMAGE_SIDE_MAX && png->height >= 1 &&
	    png->height <= IMAGE_SIDE_MAX)
		return 0;
	snprintf(why->text, why->size,
		 "the image is %u x %u pixels: 1 to %d a side are taken", png->width,
		 png->height, IMAGE_SIDE_MAX);
	return -1;
}

/* Lower case: the image can be shown without it. */
static bool is_extra(const struct chunk *c)
{
	return c->type[0] & 0x20;
}

static bool is_any_of(const char *type, const char *const *types)
{
	while (*types && strcmp(type, *types) != 0)
		types++;
	return *types;
}

/* The first chunk, and those behind it. */
static int chunk_take(const struct chunk *c, bool first, struct png *png, struct why *why)
{
	static const char *const shown[] = {"PLTE", "tRNS", "IDAT", "IEND", NULL};

	if (first && header_read(c, png, why) < 0)
		return -1;
	if (!first && !is_any_of(c->type, shown))
		return is_extra(c)
			       ? 0
			       : refuse(why, "the PNG cannot be shown: a chunk of it "
					     "is of an unknown type, or out of place");
	buf_add(&png->file, (const char *)c->data - 8, (size_t)c->len + CHUNK_FRAME);
	if (!strcmp(c->type, "IDAT"))
		buf_add(&png->packed, (const char *)c->data, c->len);
	return 0;
}

static int chunks_take(const char *data, size_t len, struct png *png, struct why *why)
{
	const unsigned char *p = (const unsigned char *)data + sizeof signature;
	const unsigned char *end = (const unsigned char *)data + len;
	size_t count = 0, extra = 0, extra_bytes = 0;
	struct chunk c;

	buf_add(&png->file, signature, sizeof signature);
	do {
		if (next_chunk(&p, end, &c, why) < 0 ||
		    chunk_take(&c, count == 0, png, why) < 0)
			return -1;
		count++;
		extra += is_extra(&c);
		extra_bytes += is_extra(&c) ? c.len : 0;
		if (extra > EXTRA_CHUNKS_MAX || extra_bytes > EXTRA_BYTES_MAX ||
		    count > CHUNKS_MAX)
			return refuse(why, "the PNG carries too much beside the image: "
					   "save it without metadata and animation");
	} while (strcmp(c.type, "IEND") != 0);
	return p == end ? 0 : refuse(why, "there is something behind the PNG's end");
}

/* ---- Its compressed pixels: no more than the header says ------------------------- */

/* A library would unpack what is behind them, too: 64 KiB may be 64 MB. */

static size_t rows_bytes(size_t width, size_t height, size_t pixel_bits)
{
	return width && height ? height * (1 + (width * pixel_bits + 7) / 8) : 0;
}

/* Bytes of all rows, each with its filter; 0: there is no such kind of PNG. */
static size_t unpacked_bytes(const struct png *png)
{
	/* PNG (third edition), 8.1: where a pass begins, and its steps. */
	static const unsigned char passes[7][4] = {
		{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
		{0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
	static const unsigned char channels[] = {1, 0, 3, 1, 2, 0, 4};
	size_t bits =
		png->color < sizeof channels ? channels[png->color] * png->depth : 0;
	size_t sum = 0;

	if (png->depth > 16 || png->interlaced > 1 || !bits)
		return 0;
	if (!png->interlaced)
		return rows_bytes(png->width, png->height, bits);
	for (size_t i = 0; i < 7; i++) {
		const unsigned char *p = passes[i];

		sum += rows_bytes((png->width + p[2] - 1u - p[0]) / p[2],
				  (png->height + p[3] - 1u - p[1]) / p[3], bits);
	}
	return sum;
}

/* As much as there is of it, or a little more than MOST; nothing, if it is damaged. */
static size_t unpack(const struct buf *packed, size_t most)
{
	unsigned char *out = xmalloc(most + 1);
	z_stream z = {.next_in = (unsigned char *)packed->data,
		      .avail_in = (uInt)packed->len,
		      .next_out = out,
		      .avail_out = (uInt)(most + 1)};
	size_t len = 0;

	if (packed->len && inflateInit(&z) == Z_OK) {
		int result = inflate(&z, Z_FINISH);

		if (result == Z_STREAM_END || result == Z_BUF_ERROR)
			len = most + 1 - z.avail_out;
		inflateEnd(&z);
	}
	free(out);
	return len;
}

static int pixels_check(const struct png *png, struct why *why)
{
	size_t expected = unpacked_bytes(png);
	size_t len = expected ? unpack(&png->packed, expected) : 0;

	if (!expected)
		return refuse(why, "the PNG cannot be shown: its header is wrong");
	if (len > expected)
		return refuse(why, "there is something behind the PNG's pixels");
	if (len < expected)
		return refuse(why, "the PNG cannot be shown: its pixels are damaged");
	return 0;
}

static int file_open(const char *data, size_t len, struct png *png, struct why *why)
{
	if (size_check(len, why) < 0)
		return -1;
	if (!image_is_png(data, len))
		return refuse(why, "this is not a PNG image");
	return chunks_take(data, len, png, why) < 0 ? -1 : pixels_check(png, why);
}

/* ---- The pixels ------------------------------------------------------------------ */

static int cannot_be_shown(const png_image *image, struct why *why)
{
	snprintf(why->text, why->size, "the PNG cannot be shown: %.64s",
		 image->message[0] ? image->message : "it is damaged");
	return -1;
}

#define PIXEL 4

/* Red, green, blue, opacity of each pixel, malloc'ed; NULL, and WHY. */
static unsigned char *pixels_read(const struct png *png, struct why *why)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	unsigned char *pixels = NULL;

	if (png_image_begin_read_from_memory(&image, png->file.data, png->file.len) &&
	    image.width == png->width && image.height == png->height) {
		image.format = PNG_FORMAT_RGBA;
		pixels = xcalloc((size_t)image.width * image.height, PIXEL);
		if (!png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
			free(pixels);
			pixels = NULL;
		}
	}
	if (!pixels)
		cannot_be_shown(&image, why);
	png_image_free(&image);
	return pixels;
}

int image_png_clean(const char *data, size_t len, struct buf *out, unsigned *width,
		    unsigned *height, char *why, size_t why_size)
{
	struct why reason = {why, why_size};
	struct png png = {0};
	unsigned char *pixels = NULL;

	buf_clear(out);
	if (file_open(data, len, &png, &reason) == 0)
		pixels = pixels_read(&png, &reason);
	if (pixels) {
		*width = png.width;
		*height = png.height;
		buf_add(out, png.file.data, png.file.len);
	}
	free(pixels);
	file_free(&png);
	return pixels ? 0 : -1;
}

static int pixels_write(png_image *image, const unsigned char *pixels, struct buf *out,
			struct why *why)
{
	png_alloc_size_t size = 0;

	if (!png_image_write_to_memory(image, NULL, &size, 0, pixels, 0, NULL))
		return cannot_be_shown(image, why);
	buf_reserve(out, size);
	if (!png_image_write_to_memory(image, out->data, &size, 0, pixels, 0, NULL))
		return cannot_be_shown(image, why);
	out->len = size;
	return 0;
}

static int square_write(const struct png *png, const unsigned char *pixels,
			struct buf *out, struct why *why)
{
	size_t width = png->width, height = png->height;
	size_t side = width > height ? width : height;
	size_t left = (side - width) / 2, top = (side - height) / 2;
	unsigned char *square = xcalloc(side * side, PIXEL);
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = (png_uint_32)side,
			   .height = (png_uint_32)side,
			   .format = PNG_FORMAT_RGBA};

	for (size_t y = 0; y < height; y++)
		memcpy(square + ((top + y) * side + left) * PIXEL,
		       pixels + y * width * PIXEL, width * PIXEL);
	int bad = pixels_write(&image, square, out, why);
	free(square);
	return bad;
}

int image_png_square(const char *data, size_t len, struct buf *out, char *why,
		     size_t why_size)
{
	struct why reason = {why, why_size};
	struct png png = {0};
	unsigned char *pixels = NULL;
	int bad = -1;

	buf_clear(out);
	if (file_open(data, len, &png, &reason) == 0)
		pixels = pixels_read(&png, &reason);
	if (pixels)
		bad = square_write(&png, pixels, out, &reason);
	free(pixels);
	file_free(&png);
	return bad;
}

/* ---- SVG ------------------------------------------------------------------------- */

int image_svg_check(const char *data, size_t len, char *why, size_t why_size)
{
	struct why reason = {why, why_size};
	const char *text = data;
	size_t left = len;

	if (size_check(len, &reason) < 0)
		return -1;
	if (len >= 2 && !memcmp(data, "\x1f\x8b", 2))
		return refuse(&reason, "the SVG is compressed: send it as text");
	if (!utf8_valid(data, len) || (len && memchr(data, 0, len)))
		return refuse(&reason, "an SVG is text in UTF-8, and this is not");
	if (left >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		left -= 3;
	}
	while (left && strchr(" \t\r\n", *text)) {
		text++;
		left--;
	}
	if (!left || *text != '<' || !memmem(text, left, "svg", 3))
		return refuse(&reason, "this is not an SVG image");
	return 0;
}
