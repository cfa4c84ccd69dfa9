#ifndef BELFRY_HUB_HTTP_QUERY_H
#define BELFRY_HUB_HTTP_QUERY_H

#include <stddef.h>

/* The query of a URI (application/x-www-form-urlencoded). Pure. */
#define QUERY_PARAMS_MAX 16

struct query {
	struct {
		char *name, *value;
	} params[QUERY_PARAMS_MAX];
	size_t count;
};

/*
 * NULL, or why it is refused: too many parameters, one twice, a broken escape. TEXT is
 * what stands behind the '?', NULL: nothing. Free with query_free() in either case.
 */
const char *query_parse(struct query *q, const char *text);
const char *query_get(const struct query *q, const char *name); /* or NULL */
/* The first parameter that is not in NAMES (separated by spaces), or NULL. */
const char *query_unknown(const struct query *q, const char *names);
void query_free(struct query *q);

#endif
