#include "commanding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define SECRET "secret@" DOMAIN
#define PRESENCE(from, to, type) "<presence from='" from "' to='" to "' type='" type "'/>"
#define TOLD(type, from) "<presence type='" type "' from='" from "' to='" ALICE "'/>"
#define SAID(from) "<message type='chat' from='" from "' to='" ALICE "'"

static void answered_by_presence(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, PRESENCE(ALICE, FEED, "subscribed"));
	assert_string_equal(f->hub.log.data, "answer deploys " ALICE " yes\n");
	assert_has(a, SAID(FEED));
	assert_has(a, "You now follow deploys. Write &apos;unsubscribe&apos;");
	/* A feed that may see somebody would be let in unasked the next time. */
	assert_has(a, TOLD("unsubscribe", FEED));
	/* Who says no is left alone. */
	assert_string_equal(told(f, PRESENCE(ALICE, FEED, "unsubscribed")), "");
	assert_string_equal(f->hub.log.data, "answer deploys " ALICE " no\n");
	/* A feed that is closed to others. */
	a = told(f, PRESENCE(ALICE "/phone", SECRET "/x", "subscribed"));
	assert_string_equal(f->hub.log.data, "answer secret " ALICE " yes\n");
}

/* Servers say these of contacts that nobody invited. */
static void nothing_is_said_to_others(void **state)
{
	struct fixture *f = *state;
	f->hub.not_invited = true;
	assert_string_equal(told(f, PRESENCE(ALICE, FEED, "subscribed")),
			    TOLD("unsubscribe", FEED));
	assert_string_equal(told(f, PRESENCE(ALICE, FEED, "unsubscribed")), "");
	assert_string_equal(told(f, PRESENCE(ALICE, "none@" DOMAIN, "subscribed")),
			    TOLD("unsubscribe", "none@" DOMAIN));
	assert_string_equal(told(f, PRESENCE(ALICE, HUB, "subscribed")), "");
	assert_int_equal(f->hub.log.len, 0);
	/* It was accepted: who cannot be let in now has to know. */
	f->hub.err = BELFRY_EAWAY;
	const char *a = told(f, PRESENCE(ALICE, FEED, "subscribed"));
	assert_has(a, "try again");
	assert_no(a, "<presence");
	assert_string_equal(told(f, PRESENCE("bob@example.org", FEED, "unsubscribed")),
			    "");
}

/* As a client does it: it accepts, and asks in turn. Both happen, in this order. */
static void accepted_and_added(void **state)
{
	struct fixture *f = *state;
	buf_clear(&f->hub.log);
	ask_only(f, PRESENCE(ALICE, FEED, "subscribed"));
	ask_only(f, PRESENCE(ALICE, FEED, "subscribe"));
	ask_only(f, PRESENCE(ALICE, FEED, "unsubscribed"));
	ask_only(f, PRESENCE(ALICE, FEED, "subscribed"));
	assert_int_equal(f->hub.call_count, 1);
	fake_hub_answer(&f->hub);
	assert_string_equal(f->hub.log.data,
			    "answer deploys " ALICE " yes\n"
			    "subscribe " ALICE " deploys " ALICE " c contact\n"
			    "look deploys " ALICE "\n"
			    "answer deploys " ALICE " yes\n");
	assert_has(f->sent.data, TOLD("subscribed", FEED));
}

static void answered_in_chat(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("deploys", "Yes!"));
	assert_string_equal(f->hub.log.data, "answer deploys " ALICE " yes\n");
	assert_has(a, "You now follow deploys. Write &apos;unsubscribe&apos; to stop.");
	/* The contact list has no question any more. */
	assert_has(a, TOLD("unsubscribe", FEED));
	a = told(f, CHAT("hub", "no deploys."));
	assert_has(f->hub.log.data, "answer deploys. " ALICE " no\n"
				    "answer deploys " ALICE " no\n");
	assert_has(a, "are not invited to it again");
	assert_has(a, "&apos;subscribe deploys&apos;");
	assert_has(a, TOLD("unsubscribe", FEED));
	a = told(f, CHAT("none", "yes"));
	assert_has(a, "There is no feed none.");
	f->hub.err = BELFRY_EDENIED;
	assert_has(told(f, CHAT("secret", "yes")), "not open to you");
	f->hub.err = BELFRY_EAWAY;
	a = told(f, CHAT("deploys", "no"));
	assert_has(a, "did not work just now");
	assert_no(a, "<presence");
}

/* A robot that says no to everything. */
static void there_is_an_end(void **state)
{
	struct fixture *f = *state;
	unsigned answers = 0;
	f->hub.not_invited = true;
	assert_has(told(f, CHAT("deploys", "no")), "no invitation of yours to deploys");
	for (unsigned i = 0; i < 40; i++)
		answers += told(f, CHAT("deploys", "yes"))[0] != '\0';
	assert_true(answers < 10);
}

