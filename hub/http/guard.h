#ifndef BELFRY_HUB_HTTP_GUARD_H
#define BELFRY_HUB_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

/*
 * What a request's head must be before anything else looks at it. Pure: it is handed
 * strings and answers with a fault. The library below lets pass what RFC 9112 forbids
 * (docs/http-api.md, "What is refused"), and two readings of one request are how
 * requests are smuggled past a proxy.
 */
#define GUARD_HEADERS_MAX 64
#define GUARD_HEAD_BYTES_MAX 12288 /* of all names and values together */

/* A refusal: the problem that answers it. */
struct guard_fault {
	unsigned status;
	const char *type, *title, *detail;
	bool close; /* the connection's framing cannot be trusted any more */
};

struct guard_header {
	const char *name, *value;
};
/* Without regard to case. Most names differ in their first letter. */
static inline bool guard_named(const struct guard_header *h, const char *name)
{
	return !((h->name[0] ^ name[0]) & ~0x20) && !strcasecmp(h->name, name);
}

struct guard_head {
	const char *version; /* "HTTP/1.1" */
	const struct guard_header *headers;
	size_t count;
};

struct guard_facts {
	bool chunked;
	bool has_length;
	bool expects_continue;
	uint64_t length;
};

/* NULL: sound, and *facts is what it says about its body. */
const struct guard_fault *guard_head_check(const struct guard_head *head,
					   struct guard_facts *facts);

/* What a route takes as a body, and what the request announces. */
struct guard_body {
	const char *accepts;	      /* media types separated by spaces; NULL: none */
	bool optional;		      /* it may be absent */
	const char *content_type;     /* the header, or NULL */
	const char *content_encoding; /* the header, or NULL */
	uint64_t max_bytes;	      /* of everything that has no limit of its own */
	uint64_t own_max_bytes;	      /* 0: none */
};
uint64_t guard_body_max(const struct guard_body *body);
const struct guard_fault *guard_body_check(const struct guard_body *body,
					   const struct guard_facts *facts);
/* A body turned out to be larger than allowed (OWN: by its route), or to be empty where
 * one is needed. */
const struct guard_fault *guard_too_large(bool own);
extern const struct guard_fault guard_empty;

#define GUARD_MEDIA_MAX 128
/*
 * Splits a Content-Type into the lower-cased media type and the charset parameter, ""
 * where there is none. 0, or -1 if it is malformed.
 */
int guard_media_type(const char *value, char type[GUARD_MEDIA_MAX],
		     char charset[GUARD_MEDIA_MAX]);

#endif
