#include "xml_check.h"

#include <belfry/core/render.h>

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* What takes an item back. */

static const struct pos first = {12, 3};

static void prepare(struct rendered *r, enum sub_format format, bool delayed)
{
	char doc[] = "{}";
	const struct event nothing = {.doc = doc, .doc_len = 2};
	const struct render_event e = {.feed = "deploys",
				       .id = "018bcfe5-6801-7abc-8def-0123456789ab",
				       .item = "an <item>",
				       .pos = {12, 345},
				       .at_ms = 1700000000001u,
				       .retracts = &first,
				       .event = &nothing};

	render(r, &e, format, "feeds.example.org", delayed);
}

static char *stanza(enum sub_format format, const char *jid)
{
	struct rendered r;
	struct buf out = {0};

	prepare(&r, format, true);
	render_splice(&out, &r, jid, strlen(jid), 0xabc);
	rendered_free(&r);
	assert_null(xml_check(out.data, out.len));
	return buf_steal(&out);
}

static void contains(char *got, const char *text)
{
	if (!strstr(got, text))
		fail_msg("no %s in %s", text, got);
}

static void messages_name_the_one_that_was_sent(void **state)
{
	static const enum sub_format formats[] = {FORMAT_CHAT, FORMAT_NORMAL};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *got = stanza(formats[i], "a&b@example.org");
		contains(got, "id='deploys~12-345~00000abc' to='a&amp;b@example.org'>"
			      "<retract xmlns='urn:xmpp:message-retract:1' "
			      "id='deploys~12-3~00000abc'/>");
		contains(got, "<fallback xmlns='urn:xmpp:fallback:0' "
			      "for='urn:xmpp:message-retract:1'/><body>deploys has");
		contains(got, "<store xmlns='urn:xmpp:hints'/>"
			      "<origin-id xmlns='urn:xmpp:sid:0' id='deploys~12-345'/>"
			      "<delay");
		free(got);
	}
}

static void events_name_the_item(void **state)
{
	(void)state;
	char *got = stanza(FORMAT_EVENT, "a@b.c");
	contains(got, "<items node='deploys'><retract id='an &lt;item&gt;'/></items>");
	assert_null(strstr(got, "<body"));
	assert_null(strstr(got, "entry"));
	free(got);
}

static void groups_name_theirs(void **state)
{
	const struct render_jid to[] = {{"a@b.c", 5}, {"d'@b.c", 6}};
	struct rendered r;
	struct buf out = {0};

	(void)state;
	prepare(&r, FORMAT_CHAT, false);
	render_group(&out, &r, "m.b.c", to, 2);
	size_t bytes = render_group_bytes(&r, "m.b.c");
	for (size_t i = 0; i < 2; i++)
		bytes += render_address_bytes(to[i].jid, to[i].len);
	assert_int_equal(out.len, bytes);
	assert_null(xml_check(out.data, out.len));
	contains(out.data, "id='deploys~12-345~group' to='m.b.c'>");
	contains(out.data, "id='deploys~12-3~group'/>");
	rendered_free(&r);
	buf_free(&out);
}

static void documents_have_tags_alone(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
		{"{\"title\":\"t\"}", "{}"},
		{"{\"tags\":[]}", "{}"},
		{"{\"tags\":[\"a\"],\"n\":1}", "{\"tags\":[\"a\"]}"},
		{"{\"tags\":[\"a\\\"\\\\\\n\",\"\\u00e9\"]}",
		 "{\"tags\":[\"a\\\"\\\\\\u000a\",\"\xc3\xa9\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct event e;
		struct buf out = {0};
		char why[100];
		assert_int_equal(event_parse_json(&e, cases[i].json,
						  strlen(cases[i].json), why, sizeof why),
				 0);
		event_tags_json(&out, &e);
		assert_string_equal(out.data, cases[i].want);
		buf_free(&out);
		event_free(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_name_the_one_that_was_sent),
		cmocka_unit_test(events_name_the_item),
		cmocka_unit_test(groups_name_theirs),
		cmocka_unit_test(documents_have_tags_alone),
	};

	return cmocka_run_group_tests_name("render_retract", tests, NULL, NULL);
}
