#ifndef BELFRY_HTTP_JSON_H
#define BELFRY_HTTP_JSON_H

#include <belfry/base/buf.h>

#include <stddef.h>
#include <stdint.h>

/*
 * JSON text, written straight into an answer: documents are spliced in as they were
 * posted, which a tree of values would re-encode.
 */

/* TEXT as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void json_add_string(struct buf *out, const char *text, size_t len);
/*
 * The members of an object, each with the comma that it needs: write "{" before the
 * first. VALUE NULL: the member is left out.
 */
void json_add_member(struct buf *out, const char *name, const char *value);
void json_add_member_u64(struct buf *out, const char *name, uint64_t value);
/* JSON is put in as it stands. */
void json_add_member_raw(struct buf *out, const char *name, const char *json, size_t len);

#endif
