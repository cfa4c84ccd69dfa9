#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What costs much may be asked by few at once, and is answered all the same. */
#define HUB "hub@" DOMAIN
#define BUSY ERROR("wait", "resource-constraint")
#define OWN "I am still looking for what was asked before."
#define ALL "Too many others are asking just now."
#define ITEMS                                                                            \
	IQ("get", DOMAIN,                                                                \
	   "<pubsub xmlns='" NS_PUBSUB "'><items node='deploys'/></pubsub>")
#define NODE IQ("get", DOMAIN, "<query xmlns='" NS_DISCO_ITEMS "' node='deploys'/>")
#define FEEDS(to) IQ("get", to, "<query xmlns='" NS_DISCO_ITEMS "'/>")
#define RUN(name)                                                                        \
	IQ("set", HUB, "<command xmlns='" NS_COMMANDS "' node='belfry:" name "'/>")
#define BY_NAME "<field var='feed' type='text-single' label='Feed'><required/></field>"

/* What is said at once, the hub being asked as often as CALLS says in all. */
static const char *at_once(struct fixture *f, const char *xml, size_t calls)
{
	buf_clear(&f->sent);
	ask_only(f, xml);
	assert_int_equal(f->hub.call_count, calls);
	return f->sent.len > 0 ? f->sent.data : "";
}

/* The last of COUNT others, all of whom write BODY to the hub. */
static const char *others(struct fixture *f, const char *body, unsigned count,
			  size_t calls)
{
	char xml[200];
	for (unsigned i = 0; i < count; i++) {
		snprintf(xml, sizeof(xml),
			 "<message from='u%u@example.org'" TO_HUB
			 "><body>%s</body></message>",
			 i, body);
		buf_clear(&f->sent);
		ask_only(f, xml);
	}
	assert_int_equal(f->hub.call_count, calls);
	return f->sent.len > 0 ? f->sent.data : "";
}

static void items(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(at_once(f, ITEMS, 1), "");
	assert_string_equal(at_once(f, NODE, 2), "");
	assert_has(at_once(f, ITEMS, 2), BUSY);
	assert_has(at_once(f, NODE, 2), BUSY);
	assert_has(at_once(f, CHAT("deploys", "last 3"), 2), OWN);
	/* That is no other question's business. */
	assert_string_equal(at_once(f, CHAT("hub", "last 3"), 3), "");
	assert_string_equal(at_once(f, CHAT("hub", "list"), 4), "");
	assert_string_equal(others(f, "last deploys", 14, 18), "");
	assert_has(others(f, "last deploys", 15, 18), ALL);
	fake_hub_answer(&f->hub);
	assert_has(told(f, ITEMS), "<item id='three'");
	assert_has(told(f, NODE), "name='three'");
}

static void all_feeds(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(at_once(f, CHAT("deploys", "list"), 1), "");
	assert_string_equal(at_once(f, FEEDS(DOMAIN), 2), "");
	assert_has(at_once(f, FEEDS(DOMAIN), 2), BUSY);
	assert_has(at_once(f, FEEDS(HUB), 2), BUSY);
	assert_has(at_once(f, CHAT("hub", "list"), 2), OWN);
	assert_has(at_once(f, RUN("list"), 2), "<note type='error'>" OWN);
	/* A form goes without. */
	assert_has(at_once(f, RUN("subscribe"), 2), BY_NAME);
	assert_has(others(f, "list", 15, 16), ALL);
	fake_hub_answer(&f->hub);
	assert_has(told(f, FEEDS(DOMAIN)), "node='deploys'");
	assert_string_equal(at_once(f, RUN("subscribe"), 1), "");
	assert_string_equal(at_once(f, RUN("subscribe"), 2), "");
	assert_has(at_once(f, CHAT("hub", "list"), 2), OWN);
}

static void what_is_ones_own(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(at_once(f, CHAT("hub", "last 3"), 1), "");
	assert_has(at_once(f, CHAT("hub", "whoami"), 1), OWN);
	assert_has(others(f, "mute", 8, 8), ALL);
	fake_hub_answer(&f->hub);
}

/* A robot that says back what it is told, of a feed whose news is called 'last'. */
static void last_comes_to_an_end(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 10; i++)
		assert_has(told(f, CHAT("deploys", "last")), "all is well");
	assert_has(told(f, CHAT("hub", "last")), "That was too often for now.");
	assert_string_equal(told(f, CHAT("deploys", "last 3")), "");
	/* Programs do not talk to themselves; and others do. */
	assert_has(told(f, "<message from='bob@example.org'" TO_HUB
			   "><body>last 1</body></message>"),
		   "all is well");
	assert_has(told(f, IQ("set", HUB,
			      "<command xmlns='" NS_COMMANDS "' node='belfry:last' "
			      "action='complete'/>")),
		   "1 event was sent");
}

/* As many bytes as JIDs and an id may have when they are escaped. */
static void the_longest_names(void **state)
{
	struct fixture *f = *state;
	struct buf xml = {0};
	char title[257] = "", local[1024] = "", resource[1024] = "", id[513] = "";
	memset(title, '"', sizeof(title) - 1);
	memset(local, 'a', sizeof(local) - 1);
	memset(resource, '\'', sizeof(resource) - 1);
	memset(id, '\'', sizeof(id) - 1);
	f->hub.title = title;
	f->hub.feeds = 200;
	buf_printf(&xml,
		   "<iq from=\"%s@example.org/%s\" to=\"" HUB
		   "/%s\" type='set' id=\"%s\">"
		   "<command xmlns='" NS_COMMANDS "' node='belfry:list'/></iq>",
		   local, resource, resource, id);
	assert_has(told(f, xml.data), "There are more: write");
	buf_free(&xml);
}

static size_t lines_in(FILE *file)
{
	size_t lines = 0;
	rewind(file);
	for (int c = getc(file); c != EOF; c = getc(file))
		lines += c == '\n';
	return lines;
}

/* Others can bring that about as often as they like. */
static void what_is_too_large_is_logged_once(void **state)
{
	struct fixture *f = *state;
	static char data[262145];
	const struct buf large = {.data = data, .len = sizeof(data)};
	FILE *log = tmpfile();
	int copy = dup(STDERR_FILENO);
	assert_true(log != NULL && copy >= 0);
	dup2(fileno(log), STDERR_FILENO);
	for (unsigned i = 0; i < 100; i++)
		session_send(f->session, &large);
	dup2(copy, STDERR_FILENO);
	close(copy);
	assert_int_equal(lines_in(log), 1);
	fclose(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(items),
		TEST(all_feeds),
		TEST(what_is_ones_own),
		TEST(last_comes_to_an_end),
		TEST(the_longest_names),
		TEST(what_is_too_large_is_logged_once),
	};
	return cmocka_run_group_tests_name("xmpp/limits", tests, NULL, NULL);
}
