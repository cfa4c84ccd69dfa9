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

/* How often the same JID is answered. */

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

static unsigned answers_to(struct fixture *f, const char *ask)
{
	unsigned answers = 0;
	while (answers < 100 && told(f, ask)[0] != '\0')
		answers++;
	return answers;
}

/* What nobody asked for: of all that is not understood, wherever it is written, one. */
static void unasked_once_an_hour(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(answers_to(f, CHAT("deploys", "hello")), 1);
	assert_string_equal(told(f, CHAT("hub", "good morning")), "");
	assert_string_equal(told(f, CHAT("none", "hello")), "");
	assert_string_equal(told(f, CHAT("a+b", "hello")), "");
	/* Help that is asked for is another matter, and does not bring it back. */
	assert_int_equal(answers_to(f, CHAT("hub", "help")), 10);
	assert_string_equal(told(f, CHAT("hub", "hello")), "");
	skipped_s += HOUR_S - 60;
	assert_string_equal(told(f, CHAT("hub", "hello")), "");
	skipped_s += 60;
	assert_int_equal(answers_to(f, CHAT("a+b", "hello")), 1);
	assert_string_equal(told(f, CHAT("deploys", "hello")), "");
	/* Somebody else is told. */
	assert_has(told(f, "<message from='bob@example.org'" TO_HUB
			   "><body>hello</body></message>"),
		   "do not know");
}

/* Robots that answer everything: ten answers, then there is peace. */
static void robots(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		unsigned answers;
	} says[] = {
		{"?", 10},
		{"Help is on its way.", 10},
		{"List of my commands: ...", 3},
		{"Last seen: never. Subscribe now!", 3},
	};
	char ask[400];
	for (size_t i = 0; i < 4; i++) {
		snprintf(ask, sizeof(ask),
			 "<message from='robot%zu@example.org'" TO_HUB
			 "><body>%s</body></message>",
			 i, says[i].text);
		assert_int_equal(answers_to(f, ask), says[i].answers);
		/* All that is explained counts together; what is asked for does not. */
		snprintf(ask, sizeof(ask),
			 "<message from='robot%zu@example.org'" TO_HUB
			 "><body>last 99</body></message>",
			 i);
		assert_int_equal(answers_to(f, ask), says[i].answers == 10 ? 3 : 0);
		memcpy(strstr(ask, "99"), " 1", 2);
		assert_has(told(f, ask), "all is well");
	}
	/* Others are not told less. */
	assert_has(told(f, CHAT("hub", "help")), "subscribe FEED");
}

static void after_a_while(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(answers_to(f, CHAT("hub", "help")), 10);
	assert_int_equal(answers_to(f, CHAT("deploys", "last 99")), 3);
	assert_int_equal(answers_to(f, CHAT("hub", "mute whatever I say")), 0);
	skipped_s += 350;
	assert_int_equal(answers_to(f, CHAT("deploys", "help")), 0);
	skipped_s += 10;
	assert_int_equal(answers_to(f, CHAT("hub", "help")), 1);
	skipped_s += 720;
	assert_int_equal(answers_to(f, CHAT("hub", "help")), 2);
	skipped_s += 120;
	assert_int_equal(answers_to(f, CHAT("hub", "mute whatever I say")), 1);
	skipped_s += (time_t)24 * 3600;
	assert_int_equal(answers_to(f, CHAT("hub", "help")), 10);
	assert_int_equal(answers_to(f, CHAT("hub", "?OTRv3?")), 1);
	skipped_s += (time_t)24 * 3600;
	assert_int_equal(answers_to(f, CHAT("hub", "?OTRv3?")), 0);
}

/* Says back what it is told. */
static void a_parrot(void **state)
{
	struct fixture *f = *state;
	static const char *const first[] = {
		"hello", "help",	  "list",   "last 99", "subscribe none", "last",
		"mute",	 "subscriptions", "whoami", "unmute",  "only deploys a", "only",
	};
	char ask[4000];
	for (size_t i = 0; i < 12; i++) {
		unsigned answers = 0;
		snprintf(ask, sizeof(ask),
			 "<message from='parrot%zu@example.org'" TO_HUB
			 "><body>%s</body></message>",
			 i, first[i]);
		while (answers < 100 && told(f, ask)[0] != '\0') {
			char *body = strstr(f->sent.data, "<body>");
			*strstr(body, "</body>") = '\0';
			snprintf(ask, sizeof(ask),
				 "<message from='parrot%zu@example.org'" TO_HUB
				 ">%s</body></message>",
				 i, body);
			answers++;
		}
		assert_in_range(answers, 1, 11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(unasked_once_an_hour),
		TEST(robots),
		TEST(after_a_while),
		TEST(a_parrot),
	};
	return cmocka_run_group_tests_name("xmpp/chat/often", tests, NULL, NULL);
}
