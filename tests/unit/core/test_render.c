#include "xml_check.h"

#include <belfry/base/text.h>
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
#define AT "2023-11-14T22:13:20.001Z"

static struct render_event with(const struct event *e)
{
	return (struct render_event){.feed = "deploys",
				     .id = ID,
				     .item = e->item ? e->item : ID,
				     .pos = {12, 345},
				     .at_ms = AT_MS,
				     .event = e};
}

static void parse(struct event *e, const char *json)
{
	char why[256];

	if (event_parse_json(e, json, strlen(json), why, sizeof why))
		fail_msg("%s: %s", json, why);
}

/* The stanza for one receiver, checked, malloc'ed. */
static char *stanza_of(const struct event *e, enum sub_format format, bool delayed,
		       const char *jid)
{
	struct render_event re = with(e);
	struct rendered r;
	struct buf out = {0};

	render(&r, &re, format, "feeds.example.org", delayed);
	render_splice(&out, &r, jid, strlen(jid), 0xabc);
	rendered_free(&r);
	const char *wrong = xml_check(out.data, out.len);
	if (wrong)
		fail_msg("%s: %s", wrong, out.data);
	assert_true(out.len <= render_bound(e));
	return buf_steal(&out);
}

static char *stanza(const char *json, enum sub_format format)
{
	struct event e;

	parse(&e, json);
	char *xml = stanza_of(&e, format, false, "alice@example.org");
	event_free(&e);
	return xml;
}

static void check_content(const char *xml, const char *element, const char *expected)
{
	char *content = xml_content(xml, element);

	if (!content)
		fail_msg("no <%s> in %s", element, xml);
	assert_string_equal(content, expected);
	free(content);
}

static void chat_is_as_documented(void **state)
{
	char *xml = stanza("{\"title\":\"T\",\"body\":\"B\",\"url\":\"http://u\"}",
			   FORMAT_CHAT);

	(void)state;
	assert_string_equal(
		xml, "<message from='deploys@feeds.example.org' type='chat' "
		     "id='deploys~12-345~00000abc' to='alice@example.org'>"
		     "<body>T\nB\nhttp://u</body>"
		     "<origin-id xmlns='urn:xmpp:sid:0' id='deploys~12-345'/></message>");
	free(xml);
}

static void event_is_as_documented(void **state)
{
	const char *json = "{\"item\":\"i'1\",\"title\":\"T\",\"body\":\"B\","
			   "\"url\":\"http://u?a&b\",\"author\":\"A\","
			   "\"image\":\"http://i\",\"tags\":[\"x\",\"<\"]}";
	char *xml = stanza(json, FORMAT_EVENT);

	(void)state;
	assert_string_equal(
		xml,
		"<message from='feeds.example.org' id='deploys~12-345~00000abc' "
		"to='alice@example.org'>"
		"<event xmlns='http://jabber.org/protocol/pubsub#event'>"
		"<items node='deploys'><item id='i&apos;1'>"
		"<entry xmlns='http://www.w3.org/2005/Atom'><id>urn:uuid:" ID "</id>"
		"<title>T</title><updated>" AT "</updated><published>" AT "</published>"
		"<author><name>A</name></author>"
		"<link rel='alternate' href='http://u?a&amp;b'/>"
		"<link rel='enclosure' href='http://i'/>"
		"<category term='x'/><category term='&lt;'/>"
		"<content type='text'>B</content>"
		"<json xmlns='urn:xmpp:json:0'>"
		"{&quot;item&quot;:&quot;i&apos;1&quot;,&quot;title&quot;:&quot;T&quot;,"
		"&quot;body&quot;:&quot;B&quot;,&quot;url&quot;:&quot;http://"
		"u?a&amp;b&quot;,&quot;author&quot;:&quot;A&quot;,"
		"&quot;image&quot;:&quot;http://i&quot;,&quot;tags&quot;:[&quot;x&quot;,"
		"&quot;&lt;&quot;]}</json>"
		"</entry></item></items></event>"
		"<origin-id xmlns='urn:xmpp:sid:0' id='deploys~12-345'/></message>");
	check_content(xml, "json", json);
	free(xml);
}

