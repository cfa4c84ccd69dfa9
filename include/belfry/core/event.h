#ifndef BELFRY_CORE_EVENT_H
#define BELFRY_CORE_EVENT_H

#include <belfry/core/when.h>

#include <belfry/base/buf.h>

#include <stddef.h>
#include <stdint.h>

#define EVENT_ITEM_MAX 255 /* bytes of an item id */
#define EVENT_DEPTH_MAX 32 /* nesting of the JSON document */
#define EVENT_TAGS_MAX 32

enum event_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_URGENT };

/*
 * What the hub understands of an event document. Any JSON object is an event; these
 * members have a meaning where they are present, and then must have the right type:
 * item (string, 1..255 bytes, no control characters), title, body, url (http, https or
 * xmpp), author, image (http or https): strings; tags: array of at most 32 strings;
 * priority: "low", "normal", "high", "urgent". null counts as absent. The rest is the
 * app's own and is carried as it came. So are deliver_at, delay and expires_at: whoever
 * takes the event in is to say what is wrong with them (WHEN_WRONG), nobody else.
 */
struct event {
	char *item, *title, *body, *url, *author, *image; /* NULL: absent */
	char **tags;					  /* NULL-terminated, or NULL */
	enum event_priority priority;
	struct when deliver; /* deliver_at or delay; both of them are wrong */
	struct when expires; /* expires_at */
	/*
	 * The document, JSON text as it was posted, but for white space around it; a
	 * U+FFFE or U+FFFF in it stands as its \u escape, so that XML can carry it.
	 */
	char *doc;
	size_t doc_len;
};

/*
 * Parses a posted JSON document. Foreign input: invalid UTF-8, NUL, duplicate keys,
 * nesting beyond EVENT_DEPTH_MAX, anything but one object, wrong types: -1, *e empty, and
 * WHY says what is wrong and where. The caller capped LEN. Free with event_free().
 */
int event_parse_json(struct event *e, const char *json, size_t len, char *why,
		     size_t why_size);
/* The same from text/plain: the text becomes body, the document {"body": ...}. */
int event_parse_text(struct event *e, const char *text, size_t len, char *why,
		     size_t why_size);
/* Adds a document with E's tags and nothing else: {"tags":["prod"]}. */
void event_tags_json(struct buf *out, const struct event *e);
void event_free(struct event *e); /* what it holds, not e itself */

const char *priority_text(enum event_priority p);
int priority_parse(const char *s, size_t len, enum event_priority *out);

#endif
