#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBSUB(type, payload)                                                            \
	IQ(type, DOMAIN, "<pubsub xmlns='" NS_PUBSUB "'>" payload "</pubsub>")
#define OWNER(type, payload)                                                             \
	IQ(type, DOMAIN, "<pubsub xmlns='" NS_PUBSUB_OWNER "'>" payload "</pubsub>")

#define DETAIL(name) "<" name " xmlns='" NS_PUBSUB_ERRORS "'"
#define UNSUPPORTED(feature)                                                             \
	ERROR("cancel", "feature-not-implemented")                                       \
	DETAIL("unsupported") " feature='" feature "'/>"

static const struct {
	const char *xml, *answer, *log; /* log NULL: the hub was not asked */
} pubsub_cases[] = {
	{PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/>"),
	 "<subscription node='deploys' jid='" ALICE "' subscription='subscribed'/>",
	 "subscribe " ALICE "/phone deploys " ALICE " e\n"},
	{PUBSUB("set", "<subscribe node='deploys' jid='ALICE@example.org/Tab'/>"),
	 "jid='" ALICE "/Tab' subscription='subscribed'/>",
	 "subscribe " ALICE "/phone deploys " ALICE "/Tab e\n"},
	{PUBSUB("set", "<subscribe node='deploys' jid='bob@example.org'/>"),
	 ERROR("modify", "bad-request") DETAIL("invalid-jid"), NULL},
	{PUBSUB("set", "<subscribe node='deploys' jid='alice@example.or'/>"),
	 ERROR("modify", "bad-request") DETAIL("invalid-jid"), NULL},
	{PUBSUB("set", "<subscribe node='deploys' jid='@@'/>"),
	 ERROR("modify", "bad-request") DETAIL("invalid-jid"), NULL},
	{PUBSUB("set", "<subscribe node='deploys'/>"),
	 ERROR("modify", "bad-request") DETAIL("invalid-jid"), NULL},
	{PUBSUB("set", "<subscribe jid='" ALICE "'/>"),
	 ERROR("modify", "bad-request") DETAIL("nodeid-required"), NULL},
	{PUBSUB("set", "<subscribe node='none' jid='" ALICE "'/>"),
	 ERROR("cancel", "item-not-found"),
	 "subscribe " ALICE "/phone none " ALICE " e\n"},
	{PUBSUB("set", "<subscribe node='Not a feed' jid='" ALICE "'/>"),
	 ERROR("cancel", "item-not-found"), NULL},
	{PUBSUB("set", "<subscribe node='secret' jid='" ALICE "'/>"),
	 ERROR("cancel", "not-allowed") DETAIL("closed-node"),
	 "subscribe " ALICE "/phone secret " ALICE " e\n"},
	{PUBSUB("set", "<subscribe node='council' jid='" ALICE "'/>"),
	 "<subscription node='council' jid='" ALICE "' subscription='pending'/></pubsub>",
	 "subscribe " ALICE "/phone council " ALICE " e\n"},
	{PUBSUB("set", "<unsubscribe node='council' jid='" ALICE "'/>"),
	 "id='q&amp;1'></iq>", "unsubscribe council " ALICE "\n"},
	{PUBSUB("get", "<subscriptions node='council'/>"),
	 "<subscriptions node='council'><subscription node='council' jid='" ALICE
	 "' subscription='pending'/></subscriptions>",
	 "subscription council " ALICE "\n"},
	{PUBSUB("get", "<options node='council' jid='" ALICE "'/>"),
	 ERROR("auth", "not-authorized") DETAIL("pending-subscription"),
	 "subscription council " ALICE "\n"},
	{PUBSUB("get", "<subscribe node='deploys' jid='" ALICE "'/>"),
	 ERROR("modify", "bad-request"), NULL},
	{PUBSUB("set", "<unsubscribe node='deploys' jid='" ALICE "'/>"),
	 "id='q&amp;1'></iq>", "unsubscribe deploys " ALICE "\n"},
	{PUBSUB("set", "<unsubscribe node='secret' jid='" ALICE "'/>"),
	 ERROR("cancel", "unexpected-request") DETAIL("not-subscribed"),
	 "unsubscribe secret " ALICE "\n"},
	{PUBSUB("set", "<unsubscribe node='deploys' jid='bob@example.org'/>"),
	 ERROR("auth", "forbidden"), NULL},
	{PUBSUB("set", "<unsubscribe node='none' jid='" ALICE "'/>"),
	 ERROR("cancel", "item-not-found"), "unsubscribe none " ALICE "\n"},
	{PUBSUB("set", "<unsubscribe jid='" ALICE "'/>"),
	 ERROR("modify", "bad-request") DETAIL("nodeid-required"), NULL},
	{PUBSUB("get", "<items node='deploys'/>"), "<items node='deploys'><item id='one'",
	 "items " ALICE "/phone deploys 100\n"},
	{PUBSUB("get", "<items node='deploys' max_items='1'/>"),
	 "<items node='deploys'><item id='three'", "items " ALICE "/phone deploys 1\n"},
	{PUBSUB("get", "<items node='deploys' max_items='4294967297'/>"),
	 "<item id='three'", "items " ALICE "/phone deploys 100\n"},
	{PUBSUB("get", "<items node='deploys' max_items='0'/>"),
	 ERROR("modify", "bad-request"), NULL},
	{PUBSUB("get", "<items node='deploys' max_items='x'/>"),
	 ERROR("modify", "bad-request"), NULL},
	{PUBSUB("get",
		"<items node='deploys'><item id='two'/><item id='three'/></items>"),
	 "<item id='two'", "items " ALICE "/phone deploys 100 two three\n"},
	{PUBSUB("get", "<items node='deploys'><item id='two'/><item id='one'/><item "
		       "id='two'/></items>"),
	 "<item id='two'", "items " ALICE "/phone deploys 100 two one\n"},
	{PUBSUB("get", "<items node='deploys'><item/></items>"),
	 ERROR("modify", "bad-request") DETAIL("item-required"), NULL},
	{PUBSUB("get", "<items/>"),
	 ERROR("modify", "bad-request") DETAIL("nodeid-required"), NULL},
	{PUBSUB("get", "<items node='secret'/>"),
	 ERROR("cancel", "not-allowed") DETAIL("closed-node"),
	 "items " ALICE "/phone secret 100\n"},
	{PUBSUB("get", "<items node='none'/>"), ERROR("cancel", "item-not-found"),
	 "items " ALICE "/phone none 100\n"},
	{PUBSUB("set", "<publish node='deploys'/>"), UNSUPPORTED("publish"), NULL},
	{PUBSUB("set", "<retract node='deploys'/>"), UNSUPPORTED("retract-items"), NULL},
	{PUBSUB("set", "<create node='x'/><configure/>"), UNSUPPORTED("create-nodes"),
	 NULL},
	{PUBSUB("get", "<default/>"), UNSUPPORTED("retrieve-default-sub"), NULL},
	{PUBSUB("get", ""), ERROR("modify", "bad-request"), NULL},
	{PUBSUB("set", "<nonsense/>"), ERROR("modify", "bad-request"), NULL},
	{OWNER("set", "<delete node='deploys'/>"), UNSUPPORTED("delete-nodes"), NULL},
	{OWNER("set", "<purge node='deploys'/>"), UNSUPPORTED("purge-nodes"), NULL},
	{OWNER("get", "<configure node='deploys'/>"), UNSUPPORTED("config-node"), NULL},
	{OWNER("get", "<default/>"), UNSUPPORTED("retrieve-default"), NULL},
	{OWNER("get", "<subscriptions node='deploys'/>"),
	 UNSUPPORTED("manage-subscriptions"), NULL},
};

