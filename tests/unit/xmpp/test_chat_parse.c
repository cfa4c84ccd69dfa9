#include "xmpp/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const struct {
	const char *text, *to; /* the feed written to; NULL: the hub */
	const char *verb;      /* NULL: none is known */
	const char *feed;
	uint64_t count;
} good[] = {
	{"help", NULL, "help", "", 1},
	{"  HELP \n", NULL, "help", "", 1},
	{"?", "deploys", "help", "", 1},
	{"???", NULL, "help", "", 1},
	{"help me", NULL, "help", "", 1},
	{"Help, what can you do for me?", "deploys", "help", "", 1},
	{"list", NULL, "list", "", 1},
	{"list deploys", NULL, "list", "deploys", 1},
	{"list deploys", "deploys", "list", "deploys", 1},
	{"list", "deploys", "list", "", 1},
	{"list 21", NULL, "list", "21", 1},
	{"subscribe deploys", NULL, "subscribe", "deploys", 1},
	{"Subscribe\tDeploys", NULL, "subscribe", "deploys", 1},
	{"subscribe 2024", NULL, "subscribe", "2024", 1},
	{"subscribe", "deploys", "subscribe", "", 1},
	{"subscribe deploys", "deploys", "subscribe", "", 1},
	{"Subscribe Deploys.", "deploys", "subscribe", "", 1},
	{"unsubscribe", "deploys", "unsubscribe", "", 1},
	{"unsubscribe deploys", NULL, "unsubscribe", "deploys", 1},
	{"last", NULL, "last", "", 1},
	{"last 5", NULL, "last", "", 5},
	{"last 20", "deploys", "last", "", 20},
	{"last deploys 3", "deploys", "last", "", 3},
	{"last 5", "5", "last", "", 5},
	{"last deploys", NULL, "last", "deploys", 1},
	{"last deploys 3", NULL, "last", "deploys", 3},
	{"last 2024 3", NULL, "last", "2024", 3},
	{"last v2", NULL, "last", "v2", 1},
	/* As phones write. */
	{"Help. ", NULL, "help", "", 1},
	{"LIST!", NULL, "list", "", 1},
	{"\xc2\xa0Last\xc2\xa0"
	 "5.\xc2\xa0",
	 NULL, "last", "", 5},
	{"last deploys 5...", NULL, "last", "deploys", 5},
	{"\xe2\x80\x9csubscribe deploys\xe2\x80\x9d", NULL, "subscribe", "deploys", 1},
	{"'unsubscribe deploys'", NULL, "unsubscribe", "deploys", 1},
	{"subscribe deploys!", NULL, "subscribe", "deploys", 1},
	{"subscribe deploys.", NULL, "subscribe", "deploys.", 1}, /* may be one */
	{"Yes!", "deploys", "yes", "", 1},
	{"'no'.", "deploys", "no", "", 1},
	{"yes deploys", NULL, "yes", "deploys", 1},
	{"Allow deploys bob@example.org.", NULL, "allow", "deploys", 1},
	{"allow deploys bob@example.org", "deploys", "allow", "", 1},
	{"deny example.org", "deploys", "deny", "", 1},
};

