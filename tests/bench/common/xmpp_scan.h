#ifndef BENCH_XMPP_SCAN_H
#define BENCH_XMPP_SCAN_H

#include <stddef.h>

/*
 * Finds whole stanzas in a stream, by tags alone: cheap, as a thousand streams are read
 * by one process. What comes is from a server that escapes '>' in attributes, as all do.
 */
struct xmpp_scan {
	size_t at;    /* looked at so far, from the beginning of the next stanza */
	size_t depth; /* elements open, the stream not counted */
};

enum xmpp_found { XMPP_NOTHING, XMPP_STANZA, XMPP_END };

/*
 * DATA begins where the stanza before ended. XMPP_STANZA: *LEN bytes of it belong to the
 * next stanza, white space and a stream header before it included. XMPP_NOTHING: call
 * again with more. XMPP_END: the stream was closed.
 */
enum xmpp_found xmpp_scan(struct xmpp_scan *s, const char *data, size_t have,
			  size_t *len);

#endif
