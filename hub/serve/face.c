#include <belfry/serve/face.h>

#include <belfry/base/child.h>
#include <belfry/base/mem.h>
#include <belfry/base/sha1.h>
#include <belfry/core/image.h>

#include <stdio.h>
#include <stdlib.h>

#define TEXT(x) TEXT_OF(x)
#define TEXT_OF(x) #x
#define SIDE(name) "--" name "=" TEXT(FACE_SIDE)

struct face_job {
	struct loop *loop;
	bool svg;
	uint64_t most_ms;
	struct buf data;
	struct loop_timer *soon;
	struct child *child;
	face_cb cb;
	void *arg;
};

/* Drawing an avatar takes some 50 ms, and about 100 MB of address space. */
static const struct child_limits limits_of_all = {
	.time_ms = 5000,
	.cpu_s = 4,
	.memory_bytes = (uint64_t)256 * 1024 * 1024,
	.output_bytes = (uint64_t)1024 * 1024,
};

void face_job_destroy(struct face_job *j)
{
	if (!j)
		return;
	child_destroy(j->child);
	loop_timer_destroy(j->soon);
	buf_free(&j->data);
	free(j);
}

static void tell(struct face_job *j, enum face_end end, const struct store_face *face,
		 const char *why)
{
	face_cb cb = j->cb;
	void *arg = j->arg;
	struct buf data = j->data; /* WHY and FACE are not in what is freed here */

	j->data = (struct buf){0};
	face_job_destroy(j);
	cb(arg, end, face, why);
	buf_free(&data);
}

static void take_png(struct face_job *j)
{
	char why[IMAGE_WHY_SIZE], sha1[SHA1_HEX_SIZE];
	struct store_face face = {.type = "image/png", .sha1 = sha1};
	struct buf clean = {0};

	if (image_png_clean(j->data.data, j->data.len, &clean, &face.width, &face.height,
			    why, sizeof why) < 0) {
		buf_free(&clean);
		tell(j, FACE_REFUSED, NULL, why);
		return;
	}
	face.data = clean.data;
	face.len = clean.len;
	sha1_hex(face.data, face.len, sha1);
	tell(j, FACE_GOOD, &face, "");
	buf_free(&clean);
}

static void refuse_drawn(struct face_job *j, size_t len)
{
	char why[IMAGE_WHY_SIZE];

	snprintf(why, sizeof why,
		 "drawn as a PNG the image has %zu bytes, and %d are the most: "
		 "simplify it, or send a PNG",
		 len, IMAGE_BYTES_MAX);
	tell(j, FACE_REFUSED, NULL, why);
}

/* The PNG that was drawn takes the place of the SVG. */
static void take_drawn(struct face_job *j, const struct child_result *r)
{
	char why[IMAGE_WHY_SIZE];

	if (r->out_len > IMAGE_BYTES_MAX)
		refuse_drawn(j, r->out_len);
	else if (image_png_square(r->out, r->out_len, &j->data, why, sizeof why) < 0)
		tell(j, FACE_REFUSED, NULL, "the SVG cannot be drawn: send a PNG");
	else if (j->data.len > IMAGE_BYTES_MAX)
		refuse_drawn(j, j->data.len);
	else
		take_png(j);
}

static void on_child(void *arg, const struct child_result *r)
{
	struct face_job *j = arg;
	char why[IMAGE_WHY_SIZE];

	j->child = NULL;
	switch (r->end) {
	case CHILD_DONE:
		take_drawn(j, r);
		return;
	case CHILD_MISSING:
		tell(j, FACE_MISSING, NULL,
		     "An SVG is drawn by the program rsvg-convert, which is not here: "
		     "install it (Debian: apt install librsvg2-bin), or send a PNG.");
		return;
	case CHILD_UNSTARTED:
		tell(j, FACE_BUSY, NULL,
		     "rsvg-convert, which draws SVGs, cannot be started now: try again "
		     "shortly, or send a PNG.");
		return;
	case CHILD_LATE:
		tell(j, FACE_REFUSED, NULL,
		     "the SVG takes too long to draw: simplify it, or send a PNG");
		return;
	case CHILD_FAILED:
		snprintf(why, sizeof why, "the SVG cannot be drawn: %.150s",
			 r->said[0] ? r->said : "it takes too much; send a PNG");
		tell(j, FACE_REFUSED, NULL, why);
		return;
	}
}

static void on_soon(void *arg)
{
	static const char *const argv[] = {"rsvg-convert",	  "--format=png",
					   SIDE("width"),	  SIDE("height"),
					   "--keep-aspect-ratio", NULL};
	struct face_job *j = arg;
	struct child_limits limits = limits_of_all;
	char why[IMAGE_WHY_SIZE];

	if (limits.time_ms > j->most_ms)
		limits.time_ms = j->most_ms;
	if (!j->svg)
		take_png(j);
	else if (image_svg_check(j->data.data, j->data.len, why, sizeof why) < 0)
		tell(j, FACE_REFUSED, NULL, why);
	else
		j->child = child_run(j->loop, argv, j->data.data, j->data.len, &limits,
				     on_child, j);
}

struct face_job *face_make(struct loop *loop, bool svg, const char *data, size_t len,
			   uint64_t most_ms, face_cb cb, void *arg)
{
	struct face_job *j = xcalloc(1, sizeof *j);

	j->loop = loop;
	j->svg = svg;
	j->most_ms = most_ms;
	j->cb = cb;
	j->arg = arg;
	buf_add(&j->data, data, len);
	j->soon = loop_timer_create(loop, on_soon, j);
	loop_timer_arm(j->soon, 0);
	return j;
}
