#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HOUR_S 3600

static time_t skipped_s;

/* In the place of libc's: the monotonic clock can go ahead. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (syscall(SYS_clock_gettime, clock, now) != 0)
		return -1;
	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += skipped_s;
	return 0;
}

static void chat_commands(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("hub", "help"));
	assert_answer(f, a, "hub@" DOMAIN);
	assert_has(a, "<message type='chat'");
	assert_has(a, "subscribe FEED");
	assert_has(a, "<thread>t&amp;1</thread>");
	a = told(f, CHAT("hub", "list"));
	assert_has(a, "deploys - Deploys &amp; &lt;more&gt;");
	a = told(f, CHAT("hub", "Subscribe Deploys"));
	assert_string_equal(f->hub.log.data,
			    "subscribe " ALICE "/phone deploys " ALICE " c\n");
	assert_has(
		a,
		"You now follow deploys. Write &apos;unsubscribe deploys&apos; to stop.");
	a = told(f, CHAT("deploys", "subscribe"));
	assert_answer(f, a, "deploys@" DOMAIN);
	assert_has(a, "Write &apos;unsubscribe&apos; to stop.");
	a = told(f, CHAT("hub", "unsubscribe deploys"));
	assert_string_equal(f->hub.log.data, "unsubscribe deploys " ALICE "\n");
	assert_has(a, "no longer follow deploys");
	assert_has(told(f, CHAT("hub", "unsubscribe secret")), "do not follow secret");
	assert_has(told(f, CHAT("hub", "subscribe none")), "no feed none");
	assert_has(told(f, CHAT("hub", "subscribe secret")), "not open to you");
	assert_has(told(f, CHAT("none", "subscribe")), "no feed none");
	a = told(f, "<message " FROM_ALICE TO_HUB "><body>help</body></message>");
	assert_has(a, "<message type='chat'");
	assert_null(strstr(a, "<thread>"));
}

static void chat_last(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("deploys", "last 2"));
	assert_string_equal(f->hub.log.data, "items " ALICE "/phone deploys 2\n");
	assert_has(a, "from='deploys@" DOMAIN "'");
	assert_has(a, "to='" ALICE "/phone'");
	assert_has(a, "urn:xmpp:delay");
	assert_has(a, "all is well");
	assert_has(a, "~replayed");
	a = told(f, CHAT("hub", "last deploys"));
	assert_string_equal(f->hub.log.data, "items " ALICE "/phone deploys 1\n");
	assert_has(told(f, CHAT("none", "last 3")), "no feed none");
}

/* Of all the feeds that somebody follows. */
static void chat_last_of_all(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("hub", "last"));
	assert_string_equal(f->hub.log.data, "recent " ALICE "/phone 1\n");
	a = told(f, CHAT("hub", "last 3"));
	assert_string_equal(f->hub.log.data, "recent " ALICE "/phone 3\n");
	/* Each from its own feed, in the order that the hub gave. */
	static const char *const senders[] = {"deploys", "builds", "deploys"};
	for (size_t i = 0; i < 3; i++) {
		char from[64];
		snprintf(from, sizeof(from), "from='%s@" DOMAIN "'", senders[i]);
		a = strstr(a, "<message");
		assert_non_null(a);
		const char *next = strstr(a + 1, "<message");
		const char *found = strstr(a, from), *delay = strstr(a, "urn:xmpp:delay");
		assert_true(found != NULL && (next == NULL || found < next));
		assert_true(delay != NULL && (next == NULL || delay < next));
		a = a + 1;
	}
	f->hub.err = BELFRY_ENOENT;
	a = told(f, CHAT("hub", "last 3"));
	assert_answer(f, a, "hub@" DOMAIN);
	assert_has(a, "You do not follow any feed.");
	assert_has(a, "subscribe FEED");
	f->hub.err = BELFRY_EFULL;
	assert_has(told(f, CHAT("hub", "last")), "too many feeds");
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, CHAT("hub", "last")), "did not work");
	f->hub.err = BELFRY_EFULL;
	assert_has(told(f, CHAT("hub", "list")), "too many feeds");
}

#define ASK_RECENT(who) "<message from='" who "'" TO_HUB "><body>last 9</body></message>"

