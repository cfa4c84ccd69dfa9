#include "core/render_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_LEN (sizeof ELLIPSIS - 1)
#define TITLE_FROM_BODY_MAX 120 /* bytes of a first line that stands in for a title */
#define DOMAIN_MAX 1023
#define ESCAPE_MAX 6	  /* bytes that one byte becomes at most: &quot; */
#define MARKUP_MAX 1550	  /* elements, ids, dates of one stanza; tested */
#define TAG_MARKUP_MAX 32 /* <category term=''/> */

static void escape(struct buf *out, const char *s)
{
	xml_escape(out, s, strlen(s));
}

/* <NAME>text</NAME> */
static void add_element(struct buf *out, const char *name, const char *s, size_t len)
{
	buf_printf(out, "<%s>", name);
	xml_escape(out, s, len);
	buf_printf(out, "</%s>", name);
}

static bool present(const char *s)
{
	return s && *s;
}

/* ---- What people read ------------------------------------------------------------ */

/* JSON text without the white space outside of strings, cut near max_bytes. */
static void add_compact(struct buf *out, const char *doc, size_t len, size_t max_bytes)
{
	size_t begin = out->len;
	bool in_string = false;

	for (size_t i = 0; i < len && out->len - begin <= max_bytes; i++) {
		char c = doc[i];
		if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			continue;
		buf_addc(out, c);
		if (in_string && c == '\\' && i + 1 < len)
			buf_addc(out, doc[++i]);
		else if (c == '"')
			in_string = !in_string;
	}
}

/* Cuts what stands in OUT from BEGIN on to max_bytes, the ellipsis included. */
void render_cut(struct buf *out, size_t begin, size_t max_bytes)
{
	size_t len = out->len - begin;

	if (len <= max_bytes)
		return;
	bool mark = max_bytes >= ELLIPSIS_LEN;
	size_t keep = mark ? max_bytes - ELLIPSIS_LEN : max_bytes;
	/* The compact document may end in half a character: cut the whole ones. */
	out->len = begin + utf8_cut(out->data + begin, len, keep);
	out->data[out->len] = '\0';
	if (mark)
		buf_add(out, ELLIPSIS, ELLIPSIS_LEN);
}

static void add_line(struct buf *out, size_t begin, const char *line)
{
	if (!present(line))
		return;
	if (out->len > begin)
		buf_addc(out, '\n');
	buf_adds(out, line);
}

/* Title (may be NULL), body and url; the url stays whole where there is room for it. */
static void add_text(struct buf *out, const char *title, const char *body,
		     const char *url, size_t max_bytes)
{
	size_t begin = out->len, url_len = present(url) ? strlen(url) : 0;
	bool room = url_len && url_len + 1 + ELLIPSIS_LEN <= max_bytes;

	add_line(out, begin, title);
	add_line(out, begin, body);
	if (room && out->len > begin)
		render_cut(out, begin, max_bytes - url_len - 1);
	add_line(out, begin, url);
	render_cut(out, begin, max_bytes);
}

void render_text(struct buf *out, const struct event *e, size_t max_bytes)
{
	size_t begin = out->len;

	add_text(out, e->title, e->body, e->url, max_bytes);
	if (out->len > begin)
		return;
	add_compact(out, e->doc, e->doc_len, max_bytes);
	render_cut(out, begin, max_bytes);
}

/* The text of a message that has the title in its subject. */
static void add_text_below_subject(struct buf *out, const struct event *e,
				   size_t max_bytes)
{
	if (present(e->body) || present(e->url))
		add_text(out, NULL, e->body, e->url, max_bytes);
	else
		render_text(out, e, max_bytes);
}

/* ---- The Atom entry -------------------------------------------------------------- */

static void add_title(struct buf *out, const struct render_event *e)
{
	const char *title = e->event->title, *body = e->event->body;

	if (present(title)) {
		add_element(out, "title", title, strlen(title));
		return;
	}
	size_t len = present(body) ? strcspn(body, "\n") : 0;
	if (len == 0) {
		add_element(out, "title", e->feed, strlen(e->feed));
		return;
	}
	add_element(out, "title", body, utf8_cut(body, len, TITLE_FROM_BODY_MAX));
}

