#include "conversation.h"

#include <belfry/xmpp/presence.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED "deploys@" DOMAIN
#define HUB "hub@" DOMAIN
#define PRESENCE(from, to, type) "<presence from='" from "' to='" to "' type='" type "'/>"
/* What is answered. */
#define TOLD(type, from) "<presence type='" type "' from='" from "' to='" ALICE "'/>"
#define GONE(from) "<presence from='" from "/belfry' to='" ALICE "' type='unavailable'/>"
#define THERE(from, to) "<presence from='" from "/belfry' to='" to "'>"
#define NO_PHOTO "<x xmlns='vcard-temp:x:update'><photo></photo></x>"
#define REFUSED(from) "<message type='chat' from='" from "' to='" ALICE "'"

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;
	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void adding_follows(void **state)
{
	struct fixture *f = *state;
	static const struct hub_look look = {"dnd", "a <b>",
					     "0123456789012345678901234567890123456789"};
	f->hub.look = look;
	const char *a = told(f, PRESENCE(ALICE, FEED, "subscribe"));
	assert_string_equal(f->hub.log.data, "subscribe " ALICE " deploys " ALICE
					     " c contact\nlook deploys " ALICE "\n");
	assert_memory_equal(a, TOLD("subscribed", FEED),
			    strlen(TOLD("subscribed", FEED)));
	assert_has(a,
		   THERE(FEED, ALICE) "<show>dnd</show><status>a &lt;b&gt;</status>"
				      "<x xmlns='vcard-temp:x:update'><photo>"
				      "0123456789012345678901234567890123456789</photo>"
				      "</x><c ");
	assert_int_equal(count(a, "<presence"), 2);
	/* Again, and from a resource to a resource: the same. */
	a = told(f, PRESENCE(ALICE "/phone", FEED "/x", "subscribe"));
	assert_has(a, TOLD("subscribed", FEED));
	assert_has(a, THERE(FEED, ALICE));
	assert_int_equal(f->session->counters.presences_sent, 4);
}

static void refusals_say_why_once_an_hour(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, PRESENCE(ALICE, "secret@" DOMAIN, "subscribe"));
	assert_has(a, TOLD("unsubscribed", "secret@" DOMAIN));
	assert_has(a, REFUSED("secret@" DOMAIN));
	assert_has(a, "not open to you");
	a = told(f, PRESENCE(ALICE, "none@" DOMAIN, "subscribe"));
	assert_has(a, "There is no feed none."); /* each for itself */
	a = told(f, PRESENCE(ALICE, "none@" DOMAIN, "subscribe"));
	assert_string_equal(a, TOLD("unsubscribed", "none@" DOMAIN));
	a = told(f, PRESENCE(ALICE, "no such@" DOMAIN, "subscribe"));
	assert_string_equal(a, ""); /* it is no JID */
	a = told(f, PRESENCE(ALICE, "a+b@" DOMAIN, "subscribe"));
	assert_has(a, "There is no feed of that name.");
	a = told(f, PRESENCE(ALICE, "c+d@" DOMAIN, "subscribe"));
	assert_string_equal(a, TOLD("unsubscribed", "c+d@" DOMAIN));
	a = told(f, PRESENCE("bob@example.org", "a+b@" DOMAIN, "subscribe"));
	assert_has(a, "There is no feed of that name.");
	a = told(f, PRESENCE("carol@example.org", "none@" DOMAIN, "subscribe"));
	assert_has(a, "There is no feed none.");
}

/* Neither yes nor no would be true. */
static void nothing_is_promised_while_the_store_is_away(void **state)
{
	struct fixture *f = *state;
	f->hub.err = BELFRY_EAWAY;
	const char *a = told(f, PRESENCE(ALICE, FEED, "subscribe"));
	assert_null(strstr(a, "<presence"));
	assert_has(a, "try again");
	assert_string_equal(told(f, PRESENCE(ALICE, FEED, "probe")), "");
	/* A refusal that was told takes no other's place, nor does one feed another's. */
	a = told(f, PRESENCE(ALICE, FEED, "unsubscribe"));
	assert_null(strstr(a, "<presence"));
	assert_has(a, "You may still follow deploys");
	a = told(f, PRESENCE(ALICE, "none@" DOMAIN, "unsubscribe"));
	assert_has(a, "You may still follow none");
	assert_string_equal(told(f, PRESENCE(ALICE, FEED, "subscribe")), "");
}

