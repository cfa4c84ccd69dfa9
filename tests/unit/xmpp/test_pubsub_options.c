#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define PUBSUB(type, payload)                                                            \
	IQ(type, DOMAIN, "<pubsub xmlns='" NS_PUBSUB "'>" payload "</pubsub>")
#define FORM(fields) "<x xmlns='" NS_FORM "' type='submit'>" fields "</x>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define TYPE FIELD("FORM_TYPE", NS_PUBSUB "#subscribe_options")
#define SET(fields)                                                                      \
	PUBSUB("set",                                                                    \
	       "<options node='deploys' jid='" ALICE "'>" FORM(fields) "</options>")
#define GET(node, jid) PUBSUB("get", "<options node='" node "' jid='" jid "'/>")
#define SUBSCRIBE(fields)                                                                \
	PUBSUB("set", "<subscribe node='deploys' jid='" ALICE                            \
		      "'/><options>" FORM(fields) "</options>")
#define DETAIL(name) "<" name " xmlns='" NS_PUBSUB_ERRORS "'/></error>"
#define MAX_0 "<set xmlns='" NS_RSM "'><max>0</max></set>"
#define INVALID ERROR("modify", "bad-request") DETAIL("invalid-options")
#define CHANGE "subscribe " ALICE "/phone deploys " ALICE " e"

