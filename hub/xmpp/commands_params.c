#include "commands.h"
#include "digest.h"
#include "quiet.h"

#include <belfry/base/text.h>
#include <belfry/core/event.h>

#include <stdlib.h>
#include <string.h>

static const char *const problems[] = {
	[COMMAND_FINE] = "",
	[COMMAND_BAD_FORM] = "Please write it like this",
	[COMMAND_BAD_FEED] = "A feed's name has only a-z, 0-9, '.', '_' and '-'",
	[COMMAND_BAD_COUNT] = "N has to be a number from 1 to " COMMAND_LAST_MAX_TEXT,
	[COMMAND_BAD_TIME] = "A time is a number of minutes, hours or days, like 30m, 2h "
			     "or 3d, and at most " COMMAND_MUTE_MAX_TEXT,
	[COMMAND_BAD_FORMAT] = "The formats are chat, normal, headline and event",
	[COMMAND_BAD_WHAT] =
		"Name up to 8 tags of up to 64 bytes (some 160 in all), or normal, high "
		"or urgent, which is the least that you get, or both; #high is a tag "
		"called so",
	[COMMAND_BAD_JID] = "An address is like alice@example.org",
	[COMMAND_BAD_HOURS] =
		"Quiet hours are two times of the day that differ, with a time zone, like "
		"22:00-07:00 Europe/Berlin",
	[COMMAND_BAD_ZONE] = "I do not know that time zone: they are called like "
			     "Europe/Berlin, America/New_York or UTC",
	[COMMAND_BAD_SHOWS] = "Name some of chat, online, away, xa and dnd, with commas "
			      "between them, or any",
	[COMMAND_BAD_WHEN] =
		"A digest comes every 5m, 1h or 2d (at least 1m, at most 7d), "
		"or daily@08:00 with a time zone like Europe/Berlin",
	[COMMAND_FOR_HUB] = "",
};

const char *command_problem_text(enum command_problem p)
{
	return problems[p];
}

void command_args_init(struct command_args *a)
{
	*a = (struct command_args){
		.count = 1, .time_ms = COMMAND_MUTE_MS, .format = FORMAT_CHAT};
}

static size_t lower(char *out, size_t size, const char *s, size_t len)
{
	size_t n = len < size ? len : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 'a' - 'A') : s[i];
	out[n] = '\0';
	return n;
}

/* A feed's name as people write it: upper case is folded. */
static bool take_feed(struct command_args *a, const char *s, size_t len)
{
	return len <= FEED_NAME_MAX &&
	       feed_name_valid(a->feed, lower(a->feed, sizeof(a->feed), s, len));
}

static bool take_count(struct command_args *a, const char *s, size_t len)
{
	return parse_u64(s, len, COMMAND_LAST_MAX, &a->count) == 0 && a->count > 0;
}

static uint64_t unit_ms(char c)
{
	switch (c) {
	case 'm':
	case 'M':
		return (uint64_t)60 * 1000;
	case 'h':
	case 'H':
		return (uint64_t)3600 * 1000;
	case 'd':
	case 'D':
		return (uint64_t)24 * 3600 * 1000;
	default:
		return 0;
	}
}

static bool take_time(struct command_args *a, const char *s, size_t len)
{
	uint64_t n, unit = len > 0 ? unit_ms(s[len - 1]) : 0;
	if (unit == 0 || parse_u64(s, len - 1, COMMAND_MUTE_MAX_MS / unit, &n) != 0)
		return false;
	a->time_ms = n * unit;
	return n > 0;
}

static bool take_format(struct command_args *a, const char *s, size_t len)
{
	char word[16];
	return len < sizeof(word) &&
	       sub_format_parse(word, lower(word, sizeof(word), s, len), &a->format) == 0;
}

/* A priority, or a tag; "#urgent" is always a tag. */
static bool take_what(struct command_args *a, const char *s, size_t len)
{
	char word[16];
	enum event_priority priority;
	if (len > 1 && s[0] == '#')
		return sub_options_tag(&a->only, s + 1, len - 1) == 0;
	if (len < sizeof(word) &&
	    priority_parse(word, lower(word, sizeof(word), s, len), &priority) == 0) {
		/* Nobody gets only what is low: who says so means something else. */
		a->only.at_least = priority;
		return priority > PRIORITY_LOW;
	}
	return !text_is(s, len, "#") && sub_options_tag(&a->only, s, len) == 0;
}

