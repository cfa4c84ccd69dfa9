#include "commanding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

/* What a command asks for in its form, and what is submitted. */

#define BAD(condition) "<" condition " xmlns='" NS_COMMANDS "'/></error>"

static void forms(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, RUN(FEED, "mute"));
	assert_answer(f, a, FEED);
	assert_has(a, "status='executing' xml:lang='en'><actions execute='complete'>"
		      "<complete/></actions><x xmlns='" NS_FORM
		      "' type='form'><title>Mute</title><field var='time' "
		      "type='text-single' label='For how long");
	assert_has(a, "<value>8h</value></field></x></command>");
	assert_no(a, "var='feed'");
	a = told(f, RUN(HUB, "mute"));
	assert_string_equal(f->hub.log.data, "following " ALICE "/phone '' 200\n");
	assert_has(
		a,
		"<field var='feed' type='list-single' label='Feed'><value>*</value>"
		"<option label='All that I follow'><value>*</value></option><option "
		"label='deploys'><value>deploys</value></option><option label='secret'>");
	a = told(f, RUN(DOMAIN, "unsubscribe"));
	assert_has(a,
		   "<field var='feed' type='list-single' label='Feed'><required/><option "
		   "label='deploys'>");
	a = told(f, RUN(HUB, "subscribe"));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone '' 200\n");
	assert_has(a,
		   "<option label='deploys - Deploys &amp; &lt;more&gt;'><value>deploys"
		   "</value></option>");
	a = told(f, RUN(FEED, "format"));
	assert_has(a,
		   "<field var='format' type='list-single' label='How events come'>"
		   "<required/><value>chat</value><option label='Chat messages'><value>"
		   "chat</value></option>");
	a = told(f, RUN(FEED, "only"));
	assert_has(a, "<field var='tags' type='text-multi'");
	assert_has(a, "<field var='priority' type='list-single'");
	assert_has(told(f, RUN(FEED, "last")), "<field var='count' type='text-single'");
	a = told(f, RUN(FEED, "quiet"));
	assert_has(a, "<field var='hours' type='text-single' label='Quiet hours "
		      "(22:00-07:00); none: leave it empty'></field><field var='zone' "
		      "type='text-single' label='Time zone (Europe/Berlin)'>"
		      "</field></x>");
	assert_has(told(f, RUN(FEED, "urgent")),
		   "<field var='urgent' type='boolean' label='Get urgent events in quiet "
		   "hours'><required/><value>1</value></field></x>");
	a = told(f, RUN(FEED, "digest"));
	assert_has(a, "<field var='when' type='text-single' label='How often: 5m, 1h, 2d "
		      "or daily@08:00; one by one: leave it empty'></field><field "
		      "var='zone' type='text-single' label='Time zone (Europe/Be");
	/* Where there are too many to choose from, or it is not known: by name. */
	f->hub.more = true;
	assert_has(
		told(f, RUN(HUB, "subscribe")),
		"<field var='feed' type='text-single' label='Feed'><required/></field>");
	assert_has(told(f, RUN(HUB, "mute")), "<field var='feed' type='text-single'");
	f->hub.more = false;
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, RUN(HUB, "mute")), "<field var='feed' type='text-single'");
	f->hub.err = BELFRY_OK;
	f->hub.follows_not = true;
	assert_has(
		told(f, RUN(HUB, "mute")),
		"status='completed' xml:lang='en'><note type='error'>You do not follow any");
	assert_has(told(f, RUN("none@" DOMAIN, "mute")),
		   ERROR("cancel", "item-not-found"));
	assert_has(told(f, RUN("secret@" DOMAIN, "mute")), ERROR("cancel", "forbidden"));
}

