#include "xmpp/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static const struct {
	const char *text, *to; /* the feed written to; NULL: the hub */
	enum chat_verb verb;
	const char *feed;
	uint64_t count;
} cases[] = {
	{"help", NULL, CHAT_HELP, "", 0},
	{"  HELP \n", NULL, CHAT_HELP, "", 0},
	{"?", "deploys", CHAT_HELP, "deploys", 0},
	{"help me", NULL, CHAT_UNKNOWN, "", 0},
	{"list", NULL, CHAT_LIST, "", 0},
	{"list deploys", NULL, CHAT_LIST, "deploys", 0},
	{"subscribe deploys", NULL, CHAT_SUBSCRIBE, "deploys", 0},
	{"Subscribe\tDeploys", NULL, CHAT_SUBSCRIBE, "deploys", 0},
	{"subscribe", NULL, CHAT_UNKNOWN, "", 0},
	{"subscribe a b", NULL, CHAT_UNKNOWN, "", 0},
	{"subscribe a/b", NULL, CHAT_UNKNOWN, "", 0},
	{"subscribe d\xc3\xa9ploys", NULL, CHAT_UNKNOWN, "", 0},
	{"subscribe", "deploys", CHAT_SUBSCRIBE, "deploys", 0},
	{"subscribe other", "deploys", CHAT_UNKNOWN, "deploys", 0},
	{"unsubscribe", "deploys", CHAT_UNSUBSCRIBE, "deploys", 0},
	{"unsubscribe deploys", NULL, CHAT_UNSUBSCRIBE, "deploys", 0},
	{"last", NULL, CHAT_LAST, "", 1},
	{"last 5", NULL, CHAT_LAST, "", 5},
	{"last 20", "deploys", CHAT_LAST, "deploys", 20},
	{"last 21", "deploys", CHAT_UNKNOWN, "deploys", 0},
	{"last 0", "deploys", CHAT_UNKNOWN, "deploys", 0},
	{"last deploys", NULL, CHAT_LAST, "deploys", 1},
	{"last deploys 3", NULL, CHAT_LAST, "deploys", 3},
	{"last 0", NULL, CHAT_LAST, "0", 1}, /* a feed can be called that */
	{"list other", "deploys", CHAT_UNKNOWN, "deploys", 0},
	{"last 3 deploys", NULL, CHAT_UNKNOWN, "", 0},
	{"last -1", "deploys", CHAT_UNKNOWN, "deploys", 0},
	{"last 99999999999999999999999", "deploys", CHAT_UNKNOWN, "deploys", 0},
	{"last a b c d e f", NULL, CHAT_UNKNOWN, "", 0},
	{"", NULL, CHAT_UNKNOWN, "", 0},
	{" \t\r\n", NULL, CHAT_UNKNOWN, "", 0},
	{"hello", NULL, CHAT_UNKNOWN, "", 0},
	{"helpless", NULL, CHAT_UNKNOWN, "", 0},
	{"hel", NULL, CHAT_UNKNOWN, "", 0},
};

static void reads_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chat_command c;
		chat_parse(&c, cases[i].text, cases[i].to);
		if (c.verb != cases[i].verb)
			fail_msg("'%s': verb %d", cases[i].text, c.verb);
		if (c.verb == CHAT_UNKNOWN)
			continue;
		assert_string_equal(c.feed, cases[i].feed);
		assert_int_equal(c.count, cases[i].count);
	}
}

static void names_of_any_length(void **state)
{
	(void)state;
	char text[200] = "subscribe ";
	struct chat_command c;
	memset(text + 10, 'a', 64);
	chat_parse(&c, text, NULL);
	assert_int_equal(c.verb, CHAT_SUBSCRIBE);
	text[74] = 'a';
	chat_parse(&c, text, NULL);
	assert_int_equal(c.verb, CHAT_UNKNOWN);
	/* A name that was written to may be longer than a feed's can be. */
	memset(text, 'a', 150);
	chat_parse(&c, "last 3", text);
	assert_string_equal(c.feed, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_commands),
		cmocka_unit_test(names_of_any_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
