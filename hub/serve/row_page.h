#ifndef BELFRY_HUB_SERVE_ROW_PAGE_H
#define BELFRY_HUB_SERVE_ROW_PAGE_H

#include "service.h"

/*
 * Pages of a feed's rows, in an order that stays: by bucket, and within it by a hash of
 * the JID. A split moves rows to a later bucket: they may come again, none is missed.
 */
struct row_page {
	uint32_t first, count; /* buckets to be read */
	bool inside;	       /* the first one goes on behind `after` */
	uint32_t after;
	size_t limit;
};

#define ROW_CURSOR_SIZE 24

/* The query's page: 0, or -1 and the call has been answered. */
int row_page_of(struct call *call, struct row_page *out);
typedef void (*row_page_cb)(void *arg, const struct store_row *row, struct pos cursor);
/*
 * Calls CB with each row of the page, of the RUN that was read for it, and its bucket's
 * cursor. NEXT: where the next page begins; "": there is none.
 */
void row_page_each(const struct row_page *p, const struct store_run *run, row_page_cb cb,
		   void *arg, char next[ROW_CURSOR_SIZE]);

#endif
