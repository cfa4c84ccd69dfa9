#include <belfry/core/subscription.h>

#include <belfry/base/text.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum hold_reason reason;
	const char *text;
} reasons[] = {
	{HOLD_BOUNCED, "bounced"},     {HOLD_DEAD, "dead"},   {HOLD_DROPPED, "dropped"},
	{HOLD_PAUSED, "paused"},       {HOLD_QUIET, "quiet"}, {HOLD_PROVING, "proving"},
	{HOLD_OFFLINE, "offline"},     {HOLD_SHOW, "show"},   {HOLD_DIGEST, "digest"},
	{HOLD_CONFIRM, "unconfirmed"},
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

/* What most holds have not: positions, and numbers. */
static const struct {
	char letter;
	bool number;
	size_t offset;
} more[] = {
	{'e', false, offsetof(struct sub_hold, end)},
	{'f', false, offsetof(struct sub_hold, span_from)},
	{'t', false, offsetof(struct sub_hold, span_to)},
	{'m', false, offsetof(struct sub_hold, members)},
	{'w', true, offsetof(struct sub_hold, awaited)},
	{'a', true, offsetof(struct sub_hold, again_ms)},
	{'n', true, offsetof(struct sub_hold, resends)},
	{'b', true, offsetof(struct sub_hold, give_up_ms)},
};
#define MORE (sizeof more / sizeof more[0])

/* Member I, "": it has none. */
static void member_text(const struct sub_hold *h, size_t i, char out[POS_TEXT_SIZE])
{
	static const struct pos nowhere;
	const char *at = (const char *)h + more[i].offset;
	struct pos pos;
	uint64_t n;

	out[0] = '\0';
	if (more[i].number) {
		memcpy(&n, at, sizeof n);
		if (n)
			snprintf(out, POS_TEXT_SIZE, "%llu", (unsigned long long)n);
		return;
	}
	memcpy(&pos, at, sizeof pos);
	if (pos_cmp(pos, nowhere) != 0)
		pos_format(pos, out);
}

static int parse_member(const char *s, size_t len, size_t i, struct sub_hold *h)
{
	char *at = (char *)h + more[i].offset;
	struct pos pos;
	uint64_t n;

	if (more[i].number) {
		if (parse_u64(s, len, UINT64_MAX, &n))
			return -1;
		memcpy(at, &n, sizeof n);
		return 0;
	}
	if (pos_parse(s, len, &pos))
		return -1;
	memcpy(at, &pos, sizeof pos);
	return 0;
}

static size_t more_text(const struct sub_hold *h, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < MORE; i++) {
		char text[POS_TEXT_SIZE];
		member_text(h, i, text);
		if (text[0])
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
		if (!next)
			next = end;
		if (*s != ';' || next - s < 2)
			return -1;
		while (i < MORE && more[i].letter != s[1])
			i++;
		if (i == MORE || parse_member(s + 2, (size_t)(next - s - 2), i, h))
			return -1;
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

/* ---- What is awaited --------------------------------------------------------------- */

/* The bit of POS; HOLD_AWAITED_MAX: it has none. */
static unsigned bit_of(const struct sub_hold *h, struct pos pos)
{
	if (pos.epoch != h->pos.epoch || pos.n <= h->pos.n ||
	    pos.n - h->pos.n > HOLD_AWAITED_MAX)
		return HOLD_AWAITED_MAX;
	return (unsigned)(pos.n - h->pos.n - 1);
}

struct pos hold_reached(const struct sub_hold *h)
{
	return h->awaited ? h->counted : h->pos;
}

bool hold_awaits(const struct sub_hold *h, struct pos pos)
{
	unsigned bit = bit_of(h, pos);

	return bit < HOLD_AWAITED_MAX && (h->awaited >> bit & 1);
}

bool hold_await(struct sub_hold *h, struct pos pos)
{
	if (!h->awaited)
		h->pos = (struct pos){pos.epoch, pos.n - 1};
	unsigned bit = bit_of(h, pos);
	if (bit == HOLD_AWAITED_MAX)
		return false;
	h->awaited |= (uint64_t)1 << bit;
	return true;
}

void hold_forget(struct sub_hold *h, struct pos pos)
{
	struct pos first = {h->pos.epoch, h->pos.n + 1};

	while (h->awaited && (!(h->awaited & 1) || pos_cmp(first, pos) <= 0)) {
		h->awaited >>= 1;
		h->pos.n++;
		first.n++;
	}
	if (!h->awaited)
		h->pos = h->counted;
}
