#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUB "hub@" DOMAIN
#define FEED "deploys@" DOMAIN
#define SESSION "0123456789abcdef0123456789abcdef"
#define COMMAND_OF(name, attributes, payload)                                            \
	"<command xmlns='" NS_COMMANDS "' node='belfry:" name "' " attributes            \
	">" payload "</command>"
#define RUN(to, name) IQ("set", to, COMMAND_OF(name, "", ""))
#define SUBMIT(to, name, fields)                                                         \
	IQ("set", to,                                                                    \
	   COMMAND_OF(name, "sessionid='" SESSION "' action='complete'",                 \
		      "<x xmlns='" NS_FORM "' type='submit'>" fields "</x>"))
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define QUERY(ns, node) "<query xmlns='" ns "' node='" node "'/>"
#define BAD(condition) "<" condition " xmlns='" NS_COMMANDS "'/></error>"

static void assert_no(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("'%s' is in '%s'", part, text);
}

static void discovery(void **state)
{
	struct fixture *f = *state;
	static const char *const places[] = {DOMAIN, HUB, FEED};
	static const char *const names[] = {
		"list",	      "subscribe", "unsubscribe", "subscriptions", "last", "only",
		"everything", "mute",	   "unmute",	  "format",	   "yes",  "no",
		"requests",   "allow",	   "deny",	  "whoami",	   "help"};
	for (size_t i = 0; i < 3; i++) {
		char xml[400], item[200];
		snprintf(xml, sizeof(xml),
			 IQ("get", "%s", "<query xmlns='" NS_DISCO_INFO "'/>"),
			 places[i]);
		assert_has(told(f, xml), "<feature var='" NS_COMMANDS "'/>");
		/* They are in what carries them alone. */
		assert_no(f->sent.data, "<feature var='jabber:x:data'/>");
		snprintf(xml, sizeof(xml),
			 IQ("get", "%s", QUERY(NS_DISCO_ITEMS, NS_COMMANDS)), places[i]);
		const char *a = told(f, xml);
		assert_answer(f, a, places[i]);
		assert_has(a, "node='" NS_COMMANDS "'>");
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			snprintf(item, sizeof(item),
				 "<item jid='%s' node='belfry:%s' name='", places[i],
				 names[n]);
			assert_has(a, item);
		}
		snprintf(xml, sizeof(xml),
			 IQ("get", "%s", QUERY(NS_DISCO_INFO, "belfry:mute")), places[i]);
		a = told(f, xml);
		assert_answer(f, a, places[i]);
		assert_has(a, "<identity category='automation' type='command-node' "
			      "name='Mute'/><feature var='" NS_COMMANDS
			      "'/><feature var='" NS_FORM "'/>");
	}
	assert_has(told(f, IQ("get", HUB, QUERY(NS_DISCO_INFO, NS_COMMANDS))),
		   "<identity category='automation' type='command-list'");
	assert_has(told(f, IQ("get", HUB, QUERY(NS_DISCO_ITEMS, "belfry:mute"))),
		   "node='belfry:mute'></query>");
}

