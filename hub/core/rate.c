#include <belfry/core/rate.h>

#include <belfry/base/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text;
	uint32_t seconds;
} periods[] = {{"s", 1}, {"min", 60}, {"h", 3600}};
#define PERIODS (sizeof periods / sizeof periods[0])

int rate_parse(struct rate *r, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);
	uint64_t events;

	if (!slash || parse_u64(text, (size_t)(slash - text), RATE_MAX, &events) ||
	    !events)
		return -1;
	for (size_t i = 0; i < PERIODS; i++) {
		if (!text_is(slash + 1, (size_t)(text + len - slash - 1),
			     periods[i].text))
			continue;
		r->events = (uint32_t)events;
		r->period_s = periods[i].seconds;
		return 0;
	}
	return -1;
}

void rate_format(const struct rate *r, char out[RATE_TEXT_SIZE])
{
	out[0] = '\0';
	for (size_t i = 0; r->events && i < PERIODS; i++)
		if (periods[i].seconds == r->period_s)
			snprintf(out, RATE_TEXT_SIZE, "%" PRIu32 "/%s", r->events,
				 periods[i].text);
}

uint32_t rate_burst(const struct rate *r)
{
	return r->burst ? r->burst : r->events;
}
