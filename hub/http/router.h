#ifndef BELFRY_HUB_HTTP_ROUTER_H
#define BELFRY_HUB_HTTP_ROUTER_H

#include <belfry/base/buf.h>
#include <belfry/http/server.h>

#include <stddef.h>

/* Which row of a table of routes a request is for. Pure. */
#define ROUTER_SEGMENTS_MAX 8

struct router_match {
	const struct http_route *route;
	const char *params[HTTP_PARAMS_MAX]; /* decoded, in text; unused ones are NULL */
	char *text;			     /* malloc'ed */
};

enum router_result {
	ROUTER_FOUND,
	ROUTER_NOT_FOUND,
	ROUTER_NOT_ALLOWED, /* the path is known, the method is not: ALLOW says which */
	ROUTER_MALFORMED,   /* a broken percent-escape, a NUL, or invalid UTF-8 */
};
/*
 * PATH is as it came, without the query. It is split at '/' before it is decoded, so that
 * an escaped slash is part of a parameter, never a separator.
 */
enum router_result router_find(const struct http_route *routes, const char *method,
			       const char *path, struct router_match *match,
			       struct buf *allow);
void router_match_free(struct router_match *match);

/*
 * Decodes percent-escapes (and, if PLUS, '+' as a space): malloc'ed, valid UTF-8 without
 * NUL; NULL if it cannot be that.
 */
char *percent_decode(const char *s, size_t len, bool plus);

#endif
