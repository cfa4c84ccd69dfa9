#include <belfry/core/qr.h>

#include <belfry/base/mem.h>

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LINK "xmpp:deploys@feeds.example.org?roster;name=A%20%26%20B"

/* What was read back from a picture. */
struct matrix {
	unsigned side;
	bool dark[QR_SIDE_MAX + 1][QR_SIDE_MAX + 1];
};

static void same(const struct qr *q, const struct matrix *m)
{
	assert_int_equal(m->side, qr_side(q));
	for (unsigned y = 0; y < m->side; y++)
		for (unsigned x = 0; x < m->side; x++)
			if (m->dark[y][x] != qr_dark(q, x, y))
				fail_msg("row %u, column %u", y, x);
}

static struct qr *code_of(size_t len)
{
	char *text = xmalloc(len + 1);

	memset(text, '~', len);
	struct qr *q = qr_create(text, len);
	free(text);
	return q;
}

/* The two bits of the format that tell the level, with their mask: ISO/IEC 18004 7.9. */
static char level_of(const struct qr *q)
{
	static const char levels[] = "MLHQ";
	unsigned high = qr_dark(q, QR_BORDER, QR_BORDER + 8);
	unsigned low = qr_dark(q, QR_BORDER + 1, QR_BORDER + 8);

	return levels[(high << 1 | low) ^ 2];
}

static void level_m_is_given_up_last(void **state)
{
	static const struct {
		size_t len;
		unsigned side;
		char level;
	} cases[] = {
		{1, 21, 'M'},	  {14, 21, 'M'},    {15, 25, 'M'},
		{2331, 177, 'M'}, {2332, 161, 'L'}, {QR_BYTES_MAX, 177, 'L'},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct qr *q = code_of(cases[i].len);

		assert_non_null(q);
		assert_int_equal(qr_side(q), cases[i].side + 2 * QR_BORDER);
		assert_int_equal(level_of(q), cases[i].level);
		qr_destroy(q);
	}
	assert_null(code_of(0));
	assert_null(code_of(QR_BYTES_MAX + 1));
	assert_null(code_of(100000));
}

static void the_border_is_light(void **state)
{
	struct qr *q = qr_create(LINK, strlen(LINK));
	unsigned side = qr_side(q), last = side - QR_BORDER - 1;

	(void)state;
	for (unsigned i = 0; i < side; i++)
		for (unsigned k = 0; k < QR_BORDER; k++) {
			assert_false(qr_dark(q, i, k) || qr_dark(q, k, i));
			assert_false(qr_dark(q, i, side - 1 - k) ||
				     qr_dark(q, side - 1 - k, i));
		}
	assert_false(qr_dark(q, side, QR_BORDER) || qr_dark(q, QR_BORDER, side + 1000));
	/* Three corners have a finder pattern, the fourth has none. */
	for (unsigned i = 0; i < 7; i++) {
		assert_true(qr_dark(q, QR_BORDER + i, QR_BORDER));
		assert_true(qr_dark(q, last, QR_BORDER + i));
		assert_true(qr_dark(q, QR_BORDER, last - i));
	}
	qr_destroy(q);
}

static void read_png(const struct buf *png, unsigned scale, struct matrix *m)
{
	png_image image = {.version = PNG_IMAGE_VERSION};

	assert_true(png_image_begin_read_from_memory(&image, png->data, png->len));
	assert_int_equal(image.width, image.height);
	assert_int_equal(image.width % scale, 0);
	image.format = PNG_FORMAT_GRAY;
	unsigned char *pixels = xmalloc(PNG_IMAGE_SIZE(image));
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	m->side = image.width / scale;
	for (unsigned y = 0; y < image.height; y++)
		for (unsigned x = 0; x < image.width; x++) {
			unsigned char pixel = pixels[y * image.width + x];

			assert_true(pixel == 0 || pixel == 255);
			if (x % scale == 0 && y % scale == 0)
				m->dark[y / scale][x / scale] = pixel == 0;
			assert_int_equal(m->dark[y / scale][x / scale], pixel == 0);
		}
	free(pixels);
}

static void a_png_shows_every_module(void **state)
{
	static const unsigned scales[] = {1, 3, QR_SCALE, QR_SCALE_MAX};
	static const size_t lens[] = {1, 60, QR_BYTES_MAX};
	static struct matrix m;

	(void)state;
	for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
		struct qr *q = code_of(lens[k]);

		for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
			struct buf png = {0};

			qr_png(&png, q, scales[i]);
			read_png(&png, scales[i], &m);
			same(q, &m);
			buf_free(&png);
		}
		qr_destroy(q);
	}
}