static void getting(void **state)
{
	struct fixture *f = *state;
	static const char options[] =
		"p2 m1769860800000 z q1320-420/Europe/Berlin u d90 tweb tNight%20shift";
	assert_has(told(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>")),
		   "<feature var='" NS_PUBSUB "#subscription-options'/>");
	const char *a = told(f, GET("deploys", ALICE));
	assert_answer(f, a, DOMAIN);
	assert_string_equal(f->hub.log.data, "subscription deploys " ALICE "\n");
	assert_has(a, "<pubsub xmlns='" NS_PUBSUB "'><options node='deploys' jid='" ALICE
		      "'><x xmlns='" NS_FORM "' type='form'><field var='FORM_TYPE' "
		      "type='hidden'><value>" NS_PUBSUB
		      "#subscribe_options</value></field><field var='pubsub#deliver' "
		      "type='boolean'");
	assert_has(a, "<value>low</value><option label='low'>");
	assert_has(
		a,
		"it is not'><value>0</value></field><field var='x-belfry#quiet' "
		"type='text-single' label='Quiet hours (22:00-07:00 Europe/Berlin)'>"
		"</field><field var='x-belfry#urgent' type='boolean' label='Urgent "
		"events come in quiet hours, before digests and in other states, too'>"
		"<value>0</value></field><field var='pubsub#digest' type='boolean' "
		"label='Events come together'><value>0</value></field><field "
		"var='pubsub#digest_frequency' type='text-single' label='Milliseconds "
		"between two digests (a minute to seven days)'></field><field "
		"var='x-belfry#digest_daily' type='text-single' label='Or one digest a "
		"day, at (08:00 Europe/Berlin)'></field>"
		"<field var='x-belfry#hold' type='boolean' label='What comes "
		"while you are offline is kept'><value>0</value></field><field "
		"var='pubsub#show-values' type='list-multi' label='Only while you are "
		"shown as one of these; none: always'><option label='chat'>");
	f->hub.sub.options = options;
	f->hub.sub.options_len = sizeof(options) - 1;
	a = told(f, GET("deploys", ALICE "/Tab"));
	assert_string_equal(f->hub.log.data, "subscription deploys " ALICE "/Tab\n");
	assert_has(a, "<value>web</value><value>Night shift</value>");
	assert_has(a, "<value>high</value><option");
	assert_has(a, "<value>2026-01-31T12:00:00.000Z</value>");
	assert_has(a, "it is not'><value>1</value>");
	assert_has(a, "<value>22:00-07:00 Europe/Berlin</value>");
	assert_has(a, "other states, too'><value>1</value>");
	assert_has(a, "together'><value>1</value>");
	assert_has(a, "seven days)'><value>5400000</value>");
	f->hub.sub.options = "d@481/UTC";
	f->hub.sub.options_len = 9;
	a = told(f, GET("deploys", ALICE));
	assert_has(a, "together'><value>1</value>");
	assert_has(a, "seven days)'></field>");
	assert_has(a, "<value>08:01 UTC</value>");
}

/* XEP-0060 16.4.2 */
static void by_presence(void **state)
{
	struct fixture *f = *state;
	static const char asked[] = "o s17 g1", granted[] = "o s17 g2", no[] = "s1 g3";
	f->hub.sub.options = asked;
	f->hub.sub.options_len = sizeof(asked) - 1;
	const char *a = told(f, GET("deploys", ALICE));
	assert_has(a, "is kept'><value>1</value>");
	assert_has(a, "none: always'><value>chat</value><value>dnd</value><option");
	assert_has(a, "<field var='x-belfry#presence' type='fixed' label='Your "
		      "presence'><value>please let the feed see");
	f->hub.sub.options = granted;
	assert_has(told(f, GET("deploys", ALICE)), "<value>may be seen</value>");
	f->hub.sub.options = no;
	f->hub.sub.options_len = sizeof(no) - 1;
	assert_has(told(f, GET("deploys", ALICE)), "choose this again to be asked");
}

static const struct {
	const char *xml, *log;
} set[] = {
	{SET(TYPE FIELD("pubsub#deliver", "1") FIELD("x-belfry#priority", "high")),
	 CHANGE " existing high\n"},
	/* What is not named stays; what is empty goes. */
	{SET("<field var='x-belfry#tags'/>"), CHANGE " existing tags\n"},
	{SET("<field var='x-belfry#tags'><value>a</value><value> b c </value></field>"),
	 CHANGE " existing tags 'a' 'b c'\n"},
	{SET(TYPE FIELD("x-belfry#muted_until", "2001-01-31T12:00:00Z")),
	 CHANGE " existing muted 0m\n"},
	{SET(FIELD("x-belfry#muted_until", "")), CHANGE " existing muted 0m\n"},
	{SET(FIELD("x-belfry#paused", "true")), CHANGE " existing paused\n"},
	{SET(FIELD("x-belfry#paused", "") FIELD("x-belfry#urgent", "0")),
	 CHANGE " existing resumed urgent waits\n"},
	{SET(FIELD("x-belfry#quiet", "22:00-7 europe/berlin")
		     FIELD("x-belfry#urgent", "1")),
	 CHANGE " existing quiet 1320-420 Europe/Berlin urgent passes\n"},
	{SET(FIELD("x-belfry#hold", "1")), CHANGE " existing hold\n"},
	{SET(FIELD("x-belfry#hold", "") "<field var='pubsub#show-values'><value>online"
					"</value><value>away</value></field>"),
	 CHANGE " existing no hold shows 6\n"},
	{SET("<field var='pubsub#show-values'/>"), CHANGE " existing shows 0\n"},
	{SET(FIELD("x-belfry#quiet", " ")), CHANGE " existing not quiet\n"},
	{SET(FIELD("pubsub#digest", "1") FIELD("nonsense", "x")),
	 CHANGE " existing digest every 60\n"},
	{SET(FIELD("pubsub#digest", "1") FIELD("pubsub#digest_frequency", "86400000")),
	 CHANGE " existing digest every 1440\n"},
	{SET(FIELD("pubsub#digest_frequency", "60001")),
	 CHANGE " existing digest every 2\n"},
	{SET(FIELD("pubsub#digest_frequency", "1")), CHANGE " existing digest every 1\n"},
	{SET(FIELD("pubsub#digest_frequency", "")), CHANGE " existing\n"},
	{SET(FIELD("pubsub#digest_frequency", "600000")
		     FIELD("x-belfry#digest_daily", "8 europe/berlin")
			     FIELD("pubsub#digest", "true")),
	 CHANGE " existing digest at 480 Europe/Berlin\n"},
	{SET(FIELD("pubsub#digest_frequency", "600000")
		     FIELD("x-belfry#digest_daily", "8 UTC") FIELD("pubsub#digest", "0")),
	 CHANGE " existing digest every 0\n"},
	{SET(FIELD("pubsub#deliver", "true")), CHANGE " existing\n"},
	{PUBSUB("set", "<options node='deploys' jid='" ALICE "'/>"),
	 CHANGE " existing\n"},
	{PUBSUB("set", "<options node='deploys' jid='" ALICE
		       "/Tab'>" FORM(FIELD("x-belfry#priority", "urgent")) "</options>"),
	 "subscribe " ALICE "/phone deploys " ALICE "/Tab e existing urgent\n"},
};

static void setting(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		const char *a = told(f, set[i].xml);
		assert_string_equal(f->hub.log.data, set[i].log);
		assert_has(a, "<iq type='result'");
	}
}

