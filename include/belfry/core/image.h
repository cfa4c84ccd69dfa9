#ifndef BELFRY_CORE_IMAGE_H
#define BELFRY_CORE_IMAGE_H

#include <belfry/base/buf.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * Images from outside that are to become a feed's avatar, and so go to its followers'
 * clients as they are. WHY says what is wrong, and what to do.
 */
#define IMAGE_BYTES_MAX 65536
#define IMAGE_SIDE_MAX 512 /* pixels */
#define IMAGE_WHY_SIZE 256

/* Does it begin as a PNG does? */
bool image_is_png(const char *data, size_t len);

/*
 * A PNG that can be shown: 0, and its size; OUT is the same image without all that is not
 * needed to show it (colour profiles, texts, dates, thumbnails). Decoded wholly; -1 also
 * where it is larger than the above, is cut off or goes on behind its end, has a wrong
 * checksum, has other than as many pixels as it says, or carries much beside the image.
 */
int image_png_clean(const char *data, size_t len, struct buf *out, unsigned *width,
		    unsigned *height, char *why, size_t why_size);

/*
 * The same image in the middle of a square one, which is transparent beside it, and may
 * be larger than IMAGE_BYTES_MAX.
 */
int image_png_square(const char *data, size_t len, struct buf *out, char *why,
		     size_t why_size);

/*
 * Looks like an SVG: text of at most IMAGE_BYTES_MAX, not compressed. Whether it is one,
 * and what is in it, is for a renderer to see that may break (serve/face.h).
 */
int image_svg_check(const char *data, size_t len, char *why, size_t why_size);

#endif
