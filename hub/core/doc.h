#ifndef BELFRY_HUB_CORE_DOC_H
#define BELFRY_HUB_CORE_DOC_H

#include <belfry/base/buf.h>

#include <jansson.h>
#include <stddef.h>

/*
 * JSON from outside, and to it. Whatever Jansson would say is said in words that tell
 * the sender what to do.
 */

/* Room for every sentence of this module. */
#define DOC_WHY_SIZE 256

/* What is found in one pass, before a parser sees it. */
struct doc_scan {
	size_t noncharacters; /* U+FFFE and U+FFFF, each three bytes, in strings */
};

/*
 * Parses one JSON object with Jansson's FLAGS (duplicate keys are always refused), after
 * checking UTF-8, NUL and nesting (EVENT_DEPTH_MAX), so that the parser never recurses
 * deeper. NULL, and WHY says what is wrong and where. SCAN may be NULL.
 */
json_t *doc_load_scanned(const char *json, size_t len, size_t flags,
			 struct doc_scan *scan, char *why, size_t why_size);
json_t *doc_load(const char *json, size_t len, size_t flags, char *why, size_t why_size);

/*
 * UTF-8 without NUL: 0, or -1 and WHY; TYPE names the whole ("the document").
 */
int doc_check_text(const char *s, size_t len, const char *type, char *why,
		   size_t why_size);

/* "a string", "an array", ...: for errors. */
const char *doc_type_text(const json_t *v);

/*
 * Appends valid UTF-8 as a JSON string. Control characters, U+FFFE and U+FFFF are
 * escaped, so that XML can carry it.
 */
void doc_quote(struct buf *out, const char *s, size_t len);
/* The same bytes, with U+FFFE and U+FFFF replaced by their JSON escapes. */
void doc_escape_noncharacters(struct buf *out, const char *s, size_t len);

#endif