/* Closed since: the row goes on, and so does what the contact list shows. */
static void who_was_let_in_stays_a_contact(void **state)
{
	struct fixture *f = *state;
	const char *subscribe = PRESENCE(ALICE, "secret@" DOMAIN, "subscribe");
	f->hub.was_let_in = true;
	const char *a = told(f, subscribe);
	assert_has(a, TOLD("subscribed", "secret@" DOMAIN));
	assert_has(a, THERE("secret@" DOMAIN, ALICE));
	assert_null(strstr(a, "unsubscribed"));
	assert_null(strstr(a, "<message"));
	f->hub.was_let_in = false;
	a = told(f, subscribe);
	assert_has(a, TOLD("unsubscribed", "secret@" DOMAIN));
	assert_has(a, "not open to you");
}

static void removing_leaves(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, PRESENCE(ALICE, FEED, "unsubscribe"));
	assert_string_equal(f->hub.log.data, "unsubscribe deploys " ALICE "\n");
	assert_string_equal(a, TOLD("unsubscribed", FEED) GONE(FEED));
	/* Who did not follow, or what is not there: the list is told the same. */
	a = told(f, PRESENCE(ALICE, "secret@" DOMAIN, "unsubscribe"));
	assert_has(a, TOLD("unsubscribed", "secret@" DOMAIN));
	a = told(f, PRESENCE(ALICE, "none@" DOMAIN, "unsubscribe"));
	assert_has(a, TOLD("unsubscribed", "none@" DOMAIN));
	a = told(f, PRESENCE(ALICE, "a+b@" DOMAIN, "unsubscribe"));
	assert_has(a, GONE("a+b@" DOMAIN));
}

static void the_hub_is_everybodys(void **state)
{
	struct fixture *f = *state;
	const char *const places[] = {HUB, ("help@" DOMAIN), DOMAIN};
	char xml[300], want[300];
	for (size_t i = 0; i < 3; i++) {
		const char *resource = i < 2 ? "/belfry" : "";
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "%s", "subscribe"), places[i]);
		const char *a = told(f, xml);
		snprintf(want, sizeof(want),
			 TOLD("subscribed", "%s") "<presence from='%s%s' to='" ALICE "'>",
			 places[i], places[i], resource);
		assert_has(a, want);
		assert_has(a, NO_PHOTO);
		/* A service can other things than the bots. */
		assert_int_equal(count(a, "<c "), i < 2 ? 1 : 0);
		snprintf(xml, sizeof(xml), PRESENCE(ALICE "/phone", "%s", "probe"),
			 places[i]);
		snprintf(want, sizeof(want),
			 "<presence from='%s%s' to='" ALICE "/phone'>", places[i],
			 resource);
		assert_has(told(f, xml), want);
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "%s", "unsubscribe"),
			 places[i]);
		snprintf(want, sizeof(want),
			 TOLD("unsubscribed", "%s") "<presence from='%s%s' to='" ALICE
						    "' type='unavailable'/>",
			 places[i], places[i], resource);
		assert_string_equal(told(f, xml), want);
		assert_int_equal(f->hub.log.len, 0);
	}
}

static void probes_are_answered(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, PRESENCE(ALICE "/phone", FEED, "probe"));
	assert_string_equal(f->hub.log.data, "look deploys " ALICE "\n");
	assert_has(a, THERE(FEED, ALICE "/phone") NO_PHOTO "<c ");
	assert_int_equal(count(a, "<presence"), 1);
	/* RFC 6121 4.3.2 */
	f->hub.no_contact = true;
	assert_string_equal(told(f, PRESENCE(ALICE "/phone", FEED, "probe")),
			    TOLD("unsubscribed", FEED));
	assert_string_equal(told(f, PRESENCE(ALICE, "none@" DOMAIN, "probe")),
			    TOLD("unsubscribed", "none@" DOMAIN));
	assert_string_equal(told(f, PRESENCE(ALICE, "a+b@" DOMAIN, "probe")),
			    TOLD("unsubscribed", "a+b@" DOMAIN));
}

/* Whoever adds a feed and removes it must not end as a follower. */
static void in_the_order_they_came(void **state)
{
	struct fixture *f = *state;
	ask_only(f, PRESENCE(ALICE, FEED, "subscribe"));
	ask_only(f, PRESENCE(ALICE, FEED, "unsubscribe"));
	assert_int_equal(f->hub.call_count, 1);
	fake_hub_answer(&f->hub);
	assert_string_equal(f->hub.log.data, "subscribe " ALICE " deploys " ALICE
					     " c contact\nlook deploys " ALICE
					     "\nunsubscribe deploys " ALICE "\n");
	const char *first = strstr(f->sent.data, TOLD("subscribed", FEED));
	const char *left = strstr(f->sent.data, TOLD("unsubscribed", FEED));
	assert_true(first != NULL && left > first);
}