static const struct {
	const char *xml, *log, *said;
} submitted[] = {
	{SUBMIT(HUB, "subscribe", FIELD("feed", " Deploys\n")),
	 "subscribe " ALICE "/phone deploys " ALICE " c\n", "You now follow deploys."},
	{SUBMIT(DOMAIN, "mute", FIELD("feed", "deploys") FIELD("time", "30m")),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing muted 30m\n",
	 "deploys is muted until"},
	{SUBMIT(HUB, "mute", FIELD("feed", "deploys") "<field var='time'/>"),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing muted 480m\n",
	 "deploys is muted until"},
	{SUBMIT(FEED, "mute", FIELD("time", "1d") FIELD("time", "2d")),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing muted 1440m\n",
	 "deploys is muted until"},
	{SUBMIT(FEED, "only",
		FIELD("FORM_TYPE", "x") FIELD(
			"unknown",
			"y") "<field var='tags'><value>Night "
			     "shift</value><value/><value>web</value></field>" FIELD(
				     "priority", "high")),
	 "subscribe " ALICE "/phone deploys " ALICE
	 " c existing high tags 'Night shift' 'web'\n",
	 "only: Night shift, web; high or more urgent."},
	{SUBMIT(FEED, "only", FIELD("tags", "urgent") FIELD("priority", "low")),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing low tags 'urgent'\n",
	 "only: urgent."},
	{SUBMIT(FEED, "quiet", FIELD("hours", " 22:00-7 ") FIELD("zone", "Asia/Tokyo")),
	 "subscribe " ALICE "/phone deploys " ALICE
	 " c existing quiet 1320-420 Asia/Tokyo\n",
	 "deploys has quiet hours now: 22:00-07:00 Asia/Tokyo."},
	{SUBMIT(FEED, "digest", FIELD("when", "daily@8") FIELD("zone", "Asia/Tokyo")),
	 "subscribe " ALICE "/phone deploys " ALICE
	 " c existing digest at 480 Asia/Tokyo\n",
	 "The events of deploys come together now, daily at 08:00 Asia/Tokyo."},
	{SUBMIT(FEED, "quiet", FIELD("hours", "") "<field var='zone'/>"),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing not quiet\n",
	 "deploys has no quiet hours any more."},
	{SUBMIT(HUB, "urgent", FIELD("feed", "deploys") FIELD("urgent", "0")),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing urgent waits\n",
	 "waits for the end"},
	{SUBMIT(DOMAIN, "resume", FIELD("feed", "deploys")),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing resumed\n",
	 "You get deploys again"},
	{SUBMIT(HUB, "format", FIELD("feed", "deploys") FIELD("format", "headline")),
	 "subscribe " ALICE "/phone deploys " ALICE " h existing format\n",
	 "as headline."},
	/* A form may be submitted at once. */
	{IQ("set", FEED,
	    COMMAND_OF("format", "",
		       "<x xmlns='" NS_FORM
		       "' type='submit'>" FIELD("format", "normal") "</x>")),
	 "subscribe " ALICE "/phone deploys " ALICE " n existing format\n", "as normal."},
	/* What has to be nothing in particular may be missing altogether. */
	{IQ("set", FEED, COMMAND_OF("mute", "action='complete'", "")),
	 "subscribe " ALICE "/phone deploys " ALICE " c existing muted 480m\n",
	 "deploys is muted until"},
};

static void submitting(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(submitted) / sizeof(submitted[0]); i++) {
		const char *a = told(f, submitted[i].xml);
		assert_string_equal(f->hub.log.data, submitted[i].log);
		assert_has(a, "status='completed'");
		assert_has(a, submitted[i].said);
		if (strstr(submitted[i].xml, SESSION) != NULL)
			assert_has(a, "sessionid='" SESSION "'");
	}
}

