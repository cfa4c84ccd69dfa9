#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define FEED "deploys@" DOMAIN
#define RUN(to, name, payload)                                                           \
	IQ("set", to,                                                                    \
	   "<command xmlns='" NS_COMMANDS "' node='belfry:" name "'>" payload            \
	   "</command>")
#define FORM(fields) "<x xmlns='" NS_FORM "' type='submit'>" fields "</x>"
#define FIELD(var, values) "<field var='" var "'>" values "</field>"
#define FROM(from, to) "<presence from='" from "' to='" to "'"

static void heard(struct fixture *f, const char *stanza, const char *log)
{
	buf_clear(&f->hub.log);
	assert_string_equal(told(f, stanza), "");
	assert_string_equal(f->hub.log.len ? f->hub.log.data : "", log);
}

static void what_people_show_is_handed_on(void **state)
{
	struct fixture *f = *state;
	heard(f, FROM(ALICE "/phone", FEED) "/>",
	      "available deploys " ALICE "/phone online 0\n");
	heard(f,
	      FROM(ALICE "/phone", FEED) "><show>dnd</show><status>no</status>"
					 "<priority>-5</priority></presence>",
	      "available deploys " ALICE "/phone dnd -5\n");
	heard(f,
	      FROM(ALICE "/phone", FEED) "><show>offline</show>"
					 "<priority>99999999999999999999</priority>"
					 "</presence>",
	      "available deploys " ALICE "/phone online 127\n");
	heard(f, FROM(ALICE "/phone", FEED) " type='unavailable'/>",
	      "available deploys " ALICE "/phone offline 0\n");
	heard(f, FROM(ALICE, FEED) " type='unavailable'/>",
	      "available deploys " ALICE " offline 0\n");
	heard(f, FROM(ALICE "/x", FEED) " type='error'><error type='cancel'/></presence>",
	      "available deploys " ALICE " unknown 0\n");
}

static void what_is_not_for_a_feed_is_not(void **state)
{
	struct fixture *f = *state;
	heard(f, FROM(ALICE "/phone", "hub@" DOMAIN) "/>", "");
	heard(f, FROM(ALICE "/phone", DOMAIN) "/>", "");
	heard(f, FROM(ALICE "/phone", "a+b@" DOMAIN) "/>", "");
	heard(f, FROM(FEED "/x", FEED) "/>", "");
	heard(f, FROM(ALICE "/phone", FEED) " type='strange'/>", "");
}

/* Who was asked answers that; others answer an invitation. */
static void what_is_granted(void **state)
{
	struct fixture *f = *state;
	static const char refused[] = "o g3";
	f->hub.depends = true;
	heard(f, FROM(ALICE, FEED) " type='subscribed'/>",
	      "granted deploys " ALICE " yes\n");
	f->hub.sub.options = refused;
	f->hub.sub.options_len = sizeof(refused) - 1;
	const char *a = told(f, FROM(ALICE, FEED) " type='unsubscribed'/>");
	assert_has(a, "I may not see whether you are there");
	assert_has(a, "of deploys is sent to you at once");
	assert_string_equal(f->hub.log.data, "granted deploys " ALICE " no\n"
					     "answer deploys " ALICE " no\n");
	f->hub.depends = false;
	heard(f, FROM(ALICE, FEED) " type='unsubscribed'/>",
	      "answer deploys " ALICE " no\n");
	f->hub.err = BELFRY_EAWAY;
	f->hub.depends = true;
	heard(f, FROM(ALICE, FEED) " type='subscribed'/>",
	      "granted deploys " ALICE " yes\n");
}

/* What an invitation's yes has granted is given back, where nothing depends on it. */
static void what_an_invitation_grants(void **state)
{
	struct fixture *f = *state;
	static const char *const back =
		"<presence type='unsubscribe' from='" FEED "' to='" ALICE "'/>";
	assert_has(told(f, FROM(ALICE, FEED) " type='subscribed'/>"), back);
	f->hub.sub.options = "o";
	f->hub.sub.options_len = 1;
	const char *a = told(f, FROM(ALICE, FEED) " type='subscribed'/>");
	assert_null(strstr(a, back));
	assert_has(a, "follow deploys");
	/* It was looked up to its end: the next one is, too. */
	assert_has(told(f, FROM(ALICE, FEED) " type='subscribed'/>"), "follow deploys");
}

/* What the feed may see is given back by who leaves. */
static void who_leaves(void **state)
{
	struct fixture *f = *state;
	static const char granted[] = "o g2";
	f->hub.sub.options = granted;
	f->hub.sub.options_len = sizeof(granted) - 1;
	assert_has(told(f, CHAT("deploys", "unsubscribe")),
		   "<presence type='unsubscribe' from='" FEED "' to='" ALICE "'/>");
	assert_has(told(f, CHAT("deploys", "whoami")), "It is kept");
	assert_has(told(f, CHAT("deploys", "hold on")), "until you are back.<");
	f->hub.sub.options = "o g1";
	assert_has(told(f, CHAT("deploys", "hold on")), "please say yes when I ask");
	assert_has(told(f, CHAT("deploys", "whoami")),
		   "while you are offline (not now: please let");
	assert_has(told(f, CHAT("hub", "subscriptions")),
		   "kept while you are offline (not now: please let");
}

static void forms(void **state)
{
	struct fixture *f = *state;
	assert_has(
		told(f, RUN(FEED, "hold", "")),
		"<field var='hold' type='boolean' label='Keep what comes while you are "
		"offline'><required/><value>1</value></field></x>");
	assert_has(told(f, RUN(FEED, "when", "")),
		   "<field var='shows' type='list-multi' label='Only while you are shown "
		   "as one of these; none: always'><option label='chat'><value>chat");
	assert_has(told(f, RUN("hub@" DOMAIN, "hold",
			       FORM(FIELD("feed", "<value>*</value>")
					    FIELD("hold", "<value>1</value>")))),
		   "of 1 feed while you are offline is kept");
	assert_has(told(f, RUN(FEED, "when",
			       FORM(FIELD("shows", "<value>online</value>"
						   "<value>dnd</value>")))),
		   "shown as one of: online, dnd.");
	assert_string_equal(f->hub.log.data, "subscribe " ALICE "/phone deploys " ALICE
					     " c existing shows 18\n");
	assert_has(told(f, RUN(FEED, "when", FORM(""))), "whatever you are shown as.");
	assert_has(told(f, RUN(FEED, "when",
			       FORM(FIELD("shows", "<value>offline</value>")))),
		   "bad-payload");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_people_show_is_handed_on),
		TEST(what_is_not_for_a_feed_is_not),
		TEST(what_is_granted),
		TEST(what_an_invitation_grants),
		TEST(who_leaves),
		TEST(forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
