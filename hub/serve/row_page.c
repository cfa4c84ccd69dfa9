#include "row_page.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_LIMIT 100
#define ROWS_LIMIT_MAX 1000
#define HASH_DIGITS 8
#define ORDER_SALT 65599 /* any that spreads */

/* "12" is the bucket's beginning, "12~5f1c09aa" what is behind that hash in it. */
static int parse(const char *text, struct row_page *p)
{
	const char *tilde = strchr(text, '~');
	size_t len = tilde ? (size_t)(tilde - text) : strlen(text);
	uint64_t first;

	if (parse_u64(text, len, INT32_MAX, &first))
		return -1;
	p->first = (uint32_t)first;
	if (!tilde)
		return 0;
	if (strspn(tilde + 1, "0123456789abcdef") != HASH_DIGITS ||
	    strlen(tilde + 1) != HASH_DIGITS)
		return -1;
	p->inside = true;
	p->after = (uint32_t)strtoul(tilde + 1, NULL, 16);
	return 0;
}

int row_page_of(struct call *call, struct row_page *out)
{
	const char *after = http_query(call->req, "after");

	*out = (struct row_page){0};
	if (after && parse(after, out)) {
		call_problem(call, &problem_bad_parameter,
			     "after takes a cursor as it was given in 'next'.");
		return -1;
	}
	if (call_limit(call, ROWS_LIMIT, ROWS_LIMIT_MAX))
		return -1;
	out->limit = call->limit;
	/* Buckets are not full, and what is behind `after` is a part of one. */
	out->count = (uint32_t)(call->limit / BUCKET_ROWS) + 2;
	return 0;
}

struct place {
	uint32_t hash;
	const struct store_row *row;
};

static int by_hash(const void *a, const void *b)
{
	uint32_t x = ((const struct place *)a)->hash, y = ((const struct place *)b)->hash;

	return (x > y) - (x < y);
}

static struct place *sorted(const struct store_run *run, const struct store_bucket *b)
{
	struct place *places = xcalloc(b->count + 1, sizeof *places);

	for (size_t i = 0; i < b->count; i++) {
		const struct store_row *row = &run->rows[b->first + i];
		places[i] =
			(struct place){row_hash(ORDER_SALT, row->jid, row->jid_len), row};
	}
	qsort(places, b->count, sizeof *places, by_hash);
	return places;
}

/* False: the page is full, and NEXT says where the next one begins. */
static bool each_of(const struct row_page *p, const struct store_bucket *b,
		    const struct place *places, size_t *taken, row_page_cb cb, void *arg,
		    char next[ROW_CURSOR_SIZE])
{
	size_t first = 0;

	while (p->inside && b->bucket == p->first && first < b->count &&
	       places[first].hash <= p->after)
		first++;
	for (size_t i = first; i < b->count; i++) {
		bool same = i > first && places[i].hash == places[i - 1].hash;

		if (*taken >= p->limit && !same) {
			int n = snprintf(next, ROW_CURSOR_SIZE, "%" PRIu32, b->bucket);
			if (i > first)
				snprintf(next + n, ROW_CURSOR_SIZE - (size_t)n,
					 "~%08" PRIx32, places[i - 1].hash);
			return false;
		}
		cb(arg, places[i].row, b->cursor);
		++*taken;
	}
	return true;
}

void row_page_each(const struct row_page *p, const struct store_run *run, row_page_cb cb,
		   void *arg, char next[ROW_CURSOR_SIZE])
{
	uint64_t behind = (uint64_t)p->first + p->count;
	size_t taken = 0;
	bool room = true;

	next[0] = '\0';
	for (size_t i = 0; i < run->bucket_count && room; i++) {
		struct place *places = sorted(run, &run->buckets[i]);

		room = each_of(p, &run->buckets[i], places, &taken, cb, arg, next);
		free(places);
	}
	if (room && behind < run->feed_buckets)
		snprintf(next, ROW_CURSOR_SIZE, "%" PRIu64, behind);
}