static void pubsub(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(pubsub_cases) / sizeof(pubsub_cases[0]); i++) {
		const char *answer = told(f, pubsub_cases[i].xml);
		assert_has(answer, pubsub_cases[i].answer);
		assert_answer(f, answer, DOMAIN);
		const char *log = f->hub.log.len > 0 ? f->hub.log.data : "";
		assert_string_equal(log, pubsub_cases[i].log ? pubsub_cases[i].log : "");
	}
	assert_has(told(f, IQ("get", "hub@" DOMAIN,
			      "<pubsub xmlns='" NS_PUBSUB
			      "'><items node='deploys'/></pubsub>")),
		   ERROR("cancel", "service-unavailable"));
}

/* XEP-0060 6.1.3.7, 6.1.3.9 */
static void not_now(void **state)
{
	struct fixture *f = *state;
	f->hub.asked_before = true;
	assert_has(told(f, PUBSUB("set", "<subscribe node='council' jid='" ALICE "'/>")),
		   ERROR("auth", "not-authorized") DETAIL("pending-subscription") "/>");
	f->hub.err = BELFRY_ELIMIT;
	assert_has(told(f, PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/>")),
		   ERROR("wait", "policy-violation")
			   DETAIL("too-many-subscriptions") "/>");
}

static void store_away(void **state)
{
	struct fixture *f = *state;
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/>")),
		   ERROR("wait", "remote-server-timeout"));
	assert_has(told(f, CHAT("hub", "subscribe deploys")), "try again");
}

