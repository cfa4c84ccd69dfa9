#include "event_text.h"

#include <belfry/base/clock.h>
#include <belfry/base/text.h>
#include <belfry/serve/event_json.h>

#include <stdio.h>
#include <string.h>

/* Bytes of a title, or of what stands for one. */
#define TITLE_MAX 200

/* DEL, and what an 8-bit terminal takes for its own: U+0080 to U+009F. */
static bool c1(uint32_t cp)
{
	return cp >= 0x7f && cp < 0xa0;
}

/* INSIDE a JSON document C0 is between its tokens alone; the others can be escaped. */
static void add_clean(struct buf *out, const char *s, size_t len, bool inside)
{
	uint32_t cp;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_decode(s + i, len - i, &cp);

		if (!n || cp < 0x20 || (c1(cp) && !inside))
			buf_addc(out, ' ');
		else if (c1(cp))
			buf_printf(out, "\\u%04x", (unsigned)cp);
		else
			buf_add(out, s + i, n);
		i += n ? n : 1;
	}
}

void text_add_plain(struct buf *out, const char *s, size_t len)
{
	add_clean(out, s, len, false);
}

static void add_title(struct buf *out, const struct store_event *e)
{
	struct event event = {0};
	char why[256];

	event_parse_json(&event, e->doc, e->doc_len, why, sizeof why);
	const char *text = event.title	? event.title
			   : event.body ? event.body
			   : event.url	? event.url
			   : event.doc	? event.doc
					: "";
	size_t len = strlen(text), cut = utf8_cut(text, len, TITLE_MAX);

	text_add_plain(out, text, cut);
	if (cut < len)
		buf_adds(out, "...");
	event_free(&event);
}

void event_add_line(struct buf *out, const struct store_event *e)
{
	char at[CLOCK_TEXT_SIZE];

	clock_format(e->at_ms, at);
	buf_printf(out, "%s\t%s\t%s\t", at, priority_text(e->priority), e->id);
	if (e->kind == EVENT_RETRACT) {
		buf_adds(out, "takes back ");
		text_add_plain(out, e->item, strlen(e->item));
	} else {
		add_title(out, e);
	}
	buf_adds(out, "\n");
}

/* Ends the object, and takes it. */
static void add_object(struct buf *out, struct buf *json)
{
	buf_adds(json, "}");
	add_clean(out, json->data, json->len, true);
	buf_adds(out, "\n");
	buf_free(json);
}

void event_add_json(struct buf *out, const char *feed, const struct store_event *e)
{
	struct buf json = {0};

	buf_adds(&json, "{");
	event_json_members(&json, feed, e);
	add_object(out, &json);
}

void scheduled_add_json(struct buf *out, const char *feed,
			const struct store_scheduled *s)
{
	struct buf json = {0};

	buf_adds(&json, "{");
	scheduled_json_members(&json, feed, s);
	add_object(out, &json);
}