static void discovery_of_what_is_not_there(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[] = {
		IQ("get", HUB, QUERY(NS_DISCO_INFO, "belfry:none")),
		IQ("get", HUB, QUERY(NS_DISCO_INFO, "mute")),
		IQ("get", HUB, QUERY(NS_DISCO_ITEMS, "belfry:")),
		IQ("get", DOMAIN, QUERY(NS_DISCO_ITEMS, "belfry:MUTE")),
		IQ("get", "none@" DOMAIN, QUERY(NS_DISCO_ITEMS, NS_COMMANDS)),
		IQ("get", "none@" DOMAIN, QUERY(NS_DISCO_INFO, "belfry:mute")),
		IQ("get", "a+b@" DOMAIN, QUERY(NS_DISCO_ITEMS, NS_COMMANDS)),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_has(told(f, cases[i]), ERROR("cancel", "item-not-found"));
	assert_has(
		told(f, IQ("get", "secret@" DOMAIN, QUERY(NS_DISCO_ITEMS, NS_COMMANDS))),
		"not-allowed");
}

/* What needs nothing is done at once. */
static void without_a_form(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, RUN(FEED, "subscribe"));
	assert_answer(f, a, FEED);
	assert_has(a, "<command xmlns='" NS_COMMANDS
		      "' node='belfry:subscribe' sessionid='");
	assert_has(a, "status='completed' xml:lang='en'><note type='info'>You now follow "
		      "deploys.");
	assert_string_equal(f->hub.log.data,
			    "subscribe " ALICE "/phone deploys " ALICE " c\n");
	assert_has(told(f, RUN(FEED, "everything")),
		   "<note type='info'>You get everything");
	assert_has(told(f, RUN(FEED, "unmute")),
		   "<note type='info'>You hear deploys again");
	assert_has(told(f, RUN(FEED, "unsubscribe")), "no longer follow deploys");
	/* What fails is completed, too, and says so. */
	a = told(f, RUN("secret@" DOMAIN, "unsubscribe"));
	assert_has(a, "status='completed'");
	assert_has(a, "<note type='error'>You do not follow secret");
	assert_has(told(f, RUN("none@" DOMAIN, "subscribe")),
		   "<note type='error'>There is no feed none.");
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, RUN(FEED, "subscribe")),
		   "<note type='error'>That did not work");
}

static void tables(void **state)
{
	struct fixture *f = *state;
	static const char options[] = "p3 tweb";
	const char *a = told(f, RUN(DOMAIN, "list"));
	assert_answer(f, a, DOMAIN);
	assert_has(a,
		   "<x xmlns='" NS_FORM "' type='result'><reported><field var='feed' "
		   "type='text-single' label='Feed'></field><field var='title' "
		   "type='text-single' label='Title'></field></reported><item><field "
		   "var='feed'><value>deploys</value></field><field var='title'><value>"
		   "Deploys &amp; &lt;more&gt;</value></field></item></x>");
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone '' 50\n");
	f->hub.sub.options = options;
	f->hub.sub.options_len = sizeof(options) - 1;
	a = told(f, RUN(HUB, "subscriptions"));
	assert_has(
		a,
		"<item><field var='feed'><value>deploys</value></field><field "
		"var='format'><value>chat</value></field><field var='only'><value>web; "
		"urgent</value></field><field var='muted'><value></value></field>"
		"<field var='paused'><value></value></field><field var='quiet'><value>"
		"</value></field><field var='digest'><value></value></field>"
		"<field var='kept'><value></value></field><field "
		"var='held'><value></value></field></item><item>");
	a = told(f, RUN(FEED, "whoami"));
	assert_has(a, "<field var='jid' type='text-single' label='Address'><value>" ALICE
		      "</value></field>");
	assert_has(
		a,
		"<field var='only' type='text-single' label='You get only'><value>web; urgent</value>");
	assert_no(a, "<reported>");
	a = told(f, RUN(HUB, "help"));
	assert_has(a, "<field var='command'><value>mute FEED TIME</value></field>");
	a = told(f, RUN(FEED, "help"));
	assert_has(a, "<field var='command'><value>mute TIME</value></field>");
	assert_no(a, "FEED");
	/* A list goes on behind a name. */
	f->hub.more = true;
	assert_has(told(f, RUN(HUB, "list")),
		   "There are more: write &apos;list deploys&apos;");
	told(f, SUBMIT(HUB, "list", FIELD("after", "deploys")));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone 'deploys' 50\n");
}

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

/* The events come as messages, and the command says how many. */
static void last_events(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, SUBMIT(FEED, "last", FIELD("count", "2")));
	assert_string_equal(f->hub.log.data, "items " ALICE "/phone deploys 2\n");
	const char *iq = strstr(a, "<iq ");
	assert_non_null(iq);
	const char *one = strstr(a, "<message"),
		   *two = one ? strstr(one + 1, "<message") : one;
	assert_true(one != NULL && two != NULL && two < iq);
	assert_has(a, "urn:xmpp:delay");
	assert_has(iq, "<note type='info'>2 events were sent to you as messages.</note>");
	a = told(f, SUBMIT(HUB, "last", FIELD("feed", "") FIELD("count", "1")));
	assert_string_equal(f->hub.log.data, "recent " ALICE "/phone 1\n");
	assert_has(a, "1 event was sent to you as a message.");
	told(f, SUBMIT(HUB, "last", FIELD("feed", "*") FIELD("count", "2")));
	assert_string_equal(f->hub.log.data, "recent " ALICE "/phone 2\n");
	f->hub.err = BELFRY_ENOENT;
	assert_has(told(f, SUBMIT(HUB, "last", "")),
		   "<note type='info'>You do not follow any feed.");
}

