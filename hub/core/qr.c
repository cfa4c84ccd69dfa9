#include <belfry/core/qr.h>

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

struct qr {
	QRcode *code;
};

struct qr *qr_create(const char *text, size_t len)
{
	static const QRecLevel levels[] = {QR_ECLEVEL_M, QR_ECLEVEL_L};
	QRcode *code = NULL;

	if (!len || len > QR_BYTES_MAX)
		return NULL;
	for (size_t i = 0; !code && i < sizeof levels / sizeof levels[0]; i++) {
		code = QRcode_encodeData((int)len, (const unsigned char *)text, 0,
					 levels[i]);
		if (!code && errno != ERANGE)
			abort(); /* out of memory */
	}
	if (!code)
		return NULL;
	struct qr *q = xmalloc(sizeof *q);
	q->code = code;
	return q;
}

void qr_destroy(struct qr *q)
{
	if (!q)
		return;
	QRcode_free(q->code);
	free(q);
}

unsigned qr_side(const struct qr *q)
{
	return (unsigned)q->code->width + 2 * QR_BORDER;
}

bool qr_dark(const struct qr *q, unsigned x, unsigned y)
{
	unsigned width = (unsigned)q->code->width;

	if (x < QR_BORDER || y < QR_BORDER || x >= width + QR_BORDER ||
	    y >= width + QR_BORDER)
		return false;
	return q->code->data[(y - QR_BORDER) * width + x - QR_BORDER] & 1;
}

/* ---- PNG ------------------------------------------------------------------------ */

/* What we hand to libpng is right, so only memory can be missing. */
static void give_up(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
	abort();
}

static void ignore(png_structp png, png_const_charp warning)
{
	(void)png;
	(void)warning;
}

static void add_bytes(png_structp png, png_bytep data, size_t len)
{
	buf_add(png_get_io_ptr(png), (const char *)data, len);
}

static void flush_nothing(png_structp png)
{
	(void)png;
}

/* Row Y, a set bit being white. */
static void png_row(unsigned char *row, size_t size, const struct qr *q, unsigned y,
		    unsigned scale)
{
	memset(row, 0xff, size);
	for (unsigned i = 0, x = 0; x < qr_side(q); x++)
		for (unsigned end = i + scale; i < end; i++)
			if (qr_dark(q, x, y))
				row[i / 8] &= (unsigned char)~(0x80U >> i % 8);
}

void qr_png(struct buf *out, const struct qr *q, unsigned scale)
{
	unsigned char row[QR_SIDE_MAX * QR_SCALE_MAX / 8];
	unsigned pixels = qr_side(q) * scale;
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, give_up, ignore);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info)
		abort(); /* out of memory */
	png_set_write_fn(png, out, add_bytes, flush_nothing);
	png_set_IHDR(png, info, pixels, pixels, 1, PNG_COLOR_TYPE_GRAY,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (unsigned y = 0; y < qr_side(q); y++) {
		png_row(row, sizeof row, q, y, scale);
		for (unsigned i = 0; i < scale; i++)
			png_write_row(png, row);
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
}

/* ---- SVG ------------------------------------------------------------------------ */

/* Row Y as rectangles, one for each run of dark modules. */
static void svg_row(struct buf *out, const struct qr *q, unsigned y)
{
	unsigned side = qr_side(q), end;

	for (unsigned x = 0; x < side; x = end) {
		bool dark = qr_dark(q, x, y);

		for (end = x + 1; end < side && qr_dark(q, end, y) == dark;)
			end++;
		if (dark)
			buf_printf(out, "M%u %uh%uv1h-%uz", x, y, end - x, end - x);
	}
}

void qr_svg(struct buf *out, const struct qr *q, unsigned scale, const char *title)
{
	unsigned side = qr_side(q);

	buf_printf(out,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
		   "height=\"%u\" viewBox=\"0 0 %u %u\" "
		   "shape-rendering=\"crispEdges\">\n<title>",
		   side * scale, side * scale, side, side);
	xml_escape(out, title, strlen(title));
	buf_printf(out,
		   "</title>\n<path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/>\n"
		   "<path d=\"",
		   side, side);
	for (unsigned y = 0; y < side; y++)
		svg_row(out, q, y);
	buf_adds(out, "\"/>\n</svg>\n");
}

/* ---- terminal ------------------------------------------------------------------- */

/*
 * Black on white out of the fixed part of the 256 colours: themes change the first 16, so
 * that "black" may well be light.
 */
#define SGR_BLACK_ON_WHITE "\x1b[38;5;16;48;5;231m"
#define SGR_RESET "\x1b[0m"

int qr_style_parse(const char *word, enum qr_style *out)
{
	static const char *const styles[] = {
		[QR_COLOR] = "color",
		[QR_LIGHT] = "light",
		[QR_DARK] = "dark",
	};

	for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
		if (strcmp(word, styles[i]) == 0) {
			*out = (enum qr_style)i;
			return 0;
		}
	return -1;
}

void qr_text(struct buf *out, const struct qr *q, enum qr_style style)
{
	/* None, the lower half, the upper half, both: U+2584, U+2580, U+2588. */
	static const char *const blocks[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80",
					     "\xe2\x96\x88"};
	bool ink = style != QR_DARK; /* what is drawn: the dark modules, or the light */
	unsigned side = qr_side(q);

	for (unsigned y = 0; y < side; y += 2) {
		if (style == QR_COLOR)
			buf_adds(out, SGR_BLACK_ON_WHITE);
		for (unsigned x = 0; x < side; x++)
			buf_adds(out, blocks[2 * (qr_dark(q, x, y) == ink) +
					     (qr_dark(q, x, y + 1) == ink)]);
		buf_adds(out, style == QR_COLOR ? SGR_RESET "\n" : "\n");
	}
}