static const struct {
	const char *text, *to;
	const char *verb; /* NULL: none is known */
	enum command_problem problem;
} bad[] = {
	{"subscribe", NULL, "subscribe", COMMAND_BAD_FORM},
	{"subscribe a b", NULL, "subscribe", COMMAND_BAD_FORM},
	{"subscribe to a feed", NULL, "subscribe", COMMAND_BAD_FORM},
	{"subscribe a/b", NULL, "subscribe", COMMAND_BAD_FEED},
	{"subscribe d\xc3\xa9ploys", NULL, "subscribe", COMMAND_BAD_FEED},
	{"subscribe ..", NULL, "subscribe", COMMAND_BAD_FEED},
	{"subscribe other", "deploys", "subscribe", COMMAND_FOR_HUB},
	{"last other 3", "deploys", "last", COMMAND_FOR_HUB},
	{"subscribe a/b", "deploys", "subscribe", COMMAND_BAD_FORM},
	{"unsubscribe deploys now", "deploys", "unsubscribe", COMMAND_BAD_FORM},
	{"list a b", "deploys", "list", COMMAND_BAD_FORM},
	{"list a/b", NULL, "list", COMMAND_BAD_FEED},
	{"last 21", "deploys", "last", COMMAND_BAD_COUNT},
	{"LAST 99", "deploys", "last", COMMAND_BAD_COUNT},
	{"last 0", "deploys", "last", COMMAND_BAD_COUNT},
	{"last deploys 99", "deploys", "last", COMMAND_BAD_COUNT},
	{"last -1", "deploys", "last", COMMAND_BAD_COUNT},
	{"last 21", NULL, "last", COMMAND_BAD_COUNT},
	{"last 0", NULL, "last", COMMAND_BAD_COUNT},
	{"last 0.", NULL, "last", COMMAND_BAD_COUNT},
	{"last -1", NULL, "last", COMMAND_BAD_COUNT},
	{"last deploys -1", NULL, "last", COMMAND_BAD_COUNT},
	{"last deploys many", NULL, "last", COMMAND_BAD_COUNT},
	{"last 3 deploys", NULL, "last", COMMAND_BAD_COUNT},
	{"last 99999999999999999999999", NULL, "last", COMMAND_BAD_COUNT},
	{"last d\xc3\xa9ploys", NULL, "last", COMMAND_BAD_FEED},
	{"last a b c d e f", NULL, "last", COMMAND_BAD_FORM},
	{"mute 99d", NULL, "mute", COMMAND_BAD_TIME},
	{"mute 31d", "deploys", "mute", COMMAND_BAD_TIME},
	{"mute 0h", "deploys", "mute", COMMAND_BAD_TIME},
	{"mute deploys 2", NULL, "mute", COMMAND_BAD_TIME},
	{"mute deploys 99999999999999999999d", NULL, "mute", COMMAND_BAD_TIME},
	{"mute deploys forever", NULL, "mute", COMMAND_BAD_TIME},
	{"mute h", "deploys", "mute", COMMAND_FOR_HUB},
	{"mute other 2h", "deploys", "mute", COMMAND_FOR_HUB},
	{"mute deploys for 2h", NULL, "mute", COMMAND_BAD_FORM},
	{"format", "deploys", "format", COMMAND_BAD_FORM},
	{"format deploys", NULL, "format", COMMAND_BAD_FORM},
	{"format deploys fax", NULL, "format", COMMAND_BAD_FORMAT},
	{"format fax", "deploys", "format", COMMAND_BAD_FORMAT},
	{"format averylongformatindeedyes", "deploys", "format", COMMAND_BAD_FORMAT},
	{"only", NULL, "only", COMMAND_BAD_FORM},
	{"only deploys", NULL, "only", COMMAND_BAD_FORM},
	{"only deploys low", NULL, "only", COMMAND_BAD_WHAT},
	{"only #", "deploys", "only", COMMAND_BAD_WHAT},
	{"only a b c d e f g h i", "deploys", "only", COMMAND_BAD_WHAT},
	{"only deploys a b c d e f g h high i", NULL, "only", COMMAND_BAD_WHAT},
	{"only deploys a a a a a a a a a a a a a", NULL, "only", COMMAND_BAD_WHAT},
	{"only a/b urgent", NULL, "only", COMMAND_BAD_FEED},
	{"everything", NULL, "everything", COMMAND_BAD_FORM},
	{"everything other", "deploys", "everything", COMMAND_FOR_HUB},
	{"unmute a b", NULL, "unmute", COMMAND_BAD_FORM},
	{"pause a b", NULL, "pause", COMMAND_BAD_FORM},
	{"resume other", "deploys", "resume", COMMAND_FOR_HUB},
	{"quiet", NULL, "quiet", COMMAND_BAD_FORM},
	{"quiet 22:00-07:00", "deploys", "quiet", COMMAND_BAD_FORM},
	{"when deploys offline", NULL, "when", COMMAND_BAD_SHOWS},
	{"when chat,,online", "deploys", "when", COMMAND_BAD_SHOWS},
	{"when chat online", "deploys", "when", COMMAND_BAD_FORM},
	{"quiet deploys 22:00-07:00", NULL, "quiet", COMMAND_BAD_HOURS},
	{"quiet 22:00-25:00 UTC", NULL, "quiet", COMMAND_BAD_HOURS},
	{"quiet deploys 22:60-07:00 UTC", NULL, "quiet", COMMAND_BAD_HOURS},
	{"quiet 22:0-7 UTC", "deploys", "quiet", COMMAND_BAD_HOURS},
	{"quiet 22:00 UTC", "deploys", "quiet", COMMAND_BAD_HOURS},
	{"quiet 7-7 UTC", "deploys", "quiet", COMMAND_BAD_HOURS},
	{"quiet 24:00-0 UTC", "deploys", "quiet", COMMAND_BAD_HOURS},
	{"quiet 24:01-7 UTC", "deploys", "quiet", COMMAND_BAD_HOURS},
	{"quiet - UTC", "deploys", "quiet", COMMAND_BAD_HOURS},
	{"quiet 22-7 Nowhere", "deploys", "quiet", COMMAND_BAD_ZONE},
	{"quiet 22-7 ../UTC", "deploys", "quiet", COMMAND_BAD_ZONE},
	{"quiet deploys 22-7 Mars/Base", NULL, "quiet", COMMAND_BAD_ZONE},
	{"quiet 22-7 America/Argentina/Buenos_Aires_and_all", "deploys", "quiet",
	 COMMAND_BAD_ZONE},
	{"quiet other 22-7 UTC", "deploys", "quiet", COMMAND_FOR_HUB},
	{"quiet deploys on", NULL, "quiet", COMMAND_BAD_HOURS},
	{"digest", NULL, "digest", COMMAND_BAD_FORM},
	{"digest deploys", NULL, "digest", COMMAND_BAD_WHEN},
	{"digest 0m", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest 8d", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest 169h", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest 1", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest hourly", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest daily", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest daily@08:00", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest daily@ UTC", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest daily@25:00 UTC", "deploys", "digest", COMMAND_BAD_WHEN},
	{"digest daily@8 Mars/Base", "deploys", "digest", COMMAND_BAD_ZONE},
	{"digest deploys daily@8:60 UTC", NULL, "digest", COMMAND_BAD_WHEN},
	{"digest other 1h", "deploys", "digest", COMMAND_FOR_HUB},
	{"urgent", NULL, "urgent", COMMAND_BAD_FORM},
	{"urgent deploys", NULL, "urgent", COMMAND_BAD_FORM},
	{"urgent perhaps", "deploys", "urgent", COMMAND_BAD_FORM},
	{"yes", NULL, "yes", COMMAND_BAD_FORM},
	{"no such command", NULL, "no", COMMAND_BAD_FORM},
	{"no other", "deploys", "no", COMMAND_FOR_HUB},
	{"requests", NULL, "requests", COMMAND_BAD_FORM},
	{"allow bob@example.org", NULL, "allow", COMMAND_BAD_FORM},
	{"allow bob@example.org and all", "deploys", "allow", COMMAND_BAD_FORM},
	{"allow @", "deploys", "allow", COMMAND_BAD_JID},
	{"deny deploys bob@@", NULL, "deny", COMMAND_BAD_JID},
	{"deny other bob@example.org", "deploys", "deny", COMMAND_FOR_HUB},
	{"whoami now", NULL, "whoami", COMMAND_BAD_FORM},
	{"", NULL, NULL, COMMAND_FINE},
	{" \t\r\n", NULL, NULL, COMMAND_FINE},
	{"hello", NULL, NULL, COMMAND_FINE},
	{"...", NULL, NULL, COMMAND_FINE},
	{"helpless", NULL, NULL, COMMAND_FINE},
	{"hel", NULL, NULL, COMMAND_FINE},
	{"subscribe/deploys", NULL, NULL, COMMAND_FINE},
};