static void cancelled(void **state)
{
	struct fixture *f = *state;
	const char *a = told(
		f, IQ("set", HUB,
		      COMMAND_OF("mute", "sessionid='" SESSION "' action='cancel'", "")));
	assert_has(a, "<command xmlns='" NS_COMMANDS
		      "' node='belfry:mute' sessionid='" SESSION
		      "' status='canceled' xml:lang='en'></command>");
	/* The safe reading: whoever sends that does not want it. */
	a = told(f, IQ("set", FEED,
		       COMMAND_OF("mute", "sessionid='" SESSION "'",
				  "<x xmlns='" NS_FORM "' type='cancel'/>")));
	assert_has(a, "status='canceled'");
	assert_int_equal(f->hub.log.len, 0);
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

/* Questions that look through all feeds: one of somebody, eight in all. */
static void not_too_many(void **state)
{
	struct fixture *f = *state;
	ask_only(f, RUN(HUB, "mute"));
	ask_only(f, RUN(HUB, "subscriptions"));
	assert_has(f->sent.data, "<note type='error'>I am still looking");
	/* A form goes without. */
	buf_clear(&f->sent);
	ask_only(f, RUN(HUB, "unmute"));
	assert_has(f->sent.data, "<field var='feed' type='text-single'");
	fake_hub_answer(&f->hub);
	assert_has(told(f, RUN(HUB, "subscriptions")), "<reported>");
}

/* What would be larger than a stanza may be ends earlier. */
static void large_answers(void **state)
{
	struct fixture *f = *state;
	char title[257] = "";
	memset(title, '"', sizeof(title) - 1);
	f->hub.title = title;
	f->hub.feeds = 200;
	const char *a = told(f, RUN(HUB, "subscribe"));
	assert_has(a, "<field var='feed' type='text-single'");
	a = told(f, RUN(HUB, "list"));
	assert_in_range(f->sent.len, 262144 - 25000, 262144);
	assert_has(a, "There are more: write");
	assert_answer(f, a, HUB);
	f->hub.feeds = 50;
	assert_has(told(f, RUN(HUB, "subscribe")),
		   "<field var='feed' type='list-single'");
}

static void after_the_stream(void **state)
{
	struct fixture *f = *state;
	static const char *const asks[] = {
		RUN(HUB, "mute"),
		RUN(HUB, "subscribe"),
		RUN(FEED, "mute"),
		RUN(FEED, "help"),
		RUN(FEED, "whoami"),
		RUN(HUB, "list"),
		SUBMIT(HUB, "only", FIELD("feed", "deploys") FIELD("tags", "a")),
		IQ("get", FEED, QUERY(NS_DISCO_ITEMS, NS_COMMANDS)),
		IQ("get", FEED, QUERY(NS_DISCO_INFO, "belfry:mute")),
		SUBMIT(FEED, "last", "")};
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
			ask_only(f, asks[i]);
		assert_int_equal(f->sent.len, 0);
		if (round > 0)
			break; /* ... and after the session: tear_down answers these */
		session_begin(f->session);
		fake_hub_answer(&f->hub);
		assert_int_equal(f->sent.len, 0);
	}
	/* Between one feed and the next. */
	session_begin(f->session);
	fake_hub_answer(&f->hub);
	ask_only(f, SUBMIT(HUB, "mute", ""));
	f->hub.calls[0].err = BELFRY_OK;
	session_begin(f->session);
	fake_hub_answer(&f->hub);
	assert_int_equal(f->sent.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(discovery),      TEST(discovery_of_what_is_not_there),
		TEST(without_a_form), TEST(tables),
		TEST(forms),	      TEST(submitting),
		TEST(last_events),    TEST(cancelled),
		TEST(refusals),	      TEST(not_too_many),
		TEST(large_answers),  TEST(after_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