/* The rectangles of the last path. */
static void read_svg(const char *svg, struct matrix *m)
{
	const char *d = strstr(svg, "<path d=\"");
	unsigned x, y, w, back;
	int len;

	memset(m, 0, sizeof *m);
	assert_int_equal(sscanf(strstr(svg, "viewBox"), "viewBox=\"0 0 %u ", &m->side),
			 1);
	assert_non_null(d);
	for (d += 9; sscanf(d, "M%u %uh%uv1h-%uz%n", &x, &y, &w, &back, &len) == 4;
	     d += len) {
		assert_int_equal(w, back);
		assert_true(y < m->side && x + w <= m->side);
		for (unsigned i = 0; i < w; i++)
			m->dark[y][x + i] = true;
	}
	assert_string_equal(d, "\"/>\n</svg>\n");
}

static void an_svg_shows_every_module(void **state)
{
	static struct matrix m;
	struct qr *q = qr_create(LINK, strlen(LINK));
	struct buf svg = {0};
	char size[64];

	(void)state;
	qr_svg(&svg, q, 3, "a <b> & c");
	read_svg(svg.data, &m);
	same(q, &m);
	snprintf(size, sizeof size, " width=\"%u\" height=\"%u\" ", 3 * qr_side(q),
		 3 * qr_side(q));
	assert_non_null(strstr(svg.data, size));
	assert_non_null(strstr(svg.data, "<title>a &lt;b&gt; &amp; c</title>"));
	buf_free(&svg);
	qr_destroy(q);
}

/* Is S drawn in its upper, in its lower half? Its length. */
static size_t halves(const char *s, bool *upper, bool *lower)
{
	*upper = strncmp(s, "\xe2\x96\x80", 3) == 0 || strncmp(s, "\xe2\x96\x88", 3) == 0;
	*lower = strncmp(s, "\xe2\x96\x84", 3) == 0 || strncmp(s, "\xe2\x96\x88", 3) == 0;
	assert_true(*upper || *lower || *s == ' ');
	return *upper || *lower ? 3 : 1;
}

static void read_text(const char *s, bool ink, const char *begin, const char *end,
		      struct matrix *m)
{
	unsigned y = 0;

	memset(m, 0, sizeof *m);
	for (; *s; y += 2) {
		unsigned x = 0;

		assert_memory_equal(s, begin, strlen(begin));
		for (s += strlen(begin); strncmp(s, end, strlen(end)) != 0; x++) {
			bool upper, lower;

			s += halves(s, &upper, &lower);
			m->dark[y][x] = upper == ink;
			m->dark[y + 1][x] = lower == ink;
		}
		assert_true(!y || x == m->side);
		m->side = x;
		s += strlen(end);
	}
	/* One row more than there are, and that is light, too. */
	assert_int_equal(y, m->side + 1);
	for (unsigned x = 0; x < m->side; x++)
		assert_false(m->dark[m->side][x]);
}

static void a_terminal_shows_every_module(void **state)
{
	static const struct {
		const char *word, *begin, *end;
		bool ink;
	} styles[] = {
		{"color", "\x1b[38;5;16;48;5;231m", "\x1b[0m\n", true},
		{"light", "", "\n", true},
		{"dark", "", "\n", false},
	};
	static struct matrix m;
	struct qr *q = qr_create(LINK, strlen(LINK));

	(void)state;
	for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
		struct buf out = {0};
		enum qr_style style;

		assert_int_equal(qr_style_parse(styles[i].word, &style), 0);
		qr_text(&out, q, style);
		read_text(out.data, styles[i].ink, styles[i].begin, styles[i].end, &m);
		same(q, &m);
		buf_free(&out);
	}
	qr_destroy(q);
}

static void styles_have_names(void **state)
{
	enum qr_style style;

	(void)state;
	assert_int_equal(qr_style_parse("", &style), -1);
	assert_int_equal(qr_style_parse("colour", &style), -1);
	assert_int_equal(qr_style_parse("dark", &style), 0);
	assert_int_equal(style, QR_DARK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(level_m_is_given_up_last),
		cmocka_unit_test(the_border_is_light),
		cmocka_unit_test(a_png_shows_every_module),
		cmocka_unit_test(an_svg_shows_every_module),
		cmocka_unit_test(a_terminal_shows_every_module),
		cmocka_unit_test(styles_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
