#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* What people say, in chat, of how they follow. */

/* Each changes one thing of a subscription that there is. */
static void wanting_less(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *xml, *change, *parts[3];
	} cases[] = {
		{CHAT("hub", "mute deploys 2h"),
		 "deploys " ALICE " c existing muted 120m",
		 {"deploys is muted until 20", "&apos;last deploys N&apos;",
		  "&apos;unmute deploys&apos;"}},
		{CHAT("deploys", "mute"),
		 "deploys " ALICE " c existing muted 480m",
		 {" UTC.", "&apos;last N&apos;", "&apos;unmute&apos;"}},
		{CHAT("deploys", "unmute"),
		 "deploys " ALICE " c existing muted 0m",
		 {"You hear deploys again."}},
		{CHAT("hub", "pause deploys"),
		 "deploys " ALICE " c existing paused",
		 {"deploys is paused.", "&apos;resume deploys&apos;"}},
		{CHAT("deploys", "resume"),
		 "deploys " ALICE " c existing resumed",
		 {"You get deploys again, and what was kept."}},
		{CHAT("hub", "quiet deploys 22-7 europe/berlin"),
		 "deploys " ALICE " c existing quiet 1320-420 Europe/Berlin",
		 {"deploys has quiet hours now: 22:00-07:00 Europe/Berlin.",
		  "&apos;quiet deploys off&apos;", "&apos;urgent deploys on&apos;"}},
		{CHAT("deploys", "quiet off"),
		 "deploys " ALICE " c existing not quiet",
		 {"deploys has no quiet hours any more."}},
		{CHAT("hub", "digest deploys daily@8 europe/berlin"),
		 "deploys " ALICE " c existing digest at 480 Europe/Berlin",
		 {"The events of deploys come together now, daily at 08:00 "
		  "Europe/Berlin. Write &apos;digest deploys off&apos; to end this",
		  "&apos;urgent deploys on&apos;"}},
		{CHAT("deploys", "digest 90m"),
		 "deploys " ALICE " c existing digest every 90",
		 {"The events of deploys come together now, every 90m (from"}},
		{CHAT("deploys", "digest off"),
		 "deploys " ALICE " c existing digest every 0",
		 {"The events of deploys come one by one again."}},
		{CHAT("deploys", "urgent on"),
		 "deploys " ALICE " c existing urgent passes",
		 {"What is urgent of deploys comes in quiet hours, before digests, and "
		  "whatever you are shown as (unless offline), too."}},
		{CHAT("hub", "urgent deploys off"),
		 "deploys " ALICE " c existing urgent waits",
		 {"What is urgent of deploys waits for the end of quiet hours"}},
		{CHAT("hub", "hold deploys on"),
		 "deploys " ALICE " c existing hold",
		 {"of deploys while you are offline is kept until you are back"}},
		{CHAT("deploys", "hold off"),
		 "deploys " ALICE " c existing no hold",
		 {"is not kept here any more"}},
		{CHAT("hub", "when deploys chat,Online"),
		 "deploys " ALICE " c existing shows 3",
		 {"deploys comes only while you are shown as one of: chat, online.",
		  "&apos;when deploys any&apos;", "&apos;urgent deploys on&apos;"}},
		{CHAT("deploys", "when any"),
		 "deploys " ALICE " c existing shows 0",
		 {"deploys comes whatever you are shown as."}},
		{CHAT("hub", "only deploys web 'Night' urgent"),
		 "deploys " ALICE " c existing urgent tags 'web' 'Night'",
		 {"only: web, Night; urgent.", "&apos;everything deploys&apos;"}},
		{CHAT("deploys", "only #urgent"),
		 "deploys " ALICE " c existing low tags 'urgent'",
		 {"only: urgent. Write &apos;everything&apos;"}},
		{CHAT("deploys", "only high"),
		 "deploys " ALICE " c existing high tags",
		 {"only: high or more urgent."}},
		{CHAT("deploys", "everything"),
		 "deploys " ALICE " c existing low tags",
		 {"everything of deploys again"}},
		{CHAT("hub", "format deploys headline"),
		 "deploys " ALICE " h existing format",
		 {"comes as headline", "lost while you are offline"}},
		{CHAT("deploys", "format event"),
		 "deploys " ALICE " e existing format",
		 {"comes as event", "for programs"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char log[300];
		const char *a = told(f, cases[i].xml);
		snprintf(log, sizeof(log), "subscribe " ALICE "/phone %s\n",
			 cases[i].change);
		assert_string_equal(f->hub.log.data, log);
		for (size_t k = 0; k < 3 && cases[i].parts[k] != NULL; k++)
			assert_has(a, cases[i].parts[k]);
	}
	f->hub.follows_not = true;
	assert_has(told(f, CHAT("hub", "mute deploys")),
		   "do not follow deploys. Write &apos;subscribe deploys&apos;");
	assert_has(told(f, CHAT("deploys", "only web")),
		   "do not follow deploys. Write &apos;subscribe&apos;");
	assert_has(told(f, CHAT("hub", "format none chat")), "no feed none");
	assert_has(told(f, CHAT("hub", "everything deploys.")), "do not follow deploys.");
}

/* The same of all that are followed. */
static void resting_all(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][3] = {
		{CHAT("hub", "pause"), "paused", "1 feed is paused. "},
		{CHAT("hub", "resume"), "resumed", "You get 1 feed again, and what was"},
		{CHAT("hub", "quiet 22:00-07:00 UTC"), "quiet 1320-420 UTC",
		 "1 feed has quiet hours now: 22:00-07:00 UTC. "},
		{CHAT("hub", "quiet off"), "not quiet", "1 feed has no quiet hours any"},
		{CHAT("hub", "urgent on"), "urgent passes", "urgent of 1 feed comes in"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char log[400];
		const char *a = told(f, cases[i][0]);
		snprintf(log, sizeof(log),
			 "following " ALICE "/phone '' 200\n"
			 "subscribe " ALICE "/phone deploys " ALICE " c existing %s\n"
			 "subscribe " ALICE "/phone secret " ALICE " c existing %s\n",
			 cases[i][1], cases[i][1]);
		assert_string_equal(f->hub.log.data, log);
		assert_has(a, cases[i][2]);
	}
}

/* Feeds that were left meanwhile, or do not let in any more, are passed over. */
static void muting_all(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("hub", "mute 3d"));
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone '' 200\n"
					     "subscribe " ALICE "/phone deploys " ALICE
					     " c existing muted 4320m\n"
					     "subscribe " ALICE "/phone secret " ALICE
					     " c existing muted 4320m\n");
	assert_has(a, "1 feed is muted until 20");
	assert_has(told(f, CHAT("hub", "unmute")), "1 feed is heard again.");
	f->hub.more = true;
	assert_has(told(f, CHAT("hub", "mute")), "There are more than I look through");
	f->hub.follows_not = true;
	assert_has(told(f, CHAT("hub", "mute")), "You do not follow any feed.");
	f->hub.err = BELFRY_EFULL;
	assert_has(told(f, CHAT("hub", "unmute")), "too many feeds");
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, CHAT("hub", "unmute")), "did not work");
	/* It looks through all feeds: one at a time. */
	f->hub.err = BELFRY_OK;
	ask_only(f, CHAT("hub", "mute"));
	ask_only(f, CHAT("hub", "subscriptions"));
	assert_has(f->sent.data, "still looking");
}