/* One who changes his mind without an end holds up nobody, and fills nothing. */
static void the_last_word_counts(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 3000; i++) {
		ask_only(f, PRESENCE(ALICE, FEED, "subscribe"));
		ask_only(f, PRESENCE(ALICE, FEED, "unsubscribe"));
	}
	assert_int_equal(f->hub.call_count, 1);
	ask_only(f, PRESENCE("bob@example.org", FEED, "subscribe"));
	ask_only(f, PRESENCE(ALICE, "none@" DOMAIN, "unsubscribe"));
	assert_int_equal(f->hub.call_count, 3);
	buf_clear(&f->hub.log);
	fake_hub_answer(&f->hub);
	assert_string_equal(f->hub.log.data,
			    "look deploys " ALICE "\nlook deploys bob@example.org\n"
			    "unsubscribe deploys " ALICE "\n");
	assert_has(f->sent.data, TOLD("unsubscribed", FEED) GONE(FEED));
	assert_null(strstr(f->sent.data, "<message"));
}

/* Who comes online has all his contacts probed at once. */
static void many_probes_at_once(void **state)
{
	struct fixture *f = *state;
	char xml[300];
	for (unsigned i = 0; i < 500; i++) {
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "f%u@" DOMAIN, "probe"), i);
		ask_only(f, xml);
	}
	assert_int_equal(f->hub.call_count, 64);
	/* They take nobody's place. */
	ask_only(f, IQ("get", FEED, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_int_equal(f->hub.call_count, 65);
	fake_hub_answer(&f->hub);
	assert_int_equal(count(f->sent.data, "<presence type='unsubscribed'"), 500);
	assert_int_equal(count(f->sent.data, "<iq type='result'"), 1);
}

static void floods_are_limited(void **state)
{
	struct fixture *f = *state;
	char xml[300];
	/* The same probe again does not wait twice. */
	for (unsigned i = 0; i < 10; i++)
		ask_only(f, PRESENCE(ALICE, FEED, "probe"));
	fake_hub_answer(&f->hub);
	assert_int_equal(count(f->sent.data, "<presence from"), 2);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "f%u@" DOMAIN, "probe"), i);
		ask_only(f, xml);
	}
	buf_clear(&f->sent);
	fake_hub_answer(&f->hub);
	assert_int_equal(count(f->sent.data, "<presence type='unsubscribed'"), 64 + 1024);
	/* What waits is forgotten with the stream, and with the session. */
	for (unsigned i = 0; i < 100; i++) {
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "f%u@" DOMAIN, "probe"), i);
		ask_only(f, xml);
	}
	session_begin(f->session);
	buf_clear(&f->sent);
	fake_hub_answer(&f->hub);
	assert_int_equal(f->sent.len, 0);
	assert_has(told(f, PRESENCE(ALICE, FEED, "probe")), THERE(FEED, ALICE));
	for (unsigned i = 0; i < 100; i++) {
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "f%u@" DOMAIN, "probe"), i);
		ask_only(f, xml);
	}
}

/* Probes keep no place from those who come or go, of whom none is left out in silence. */
static void what_there_is_no_room_for(void **state)
{
	struct fixture *f = *state;
	char xml[300];
	for (unsigned i = 0; i < 5 * 1100; i++) {
		snprintf(xml, sizeof(xml),
			 PRESENCE("u%u@example.org", "f%u@" DOMAIN, "probe"), i / 1100,
			 i);
		ask_only(f, xml);
	}
	ask_only(f, PRESENCE(ALICE, FEED, "unsubscribe"));
	for (unsigned i = 0; i < 1023; i++) {
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "f%u@" DOMAIN, "subscribe"),
			 i);
		ask_only(f, xml);
	}
	assert_int_equal(f->sent.len, 0);
	ask_only(f, PRESENCE(ALICE, "g@" DOMAIN, "subscribe"));
	assert_has(f->sent.data, "That did not work just now.");
	ask_only(f, PRESENCE(ALICE, "h@" DOMAIN, "unsubscribe"));
	assert_has(f->sent.data, "You may still follow h:");
	assert_int_equal(f->hub.call_count, 64);
}

/* Whose server has taken the contact off the list sends no probe that would tell later.
 */
static void the_stream_ends_in_between(void **state)
{
	struct fixture *f = *state;
	char xml[300];
	for (unsigned i = 0; i < 63; i++) {
		snprintf(xml, sizeof(xml), PRESENCE(ALICE, "f%u@" DOMAIN, "probe"), i);
		ask_only(f, xml);
	}
	ask_only(f, PRESENCE(ALICE, "secret@" DOMAIN, "unsubscribe"));
	ask_only(f, PRESENCE(ALICE, FEED, "unsubscribe"));
	ask_only(f, PRESENCE("bob@example.org", FEED, "subscribe"));
	ask_only(f, PRESENCE("carol@example.org", FEED, "probe"));
	/* Nothing is begun whose answer would be lost. */
	session_end(f->session);
	buf_clear(&f->hub.log);
	fake_hub_answer(&f->hub);
	assert_int_equal(f->hub.log.len, 0);
	session_begin(f->session);
	fake_hub_answer(&f->hub);
	assert_string_equal(
		f->hub.log.data,
		"unsubscribe deploys " ALICE "\n"
		"subscribe bob@example.org deploys bob@example.org c contact\n"
		"look deploys bob@example.org\n");
	assert_has(f->sent.data, TOLD("unsubscribed", FEED) GONE(FEED));
	assert_has(f->sent.data, THERE(FEED, "bob@example.org"));
	assert_int_equal(count(f->sent.data, "carol@"), 0);
}