static void messages_have_a_subject(void **state)
{
	static const struct {
		const char *json, *subject, *body;
	} all[] = {
		{"{\"title\":\"T\",\"body\":\"B\",\"url\":\"http://u\"}", "T",
		 "B\nhttp://u"},
		{"{\"title\":\"T\",\"url\":\"http://u\"}", "T", "http://u"},
		{"{\"title\":\"T\"}", "T", "T"},
		{"{\"body\":\"B\"}", NULL, "B"},
		{"{\"x\": 1}", NULL, "{\"x\":1}"},
		{"{\"title\":\"\",\"x\": [1, \"a b\\\" c\"]}", NULL,
		 "{\"title\":\"\",\"x\":[1,\"a b\\\" c\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		char *xml = stanza(all[i].json, FORMAT_HEADLINE);
		assert_non_null(strstr(xml, "from='deploys@feeds.example.org' "
					    "type='headline'"));
		if (all[i].subject)
			check_content(xml, "subject", all[i].subject);
		else
			assert_null(strstr(xml, "<subject"));
		check_content(xml, "body", all[i].body);
		free(xml);
		xml = stanza(all[i].json, FORMAT_NORMAL);
		assert_non_null(strstr(xml, " type='normal'"));
		check_content(xml, "body", all[i].body);
		free(xml);
	}
}

static void entries_have_title_author_and_content(void **state)
{
	static const struct {
		const char *json, *title, *author, *content;
	} all[] = {
		{"{}", "deploys", "deploys", ""},
		{"{\"body\":\"first\\nsecond\"}", "first", "deploys", "first\nsecond"},
		{"{\"body\":\"\\nsecond\"}", "deploys", "deploys", "\nsecond"},
		{"{\"title\":\"T\",\"author\":\"\"}", "T", "deploys", ""},
		{"{\"title\":\"T\",\"url\":\"http://u\"}", "T", "deploys", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		char *xml = stanza(all[i].json, FORMAT_EVENT);
		check_content(xml, "title", all[i].title);
		check_content(xml, "name", all[i].author);
		if (all[i].content)
			check_content(xml, "content", all[i].content);
		else
			assert_null(strstr(xml, "<content"));
		check_content(xml, "json", all[i].json);
		free(xml);
	}
}

static void any_text_arrives_as_sent(void **state)
{
	static const char text[] = "]]> <b>&amp; \"q\" 'a' \xf0\x9f\x94\x94 "
				   "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\r\n\tx";
	static const char json[] =
		"{\"title\":\"]]> <b>&amp; \\\"q\\\" 'a' \xf0\x9f\x94\x94 "
		"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\\r\\n\\tx\"}";

	(void)state;
	char *xml = stanza(json, FORMAT_CHAT);
	check_content(xml, "body", text);
	free(xml);
	xml = stanza(json, FORMAT_EVENT);
	check_content(xml, "title", text);
	check_content(xml, "json", json);
	free(xml);
	xml = stanza(json, FORMAT_NORMAL);
	check_content(xml, "subject", text);
	free(xml);
}

static void what_xml_cannot_carry_is_replaced(void **state)
{
	char *xml = stanza("{\"title\":\"a\\u0001\\ufffe\xef\xbf\xbf z\"}", FORMAT_EVENT);

	(void)state;
	check_content(xml, "title", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd z");
	check_content(xml, "json", "{\"title\":\"a\\u0001\\ufffe\\uffff z\"}");
	free(xml);
}

static void delayed_ones_bear_a_stamp(void **state)
{
	struct event e;

	(void)state;
	parse(&e, "{\"title\":\"T\"}");
	char *xml = stanza_of(&e, FORMAT_CHAT, true, "a@b");
	assert_non_null(strstr(xml, "<delay xmlns='urn:xmpp:delay' "
				    "from='deploys@feeds.example.org' stamp='" AT "'/>"));
	free(xml);
	xml = stanza_of(&e, FORMAT_EVENT, true, "a@b");
	assert_non_null(strstr(xml, "from='feeds.example.org' stamp='" AT "'/>"));
	free(xml);
	xml = stanza_of(&e, FORMAT_CHAT, false, "a@b");
	assert_null(strstr(xml, "<delay"));
	free(xml);
	event_free(&e);
}

static void receivers_are_spliced_in(void **state)
{
	static const char *const jids[] = {"a@b", "a@b/it's <&> \"q\"",
					   "a@b/\xef\xac\x80", "a@b/\xef\xbf\xbd"};
	struct event e;

	(void)state;
	parse(&e, "{\"title\":\"T\"}");
	for (size_t i = 0; i < sizeof jids / sizeof jids[0]; i++) {
		char *xml = stanza_of(&e, FORMAT_CHAT, false, jids[i]);
		char *to = xml_attribute(xml, "to"), *id = xml_attribute(xml, "id");
		struct stanza_id parsed;
		assert_string_equal(to, jids[i]);
		assert_int_equal(stanza_id_parse(id, strlen(id), &parsed), 0);
		assert_string_equal(parsed.feed, "deploys");
		assert_int_equal(parsed.n, 345);
		assert_int_equal(parsed.hash, 0xabc);
		free(to);
		free(id);
		free(xml);
	}
	/* No normalized JID has such a character; not even then may the stream break. */
	static const char *const broken[] = {"a@b/\xef\xbf\xbe", "a@b/\x01"};
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		char *xml = stanza_of(&e, FORMAT_CHAT, false, broken[i]);
		char *to = xml_attribute(xml, "to");
		assert_string_equal(to, "a@b/\xef\xbf\xbd");
		free(to);
		free(xml);
	}
	event_free(&e);
}

/* What arrives is the same, but for the id: the addresses are taken out on the way. */
static void groups_carry_the_same(void **state)
{
	static const struct render_jid to[] = {
		{"a@b.c", 5}, {"b@b.c/it's <&> \"q\"", 18}, {"cd@b.c/no more", 6}};
	static const enum sub_format formats[] = {FORMAT_CHAT, FORMAT_EVENT,
						  FORMAT_HEADLINE, FORMAT_NORMAL};
	struct render_event re;
	struct event e;

	(void)state;
	parse(&e, "{\"title\":\"T\",\"url\":\"https://x.y/&\"}");
	re = with(&e);
	for (size_t f = 0; f < 4; f++) {
		struct rendered r;
		struct buf out = {0}, one = {0};
		render(&r, &re, formats[f], "feeds.example.org", false);
		buf_adds(&out, "before");
		render_group(&out, &r, "m.b.c", to, 3);
		size_t bytes = render_group_bytes(&r, "m.b.c");
		for (size_t i = 0; i < 3; i++)
			bytes += render_address_bytes(to[i].jid, to[i].len);
		assert_int_equal(out.len, 6 + bytes);
		assert_int_equal(strlen(out.data), out.len);
		assert_true(bytes <= render_bound(&e));
		assert_null(xml_check(out.data + 6, out.len - 6));
		char *addresses = strstr(out.data, "<addresses ");
		assert_string_equal(
			addresses,
			"<addresses xmlns='http://jabber.org/protocol/address'>"
			"<address type='bcc' jid='a@b.c'/>"
			"<address type='bcc' jid='b@b.c/it&apos;s &lt;&amp;&gt; "
			"&quot;q&quot;'/><address type='bcc' jid='cd@b.c'/>"
			"</addresses></message>");
		render_splice(&one, &r, "m.b.c", 5, 0xabc);
		strcpy(addresses, "</message>");
		char *id = strstr(out.data, "~group'");
		memcpy(id, "~00000", 6);
		assert_true(strncmp(out.data + 6, one.data, (size_t)(id - out.data)) ==
			    0);
		assert_string_equal(strstr(id, "' to="), strstr(one.data, "' to="));
		buf_free(&out);
		buf_free(&one);
		rendered_free(&r);
	}
	event_free(&e);
}

static void stanzas_follow_one_another(void **state)
{
	struct render_event re;
	struct rendered r;
	struct buf out = {0};
	struct event e;

	(void)state;
	parse(&e, "{\"title\":\"T\"}");
	re = with(&e);
	render(&r, &re, FORMAT_CHAT, "f", false);
	render_splice(&out, &r, "a@b", 3, 1);
	size_t first = out.len;
	render_splice(&out, &r, "c@d-and-more", 3, UINT32_MAX);
	assert_int_equal(out.len, 2 * first);
	assert_int_equal(strlen(out.data), out.len);
	assert_null(xml_check(out.data + first, out.len - first));
	assert_non_null(strstr(out.data + first, "~ffffffff' to='c@d'>"));
	buf_free(&out);
	rendered_free(&r);
	rendered_free(&r);
	event_free(&e);
}

static void check_text(const char *json, size_t max, const char *expected)
{
	struct buf out = {0};
	struct event e;

	parse(&e, json);
	buf_adds(&out, "before");
	render_text(&out, &e, max);
	assert_string_equal(out.data + 6, expected);
	assert_true(out.len - 6 <= max);
	assert_true(utf8_valid(out.data, out.len));
	buf_free(&out);
	event_free(&e);
}

static void text_is_cut_and_keeps_its_url(void **state)
{
	const char *all = "{\"title\":\"Title\",\"body\":\"\xc3\xa9\xc3\xa9\xc3\xa9\","
			  "\"url\":\"http://u\"}";

	(void)state;
	check_text(all, 100, "Title\n\xc3\xa9\xc3\xa9\xc3\xa9\nhttp://u");
	check_text(all, 21, "Title\n\xc3\xa9\xc3\xa9\xc3\xa9\nhttp://u");
	check_text(all, 20, "Title\n\xc3\xa9\xe2\x80\xa6\nhttp://u");
	check_text(all, 19, "Title\n\xe2\x80\xa6\nhttp://u");
	check_text(all, 13, "T\xe2\x80\xa6\nhttp://u");
	check_text(all, 12, "\xe2\x80\xa6\nhttp://u");
	check_text(all, 11, "Title\n\xc3\xa9\xe2\x80\xa6");
	check_text(all, 2, "Ti");
	check_text(all, 0, "");
	check_text("{\"url\":\"http://u\"}", 8, "http://u");
	check_text("{\"url\":\"http://u\"}", 7, "http\xe2\x80\xa6");
	check_text("{\"title\":\"\",\"body\":\"B\"}", 9, "B");
	check_text("{ \"a\" : \"b c\\\\\" }", 99, "{\"a\":\"b c\\\\\"}");
	check_text("{ \"a\" : \"\xc3\xa9\xc3\xa9\" }", 11,
		   "{\"a\":\"\xc3\xa9\xe2\x80\xa6");
	check_text("{ \"a\" : \"\xc3\xa9\xc3\xa9\" }", 12,
		   "{\"a\":\"\xc3\xa9\xc3\xa9\"}");
}

static void bodies_are_capped(void **state)
{
	struct event e = {0};
	struct buf text = {0};
	char why[256];

	(void)state;
	while (text.len < 60000)
		buf_adds(&text, "\xf0\x9f\x94\x94<");
	assert_int_equal(event_parse_text(&e, text.data, text.len, why, sizeof why), 0);
	char *xml = stanza_of(&e, FORMAT_CHAT, false, "a@b");
	char *body = xml_content(xml, "body");
	assert_in_range(strlen(body), RENDER_BODY_MAX - 8, RENDER_BODY_MAX);
	free(body);
	free(xml);
	xml = stanza_of(&e, FORMAT_EVENT, false, "a@b");
	check_content(xml, "content", text.data);
	free(xml);
	buf_free(&text);
	event_free(&e);
}

static void an_item_is_an_item(void **state)
{
	struct buf out = {0};
	struct event e;

	(void)state;
	parse(&e, "{\"item\":\"i\",\"title\":\"T\"}");
	struct render_event re = with(&e);
	render_item(&out, &re);
	assert_null(xml_check(out.data, out.len));
	assert_memory_equal(out.data, "<item id='i'><entry ", 20);
	buf_free(&out);
	event_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chat_is_as_documented),
		cmocka_unit_test(event_is_as_documented),
		cmocka_unit_test(messages_have_a_subject),
		cmocka_unit_test(entries_have_title_author_and_content),
		cmocka_unit_test(any_text_arrives_as_sent),
		cmocka_unit_test(what_xml_cannot_carry_is_replaced),
		cmocka_unit_test(delayed_ones_bear_a_stamp),
		cmocka_unit_test(receivers_are_spliced_in),
		cmocka_unit_test(groups_carry_the_same),
		cmocka_unit_test(stanzas_follow_one_another),
		cmocka_unit_test(text_is_cut_and_keeps_its_url),
		cmocka_unit_test(bodies_are_capped),
		cmocka_unit_test(an_item_is_an_item),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