static void what_one_follows(void **state)
{
	struct fixture *f = *state;
	static const char options[] = "a p3 m99999999999999 tweb tNight%20shift";
	const char *a = told(f, CHAT("hub", "subscriptions"));
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone '' 50\n");
	assert_has(a, "You follow:\ndeploys - chat\nsecret - event</body>");
	f->hub.sub.options = options;
	f->hub.sub.options_len = sizeof(options) - 1;
	a = told(f, CHAT("deploys", "subscriptions"));
	assert_has(a, "\ndeploys - chat - only web, Night shift; urgent - muted until "
		      "5138-11-16 09:46 UTC\n");
	f->hub.more = true;
	assert_has(told(f, CHAT("hub", "subscriptions")),
		   "write &apos;subscriptions secret&apos;");
	told(f, CHAT("hub", "subscriptions builds"));
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone 'builds' 50\n");
	assert_has(told(f, CHAT("hub", "whoami")), "Feeds that you follow: 2 or more");
	assert_has(f->sent.data, "Address: " ALICE "\n");
	a = told(f, CHAT("deploys", "whoami"));
	assert_string_equal(f->hub.log.data, "subscription deploys " ALICE "\n");
	assert_has(a, "You follow this feed: yes\nIts events come as: chat\n"
		      "Since position: 1-2\nYou get only: web, Night shift; urgent\n"
		      "Muted until: 5138-11-16 09:46 UTC\n"
		      "It is in your contact list: yes</body>");
	/* What has passed is not told. */
	f->hub.sub.options = "m1000";
	f->hub.sub.options_len = 5;
	assert_null(strstr(told(f, CHAT("deploys", "whoami")), "Muted"));
	f->hub.follows_not = true;
	assert_has(told(f, CHAT("deploys", "whoami")), "You follow this feed: no</body>");
	assert_has(told(f, CHAT("hub", "subscriptions")), "do not follow any feed");
	assert_has(told(f, CHAT("hub", "subscriptions z")), "no feed behind that name");
	assert_has(told(f, CHAT("none", "whoami")), "no feed none");
}

static void row_is(struct fixture *f, const char *hold, const char *options)
{
	f->hub.sub.hold = hold;
	f->hub.sub.hold_len = strlen(hold);
	f->hub.sub.options = options;
	f->hub.sub.options_len = strlen(options);
}

/* Why somebody gets nothing. */
static void what_waits(void **state)
{
	struct fixture *f = *state;
	row_is(f, "hp:1-2:0:0:0::1-2", "z q1320-420/Europe/Berlin u");
	assert_has(told(f, CHAT("hub", "subscriptions")),
		   "\ndeploys - chat - paused - quiet 22:00-07:00 Europe/Berlin, but for "
		   "what is urgent\n");
	assert_has(told(f, CHAT("deploys", "whoami")),
		   "\nPaused: yes\nQuiet hours: 22:00-07:00 Europe/Berlin, but for what "
		   "is urgent\nIt is in");
	row_is(f, "hb:1-2:9:3:5:service-unavailable:1-2", "q0-1/UTC");
	assert_has(told(f, CHAT("hub", "subscriptions")),
		   "\ndeploys - chat - quiet 00:00-00:01 UTC - held: it came back "
		   "(service-unavailable), and is tried again\n");
	row_is(f, "hd:1-2:0:12:5::1-2", "");
	assert_has(
		told(f, CHAT("deploys", "whoami")),
		"\nHeld: it came back too often: &apos;resume&apos; tries again\nIt is");
	row_is(f, "hk:1-2:0:12:5::1-2", "u");
	assert_has(told(f, CHAT("hub", "subscriptions")), "\ndeploys - chat\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(wanting_less),	TEST(muting_all), TEST(resting_all),
		TEST(what_one_follows), TEST(what_waits),
	};
	return cmocka_run_group_tests_name("xmpp/wishes", tests, NULL, NULL);
}