static const struct {
	const char *xml, *error, *text;
} refused[] = {
	{RUN(HUB, "none"), ERROR("cancel", "item-not-found"), ""},
	{RUN(HUB, "MUTE"), ERROR("cancel", "item-not-found"), ""},
	{RUN("a+b@" DOMAIN, "mute"), ERROR("cancel", "item-not-found"), ""},
	{IQ("set", HUB, "<command xmlns='" NS_COMMANDS "'/>"),
	 ERROR("cancel", "item-not-found"), ""},
	{IQ("set", HUB, "<command xmlns='" NS_COMMANDS "' node='deploys'/>"),
	 ERROR("cancel", "item-not-found"), ""},
	{IQ("get", HUB, COMMAND_OF("mute", "", "")),
	 ERROR("cancel", "service-unavailable"), ""},
	{IQ("set", HUB, COMMAND_OF("mute", "action='explode'", "")),
	 ERROR("modify", "bad-request"), BAD("malformed-action")},
	{IQ("set", HUB, COMMAND_OF("mute", "action=''", "")),
	 ERROR("modify", "bad-request"), BAD("malformed-action")},
	{IQ("set", HUB, COMMAND_OF("mute", "action='prev'", "")),
	 ERROR("modify", "bad-request"), BAD("bad-action")},
	{IQ("set", HUB, COMMAND_OF("mute", "action='next'", "")),
	 ERROR("modify", "bad-request"), BAD("bad-action")},
	{IQ("set", HUB, COMMAND_OF("mute", "sessionid=''", "")),
	 ERROR("modify", "bad-request"), BAD("bad-sessionid")},
	{IQ("set", HUB, COMMAND_OF("mute", "sessionid='another server&apos;s'", "")),
	 ERROR("modify", "bad-request"), BAD("bad-sessionid")},
	{SUBMIT(HUB, "subscribe", ""),
	 "The field &apos;feed&apos; has to be filled in.</text>", BAD("bad-payload")},
	{SUBMIT(HUB, "unsubscribe", FIELD("feed", "*")), "only a-z", BAD("bad-payload")},
	{SUBMIT(HUB, "subscribe", FIELD("feed", "a/b")), "only a-z", BAD("bad-payload")},
	{SUBMIT(FEED, "format", FIELD("format", "fax")), "The formats are",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "format", FIELD("format", " ")), "&apos;format&apos; has to be",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "last", FIELD("count", "21")), "from 1 to 20", BAD("bad-payload")},
	{SUBMIT(FEED, "mute", FIELD("time", "31d")), "at most 30d", BAD("bad-payload")},
	{SUBMIT(FEED, "quiet", FIELD("hours", "22-7")), "do not know that time zone",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "digest", FIELD("when", "daily@8")), "A digest comes every",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "quiet", FIELD("zone", "UTC")), "Quiet hours are",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "quiet", FIELD("hours", "late") FIELD("zone", "UTC")),
	 "Quiet hours are", BAD("bad-payload")},
	{SUBMIT(FEED, "urgent", ""), "&apos;urgent&apos; has to be", BAD("bad-payload")},
	{SUBMIT(FEED, "only", ""), "Name up to 8 tags", BAD("bad-payload")},
	{SUBMIT(FEED, "only", FIELD("priority", "low")), "Name up to 8 tags",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "only", FIELD("tags", "a&#10;b")), "Name up to 8 tags",
	 BAD("bad-payload")},
	{SUBMIT(FEED, "only", FIELD("priority", "loud")), "Name up to 8 tags",
	 BAD("bad-payload")},
	{IQ("set", FEED, COMMAND_OF("mute", "", "<x xmlns='" NS_FORM "' type='form'/>")),
	 "type submit", BAD("bad-payload")},
	{IQ("set", FEED, COMMAND_OF("mute", "", "<x xmlns='" NS_FORM "'/>")),
	 "type submit", BAD("bad-payload")},
};

static void refusals(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *a = told(f, refused[i].xml);
		assert_has(a, "<iq type='error'");
		assert_has(a, refused[i].error);
		assert_has(a, refused[i].text);
		assert_true(strstr(a, "item-not-found") || strstr(a, "service-unav") ||
			    strstr(a, "/><error type='modify'><bad-request"));
		if (strstr(refused[i].xml, SESSION) != NULL)
			assert_has(a, "sessionid='" SESSION "'/><error");
		assert_int_equal(f->hub.log.len, 0);
		xmpp_stanza_t *s = xmpp_stanza_new_from_string(f->ctx, a);
		assert_non_null(s);
		xmpp_stanza_release(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(forms),
		TEST(submitting),
		TEST(refusals),
	};
	return cmocka_run_group_tests_name("xmpp/commands_form", tests, NULL, NULL);
}
