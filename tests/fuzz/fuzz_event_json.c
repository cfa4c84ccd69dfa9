#include "check.h"
#include "core/event_int.h"
#include "event_check.h"

#include <belfry/base/text.h>

#include <string.h>

/* What the quick way takes, the careful one takes and understands alike. */
static void check_ways(const char *json, size_t len)
{
	struct event quick, careful;
	char why[256];

	if (!event_parse_quick(&quick, json, len))
		return;
	CHECK(event_parse_careful(&careful, json, len, why, sizeof why) == 0);
	check_same_event(&quick, &careful);
	event_free(&quick);
	event_free(&careful);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event e;
	char why[256];

	check_ways((const char *)data, size);
	why[0] = '\0';
	if (event_parse_json(&e, (const char *)data, size, why, sizeof why) == 0) {
		check_event(&e);
		event_free(&e);
	} else {
		CHECK(why[0] && utf8_valid(why, strlen(why)));
		CHECK(!e.doc && !e.title && !e.tags);
	}
	return 0;
}
