#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void disco(void **state)
{
	struct fixture *f = *state;
	const char *a = told(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_answer(f, a, DOMAIN);
	assert_has(a, "<identity category='pubsub' type='service' name='Belfry'/>");
	assert_has(a, "<feature var='" NS_PUBSUB "#subscribe'/>");
	assert_null(strstr(a, "#publish'"));
	a = told(f, IQ("get", "hub@" DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_answer(f, a, "hub@" DOMAIN);
	assert_has(a, "category='client' type='bot'");
	a = told(f, IQ("get", "deploys@" DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_answer(f, a, "deploys@" DOMAIN);
	assert_has(a, "category='client' type='bot' name='Deploys &amp; &lt;more&gt;'");
	a = told(f,
		 IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_INFO "' node='deploys'/>"));
	assert_answer(f, a, DOMAIN);
	assert_has(a, "node='deploys'><identity category='pubsub' type='leaf'");
	assert_has(a, "<field var='pubsub#num_subscribers'><value>7</value></field>");
	assert_has(a, "<field var='pubsub#access_model'><value>open</value></field>");
	a = told(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_INFO "' node='none'/>"));
	assert_has(a, ERROR("cancel", "item-not-found"));
	a = told(f, IQ("get", "none@" DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_has(a, ERROR("cancel", "item-not-found"));
	a = told(f, IQ("get", "hub@" DOMAIN,
		       "<query xmlns='" NS_DISCO_INFO "' node='deploys'/>"));
	assert_has(a, ERROR("cancel", "item-not-found"));
	a = told(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	assert_answer(f, a, DOMAIN);
	assert_has(a, "<item jid='hub@" DOMAIN "'");
	assert_has(a, "<item jid='" DOMAIN "' node='deploys' name='Deploys &amp;");
	a = told(f, IQ("get", DOMAIN,
		       "<query xmlns='" NS_DISCO_ITEMS "'><set xmlns='" NS_RSM
		       "'><max>10</max><after>a</after></set></query>"));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone 'a' 10\n");
	assert_has(a,
		   "<set xmlns='" NS_RSM "'><first>deploys</first><last>deploys</last>");
	assert_null(strstr(a, "hub@"));
	a = told(f,
		 IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "' node='deploys'/>"));
	assert_has(a, "<item jid='" DOMAIN "' name='three'/>");
	a = told(f, IQ("get", "deploys@" DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	assert_has(a, "<item jid='" DOMAIN "' node='deploys'");
	a = told(f, IQ("get", "hub@" DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	assert_has(a, "<item jid='deploys@" DOMAIN "' name=");
}

static const struct {
	enum feed_access access;
	const char *model;
} models[] = {
	{ACCESS_OPEN, "open"},
	{ACCESS_LOCAL, NULL},
	{ACCESS_WHITELIST, "whitelist"},
	{ACCESS_AUTHORIZE, "authorize"},
};

static void access_models(void **state)
{
	struct fixture *f = *state;
	char field[100];
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		f->hub.access = models[i].access;
		const char *a =
			told(f, IQ("get", DOMAIN,
				   "<query xmlns='" NS_DISCO_INFO "' node='deploys'/>"));
		snprintf(field, sizeof(field),
			 "<field var='pubsub#access_model'><value>%s</value></field>",
			 models[i].model != NULL ? models[i].model : "");
		if (models[i].model != NULL)
			assert_has(a, field);
		else
			assert_null(strstr(a, "access_model"));
	}
}

/* XEP-0157: of the service alone. */
static void contact_addresses(void **state)
{
	struct fixture *f = *state;
	static char abuse[] = "mailto:abuse@example.org", page[] = "https://a.b/?c&d";
	char *abuses[] = {abuse, page, NULL}, *none[] = {NULL};
	struct config config = {0};
	const char *ask = IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>");
	config.contact.sales = none;
	session_use_contacts(f->session, &config);
	assert_null(strstr(told(f, ask), NS_FORM));
	config.contact.abuse = abuses;
	config.contact.support = abuses + 1;
	const char *a = told(f, ask);
	assert_answer(f, a, DOMAIN);
	assert_has(a, "<x xmlns='" NS_FORM "' type='result'><field var='FORM_TYPE' "
		      "type='hidden'><value>http://jabber.org/network/serverinfo</value>"
		      "</field><field var='abuse-addresses' type='list-multi'>"
		      "<value>mailto:abuse@example.org</value><value>https://a.b/?c&amp;d"
		      "</value></field><field var='support-addresses' type='list-multi'>"
		      "<value>https://a.b/?c&amp;d</value></field></x></query>");
	a = told(f, IQ("get", "hub@" DOMAIN, "<query xmlns='" NS_DISCO_INFO "'/>"));
	assert_null(strstr(a, NS_FORM));
}

/* Who sees none of very many feeds: it is not the end of the list, but meets the hub. */
static void lists_that_end_early(void **state)
{
	struct fixture *f = *state;
	f->hub.err = BELFRY_EFULL;
	const char *a = told(f, IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	assert_has(a, "type='result'");
	assert_has(a, "<item jid='hub@" DOMAIN "'");
	a = told(f, IQ("get", DOMAIN,
		       "<query xmlns='" NS_DISCO_ITEMS "'><set xmlns='" NS_RSM
		       "'><after>a</after></set></query>"));
	assert_has(a, ERROR("wait", "resource-constraint"));
	a = told(f, IQ("get", "hub@" DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	assert_has(a, ERROR("wait", "resource-constraint"));
}

#define LIST(to, set)                                                                    \
	IQ("get", to,                                                                    \
	   "<query xmlns='" NS_DISCO_ITEMS "'><set xmlns='" NS_RSM "'>" set              \
	   "</set></query>")
#define LONG "0123456789abcdef"
#define NAME LONG LONG LONG LONG /* as long as one may be */

static void pages(void **state)
{
	struct fixture *f = *state;
	/* Nobody sends the store more than it needs. */
	told(f, LIST(DOMAIN, "<max>3</max><after>" NAME "xyz</after>"));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone '" NAME "x' 3\n");
	const char *a = told(f, LIST(DOMAIN, "<after>z</after>"));
	assert_answer(f, a, DOMAIN);
	assert_has(a, "'><set xmlns='" NS_RSM "'></set></query>");
	/* How many there are, where that is known. */
	a = told(f, LIST(DOMAIN, "<max>0</max><after>z</after>"));
	assert_string_equal(f->hub.log.data, "feeds " ALICE "/phone '' 200\n");
	assert_has(a, "'><set xmlns='" NS_RSM "'><count>2</count></set></query>");
	assert_has(told(f, LIST("hub@" DOMAIN, "<max>0</max>")), "<count>1</count>");
	f->hub.more = true;
	assert_has(told(f, LIST(DOMAIN, "<max>0</max>")),
		   "'><set xmlns='" NS_RSM "'></set></query>");
	f->hub.err = BELFRY_EFULL;
	assert_has(told(f, LIST("hub@" DOMAIN, "<max>0</max>")),
		   "'><set xmlns='" NS_RSM "'></set></query>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(disco),
		TEST(access_models),
		TEST(contact_addresses),
		TEST(lists_that_end_early),
		TEST(pages),
	};
	return cmocka_run_group_tests_name("xmpp/disco", tests, NULL, NULL);
}
