#ifndef BELFRY_CORE_QR_H
#define BELFRY_CORE_QR_H

#include <belfry/base/buf.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * A QR code (ISO/IEC 18004) of bytes, and the forms in which it is shown. A side is
 * counted in modules, those of the light border included that readers need around it.
 */
struct qr;

#define QR_BORDER 4
#define QR_BYTES_MAX 2953 /* of the largest code, at level L */
#define QR_SIDE_MAX (177 + 2 * QR_BORDER)

/*
 * Error correction of level M (15 % may be unreadable), or of level L (7 %) where M has
 * no room. NULL: too long. Free with qr_destroy().
 */
struct qr *qr_create(const char *text, size_t len);
void qr_destroy(struct qr *q);

unsigned qr_side(const struct qr *q);
/* Column X of row Y, both from 0. Outside of the code all is light. */
bool qr_dark(const struct qr *q, unsigned x, unsigned y);

#define QR_SCALE_MAX 16 /* pixels of a module */
#define QR_SCALE 8	/* by default */

/* Black and white, 1 bit a pixel; SCALE is 1 to QR_SCALE_MAX. */
void qr_png(struct buf *out, const struct qr *q, unsigned scale);
/* The same size; TITLE is what a program says that reads pages aloud. */
void qr_svg(struct buf *out, const struct qr *q, unsigned scale, const char *title);

/* How a terminal shows it: lines of half blocks in UTF-8, two rows of modules each. */
enum qr_style {
	QR_COLOR, /* sets black and white itself, whatever the terminal's colours are */
	QR_LIGHT, /* plain characters, for black on white */
	QR_DARK,  /* plain characters, for white on black */
};
int qr_style_parse(const char *word, enum qr_style *out); /* "color", ...; -1: none */
void qr_text(struct buf *out, const struct qr *q, enum qr_style style);

#endif
