#include "work/late_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What clients confirm, and who is to be sent what is not confirmed once more: told to
 * the store row by row. What comes of one row while its feed is looked up, or its bucket
 * is in flight, goes in one call. As for late bounces (late.c), nothing is told while a
 * piece has the row's bucket.
 */
#define NEWS_MAX 20000 /* rows at once */
#define SLOTS 4096
#define RETRY_MS 1000 /* the store was away */
#define WAIT_MS 50    /* of a feed whose passes follow one another */

/* Something about one row. */
struct news {
	struct engine *engine;
	struct news *chain; /* in its slot; while more may be added */
	struct news *next;  /* of those that wait */
	struct feed *feed;  /* being told, if it was in memory by then */
	bool slotted, bare; /* BARE: it was found to be of the bare JID */
	bool by_feed;	    /* who has not chosen is asked */
	bool again;	    /* JID is the row's: what is awaited is to be sent again */
	bool swept;
	uint32_t hash; /* of the row, by the stanza's id; unless in a group */
	bool group;
	size_t count;
	struct pos list[RECEIPTS_MAX];
	char name[FEED_NAME_MAX + 1];
	char jid[]; /* who it came from, then the row's */
};
struct receipts {
	struct engine *engine;
	struct news *slots[SLOTS];
	size_t count; /* of all news */
	struct news *parked;
	struct loop_timer *unpark;
};

/* ---- News -------------------------------------------------------------------------- */

static struct news **slot_of(struct receipts *r, const char *feed, const char *jid)
{
	uint32_t hash = row_hash(TABLE_SALT, feed, strlen(feed));
	hash = hash * 31 + row_hash(TABLE_SALT, jid, strlen(jid));
	return &r->slots[hash % SLOTS];
}

/* No more is added to it. */
static void unslot(struct news *n)
{
	if (!n->slotted)
		return;
	struct news **at = slot_of(n->engine->receipts, n->name, n->jid);
	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	n->slotted = false;
}

static void news_free(struct news *n)
{
	struct receipts *r = n->engine->receipts;
	bool swept = n->swept;
	unslot(n);
	r->count--;
	free(n);
	if (swept)
		sweep_told(r->engine);
	engine_kick(r->engine);
}

static struct news *news_find(struct receipts *r, const char *feed, const char *jid,
			      uint32_t hash, bool group, bool again)
{
	struct news *n = *slot_of(r, feed, jid);
	while (n && (n->again != again || n->hash != hash || n->group != group ||
		     strcmp(n->jid, jid) != 0 || strcmp(n->name, feed) != 0))
		n = n->chain;
	return n;
}

/* MUST: there is room for it always, as the sweep asks for few at once. */
static struct news *news_new(struct receipts *r, const char *feed, const char *jid,
			     bool must)
{
	size_t size = strlen(jid) + 1;
	if (r->count >= NEWS_MAX && !must) {
		if (r->engine->counters.receipts_dropped++ % NEWS_MAX == 0)
			log_warn("too many receipts at once", log_s("feed", feed));
		return NULL;
	}
	struct news *n = xcalloc(1, sizeof(*n) + size), **slot = slot_of(r, feed, jid);
	n->engine = r->engine;
	memcpy(n->jid, jid, size);
	snprintf(n->name, sizeof(n->name), "%s", feed);
	n->chain = *slot;
	*slot = n;
	n->slotted = true;
	r->count++;
	return n;
}

static void find_row(struct news *n);
static void tell_in_time(struct news *n);

static void on_unpark(void *arg)
{
	struct receipts *r = arg;
	struct news *n = r->parked;
	r->parked = NULL;
	for (struct news *next; n; n = next) {
		next = n->next;
		find_row(n);
	}
}

/* True: the store is away, or takes no write; it will be told later. */
static bool park(struct news *n, enum belfry_err err)
{
	struct receipts *r = n->engine->receipts;
	if ((err != BELFRY_EAWAY && err != BELFRY_EREPLICAS && err != BELFRY_EFULL) ||
	    !n->engine->owned)
		return false;
	n->next = r->parked;
	r->parked = n;
	if (!loop_timer_armed(r->unpark))
		loop_timer_arm(r->unpark, RETRY_MS);
	return true;
}

static void on_told(void *arg, enum belfry_err err, bool due)
{
	struct news *n = arg;
	struct engine *e = n->engine;
	if (n->feed) {
		n->feed->lates_told++;
		feed_called(n->feed);
		n->feed = NULL;
	}
	if (park(n, err))
		return;
	if (!err)
		e->counters.receipts += n->count;
	if (due)
		due_hint(e, n->again ? RECEIPTS_GRACE_MS : 0);
	news_free(n);
}

static void tell(struct news *n, struct feed *f)
{
	struct engine *e = n->engine;
	const struct store_receipts what = {.list = n->list,
					    .count = n->count,
					    .again_ms = n->again ? RECEIPTS_GRACE_MS : 0,
					    .give_up_ms = RECEIPTS_GIVE_UP_MS,
					    .by_feed = n->by_feed};
	unslot(n);
	n->feed = f;
	if (f) {
		f->calls++;
		f->lates_asked++;
	}
	STORE(e, received, &e->owner, n->name, n->jid, &what, on_told, n);
}