/* By chat or XEP-0060: the contact list is told, where the feed was in it. */
static void leaving_by_another_way(void **state)
{
	struct fixture *f = *state;
	static const char row[] = "c 1-1 a p3";
	const char *unsubscribe =
		IQ("set", DOMAIN,
		   "<pubsub xmlns='" NS_PUBSUB "'><unsubscribe node='deploys' jid='" ALICE
		   "'/></pubsub>");
	const char *a = told(f, unsubscribe);
	assert_has(a, "type='result'");
	assert_null(strstr(a, "<presence"));
	assert_int_equal(sub_parse(row, strlen(row), &f->hub.sub), 0);
	a = told(f, unsubscribe);
	assert_has(a, "type='result'");
	assert_has(a, TOLD("unsubscribed", FEED) GONE(FEED));
	a = told(f, CHAT("deploys", "unsubscribe"));
	assert_has(a, "no longer follow");
	assert_has(a, TOLD("unsubscribed", FEED) GONE(FEED));
	f->hub.sub.options = NULL;
	f->hub.sub.options_len = 0;
	assert_null(strstr(told(f, CHAT("deploys", "unsubscribe")), "<presence"));
	/* Though there is nobody any more to whom to answer. */
	const char *const ways[] = {unsubscribe, CHAT("hub", "unsubscribe deploys"),
				    PRESENCE(ALICE, FEED, "unsubscribe")};
	assert_int_equal(sub_parse(row, strlen(row), &f->hub.sub), 0);
	for (size_t i = 0; i < 3; i++) {
		buf_clear(&f->sent);
		ask_only(f, ways[i]);
		session_begin(f->session);
		fake_hub_answer(&f->hub);
		assert_string_equal(f->sent.data, TOLD("unsubscribed", FEED) GONE(FEED));
	}
	ask_only(f, unsubscribe); /* ... and after the session */
}

static const char *ver_of(const char *presence, char out[64])
{
	const char *ver = strstr(presence, " ver='");
	assert_non_null(ver);
	snprintf(out, 64, "%.*s", (int)strcspn(ver + 6, "'"), ver + 6);
	return out;
}

/* What a client does to find out what a feed is. */
static void capabilities(void **state)
{
	struct fixture *f = *state;
	char feed[64], hub[64], xml[400];
	ver_of(told(f, PRESENCE(ALICE, FEED, "probe")), feed);
	ver_of(told(f, PRESENCE(ALICE, HUB, "probe")), hub);
	assert_string_equal(feed, hub);
	assert_int_equal(strlen(feed), 28);
	snprintf(xml, sizeof(xml),
		 IQ("get", FEED, "<query xmlns='" NS_DISCO_INFO "' node='belfry#%s'/>"),
		 feed);
	const char *a = told(f, xml);
	assert_answer(f, a, FEED);
	assert_int_equal(f->hub.log.len, 0);
	assert_has(a, "<identity category='client' type='bot'/>");
	assert_has(a, "<feature var='http://jabber.org/protocol/caps'/>");
	assert_has(a, "<feature var='vcard-temp'/>");
	assert_has(a, "node='belfry#");
	/* The same features as without a node. */
	unsigned features = count(a, "<feature");
	a = told(f, IQ("get", FEED, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_int_equal(count(a, "<feature"), features);
	snprintf(xml, sizeof(xml),
		 IQ("get", HUB, "<query xmlns='" NS_DISCO_INFO "' node='belfry#%s'/>"),
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	assert_has(told(f, xml), ERROR("cancel", "item-not-found"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(adding_follows),
		TEST(refusals_say_why_once_an_hour),
		TEST(nothing_is_promised_while_the_store_is_away),
		TEST(who_was_let_in_stays_a_contact),
		TEST(removing_leaves),
		TEST(the_hub_is_everybodys),
		TEST(probes_are_answered),
		TEST(in_the_order_they_came),
		TEST(the_last_word_counts),
		TEST(many_probes_at_once),
		TEST(floods_are_limited),
		TEST(what_there_is_no_room_for),
		TEST(the_stream_ends_in_between),
		TEST(leaving_by_another_way),
		TEST(capabilities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