static void with_a_subscription(void **state)
{
	struct fixture *f = *state;
	static const char options[] = "p3";
	f->hub.sub.options = options;
	f->hub.sub.options_len = sizeof(options) - 1;
	const char *a = told(f, SUBSCRIBE(TYPE FIELD("x-belfry#priority", "urgent")));
	assert_string_equal(f->hub.log.data, CHANGE " urgent\n");
	assert_has(a, "subscription='subscribed'/><options><x xmlns='" NS_FORM
		      "' type='result'>");
	assert_has(a, "<field var='x-belfry#priority' type='list-single' "
		      "label='Only what is at least'><value>urgent</value></field>");
	/* Without a form there is nothing to set. */
	a = told(f,
		 PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/><options/>"));
	assert_string_equal(f->hub.log.data, CHANGE "\n");
	a = told(f, PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/>"));
	assert_null(strstr(a, "<options"));
}

static const struct {
	const char *xml, *error;
} refused[] = {
	{SET(FIELD("pubsub#deliver", "0")), INVALID},
	{SET(FIELD("pubsub#deliver", "false")), INVALID},
	{SET(FIELD("pubsub#deliver", "perhaps")), INVALID},
	{SET(FIELD("FORM_TYPE", NS_PUBSUB "#node_config")), INVALID},
	{SET(FIELD("x-belfry#priority", "loud")), INVALID},
	{SET(FIELD("x-belfry#muted_until", "tomorrow")), INVALID},
	{SET(FIELD("x-belfry#tags", "a&#10;b")), INVALID},
	{SET(FIELD("x-belfry#paused", "perhaps")), INVALID},
	{SET(FIELD("x-belfry#urgent", "on")), INVALID},
	{SET(FIELD("pubsub#digest", "perhaps")), INVALID},
	{SET(FIELD("pubsub#digest_frequency", "0")), INVALID},
	{SET(FIELD("pubsub#digest_frequency", "604800001")), INVALID},
	{SET(FIELD("pubsub#digest_frequency", "1h")), INVALID},
	{SET(FIELD("x-belfry#digest_daily", "08:00")), INVALID},
	{SET(FIELD("x-belfry#digest_daily", "25:00 UTC")), INVALID},
	{SET(FIELD("x-belfry#digest_daily", "08:00 Mars/Base")), INVALID},
	{SET(FIELD("x-belfry#quiet", "22:00-07:00")), INVALID},
	{SET(FIELD("x-belfry#quiet", "22:00-07:00 Mars/Base")), INVALID},
	{SET(FIELD("x-belfry#quiet", "22:00-07:00 UTC please")), INVALID},
	{SET(FIELD("x-belfry#quiet", "Europe/Berlin")), INVALID},
	{PUBSUB("set", "<options node='deploys' jid='" ALICE "'><x xmlns='" NS_FORM
		       "' type='cancel'/></options>"),
	 INVALID},
	{SUBSCRIBE(FIELD("pubsub#deliver", "0")), INVALID},
	{PUBSUB("set",
		"<subscribe node='deploys' jid='" ALICE "'/><options node='deploys'/>"),
	 ERROR("modify", "bad-request")},
	{PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/><options jid='x'/>"),
	 ERROR("modify", "bad-request")},
	{PUBSUB("set", "<options/><subscribe node='deploys' jid='" ALICE "'/>"),
	 ERROR("modify", "bad-request")},
	{GET("deploys", "bob@example.org"), ERROR("auth", "forbidden")},
	{GET("deploys", "@@"), ERROR("modify", "bad-request") DETAIL("invalid-jid")},
	{PUBSUB("get", "<options node='deploys'/>"),
	 ERROR("modify", "bad-request") DETAIL("jid-required")},
	{PUBSUB("get", "<options jid='" ALICE "'/>"),
	 ERROR("modify", "bad-request") DETAIL("nodeid-required")},
	{GET("Not a feed", ALICE), ERROR("cancel", "item-not-found")},
};

static void refusals(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_has(told(f, refused[i].xml), refused[i].error);
		assert_int_equal(f->hub.log.len, 0);
	}
	assert_has(told(f, GET("none", ALICE)), ERROR("cancel", "item-not-found"));
	f->hub.follows_not = true;
	assert_has(told(f, GET("deploys", ALICE)),
		   ERROR("modify", "unexpected-request") DETAIL("not-subscribed"));
	assert_has(told(f, SET(FIELD("x-belfry#priority", "high"))),
		   ERROR("modify", "unexpected-request") DETAIL("not-subscribed"));
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, GET("deploys", ALICE)),
		   ERROR("wait", "remote-server-timeout"));
}