static const char *name_of(const struct chat_command *c)
{
	return c->command != NULL ? c->command->name : "nothing";
}

static bool is(const struct chat_command *c, const char *name)
{
	return strcmp(name_of(c), name != NULL ? name : "nothing") == 0;
}

static void reads_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct chat_command c;
		chat_parse(&c, good[i].text, good[i].to);
		if (!is(&c, good[i].verb) || c.problem != COMMAND_FINE)
			fail_msg("'%s': %s, problem %d", good[i].text, name_of(&c),
				 c.problem);
		assert_string_equal(c.args.feed, good[i].feed);
		assert_int_equal(c.args.count, good[i].count);
	}
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct chat_command c;
		chat_parse(&c, bad[i].text, bad[i].to);
		if (!is(&c, bad[i].verb) || c.problem != bad[i].problem)
			fail_msg("'%s': %s, problem %d", bad[i].text, name_of(&c),
				 c.problem);
	}
}

/* Some of what there is, in the place of what stands for it. */
static void fill_in(char *line, size_t size)
{
	static const char *const examples[][2] = {
		{" FORMAT", " event"},
		{" FEED", " feed"},
		{" TIME", " 2h"},
		{" N", " 7"},
		{" WHAT", " web #high urgent"},
		{" JID", " 'Bob@Example.org'"},
		{" HOURS", " 22:00-07:00"},
		{" ZONE", " Europe/Berlin"},
		{" on|off", " on"},
		{" SHOWS", " chat,Online,"},
		{" WHEN", " daily@08:00"},
	};
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		char rest[100], *at = strstr(line, examples[i][0]);
		if (at == NULL)
			continue;
		snprintf(rest, sizeof(rest), "%s", at + strlen(examples[i][0]));
		snprintf(at, size - (size_t)(at - line), "%s%s", examples[i][1], rest);
	}
}

