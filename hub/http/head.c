#include "internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct guard_fault bad_layout = {
	400, "bad-request", "Malformed request",
	"A line of the head does not end with CR LF, is folded, begins with a colon, or "
	"contains a NUL.",
	true};
static const struct guard_fault bad_target = {
	400, "bad-request", "Malformed request",
	"The path has a broken percent-escape, a NUL, or is not UTF-8.", false};
static const struct guard_fault not_found = {404, "no-such-path", "No such path",
					     "See docs/http-api.md for the paths.",
					     false};
static const struct guard_fault not_allowed = {
	405, "method-not-allowed", "Method not allowed",
	"The Allow header names the methods of this path.", false};
static const struct guard_fault too_many = {431, "headers-too-large", "Headers too large",
					    "Send at most 64 headers and 12 KiB of them.",
					    true};

/* Enough for most heads, so that their copy need not grow. */
#define HEAD_TEXT_USUAL 511

struct head_walk {
	struct http_request *req;
	size_t offsets[2 * GUARD_HEADERS_MAX];
	size_t count; /* of all headers, kept or not */
	bool sound;
	const char *last_end; /* of the value before */
};

/*
 * Debian 12's library (before 1.0) takes a bare LF for CR LF, appends a folded line to
 * the header's *name*, and cuts a value at a NUL. It parses in place, so that all three
 * show in the distance from a value's end to the next name: two bytes, if that was CR
 * LF. From 1.0 on the library refuses them itself (see server.c).
 */
static bool layout_sound(const char *last_end, const char *name)
{
#if MHD_VERSION < 0x01000000
	return !last_end || name == last_end + 2;
#else
	(void)last_end;
	(void)name;
	return true;
#endif
}

/*
 * The same of the head's end, four bytes behind the last value. That library also takes
 * a line that begins with a colon for the empty line: what follows it would be read as
 * the next request.
 */
static bool end_sound(struct MHD_Connection *mc, const char *method, const char *last_end)
{
#if MHD_VERSION < 0x01000000
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info && method + info->header_size == last_end + 4;
#else
	(void)mc;
	(void)method;
	(void)last_end;
	return true;
#endif
}

/* That library reads to the end of the connection where such a value ends with a blank.
 */
static bool blank_tolerated(const char *name)
{
#if MHD_VERSION < 0x01000000
	return strcasecmp(name, "Transfer-Encoding") != 0;
#else
	(void)name;
	return true;
#endif
}

static enum MHD_Result walk_header(void *arg, enum MHD_ValueKind kind, const char *name,
				   size_t name_len, const char *value, size_t value_len)
{
	struct head_walk *w = arg;
	struct buf *text = &w->req->head_text;

	(void)kind;
	if (!value)
		value = name + name_len;
	if (!layout_sound(w->last_end, name) || strlen(name) != name_len ||
	    strlen(value) != value_len)
		w->sound = false;
	w->last_end = value + value_len;
	if (w->count < GUARD_HEADERS_MAX) {
		w->offsets[2 * w->count] = text->len;
		buf_add(text, name, name_len + 1);
		w->offsets[2 * w->count + 1] = text->len;
		buf_add(text, value, value_len);
		while (text->len > w->offsets[2 * w->count + 1] &&
		       strchr(" \t", text->data[text->len - 1])) {
			w->sound = w->sound && blank_tolerated(name);
			text->len--;
		}
		buf_addc(text, 0);
	}
	w->count++;
	return MHD_YES;
}

/* The copies of the headers, which outlive the library's own. */
static bool headers_read(struct http_request *req, const char *method,
			 const char *version, size_t *count)
{
	struct head_walk w;

	/* Not the offsets: there is no need to clear them. */
	w.req = req;
	w.count = 0;
	w.sound = true;
	buf_reserve(&req->head_text, HEAD_TEXT_USUAL);
#if MHD_VERSION < 0x01000000
	w.last_end = version + strlen(version);
	if (req->conn->uri_end && version != req->conn->uri_end + 1)
		w.sound = false;
#else
	(void)version;
	w.last_end = NULL;
#endif
	MHD_get_connection_values_n(req->mc, MHD_HEADER_KIND, walk_header, &w);
	if (!end_sound(req->mc, method, w.last_end))
		w.sound = false;
	*count = w.count;
	req->header_count = w.count < GUARD_HEADERS_MAX ? w.count : GUARD_HEADERS_MAX;
	for (size_t i = 0; i < req->header_count; i++) {
		req->headers[i].name = req->head_text.data + w.offsets[2 * i];
		req->headers[i].value = req->head_text.data + w.offsets[2 * i + 1];
	}
	return w.sound;
}

/* Path and query of a target in origin-form or (RFC 9112 3.2.2) absolute-form. */
static const struct guard_fault *target_read(struct http_request *req)
{
	static struct guard_fault bad_query = {400, "bad-request", "Malformed request",
					       NULL, false};
	char *query = strchr(req->uri, '?');
	const char *path = req->uri, *why;

	if (query)
		*query++ = 0;
	if (!strncmp(path, "http://", 7) || !strncmp(path, "https://", 8)) {
		path = strchr(strstr(path, "//") + 2, '/');
		if (!path)
			path = "/";
	}
	req->path = path;
	why = query_parse(&req->query, query);
	if (!why)
		return NULL;
	bad_query.detail = why;
	return &bad_query;
}

static const struct guard_fault *route_find(struct http_request *req)
{
	struct buf allow = {0};
	const struct guard_fault *fault = NULL;

	switch (router_find(req->server->routes, req->method, req->path, &req->match,
			    &allow)) {
	case ROUTER_FOUND:
		break;
	case ROUTER_NOT_FOUND:
		fault = &not_found;
		break;
	case ROUTER_MALFORMED:
		fault = &bad_target;
		break;
	case ROUTER_NOT_ALLOWED:
		fault = &not_allowed;
		http_add_header(req, "Allow", allow.data);
		break;
	}
	buf_free(&allow);
	return fault;
}

static const struct guard_fault *body_announced(struct http_request *req)
{
	struct guard_body body = {
		.accepts = req->match.route->accepts,
		.optional = req->match.route->body_optional,
		.content_type = http_header(req, "Content-Type"),
		.content_encoding = http_header(req, "Content-Encoding"),
		.max_bytes = req->server->limits.max_body_bytes,
		.own_max_bytes = req->match.route->max_body_bytes,
	};
	char charset[GUARD_MEDIA_MAX], media[GUARD_MEDIA_MAX];
	const struct guard_fault *fault = guard_body_check(&body, &req->facts);

	req->max_body_bytes = guard_body_max(&body);
	if (!fault && body.content_type &&
	    !guard_media_type(body.content_type, media, charset))
		req->media = xstrdup(media);
	return fault;
}

const struct guard_fault *head_read(struct http_request *req, const char *method,
				    const char *version)
{
	size_t count;
	bool sound = headers_read(req, method, version, &count);
	struct guard_head head = {version, req->headers, req->header_count};
	const struct guard_fault *fault, *target;

	req->uri = req->conn->uri ? req->conn->uri : xstrdup("");
	req->conn->uri = NULL;
	req->method = xstrdup(method);
	target = target_read(req);
	if (count > GUARD_HEADERS_MAX)
		return &too_many;
	fault = guard_head_check(&head, &req->facts);
	if (!fault && !sound)
		fault = &bad_layout;
	if (!fault)
		fault = target;
	if (!fault)
		fault = route_find(req);
	return fault ? fault : body_announced(req);
}
