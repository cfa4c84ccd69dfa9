#ifndef BELFRY_BASE_MEM_H
#define BELFRY_BASE_MEM_H

#include <stddef.h>

/*
 * Allocation that does not fail: out of memory aborts, because delivery is at least once
 * and the supervisor restarts us. Sizes that come from outside are capped by the caller
 * first. Everything here is freed with free().
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t size);
/* realloc for COUNT elements of SIZE bytes; an overflow of the product aborts. */
void *xreallocarray(void *ptr, size_t count, size_t size);
char *xstrdup(const char *s);
/* A NUL-terminated copy of LEN bytes. */
char *xmemdup0(const char *data, size_t len);

#endif
