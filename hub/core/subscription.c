#include <belfry/core/subscription.h>

#include <belfry/base/text.h>

#include <string.h>

static const struct {
	enum sub_format format;
	const char *text;
} formats[] = {
	{FORMAT_CHAT, "chat"},
	{FORMAT_EVENT, "event"},
	{FORMAT_HEADLINE, "headline"},
	{FORMAT_NORMAL, "normal"},
};
#define FORMATS (sizeof formats / sizeof formats[0])

const char *sub_format_text(enum sub_format f)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].format == f)
			return formats[i].text;
	return "unknown";
}

int sub_format_parse(const char *s, size_t len, enum sub_format *out)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (text_is(s, len, formats[i].text)) {
			*out = formats[i].format;
			return 0;
		}
	}
	return -1;
}

static int parse_letter(char letter, enum sub_format *out)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if ((char)formats[i].format == letter) {
			*out = formats[i].format;
			return 0;
		}
	}
	return -1;
}

/* The end of the word at S. */
static const char *word_end(const char *s, const char *end)
{
	const char *space = memchr(s, ' ', (size_t)(end - s));
	return space ? space : end;
}

/* Does a word follow on the one that ends at NEXT, and begin with something from A to Z?
 */
static bool another_word(const char *next, const char *end, char a, char z)
{
	return end - next > 1 && next[1] >= a && next[1] <= z;
}

static int parse_options(const char *s, size_t len, struct sub *out)
{
	if (!len || len >= SUB_OPTIONS_SIZE || *s < 'a' || *s > 'z')
		return -1;
	out->options = s;
	out->options_len = len;
	return 0;
}

int sub_parse(const char *s, size_t len, struct sub *out)
{
	struct sub sub = {0};
	struct pos old;
	const char *end = s + len;

	if (len < 3 || s[1] != ' ' || parse_letter(s[0], &sub.format) ||
	    memchr(s, '\0', len))
		return -1;
	const char *at = s + 2, *next = word_end(at, end);
	if (pos_parse(at, (size_t)(next - at), &sub.since))
		return -1;
	if (another_word(next, end, '0', '9')) {
		at = next + 1;
		next = word_end(at, end);
		if (pos_parse(at, (size_t)(next - at), &old))
			return -1;
	}
	if (another_word(next, end, 'h', 'h')) {
		sub.hold = next + 1;
		next = word_end(sub.hold, end);
		sub.hold_len = (size_t)(next - sub.hold);
		if (sub.hold_len >= HOLD_TEXT_SIZE)
			return -1;
	}
	if (next < end && parse_options(next + 1, (size_t)(end - next) - 1, &sub))
		return -1;
	*out = sub;
	return 0;
}

/* Appends a blank and the word or words at S to OUT, of which LEN bytes are used. */
static size_t add_words(char *out, size_t len, const char *s, size_t s_len)
{
	out[len++] = ' ';
	memcpy(out + len, s, s_len);
	len += s_len;
	out[len] = '\0';
	return len;
}

size_t sub_format_row(const struct sub *s, char out[SUB_TEXT_SIZE])
{
	size_t len = 0;

	out[len++] = (char)s->format;
	out[len++] = ' ';
	len += pos_format(s->since, out + len);
	if (s->hold_len)
		len = add_words(out, len, s->hold, s->hold_len);
	if (s->options_len)
		len = add_words(out, len, s->options, s->options_len);
	return len;
}

/* Smaller, and the same modulo 2^32 - 5: as 2^32 = 5 there, the high half is folded in.
 */
static uint64_t fold(uint64_t x)
{
	return (x >> 32) * 5 + (x & 0xffffffffu);
}

/* With a salt below 2^21, h stays below 2^33, so that one fold a byte is enough. */
uint32_t row_hash(uint32_t salt, const char *key, size_t len)
{
	const uint64_t prime = 4294967291u;
	uint64_t h = 5381;

	for (size_t i = 0; i < len; i++)
		h = fold(h * salt + (unsigned char)key[i]);
	h = fold(h);
	return (uint32_t)(h >= prime ? h - prime : h);
}

static uint32_t highest_bit(uint32_t v)
{
	return 1u << (31 - __builtin_clz(v));
}

uint32_t bucket_of(uint32_t hash, uint32_t buckets)
{
	uint32_t low = highest_bit(buckets) - 1;
	uint32_t wide = hash & (low << 1 | 1);

	return wide < buckets ? wide : hash & low;
}

uint32_t bucket_parent(uint32_t new_bucket)
{
	return new_bucket - highest_bit(new_bucket);
}

uint32_t bucket_ancestor(uint32_t bucket, uint32_t old_buckets)
{
	while (bucket >= old_buckets)
		bucket = bucket_parent(bucket);
	return bucket;
}
