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
	CHECK(c->rate.events <= RATE_MAX && c->rate.burst <= RATE_MAX);
	CHECK(!c->rate.events == !c->rate.period_s);
	CHECK(!c->title || strlen(c->title) <= FEED_TITLE_MAX);
	CHECK(!c->description || strlen(c->description) <= FEED_DESCRIPTION_MAX);
	for (char **entry = c->whitelist; entry && *entry; entry++)
		CHECK(!jid_has_resource(*entry));
	for (char **entry = c->outcasts; entry && *entry; entry++)
		CHECK(feed_admits(c, *entry, NULL) == ADMIT_NO);
	for (char **entry = c->owners; entry && *entry; entry++)
		CHECK(strchr(*entry, '@') && feed_admits(c, *entry, NULL) == ADMIT_YES);
	if (c->access == ACCESS_WHITELIST && c->whitelist)
		CHECK(feed_admits(c, c->whitelist[0], NULL) == ADMIT_YES ||
		      feed_affiliation_of(c, c->whitelist[0]) == AFFILIATION_OUTCAST);
}

/* What can be changed by an owner is as sound as what came over HTTP. */
static void check_affiliate(struct feed_config *c)
{
	static const char *const jids[] = {"a@b", "b"};

	for (size_t i = 0; i < 2; i++)
		for (int a = AFFILIATION_NONE; a <= AFFILIATION_OWNER; a++) {
			enum feed_affiliation wanted = (enum feed_affiliation)a;

			if (feed_affiliate(c, jids[i], wanted))
				continue;
			check_config(c);
			CHECK(wanted == AFFILIATION_NONE ||
			      feed_affiliation_of(c, jids[i]) == wanted);
		}
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
	check_affiliate(&c);
	feed_config_free(&c);
	feed_config_free(&back);
	return 0;
}