/* What is shown can be written, word by word, where it is shown. */
static void the_help_is_obeyed(void **state)
{
	(void)state;
	for (unsigned to_feed = 0; to_feed < 2; to_feed++) {
		struct buf all = {0};
		size_t lines = 0;
		for (size_t i = 0; i < command_count; i++)
			chat_usage(&all, &commands[i], to_feed);
		for (char *line = strtok(all.data, "\n"); line;
		     line = strtok(NULL, "\n")) {
			struct chat_command c;
			char form[200], *what = strstr(line, " - ");
			assert_non_null(what);
			*what = '\0';
			bool feed = strstr(line, "FEED"), number = strstr(line, " N");
			snprintf(form, sizeof(form), "%s", line);
			fill_in(form, sizeof(form));
			chat_parse(&c, form, to_feed ? "deploys" : NULL);
			if (c.command == NULL || c.problem != COMMAND_FINE)
				fail_msg("'%s': problem %d", form, c.problem);
			assert_string_equal(c.args.feed, feed ? "feed" : "");
			assert_int_equal(c.args.count, number ? 7 : 1);
			assert_string_equal(c.args.jid,
					    strstr(form, "Bob") ? "bob@example.org" : "");
			lines++;
		}
		assert_int_equal(lines, to_feed ? 27 : 38);
		buf_free(&all);
	}
}

static const struct {
	const char *text, *to, *feed;
	unsigned minutes; /* 0: none is looked at */
} times[] = {
	{"mute", NULL, "", 480},
	{"mute", "deploys", "", 480},
	{"mute deploys", NULL, "deploys", 480},
	{"Mute deploys.", "deploys", "", 480},
	{"mute 30m", NULL, "", 30},
	{"mute deploys 2H.", NULL, "deploys", 120},
	{"mute deploys 3d", "deploys", "", 3 * 24 * 60},
	{"mute 30d", "deploys", "", 30 * 24 * 60},
	{"mute 2h 1m", NULL, "2h", 1},
	{"mute 99x", NULL, "99x", 480},
	{"unmute", NULL, "", 480},
	{"unmute 2h", NULL, "2h", 480},
};

