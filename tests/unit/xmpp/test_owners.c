#include "commanding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define BOB "bob@example.org"
#define TYPE FIELD("FORM_TYPE", NS_PUBSUB "#subscribe_authorization")
#define ANSWER(to, type, fields)                                                         \
	"<message " FROM_ALICE " to='" to "' id='a1'><x xmlns='" NS_FORM "' type='" type \
	"'>" TYPE fields "</x></message>"
#define OF(node, jid, allow)                                                             \
	FIELD("pubsub#node", node)                                                       \
	FIELD("pubsub#subscriber_jid", jid) FIELD("pubsub#allow", allow)

/* ---- The form of a request (XEP-0060 8.6) ---------------------------------------- */

static const struct {
	const char *xml, *log, *says;
} forms[] = {
	{ANSWER(FEED, "submit", OF("deploys", BOB, "1")),
	 "decide " ALICE " deploys " BOB " allow\n", "You let " BOB " in"},
	{ANSWER(DOMAIN, "submit", OF("deploys", "BOB@example.org", "true")),
	 "decide " ALICE " deploys " BOB " allow\n", "You let " BOB " in"},
	{ANSWER(HUB, "submit", OF("deploys", BOB "/Tab", "0")),
	 "decide " ALICE " deploys " BOB "/Tab deny\n", "You did not let " BOB "/Tab in"},
	{ANSWER(FEED "/x", "submit", OF(" deploys\n", " " BOB " ", " false ")),
	 "decide " ALICE " deploys " BOB " deny\n", "You did not let " BOB " in"},
	{ANSWER(FEED, "submit",
		FIELD("pubsub#subid", "") FIELD("pubsub#subscriber_jid", BOB)
			FIELD("pubsub#allow", "1")),
	 "decide " ALICE " deploys " BOB " allow\n", "You let " BOB " in"},
};

static void by_form(void **state)
{
	struct fixture *f = *state;
	f->hub.owner = true;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *a = told(f, forms[i].xml);
		assert_string_equal(f->hub.log.data, forms[i].log);
		assert_has(a, forms[i].says);
		/* Clients show nothing that comes from the service's own address. */
		assert_answer(f, a, FEED);
	}
}

/* Who cancels it, or says neither yes nor no, leaves the request as it is. */
static const char *const left[] = {
	ANSWER(FEED, "cancel", ""),
	ANSWER(FEED, "cancel", OF("deploys", BOB, "1")),
	ANSWER(FEED, "form", OF("deploys", BOB, "1")),
	ANSWER(FEED, "submit", OF("deploys", BOB, "perhaps")),
	ANSWER(FEED, "submit",
	       FIELD("pubsub#node", "deploys") FIELD("pubsub#subscriber_jid", BOB)),
	ANSWER(FEED, "submit", OF("deploys", "@", "1")),
	ANSWER(FEED, "submit", OF("deploys", "", "1")),
	ANSWER(FEED, "submit", OF("other", BOB, "1")),
	ANSWER(FEED, "submit", OF("Not a feed", BOB, "1")),
	ANSWER(DOMAIN, "submit",
	       FIELD("pubsub#subscriber_jid", BOB) FIELD("pubsub#allow", "1")),
	ANSWER("a+b@" DOMAIN, "submit",
	       FIELD("pubsub#subscriber_jid", BOB) FIELD("pubsub#allow", "1")),
	"<message " FROM_ALICE " to='" FEED "' type='error'><x xmlns='" NS_FORM
	"' type='submit'>" TYPE OF("deploys", BOB, "1") "</x></message>",
	"<message " FROM_ALICE " to='" FEED "'><x xmlns='" NS_FORM
	"' type='submit'>" OF("deploys", BOB, "1") "</x></message>",
	"<message from='hub@" DOMAIN "' to='" FEED "'><x xmlns='" NS_FORM
	"' type='submit'>" TYPE OF("deploys", BOB, "1") "</x></message>",
	"<message " FROM_ALICE " to='" FEED
	"'><forwarded xmlns='urn:xmpp:forward:0'><message><x xmlns='" NS_FORM
	"' type='submit'>" TYPE OF("deploys", BOB,
				   "1") "</x></message></forwarded></message>",
};

static void forms_without_an_answer(void **state)
{
	struct fixture *f = *state;
	f->hub.owner = true;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		if (told(f, left[i])[0] != '\0' || f->hub.log.len > 0)
			fail_msg("%s: %s, %s", left[i], f->sent.data, f->hub.log.data);
	}
}

