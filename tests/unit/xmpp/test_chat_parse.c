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
} good[] = {
	{"help", NULL, CHAT_HELP, "", 1},
	{"  HELP \n", NULL, CHAT_HELP, "", 1},
	{"?", "deploys", CHAT_HELP, "", 1},
	{"???", NULL, CHAT_HELP, "", 1},
	{"help me", NULL, CHAT_HELP, "", 1},
	{"Help, what can you do for me?", "deploys", CHAT_HELP, "", 1},
	{"list", NULL, CHAT_LIST, "", 1},
	{"list deploys", NULL, CHAT_LIST, "deploys", 1},
	{"list deploys", "deploys", CHAT_LIST, "deploys", 1},
	{"list", "deploys", CHAT_LIST, "", 1},
	{"list 21", NULL, CHAT_LIST, "21", 1},
	{"subscribe deploys", NULL, CHAT_SUBSCRIBE, "deploys", 1},
	{"Subscribe\tDeploys", NULL, CHAT_SUBSCRIBE, "deploys", 1},
	{"subscribe 2024", NULL, CHAT_SUBSCRIBE, "2024", 1},
	{"subscribe", "deploys", CHAT_SUBSCRIBE, "", 1},
	{"subscribe deploys", "deploys", CHAT_SUBSCRIBE, "", 1},
	{"Subscribe Deploys.", "deploys", CHAT_SUBSCRIBE, "", 1},
	{"unsubscribe", "deploys", CHAT_UNSUBSCRIBE, "", 1},
	{"unsubscribe deploys", NULL, CHAT_UNSUBSCRIBE, "deploys", 1},
	{"last", NULL, CHAT_LAST, "", 1},
	{"last 5", NULL, CHAT_LAST, "", 5},
	{"last 20", "deploys", CHAT_LAST, "", 20},
	{"last deploys 3", "deploys", CHAT_LAST, "", 3},
	{"last 5", "5", CHAT_LAST, "", 5},
	{"last deploys", NULL, CHAT_LAST, "deploys", 1},
	{"last deploys 3", NULL, CHAT_LAST, "deploys", 3},
	{"last 2024 3", NULL, CHAT_LAST, "2024", 3},
	{"last v2", NULL, CHAT_LAST, "v2", 1},
	/* As phones write. */
	{"Help. ", NULL, CHAT_HELP, "", 1},
	{"LIST!", NULL, CHAT_LIST, "", 1},
	{"\xc2\xa0Last\xc2\xa0"
	 "5.\xc2\xa0",
	 NULL, CHAT_LAST, "", 5},
	{"last deploys 5...", NULL, CHAT_LAST, "deploys", 5},
	{"\xe2\x80\x9csubscribe deploys\xe2\x80\x9d", NULL, CHAT_SUBSCRIBE, "deploys", 1},
	{"'unsubscribe deploys'", NULL, CHAT_UNSUBSCRIBE, "deploys", 1},
	{"subscribe deploys!", NULL, CHAT_SUBSCRIBE, "deploys", 1},
	{"subscribe deploys.", NULL, CHAT_SUBSCRIBE, "deploys.", 1}, /* may be one */
};

