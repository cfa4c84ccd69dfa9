#include "core/render_int.h"

#include <belfry/base/text.h>

#include <string.h>

/*
 * Many events in one stanza. It bears no delay stamp: it is new, and each entry has the
 * time of its event (XEP-0203 stamps a stanza, not an item).
 */
#define LINE_MAX 200   /* bytes of the text of an event */
#define URL_MAX 1000   /* a longer one is left out: half of one leads nowhere */
#define ITEM_FIXED 200 /* the <item/> around an entry */
#define LINE_FIXED 8   /* what stands around the text and the url */
#define INDENT "  "

static bool present(const char *s)
{
	return s && *s;
}

/* White space in a line is one blank each; none at its ends. What is too long is cut, and
 * so must not look as if it were not. */
static void add_words(struct buf *out, const char *s, size_t len)
{
	size_t begin = out->len, i = 0;

	for (; i < len && out->len - begin <= LINE_MAX; i++) {
		bool space = strchr(" \t\r\n", s[i]) != NULL;
		bool doubled = out->len == begin || out->data[out->len - 1] == ' ';
		if (!space)
			buf_addc(out, s[i]);
		else if (!doubled)
			buf_addc(out, ' ');
	}
	if (i == len && out->len > begin && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
}

/* "- Deployed web 1.2.3", and below that the url. */
static void add_line(struct buf *out, const struct event *e)
{
	size_t begin = out->len + 2;
	bool url = present(e->url) && strlen(e->url) <= URL_MAX;

	buf_adds(out, "- ");
	if (present(e->title))
		add_words(out, e->title, strlen(e->title));
	if (out->len == begin && present(e->body))
		add_words(out, e->body, strlen(e->body));
	if (out->len == begin && !url) {
		struct buf text = {0};
		render_text(&text, e, LINE_MAX);
		add_words(out, text.data, text.len);
		buf_free(&text);
	}
	render_cut(out, begin, LINE_MAX);
	if (!url)
		return;
	if (out->len > begin)
		buf_adds(out, "\n" INDENT);
	buf_adds(out, e->url);
}

size_t render_digest_bytes(const struct render_event *e, enum sub_format format)
{
	struct buf out = {0};
	size_t len;

	if (format == FORMAT_EVENT) {
		render_item(&out, e);
		len = out.len + ITEM_FIXED;
	} else {
		add_line(&out, e->event);
		len = out.len + LINE_FIXED;
	}
	buf_free(&out);
	return len;
}

static void add_heading(struct buf *out, const char *feed, size_t count)
{
	buf_printf(out, "%zu events of %s", count, feed);
}

static void add_text(struct buf *out, const struct render_event *events, size_t count,
		     bool subject)
{
	struct buf text = {0};

	if (subject) {
		buf_adds(out, "<subject>");
		add_heading(out, events->feed, count);
		buf_adds(out, "</subject>");
	} else {
		add_heading(&text, events->feed, count);
		buf_addc(&text, ':');
	}
	for (size_t i = 0; i < count; i++) {
		if (text.len)
			buf_addc(&text, '\n');
		add_line(&text, events[i].event);
	}
	buf_adds(out, "<body>");
	xml_escape(out, text.data, text.len);
	buf_adds(out, "</body>");
	buf_free(&text);
}

static void add_items(struct buf *out, const struct render_event *events, size_t count)
{
	buf_adds(out, "<event xmlns='http://jabber.org/protocol/pubsub#event'>"
		      "<items node='");
	xml_escape(out, events->feed, strlen(events->feed));
	buf_adds(out, "'>");
	for (size_t i = 0; i < count; i++)
		render_item(out, &events[i]);
	buf_adds(out, "</items></event>");
}

void render_digest(struct rendered *r, const struct render_event *events, size_t count,
		   uint64_t members, enum sub_format format, const char *domain)
{
	const struct render_event *last = &events[count - 1];
	struct buf *out = &r->bytes;

	render_begin(r, last, members, format, domain);
	if (format == FORMAT_EVENT)
		add_items(out, events, count);
	else
		add_text(out, events, count, format != FORMAT_CHAT);
	render_origin(out, last, members);
	buf_adds(out, MESSAGE_END);
}
