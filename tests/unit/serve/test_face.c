#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/base/sha1.h>
#include <belfry/core/image.h>
#include <belfry/serve/face.h>

#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Images on their way to be an avatar; SVGs are drawn by the real rsvg-convert. */

#define MOST_MS 60000

static struct loop *loop;

static struct {
	unsigned calls;
	enum face_end end;
	char why[300];
	char type[32], sha1[41];
	struct buf png;
	unsigned width, height;
} got;

static void on_face(void *arg, enum face_end end, const struct store_face *face,
		    const char *why)
{
	(void)arg;
	got.calls++;
	got.end = end;
	snprintf(got.why, sizeof got.why, "%s", why);
	assert_true(!face == (end != FACE_GOOD));
	if (!face)
		return;
	snprintf(got.type, sizeof got.type, "%s", face->type);
	snprintf(got.sha1, sizeof got.sha1, "%s", face->sha1);
	buf_add(&got.png, face->data, face->len);
	got.width = face->width;
	got.height = face->height;
}

static int set_up(void **state)
{
	(void)state;
	buf_free(&got.png);
	memset(&got, 0, sizeof got);
	loop = loop_create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_free(&got.png);
	loop_destroy(loop);
	return 0;
}

static void make(bool svg, const char *data, size_t len)
{
	got.calls = 0;
	buf_clear(&got.png);
	face_make(loop, svg, data, len, MOST_MS, on_face, NULL);
	assert_int_equal(got.calls, 0);
	loop_run(loop);
	assert_int_equal(got.calls, 1);
}

#define SVG                                                                              \
	"<svg xmlns=\"http://www.w3.org/2000/svg\" "                                     \
	"xmlns:xlink=\"http://www.w3.org/1999/xlink\" "

static void draw(const char *svg)
{
	make(true, svg, strlen(svg));
}

static void drawn(const char *svg)
{
	draw(svg);
	if (got.end)
		fail_msg("%s", got.why);
	assert_int_equal(got.width, FACE_SIDE);
	assert_int_equal(got.height, FACE_SIDE);
}

static void refused(const char *svg, const char *word)
{
	draw(svg);
	assert_int_equal(got.end, FACE_REFUSED);
	if (!strstr(got.why, word))
		fail_msg("expected '%s': %s", word, got.why);
}

/* Red, green, blue, opacity of what was drawn at X, Y. */
static void check_pixel(unsigned x, unsigned y, const char *rgba)
{
	png_image image = {.version = PNG_IMAGE_VERSION};

	assert_true(png_image_begin_read_from_memory(&image, got.png.data, got.png.len));
	image.format = PNG_FORMAT_RGBA;
	char *pixels = xmalloc(PNG_IMAGE_SIZE(image));
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	assert_memory_equal(pixels + 4 * ((size_t)y * FACE_SIDE + x), rgba, 4);
	free(pixels);
}

static void write_png(struct buf *out, const char rgba[4])
{
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = 1,
			   .height = 1,
			   .format = PNG_FORMAT_RGBA};
	png_alloc_size_t size = 4096;

	buf_reserve(out, size);
	assert_true(
		png_image_write_to_memory(&image, out->data, &size, 0, rgba, 0, NULL));
	out->len = size;
}

#define RED "\xff\x00\x00\xff"
#define CLEAR "\x00\x00\x00\x00"

static void a_png_keeps_its_pixels(void **state)
{
	struct buf png = {0}, clean = {0};
	unsigned width, height;
	char sha1[SHA1_HEX_SIZE];

	(void)state;
	write_png(&png, RED);
	make(false, png.data, png.len);
	assert_int_equal(got.end, FACE_GOOD);
	assert_string_equal(got.type, "image/png");
	assert_int_equal(image_png_clean(png.data, png.len, &clean, &width, &height,
					 got.why, sizeof got.why),
			 0);
	assert_int_equal(got.png.len, clean.len);
	assert_memory_equal(got.png.data, clean.data, clean.len);
	buf_free(&clean);
	/* The name is of what is stored. */
	sha1_hex(got.png.data, got.png.len, sha1);
	assert_string_equal(got.sha1, sha1);
	assert_int_equal(got.width, 1);
	png.data[png.len / 2]++;
	make(false, png.data, png.len);
	assert_int_equal(got.end, FACE_REFUSED);
	assert_non_null(strstr(got.why, "damaged"));
	make(false, "", 0);
	assert_int_equal(got.end, FACE_REFUSED);
	buf_free(&png);
}

