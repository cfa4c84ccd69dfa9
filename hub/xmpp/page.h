#ifndef BELFRY_HUB_XMPP_PAGE_H
#define BELFRY_HUB_XMPP_PAGE_H

#include "session.h"

/* Pages of lists (XEP-0059): of max and after, no more. */
#define PAGE_MAX 200
/*
 * How many IN asks for; R is told what else it asks for. Of a name behind which the page
 * begins no more is kept than tells it from those there are, of NAME_MAX_BYTES at most.
 */
size_t page_asked(struct request *r, const struct incoming *in, size_t name_max_bytes);
/* Appends <set/> where there has to be one. FIRST NULL: the page is empty. MORE: others
 * may follow LAST. */
void page_end(struct buf *out, const struct request *r, const char *first,
	      const char *last, bool more);
/* Appends <set/> with the COUNT of all; MORE: there may be others, and none is told. */
void page_count(struct buf *out, size_t count, bool more);

#endif