static void add_link(struct buf *out, const char *rel, const char *href)
{
	if (!present(href))
		return;
	buf_printf(out, "<link rel='%s' href='", rel);
	escape(out, href);
	buf_adds(out, "'/>");
}

/* RFC 4287 4.1.2: an entry has an author, and a content where it has no link. */
static void add_entry(struct buf *out, const struct render_event *e)
{
	const struct event *event = e->event;
	const char *author = present(event->author) ? event->author : e->feed;
	char at[CLOCK_TEXT_SIZE];

	clock_format(e->at_ms, at);
	buf_adds(out, "<entry xmlns='http://www.w3.org/2005/Atom'><id>urn:uuid:");
	escape(out, e->id);
	buf_adds(out, "</id>");
	add_title(out, e);
	buf_printf(out, "<updated>%s</updated><published>%s</published><author>", at, at);
	add_element(out, "name", author, strlen(author));
	buf_adds(out, "</author>");
	add_link(out, "alternate", event->url);
	add_link(out, "enclosure", event->image);
	for (char **tag = event->tags; tag && *tag; tag++) {
		buf_adds(out, "<category term='");
		escape(out, *tag);
		buf_adds(out, "'/>");
	}
	if (event->body || !present(event->url)) {
		buf_adds(out, "<content type='text'>");
		escape(out, event->body ? event->body : "");
		buf_adds(out, "</content>");
	}
	buf_adds(out, "<json xmlns='urn:xmpp:json:0'>");
	xml_escape(out, event->doc, event->doc_len);
	buf_adds(out, "</json></entry>");
}

void render_item(struct buf *out, const struct render_event *e)
{
	buf_adds(out, "<item id='");
	escape(out, e->item);
	buf_adds(out, "'>");
	add_entry(out, e);
	buf_adds(out, "</item>");
}

/* ---- Stanzas --------------------------------------------------------------------- */

static void add_pubsub_event(struct buf *out, const struct render_event *e)
{
	buf_adds(out, "<event xmlns='http://jabber.org/protocol/pubsub#event'>"
		      "<items node='");
	escape(out, e->feed);
	buf_adds(out, "'>");
	if (e->retracts) {
		buf_adds(out, "<retract id='");
		escape(out, e->item);
		buf_adds(out, "'/>");
	} else {
		render_item(out, e);
	}
	buf_adds(out, "</items></event>");
}

static void add_chat(struct buf *out, const struct render_event *e)
{
	struct buf text = {0};

	render_text(&text, e->event, RENDER_BODY_MAX);
	add_element(out, "body", text.data, text.len);
	buf_free(&text);
}

static void add_message(struct buf *out, const struct render_event *e)
{
	const char *title = e->event->title;
	struct buf text = {0};

	if (present(title))
		add_element(out, "subject", title, strlen(title));
	add_text_below_subject(&text, e->event, RENDER_BODY_MAX);
	add_element(out, "body", text.data, text.len);
	buf_free(&text);
}

/*
 * XEP-0060 shows notifications without a type, which RFC 6121 5.2.2 reads as "normal";
 * so does the format of that name.
 */
static const struct format {
	enum sub_format format;
	const char *type; /* attribute with its leading space, or "" */
	bool from_feed;	  /* from FEED@DOMAIN, else from DOMAIN */
	void (*add_content)(struct buf *out, const struct render_event *e);
} formats[] = {
	{FORMAT_CHAT, " type='chat'", true, add_chat},
	{FORMAT_EVENT, "", false, add_pubsub_event},
	{FORMAT_HEADLINE, " type='headline'", true, add_message},
	{FORMAT_NORMAL, " type='normal'", true, add_message},
};

static const struct format *find_format(enum sub_format format)
{
	size_t i = 0;

	while (i + 1 < sizeof formats / sizeof formats[0] && formats[i].format != format)
		i++;
	return &formats[i];
}

static void add_sender(struct buf *out, const struct format *f, const char *feed,
		       const char *domain)
{
	if (f->from_feed) {
		escape(out, feed);
		buf_addc(out, '@');
	}
	escape(out, domain);
}