static void times_of_muting(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct chat_command c;
		chat_parse(&c, times[i].text, times[i].to);
		if (c.command == NULL || c.problem != COMMAND_FINE)
			fail_msg("'%s': problem %d", times[i].text, c.problem);
		assert_string_equal(c.args.feed, times[i].feed);
		assert_int_equal(c.args.time_ms, times[i].minutes * 60000);
	}
}

static const struct {
	const char *text, *to, *feed, *tags; /* each with a blank behind it */
	enum event_priority priority;
} filters[] = {
	{"only deploys urgent", NULL, "deploys", "", PRIORITY_URGENT},
	{"only Urgent.", "deploys", "", "", PRIORITY_URGENT},
	{"only #urgent", "deploys", "", "urgent ", PRIORITY_LOW},
	{"only #low", "deploys", "", "low ", PRIORITY_LOW},
	{"Only deploys Web, db, high", NULL, "deploys", "Web db ", PRIORITY_HIGH},
	{"only web", "deploys", "", "web ", PRIORITY_LOW},
	{"only deploys", "deploys", "", "deploys ", PRIORITY_LOW},
	{"only deploys web", "deploys", "", "web ", PRIORITY_LOW},
	{"only #deploys web", "deploys", "", "deploys web ", PRIORITY_LOW},
	{"only web WEB web", "deploys", "", "web ", PRIORITY_LOW},
	{"only high normal", "deploys", "", "", PRIORITY_NORMAL},
	{"only \xc3\xa9t\xc3\xa9", "deploys", "", "\xc3\xa9t\xc3\xa9 ", PRIORITY_LOW},
	{"only deploys a b c d e f g h urgent", NULL, "deploys", "a b c d e f g h ",
	 PRIORITY_URGENT},
};

static void filters_of_tags_and_priority(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct chat_command c;
		char tags[600] = "";
		chat_parse(&c, filters[i].text, filters[i].to);
		if (c.command == NULL || c.problem != COMMAND_FINE)
			fail_msg("'%s': problem %d", filters[i].text, c.problem);
		for (size_t t = 0; t < c.args.only.tag_count; t++) {
			strcat(tags, c.args.only.tags[t]);
			strcat(tags, " ");
		}
		assert_string_equal(c.args.feed, filters[i].feed);
		assert_string_equal(tags, filters[i].tags);
		assert_int_equal(c.args.only.at_least, filters[i].priority);
	}
}

static const struct {
	const char *text, *to, *feed;
	bool set;
	unsigned from, till;
	const char *zone;
} hours[] = {
	{"quiet deploys 22:00-07:00 Europe/Berlin", NULL, "deploys", true, 1320, 420,
	 "Europe/Berlin"},
	{"quiet 22:30-7:05 Asia/Tokyo", NULL, "", true, 1350, 425, "Asia/Tokyo"},
	{"Quiet 22-7 UTC.", "deploys", "", true, 1320, 420, "UTC"},
	{"quiet deploys 9-17 utc", "deploys", "", true, 540, 1020, "UTC"},
	{"quiet 0-24:00 utc", NULL, "", false, 0, 0, NULL},
	{"quiet 13-24:00 america/new_york", "deploys", "", true, 780, 0,
	 "America/New_York"},
	{"quiet 00:01\xe2\x80\x93"
	 "23:59 EUROPE/london",
	 NULL, "", true, 1, 1439, "Europe/London"},
	{"quiet off", NULL, "", false, 0, 0, ""},
	{"quiet deploys off", NULL, "deploys", false, 0, 0, ""},
	{"quiet Off.", "deploys", "", false, 0, 0, ""},
};