static void forms_of_others(void **state)
{
	struct fixture *f = *state;
	const char *allow = ANSWER(FEED, "submit", OF("deploys", BOB, "1"));
	assert_has(told(f, allow), "You are not an owner of deploys.");
	f->hub.owner = f->hub.nobody_asks = true;
	assert_has(told(f, allow), "no request of " BOB " to follow deploys");
	f->hub.err = BELFRY_EAWAY;
	assert_has(told(f, allow), "try again");
	/* Somebody who knows no end. */
	unsigned said = 0;
	for (unsigned i = 0; i < 40; i++)
		said += told(f, allow)[0] != '\0';
	assert_true(said < 10);
}

/* ---- In chat, and by commands ---------------------------------------------------- */

static void in_chat(void **state)
{
	struct fixture *f = *state;
	f->hub.owner = true;
	const char *a = told(f, CHAT("deploys", "requests"));
	assert_string_equal(f->hub.log.data, "requests " ALICE " deploys 50\n");
	assert_has(a, "\n" BOB " - since 2023-11-14 22:13 UTC\ncarol@example.org/Tab - ");
	assert_has(a, "Write &apos;allow JID&apos; or &apos;deny JID&apos;.");
	a = told(f, CHAT("hub", "requests deploys"));
	assert_has(a, "Write &apos;allow deploys JID&apos;");
	f->hub.more = true;
	assert_has(told(f, CHAT("deploys", "requests")), "There are more");
	f->hub.nobody_asks = true;
	assert_has(told(f, CHAT("deploys", "requests")),
		   "Nobody asks to follow deploys.");
	assert_has(told(f, CHAT("deploys", "allow " BOB)), "no request of " BOB);
	f->hub.nobody_asks = false;
	a = told(f, CHAT("deploys", "Allow &apos;Bob@example.org&apos;."));
	assert_string_equal(f->hub.log.data, "decide " ALICE " deploys " BOB " allow\n");
	assert_has(a, "You let " BOB " in, who follows deploys now.");
	a = told(f, CHAT("hub", "deny deploys " BOB));
	assert_string_equal(f->hub.log.data, "decide " ALICE " deploys " BOB " deny\n");
	assert_has(a, "You did not let " BOB " in");
	assert_has(told(f, CHAT("deploys", "allow @@")), "like alice@example.org");
	assert_has(told(f, CHAT("none", "requests")), "There is no feed none.");
	f->hub.owner = false;
	for (size_t i = 0; i < 3; i++) {
		static const char *const asks[] = {CHAT("deploys", "requests"),
						   CHAT("deploys", "allow " BOB),
						   CHAT("hub", "deny deploys " BOB)};
		assert_has(told(f, asks[i]), "You are not an owner of deploys.");
	}
}

#define COMMAND(to, name, payload)                                                       \
	IQ("set", to,                                                                    \
	   "<command xmlns='" NS_COMMANDS "' node='belfry:" name "'>" payload            \
	   "</command>")
#define FORM(fields) "<x xmlns='" NS_FORM "' type='submit'>" fields "</x>"

static void by_commands(void **state)
{
	struct fixture *f = *state;
	f->hub.owner = true;
	const char *a = told(f, COMMAND(FEED, "requests", ""));
	assert_has(a, "<item><field var='jid'><value>" BOB
		      "</value></field><field var='since'><value>2023-11-14 22:13 UTC");
	/* Who asks the feed chooses from those who wait. */
	a = told(f, COMMAND(FEED, "allow", ""));
	assert_string_equal(f->hub.log.data, "requests " ALICE " deploys 200\n");
	assert_has(a, "<field var='jid' type='list-single' label='Address'><required/>"
		      "<option label='" BOB "'><value>" BOB "</value></option>");
	f->hub.more = true;
	assert_has(told(f, COMMAND(FEED, "deny", "")),
		   "<field var='jid' type='jid-single' label='Address'><required/>"
		   "</field>");
	f->hub.more = false;
	a = told(f, COMMAND(HUB, "deny", ""));
	assert_has(a, "<field var='feed' type='list-single' label='Feed'><required/>");
	assert_has(a, "<field var='jid' type='jid-single' label='Address'><required/>"
		      "</field>");
	a = told(f, COMMAND(FEED, "allow", FORM(FIELD("jid", BOB))));
	assert_string_equal(f->hub.log.data, "decide " ALICE " deploys " BOB " allow\n");
	assert_has(a, "<note type='info'>You let " BOB " in");
	told(f, COMMAND(DOMAIN, "deny",
			FORM(FIELD("feed", "deploys") FIELD("jid", BOB "/a b"))));
	assert_string_equal(f->hub.log.data,
			    "decide " ALICE " deploys " BOB "/a b deny\n");
	assert_has(told(f, COMMAND(FEED, "allow", FORM(FIELD("jid", "@")))),
		   "like alice@example.org");
	assert_has(told(f, COMMAND(FEED, "allow", FORM(""))), "field &apos;jid&apos;");
	f->hub.nobody_asks = true;
	assert_has(told(f, COMMAND(FEED, "allow", "")),
		   "<note type='error'>Nobody asks to follow this feed.");
	f->hub.owner = false;
	assert_has(told(f, COMMAND(FEED, "allow", "")), ERROR("cancel", "forbidden"));
	assert_has(told(f, COMMAND(FEED, "requests", "")),
		   "<note type='error'>You are not an owner of deploys.");
}