/* Items that would not fit in one stanza: the newest that do. */
static void items_that_fit(void **state)
{
	struct fixture *f = *state;
	f->hub.big_body =
		60000; /* in the body and the title of the entry: once or twice */
	const char *answer = told(f, PUBSUB("get", "<items node='deploys'/>"));
	assert_true(f->sent.len <= 262144);
	assert_has(answer, "<item id='three'");
	/* Where there is no more room nothing is looked at in vain. */
	f->hub.big_body = 500000;
	f->hub.unread = 2;
	answer = told(f, PUBSUB("get", "<items node='deploys'/>"));
	assert_has(answer, "<items node='deploys'></items>");
}

static void ping_version_unknown(void **state)
{
	struct fixture *f = *state;
	const char *const places[] = {DOMAIN, "hub@" DOMAIN, "deploys@" DOMAIN,
				      "deploys@" DOMAIN "/x"};
	char xml[400];
	for (size_t i = 0; i < 4; i++) {
		snprintf(xml, sizeof(xml), IQ("get", "%s", "<ping xmlns='" NS_PING "'/>"),
			 places[i]);
		assert_answer(f, told(f, xml), places[i]);
		assert_has(f->sent.data, "type='result'");
		snprintf(xml, sizeof(xml),
			 IQ("get", "%s", "<query xmlns='" NS_VERSION "'/>"), places[i]);
		assert_answer(f, told(f, xml), places[i]);
		assert_has(f->sent.data, "<name>Belfry</name><version>");
		snprintf(xml, sizeof(xml),
			 IQ("set", "%s", "<query xmlns='" NS_VERSION "'/>"), places[i]);
		assert_has(told(f, xml), ERROR("cancel", "service-unavailable"));
		snprintf(xml, sizeof(xml), IQ("get", "%s", "<x xmlns='y'/>"), places[i]);
		assert_has(told(f, xml), ERROR("cancel", "service-unavailable"));
		snprintf(xml, sizeof(xml), IQ("get", "%s", ""), places[i]);
		assert_has(told(f, xml), ERROR("cancel", "service-unavailable"));
	}
}

static const char *const unanswered[] = {
	IQ("result", DOMAIN, ""),
	IQ("error", DOMAIN, "<error type='cancel'/>"),
	"<iq " FROM_ALICE " to='" DOMAIN "' id='1'/>",
	"<iq " FROM_ALICE " to='" DOMAIN "' type='get'><ping xmlns='" NS_PING "'/></iq>",
	"<iq to='" DOMAIN "' type='get' id='1'><ping xmlns='" NS_PING "'/></iq>",
	"<iq " FROM_ALICE " type='get' id='1'><ping xmlns='" NS_PING "'/></iq>",
	"<iq from='@' to='" DOMAIN "' type='get' id='1'><ping xmlns='" NS_PING "'/></iq>",
	"<iq " FROM_ALICE " to='other.org' type='get' id='1'><ping xmlns='" NS_PING
	"'/></iq>",
	"<iq from='hub@" DOMAIN "' to='" DOMAIN
	"' type='get' id='1'><ping xmlns='" NS_PING "'/></iq>",
	"<message from='deploys@" DOMAIN "'" TO_HUB "><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB " type='error'><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB " type='headline'><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB " type='groupchat'><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB " type='weird'><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB " type='chat'><active/></message>",
	"<message " FROM_ALICE " to='" DOMAIN "' type='chat'><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB "><body>help</body><delay xmlns='urn:xmpp:delay' "
	"stamp='2020-01-01T00:00:00Z'/></message>",
	"<message " FROM_ALICE TO_HUB
	"><forwarded xmlns='urn:xmpp:forward:0'/><body>help</body></message>",
	"<message " FROM_ALICE TO_HUB
	"><sent xmlns='urn:xmpp:carbons:2'/><body>help</body></message>",
	"<presence " FROM_ALICE TO_HUB "/>",
	"<presence " FROM_ALICE TO_HUB " type='unavailable'/>",
	"<presence " FROM_ALICE TO_HUB " type='subscribed'/>",
	"<presence " FROM_ALICE TO_HUB " type='unsubscribed'/>",
	"<presence " FROM_ALICE TO_HUB " type='error'/>",
	"<presence " FROM_ALICE " to='a+b@" DOMAIN "' type='subscribed'/>",
	"<presence " FROM_ALICE " to='" DOMAIN "' type='unsubscribed'/>",
	"<presence from='deploys@" DOMAIN "' to='deploys@" DOMAIN "' type='subscribe'/>",
	"<presence from='" DOMAIN "' to='deploys@" DOMAIN "' type='probe'/>",
	"<strange " FROM_ALICE TO_HUB " type='get' id='1'/>",
};

