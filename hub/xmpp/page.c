#include "page.h"
#include "reply.h"

#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

static char *text_of(xmpp_stanza_t *set, const char *name)
{
	return element_text(set != NULL ? element_find(set, name, NULL) : NULL);
}

size_t page_asked(struct request *r, const struct incoming *in, size_t name_max_bytes)
{
	xmpp_stanza_t *set = element_find(in->child, "set", NS_RSM);
	char *max = text_of(set, "max");
	uint64_t limit;
	if (parse_u64(max, strlen(max), PAGE_MAX, &limit) != 0)
		limit = PAGE_MAX;
	free(max);
	r->paged = set != NULL;
	r->counted = limit == 0;
	r->after = text_of(set, "after");
	/* All are counted, wherever the page would begin. */
	size_t most = r->counted ? 0 : name_max_bytes + 1;
	if (strlen(r->after) > most)
		r->after[most] = '\0';
	return r->counted ? PAGE_MAX : (size_t)limit;
}

void page_end(struct buf *out, const struct request *r, const char *first,
	      const char *last, bool more)
{
	if (first == NULL ? !r->paged : !more && r->after[0] == '\0')
		return;
	buf_adds(out, "<set xmlns='" NS_RSM "'>");
	if (first != NULL) {
		reply_text(out, "first", first);
		reply_text(out, "last", last);
	}
	buf_adds(out, "</set>");
}

void page_count(struct buf *out, size_t count, bool more)
{
	buf_adds(out, "<set xmlns='" NS_RSM "'>");
	if (!more)
		buf_printf(out, "<count>%zu</count>", count);
	buf_adds(out, "</set>");
}