/* Is something on its way to the row, or is it not known yet that it is awaited? Those
 * who are held are sent to, too, and may be quicker than the barrier. */
static bool is_busy(const struct feed *f, const char *jid)
{
	uint32_t hash = row_hash(f->salt, jid, strlen(jid));
	if (late_is_busy(f, hash))
		return true;
	for (const struct piece *p = f->pieces; p; p = p->next)
		if (p->holds && p->first == bucket_of(hash, p->run ? p->run->feed_buckets
								   : f->buckets))
			return true;
	return false;
}

static void tell_in_time(struct news *n)
{
	struct feed *f = feed_find(n->engine, n->name);
	if (f && is_busy(f, n->jid)) {
		if (!f->news)
			f->news_ms = clock_mono_ms();
		n->next = f->news;
		f->news = n;
	} else {
		tell(n, f);
	}
}

void receipts_flush(struct feed *f)
{
	struct news *n = f->news;
	f->news = NULL;
	for (struct news *next; n; n = next) {
		next = n->next;
		if (f->engine->owned)
			tell_in_time(n);
		else
			news_free(n);
	}
}

bool receipts_go_first(struct feed *f)
{
	if (f->news && f->telling)
		return clock_mono_ms() - f->news_ms >= WAIT_MS;
	receipts_flush(f);
	return false;
}

/* Of a stanza for one its id tells whether it was the full or the bare JID. */
static bool know_row(struct news *n, uint32_t salt)
{
	size_t len = strlen(n->jid), bare = jid_bare_len(n->jid);
	if (row_hash(salt, n->jid, len) == n->hash)
		return true;
	if (!n->group && row_hash(salt, n->jid, bare) != n->hash)
		return false;
	unslot(n);
	n->jid[bare] = '\0';
	return true;
}

static void know(struct news *n, uint32_t salt)
{
	if (know_row(n, salt))
		tell_in_time(n);
	else
		news_free(n);
}

/* Does it ask those who have not chosen? */
static bool asks_all(const struct store_feed *feed)
{
	struct feed_config c;
	char why[128];
	feed_config_init(&c);
	bool asks = !feed_config_patch(&c, feed->config, strlen(feed->config), why,
				       sizeof(why)) &&
		    c.ack_receipt;
	feed_config_free(&c);
	return asks;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct news *n = arg;
	(void)created;
	if (!err && n->engine->owned) {
		n->by_feed = asks_all(feed);
		know(n, feed->salt);
	} else if (!park(n, err)) {
		news_free(n);
	}
}

static void find_row(struct news *n)
{
	struct engine *e = n->engine;
	if (n->again || !n->slotted)
		tell_in_time(n);
	else
		STORE(e, feed_get, n->name, on_feed, n);
}

void receipts_take(struct engine *e, const char *id, const char *from)
{
	struct stanza_id sid;
	if (stanza_id_parse(id, strlen(id), &sid))
		return;
	struct news *n =
		news_find(e->receipts, sid.feed, from, sid.hash, sid.group, false);
	bool new = !n;
	if (new)
		n = news_new(e->receipts, sid.feed, from, false);
	if (!n || n->count == RECEIPTS_MAX)
		return;
	n->hash = sid.hash;
	n->group = sid.group;
	n->list[n->count++] = (struct pos){sid.epoch, sid.n};
	if (new)
		find_row(n);
}

/* ---- Once more --------------------------------------------------------------------- */

bool receipts_again(struct engine *e, const char *feed, const char *jid, bool swept)
{
	if (!e->owned || news_find(e->receipts, feed, jid, 0, false, true))
		return false;
	struct news *n = news_new(e->receipts, feed, jid, swept);
	if (!n)
		return false;
	n->again = true;
	n->swept = swept;
	tell_in_time(n);
	return true;
}

void engine_seen(struct engine *e, const char *feed, const char *jid)
{
	receipts_again(e, feed, jid, false);
}

static bool is_there(enum availability a)
{
	return a != AVAIL_UNKNOWN && a != AVAIL_OFFLINE;
}

void engine_shows(void *arg, const char *feed, const char *jid, const char *bare,
		  enum availability was, enum availability now)
{
	(void)jid;
	if (is_there(now) && !is_there(was))
		engine_seen(arg, feed, bare);
}

/* ---- All of it --------------------------------------------------------------------- */

struct receipts *receipts_create(struct engine *e)
{
	struct receipts *r = xcalloc(1, sizeof(*r));
	r->engine = e;
	r->unpark = loop_timer_create(e->loop, on_unpark, r);
	return r;
}

void receipts_stop(struct engine *e)
{
	struct receipts *r = e->receipts;
	while (r->parked) {
		struct news *n = r->parked;
		r->parked = n->next;
		news_free(n);
	}
	loop_timer_disarm(r->unpark);
}

void receipts_destroy(struct receipts *r)
{
	loop_timer_destroy(r->unpark);
	free(r);
}
