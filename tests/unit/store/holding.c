#include "holding.h"

#include "contract.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct holding holding_begin(const char *feed)
{
	struct holding h = {0};
	snprintf(h.feed, sizeof h.feed, "%s", feed);
	contract_feed(feed);
	h.owner = contract_own(A, feed);
	return h;
}

void holding_end(struct holding *h)
{
	OK(sync_feed_delete(A, h->feed));
}

void holding_join(struct holding *h, const char *jid)
{
	OK(sync_join(A, h->feed, jid, FORMAT_CHAT, NULL, NULL));
}

void holding_pause(const struct holding *h, const char *jid, bool paused)
{
	const struct sub_change c = {
		.set = SUB_SET_PAUSED, .format = FORMAT_CHAT, .options.paused = paused};
	OK(sync_change(A, h->feed, jid, &c, NULL, NULL));
}

void holding_post(struct holding *h, enum event_priority priority)
{
	char id[16];
	assert_true(h->posted < HOLDING_EVENTS);
	snprintf(id, sizeof id, "e%zu", ++h->posted);
	struct store_commit c = {.feed = h->feed,
				 .id = id,
				 .item = id,
				 .priority = priority,
				 .at_ms = 5000,
				 .doc = "{}",
				 .doc_len = 2};
	OK(sync_commit(A, &c, &h->pos[h->posted], NULL, NULL));
}

struct pos holding_cursor(const struct holding *h, const char *jid)
{
	struct store_run *run;
	struct pos cursor = {0, 0};
	OK(sync_read(A, h->feed, 0, 256, &run));
	for (size_t b = 0; b < run->bucket_count; b++)
		for (size_t i = 0; i < run->buckets[b].count; i++)
			if (!strcmp(run->rows[run->buckets[b].first + i].jid, jid))
				cursor = run->buckets[b].cursor;
	store_run_free(run);
	return cursor;
}

static enum belfry_err done_all(const struct holding *h, struct store_done *d,
				const struct pos *to)
{
	struct store_done_bucket buckets[256];
	struct store_run *run;
	OK(sync_read(A, h->feed, 0, 256, &run));
	for (size_t i = 0; i < run->bucket_count; i++)
		buckets[i] = (struct store_done_bucket){run->buckets[i].bucket,
							run->buckets[i].cursor};
	d->feed = h->feed;
	d->feed_buckets = run->feed_buckets;
	d->buckets = buckets;
	d->bucket_count = run->bucket_count;
	d->to = to ? *to : buckets[0].from;
	store_run_free(run);
	return sync_done(A, &h->owner, d);
}

enum belfry_err holding_done(const struct holding *h, const struct store_done_row *rows,
			     size_t count, struct pos to)
{
	struct store_done d = {.rows = rows, .row_count = count};
	return done_all(h, &d, &to);
}

enum belfry_err holding_due_done(const struct holding *h,
				 const struct store_done_row *rows, size_t count)
{
	struct store_done d = {.rows = rows, .row_count = count, .due = true};
	return done_all(h, &d, NULL);
}

void holding_taken(struct holding *h, uint64_t count)
{
	struct store_done_event events[HOLDING_EVENTS];
	for (size_t i = 0; i < h->posted; i++)
		events[i] = (struct store_done_event){h->pos[i + 1], {.taken = count}};
	struct store_done d = {.events = events, .event_count = h->posted};
	OK(done_all(h, &d, &h->pos[h->posted]));
}

struct sub_hold holding_of(const struct holding *h, const char *jid)
{
	struct sub sub;
	struct sub_hold hold;
	OK(sync_sub_get(B, h->feed, jid, &sub));
	sub_hold_read(&sub, &hold);
	return hold;
}

struct store_counters holding_counters(const struct holding *h, size_t event)
{
	struct store_counters c;
	char id[16];
	snprintf(id, sizeof id, "e%zu", event);
	OK(sync_event_get(B, h->feed, id, &c, NULL, NULL));
	return c;
}

bool holding_is_due(const struct holding *h, const struct sync_dues *due, uint32_t bucket)
{
	for (size_t i = 0; i < due->count; i++)
		if (due->d[i].bucket == bucket && !strcmp(due->d[i].feed, h->feed))
			return true;
	return false;
}

size_t holding_count_due(const struct holding *h, const struct sync_dues *due)
{
	size_t count = 0;
	for (size_t i = 0; i < due->count; i++)
		count += !strcmp(due->d[i].feed, h->feed);
	return count;
}
