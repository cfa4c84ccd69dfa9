#include "core/doc.h"
#include "xml_check.h"

#include <belfry/base/mem.h>
#include <belfry/base/random.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>
#include <belfry/core/render.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* render_bound() on random events, in every format, to the longest receiver. */

#define ID "018bcfe5-6801-7abc-8def-0123456789ab"

static const enum sub_format formats[] = {FORMAT_CHAT, FORMAT_EVENT, FORMAT_HEADLINE,
					  FORMAT_NORMAL};

static const char *const pieces[] = {
	"a",
	"&",
	"'",
	"\"",
	"<",
	">",
	"]]>",
	"\n",
	"\r",
	"\x01",
	" ",
	"\xc3\xa9",
	"\xf0\x9f\x94\x94",
	"\\",
	"\xef\xbf\xbe",
	"{",
	"&amp;",
	"\x1b",
	"\xe2\x80\xae",
	"\xef\xbf\xbd",
	"0123456789",
};

static char *random_text(uint32_t max_pieces)
{
	struct buf b = {0};
	uint32_t count = random_below(max_pieces + 1);
	/* Now and then one piece alone: the worst of each kind. */
	uint32_t only = random_below(2) ? random_below(21) : UINT32_MAX;

	buf_adds(&b, "");
	while (count--)
		buf_adds(&b, pieces[only < 21 ? only : random_below(21)]);
	return buf_steal(&b);
}

static void random_event(struct event *e)
{
	uint32_t big = random_below(4) ? 20 : 3000;

	*e = (struct event){0};
	char **texts[] = {&e->title, &e->body, &e->url, &e->author, &e->image};
	for (size_t i = 0; i < 5; i++)
		if (random_below(2))
			*texts[i] = random_text(big);
	if (random_below(2)) {
		e->item = random_text(255);
		e->item[utf8_cut(e->item, strlen(e->item), EVENT_ITEM_MAX)] = '\0';
	}
	if (random_below(2)) {
		e->tags = xcalloc(EVENT_TAGS_MAX + 1, sizeof *e->tags);
		for (uint32_t i = random_below(EVENT_TAGS_MAX + 1); i--;)
			e->tags[i] = random_text(10);
		/* The list ends at its first NULL. */
		for (int i = 0; i < EVENT_TAGS_MAX; i++)
			if (!e->tags[i])
				e->tags[i] = xstrdup("");
	}
	e->doc = random_text(big);
	e->doc_len = strlen(e->doc);
}

static void the_bound_holds(void **state)
{
	char *jid = xmalloc(JID_MAX + 1), domain[1024], feed[65], service[1024];
	struct event e;

	(void)state;
	memset(jid, '\'', JID_MAX);
	jid[JID_MAX] = '\0';
	memset(domain, '"', sizeof domain - 1);
	domain[sizeof domain - 1] = '\0';
	memset(feed, 'x', 64);
	feed[64] = '\0';
	memset(service, 'm', sizeof service - 1);
	service[sizeof service - 1] = '\0';
	for (int i = 0; i < 2000; i++) {
		random_event(&e);
		char item[256];
		memset(item, '\'', 255);
		item[255] = '\0';
		struct render_event re = {.feed = feed,
					  .id = ID,
					  .item = i % 2 || !e.item ? item : e.item,
					  .pos = {UINT64_MAX, UINT64_MAX},
					  .at_ms = UINT64_MAX,
					  .event = &e};
		for (size_t f = 0; f < 4; f++) {
			struct rendered r;
			struct buf out = {0};
			render(&r, &re, formats[f], domain, true);
			render_splice(&out, &r, jid, JID_MAX, UINT32_MAX);
			const char *wrong = xml_check(out.data, out.len);
			if (wrong)
				fail_msg("%s: %s", wrong, out.data);
			assert_true(out.len <= render_bound(&e));
			buf_clear(&out);
			render_group(&out, &r, service,
				     &(struct render_jid){jid, JID_MAX}, 1);
			assert_true(out.len <= render_bound(&e));
			buf_free(&out);
			rendered_free(&r);
		}
		event_free(&e);
	}
	free(jid);
}

/* What is not text takes less than the bound allows for it. */
static void the_bound_is_no_fantasy(void **state)
{
	struct event e;

	(void)state;
	char why[256];
	assert_int_equal(event_parse_text(&e, "T", 1, why, sizeof why), 0);
	assert_in_range(render_bound(&e), 1000, 40000);
	event_free(&e);
}

/* A document in which the texts of a random event stand as they are. */
static char *document_of(const struct event *e)
{
	struct buf doc = {0};

	buf_adds(&doc, "{\"title\":");
	doc_quote(&doc, e->title ? e->title : "", e->title ? strlen(e->title) : 0);
	buf_adds(&doc, ",\"body\":");
	doc_quote(&doc, e->body ? e->body : "", e->body ? strlen(e->body) : 0);
	buf_adds(&doc, ",\"author\":");
	doc_quote(&doc, e->author ? e->author : "", e->author ? strlen(e->author) : 0);
	buf_adds(&doc, ",\"tags\":[");
	for (char **tag = e->tags; tag && *tag; tag++) {
		doc_quote(&doc, *tag, strlen(*tag));
		buf_adds(&doc, tag[1] ? "," : "");
	}
	buf_adds(&doc, "]}");
	return buf_steal(&doc);
}

static void what_fits_is_what_the_bound_says(void **state)
{
	struct event random, e;
	char why[256];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		random_event(&random);
		char *doc = document_of(&random);
		if (event_parse_json(&e, doc, strlen(doc), why, sizeof why))
			fail_msg("%s: %s", why, doc);
		size_t bound = render_bound(&e);
		assert_true(render_fits(&e, bound));
		assert_false(render_fits(&e, bound - 1));
		assert_true(render_fits(&e, SIZE_MAX));
		event_free(&e);
		event_free(&random);
		free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bound_holds),
		cmocka_unit_test(the_bound_is_no_fantasy),
		cmocka_unit_test(what_fits_is_what_the_bound_says),
	};

	return cmocka_run_group_tests_name("render_bound", tests, NULL, NULL);
}
