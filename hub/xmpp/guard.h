#ifndef BELFRY_HUB_XMPP_GUARD_H
#define BELFRY_HUB_XMPP_GUARD_H

#include <belfry/base/buf.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looks at the bytes of a stream before libstrophe parses them, and leaves out stanzas
 * that it handles badly:
 * - nested deeper than GUARD_DEPTH_MAX: it releases them recursively;
 * - with a prefixed from, to, id or type: it forgets the prefix, so that x:from='victim'
 *   in a stanza stands for the from that the server vouches for (Prosody hands such
 *   attributes on);
 * - larger than GUARD_STANZA_MAX;
 * - of more than GUARD_NODES_MAX elements and attributes: for each it walks past all its
 *   siblings, seconds for what fits into one stanza;
 * - with a namespace of more than GUARD_NS_MAX bytes: each element within gets a copy;
 * - with text in so many parts (Expat ends one at lines and references) that looking for
 *   the end of the text so far, as it does at each, walks past GUARD_WALK_MAX bytes.
 * Not a parser: what is not well-formed is found by libstrophe.
 */
#define GUARD_DEPTH_MAX 200
#define GUARD_NODES_MAX 2000
#define GUARD_NS_MAX 1024
#define GUARD_WALK_MAX ((uint64_t)1 << 30)
#define GUARD_STANZA_MAX ((size_t)2 * 1024 * 1024)

struct guard {
	int state;
	unsigned depth; /* open elements: 1 is the stream, 2 a stanza */
	unsigned nodes; /* of the stanza */
	char quote;
	char name[8]; /* of an attribute, behind its prefix, as far as it matters */
	size_t name_len, matched, value_len;
	uint64_t text, walked; /* by libstrophe, at most: gathered, walked over */
	bool prefixed, declares, reference, bad, whole;
	struct buf piece;  /* so far */
	uint64_t left_out; /* stanzas */
};

/*
 * `(struct guard){0}` begins a stream. Takes bytes from the front of DATA until there is
 * a piece that may be parsed: a whole stanza, or a tag of the stream's own. 1: it is in
 * g->piece until the next call. 0: all is taken. -1: this is no XMPP stream.
 */
int guard_next(struct guard *g, const char **data, size_t *len);
void guard_free(struct guard *g); /* what it holds */

#endif
