#include "core/doc_quick.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/event.h>

#include <stdint.h>
#include <string.h>

#define KEYS_MAX 64    /* of all objects that are open at a time */
#define NUMBER_MAX 300 /* digits: no number without an exponent overflows with so few */

struct quick {
	const char *s, *end;
	unsigned depth;
	struct {
		const char *text;
		size_t len;
	} keys[KEYS_MAX];
	size_t key_count;
	quick_take take;
	void *arg;
};

static bool value_pass(struct quick *q);

static char peek(const struct quick *q)
{
	return q->s < q->end ? *q->s : '\0';
}

static bool accept(struct quick *q, char c)
{
	bool here = peek(q) == c && c;

	q->s += here;
	return here;
}

static void space_pass(struct quick *q)
{
	while (q->s < q->end &&
	       (*q->s == ' ' || *q->s == '\n' || *q->s == '\t' || *q->s == '\r'))
		q->s++;
}

/* The four digits at S, or -1. */
static int hex4(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = text_hex_digit(s[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The backslash has been seen. NUL and surrogates are left to the parser. */
static bool escape_pass(struct quick *q)
{
	char c = peek(q);
	int unit;

	if (!c || !strchr("\"\\/bfnrtu", c))
		return false;
	q->s++;
	if (c != 'u')
		return true;
	if (q->end - q->s < 4)
		return false;
	unit = hex4(q->s);
	q->s += 4;
	return unit > 0 && (unit < 0xd800 || unit > 0xdfff);
}

static bool beyond_ascii_pass(struct quick *q)
{
	uint32_t cp = 0;
	size_t n = utf8_decode(q->s, (size_t)(q->end - q->s), &cp);

	q->s += n;
	return n && cp != 0xfffe && cp != 0xffff;
}

#define EACH(byte) (UINT64_MAX / 0xff * (byte))
/* Not zero if a byte of V is zero, and only then. */
#define ZERO_BYTES(v) (((v)-EACH(0x01)) & ~(v)&EACH(0x80))

/* Passes ASCII that stands for itself, eight at a time as far as that goes. */
static void plain_pass(struct quick *q)
{
	uint64_t v;

	for (; q->end - q->s >= 8; q->s += 8) {
		memcpy(&v, q->s, sizeof v);
		if ((v & EACH(0x80)) | ((v - EACH(0x20)) & ~v & EACH(0x80)) |
		    ZERO_BYTES(v ^ EACH('"')) | ZERO_BYTES(v ^ EACH('\\')))
			return;
	}
}

/* *PLAIN: it has no escapes. */
static bool string_pass(struct quick *q, bool *plain)
{
	if (!accept(q, '"'))
		return false;
	*plain = true;
	plain_pass(q);
	while (q->s < q->end) {
		unsigned char c = (unsigned char)*q->s;

		if (c >= 0x80) {
			if (!beyond_ascii_pass(q))
				return false;
			plain_pass(q);
			continue;
		}
		if (c < 0x20)
			return false;
		q->s++;
		if (c == '"')
			return true;
		if (c == '\\') {
			*plain = false;
			if (!escape_pass(q))
				return false;
			plain_pass(q);
		}
	}
	return false;
}

static bool digits_pass(struct quick *q)
{
	const char *from = q->s;

	while (q->s < q->end && *q->s >= '0' && *q->s <= '9')
		q->s++;
	return q->s > from;
}

static bool number_pass(struct quick *q)
{
	const char *from = q->s;

	accept(q, '-');
	if (!accept(q, '0') && !digits_pass(q))
		return false;
	if (accept(q, '.') && !digits_pass(q))
		return false;
	/* An exponent, or a digit behind the zero, is not what may follow a value. */
	return q->s - from < NUMBER_MAX;
}

static bool word_pass(struct quick *q, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(q->end - q->s) < len || memcmp(q->s, word, len) != 0)
		return false;
	q->s += len;
	return true;
}

/* KEYS: where those of this object begin. */
static bool key_new(struct quick *q, size_t keys, const char *text, size_t len)
{
	if (q->key_count == KEYS_MAX)
		return false;
	for (size_t i = keys; i < q->key_count; i++)
		if (q->keys[i].len == len && memcmp(q->keys[i].text, text, len) == 0)
			return false;
	q->keys[q->key_count].text = text;
	q->keys[q->key_count++].len = len;
	return true;
}

static bool member_pass(struct quick *q, size_t keys)
{
	struct quick_member m = {.name = q->s + 1};
	bool plain;

	if (!string_pass(q, &plain) || !plain)
		return false;
	m.name_len = (size_t)(q->s - m.name) - 1;
	if (!key_new(q, keys, m.name, m.name_len))
		return false;
	space_pass(q);
	if (!accept(q, ':'))
		return false;
	space_pass(q);
	m.value = q->s;
	if (!value_pass(q))
		return false;
	m.value_len = (size_t)(q->s - m.value);
	space_pass(q);
	return q->depth > 1 || q->take(q->arg, &m);
}

/* The bracket has been seen. */
static bool object_pass(struct quick *q)
{
	size_t keys = q->key_count;

	if (++q->depth > EVENT_DEPTH_MAX)
		return false;
	space_pass(q);
	if (peek(q) == '"') {
		do {
			space_pass(q);
			if (!member_pass(q, keys))
				return false;
		} while (accept(q, ','));
	}
	q->key_count = keys;
	q->depth--;
	return accept(q, '}');
}

static bool array_pass(struct quick *q)
{
	if (++q->depth > EVENT_DEPTH_MAX)
		return false;
	space_pass(q);
	if (peek(q) != ']') {
		do {
			space_pass(q);
			if (!value_pass(q))
				return false;
			space_pass(q);
		} while (accept(q, ','));
	}
	q->depth--;
	return accept(q, ']');
}

static bool value_pass(struct quick *q)
{
	bool plain;

	switch (peek(q)) {
	case '"':
		return string_pass(q, &plain);
	case '{':
		q->s++;
		return object_pass(q);
	case '[':
		q->s++;
		return array_pass(q);
	case 't':
		return word_pass(q, "true");
	case 'f':
		return word_pass(q, "false");
	case 'n':
		return word_pass(q, "null");
	default:
		return number_pass(q);
	}
}

bool doc_quick(const char *json, size_t len, quick_take take, void *arg)
{
	struct quick q;

	/* Not the keys: there is no need to clear them. */
	q.s = json;
	q.end = json + len;
	q.depth = 0;
	q.key_count = 0;
	q.take = take;
	q.arg = arg;
	space_pass(&q);
	if (!accept(&q, '{') || !object_pass(&q))
		return false;
	space_pass(&q);
	return q.s == q.end;
}

/* ---- what has been passed is known to be sound ---------------------------------- */

static size_t utf8_put(char *out, unsigned cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | cp >> 12);
	out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[2] = (char)(0x80 | (cp & 0x3f));
	return 3;
}

static char escaped_char(char c)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at = strchr(from, c);

	return at ? to[at - from] : c;
}

char *doc_unquote(const char *text, size_t len, size_t *out_len)
{
	const char *s = text + 1, *end = text + len - 1;
	char *out = xmemdup0(s, (size_t)(end - s));
	char *to = memchr(out, '\\', (size_t)(end - s));

	if (!to) {
		*out_len = (size_t)(end - s);
		return out;
	}
	for (s += to - out; s < end; s++) {
		if (*s != '\\') {
			*to++ = *s;
		} else if (*++s == 'u') {
			to += utf8_put(to, (unsigned)hex4(s + 1));
			s += 4;
		} else {
			*to++ = escaped_char(*s);
		}
	}
	*to = '\0';
	*out_len = (size_t)(to - out);
	return out;
}

int doc_next_string(const char **at, const char **text, size_t *len)
{
	const char *s =
		*at + 1; /* behind the bracket, the comma or the space before it */

	while (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r' || *s == ',')
		s++;
	if (*s == ']')
		return 0;
	if (*s != '"')
		return -1;
	*text = s++;
	while (*s != '"')
		s += *s == '\\' ? 2 : 1;
	*len = (size_t)(s - *text) + 1;
	*at = s;
	return 1;
}