static void an_svg_is_drawn(void **state)
{
	(void)state;
	drawn(SVG "viewBox=\"0 0 10 10\"><rect width=\"10\" height=\"10\" "
		  "fill=\"red\"/></svg>");
	check_pixel(0, 0, RED);
	check_pixel(191, 191, RED);
	/* Twice as wide as high: in the middle, not stretched. */
	drawn(SVG "width=\"2000\" height=\"1000\"><rect width=\"2000\" height=\"1000\" "
		  "fill=\"red\"/></svg>");
	check_pixel(96, 10, CLEAR);
	check_pixel(0, 96, RED);
	check_pixel(96, 180, CLEAR);
	drawn("\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- x -->\n" SVG
	      "viewBox=\"0 0 9 9\"><text x=\"1\" y=\"8\">\xc3\xa9</text></svg>");
}

static void what_is_no_svg(void **state)
{
	(void)state;
	refused("", "not an SVG");
	refused("<html><body>svg</body></html>", "cannot be drawn");
	refused("<svg", "cannot be drawn");
	refused("<svg/>", "cannot be drawn");
	refused(SVG "viewBox=\"0 0 9 9\"><rect></svg>", "cannot be drawn");
	refused(SVG "width=\"0\" height=\"0\"/>", "cannot be drawn");
}

/* Neither a file nor a socket is opened: what is pointed to is not there. */
static void references_are_left_out(void **state)
{
	char path[] = "/tmp/belfry-face-XXXXXX", svg[2000];
	struct buf png = {0};

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(chdir(path), 0);
	write_png(&png, RED);
	FILE *f = fopen("red.png", "wb");
	assert_non_null(f);
	fwrite(png.data, 1, png.len, f);
	fclose(f);
	static const char *const targets[] = {"red.png", "./red.png", "file:red.png"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(svg, sizeof svg,
			 SVG "viewBox=\"0 0 9 9\"><image width=\"9\" height=\"9\" "
			     "href=\"%s\"/></svg>",
			 targets[i]);
		drawn(svg);
		check_pixel(96, 96, CLEAR);
	}
	snprintf(svg, sizeof svg,
		 SVG "viewBox=\"0 0 9 9\"><image width=\"9\" height=\"9\" "
		     "xlink:href=\"file://%s/red.png\"/><image width=\"9\" height=\"9\" "
		     "href=\"http://127.0.0.1:1/red.png\"/></svg>",
		 path);
	drawn(svg);
	check_pixel(96, 96, CLEAR);
	snprintf(svg, sizeof svg,
		 "<!DOCTYPE svg [<!ENTITY x SYSTEM \"file://%s/red.png\">]>" SVG
		 "viewBox=\"0 0 9 9\"><text>&x;</text></svg>",
		 path);
	draw(svg);
	assert_int_equal(got.end, FACE_REFUSED);
	remove("red.png");
	assert_int_equal(chdir("/"), 0);
	rmdir(path);
	buf_free(&png);
}

/* How a level is begun, what stands behind its number, how one is named, how it ends. */
struct form {
	const char *begin, *named, *ref_begin, *ref_end, *end;
};

/* Each names the one before it ten times. */
static void add_levels(struct buf *out, const struct form *f)
{
	for (int level = 1; level < 12; level++) {
		buf_printf(out, "%s%d%s", f->begin, level, f->named);
		for (int i = 0; i < 10; i++)
			buf_printf(out, "%s%d%s", f->ref_begin, level - 1, f->ref_end);
		buf_adds(out, f->end);
	}
}

