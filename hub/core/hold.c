#include <belfry/core/subscription.h>

#include <belfry/base/text.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum hold_reason reason;
	const char *text;
} reasons[] = {
	{HOLD_BOUNCED, "bounced"}, {HOLD_DEAD, "dead"},	  {HOLD_DROPPED, "dropped"},
	{HOLD_PAUSED, "paused"},   {HOLD_QUIET, "quiet"}, {HOLD_PROVING, "proving"},
	{HOLD_OFFLINE, "offline"}, {HOLD_SHOW, "show"},	  {HOLD_DIGEST, "digest"},
};
#define REASONS (sizeof reasons / sizeof reasons[0])

const char *hold_reason_text(enum hold_reason r)
{
	for (size_t i = 0; i < REASONS; i++)
		if (reasons[i].reason == r)
			return reasons[i].text;
	return "none";
}

static int parse_reason(char letter, enum hold_reason *out)
{
	for (size_t i = 0; i < REASONS; i++) {
		if ((char)reasons[i].reason == letter) {
			*out = reasons[i].reason;
			return 0;
		}
	}
	return -1;
}

/* What most holds have not: positions. */
static const struct {
	char letter;
	size_t offset;
} more[] = {
	{'e', offsetof(struct sub_hold, end)},
	{'f', offsetof(struct sub_hold, span_from)},
	{'t', offsetof(struct sub_hold, span_to)},
	{'m', offsetof(struct sub_hold, members)},
};
#define MORE (sizeof more / sizeof more[0])

static size_t more_text(const struct sub_hold *h, char *out)
{
	static const struct pos nowhere;
	size_t len = 0;

	for (size_t i = 0; i < MORE; i++) {
		struct pos pos;
		char text[POS_TEXT_SIZE];
		memcpy(&pos, (const char *)h + more[i].offset, sizeof pos);
		if (pos_cmp(pos, nowhere) == 0)
			continue;
		pos_format(pos, text);
		len += (size_t)sprintf(out + len, "%s;%c%s", len ? "" : ":",
				       more[i].letter, text);
	}
	return len;
}

/* ";e12-3;..." */
static int parse_more(const char *s, size_t len, struct sub_hold *h)
{
	const char *end = s + len;

	while (s < end) {
		const char *next =
			s < end - 1 ? memchr(s + 1, ';', (size_t)(end - s - 1)) : NULL;
		size_t i = 0;
		struct pos pos;
		if (!next)
			next = end;
		if (*s != ';' || next - s < 2)
			return -1;
		while (i < MORE && more[i].letter != s[1])
			i++;
		if (i == MORE || pos_parse(s + 2, (size_t)(next - s - 2), &pos))
			return -1;
		memcpy((char *)h + more[i].offset, &pos, sizeof pos);
		s = next;
	}
	return 0;
}

uint64_t sub_hold_members(const struct sub_hold *h)
{
	return h->members.epoch << 32 | (h->members.n & UINT32_MAX);
}

void sub_hold_digest(struct sub_hold *h, struct pos end, uint64_t members)
{
	h->end = end;
	h->members = (struct pos){members >> 32, members & UINT32_MAX};
}

bool sub_hold_member(const struct sub_hold *h, struct pos pos)
{
	if (pos.epoch != h->end.epoch || pos.n > h->end.n ||
	    h->end.n - pos.n >= SUB_MEMBERS_MAX)
		return false;
	return sub_hold_members(h) >> (h->end.n - pos.n) & 1;
}

bool sub_hold_counted(const struct sub_hold *h, struct pos pos)
{
	bool back = sub_hold_members(h)
			    ? sub_hold_member(h, pos)
			    : pos.epoch == h->pos.epoch && pos.n == h->pos.n + 1;

	if (pos_cmp(pos, h->counted) > 0)
		return false;
	return !(back && h->tries && h->condition[0]);
}

