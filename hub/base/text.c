#include <belfry/base/text.h>

#include <sodium.h>

#include <string.h>

/* What the first byte of a sequence allows, from table 3-7 of the Unicode standard. */
static size_t sequence_bounds(unsigned char first, unsigned char *low,
			      unsigned char *high)
{
	*low = 0x80;
	*high = 0xBF;
	if (first < 0x80)
		return 1;
	if (first < 0xC2)
		return 0;
	if (first < 0xE0)
		return 2;
	if (first < 0xF0) {
		if (first == 0xE0)
			*low = 0xA0; /* overlong */
		if (first == 0xED)
			*high = 0x9F; /* surrogates */
		return 3;
	}
	if (first < 0xF5) {
		if (first == 0xF0)
			*low = 0x90; /* overlong */
		if (first == 0xF4)
			*high = 0x8F; /* beyond U+10FFFF */
		return 4;
	}
	return 0;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *cp)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low, high;
	size_t i, n;

	if (len == 0)
		return 0;
	n = sequence_bounds(u[0], &low, &high);
	if (n == 0 || n > len)
		return 0;
	*cp = n == 1 ? u[0] : u[0] & (0x7Fu >> n);
	for (i = 1; i < n; i++) {
		if (u[i] < low || u[i] > high)
			return 0;
		low = 0x80;
		high = 0xBF;
		*cp = *cp << 6 | (u[i] & 0x3Fu);
	}
	return n;
}

/* How many of the bytes are ASCII before one is not; what is left over of 8 not counted.
 */
static size_t ascii_run(const char *s, size_t len)
{
	uint64_t word;
	size_t i = 0;

	for (; len - i >= sizeof word; i += sizeof word) {
		memcpy(&word, s + i, sizeof word);
		if (word & 0x8080808080808080u)
			break;
	}
	return i;
}

bool utf8_valid(const char *s, size_t len)
{
	size_t i = ascii_run(s, len), n;
	uint32_t cp;

	while (i < len) {
		if ((unsigned char)s[i] < 0x80) {
			i++;
			continue;
		}
		n = utf8_decode(s + i, len - i, &cp);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_cut(const char *s, size_t len, size_t max_bytes)
{
	size_t cut = max_bytes;

	if (len <= max_bytes)
		return len;
	while (cut > 0 && ((unsigned char)s[cut] & 0xC0) == 0x80)
		cut--;
	return cut;
}

#define REPLACEMENT "\xEF\xBF\xBD"

/* How the ASCII characters are written that do not stand for themselves. */
static const char *const ascii_escapes[0x80] = {
	['&'] = "&amp;",      ['<'] = "&lt;",	    ['>'] = "&gt;",
	['"'] = "&quot;",     ['\''] = "&apos;",    ['\r'] = "&#13;",
	[0x00] = REPLACEMENT, [0x01] = REPLACEMENT, [0x02] = REPLACEMENT,
	[0x03] = REPLACEMENT, [0x04] = REPLACEMENT, [0x05] = REPLACEMENT,
	[0x06] = REPLACEMENT, [0x07] = REPLACEMENT, [0x08] = REPLACEMENT,
	[0x0B] = REPLACEMENT, [0x0C] = REPLACEMENT, [0x0E] = REPLACEMENT,
	[0x0F] = REPLACEMENT, [0x10] = REPLACEMENT, [0x11] = REPLACEMENT,
	[0x12] = REPLACEMENT, [0x13] = REPLACEMENT, [0x14] = REPLACEMENT,
	[0x15] = REPLACEMENT, [0x16] = REPLACEMENT, [0x17] = REPLACEMENT,
	[0x18] = REPLACEMENT, [0x19] = REPLACEMENT, [0x1A] = REPLACEMENT,
	[0x1B] = REPLACEMENT, [0x1C] = REPLACEMENT, [0x1D] = REPLACEMENT,
	[0x1E] = REPLACEMENT, [0x1F] = REPLACEMENT,
};

/*
 * What to write for the character at S, and in *EATEN its bytes; NULL where the byte at S
 * stands for itself.
 */
static const char *xml_escape_of(const char *s, size_t left, size_t *eaten)
{
	unsigned char c = (unsigned char)s[0];

	*eaten = 1;
	if (c < 0x80)
		return ascii_escapes[c];
	if (c != 0xEF || left < 3 || (unsigned char)s[1] != 0xBF ||
	    (unsigned char)s[2] < 0xBE)
		return NULL;
	*eaten = 3; /* U+FFFE, U+FFFF */
	return REPLACEMENT;
}

void xml_escape(struct buf *out, const char *s, size_t len)
{
	size_t i = 0, start = 0, eaten;
	const char *escape;

	while (i < len) {
		escape = xml_escape_of(s + i, len - i, &eaten);
		if (escape) {
			buf_add(out, s + start, i - start);
			buf_adds(out, escape);
			start = i + eaten;
		}
		i += eaten;
	}
	buf_add(out, s + start, len - start);
}

size_t xml_escaped_len(const char *s, size_t len)
{
	size_t i, eaten, total = 0;
	const char *escape;

	for (i = 0; i < len; i += eaten) {
		escape = xml_escape_of(s + i, len - i, &eaten);
		total += escape ? strlen(escape) : 1;
	}
	return total;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	/* Going back to the last star alone is enough: at most |pattern| * |text| steps.
	 */
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

void base64_add(struct buf *out, const void *data, size_t len)
{
	const int variant = sodium_base64_VARIANT_ORIGINAL;
	size_t size = sodium_base64_encoded_len(len, variant); /* with a NUL */
	buf_reserve(out, size);
	sodium_bin2base64(out->data + out->len, size, data, len, variant);
	out->len += size - 1;
}

int parse_u64(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	if (len == 0)
		return -1;
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s[i] - '0'), &value))
			return -1;
	}
	if (value > max)
		return -1;
	*out = value;
	return 0;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_is(const char *s, size_t len, const char *text)
{
	return strlen(text) == len && (len == 0 || memcmp(s, text, len) == 0);
}