static void one_such_question_at_a_time(void **state)
{
	struct fixture *f = *state;
	ask_only(f, CHAT("hub", "last 3"));
	assert_null(f->sent.data);
	ask_only(f, ASK_RECENT(ALICE "/tablet"));
	assert_has(f->sent.data, "to='" ALICE "/tablet'");
	assert_has(f->sent.data, "still looking");
	assert_string_equal(f->hub.log.data, "recent " ALICE "/phone 3\n");
	/* Others may; but not all of them. */
	for (unsigned i = 0; i < 20; i++) {
		char ask[200];
		snprintf(ask, sizeof(ask), ASK_RECENT("bob%u@example.org"), i);
		ask_only(f, ask);
	}
	assert_int_equal(f->hub.call_count, 8);
	fake_hub_answer(&f->hub);
	assert_has(told(f, CHAT("hub", "last 3")), "all is well");
}

static void not_understood(void **state)
{
	struct fixture *f = *state;
	assert_has(told(f, CHAT("hub", "hello there")),
		   "I do not know &apos;hello&apos;.");
	skipped_s += HOUR_S;
	assert_has(told(f, CHAT("hub", "&lt;b/&gt;")),
		   "I do not know &apos;&lt;b/&gt;&apos;");
	skipped_s += HOUR_S;
	assert_has(told(f, CHAT("deploys", "Hello!")),
		   "I do not know &apos;Hello&apos;.");
	skipped_s += HOUR_S;
	assert_has(told(f, CHAT("hub", "a-word-that-is-too-long-to-be-repeated")),
		   "did not understand");
	assert_string_equal(told(f, CHAT("hub", "")), "");
	assert_string_equal(told(f, CHAT("hub", " \n ")), "");
}

struct wrong {
	const char *xml, *from, *parts[4];
};

static void assert_told(struct fixture *f, const struct wrong *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char from[64];
		forgotten(f);
		const char *a = told(f, cases[i].xml);
		snprintf(from, sizeof(from), "%s@" DOMAIN, cases[i].from);
		assert_answer(f, a, from);
		for (size_t k = 0; k < 4 && cases[i].parts[k] != NULL; k++)
			assert_has(a, cases[i].parts[k]);
		const char *log = f->hub.log.data ? f->hub.log.data : "";
		assert_null(strstr(log, "items"));
		assert_null(strstr(log, "subscribe"));
	}
}

/* What is wrong, and all right forms of that command where it was written. */
static void wrongly_used(void **state)
{
	static const struct wrong cases[] = {
		{CHAT("hub", "last 21"),
		 "hub",
		 {"from 1 to 20", "\nlast FEED N - ", "\nlast N - "}},
		{CHAT("hub", "last 0"), "hub", {"from 1 to 20"}},
		{CHAT("hub", "last deploys -1"), "hub", {"from 1 to 20"}},
		{CHAT("deploys", "LAST 99"), "deploys", {"from 1 to 20", "\nlast N - "}},
		{CHAT("hub", "Subscribe"), "hub", {"like this", "\nsubscribe FEED - "}},
		{CHAT("hub", "subscribe d&#xe9;ploys"), "hub", {"only a-z", "subscribe"}},
		{CHAT("deploys", "unsubscribe other"),
		 "deploys",
		 {"only about deploys", "to hub@" DOMAIN, "\nunsubscribe - "}},
	};
	assert_told(*state, cases, sizeof(cases) / sizeof(cases[0]));
	assert_null(strstr(told(*state, CHAT("deploys", "last 0")), "FEED"));
}

