#include "router.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *percent_decode(const char *s, size_t len, bool plus)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = plus && s[i] == '+' ? ' ' : s[i];

		if (c == '%') {
			bool whole = len - i > 2;
			int high = whole ? hex_value(s[i + 1]) : -1;
			int low = whole ? hex_value(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				goto bad;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (!c)
			goto bad;
		out[n++] = c;
	}
	out[n] = 0;
	if (utf8_valid(out, n))
		return out;
bad:
	free(out);
	return NULL;
}

/* The next segment of *P, which stands on its '/'; false at the end. */
static bool next_segment(const char **p, const char **start, size_t *len)
{
	if (**p != '/')
		return false;
	*start = *p + 1;
	*len = strcspn(*start, "/");
	*p = *start + *len;
	return true;
}

static size_t segments_decode(const char *path, char *segments[ROUTER_SEGMENTS_MAX],
			      enum router_result *result)
{
	const char *start;
	size_t len, n = 0;

	*result = ROUTER_FOUND;
	if (*path != '/')
		*result = ROUTER_NOT_FOUND;
	while (*result == ROUTER_FOUND && next_segment(&path, &start, &len)) {
		if (n == ROUTER_SEGMENTS_MAX) {
			*result = ROUTER_NOT_FOUND;
			break;
		}
		segments[n] = percent_decode(start, len, false);
		if (!segments[n])
			*result = ROUTER_MALFORMED;
		else if (!segments[n][0] || !strcmp(segments[n], ".") ||
			 !strcmp(segments[n], ".."))
			*result = ROUTER_NOT_FOUND;
		n++;
	}
	return n;
}

/* Does PATTERN fit these segments? Notes which of them are parameters. */
static bool pattern_fits(const char *pattern, char *const *segments, size_t count,
			 size_t params[HTTP_PARAMS_MAX], size_t *param_count)
{
	const char *start;
	size_t len, i = 0;

	*param_count = 0;
	while (next_segment(&pattern, &start, &len)) {
		if (i == count)
			return false;
		if (*start == '{' && *param_count < HTTP_PARAMS_MAX)
			params[(*param_count)++] = i;
		else if (!text_is(start, len, segments[i]))
			return false;
		i++;
	}
	return i == count;
}

static bool method_fits(const struct http_route *route, const char *method)
{
	return !strcmp(route->method, method) ||
	       (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

static enum router_result table_search(const struct http_route *routes,
				       const char *method, char **segments, size_t count,
				       struct router_match *match, struct buf *allow)
{
	size_t params[HTTP_PARAMS_MAX], param_count;

	for (const struct http_route *r = routes; r->pattern; r++) {
		if (!pattern_fits(r->pattern, segments, count, params, &param_count))
			continue;
		if (!method_fits(r, method)) {
			buf_printf(allow, "%s%s%s", allow->len ? ", " : "", r->method,
				   strcmp(r->method, "GET") ? "" : ", HEAD");
			continue;
		}
		match->route = r;
		for (size_t i = 0; i < param_count; i++) {
			match->params[i] = segments[params[i]];
			segments[params[i]] = NULL;
		}
		return ROUTER_FOUND;
	}
	return allow->len ? ROUTER_NOT_ALLOWED : ROUTER_NOT_FOUND;
}

enum router_result router_find(const struct http_route *routes, const char *method,
			       const char *path, struct router_match *match,
			       struct buf *allow)
{
	char *segments[ROUTER_SEGMENTS_MAX] = {0};
	enum router_result result;
	size_t count = segments_decode(path, segments, &result);

	memset(match, 0, sizeof *match);
	buf_clear(allow);
	if (result == ROUTER_FOUND)
		result = table_search(routes, method, segments, count, match, allow);
	for (size_t i = 0; i < ROUTER_SEGMENTS_MAX; i++)
		free(segments[i]);
	return result;
}

void router_match_free(struct router_match *match)
{
	for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
		free(match->params[i]);
	memset(match, 0, sizeof *match);
}
