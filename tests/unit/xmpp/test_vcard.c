#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define FEED "deploys@" DOMAIN
#define SHA1 "0123456789012345678901234567890123456789"
#define VCARD(to) IQ("get", to, "<vCard xmlns='vcard-temp'/>")
#define VCARD4(to) IQ("get", to, "<vcard xmlns='" NS_VCARD4 "'/>")
#define ITEMS(to, node, inner)                                                           \
	IQ("get", to,                                                                    \
	   "<pubsub xmlns='" NS_PUBSUB "'><items node='" node "'>" inner                 \
	   "</items></pubsub>")

static const struct hub_face face = {"image/png", SHA1, "foobar", 6, 64, 32};

static void vcard_temp_of_a_feed(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, VCARD(FEED));
	assert_answer(f, a, FEED);
	assert_string_equal(f->hub.log.data, "card " ALICE "/phone deploys\n");
	assert_has(a, "<vCard xmlns='vcard-temp'><FN>Deploys &amp; &lt;more&gt;</FN>"
		      "<NICKNAME>Deploys &amp; &lt;more&gt;</NICKNAME>"
		      "<URL>xmpp:" FEED "?roster;name=Deploys%20%26%20%3Cmore%3E</URL>"
		      "<JABBERID>" FEED "</JABBERID></vCard>");
	f->hub.face = &face;
	f->hub.title = NULL;
	a = told(f, VCARD(FEED));
	assert_has(a, "<FN>deploys</FN>");
	assert_has(a, "<PHOTO><TYPE>image/png</TYPE><BINVAL>Zm9vYmFy</BINVAL></PHOTO>");
}

static void vcard4_of_a_feed(void **state)
{
	struct fixture *f = *state;
	f->hub.face = &face;
	const char *card =
		"<vcard xmlns='" NS_VCARD4 "'><kind><text>application</text></kind>"
		"<fn><text>Deploys &amp; &lt;more&gt;</text></fn>"
		"<nickname><text>Deploys &amp; &lt;more&gt;</text></nickname>"
		"<url><uri>xmpp:" FEED "?roster;name=Deploys%20%26%20%3Cmore%3E</uri>"
		"</url><photo><uri>data:image/png;base64,Zm9vYmFy</uri></photo></vcard>";
	const char *a = told(f, VCARD4(FEED));
	assert_answer(f, a, FEED);
	assert_has(a, card);
	a = told(f, ITEMS(FEED, "urn:xmpp:vcard4", ""));
	assert_answer(f, a, FEED);
	assert_has(a, "<items node='urn:xmpp:vcard4'><item id='current'><vcard ");
	assert_has(a, card);
	assert_has(told(f, ITEMS(FEED, "urn:xmpp:vcard4", "<item id='current'/>")), card);
	assert_has(told(f, ITEMS(FEED, "urn:xmpp:vcard4", "<item id='other'/>")),
		   ERROR("cancel", "item-not-found"));
}

static void avatar_nodes(void **state)
{
	struct fixture *f = *state;
	const char *metadata = ITEMS(FEED, "urn:xmpp:avatar:metadata", "");
	assert_has(told(f, metadata), ERROR("cancel", "item-not-found"));
	f->hub.face = &face;
	const char *a = told(f, metadata);
	assert_answer(f, a, FEED);
	assert_has(a, "<item id='" SHA1 "'><metadata xmlns='urn:xmpp:avatar:metadata'>"
		      "<info bytes='6' width='64' height='32' id='" SHA1
		      "' type='image/png'/></metadata></item>");
	a = told(f, ITEMS(FEED, "urn:xmpp:avatar:data", "<item id='" SHA1 "'/>"));
	assert_has(a, "<items node='urn:xmpp:avatar:data'><item id='" SHA1
		      "'><data xmlns='urn:xmpp:avatar:data'>Zm9vYmFy</data></item>");
	assert_has(told(f, ITEMS(FEED, "urn:xmpp:avatar:data", "<item id='old'/>")),
		   ERROR("cancel", "item-not-found"));
}

static void the_hubs_own(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, VCARD("hub@" DOMAIN));
	assert_answer(f, a, "hub@" DOMAIN);
	assert_has(a, "<FN>Belfry</FN>");
	assert_null(strstr(a, "PHOTO"));
	assert_null(strstr(a, "URL"));
	assert_has(told(f, VCARD(DOMAIN)), "<FN>Belfry</FN>");
	assert_has(told(f, VCARD4("hub@" DOMAIN)), "<fn><text>Belfry</text></fn>");
	assert_has(told(f, ITEMS("hub@" DOMAIN, "urn:xmpp:vcard4", "")),
		   "<fn><text>Belfry</text></fn>");
	assert_has(told(f, ITEMS("hub@" DOMAIN, "urn:xmpp:avatar:metadata", "")),
		   ERROR("cancel", "item-not-found"));
}

