#ifndef BELFRY_HUB_HTTP_PROBLEM_H
#define BELFRY_HUB_HTTP_PROBLEM_H

#include <belfry/base/buf.h>

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* Appends an RFC 9457 document; DETAIL may be NULL. */
void problem_write(struct buf *out, unsigned status, const char *type, const char *title,
		   const char *detail);

#endif
