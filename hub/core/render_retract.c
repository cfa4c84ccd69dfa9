#include "core/render_int.h"

#include <belfry/base/text.h>

#include <string.h>

char *render_hash(char *to, uint32_t hash)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 28; shift >= 0; shift -= 4)
		*to++ = digits[hash >> shift & 15];
	return to;
}

void render_event_key(struct buf *out, const char *feed, struct pos pos, uint64_t members)
{
	char text[POS_TEXT_SIZE];

	pos_format(pos, text);
	xml_escape(out, feed, strlen(feed));
	buf_printf(out, "~%s", text);
	if (members)
		buf_printf(out, "+%llx", (unsigned long long)members);
}

/* The id that it names is the one that the receiver knows, with his hash. */
void render_retraction(struct rendered *r, const struct render_event *e)
{
	struct buf *out = &r->bytes;

	buf_adds(out, "<retract xmlns='urn:xmpp:message-retract:1' id='");
	render_event_key(out, e->feed, *e->retracts, 0);
	buf_addc(out, '~');
	r->again = out->len;
	buf_adds(out, "'/><fallback xmlns='urn:xmpp:fallback:0' "
		      "for='urn:xmpp:message-retract:1'/><body>");
	xml_escape(out, e->feed, strlen(e->feed));
	buf_adds(out, " has taken back an earlier message, but your client does not "
		      "remove it.</body><store xmlns='urn:xmpp:hints'/>");
}

void render_splice_again(struct buf *out, const struct rendered *r, const char *jid,
			 size_t jid_len, uint32_t hash)
{
	const char *bytes = r->bytes.data;
	size_t mid_end = r->head_len + r->mid_len;
	char digits[HASH_LEN];

	render_hash(digits, hash);
	buf_add(out, bytes, r->head_len);
	buf_add(out, digits, HASH_LEN);
	buf_add(out, bytes + r->head_len, r->mid_len);
	xml_escape(out, jid, jid_len);
	buf_add(out, bytes + mid_end, r->again - mid_end);
	buf_add(out, digits, HASH_LEN);
	buf_add(out, bytes + r->again, r->bytes.len - r->again);
}