static void never_answered(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(unanswered) / sizeof(unanswered[0]); i++) {
		assert_string_equal(told(f, unanswered[i]), "");
		assert_int_equal(f->hub.log.len, 0);
	}
}

static void barriers(void **state)
{
	struct fixture *f = *state;
	struct buf ping = {0};
	session_ping(f->session, 42, &ping);
	assert_has(ping.data, "from='" DOMAIN "' to='" DOMAIN "'");
	/* Somebody else who knows the id. */
	char *forged = strdup(ping.data);
	memcpy(strstr(forged, DOMAIN), "feeds.example.net", sizeof(DOMAIN) - 1);
	told(f, forged);
	assert_int_equal(f->barrier, 0);
	free(forged);
	assert_string_equal(told(f, ping.data), "");
	assert_int_equal(f->barrier, 42);
	/* Answered instead, even by an error. */
	f->barrier = 0;
	char *id = strstr(ping.data, " id=");
	char xml[400];
	snprintf(xml, sizeof(xml),
		 "<iq type='error' from='" DOMAIN "' to='" DOMAIN "'%.*s/>",
		 (int)(strchr(id, '>') - id), id);
	assert_string_equal(told(f, xml), "");
	assert_int_equal(f->barrier, 42);
	/* A result that belongs to the stream before. */
	f->barrier = 0;
	session_begin(f->session);
	told(f, xml);
	assert_int_equal(f->barrier, 0);
	buf_free(&ping);
}

#define BOUNCE(from, condition)                                                          \
	"<message type='error' from='" from "' to='deploys@" DOMAIN                      \
	"' id='deploys~3-7~0a1b2c3d'><body>b</body><error type='cancel'>" condition      \
	"<text xmlns='" NS_STANZAS "'>words</text></error></message>"

static void bounces(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(
		told(f, BOUNCE("ALICE@example.org/x", "<gone xmlns='" NS_STANZAS "'/>")),
		"");
	assert_string_equal(f->bounce, "deploys~3-7~0a1b2c3d " ALICE "/x ends gone");
	told(f, BOUNCE(ALICE, "<item-not-found xmlns='" NS_STANZAS "'/>"));
	assert_has(f->bounce, "ends item-not-found");
	told(f, BOUNCE(ALICE, "<service-unavailable xmlns='" NS_STANZAS "'/>"));
	assert_has(f->bounce, "retries service-unavailable");
	told(f, BOUNCE(ALICE, "<gone xmlns='something-else'/>"));
	assert_has(f->bounce, "retries undefined-condition");
	told(f, BOUNCE(ALICE, "<redirect xmlns='" NS_STANZAS "'>xmpp:b@c</redirect>"));
	assert_has(f->bounce, "suspends redirect");
	/* XEP-0191 */
	told(f, BOUNCE(ALICE, "<not-acceptable xmlns='" NS_STANZAS
			      "'/><blocked xmlns='urn:xmpp:blocking:errors'/>"));
	assert_has(f->bounce, "ends not-acceptable");
	told(f, BOUNCE(ALICE, "<not-acceptable xmlns='" NS_STANZAS
			      "'/><blocked xmlns='urn:xmpp:blocking'/>"));
	assert_has(f->bounce, "retries not-acceptable");
	told(f, BOUNCE(ALICE, "<redirect xmlns='" NS_STANZAS
			      "'/><blocked xmlns='urn:xmpp:blocking:errors'/>"));
	assert_has(f->bounce, "ends redirect");
	assert_int_equal(f->bounces, 8);
	told(f, "<message type='error' from='" ALICE "' to='hub@" DOMAIN
		"' id='0123'><error/></message>");
	told(f, "<message type='error' from='" ALICE "' to='hub@" DOMAIN "'/>");
	assert_int_equal(f->bounces, 8);
}

