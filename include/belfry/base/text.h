#ifndef BELFRY_BASE_TEXT_H
#define BELFRY_BASE_TEXT_H

#include <belfry/base/buf.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the bytes are well-formed UTF-8 (RFC 3629: no overlongs, no surrogates). */
bool utf8_valid(const char *s, size_t len);

/* The bytes (1 to 4) of the character at S, which goes to *CP; 0 if it is malformed. */
size_t utf8_decode(const char *s, size_t len, uint32_t *cp);

/*
 * The largest cut <= max_bytes that does not split a UTF-8 sequence of the valid text S.
 */
size_t utf8_cut(const char *s, size_t len, size_t max_bytes);

/*
 * Appends valid UTF-8 as XML 1.0 character data, also fit for an attribute in single or
 * double quotes: & < > ' " are escaped (so "]]>" is safe). A character that XML cannot
 * carry (C0 controls but TAB, LF, CR; U+FFFE, U+FFFF) becomes U+FFFD; CR becomes &#13;.
 */
void xml_escape(struct buf *out, const char *s, size_t len);
/* The bytes xml_escape() would append. */
size_t xml_escaped_len(const char *s, size_t len);

/* Appends LEN bytes in base64 (RFC 4648 4), with its padding and without line breaks. */
void base64_add(struct buf *out, const void *data, size_t len);

/* True if PATTERN matches all of TEXT; '*' stands for any run of characters. */
bool glob_match(const char *pattern, const char *text);

/* Whole-string decimal number <= max. 0, or -1 if it is anything else. */
int parse_u64(const char *s, size_t len, uint64_t max, uint64_t *out);

/* What a hexadecimal digit of either case stands for, or -1. */
int text_hex_digit(char c);

/* True if S[0..len) equals the string TEXT. */
bool text_is(const char *s, size_t len, const char *text);

#endif