/* Who may not see a feed is not told that it is there. */
static void hidden_feeds(void **state)
{
	struct fixture *f = *state;
	static const char *const questions[] = {
		VCARD("secret@" DOMAIN),
		VCARD4("secret@" DOMAIN),
		ITEMS("secret@" DOMAIN, "urn:xmpp:vcard4", ""),
		ITEMS("secret@" DOMAIN, "urn:xmpp:avatar:data", ""),
		VCARD("none@" DOMAIN),
		VCARD("a+b@" DOMAIN),
	};
	f->hub.face = &face;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		assert_has(told(f, questions[i]), ERROR("cancel", "item-not-found"));
	/* As without it. */
	assert_has(told(f, IQ("set", FEED, "<vCard xmlns='vcard-temp'/>")),
		   ERROR("cancel", "service-unavailable"));
	assert_has(told(f, ITEMS(FEED, "deploys", "")),
		   ERROR("cancel", "service-unavailable"));
	assert_has(told(f, ITEMS(DOMAIN, "urn:xmpp:vcard4", "")),
		   ERROR("cancel", "item-not-found"));
}

static void what_is_too_large(void **state)
{
	struct fixture *f = *state;
	enum { BIG = 200000 };
	char *data = calloc(1, BIG);
	const struct hub_face big = {"image/png", SHA1, data, BIG, 64, 32};
	f->hub.face = &big;
	/* The card comes without its photo. */
	assert_has(told(f, VCARD(FEED)), "</JABBERID></vCard>");
	assert_has(told(f, VCARD4(FEED)), "</uri></url></vcard>");
	assert_has(told(f, ITEMS(FEED, "urn:xmpp:avatar:data", "")),
		   ERROR("cancel", "resource-constraint"));
	assert_has(told(f, ITEMS(FEED, "urn:xmpp:avatar:metadata", "")),
		   "bytes='200000'");
	free(data);
}

static void busy_with(struct fixture *f, const char *xml)
{
	f->no_room = true;
	assert_has(told(f, xml), ERROR("wait", "resource-constraint"));
	assert_answer(f, f->sent.data, strstr(xml, "to='" FEED) ? FEED : DOMAIN);
	assert_int_equal(f->hub.log.len, 0);
	/* There was room when it was asked. */
	f->no_room = false;
	buf_clear(&f->sent);
	ask_only(f, xml);
	assert_int_equal(f->sent.len, 0);
	f->no_room = true;
	fake_hub_answer(&f->hub);
	assert_has(f->sent.data, ERROR("wait", "resource-constraint"));
	assert_answer(f, f->sent.data, strstr(xml, "to='" FEED) ? FEED : DOMAIN);
	f->no_room = false;
}

/* What is delivered goes before what somebody asks for. */
static void without_room(void **state)
{
	struct fixture *f = *state;
	char data[3000] = "";
	const struct hub_face big = {"image/png", SHA1, data, sizeof(data), 64, 32};
	f->hub.face = &big;
	f->hub.big_body = 3000;
	f->hub.feeds = 100;
	busy_with(f, VCARD(FEED));
	busy_with(f, VCARD4(FEED));
	busy_with(f, ITEMS(FEED, "urn:xmpp:avatar:data", ""));
	busy_with(f, ITEMS(DOMAIN, "deploys", ""));
	busy_with(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	/* In chat. */
	f->no_room = true;
	f->hub.body = "abc";
	assert_has(told(f, CHAT("deploys", "last 3")), "There is too much to be sent");
	assert_int_equal(f->hub.log.len, 0);
	assert_has(told(f, CHAT("hub", "list")), "There is too much to be sent");
	f->no_room = false;
	ask_only(f, CHAT("deploys", "last 3"));
	buf_clear(&f->sent);
	f->no_room = true;
	fake_hub_answer(&f->hub);
	assert_has(f->sent.data, "There is too much to be sent");
	/* Small answers are given. */
	assert_has(told(f, VCARD("hub@" DOMAIN)), "<FN>Belfry</FN>");
	assert_has(told(f, IQ("get", FEED, "<ping xmlns='" NS_PING "'/>")), "'result'");
	assert_has(told(f, CHAT("hub", "whoami")), ALICE);
}

static void answers_after_the_stream(void **state)
{
	struct fixture *f = *state;
	ask_only(f, VCARD(FEED));
	ask_only(f, ITEMS(FEED, "urn:xmpp:avatar:data", ""));
	session_begin(f->session);
	fake_hub_answer(&f->hub);
	assert_int_equal(f->sent.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(vcard_temp_of_a_feed), TEST(vcard4_of_a_feed),
		TEST(avatar_nodes),	    TEST(the_hubs_own),
		TEST(hidden_feeds),	    TEST(what_is_too_large),
		TEST(without_room),	    TEST(answers_after_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
