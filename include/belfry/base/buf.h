#ifndef BELFRY_BASE_BUF_H
#define BELFRY_BASE_BUF_H

#include <stddef.h>

/*
 * A growable run of bytes, embedded in its owner. `(struct buf){0}` is empty and valid.
 * Whenever data is not NULL, data[len] is NUL, so text can be used as a string.
 */
struct buf {
	char *data;
	size_t len; /* bytes in use, the NUL not counted */
	size_t cap;
};

void buf_free(struct buf *b);		      /* frees and empties; reusable */
void buf_clear(struct buf *b);		      /* empties, keeps the memory */
void buf_reserve(struct buf *b, size_t more); /* room for MORE bytes beyond len */
void buf_add(struct buf *b, const char *data, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The bytes as a malloc'ed string the caller frees; the buffer is left empty. */
char *buf_steal(struct buf *b);

#endif