#define COMMAND(to, name, payload)                                                       \
	IQ("set", to,                                                                    \
	   "<command xmlns='" NS_COMMANDS "' node='belfry:" name "'>" payload            \
	   "</command>")
#define FORM(fields) "<x xmlns='" NS_FORM "' type='submit'>" fields "</x>"

static void answered_by_a_command(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, COMMAND(FEED, "yes", ""));
	assert_string_equal(f->hub.log.data, "answer deploys " ALICE " yes\n");
	assert_has(a, "<note type='info'>You now follow deploys.");
	/* A feed that is not shown to who was invited can be named. */
	a = told(f, COMMAND(HUB, "no", ""));
	assert_int_equal(f->hub.log.len, 0);
	assert_has(a, "<field var='feed' type='text-single' label='Feed'><required/>");
	a = told(f, COMMAND(HUB, "no", FORM(FIELD("feed", "secret"))));
	assert_string_equal(f->hub.log.data, "answer secret " ALICE " no\n");
	f->hub.not_invited = true;
	for (unsigned i = 0; i < 20; i++)
		assert_has(told(f, COMMAND(FEED, "yes", "")),
			   "<note type='error'>I know of no invitation");
}

#define BOUNCE(from, to, id, error)                                                      \
	"<message type='error' from='" from "' to='" to "' id='" id                      \
	"'><body>b</body><error type='cancel'>" error "</error></message>"
#define SUBSCRIBE(node)                                                                  \
	IQ("set", DOMAIN,                                                                \
	   "<pubsub xmlns='" NS_PUBSUB "'><subscribe node='" node "' jid='" ALICE        \
	   "'/></pubsub>")
#define AWAY "<service-unavailable xmlns='" NS_STANZAS "'/>"

static void that_came_back(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, BOUNCE(ALICE, FEED, "invitation~0123456789abcdef", AWAY));
	assert_string_equal(f->hub.log.data,
			    "undelivered deploys " ALICE " service-unavailable\n");
	assert_string_equal(a, TOLD("unsubscribe", FEED));
	assert_int_equal(f->session->counters.bounces_received, 1);
	assert_int_equal(f->bounces, 0);
	told(f, BOUNCE(ALICE "/x", FEED, "invitation~0123456789abcdef",
		       "<not-acceptable xmlns='" NS_STANZAS
		       "'/><blocked xmlns='urn:xmpp:blocking:errors'/>"));
	assert_string_equal(f->hub.log.data,
			    "undelivered deploys " ALICE " not-acceptable\n");
	/* A delivery of a feed that has the word for its name. */
	told(f, BOUNCE(ALICE, "invitation@" DOMAIN, "invitation~3-7~0a1b2c3d", AWAY));
	assert_int_equal(f->hub.log.len, 0);
	assert_int_equal(f->bounces, 1);
	static const char *const others[] = {
		BOUNCE(ALICE, FEED, "0123456789abcdef", AWAY),
		BOUNCE(ALICE, HUB, "invitation~0123456789abcdef", AWAY),
		BOUNCE(ALICE, DOMAIN, "invitation~0123456789abcdef", AWAY),
		BOUNCE(ALICE, "a+b@" DOMAIN, "invitation~0123456789abcdef", AWAY),
		BOUNCE(FEED, FEED, "invitation~0123456789abcdef", AWAY),
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_string_equal(told(f, others[i]), "");
		assert_int_equal(f->hub.log.len, 0);
	}
	/* Each costs a look into the store: there is an end to it. */
	unsigned looked = 0;
	for (unsigned i = 0; i < 100; i++) {
		told(f, BOUNCE(ALICE, FEED, "invitation~0123456789abcdef", AWAY));
		looked += f->hub.log.len > 0;
	}
	assert_true(looked > 0 && looked < 10);
}

