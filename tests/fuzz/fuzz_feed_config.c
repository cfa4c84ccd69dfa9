#include "check.h"

#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>

#include <stdbool.h>
#include <string.h>

static void check_config(const struct feed_config *c)
{
	CHECK(c->max_items >= 1 && c->max_items <= 1000000);
	CHECK(c->weight >= 1 && c->weight <= 100);
	CHECK(!c->title || strlen(c->title) <= FEED_TITLE_MAX);
	CHECK(!c->description || strlen(c->description) <= FEED_DESCRIPTION_MAX);
	for (char **entry = c->whitelist; entry && *entry; entry++)
		CHECK(!jid_has_resource(*entry));
	if (c->access == ACCESS_WHITELIST && c->whitelist)
		CHECK(feed_allows(c, c->whitelist[0], NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_config c, back;
	char why[256];

	feed_config_init(&c);
	why[0] = '\0';
	bool ok = feed_config_patch(&c, (const char *)data, size, why, sizeof why) == 0;
	CHECK(ok || (why[0] && utf8_valid(why, strlen(why))));
	check_config(&c);
	char *json = feed_config_json(&c);
	feed_config_init(&back);
	CHECK(feed_config_patch(&back, json, strlen(json), why, sizeof why) == 0);
	char *again = feed_config_json(&back);
	CHECK(strcmp(json, again) == 0);
	free(json);
	free(again);
	feed_config_free(&c);
	feed_config_free(&back);
	return 0;
}
