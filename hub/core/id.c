#include <belfry/core/id.h>

#include <belfry/base/random.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/pos.h>

#include <string.h>

#define UUID_BYTES 16
#define COUNTER_MAX 0xfffu

/*
 * The 12 bits behind the millisecond: a counter that begins at random in the lower half,
 * so that the ids of one process keep their order for 2,000 a millisecond and more
 * (RFC 9562 6.2, method 1).
 */
static unsigned next_counter(uint64_t wall_ms)
{
	static uint64_t last_ms;
	static unsigned counter;

	if (wall_ms == last_ms && counter < COUNTER_MAX) {
		counter++;
	} else {
		last_ms = wall_ms;
		counter = random_below((COUNTER_MAX + 1) / 2);
	}
	return counter;
}

/* Random bytes from a stock: each draw from the system is a call to the kernel. */
static void take_random(unsigned char *out, size_t len)
{
	static unsigned char stock[1024];
	static size_t left;

	if (left < len) {
		random_fill(stock, sizeof stock);
		left = sizeof stock;
	}
	left -= len;
	memcpy(out, stock + left, len);
}

void event_id_make(uint64_t wall_ms, char out[EVENT_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char u[UUID_BYTES];
	unsigned counter = next_counter(wall_ms);

	take_random(u + 8, sizeof u - 8);
	for (int i = 0; i < 6; i++)
		u[i] = (unsigned char)(wall_ms >> (8 * (5 - i)));
	u[6] = (unsigned char)(0x70 | counter >> 8);
	u[7] = (unsigned char)counter;
	u[8] = (unsigned char)(0x80 | (u[8] & 0x3f));
	for (int i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[u[i] >> 4];
		*out++ = digits[u[i] & 15];
	}
	*out = '\0';
}

/* -1 if it is not a lower-case hexadecimal digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool event_id_valid(const char *s, size_t len)
{
	if (len != EVENT_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : hex_value(s[i]) < 0)
			return false;
	}
	return s[14] == '7' && strchr("89ab", s[19]);
}

static int parse_hash(const char *s, size_t len, uint32_t *out)
{
	uint32_t hash = 0;

	if (len != 8)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int v = hex_value(s[i]);
		if (v < 0)
			return -1;
		hash = hash << 4 | (uint32_t)v;
	}
	*out = hash;
	return 0;
}

static int parse_receiver(const char *s, size_t len, struct stanza_id *id)
{
	id->group = text_is(s, len, STANZA_ID_GROUP);
	return id->group ? 0 : parse_hash(s, len, &id->hash);
}

/* Of a digest, "EPOCH-N+MEMBERS", are at least two, the last one among them. */
static int parse_events(const char *s, size_t len, struct stanza_id *id)
{
	const char *plus = len ? memchr(s, '+', len) : NULL;
	size_t pos_len = plus ? (size_t)(plus - s) : len;
	struct pos p;

	if (pos_parse(s, pos_len, &p))
		return -1;
	id->epoch = p.epoch;
	id->n = p.n;
	if (!plus)
		return 0;
	size_t digits = len - pos_len - 1;
	if (digits == 0 || digits > 16 || plus[1] == '0')
		return -1;
	for (size_t i = 1; i <= digits; i++) {
		int v = hex_value(plus[i]);
		if (v < 0)
			return -1;
		id->members = id->members << 4 | (uint64_t)v;
	}
	unsigned first = 63 - (unsigned)__builtin_clzll(id->members);
	return (id->members & 1) && first && first < p.n ? 0 : -1;
}

int stanza_id_parse(const char *s, size_t len, struct stanza_id *out)
{
	const char *end = s + len;
	const char *pos = len ? memchr(s, '~', len) : NULL;
	const char *hash = pos ? memchr(pos + 1, '~', (size_t)(end - pos) - 1) : NULL;
	struct stanza_id id = {0};

	if (!hash || !feed_name_valid(s, (size_t)(pos - s)) ||
	    parse_events(pos + 1, (size_t)(hash - pos) - 1, &id) ||
	    parse_receiver(hash + 1, (size_t)(end - hash) - 1, &id) ||
	    (id.group && id.members))
		return -1;
	memcpy(id.feed, s, (size_t)(pos - s));
	*out = id;
	return 0;
}
