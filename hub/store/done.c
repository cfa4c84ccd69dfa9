#include "store/done.h"

#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ten years: more than that is not waited for. */
#define DELAY_MAX_MS (3650ull * 24 * 3600 * 1000)

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = xreallocarray(NULL, count + 1, size);
	if (count)
		memcpy(to, from, count * size);
	return to;
}

/* A hold that cannot be read is none, and what it stands for would be missed. */
static void fit_condition(struct sub_hold *h)
{
	size_t len = strnlen(h->condition, sizeof h->condition);
	if (len == sizeof h->condition ||
	    strspn(h->condition, "abcdefghijklmnopqrstuvwxyz-") < len)
		snprintf(h->condition, sizeof h->condition, "undefined-condition");
}

struct pos *receipts_copy(const struct store_receipts *r)
{
	return copy(r->list, r->count, sizeof *r->list);
}

void done_copy(struct store_done *to, const struct store_done *from)
{
	*to = *from;
	to->feed = xstrdup(from->feed);
	to->buckets = copy(from->buckets, from->bucket_count, sizeof *from->buckets);
	to->events = copy(from->events, from->event_count, sizeof *from->events);
	struct store_done_row *rows = copy(from->rows, from->row_count, sizeof *rows);
	for (size_t i = 0; i < from->row_count; i++) {
		struct store_done_row *r = &rows[i];
		r->jid = xstrdup(r->jid);
		fit_condition(&r->hold);
		r->was = r->was_len ? xmemdup0(r->was, r->was_len) : NULL;
		r->moves = copy(r->moves, r->move_count, sizeof *r->moves);
	}
	to->rows = rows;
}

void done_free(struct store_done *d)
{
	for (size_t i = 0; i < d->row_count; i++) {
		free((char *)(uintptr_t)d->rows[i].jid);
		free((char *)(uintptr_t)d->rows[i].was);
		free((void *)(uintptr_t)d->rows[i].moves);
	}
	free((char *)(uintptr_t)d->feed);
	free((void *)(uintptr_t)d->buckets);
	free((void *)(uintptr_t)d->events);
	free((void *)(uintptr_t)d->rows);
}

bool done_valid(const struct store_done *d)
{
	if (d->feed_buckets == 0)
		return false;
	for (size_t i = 0; i < d->bucket_count; i++)
		if (pos_cmp(d->to, d->buckets[i].from) < 0 ||
		    d->buckets[i].bucket >= d->feed_buckets)
			return false;
	return true;
}

bool done_late_valid(const struct store_done_row *r)
{
	return r->jid[0] && r->pos.n && (r->end || r->hold.reason);
}

const struct store_done_bucket *done_named(const struct store_done *d, uint32_t bucket)
{
	uint32_t then = bucket < d->feed_buckets
				? bucket
				: bucket_ancestor(bucket, d->feed_buckets);
	for (size_t i = 0; i < d->bucket_count; i++)
		if (d->buckets[i].bucket == then)
			return &d->buckets[i];
	return NULL;
}

uint64_t done_delay(const struct sub_hold *h)
{
	return h->due_ms < DELAY_MAX_MS ? h->due_ms : DELAY_MAX_MS;
}