static void bombs_do_not_go_off(void **state)
{
	static const struct form entity = {"<!ENTITY e", " \"", "&e", ";", "\">"};
	static const struct form use = {"<g id=\"u", "\">", "<use href=\"#u", "\"/>",
					"</g>"};
	struct buf bomb = {0};

	(void)state;
	buf_adds(&bomb, "<!DOCTYPE svg [<!ENTITY e0 \"xxxxxxxxxx\">");
	add_levels(&bomb, &entity);
	buf_adds(&bomb, "]>" SVG "viewBox=\"0 0 9 9\"><text>&e11;</text></svg>");
	refused(bomb.data, "");
	buf_clear(&bomb);
	buf_adds(&bomb, SVG "viewBox=\"0 0 9 9\"><g id=\"u0\"><path d=\"M0 0h9\"/></g>");
	add_levels(&bomb, &use);
	buf_adds(&bomb, "</svg>");
	refused(bomb.data, "");
	buf_free(&bomb);
	/* Itself, again and again. */
	draw(SVG "viewBox=\"0 0 9 9\"><g id=\"a\"><use href=\"#a\"/></g></svg>");
	draw(SVG "width=\"1e30\" height=\"1e30\"><rect width=\"1e30\" "
		 "height=\"1e30\"/></svg>");
	/* Noise does not shrink. */
	refused(SVG "width=\"192\" height=\"192\"><filter id=\"f\"><feTurbulence "
		    "baseFrequency=\"0.9\" numOctaves=\"9\"/></filter><rect "
		    "width=\"192\" height=\"192\" filter=\"url(#f)\"/></svg>",
		"drawn as a PNG the image has");
}

static void without_the_program(void **state)
{
	char *path = xstrdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	draw(SVG "viewBox=\"0 0 9 9\"/>");
	setenv("PATH", path, 1);
	free(path);
	assert_int_equal(got.end, FACE_MISSING);
	assert_non_null(strstr(got.why, "apt install librsvg2-bin"));
}

/* Not the program's absence, and not the image's fault. */
static void without_files(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	face_make(loop, true, SVG "/>", strlen(SVG "/>"), MOST_MS, on_face, NULL);
	setrlimit(RLIMIT_NOFILE, &none);
	loop_run(loop);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.end, FACE_BUSY);
}

/* In its place, a program that says what it may use. */
static void what_draws_is_limited(void **state)
{
	char dir[] = "/tmp/belfry-svg-XXXXXX", name[100];
	char *path = xstrdup(getenv("PATH"));

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof name, "%s/rsvg-convert", dir);
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	fputs("#!/bin/sh\necho \"$(ulimit -v) $(ulimit -t)\" >&2\nexit 1\n", f);
	fclose(f);
	assert_int_equal(chmod(name, 0700), 0);
	setenv("PATH", dir, 1);
	refused(SVG "/>", "cannot be drawn: 262144 4");
	setenv("PATH", path, 1);
	free(path);
	remove(name);
	assert_int_equal(rmdir(dir), 0);
}

/* The caller's time, if that is less than ours. */
static void the_callers_time_ends_it(void **state)
{
	static const char svg[] = SVG "viewBox=\"0 0 10 10\"/>";

	(void)state;
	face_make(loop, true, svg, strlen(svg), 0, on_face, NULL);
	loop_run(loop);
	assert_int_equal(got.end, FACE_REFUSED);
	assert_non_null(strstr(got.why, "too long"));
}

static void jobs_can_be_ended(void **state)
{
	struct face_job *j;

	(void)state;
	face_job_destroy(NULL);
	j = face_make(loop, false, "x", 1, MOST_MS, on_face, NULL);
	face_job_destroy(j);
	j = face_make(loop, true, SVG "/>", strlen(SVG "/>"), MOST_MS, on_face, NULL);
	loop_turn(loop, true); /* the program runs */
	face_job_destroy(j);
	loop_run(loop);
	assert_int_equal(got.calls, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_png_keeps_its_pixels),	TEST(an_svg_is_drawn),
		TEST(what_is_no_svg),		TEST(references_are_left_out),
		TEST(bombs_do_not_go_off),	TEST(without_the_program),
		TEST(what_draws_is_limited),	TEST(without_files),
		TEST(the_callers_time_ends_it), TEST(jobs_can_be_ended),
	};

	return cmocka_run_group_tests_name("face", tests, NULL, NULL);
}
