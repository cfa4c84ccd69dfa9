#include "core/doc.h"

#include <belfry/base/text.h>
#include <belfry/core/event.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* U+FFFE is EF BF BE, U+FFFF EF BF BF. */
static bool noncharacter_at(const char *s, const char *end)
{
	return end - s >= 3 && (unsigned char)s[0] == 0xef &&
	       (unsigned char)s[1] == 0xbf && (unsigned char)s[2] >= 0xbe;
}

/* Only for the error: where well-formed UTF-8 ends. */
static size_t valid_prefix(const char *s, size_t len)
{
	size_t at = 0, n;
	uint32_t cp;

	while ((n = utf8_decode(s + at, len - at, &cp)) > 0)
		at += n;
	return at;
}

int doc_check_text(const char *s, size_t len, const char *type, char *why,
		   size_t why_size)
{
	const char *nul = len ? memchr(s, '\0', len) : NULL;

	if (nul) {
		snprintf(why, why_size,
			 "%s contains a NUL character at byte %zu, which XML cannot "
			 "carry: remove it",
			 type, (size_t)(nul - s));
		return -1;
	}
	if (!utf8_valid(s, len)) {
		snprintf(why, why_size,
			 "%s is not valid UTF-8 at byte %zu: send it encoded as UTF-8",
			 type, valid_prefix(s, len));
		return -1;
	}
	return 0;
}

/* S is behind the opening quote. Returns where the closing one is, or END. */
static const char *scan_string(const char *s, const char *end, struct doc_scan *scan)
{
	for (; s < end && *s != '"'; s++) {
		if (*s == '\\' && s + 1 < end)
			s++;
		if ((unsigned char)*s == 0xef && noncharacter_at(s, end))
			scan->noncharacters++;
	}
	return s;
}

/* -1 if it nests deeper than EVENT_DEPTH_MAX; *at is where. */
static int scan_document(const char *json, size_t len, struct doc_scan *scan, size_t *at)
{
	const char *end = json + len;
	unsigned depth = 0;

	for (const char *s = json; s < end; s++) {
		if (*s == '"') {
			s = scan_string(s + 1, end, scan);
			if (s == end)
				break;
		} else if (*s == '{' || *s == '[') {
			*at = (size_t)(s - json);
			if (++depth > EVENT_DEPTH_MAX)
				return -1;
		} else if ((*s == '}' || *s == ']') && depth) {
			depth--;
		}
	}
	return 0;
}

static const char *advice(enum json_error_code code)
{
	switch (code) {
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "\\u0000 is a character that XML cannot carry: remove it";
	case json_error_duplicate_key:
		return "an object has the same key twice: keep one of them";
	case json_error_numeric_overflow:
		return "a number is too large: send it as a string";
	case json_error_premature_end_of_input:
		return "it ends too early: it was cut off, or a bracket or quote is not "
		       "closed";
	case json_error_end_of_input_expected:
		return "there is something behind its end: send one JSON object";
	default:
		return NULL;
	}
}

/* Jansson quotes the text near an error, and may cut a character in two there. */
static void printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			*s = '?';
}

static void say_error(json_error_t *error, char *why, size_t why_size)
{
	const char *text = advice(json_error_code(error));

	if (!text) {
		printable(error->text);
		text = error->text;
	}
	snprintf(why, why_size, "not valid JSON: line %d, column %d: %s", error->line,
		 error->column, text);
}

json_t *doc_load_scanned(const char *json, size_t len, size_t flags,
			 struct doc_scan *scan, char *why, size_t why_size)
{
	struct doc_scan unused = {0};
	json_error_t error;
	size_t at;

	if (len == 0) {
		snprintf(why, why_size, "the document is empty: send a JSON object");
		return NULL;
	}
	if (doc_check_text(json, len, "the document", why, why_size))
		return NULL;
	if (scan_document(json, len, scan ? scan : &unused, &at)) {
		snprintf(why, why_size,
			 "the document nests deeper than %d levels at byte %zu: make "
			 "it flatter",
			 EVENT_DEPTH_MAX, at);
		return NULL;
	}
	flags |= JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_t *root = json_loadb(json, len, flags, &error);
	if (!root) {
		say_error(&error, why, why_size);
		return NULL;
	}
	if (!json_is_object(root)) {
		snprintf(why, why_size, "the document must be a JSON object, it is %s",
			 doc_type_text(root));
		json_decref(root);
		return NULL;
	}
	return root;
}

json_t *doc_load(const char *json, size_t len, size_t flags, char *why, size_t why_size)
{
	return doc_load_scanned(json, len, flags, NULL, why, why_size);
}

const char *doc_type_text(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",  [JSON_INTEGER] = "a number",
		[JSON_REAL] = "a number",    [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};

	return names[json_typeof(v)];
}

void doc_escape_noncharacters(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len, *from = s;

	for (; (s = memchr(s, 0xef, (size_t)(end - s))) != NULL; s++) {
		if (!noncharacter_at(s, end))
			continue;
		buf_add(out, from, (size_t)(s - from));
		buf_adds(out, (unsigned char)s[2] == 0xbe ? "\\ufffe" : "\\uffff");
		from = s + 3;
	}
	buf_add(out, from, (size_t)(end - from));
}

/* The short escape of a character, or NULL. */
static const char *short_escape(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

void doc_quote(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len, *from = s;

	buf_reserve(out, len + 2);
	buf_addc(out, '"');
	for (; s < end; s++) {
		unsigned char c = (unsigned char)*s;
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		doc_escape_noncharacters(out, from, (size_t)(s - from));
		if (short_escape(*s))
			buf_adds(out, short_escape(*s));
		else
			buf_printf(out, "\\u%04x", c);
		from = s + 1;
	}
	doc_escape_noncharacters(out, from, (size_t)(end - from));
	buf_addc(out, '"');
}