static void floods_are_limited(void **state)
{
	struct fixture *f = *state;
	const char *question =
		IQ("get", "deploys@" DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>");
	for (int i = 0; i < 40; i++)
		ask_only(f, question);
	assert_int_equal(f->hub.call_count, 32);
	assert_has(f->sent.data, ERROR("wait", "resource-constraint"));
	/* In chat that is said, but not without an end. */
	for (int i = 0; i < 20; i++) {
		buf_clear(&f->sent);
		ask_only(f, CHAT("hub", "list"));
		if (i == 9)
			assert_has(f->sent.data, "still looking");
		if (i == 9)
			assert_has(f->sent.data, "<thread>t&amp;1</thread>");
	}
	assert_int_equal(f->sent.len, 0);
	assert_int_equal(f->hub.call_count, 32);
	char xml[400];
	for (int i = 0; i < 1100; i++) {
		snprintf(xml, sizeof(xml),
			 "<iq from='u%d@x.org' to='deploys@" DOMAIN
			 "' type='get' id='1'><query xmlns='" NS_DISCO_INFO "'/></iq>",
			 i);
		ask_only(f, xml);
	}
	assert_int_equal(f->hub.call_count, 1024);
	fake_hub_answer(&f->hub);
	assert_has(told(f, question), "type='result'");
}

static void answers_after_the_stream(void **state)
{
	struct fixture *f = *state;
	ask_only(f, PUBSUB("get", "<items node='deploys'/>"));
	ask_only(f, CHAT("hub", "last 3"));
	ask_only(f, CHAT("hub", "list"));
	ask_only(f, PUBSUB("set", "<subscribe node='deploys' jid='" ALICE "'/>"));
	session_begin(f->session);
	fake_hub_answer(&f->hub);
	assert_int_equal(f->sent.len, 0);
	/* ... and after the session itself: tear_down answers these. */
	ask_only(f, PUBSUB("get", "<items node='deploys'/>"));
	ask_only(f, CHAT("hub", "last 3"));
	ask_only(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
}

/* An answer larger than the server takes would end the stream, for everybody. */
static void what_is_echoed_is_bounded(void **state)
{
	struct fixture *f = *state;
	enum { LONG = 100000 };
	char *quotes = malloc(LONG + 1), *xml = malloc(LONG + 500);
	memset(quotes, '"', LONG);
	quotes[LONG] = '\0';
	snprintf(xml, LONG + 500,
		 "<iq " FROM_ALICE " to='" DOMAIN "' type='get' id='%s'><ping "
		 "xmlns='urn:xmpp:ping'/></iq>",
		 quotes);
	assert_string_equal(told(f, xml), "");
	snprintf(xml, LONG + 500,
		 "<message " FROM_ALICE TO_HUB " type='chat'><body>help</body>"
		 "<thread>%s</thread></message>",
		 quotes);
	assert_has(told(f, xml), "subscribe FEED");
	assert_true(f->sent.len < 2500);
	free(quotes);
	free(xml);
}

/* Titles that grow when they are escaped. */
static void lists_fit_into_a_stanza(void **state)
{
	struct fixture *f = *state;
	const char *list = IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>");
	char title[257] = "";
	memset(title, '"', sizeof(title) - 1);
	f->hub.title = title;
	f->hub.feeds = 200;
	const char *answer = told(f, list);
	assert_has(answer, "<last>deploys</last>");
	assert_in_range(f->sent.len, 262144 - 25000, 262144);
	assert_answer(f, answer, DOMAIN);
	f->hub.feeds = 50;
	assert_has(told(f, CHAT("hub", "list")),
		   "There are more: write &apos;list deploys");
	assert_in_range(f->sent.len, 8192, 60000);
}

static void what_does_not_fit_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct buf big = {0};
	buf_reserve(&big, 262145);
	memset(big.data, 'x', 262145);
	big.len = 262145;
	session_send(f->session, &big);
	assert_int_equal(f->sent.len, 0);
	big.len--;
	session_send(f->session, &big);
	assert_int_equal(f->sent.len, 262144);
	buf_free(&big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(pubsub),
		TEST(not_now),
		TEST(store_away),
		TEST(items_that_fit),
		TEST(ping_version_unknown),
		TEST(never_answered),
		TEST(barriers),
		TEST(bounces),
		TEST(floods_are_limited),
		TEST(answers_after_the_stream),
		TEST(what_is_echoed_is_bounded),
		TEST(lists_fit_into_a_stanza),
		TEST(what_does_not_fit_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