static bool take_jid(struct command_args *a, const char *s, size_t len)
{
	const char *why;
	char *jid = jid_normalize(s, len, &why);
	size_t bytes = jid != NULL ? strlen(jid) : 0;
	if (bytes > 0 && bytes <= JID_MAX)
		memcpy(a->jid, jid, bytes + 1);
	free(jid);
	return bytes > 0 && bytes <= JID_MAX;
}

static bool take_hours(struct command_args *a, const char *s, size_t len)
{
	return quiet_take_hours(&a->quiet, s, len);
}

static bool take_zone(struct command_args *a, const char *s, size_t len)
{
	return quiet_take_zone(&a->quiet, s, len);
}

static bool take_when(struct command_args *a, const char *s, size_t len)
{
	return digest_take_when(&a->digest, s, len);
}

static const struct {
	const char *text;
	bool on;
} switches[] = {{"on", true},	{"yes", true}, {"1", true},  {"true", true},
		{"off", false}, {"no", false}, {"0", false}, {"false", false}};

static bool take_switch(struct command_args *a, const char *s, size_t len)
{
	char word[8];
	size_t n = len < sizeof(word) ? lower(word, sizeof(word), s, len) : 0;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (text_is(word, n, switches[i].text)) {
			a->on = switches[i].on;
			return true;
		}
	return false;
}

static bool take_off(struct command_args *a, const char *s, size_t len)
{
	return take_switch(a, s, len) && !a->on;
}

/* "chat,online"; "any" is none. */
static bool take_shows(struct command_args *a, const char *s, size_t len)
{
	char words[SHOWS_TEXT_SIZE] = "";
	size_t n = len < sizeof(words) ? lower(words, sizeof(words), s, len) : 0;
	a->shows = 0;
	if (text_is(words, n, "any"))
		return true;
	for (size_t i = 0; i < n;) {
		size_t word = strcspn(words + i, ",");
		unsigned show = shows_parse(words + i, word);
		a->shows |= show;
		if (show == 0)
			return false;
		i += word + (words[i + word] == ',');
	}
	return a->shows != 0;
}

static const struct {
	bool (*take)(struct command_args *a, const char *s, size_t len);
	enum command_problem problem;
} params[PARAM_ANY] = {
	[PARAM_FEED] = {take_feed, COMMAND_BAD_FEED},
	[PARAM_NAME] = {take_feed, COMMAND_BAD_FEED},
	[PARAM_COUNT] = {take_count, COMMAND_BAD_COUNT},
	[PARAM_TIME] = {take_time, COMMAND_BAD_TIME},
	[PARAM_FORMAT] = {take_format, COMMAND_BAD_FORMAT},
	[PARAM_WHAT] = {take_what, COMMAND_BAD_WHAT},
	[PARAM_JID] = {take_jid, COMMAND_BAD_JID},
	[PARAM_HOURS] = {take_hours, COMMAND_BAD_HOURS},
	[PARAM_ZONE] = {take_zone, COMMAND_BAD_ZONE},
	[PARAM_WHEN] = {take_when, COMMAND_BAD_WHEN},
	[PARAM_OFF] = {take_off, COMMAND_BAD_FORM},
	[PARAM_SWITCH] = {take_switch, COMMAND_BAD_FORM},
	[PARAM_SHOWS] = {take_shows, COMMAND_BAD_SHOWS},
};

enum command_problem param_take(struct command_args *a, enum param_kind kind,
				const char *s, size_t len)
{
	if (kind >= PARAM_ANY)
		return COMMAND_FINE;
	return params[kind].take(a, s, len) ? COMMAND_FINE : params[kind].problem;
}

bool param_resembles(enum param_kind kind, const char *s, size_t len)
{
	size_t i = len > 1 && (s[0] == '-' || s[0] == '+');
	bool time = kind == PARAM_TIME || kind == PARAM_WHEN;
	if (time && len > i + 1 && unit_ms(s[len - 1]) > 0)
		len--;
	else if (kind != PARAM_COUNT && !time)
		return false;
	for (; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

enum command_problem param_when_end(struct command_args *a)
{
	return digest_take_zone(&a->digest, a->quiet.zone) ? COMMAND_FINE
							   : COMMAND_BAD_WHEN;
}

enum command_problem param_what_end(const struct command_args *a)
{
	char text[SUB_OPTIONS_SIZE];
	bool any = a->only.tag_count > 0 || a->only.at_least > PRIORITY_LOW;
	return any && sub_options_text(&a->only, text) >= 0 ? COMMAND_FINE
							    : COMMAND_BAD_WHAT;
}
