#include <belfry/core/when.h>

#include <belfry/base/clock.h>
#include <belfry/base/text.h>

#include <string.h>

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
/* "2026-11-23T09:00:00.123456789+01:00" is 35 long. */
#define TIME_MAX 40
#define OFFSET_LEN 6

static const struct when wrong = {.kind = WHEN_WRONG};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "+01:00", in ms, without its sign; -1: it is none. */
static int offset_parse(const char *s, uint64_t *ms)
{
	if ((s[0] != '+' && s[0] != '-') || !is_digit(s[1]) || !is_digit(s[2]) ||
	    s[3] != ':' || !is_digit(s[4]) || !is_digit(s[5]))
		return -1;
	unsigned hours = (unsigned)(10 * (s[1] - '0') + s[2] - '0');
	unsigned minutes = (unsigned)(10 * (s[4] - '0') + s[5] - '0');

	*ms = hours * HOUR_MS + minutes * MINUTE_MS;
	return hours < 24 && minutes < 60 ? 0 : -1;
}

struct when when_at(const char *s, size_t len)
{
	char utc[TIME_MAX];
	uint64_t ms, offset = 0;
	char sign = 'Z';

	if (len <= OFFSET_LEN || len >= sizeof utc)
		return wrong;
	memcpy(utc, s, len);
	if (!offset_parse(utc + len - OFFSET_LEN, &offset)) {
		len -= OFFSET_LEN;
		sign = utc[len];
		utc[len++] = 'Z';
	}
	/* Both may be small. */
	if (utc[len - 1] == 'z')
		utc[len - 1] = 'Z';
	if (len > 10 && utc[10] == 't')
		utc[10] = 'T';
	if (clock_parse(utc, len, &ms) || (sign == '+' && ms < offset))
		return wrong;
	return (struct when){WHEN_AT, sign == '+' ? ms - offset : ms + offset};
}

/* A number and its unit, one of UNITS from *NEXT on, each once and in order. */
static int part_parse(const char **s, const char *end, const char *units,
		      const uint64_t *unit_ms, size_t *next, uint64_t *sum)
{
	const char *from = *s, *unit;
	uint64_t n;

	while (*s < end && is_digit(**s))
		(*s)++;
	if (*s == end || parse_u64(from, (size_t)(*s - from), WHEN_IN_MAX_MS / 1000, &n))
		return -1;
	unit = strchr(units + *next, **s);
	if (!unit)
		return -1;
	*next = (size_t)(unit - units) + 1;
	*sum += n * unit_ms[unit - units];
	(*s)++;
	return *sum <= WHEN_IN_MAX_MS ? 0 : -1;
}

/* Behind the P. */
static int duration_parse(const char *s, const char *end, uint64_t *ms)
{
	static const uint64_t days_ms[] = {7 * DAY_MS, DAY_MS};
	static const uint64_t times_ms[] = {HOUR_MS, MINUTE_MS, SECOND_MS};
	size_t next = 0;

	*ms = 0;
	if (s == end)
		return -1;
	while (s < end && *s != 'T')
		if (part_parse(&s, end, "WD", days_ms, &next, ms))
			return -1;
	if (s == end)
		return 0;
	next = 0;
	if (++s == end)
		return -1;
	while (s < end)
		if (part_parse(&s, end, "HMS", times_ms, &next, ms))
			return -1;
	return 0;
}

struct when when_in(const char *s, size_t len)
{
	uint64_t n;

	if (!parse_u64(s, len, WHEN_IN_MAX_MS / SECOND_MS, &n))
		return (struct when){WHEN_IN, n * SECOND_MS};
	if (len && s[0] == 'P' && !memchr(s, '\0', len) &&
	    !duration_parse(s + 1, s + len, &n))
		return (struct when){WHEN_IN, n};
	return wrong;
}

struct when when_parse(const char *s, size_t len)
{
	struct when w = when_in(s, len);

	return w.kind == WHEN_WRONG ? when_at(s, len) : w;
}

uint64_t when_ms(const struct when *w, uint64_t now_ms)
{
	if (w->kind == WHEN_AT)
		return w->ms;
	return w->kind == WHEN_IN ? now_ms + w->ms : 0;
}
