#include "check.h"
#include "event_check.h"

#include <belfry/base/text.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event e;
	char why[256];

	if (event_parse_text(&e, (const char *)data, size, why, sizeof why) == 0) {
		CHECK(e.body && !strchr(e.body, '\r'));
		CHECK(strlen(e.body) <= size);
		check_event(&e);
		event_free(&e);
	} else {
		CHECK(why[0] && utf8_valid(why, strlen(why)));
	}
	return 0;
}
