#include "xml_check.h"

#include <belfry/core/id.h>
#include <belfry/core/render.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "018bcfe5-6801-7abc-8def-0123456789ab"
#define AT_MS 1700000000001u
enum { MOST = 64 };

/* Events 12-5, 12-6, ... of these documents together, malloc'ed. */
static char *digest(const char *const *docs, size_t count, enum sub_format format)
{
	struct event events[MOST];
	struct render_event views[MOST];
	struct rendered r;
	struct buf out = {0};
	char why[256];

	for (size_t i = 0; i < count; i++) {
		if (event_parse_json(&events[i], docs[i], strlen(docs[i]), why,
				     sizeof why))
			fail_msg("%s: %s", docs[i], why);
		views[i] = (struct render_event){.feed = "deploys",
						 .id = ID,
						 .item = ID,
						 .pos = {12, 5 + i},
						 .at_ms = AT_MS,
						 .event = &events[i]};
	}
	render_digest(&r, views, count, UINT64_MAX >> (64 - count), format,
		      "feeds.example.org");
	render_splice(&out, &r, "a@b", 3, 0xabc);
	size_t bytes = RENDER_HEADING_MAX;
	for (size_t i = 0; i < count; i++) {
		bytes += render_digest_bytes(&views[i], format);
		event_free(&events[i]);
	}
	rendered_free(&r);
	const char *wrong = xml_check(out.data, out.len);
	if (wrong)
		fail_msg("%s: %s", wrong, out.data);
	if (format == FORMAT_CHAT) {
		char *body = xml_content(out.data, "body");
		assert_true(strlen(body) <= bytes); /* nothing in it is escaped */
		free(body);
	}
	return buf_steal(&out);
}

static const char *const two[] = {
	"{\"title\":\"One\",\"body\":\"text\",\"url\":\"http://u/1\"}",
	"{\"body\":\" Two \\n\\tlines \"}"};

static void chat_is_as_documented(void **state)
{
	char *xml = digest(two, 2, FORMAT_CHAT);

	(void)state;
	assert_string_equal(
		xml, "<message from='deploys@feeds.example.org' type='chat' "
		     "id='deploys~12-6+3~00000abc' to='a@b'><body>2 events of deploys:\n"
		     "- One\n  http://u/1\n- Two lines</body><origin-id "
		     "xmlns='urn:xmpp:sid:0' id='deploys~12-6+3'/></message>");
	free(xml);
}

static void others_have_a_subject(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		char *xml = digest(two, 2, i ? FORMAT_NORMAL : FORMAT_HEADLINE);

		assert_non_null(strstr(xml, i ? " type='normal'" : " type='headline'"));
		assert_non_null(strstr(xml, "<subject>2 events of deploys</subject><body>"
					    "- One\n  http://u/1\n- Two lines</body>"));
		free(xml);
	}
}

static void items_are_whole(void **state)
{
	char *xml = digest(two, 2, FORMAT_EVENT);
	const char *first = strstr(xml, "<item id='" ID "'><entry");

	(void)state;
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "<item id='" ID "'><entry"));
	assert_non_null(strstr(xml,
			       "<message from='feeds.example.org' id='deploys~12-6+3~"
			       "00000abc' to='a@b'><event "));
	assert_null(strstr(xml, "urn:xmpp:delay"));
	free(xml);
}

static void what_is_hostile_is_cut(void **state)
{
	char long_title[4000], long_url[2000];
	const char *docs[MOST];

	(void)state;
	memset(long_title, 'x', sizeof long_title);
	memcpy(long_title, "{\"title\":\"", 10);
	strcpy(long_title + sizeof long_title - 3, "\"}");
	memset(long_url, 'x', sizeof long_url);
	memcpy(long_url, "{\"url\":\"http://", 15);
	strcpy(long_url + sizeof long_url - 3, "\"}");
	docs[0] = long_title;
	docs[1] = long_url;
	docs[2] = "{\"title\":\"\\ud83d\\ude00<b>&\\uffff\\u0007\"}";
	docs[3] = "{\"title\":\"\",\"body\":\"\"}";
	docs[4] = "{}";
	for (size_t i = 5; i < MOST; i++)
		docs[i] = two[0];
	char *xml = digest(docs, MOST, FORMAT_CHAT);
	char *body = xml_content(xml, "body");
	assert_true(strlen(body) < RENDER_BODY_MAX);
	assert_non_null(strstr(body, "64 events of deploys:\n- xxx"));
	assert_non_null(strstr(body, "xx\xe2\x80\xa6\n- http://xx"));
	assert_non_null(strstr(body, "\n- {}\n- One\n"));
	free(body);
	free(xml);
	free(digest(docs, MOST, FORMAT_EVENT));
}

/* A line says as much as there is to say, and that it was cut. */
static void lines_tell(void **state)
{
	char text[512] = "{\"title\":\"";
	const char *docs[] = {"{\"title\":\" \\n\",\"body\":\"text\"}",
			      "{\"title\":\" \",\"url\":\"http://u/1\"}", text};

	(void)state;
	for (size_t i = 0; i < 200; i++)
		strcat(text, "x");
	strcat(text, " and more\"}");
	char *xml = digest(docs, 3, FORMAT_CHAT);
	char *body = xml_content(xml, "body");
	assert_non_null(strstr(body, ":\n- text\n- http://u/1\n- xxx"));
	assert_non_null(strstr(body, "xx\xe2\x80\xa6"));
	free(body);
	free(xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chat_is_as_documented),
		cmocka_unit_test(others_have_a_subject),
		cmocka_unit_test(items_are_whole),
		cmocka_unit_test(what_is_hostile_is_cut),
		cmocka_unit_test(lines_tell),
	};
	return cmocka_run_group_tests_name("render_digest", tests, NULL, NULL);
}