static void add_delay(struct buf *out, const struct format *f,
		      const struct render_event *e, const char *domain)
{
	char at[CLOCK_TEXT_SIZE];

	clock_format(e->at_ms, at);
	buf_adds(out, "<delay xmlns='urn:xmpp:delay' from='");
	add_sender(out, f, e->feed, domain);
	buf_printf(out, "' stamp='%s'/>", at);
}

void render_begin(struct rendered *r, const struct render_event *e, uint64_t members,
		  enum sub_format format, const char *domain)
{
	const struct format *f = find_format(format);
	struct buf *out = &r->bytes;

	*r = (struct rendered){0};
	buf_adds(out, "<message from='");
	add_sender(out, f, e->feed, domain);
	buf_printf(out, "'%s id='", f->type);
	render_event_key(out, e->feed, e->pos, members);
	buf_addc(out, '~');
	r->head_len = out->len;
	buf_adds(out, "' to='");
	r->mid_len = out->len - r->head_len;
	buf_adds(out, "'>");
}

void render_origin(struct buf *out, const struct render_event *e, uint64_t members)
{
	buf_adds(out, "<origin-id xmlns='urn:xmpp:sid:0' id='");
	render_event_key(out, e->feed, e->pos, members);
	buf_adds(out, "'/>");
}

void render(struct rendered *r, const struct render_event *e, enum sub_format format,
	    const char *domain, bool delayed)
{
	const struct format *f = find_format(format);
	struct buf *out = &r->bytes;

	render_begin(r, e, 0, format, domain);
	if (e->retracts && format != FORMAT_EVENT)
		render_retraction(r, e);
	else
		f->add_content(out, e);
	render_origin(out, e, 0);
	if (delayed)
		add_delay(out, f, e, domain);
	buf_adds(out, MESSAGE_END);
}

void render_asking(struct rendered *r)
{
	r->bytes.len -= sizeof(MESSAGE_END) - 1;
	buf_adds(&r->bytes, "<request xmlns='urn:xmpp:receipts'/>" MESSAGE_END);
}

void rendered_free(struct rendered *r)
{
	buf_free(&r->bytes);
	*r = (struct rendered){0};
}

/* True if xml_escape() would leave the JID as it is; nearly all are. */
static bool plain(const char *jid, size_t len)
{
	static const bool special[256] = {
		['&'] = true, ['<'] = true,  ['>'] = true, ['\''] = true,
		['"'] = true, [0xef] = true, /* U+FFFE and U+FFFF begin with it */
	};
	unsigned char odd = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)jid[i];
		odd |= (unsigned char)(special[c] | (c < 0x20));
	}
	return !odd;
}

static char *put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

void render_splice(struct buf *out, const struct rendered *r, const char *jid,
		   size_t jid_len, uint32_t hash)
{
	const char *mid = r->bytes.data + r->head_len;
	const char *tail = mid + r->mid_len;
	size_t tail_len = r->bytes.len - r->head_len - r->mid_len;

	if (r->again) {
		render_splice_again(out, r, jid, jid_len, hash);
		return;
	}
	buf_reserve(out, r->bytes.len + HASH_LEN + jid_len);
	char *to = put(out->data + out->len, r->bytes.data, r->head_len);
	to = render_hash(to, hash);
	to = put(to, mid, r->mid_len);
	if (plain(jid, jid_len)) {
		to = put(to, jid, jid_len);
		to = put(to, tail, tail_len);
		*to = '\0';
		out->len = (size_t)(to - out->data);
		return;
	}
	*to = '\0';
	out->len = (size_t)(to - out->data);
	xml_escape(out, jid, jid_len);
	buf_add(out, tail, tail_len);
}

/* ---- Groups ---------------------------------------------------------------------- */

#define ADDRESSES "<addresses xmlns='http://jabber.org/protocol/address'>"
#define ADDRESSES_END "</addresses></message>"
#define ADDRESS "<address type='bcc' jid='"
#define ADDRESS_END "'/>"
#define LEN(literal) (sizeof(literal) - 1)
#define GROUP_MARKUP_MAX                                                                 \
	(LEN(ADDRESSES) + LEN(ADDRESSES_END) + LEN(ADDRESS) + LEN(ADDRESS_END))

