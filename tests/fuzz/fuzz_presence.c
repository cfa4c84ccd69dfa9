#include "check.h"

#include <belfry/base/text.h>
#include <belfry/core/presence.h>

#include <stdbool.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_presence p, back;
	char why[256] = "";

	bool ok = feed_presence_parse(&p, (const char *)data, size, why, sizeof why) == 0;
	CHECK(ok || (why[0] && utf8_valid(why, strlen(why))));
	CHECK(ok || feed_presence_is_default(&p));
	CHECK(!p.status || (p.status[0] && strlen(p.status) <= PRESENCE_STATUS_MAX &&
			    utf8_valid(p.status, strlen(p.status))));
	char *json = feed_presence_json(&p);
	CHECK(feed_presence_parse(&back, json, strlen(json), why, sizeof why) == 0);
	char *again = feed_presence_json(&back);
	CHECK(strcmp(json, again) == 0);
	free(json);
	free(again);
	feed_presence_free(&p);
	feed_presence_free(&back);
	return 0;
}