/* Who says that there is nobody, or blocks us, is meant; until it writes. */
static void requests_that_came_back(void **state)
{
	struct fixture *f = *state;
	static const char *const ends[] = {
		"<gone xmlns='" NS_STANZAS "'/>",
		"<item-not-found xmlns='" NS_STANZAS "'/>",
		"<not-acceptable xmlns='" NS_STANZAS
		"'/><blocked xmlns='urn:xmpp:blocking:errors'/>",
	};
	char bounce[512];
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(bounce, sizeof(bounce),
			 BOUNCE(ALICE, FEED, "request~0123456789abcdef", "%s"), ends[i]);
		assert_string_equal(told(f, bounce), "");
		assert_string_equal(f->hub.log.data, "returned " ALICE " nobody\n");
	}
	/* Most servers do not say that it is blocked. */
	told(f, BOUNCE(ALICE, FEED, "request~0123456789abcdef", AWAY));
	assert_string_equal(f->hub.log.data, "returned " ALICE " service-unavailable\n");
	static const char *const others[] = {
		BOUNCE(ALICE, FEED, "0123456789abcdef", "<gone xmlns='" NS_STANZAS "'/>"),
		BOUNCE(ALICE, HUB, "request~0123456789abcdef",
		       "<gone xmlns='" NS_STANZAS "'/>"),
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_string_equal(told(f, others[i]), "");
		assert_int_equal(f->hub.log.len, 0);
	}
	/* A delivery of a feed that has the word for its name. */
	told(f, BOUNCE(ALICE, "request@" DOMAIN, "request~3-7~0a1b2c3d", AWAY));
	assert_int_equal(f->hub.log.len, 0);
	assert_int_equal(f->bounces, 1);
	assert_string_equal(f->hub.heard, "");
	told(f, CHAT("deploys", "whoami"));
	assert_string_equal(f->hub.heard, ALICE);
	f->hub.heard[0] = '\0';
	told(f, COMMAND(FEED, "whoami", ""));
	assert_string_equal(f->hub.heard, ALICE);
}

/* Added as a contact: neither yes nor no until an owner has said it. */
static void asked_as_a_contact(void **state)
{
	struct fixture *f = *state;
	const char *ask = PRESENCE(ALICE, "council@" DOMAIN, "subscribe");
	const char *a = told(f, ask);
	assert_no(a, "<presence");
	assert_has(a, SAID("council@" DOMAIN));
	assert_has(a, "Its owners have been asked");
	assert_string_equal(told(f, ask), "");
	a = told(f, PRESENCE(ALICE, "council@" DOMAIN, "unsubscribe"));
	assert_has(a, TOLD("unsubscribed", "council@" DOMAIN));
	f->hub.err = BELFRY_ELIMIT;
	a = told(f, PRESENCE("bob@example.org", FEED, "subscribe"));
	assert_no(a, "<presence");
	assert_has(a, "too often");
}

/* Nobody in a client can answer: that is not put upon owners that there are not. */
static void asked_of_nobody(void **state)
{
	struct fixture *f = *state;
	f->hub.unowned = true;
	const char *a = told(f, CHAT("council", "subscribe"));
	assert_no(a, "owners have been asked");
	assert_has(a, "Nobody can answer you in chat yet");
	assert_has(a, "the people who run this service can");
	assert_has(a, "Write &apos;unsubscribe&apos; to ask no more.");
	a = told(f, PRESENCE(ALICE, "council@" DOMAIN, "subscribe"));
	assert_no(a, "<presence");
	assert_has(a, "Nobody can answer you in chat yet");
	a = told(f, SUBSCRIBE("council"));
	assert_has(a, "subscription='pending'/></pubsub>");
	f->hub.asked_before = true;
	a = told(f, SUBSCRIBE("council"));
	assert_has(a, ERROR("auth", "not-authorized") "<text xmlns='" NS_STANZAS
						      "'>You asked to follow council");
	assert_has(a, "</text><pending-subscription xmlns='" NS_PUBSUB_ERRORS "'/>");
}

static void asked_in_chat(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, CHAT("council", "subscribe"));
	assert_has(a, "Its owners have been asked");
	assert_has(a, "Write &apos;unsubscribe&apos; to ask no more.");
	assert_has(told(f, CHAT("hub", "subscribe council")),
		   "Write &apos;unsubscribe council&apos; to ask no more.");
	assert_has(told(f, CHAT("council", "mute")),
		   "You do not follow council. Write &apos;subscribe&apos;");
	assert_has(told(f, CHAT("council", "whoami")),
		   "You follow this feed: not yet: your request waits");
	assert_has(told(f, CHAT("council", "unsubscribe")),
		   "You no longer ask to follow council.");
	assert_has(told(f, COMMAND("council@" DOMAIN, "subscribe", "")),
		   "<note type='info'>You asked to follow council.");
	f->hub.err = BELFRY_ELIMIT;
	assert_has(told(f, CHAT("deploys", "subscribe")), "within an hour");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(answered_by_presence),    TEST(nothing_is_said_to_others),
		TEST(accepted_and_added),      TEST(answered_in_chat),
		TEST(there_is_an_end),	       TEST(answered_by_a_command),
		TEST(that_came_back),	       TEST(asked_as_a_contact),
		TEST(asked_in_chat),	       TEST(asked_of_nobody),
		TEST(requests_that_came_back),
	};
	return cmocka_run_group_tests_name("xmpp/invitation", tests, NULL, NULL);
}