size_t render_address_bytes(const char *jid, size_t len)
{
	return LEN(ADDRESS) + LEN(ADDRESS_END) +
	       (plain(jid, len) ? len : xml_escaped_len(jid, len));
}

size_t render_group_bytes(const struct rendered *r, const char *service)
{
	size_t ids = LEN(STANZA_ID_GROUP) * (r->again ? 2 : 1);

	return r->bytes.len + ids + strlen(service) + LEN(ADDRESSES) +
	       LEN(ADDRESSES_END) - LEN(MESSAGE_END);
}

static char *put_escaped(struct buf *out, char *to, const struct render_jid *r)
{
	if (plain(r->jid, r->len))
		return put(to, r->jid, r->len);
	*to = '\0';
	out->len = (size_t)(to - out->data);
	xml_escape(out, r->jid, r->len);
	return out->data + out->len;
}

void render_group(struct buf *out, const struct rendered *r, const char *service,
		  const struct render_jid *to, size_t count)
{
	const char *tail = r->bytes.data + r->head_len + r->mid_len;
	const char *end = r->bytes.data + r->bytes.len - LEN(MESSAGE_END);
	size_t len = render_group_bytes(r, service);

	for (size_t i = 0; i < count; i++)
		len += render_address_bytes(to[i].jid, to[i].len);
	buf_reserve(out, len);
	char *p = put(out->data + out->len, r->bytes.data, r->head_len);
	p = put(p, STANZA_ID_GROUP, LEN(STANZA_ID_GROUP));
	p = put(p, r->bytes.data + r->head_len, r->mid_len);
	p = put(p, service, strlen(service));
	if (r->again) {
		const char *again = r->bytes.data + r->again;
		p = put(p, tail, (size_t)(again - tail));
		p = put(p, STANZA_ID_GROUP, LEN(STANZA_ID_GROUP));
		tail = again;
	}
	p = put(p, tail, (size_t)(end - tail));
	p = put(p, ADDRESSES, LEN(ADDRESSES));
	for (size_t i = 0; i < count; i++) {
		p = put(p, ADDRESS, LEN(ADDRESS));
		p = put_escaped(out, p, &to[i]);
		p = put(p, ADDRESS_END, LEN(ADDRESS_END));
	}
	p = put(p, ADDRESSES_END, LEN(ADDRESSES_END));
	*p = '\0';
	out->len = (size_t)(p - out->data);
}

/* ---- The bound ------------------------------------------------------------------- */

static size_t escaped(const char *s)
{
	return s ? xml_escaped_len(s, strlen(s)) : 0;
}

static const size_t fixed =
	MARKUP_MAX + ESCAPE_MAX * (JID_MAX + EVENT_ITEM_MAX + TITLE_FROM_BODY_MAX) +
	2 * (ESCAPE_MAX * DOMAIN_MAX + FEED_NAME_MAX + 1) + 6 * FEED_NAME_MAX +
	DOMAIN_MAX + GROUP_MARKUP_MAX; /* where it goes by a multicast service */

/*
 * Title, text and url stand once in every format. Beside them, event carries the rest
 * and the document; chat may carry the compact document instead; headline and normal
 * carry the title a second time, as subject. A title may come from the text's first line.
 */
size_t render_bound(const struct event *e)
{
	size_t title = escaped(e->title);
	size_t beside = escaped(e->author) + escaped(e->image) +
			xml_escaped_len(e->doc, e->doc_len);

	for (char **tag = e->tags; tag && *tag; tag++)
		beside += escaped(*tag) + TAG_MARKUP_MAX;
	return fixed + title + escaped(e->body) + escaped(e->url) +
	       (beside > title ? beside : title);
}

/* All texts together are no longer than the document that they stand in. */
bool render_fits(const struct event *e, size_t max)
{
	size_t rough =
		fixed + EVENT_TAGS_MAX * TAG_MARKUP_MAX + 2 * ESCAPE_MAX * e->doc_len;

	return rough <= max || render_bound(e) <= max;
}
