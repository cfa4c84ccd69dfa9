#include <belfry/core/image.h>

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	const unsigned char *data; /* behind its type */
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

static int sides_check(const struct chunk *c, unsigned *width, unsigned *height,
		       struct why *why)
{
	if (strcmp(c->type, "IHDR") != 0 || c->len != IHDR_BYTES)
		return refuse(why, "the PNG has no header");
	*width = read_be32(c->data);
	*height = read_be32(c->data + 4);
	if (*width >= 1 && *width <= IMAGE_SIDE_MAX && *height >= 1 &&
	    *height <= IMAGE_SIDE_MAX)
		return 0;
	snprintf(why->text, why->size,
		 "the image is %u x %u pixels: 1 to %d a side are taken", *width, *height,
		 IMAGE_SIDE_MAX);
	return -1;
}

/* Lower case: the image can be shown without it. */
static bool is_extra(const struct chunk *c)
{
	return c->type[0] & 0x20;
}

static int chunks_check(const char *data, size_t len, unsigned *width, unsigned *height,
			struct why *why)
{
	const unsigned char *p = (const unsigned char *)data + sizeof signature;
	const unsigned char *end = (const unsigned char *)data + len;
	size_t count = 0, extra = 0, extra_bytes = 0;
	struct chunk c;

	do {
		if (next_chunk(&p, end, &c, why) < 0)
			return -1;
		if (count++ == 0 && sides_check(&c, width, height, why) < 0)
			return -1;
		extra += is_extra(&c);
		extra_bytes += is_extra(&c) ? c.len : 0;
		if (extra > EXTRA_CHUNKS_MAX || extra_bytes > EXTRA_BYTES_MAX ||
		    count > CHUNKS_MAX)
			return refuse(why, "the PNG carries too much beside the image: "
					   "save it without metadata and animation");
	} while (strcmp(c.type, "IEND") != 0);
	return p == end ? 0 : refuse(why, "there is something behind the PNG's end");
}

static int file_check(const char *data, size_t len, unsigned *width, unsigned *height,
		      struct why *why)
{
	if (!image_is_png(data, len))
		return refuse(why, "this is not a PNG image");
	return chunks_check(data, len, width, height, why);
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
static unsigned char *pixels_read(png_image *image, const char *data, size_t len,
				  struct why *why)
{
	unsigned char *pixels = NULL;

	*image = (png_image){.version = PNG_IMAGE_VERSION};
	if (png_image_begin_read_from_memory(image, data, len) &&
	    image->width <= IMAGE_SIDE_MAX && image->height <= IMAGE_SIDE_MAX) {
		image->format = PNG_FORMAT_RGBA;
		pixels = xcalloc((size_t)image->width * image->height, PIXEL);
		if (!png_image_finish_read(image, NULL, pixels, 0, NULL)) {
			free(pixels);
			pixels = NULL;
		}
	}
	if (!pixels)
		cannot_be_shown(image, why);
	png_image_free(image);
	return pixels;
}

int image_png_check(const char *data, size_t len, unsigned *width, unsigned *height,
		    char *why, size_t why_size)
{
	struct why reason = {why, why_size};
	png_image image;

	if (size_check(len, &reason) < 0 ||
	    file_check(data, len, width, height, &reason) < 0)
		return -1;
	unsigned char *pixels = pixels_read(&image, data, len, &reason);
	free(pixels);
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

int image_png_square(const char *data, size_t len, struct buf *out, char *why,
		     size_t why_size)
{
	struct why reason = {why, why_size};
	png_image image;
	unsigned width, height;

	buf_clear(out);
	if (file_check(data, len, &width, &height, &reason) < 0)
		return -1;
	unsigned char *pixels = pixels_read(&image, data, len, &reason);
	if (!pixels)
		return -1;
	size_t side = width > height ? width : height;
	unsigned char *square = xcalloc(side * side, PIXEL);
	size_t left = (side - width) / 2, top = (side - height) / 2;
	for (size_t y = 0; y < height; y++)
		memcpy(square + ((top + y) * side + left) * PIXEL,
		       pixels + y * width * PIXEL, (size_t)width * PIXEL);
	image = (png_image){.version = PNG_IMAGE_VERSION,
			    .width = (png_uint_32)side,
			    .height = (png_uint_32)side,
			    .format = PNG_FORMAT_RGBA};
	int bad = pixels_write(&image, square, out, &reason);
	free(square);
	free(pixels);
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
