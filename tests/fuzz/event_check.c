#include "event_check.h"

#include "../unit/core/xml_check.h"
#include "check.h"

#include <belfry/base/text.h>
#include <belfry/core/id.h>
#include <belfry/core/render.h>

#include <stdbool.h>
#include <string.h>

#define ID "018bcfe5-6801-7abc-8def-0123456789ab"

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void check_same_event(const struct event *a, const struct event *b)
{
	CHECK(same(a->item, b->item) && same(a->title, b->title));
	CHECK(same(a->body, b->body) && same(a->url, b->url));
	CHECK(same(a->author, b->author) && same(a->image, b->image));
	CHECK(same(a->doc, b->doc) && a->priority == b->priority);
	CHECK(a->deliver.kind == b->deliver.kind && a->expires.kind == b->expires.kind);
	CHECK(!a->tags == !b->tags);
	for (size_t i = 0; a->tags && (a->tags[i] || b->tags[i]); i++)
		CHECK(same(a->tags[i], b->tags[i]));
}

static void check_again(const struct event *e)
{
	struct event again;
	char why[256];

	CHECK(strlen(e->doc) == e->doc_len);
	CHECK(event_parse_json(&again, e->doc, e->doc_len, why, sizeof why) == 0);
	check_same_event(e, &again);
	event_free(&again);
}

static void check_document(const char *xml, const struct event *e)
{
	char *doc = xml_content(xml, "json");

	CHECK(doc && strcmp(doc, e->doc) == 0);
	free(doc);
}

static void check_stanza(const struct render_event *re, enum sub_format format)
{
	static const char jid[] = "a@example.org/it's <&> \"q\"";
	struct rendered r;
	struct buf out = {0};
	struct stanza_id id;

	render(&r, re, format, "feeds.example.org", true);
	render_splice(&out, &r, jid, strlen(jid), 0xdeadbeef);
	CHECK(xml_check(out.data, out.len) == NULL);
	CHECK(out.len <= render_bound(re->event));
	char *to = xml_attribute(out.data, "to"),
	     *id_text = xml_attribute(out.data, "id");
	CHECK(same(to, jid));
	CHECK(stanza_id_parse(id_text, strlen(id_text), &id) == 0);
	CHECK(id.hash == 0xdeadbeef && id.epoch == 7 && id.n == 8);
	if (format == FORMAT_EVENT)
		check_document(out.data, re->event);
	free(to);
	free(id_text);
	buf_free(&out);
	rendered_free(&r);
}

static void check_text(const struct event *e, size_t max)
{
	struct buf out = {0};

	render_text(&out, e, max);
	CHECK(out.len <= max);
	CHECK(out.len == 0 || utf8_valid(out.data, out.len));
	CHECK(out.len > 0 || max < 8);
	buf_free(&out);
}

void check_event(const struct event *e)
{
	static const enum sub_format formats[] = {FORMAT_CHAT, FORMAT_EVENT,
						  FORMAT_HEADLINE, FORMAT_NORMAL};
	struct render_event re = {.feed = "deploys",
				  .id = ID,
				  .item = e->item ? e->item : ID,
				  .pos = {7, 8},
				  .at_ms = 1700000000000u,
				  .event = e};

	check_again(e);
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		check_stanza(&re, formats[i]);
	check_text(e, RENDER_BODY_MAX);
	check_text(e, e->doc_len % 64);
}
