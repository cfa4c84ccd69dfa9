#include "quiet.h"

#include <belfry/base/text.h>
#include <belfry/base/zone.h>

#include <string.h>

bool quiet_take_minute(const char *s, size_t len, unsigned *out)
{
	const char *colon = memchr(s, ':', len);
	size_t hour_len = colon != NULL ? (size_t)(colon - s) : len;
	uint64_t hour, minute = 0;
	if (hour_len > 2 || parse_u64(s, hour_len, 24, &hour) != 0)
		return false;
	if (colon != NULL &&
	    (len - hour_len != 3 || parse_u64(colon + 1, 2, 59, &minute) != 0))
		return false;
	*out = (unsigned)(hour * 60 + minute) % SUB_DAY_MINUTES;
	return hour < 24 || minute == 0;
}

/* Phones make a dash of the minus. */
static const char *const between[] = {"-", "\xe2\x80\x93", "\xe2\x80\x94"};

bool quiet_take_hours(struct sub_quiet *q, const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		size_t dash_len = strlen(between[i]);
		const char *dash = memmem(s, len, between[i], dash_len);
		if (dash == NULL)
			continue;
		const char *to = dash + dash_len;
		q->set = quiet_take_minute(s, (size_t)(dash - s), &q->from) &&
			 quiet_take_minute(to, (size_t)(s + len - to), &q->to) &&
			 q->from != q->to;
		return q->set;
	}
	return false;
}

static char cased(char c, bool upper)
{
	if (upper)
		return c >= 'a' && c <= 'z' ? (char)(c + 'A' - 'a') : c;
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* As most zones are written, "America/New_York"; or all of it in upper case, "UTC". */
static void recase(char *zone, bool all)
{
	bool begins = true;
	for (char *c = zone; *c != '\0'; c++) {
		*c = cased(*c, all || begins);
		begins = strchr("/_-", *c) != NULL;
	}
}

bool quiet_take_zone(struct sub_quiet *q, const char *s, size_t len)
{
	if (len == 0 || len > SUB_ZONE_MAX || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(q->zone, s, len);
	q->zone[len] = '\0';
	if (zone_known(q->zone))
		return true;
	recase(q->zone, false);
	if (zone_known(q->zone))
		return true;
	recase(q->zone, true);
	if (zone_known(q->zone))
		return true;
	q->zone[0] = '\0';
	return false;
}

bool quiet_parse(struct sub_quiet *q, const char *text)
{
	size_t hours = strcspn(text, " ");
	const char *zone = text + hours + strspn(text + hours, " ");
	return quiet_take_hours(q, text, hours) && quiet_take_zone(q, zone, strlen(zone));
}

void quiet_text(struct buf *out, const struct sub_quiet *q)
{
	buf_printf(out, "%02u:%02u-%02u:%02u %s", q->from / 60, q->from % 60, q->to / 60,
		   q->to % 60, q->zone);
}