/* ---- Affiliations (XEP-0060 5.7, 8.9) -------------------------------------------- */

#define PUBSUB(type, payload)                                                            \
	IQ(type, DOMAIN, "<pubsub xmlns='" NS_PUBSUB "'>" payload "</pubsub>")
#define OWNER(type, payload)                                                             \
	IQ(type, DOMAIN, "<pubsub xmlns='" NS_PUBSUB_OWNER "'>" payload "</pubsub>")
#define SET(list) OWNER("set", "<affiliations node='deploys'>" list "</affiliations>")
#define ONE(jid, affiliation) "<affiliation jid='" jid "' affiliation='" affiliation "'/>"
#define DETAIL(name) "<" name " xmlns='" NS_PUBSUB_ERRORS "'"

static void ones_own(void **state)
{
	struct fixture *f = *state;
	const char *ask = PUBSUB("get", "<affiliations node='deploys'/>");
	const char *a = told(f, ask);
	assert_answer(f, a, DOMAIN);
	assert_string_equal(f->hub.log.data, "affiliation " ALICE "/phone deploys\n");
	assert_has(a, "<pubsub xmlns='" NS_PUBSUB
		      "'><affiliations node='deploys'></affiliations></pubsub>");
	f->hub.affiliation = AFFILIATION_OWNER;
	assert_has(told(f, ask), "<affiliations node='deploys'><affiliation "
				 "node='deploys' affiliation='owner'/></affiliations>");
	assert_has(told(f, PUBSUB("get", "<affiliations node='none'/>")),
		   ERROR("cancel", "item-not-found"));
	assert_has(told(f, PUBSUB("get", "<affiliations node='secret'/>")),
		   ERROR("cancel", "not-allowed") DETAIL("closed-node"));
	/* Of all feeds. */
	ask = PUBSUB("get", "<affiliations/>");
	a = told(f, ask);
	assert_answer(f, a, DOMAIN);
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone '' 100\n");
	assert_has(a, "<affiliations><affiliation node='deploys' affiliation='owner'/>"
		      "</affiliations></pubsub>");
	f->hub.affiliation = AFFILIATION_NONE;
	assert_has(told(f, ask), "<affiliations></affiliations></pubsub>");
	ask_only(f, ask);
	ask_only(f, ask);
	assert_has(f->sent.data, ERROR("wait", "resource-constraint"));
}

