#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

/*
 * What was not confirmed when a stream began may have been lost with the server of the
 * former one: bucket by bucket, each row that awaits something is to be sent it again.
 *
 * Completions of the former stream still make such rows; so it begins when they are
 * answered. And rows move where a bucket is split before it is read: so what is due is
 * listed until there are no buckets that were split off since the last time.
 */
#define RETRY_MS 1000 /* the store was away, or does not say why */
#define TRIES_MAX 64  /* of a bucket that cannot be read */
#define SWEEP_MAX 65536
#define SWEEP_AHEAD 200 /* rows that are being told */

/* Buckets that may have something awaited; in order, but for those that were listed last.
 */
struct sweep {
	struct engine *engine;
	struct spot {
		char *feed;
		uint32_t bucket;
	} * list;
	size_t count, at;
	unsigned tries;		 /* to read that at AT */
	unsigned dones;		 /* of former streams, not answered */
	size_t told;		 /* rows of it, not answered */
	bool reading;		 /* a bucket */
	bool listing;		 /* what is due */
	bool wanted;		 /* it begins anew */
	struct loop_timer *rest; /* the store was away */
};

static void clear(struct sweep *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i].feed);
	free(s->list);
	s->list = NULL;
	s->count = s->at = 0;
	s->tries = 0;
}

static void sweep_row(struct sweep *s, const char *feed, const struct store_row *row)
{
	static const struct pos nowhere;
	struct sub_hold h;
	if (!row->sub.hold_len)
		return;
	sub_hold_read(&row->sub, &h);
	/* If all of it is to be sent again, that is so already. */
	if (!h.awaited || h.reason != HOLD_CONFIRM ||
	    (h.again_ms && pos_cmp(h.end, nowhere) == 0))
		return;
	char *jid = xmemdup0(row->jid, row->jid_len);
	s->told++;
	if (!receipts_again(s->engine, feed, jid, true))
		s->told--;
	free(jid);
}

static void go_on(struct sweep *s);

static void on_read(void *arg, enum belfry_err err, struct store_run *run)
{
	struct sweep *s = arg;
	for (size_t i = 0; !err && s->engine->owned && i < run->row_count; i++)
		sweep_row(s, s->list[s->at].feed, &run->rows[i]);
	store_run_free(run);
	s->reading = false;
	if (err == BELFRY_EAWAY ||
	    (err && err != BELFRY_ENOFEED && ++s->tries < TRIES_MAX)) {
		loop_timer_arm(s->rest, RETRY_MS);
	} else {
		s->tries = 0;
		s->at++;
	}
	go_on(s);
}

static int by_place(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int feeds = strcmp(x->feed, y->feed);
	return feeds ? feeds : (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* Has it come since the first KNOWN of the list were listed? New ones have the highest
 * numbers of their feed. */
static bool is_split_off(const struct sweep *s, size_t known, const struct store_due *d)
{
	size_t low = 0, high = known; /* the first one of a feed behind its own */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(s->list[mid].feed, d->feed) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	const struct spot *last = low ? &s->list[low - 1] : NULL;
	return last && strcmp(last->feed, d->feed) == 0 && last->bucket < d->bucket;
}

static void on_listed(void *arg, enum belfry_err err, const struct store_due *list,
		      size_t count, uint64_t wait_ms)
{
	struct sweep *s = arg;
	size_t known = s->count;
	(void)wait_ms;
	s->listing = false;
	if (err) {
		s->wanted = true;
		loop_timer_arm(s->rest, RETRY_MS);
		return;
	}
	if (known)
		qsort(s->list, known, sizeof(*s->list), by_place);
	s->list = xreallocarray(s->list, known + count + 1, sizeof(*s->list));
	for (size_t i = 0; i < count; i++)
		if (!known || is_split_off(s, known, &list[i]))
			s->list[s->count++] =
				(struct spot){xstrdup(list[i].feed), list[i].bucket};
	if (s->count == known)
		clear(s);
	go_on(s);
}

static void go_on(struct sweep *s)
{
	struct engine *e = s->engine;
	if (s->reading || s->listing)
		return;
	if (!e->owned || s->wanted)
		clear(s);
	if (!e->owned || s->dones || loop_timer_armed(s->rest))
		return;
	if (s->wanted || (s->count && s->at == s->count)) {
		s->wanted = false;
		s->listing = true;
		STORE(e, due_within, RECEIPTS_CHECK_MS, SWEEP_MAX, on_listed, s);
	} else if (s->at < s->count && s->told < SWEEP_AHEAD) {
		s->reading = true;
		STORE(e, read, s->list[s->at].feed, s->list[s->at].bucket, 1, on_read, s);
	}
}

static void on_rested(void *arg)
{
	go_on(arg);
}

void sweep_up(struct engine *e)
{
	e->sweep->wanted = true;
	e->sweep->dones = e->dones;
	e->stream++;
	go_on(e->sweep);
}

void sweep_done(struct engine *e, uint64_t stream)
{
	if (stream == e->stream)
		return;
	e->sweep->dones--;
	go_on(e->sweep);
}

void sweep_told(struct engine *e)
{
	e->sweep->told--;
	go_on(e->sweep);
}

struct sweep *sweep_create(struct engine *e)
{
	struct sweep *s = xcalloc(1, sizeof(*s));
	s->engine = e;
	s->rest = loop_timer_create(e->loop, on_rested, s);
	return s;
}

void sweep_stop(struct engine *e)
{
	e->sweep->wanted = false;
	loop_timer_disarm(e->sweep->rest);
	go_on(e->sweep);
}

void sweep_destroy(struct sweep *s)
{
	clear(s);
	loop_timer_destroy(s->rest);
	free(s);
}