static void ones_own(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, PUBSUB("get", "<subscriptions/>"));
	assert_answer(f, a, DOMAIN);
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone '' 200\n");
	assert_has(a,
		   "<pubsub xmlns='" NS_PUBSUB
		   "'><subscriptions><subscription node='deploys' jid='" ALICE
		   "' subscription='subscribed'/><subscription node='secret' jid='" ALICE
		   "' subscription='subscribed'/></subscriptions></pubsub>");
	f->hub.more = true;
	a = told(f, PUBSUB("get", "<subscriptions/><set xmlns='" NS_RSM
				  "'><max>2</max><after>b</after></set>"));
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone 'b' 2\n");
	assert_has(a, "</subscriptions><set xmlns='" NS_RSM
		      "'><first>deploys</first><last>secret</last></set></pubsub>");
	a = told(f, PUBSUB("get", "<subscriptions/>" MAX_0));
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone '' 200\n");
	assert_has(a, "<subscriptions></subscriptions><set xmlns='" NS_RSM
		      "'></set></pubsub>");
	a = told(f, PUBSUB("get", "<subscriptions node='deploys'/>"));
	assert_string_equal(f->hub.log.data, "subscription deploys " ALICE "\n");
	assert_has(a, "<subscriptions node='deploys'><subscription node='deploys' jid='");
	f->hub.more = false;
	assert_has(told(f, PUBSUB("get", "<subscriptions/>" MAX_0)),
		   "<subscriptions></subscriptions><set xmlns='" NS_RSM
		   "'><count>2</count></set></pubsub>");
	f->hub.follows_not = true;
	assert_has(told(f, PUBSUB("get", "<subscriptions/><set xmlns='" NS_RSM "'/>")),
		   "</subscriptions><set xmlns='" NS_RSM "'></set></pubsub>");
	assert_has(told(f, PUBSUB("get", "<subscriptions node='deploys'/>")),
		   "<subscriptions node='deploys'></subscriptions>");
	assert_has(told(f, PUBSUB("get", "<subscriptions/>")),
		   "<subscriptions></subscriptions></pubsub>");
	assert_has(told(f, PUBSUB("get", "<subscriptions node='none'/>")),
		   ERROR("cancel", "item-not-found"));
	assert_has(told(f, PUBSUB("get", "<subscriptions node=''/>")), "nodeid-required");
	ask_only(f, PUBSUB("get", "<subscriptions/>"));
	ask_only(f, PUBSUB("get", "<subscriptions/>"));
	assert_has(f->sent.data, ERROR("wait", "resource-constraint"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(getting),	TEST(setting),	TEST(with_a_subscription),
		TEST(refusals), TEST(ones_own), TEST(by_presence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
