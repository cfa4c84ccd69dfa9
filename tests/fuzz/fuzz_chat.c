#include "check.h"
#include "xmpp/chat.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <string.h>

static void check_args(const struct command *c, const struct command_args *a)
{
	char text[SUB_OPTIONS_SIZE];

	CHECK(!a->feed[0] || feed_name_valid(a->feed, strlen(a->feed)));
	CHECK(a->count >= 1 && a->count <= COMMAND_LAST_MAX);
	CHECK(a->time_ms > 0 && a->time_ms <= COMMAND_MUTE_MAX_MS);
	CHECK(sub_options_text(&a->only, text) >= 0);
	for (size_t i = 0; i < a->only.tag_count; i++)
		CHECK(utf8_valid(a->only.tags[i], strlen(a->only.tags[i])));
	CHECK(strlen(a->jid) <= JID_MAX && utf8_valid(a->jid, strlen(a->jid)));
	CHECK(!a->quiet.set || (a->quiet.from < 1440 && a->quiet.to < 1440 &&
				a->quiet.from != a->quiet.to));
	CHECK(a->quiet.set == (strcmp(c->name, "quiet") == 0 && a->quiet.zone[0]));
	if (strcmp(c->name, "only") == 0)
		CHECK(a->only.tag_count > 0 || a->only.at_least > PRIORITY_LOW);
}

static void check(const char *text, const char *feed)
{
	struct chat_command c;
	const char *word = text;
	size_t len = chat_first_word(text, &word);

	CHECK(word >= text && len <= strlen(text) - (size_t)(word - text));
	chat_parse(&c, text, feed);
	CHECK(c.problem <= COMMAND_FOR_HUB);
	CHECK(c.problem != COMMAND_FOR_HUB || feed);
	if (!c.command || c.problem)
		return;
	check_args(c.command, &c.args);
	if (c.command->feeds == COMMAND_FOLLOWED_FEED && feed)
		CHECK(!c.args.feed[0]);
	if (strcmp(c.command->name, "subscribe") == 0)
		CHECK(!c.args.feed[0] == !!feed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup0((const char *)data, size);

	check(text, NULL);
	check(text, "deploys");
	free(text);
	return 0;
}
