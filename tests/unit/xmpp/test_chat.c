#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

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
	assert_has(told(f, CHAT("hub", "hello")), "did not understand");
	assert_string_equal(told(f, CHAT("hub", "hello?")), "");
	assert_string_equal(told(f, CHAT("deploys", "hello")), "");
	assert_has(told(f, CHAT("hub", "help")), "subscribe FEED");
	assert_has(told(f, "<message from='bob@example.org'" TO_HUB
			   "><body>hello</body></message>"),
		   "did not understand");
	assert_has(told(f, "<message from='carol@example.org' to='a+b@" DOMAIN
			   "'><body>subscribe</body></message>"),
		   "did not understand");
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
		TEST(chat_commands),	TEST(chat_last),
		TEST(chat_last_of_all), TEST(one_such_question_at_a_time),
		TEST(not_understood),	TEST(encrypted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
