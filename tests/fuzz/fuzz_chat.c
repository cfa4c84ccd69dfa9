#include "check.h"
#include "xmpp/chat.h"

#include <belfry/base/mem.h>

#include <string.h>

static void check(const char *text, const char *feed)
{
	struct chat_command c;

	chat_parse(&c, text, feed);
	CHECK(c.verb <= CHAT_UNKNOWN);
	if (c.verb == CHAT_SUBSCRIBE || c.verb == CHAT_UNSUBSCRIBE)
		CHECK(feed_name_valid(c.feed, strlen(c.feed)));
	if (c.verb == CHAT_LAST)
		CHECK(c.count >= 1 && c.count <= CHAT_LAST_MAX);
	if (feed)
		CHECK(strcmp(c.feed, feed) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup0((const char *)data, size);

	check(text, NULL);
	check(text, "deploys");
	free(text);
	return 0;
}