static const struct {
	const char *text, *to;
	enum chat_verb verb;
	enum chat_problem problem;
} bad[] = {
	{"subscribe", NULL, CHAT_SUBSCRIBE, CHAT_BAD_FORM},
	{"subscribe a b", NULL, CHAT_SUBSCRIBE, CHAT_BAD_FORM},
	{"subscribe to a feed", NULL, CHAT_SUBSCRIBE, CHAT_BAD_FORM},
	{"subscribe a/b", NULL, CHAT_SUBSCRIBE, CHAT_BAD_NAME},
	{"subscribe d\xc3\xa9ploys", NULL, CHAT_SUBSCRIBE, CHAT_BAD_NAME},
	{"subscribe ..", NULL, CHAT_SUBSCRIBE, CHAT_BAD_NAME},
	{"subscribe other", "deploys", CHAT_SUBSCRIBE, CHAT_FOR_HUB},
	{"last other 3", "deploys", CHAT_LAST, CHAT_FOR_HUB},
	{"subscribe a/b", "deploys", CHAT_SUBSCRIBE, CHAT_BAD_FORM},
	{"unsubscribe deploys now", "deploys", CHAT_UNSUBSCRIBE, CHAT_BAD_FORM},
	{"list a b", "deploys", CHAT_LIST, CHAT_BAD_FORM},
	{"list a/b", NULL, CHAT_LIST, CHAT_BAD_NAME},
	{"last 21", "deploys", CHAT_LAST, CHAT_BAD_COUNT},
	{"LAST 99", "deploys", CHAT_LAST, CHAT_BAD_COUNT},
	{"last 0", "deploys", CHAT_LAST, CHAT_BAD_COUNT},
	{"last deploys 99", "deploys", CHAT_LAST, CHAT_BAD_COUNT},
	{"last -1", "deploys", CHAT_LAST, CHAT_BAD_COUNT},
	{"last 21", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last 0", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last 0.", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last -1", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last deploys -1", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last deploys many", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last 3 deploys", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last 99999999999999999999999", NULL, CHAT_LAST, CHAT_BAD_COUNT},
	{"last d\xc3\xa9ploys", NULL, CHAT_LAST, CHAT_BAD_NAME},
	{"last a b c d e f", NULL, CHAT_LAST, CHAT_BAD_FORM},
	{"", NULL, CHAT_UNKNOWN, CHAT_FINE},
	{" \t\r\n", NULL, CHAT_UNKNOWN, CHAT_FINE},
	{"hello", NULL, CHAT_UNKNOWN, CHAT_FINE},
	{"...", NULL, CHAT_UNKNOWN, CHAT_FINE},
	{"helpless", NULL, CHAT_UNKNOWN, CHAT_FINE},
	{"hel", NULL, CHAT_UNKNOWN, CHAT_FINE},
	{"subscribe/deploys", NULL, CHAT_UNKNOWN, CHAT_FINE},
};

static void reads_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct chat_command c;
		chat_parse(&c, good[i].text, good[i].to);
		if (c.verb != good[i].verb || c.problem != CHAT_FINE)
			fail_msg("'%s': verb %d, problem %d", good[i].text, c.verb,
				 c.problem);
		assert_string_equal(c.feed, good[i].feed);
		assert_int_equal(c.count, good[i].count);
	}
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct chat_command c;
		chat_parse(&c, bad[i].text, bad[i].to);
		if (c.verb != bad[i].verb || c.problem != bad[i].problem)
			fail_msg("'%s': verb %d, problem %d", bad[i].text, c.verb,
				 c.problem);
	}
}

/* What is shown can be written, word by word, where it is shown. */
static void the_help_is_obeyed(void **state)
{
	(void)state;
	for (unsigned to_feed = 0; to_feed < 2; to_feed++) {
		struct buf all = {0};
		chat_usage(&all, CHAT_UNKNOWN, to_feed);
		for (char *line = strtok(all.data, "\n"); line;
		     line = strtok(NULL, "\n")) {
			struct chat_command c;
			char *what = strstr(line, " - "), *n = strstr(line, " N");
			assert_non_null(what);
			*what = '\0';
			if (n != NULL && n < what)
				n[1] = '7';
			chat_parse(&c, line, to_feed ? "deploys" : NULL);
			if (c.verb == CHAT_UNKNOWN || c.problem != CHAT_FINE)
				fail_msg("'%s': problem %d", line, c.problem);
			assert_string_equal(c.feed, strstr(line, "FEED") ? "feed" : "");
			assert_int_equal(c.count, strchr(line, '7') ? 7 : 1);
		}
		buf_free(&all);
	}
}

static void names_of_any_length(void **state)
{
	(void)state;
	char text[200] = "subscribe ";
	struct chat_command c;
	memset(text + 10, 'a', 64);
	chat_parse(&c, text, NULL);
	assert_int_equal(c.problem, CHAT_FINE);
	assert_int_equal(strlen(c.feed), 64);
	text[74] = 'a';
	chat_parse(&c, text, NULL);
	assert_int_equal(c.problem, CHAT_BAD_NAME);
	/* A name that was written to may be longer than a feed's can be. */
	memset(text, 'a', 150);
	chat_parse(&c, "last 3", text);
	assert_int_equal(c.count, 3);
}

static void first_words(void **state)
{
	const char *word = NULL;
	(void)state;
	assert_int_equal(chat_first_word(" 'hello,' there", &word), 5);
	assert_memory_equal(word, "hello", 5);
	assert_int_equal(chat_first_word("\xe2\x80\x98hi\xe2\x80\x99!", &word), 2);
	assert_memory_equal(word, "hi", 2);
	assert_int_equal(chat_first_word("\xc2\xa0 ", &word), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_commands),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(the_help_is_obeyed),
		cmocka_unit_test(names_of_any_length),
		cmocka_unit_test(first_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