size_t sub_hold_text(const struct sub_hold *h, char out[HOLD_TEXT_SIZE])
{
	char pos[POS_TEXT_SIZE], counted[POS_TEXT_SIZE];

	pos_format(h->pos, pos);
	pos_format(h->counted, counted);
	size_t len = (size_t)snprintf(
		out, HOLD_TEXT_SIZE, "h%c%s:%s:%llu:%u:%llu:%s:%s", (char)h->reason,
		h->urgent ? "u" : "", pos, (unsigned long long)h->due_ms, h->tries,
		(unsigned long long)h->first_ms, h->condition, counted);
	return len + more_text(h, out + len);
}

/* A part of the text, up to the next colon. */
struct part {
	const char *s;
	size_t len;
};
enum {
	PART_REASON,
	PART_POS,
	PART_DUE,
	PART_TRIES,
	PART_FIRST,
	PART_CONDITION,
	PART_COUNTED,
	PART_MORE, /* may be left out */
	PARTS
};

static int split(const char *s, size_t len, struct part parts[PARTS])
{
	const char *end = s + len;

	parts[PART_MORE] = (struct part){end, 0};
	for (size_t i = 0; i < PARTS; i++) {
		const char *colon = memchr(s, ':', (size_t)(end - s));
		if (!colon && i + 1 == PART_MORE) {
			parts[i] = (struct part){s, (size_t)(end - s)};
			return 0;
		}
		if ((colon != NULL) != (i + 1 < PARTS) || s == end)
			return -1;
		parts[i] = (struct part){s, (size_t)((colon ? colon : end) - s)};
		s = colon ? colon + 1 : end;
	}
	return 0;
}

static int parse_condition(struct part p, char out[HOLD_CONDITION_MAX + 1])
{
	if (p.len > HOLD_CONDITION_MAX)
		return -1;
	for (size_t i = 0; i < p.len; i++)
		if ((p.s[i] < 'a' || p.s[i] > 'z') && p.s[i] != '-')
			return -1;
	memcpy(out, p.s, p.len);
	out[p.len] = '\0';
	return 0;
}

/* "hb", "hqu". */
static int parse_head(struct part p, struct sub_hold *h)
{
	h->urgent = p.len == 3 && p.s[2] == 'u';
	return (p.len == 2 || h->urgent) && p.s[0] == 'h'
		       ? parse_reason(p.s[1], &h->reason)
		       : -1;
}

int sub_hold_parse(const char *s, size_t len, struct sub_hold *out)
{
	struct part p[PARTS];
	struct sub_hold h = {0};
	uint64_t tries;

	if (split(s, len, p) || parse_head(p[PART_REASON], &h) ||
	    pos_parse(p[PART_POS].s, p[PART_POS].len, &h.pos) ||
	    parse_u64(p[PART_DUE].s, p[PART_DUE].len, UINT64_MAX, &h.due_ms) ||
	    parse_u64(p[PART_TRIES].s, p[PART_TRIES].len, UINT32_MAX, &tries) ||
	    parse_u64(p[PART_FIRST].s, p[PART_FIRST].len, UINT64_MAX, &h.first_ms) ||
	    parse_condition(p[PART_CONDITION], h.condition) ||
	    pos_parse(p[PART_COUNTED].s, p[PART_COUNTED].len, &h.counted) ||
	    parse_more(p[PART_MORE].s, p[PART_MORE].len, &h))
		return -1;
	h.tries = (unsigned)tries;
	*out = h;
	return 0;
}

void sub_hold_read(const struct sub *s, struct sub_hold *out)
{
	if (!s->hold || sub_hold_parse(s->hold, s->hold_len, out) != 0)
		*out = (struct sub_hold){0};
}

bool sub_held(const struct sub *s)
{
	struct sub_hold h;

	if (!s->hold)
		return false;
	sub_hold_read(s, &h);
	return h.reason != HOLD_NONE && h.reason != HOLD_PROVING;
}
