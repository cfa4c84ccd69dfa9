#include "xmpp_scan.h"

#include <string.h>

enum tag { TAG_OPEN, TAG_CLOSE, TAG_EMPTY, TAG_OUTSIDE, TAG_END };

/* A tag from '<' to '>'. */
static enum tag tag_kind(const char *tag, size_t len)
{
	static const char stream[] = "stream:stream";
	const char *name = tag + 1 + (tag[1] == '/');
	size_t left = len - (size_t)(name - tag);
	if (tag[1] == '?' || tag[1] == '!')
		return TAG_OUTSIDE;
	if (left >= sizeof(stream) && memcmp(name, stream, sizeof(stream) - 1) == 0)
		return tag[1] == '/' ? TAG_END : TAG_OUTSIDE;
	if (tag[1] == '/')
		return TAG_CLOSE;
	return tag[len - 2] == '/' ? TAG_EMPTY : TAG_OPEN;
}

enum xmpp_found xmpp_scan(struct xmpp_scan *s, const char *data, size_t have, size_t *len)
{
	while (s->at < have) {
		const char *tag = memchr(data + s->at, '<', have - s->at);
		if (!tag) {
			s->at = have;
			return XMPP_NOTHING;
		}
		s->at = (size_t)(tag - data);
		const char *end = memchr(tag, '>', have - s->at);
		if (!end)
			return XMPP_NOTHING;
		s->at = (size_t)(end + 1 - data);
		enum tag kind = tag_kind(tag, (size_t)(end + 1 - tag));
		if (kind == TAG_END)
			return XMPP_END;
		if (kind == TAG_OPEN)
			s->depth++;
		if (kind == TAG_CLOSE && s->depth > 0)
			s->depth--;
		if (s->depth == 0 && (kind == TAG_CLOSE || kind == TAG_EMPTY)) {
			*len = s->at;
			s->at = 0;
			return XMPP_STANZA;
		}
	}
	return XMPP_NOTHING;
}