static unsigned lines(const struct buf *b)
{
	unsigned n = 0;
	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* Of very many: pages, and no page without anything in it. */
static void ones_own_of_many(void **state)
{
	struct fixture *f = *state;
	const char *ask = PUBSUB("get", "<affiliations/>");
	f->hub.feeds = 10;
	f->hub.more = true;
	assert_has(told(f, ask), ERROR("wait", "resource-constraint"));
	assert_int_equal(lines(&f->hub.log), 100);
	f->hub.affiliation = AFFILIATION_MEMBER;
	const char *a = told(f, ask);
	assert_has(a, "<affiliation node='deploys' affiliation='member'/>");
	assert_has(a, "</affiliations><set xmlns='" NS_RSM
		      "'><first>deploys</first><last>deploys</last></set></pubsub>");
	a = told(f, PUBSUB("get", "<affiliations/><set xmlns='" NS_RSM
				  "'><after>c</after></set>"));
	assert_has(f->hub.log.data, "feeds " ALICE "/phone 'c' 100\n");
	a = told(f, PUBSUB("get",
			   "<affiliations/><set xmlns='" NS_RSM "'><max>0</max></set>"));
	assert_has(a, "<affiliations></affiliations><set xmlns='" NS_RSM "'></set>");
	assert_int_equal(f->hub.log.len, 0);
	f->hub.more = false;
	f->hub.feeds = 20000;
	assert_has(told(f, ask), "<set xmlns='" NS_RSM "'>");
	assert_true(f->sent.len <= 262144);
	f->hub.err = BELFRY_EFULL;
	assert_has(told(f, ask), ERROR("wait", "resource-constraint"));
}

static void of_a_feed(void **state)
{
	struct fixture *f = *state;
	const char *ask = OWNER("get", "<affiliations node='deploys'/>");
	f->hub.affiliation = AFFILIATION_OWNER;
	assert_has(told(f, ask), ERROR("auth", "forbidden"));
	f->hub.owner = true;
	const char *a = told(f, ask);
	assert_answer(f, a, DOMAIN);
	assert_string_equal(f->hub.log.data, "affiliations " ALICE " deploys\n");
	assert_has(a, "<pubsub xmlns='" NS_PUBSUB_OWNER
		      "'><affiliations node='deploys'>" ONE(ALICE, "owner") ONE(BOB,
										"member")
			      ONE("spam.example", "outcast") "</affiliations></pubsub>");
	a = told(f, OWNER("get", "<affiliations node='deploys'/><set xmlns='" NS_RSM
				 "'><after>" ALICE "</after></set>"));
	assert_has(a,
		   "<affiliations node='deploys'>" ONE(BOB, "member") ONE(
			   "spam.example",
			   "outcast") "</affiliations><set xmlns='" NS_RSM "'><first>" BOB
				      "</first><last>spam.example</last></set></pubsub>");
	a = told(f, OWNER("get", "<affiliations node='deploys'/><set xmlns='" NS_RSM
				 "'><max>0</max></set>"));
	assert_has(a, "'></affiliations><set xmlns='" NS_RSM "'><count>3</count></set>");
	assert_has(told(f, OWNER("get", "<affiliations/>")), "nodeid-required");
	assert_has(told(f, OWNER("get", "<affiliations node='none'/>")),
		   ERROR("cancel", "item-not-found"));
	f->no_room = true;
	assert_has(told(f, ask), ERROR("wait", "resource-constraint"));
}

static void setting(void **state)
{
	struct fixture *f = *state;
	f->hub.owner = true;
	const char *a = told(
		f, SET(ONE("BOB@example.org/Tab", "owner") ONE(
			   "spam.example", "outcast") "<affiliation jid='" ALICE "'/>"));
	assert_string_equal(f->hub.log.data, "affiliate " ALICE " deploys " BOB
					     "=owner spam.example=outcast\n");
	assert_has(a, "<iq type='result'");
	told(f, SET(ONE(BOB, "none") ONE("carol@example.org", "member")));
	assert_string_equal(f->hub.log.data, "affiliate " ALICE " deploys " BOB
					     "=none carol@example.org=member\n");
	f->hub.err = BELFRY_EINVAL;
	assert_has(told(f, SET(ONE("example.org", "owner"))),
		   ERROR("modify", "not-acceptable"));
	f->hub.err = BELFRY_EFULL;
	assert_has(told(f, SET(ONE(BOB, "member"))),
		   ERROR("wait", "resource-constraint"));
}

static const struct {
	const char *xml, *error;
} refused[] = {
	{SET(ONE(BOB, "publisher")),
	 ERROR("cancel", "feature-not-implemented")
		 DETAIL("unsupported") " feature='publisher-affiliation'"},
	{SET(ONE(BOB, "publish-only")),
	 ERROR("cancel", "feature-not-implemented")
		 DETAIL("unsupported") " feature='publish-only-affiliation'"},
	{SET(ONE(BOB, "king")), ERROR("modify", "bad-request")},
	{SET(ONE("@", "member")), ERROR("modify", "bad-request") DETAIL("invalid-jid")},
	{SET("<affiliation affiliation='member'/>"),
	 ERROR("modify", "bad-request") DETAIL("invalid-jid")},
	{SET(ONE(BOB, "member") ONE(BOB "/x", "none")), ERROR("modify", "bad-request")},
};

static void what_cannot_be_set(void **state)
{
	struct fixture *f = *state;
	f->hub.owner = true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_has(told(f, refused[i].xml), refused[i].error);
		assert_int_equal(f->hub.log.len, 0);
	}
	/* The last owner stays, and is shown. */
	f->hub.last_owner = true;
	f->hub.affiliation = AFFILIATION_OWNER;
	const char *a = told(f, SET(ONE(ALICE, "none")));
	assert_answer(f, a, DOMAIN);
	assert_has(a,
		   "<affiliations node='deploys'>" ONE(
			   ALICE,
			   "owner") "</affiliations></pubsub>" ERROR("modify",
								     "not-acceptable"));
	assert_has(a, "name another owner in the same request");
	f->hub.owner = false;
	assert_has(told(f, SET(ONE(ALICE, "owner"))), ERROR("auth", "forbidden"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(by_form),		TEST(forms_without_an_answer),
		TEST(forms_of_others),	TEST(in_chat),
		TEST(by_commands),	TEST(ones_own),
		TEST(ones_own_of_many), TEST(of_a_feed),
		TEST(setting),		TEST(what_cannot_be_set),
	};
	return cmocka_run_group_tests_name("xmpp/owners", tests, NULL, NULL);
}