static const struct {
	const char *text, *to, *feed;
	unsigned every, at;
	const char *zone;
} digests[] = {
	{"digest deploys 5m", NULL, "deploys", 5, 0, ""},
	{"Digest 2D.", "deploys", "", 2880, 0, ""},
	{"digest 7d", NULL, "", 10080, 0, ""},
	{"digest 168h", NULL, "", 10080, 0, ""},
	{"digest deploys daily@08:00 Europe/Berlin", NULL, "deploys", 0, 480,
	 "Europe/Berlin"},
	{"digest Daily@24 utc", "deploys", "", 0, 0, "UTC"},
	{"digest off", NULL, "", 0, 0, ""},
	{"digest deploys off", NULL, "deploys", 0, 0, ""},
};

static void digests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		struct chat_command c;
		chat_parse(&c, digests[i].text, digests[i].to);
		if (c.command == NULL || c.problem != COMMAND_FINE)
			fail_msg("'%s': problem %d", digests[i].text, c.problem);
		assert_string_equal(c.args.feed, digests[i].feed);
		assert_int_equal(c.args.digest.every_min, digests[i].every);
		assert_int_equal(c.args.digest.daily, digests[i].zone[0] != '\0');
		assert_int_equal(c.args.digest.at, digests[i].at);
		assert_string_equal(c.args.digest.zone, digests[i].zone);
	}
}

static void quiet_hours(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
		struct chat_command c;
		chat_parse(&c, hours[i].text, hours[i].to);
		assert_true(c.command != NULL);
		if ((c.problem == COMMAND_FINE) != (hours[i].zone != NULL))
			fail_msg("'%s': problem %d", hours[i].text, c.problem);
		if (hours[i].zone == NULL)
			continue;
		assert_string_equal(c.args.feed, hours[i].feed);
		assert_int_equal(c.args.quiet.set, hours[i].set);
		assert_int_equal(c.args.quiet.from, hours[i].from);
		assert_int_equal(c.args.quiet.to, hours[i].till);
		assert_string_equal(c.args.quiet.zone, hours[i].zone);
	}
}

static void switches(void **state)
{
	struct chat_command c;
	(void)state;
	chat_parse(&c, "urgent deploys on", NULL);
	assert_true(c.problem == COMMAND_FINE && c.args.on);
	assert_string_equal(c.args.feed, "deploys");
	chat_parse(&c, "Urgent OFF.", "deploys");
	assert_true(c.problem == COMMAND_FINE && !c.args.on);
	chat_parse(&c, "urgent no", NULL);
	assert_true(c.problem == COMMAND_FINE && !c.args.on);
	assert_string_equal(c.args.feed, "");
}

static void formats(void **state)
{
	struct chat_command c;
	(void)state;
	chat_parse(&c, "format deploys Headline", NULL);
	assert_int_equal(c.problem, COMMAND_FINE);
	assert_string_equal(c.args.feed, "deploys");
	assert_int_equal(c.args.format, FORMAT_HEADLINE);
	chat_parse(&c, "format event.", "deploys");
	assert_int_equal(c.problem, COMMAND_FINE);
	assert_int_equal(c.args.format, FORMAT_EVENT);
}

static void names_of_any_length(void **state)
{
	(void)state;
	char text[200] = "subscribe ";
	struct chat_command c;
	memset(text + 10, 'a', 64);
	chat_parse(&c, text, NULL);
	assert_int_equal(c.problem, COMMAND_FINE);
	assert_int_equal(strlen(c.args.feed), 64);
	text[74] = 'a';
	chat_parse(&c, text, NULL);
	assert_int_equal(c.problem, COMMAND_BAD_FEED);
	/* A name that was written to may be longer than a feed's can be. */
	memset(text, 'a', 150);
	chat_parse(&c, "last 3", text);
	assert_int_equal(c.args.count, 3);
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
		cmocka_unit_test(times_of_muting),
		cmocka_unit_test(filters_of_tags_and_priority),
		cmocka_unit_test(quiet_hours),
		cmocka_unit_test(digests_are_read),
		cmocka_unit_test(switches),
		cmocka_unit_test(formats),
		cmocka_unit_test(names_of_any_length),
		cmocka_unit_test(first_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
