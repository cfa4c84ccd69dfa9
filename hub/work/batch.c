#include "work/engine_int.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

#define WHY_SIZE 160

static void skipped(const char *feed, const char *id, const char *why)
{
	log_error("event cannot be sent, skipped", log_s("feed", feed),
		  log_s("event", id), log_s("why", why));
}

/* What the log holds was checked at ingest, but Redis is not ours alone. */
static void take(struct log_event *ev, const char *feed, const struct store_event *from)
{
	char why[WHY_SIZE];
	ev->pos = from->pos;
	ev->at_ms = from->at_ms;
	ev->expires_ms = from->expires_ms;
	ev->kind = from->kind;
	ev->retracted = from->retracted;
	ev->superseded = from->superseded;
	ev->its = from->kind == EVENT_RETRACT ? from->retracted.versions[0] : from->pos;
	ev->filter_ms = from->kind == EVENT_RETRACT ? from->retracted.at_ms : from->at_ms;
	const char *id = from->id ? from->id : "", *item = from->item ? from->item : "";
	if (!id[0] || !item[0] || !utf8_valid(id, strlen(id)) ||
	    !utf8_valid(item, strlen(item))) {
		skipped(feed, id, "its id or item id is missing or not UTF-8");
		return;
	}
	/* WHY may quote the document, which is not for logs. */
	if (event_parse_json(&ev->event, from->doc, from->doc_len, why, sizeof(why))) {
		skipped(feed, id, "what Redis holds is not a valid event document");
		return;
	}
	ev->event.priority = from->priority;
	ev->id = xstrdup(id);
	ev->item = xstrdup(item);
}

static uint8_t banned(const struct engine *e, const char *feed, struct pos pos)
{
	static const enum sub_format formats[] = {FORMAT_CHAT, FORMAT_EVENT,
						  FORMAT_HEADLINE, FORMAT_NORMAL};
	unsigned bits = 0;
	for (size_t i = 0; i < POLICY_FORMATS; i++)
		if (suspects_banned(e, feed, pos, formats[i], false))
			bits |= 1u << policy_format_index(formats[i]);
	if (bits & 1u << policy_format_index(FORMAT_CHAT))
		bits |= 1u << POLICY_FORMATS;
	return (uint8_t)bits;
}

struct batch *batch_create(struct engine *e, const char *feed, struct pos from,
			   struct pos head, const struct store_event *events,
			   size_t count)
{
	struct batch *b = xcalloc(1, sizeof(*b) + count * sizeof(b->events[0]));
	b->refs = 1;
	b->from = from;
	b->count = count;
	b->head = head;
	b->to = count ? events[count - 1].pos : head;
	for (size_t i = 0; i < count; i++) {
		take(&b->events[i], feed, &events[i]);
		if (e->culprit_count)
			b->events[i].refuse = banned(e, feed, events[i].pos);
	}
	return b;
}

struct batch *batch_ref(struct batch *b)
{
	b->refs++;
	return b;
}

void batch_unref(struct batch *b)
{
	if (!b || --b->refs)
		return;
	for (size_t i = 0; i < b->count; i++) {
		struct log_event *ev = &b->events[i];
		for (size_t k = 0; k < POLICY_KINDS; k++)
			rendered_free(&ev->out[k]);
		if (ev->id)
			event_free(&ev->event);
		free(ev->id);
		free(ev->item);
	}
	free(b);
}

/* Characters that XML cannot carry end the stream on every server. */
static bool xml_fit(const char *s, size_t len)
{
	if (!utf8_valid(s, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
		if (c == 0xEF && i + 2 < len && (unsigned char)s[i + 1] == 0xBF &&
		    (unsigned char)s[i + 2] >= 0xBE)
			return false;
	}
	return true;
}

bool batch_fit(const struct engine *e, const struct rendered *r)
{
	return r->bytes.len <= e->o.max_stanza_bytes &&
	       xml_fit(r->bytes.data, r->bytes.len);
}

const struct rendered *batch_rendered(const struct piece *p, struct log_event *ev,
				      const struct sub *sub)
{
	const struct engine *e = p->feed->engine;
	const char *feed = p->feed->name;
	unsigned k = policy_kind(sub, p->feed->asks), bit = 1u << k;
	if (!ev->id || (ev->refuse & bit))
		return NULL;
	struct rendered *r = &ev->out[k];
	if (ev->made & bit)
		return r;
	struct render_event re = {
		.feed = feed,
		.id = ev->id,
		.item = ev->item,
		.pos = ev->pos,
		.at_ms = ev->at_ms,
		.retracts = ev->kind == EVENT_RETRACT ? &ev->retracted.versions[0] : NULL,
		.event = &ev->event};
	render(r, &re, sub->format, e->o.domain, p->batch->delayed);
	if (k == POLICY_FORMATS)
		render_asking(r);
	ev->made = (uint8_t)(ev->made | bit);
	if (batch_fit(e, r))
		return r;
	skipped(feed, ev->id,
		r->bytes.len > e->o.max_stanza_bytes ? "larger than xmpp.max_stanza_bytes"
						     : "holds what XML cannot carry");
	ev->refuse = (uint8_t)(ev->refuse | bit);
	return NULL;
}
