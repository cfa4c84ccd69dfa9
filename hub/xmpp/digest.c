#include "digest.h"

#include "quiet.h"

#include <string.h>
#include <strings.h>

#define DAILY "daily@"

bool digest_take_when(struct sub_digest *d, const char *s, size_t len)
{
	size_t daily = strlen(DAILY);
	*d = (struct sub_digest){0};
	if (len < daily || strncasecmp(s, DAILY, daily) != 0)
		return sub_digest_every_parse(s, len, &d->every_min) == 0;
	d->daily = quiet_take_minute(s + daily, len - daily, &d->at);
	return d->daily;
}

bool digest_take_zone(struct sub_digest *d, const char *zone)
{
	struct sub_quiet q = {0};
	if (!d->daily)
		return true;
	if (!quiet_take_zone(&q, zone, strlen(zone)))
		return false;
	memcpy(d->zone, q.zone, sizeof(d->zone));
	return true;
}

bool digest_take_daily(struct sub_digest *d, const char *text)
{
	size_t len = strcspn(text, " ");
	*d = (struct sub_digest){.daily = true};
	return quiet_take_minute(text, len, &d->at) &&
	       digest_take_zone(d, text + len + strspn(text + len, " "));
}

void digest_text(struct buf *out, const struct sub_digest *d)
{
	char every[SUB_DIGEST_TEXT_SIZE];
	if (d->daily) {
		buf_printf(out, "daily at %02u:%02u %s", d->at / 60, d->at % 60, d->zone);
	} else if (d->every_min) {
		sub_digest_every_text(d->every_min, every);
		buf_printf(out, "every %s", every);
	}
}
