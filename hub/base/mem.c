#include <belfry/base/mem.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not through log.h, which allocates. */
static void *checked(void *ptr)
{
	if (ptr == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return ptr;
}

/* malloc(0) may answer NULL, which would look like a failure. */
static size_t at_least_one(size_t size)
{
	return size ? size : 1;
}

void *xmalloc(size_t size)
{
	return checked(malloc(at_least_one(size)));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(at_least_one(count), at_least_one(size)));
}

void *xrealloc(void *ptr, size_t size)
{
	return checked(realloc(ptr, at_least_one(size)));
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return checked(NULL);
	return xrealloc(ptr, count * size);
}

char *xstrdup(const char *s)
{
	return xmemdup0(s, strlen(s));
}

char *xmemdup0(const char *data, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return checked(NULL);
	copy = xmalloc(len + 1);
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}