static void wrongly_limited(void **state)
{
	static const struct wrong cases[] = {
		{CHAT("deploys", "mute 99d"),
		 "deploys",
		 {"like 30m, 2h or 3d", "at most 30d", "\nmute TIME - "}},
		{CHAT("hub", "mute 99d"), "hub", {"at most 30d", "\nmute FEED TIME - "}},
		{CHAT("hub", "mute deploys long"), "hub", {"\nmute FEED TIME - "}},
		{CHAT("hub", "format deploys fax"), "hub", {"The formats are chat"}},
		{CHAT("hub", "only deploys low"),
		 "hub",
		 {"#high is a tag", "\nonly FEED WHAT - "}},
		{CHAT("deploys", "only a b c d e f g h i"), "deploys", {"up to 8 tags"}},
		{CHAT("deploys", "quiet 22:00-07:00"),
		 "deploys",
		 {"like this", "\nquiet HOURS ZONE - ", "\nquiet off - "}},
		{CHAT("hub", "quiet deploys 22:00-07:00"),
		 "hub",
		 {"Quiet hours are", "\nquiet FEED HOURS ZONE - "}},
		{CHAT("hub", "quiet 22-7 Nowhere"),
		 "hub",
		 {"do not know that time zone"}},
		{CHAT("hub", "urgent deploys"), "hub", {"\nurgent FEED on|off - "}},
	};
	assert_told(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void help_of_a_feed(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("deploys", "Help."));
	assert_answer(f, a, "deploys@" DOMAIN);
	assert_has(a, "the feed deploys");
	for (const char *const *c = (const char *const[]){"list",
							  "subscribe",
							  "unsubscribe",
							  "subscriptions",
							  "last N",
							  "only WHAT",
							  "everything",
							  "mute TIME",
							  "unmute",
							  "pause",
							  "resume",
							  "quiet HOURS ZONE",
							  "quiet off",
							  "urgent on|off",
							  "digest WHEN ZONE",
							  "digest off",
							  "format FORMAT",
							  "yes",
							  "no",
							  "requests",
							  "allow JID",
							  "deny JID",
							  "whoami",
							  "help",
							  NULL};
	     *c != NULL; c++) {
		char line[32];
		snprintf(line, sizeof(line), "\n%s - ", *c);
		assert_has(a, line);
	}
	assert_null(strstr(a, "FEED"));
	a = told(f, CHAT("deploys", "list"));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone '' 50\n");
	assert_has(a, "to hub@" DOMAIN);
	f->hub.more = true;
	assert_has(told(f, CHAT("deploys", "list")), "write &apos;list deploys&apos;");
	told(f, CHAT("deploys", "list deploys"));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone 'deploys' 50\n");
}

/* Whatever is written there. */
static void feeds_that_are_not_there(void **state)
{
	struct fixture *f = *state;
	assert_answer(f, told(f, CHAT("none", "help")), "none@" DOMAIN);
	assert_has(f->sent.data, "There is no feed none.");
	assert_has(told(f, CHAT("none", "hello")), "There is no feed none.");
	assert_has(told(f, CHAT("none", "last 99")), "There is no feed none.");
	assert_has(told(f, CHAT("secret", "help")), "not open to you");
	assert_has(told(f, CHAT("a+b", "subscribe")), "There is no feed of that name.");
	assert_has(f->sent.data, "to hub@" DOMAIN);
}

/* Behind a name it may end the sentence, or the name. */
static void full_stops(void **state)
{
	struct fixture *f = *state;
	assert_has(told(f, CHAT("hub", "Subscribe deploys.")), "You now follow deploys.");
	assert_string_equal(f->hub.log.data,
			    "subscribe " ALICE "/phone deploys. " ALICE " c\n"
			    "subscribe " ALICE "/phone deploys " ALICE " c\n");
	assert_has(told(f, CHAT("hub", "Last deploys.")), "all is well");
	assert_has(told(f, CHAT("hub", "Unsubscribe deploys...")),
		   "no longer follow deploys.");
	assert_has(told(f, CHAT("hub", "subscribe none.")), "There is no feed none.");
	assert_has(told(f, CHAT("deploys", "Subscribe deploys.")),
		   "You now follow deploys.");
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, CHAT("hub", "subscribe deploys.")), "did not work");
	assert_string_equal(f->hub.log.data,
			    "subscribe " ALICE "/phone deploys. " ALICE " c\n");
}

static void encrypted(void **state)
{
	struct fixture *f = *state;
	const char *omemo =
		"<message " FROM_ALICE TO_HUB
		" type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'/>"
		"<encryption xmlns='urn:xmpp:eme:0' "
		"namespace='eu.siacs.conversations.axolotl'/></message>";
	assert_has(told(f, omemo), "cannot read encrypted");
	assert_string_equal(told(f, omemo), "");
	assert_string_equal(told(f, CHAT("hub", "?OTRv3?")), "");
	assert_has(told(f, "<message from='bob@example.org'" TO_HUB
			   "><body>?OTR?</body></message>"),
		   "cannot read encrypted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(chat_commands),
		TEST(chat_last),
		TEST(chat_last_of_all),
		TEST(one_such_question_at_a_time),
		TEST(not_understood),
		TEST(wrongly_used),
		TEST(wrongly_limited),
		TEST(help_of_a_feed),
		TEST(feeds_that_are_not_there),
		TEST(full_stops),
		TEST(encrypted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
