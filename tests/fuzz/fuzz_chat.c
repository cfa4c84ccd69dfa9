#include "check.h"
#include "xmpp/chat.h"

#include <belfry/base/mem.h>

#include <string.h>

static void check(const char *text, const char *feed)
{
	struct chat_command c;
	const char *word = text;
	size_t len = chat_first_word(text, &word);

	CHECK(word >= text && len <= strlen(text) - (size_t)(word - text));
	chat_parse(&c, text, feed);
	CHECK(c.verb <= CHAT_UNKNOWN && c.problem <= CHAT_FOR_HUB);
	CHECK(c.problem != CHAT_FOR_HUB || feed);
	if (c.verb == CHAT_UNKNOWN || c.problem)
		return;
	CHECK(!c.feed[0] || feed_name_valid(c.feed, strlen(c.feed)));
	if (c.verb == CHAT_SUBSCRIBE || c.verb == CHAT_UNSUBSCRIBE)
		CHECK(!c.feed[0] == !!feed);
	if (c.verb == CHAT_LAST)
		CHECK(c.count >= 1 && c.count <= CHAT_LAST_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup0((const char *)data, size);

	check(text, NULL);
	check(text, "deploys");
	free(text);
	return 0;
}
