#ifndef BELFRY_SERVE_FACE_H
#define BELFRY_SERVE_FACE_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * An image from outside on its way to be a feed's avatar. A PNG is checked, and loses
 * what is not needed to show it. An SVG is drawn as a PNG of FACE_SIDE pixels a side, by
 * the program rsvg-convert in a child (base/child.h): it may break on what it is fed.
 * What an SVG refers to outside of itself is left out: no file is read, nothing is
 * fetched.
 */
#define FACE_SIDE 192

enum face_end {
	FACE_GOOD,
	FACE_REFUSED, /* the image is at fault */
	FACE_MISSING, /* rsvg-convert is not there */
	FACE_BUSY,    /* rsvg-convert cannot be started now: there is too much to do */
};
/* Once, from the loop. WHY: what is wrong, and what to do; FACE is NULL then. */
typedef void (*face_cb)(void *arg, enum face_end end, const struct store_face *face,
			const char *why);

struct face_job;
/* DATA is copied. What takes longer than MOST_MS to draw is refused. */
struct face_job *face_make(struct loop *loop, bool svg, const char *data, size_t len,
			   uint64_t most_ms, face_cb cb, void *arg);
/* Ends it without CB. Not after CB was called; NULL is safe. */
void face_job_destroy(struct face_job *j);

#endif
