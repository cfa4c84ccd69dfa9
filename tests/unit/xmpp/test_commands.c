#include "commanding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

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
		TEST(discovery),	TEST(discovery_of_what_is_not_there),
		TEST(without_a_form),	TEST(tables),
		TEST(last_events),	TEST(cancelled),
		TEST(not_too_many),	TEST(large_answers),
		TEST(after_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
