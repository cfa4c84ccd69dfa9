#ifndef BELFRY_CORE_RENDER_H
#define BELFRY_CORE_RENDER_H

#include <belfry/base/buf.h>
#include <belfry/core/event.h>
#include <belfry/core/pos.h>
#include <belfry/core/subscription.h>

#include <stdbool.h>

/* An event of the log, as far as a stanza shows it. */
struct render_event {
	const char *feed; /* its name */
	const char *id;	  /* public id */
	const char *item; /* item id */
	struct pos pos;
	uint64_t at_ms; /* wall clock at commit */
	/* It takes back the item, whose newest message was sent for this event; NULL: it
	 * is an item. */
	const struct pos *retracts;
	const struct event *event;
};

/*
 * A stanza, rendered once for all its receivers. Only the receiver is spliced in:
 *   head + 8 hex digits of the row's hash + mid + escaped JID + tail
 */
struct rendered {
	struct buf bytes; /* head, mid and tail in a row */
	size_t head_len, mid_len;
	size_t again; /* the hash stands here, too: so far into bytes; 0: nowhere */
};

/* Body text in a chat, normal or headline message is cut at this many bytes. */
#define RENDER_BODY_MAX 8192

/*
 * Renders for the component DOMAIN. chat: a body, from FEED@DOMAIN. normal, headline: the
 * same with a subject. event: XEP-0060 7.1.2.1 from DOMAIN, the item an Atom entry
 * (RFC 4287) that carries the document in XEP-0335; it has no type, which is "normal".
 * All carry an origin-id (XEP-0359): "FEED~EPOCH-N", the stanza id less the receiver's
 * hash, so the same for all and for every repeat. What takes an item back is XEP-0060
 * 7.2.2.1 as an event, and XEP-0424 otherwise, about the message that was sent. DELAYED
 * adds a delay stamp (XEP-0203) of at_ms. Free with rendered_free().
 */
void render(struct rendered *r, const struct render_event *e, enum sub_format format,
	    const char *domain, bool delayed);
/* Makes it ask for a receipt (XEP-0184). */
void render_asking(struct rendered *r);
void rendered_free(struct rendered *r);

/*
 * A digest: the COUNT events of one feed in one stanza, the oldest first; MEMBERS as in
 * its id (core/id.h), whose position is the last one's. chat: a heading, and a line or
 * two for each; normal, headline: the heading is the subject; event: all as items.
 */
void render_digest(struct rendered *r, const struct render_event *events, size_t count,
		   uint64_t members, enum sub_format format, const char *domain);
/*
 * What E adds to one, in bytes of the body's text (event: of the stanza). The heading
 * takes RENDER_HEADING_MAX; a body has RENDER_BODY_MAX.
 */
#define RENDER_HEADING_MAX 128
size_t render_digest_bytes(const struct render_event *e, enum sub_format format);

/* Appends the stanza for one receiver. No allocation but the buffer's own growth. */
void render_splice(struct buf *out, const struct rendered *r, const char *jid,
		   size_t jid_len, uint32_t hash);

/*
 * The same for a group of receivers, in one stanza to the multicast SERVICE (XEP-0033).
 * Each is a blind copy: what arrives has no <addresses/>, and differs from the stanza for
 * one by its id alone, which is the same for every group (see STANZA_ID_GROUP).
 */
struct render_jid {
	const char *jid;
	size_t len;
};
void render_group(struct buf *out, const struct rendered *r, const char *service,
		  const struct render_jid *to, size_t count);
/* Its size: without receivers, and what one more adds. */
size_t render_group_bytes(const struct rendered *r, const char *service);
size_t render_address_bytes(const char *jid, size_t len);

/* What people read: title, text and url, or else compact JSON; cut at max_bytes. */
void render_text(struct buf *out, const struct event *e, size_t max_bytes);
/* One <item/> of the event format, for items requests (XEP-0060 6.5). */
void render_item(struct buf *out, const struct render_event *e);

/* An upper bound of the bytes of any stanza of this event: checked at ingest. */
size_t render_bound(const struct event *e);
/* Is render_bound() at most MAX? Cheaper for most; E is as it was parsed. */
bool render_fits(const struct event *e, size_t max);

#endif
