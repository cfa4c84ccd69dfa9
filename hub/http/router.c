#include "router.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

/* To OUT, which has LEN + 1 bytes: 0, or -1 if it cannot be text without a NUL. */
static int decode_to(char *out, const char *s, size_t len, bool plus)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = plus && s[i] == '+' ? ' ' : s[i];

		if (c == '%') {
			bool whole = len - i > 2;
			int high = whole ? text_hex_digit(s[i + 1]) : -1;
			int low = whole ? text_hex_digit(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (!c)
			return -1;
		out[n++] = c;
	}
	out[n] = 0;
	return utf8_valid(out, n) ? 0 : -1;
}

char *percent_decode(const char *s, size_t len, bool plus)
{
	char *out = xmalloc(len + 1);

	if (!decode_to(out, s, len, plus))
		return out;
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

/* Into TEXT, which has room for as much as PATH, and a NUL. */
static size_t segments_decode(const char *path, char *text,
			      const char *segments[ROUTER_SEGMENTS_MAX],
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
		if (decode_to(text, start, len, false))
			*result = ROUTER_MALFORMED;
		else if (!*text || !strcmp(text, ".") || !strcmp(text, ".."))
			*result = ROUTER_NOT_FOUND;
		segments[n++] = text;
		/* Its NUL is where the next one's slash is. */
		text += len + 1;
	}
	return n;
}

/* Does PATTERN fit these segments? Notes which of them are parameters. */
static bool pattern_fits(const char *pattern, const char *const *segments, size_t count,
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
				       const char *method, const char *const *segments,
				       size_t count, struct router_match *match,
				       struct buf *allow)
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
		for (size_t i = 0; i < param_count; i++)
			match->params[i] = segments[params[i]];
		return ROUTER_FOUND;
	}
	return allow->len ? ROUTER_NOT_ALLOWED : ROUTER_NOT_FOUND;
}

enum router_result router_find(const struct http_route *routes, const char *method,
			       const char *path, struct router_match *match,
			       struct buf *allow)
{
	const char *segments[ROUTER_SEGMENTS_MAX];
	enum router_result result;
	size_t count;

	memset(match, 0, sizeof *match);
	match->text = xmalloc(strlen(path) + 1);
	count = segments_decode(path, match->text, segments, &result);
	buf_clear(allow);
	if (result == ROUTER_FOUND)
		result = table_search(routes, method, segments, count, match, allow);
	return result;
}

void router_match_free(struct router_match *match)
{
	free(match->text);
	memset(match, 0, sizeof *match);
}
