#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* What the multicast service answers to what a session asked. */
#define SERVICE "multicast.example.org"

/* What the multicast service answered, as service_says() is told. */
static const char *service_says(struct fixture *f, const char *type, const char *payload)
{
	struct buf ask = {0}, answer = {0};
	f->service[0] = '\0';
	session_ask_service(f->session, &ask);
	const char *id = strstr(ask.data, " id='multicast-");
	buf_printf(&answer, "<iq type='%s' from='" SERVICE "' to='" DOMAIN "'%.*s%s</iq>",
		   type, (int)(strchr(id, '>') + 1 - id), id, payload);
	assert_string_equal(told(f, answer.data), "");
	buf_free(&ask);
	buf_free(&answer);
	return f->service;
}

#define INFO(more) "<query xmlns='" NS_DISCO_INFO "'>" more "</query>"
#define CAN "<feature var='" NS_ADDRESS "'/>"
#define LIMIT(type, n)                                                                   \
	"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>" type     \
	"</value></field><field var='message'><value>" n "</value></field></x>"

static void a_multicast_service(void **state)
{
	static const struct {
		const char *payload, *says;
	} cases[] = {
		{INFO(CAN), "20 "},
		{INFO("<feature var='x'/>" CAN LIMIT(NS_ADDRESS, "100")), "100 "},
		{INFO(LIMIT(NS_ADDRESS, "5") CAN), "5 "},
		{INFO(CAN LIMIT("something-else", "5")), "20 "},
		{INFO(CAN LIMIT(NS_ADDRESS, "many")), "20 "},
		{INFO(CAN LIMIT(NS_ADDRESS, "99999999999999999999")), "20 "},
		{INFO(CAN LIMIT(NS_ADDRESS, "0")), "0 it grants us no receivers"},
		{INFO("<feature/>"), "0 it is there, but has no feature " NS_ADDRESS},
		{"", "0 it is there, but has no feature " NS_ADDRESS},
	};
	struct fixture *f = *state;
	session_use_service(f->session, SERVICE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(service_says(f, "result", cases[i].payload),
				    cases[i].says);
	assert_string_equal(
		service_says(f, "error",
			     INFO(CAN) "<error type='cancel'><remote-server-not-found "
				       "xmlns='" NS_STANZAS "'/></error>"),
		"0 remote-server-not-found");
}

static void barriers_of_the_service(void **state)
{
	struct fixture *f = *state;
	struct buf ping = {0};
	char xml[400];
	session_use_service(f->session, SERVICE);
	session_ping_service(f->session, 7, &ping);
	assert_has(ping.data, "from='" DOMAIN "' to='" SERVICE "'");
	const char *id = strstr(ping.data, " id=");
#define SAYS(condition) ERROR("cancel", condition) "</error>"
	static const struct {
		const char *from, *type, *payload, *gone;
		bool passes;
	} cases[] = {
		{SERVICE, "result", "", "", true},
		{SERVICE, "error", SAYS("service-unavailable"), "", true},
		{SERVICE, "error", SAYS("feature-not-implemented"), "", true},
		{SERVICE, "error", SAYS("remote-server-not-found"),
		 "7 gone: remote-server-not-found", false},
		{SERVICE, "error", "", "7 gone: undefined-condition", false},
		{SERVICE, "get", "", "", false},
		{ALICE, "result", "", "", false},
		{"x@" SERVICE, "result", "", "", false},
		{"example.org", "result", "", "", false},
		{"example.org", "error", SAYS("remote-server-not-found"), "", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->service_barrier = 0;
		f->service[0] = '\0';
		snprintf(xml, sizeof(xml),
			 "<iq type='%s' from='%s' to='" DOMAIN "'%.*s>%s</iq>",
			 cases[i].type, cases[i].from, (int)(strchr(id, '>') - id), id,
			 cases[i].payload);
		told(f, xml);
		assert_int_equal(f->service_barrier, cases[i].passes ? 7 : 0);
		assert_string_equal(f->service, cases[i].gone);
		/* It never stands for the ping to ourselves. */
		assert_int_equal(f->barrier, 0);
	}
	snprintf(xml, sizeof(xml),
		 "<iq type='result' from='" SERVICE "' to='" DOMAIN
		 "' id='barrier-0123456789abcdef-7'/>");
	f->service_barrier = 0;
	told(f, xml);
	assert_int_equal(f->service_barrier, 0);
	/* What it sends back is a bounce like others; as a client it is served. */
	told(f,
	     "<message type='error' from='" SERVICE "' to='deploys@" DOMAIN
	     "' id='deploys~3-7~group'><error type='modify'><not-acceptable xmlns='" NS_STANZAS
	     "'/></error></message>");
	assert_string_equal(f->bounce,
			    "deploys~3-7~group " SERVICE " retries not-acceptable");
	assert_has(told(f, "<iq type='get' from='" SERVICE "' to='" DOMAIN
			   "' id='1'><ping xmlns='" NS_PING "'/></iq>"),
		   "type='result'");
	buf_free(&ping);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_multicast_service),
		TEST(barriers_of_the_service),
	};
	return cmocka_run_group_tests_name("xmpp/service", tests, NULL, NULL);
}
