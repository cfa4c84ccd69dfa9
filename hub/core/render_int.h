#ifndef CORE_RENDER_INT_H
#define CORE_RENDER_INT_H

#include <belfry/core/render.h>

/* Between the files that render. */

#define MESSAGE_END "</message>" /* of every stanza */
#define HASH_LEN 8
/* Writes the digits, and returns where they end. */
char *render_hash(char *to, uint32_t hash);
/* "FEED~EPOCH-N", of a digest "FEED~EPOCH-N+MEMBERS": the part of the stanza id that is
 * the same for every receiver. */
void render_event_key(struct buf *out, const char *feed, struct pos pos,
		      uint64_t members);
/* R's bytes up to the content. MEMBERS: of the digest that E is the last event of; 0: E
 * alone. */
void render_begin(struct rendered *r, const struct render_event *e, uint64_t members,
		  enum sub_format format, const char *domain);
/* The origin-id behind it. */
void render_origin(struct buf *out, const struct render_event *e, uint64_t members);
/* Cuts what stands in OUT from BEGIN on to max_bytes, the ellipsis included. */
void render_cut(struct buf *out, size_t begin, size_t max_bytes);
/* The content of a message that takes back an earlier one. */
void render_retraction(struct rendered *r, const struct render_event *e);
/* render_splice() of what has the hash in it once more. */
void render_splice_again(struct buf *out, const struct rendered *r, const char *jid,
			 size_t jid_len, uint32_t hash);

#endif
