#include "store/redis_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 1000u
#define TRIM_AT_ONCE 32u /* their documents pass through the script */
#define ITEM_PAGE 64u

/* A feed's `state` and `epoch`, as HMGET gives them. */
static enum belfry_err feed_exists(const redisReply *fields)
{
	if (!reply_is_array(fields, 2))
		return reply_broken("a feed");
	if (reply_is_text(fields->element[0]) || !reply_is_text(fields->element[1]))
		return BELFRY_ENOFEED;
	return BELFRY_OK;
}

static void cmd_exists(struct call *c, const char *feed)
{
	cmd_begin(c->s, "HMGET");
	cmd_feed_key(c->s, "f", feed);
	cmd_text(c->s, "state");
	cmd_text(c->s, "epoch");
	cmd_end(c);
}

static void cmd_range(struct call *c, const char *feed, struct pos from, bool newest,
		      size_t count)
{
	struct redis_store *s = c->s;
	char text[POS_TEXT_SIZE + 1] = "(";
	pos_format(from, text + 1);
	cmd_begin(s, newest ? "XREVRANGE" : "XRANGE");
	cmd_feed_key(s, "l", feed);
	cmd_text(s, newest && !from.epoch && !from.n ? "+" : text);
	cmd_text(s, newest ? "-" : "+");
	cmd_text(s, "COUNT");
	cmd_u64(s, count);
	cmd_end(c);
}

/* ---- A page of the log ---- */

struct events_op {
	struct call call;
	store_events_cb cb;
	void *arg;
	size_t limit;
	enum belfry_err err;
	struct replaced *replaced;
	size_t replaced_count;
};

static void on_events(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct events_op *op = (struct events_op *)c;
	struct store_event *events = NULL;
	size_t count = 0;
	if (c->left) {
		if (!err)
			err = c->left == 2 ? feed_exists(reply)
					   : replaced_parse(reply, &op->replaced,
							    &op->replaced_count);
		if (!op->err)
			op->err = err;
		return;
	}
	if (op->err)
		err = op->err;
	if (!err && !reply_is_array(reply, 0))
		err = reply_broken("a log");
	if (!err) {
		count = reply->elements < op->limit ? reply->elements : op->limit;
		events = xcalloc(count + 1, sizeof *events);
		for (size_t i = 0; i < count && !err; i++)
			if (event_parse(reply->element[i], &events[i]) < 0)
				err = reply_broken("an event");
		replaced_tell(op->replaced, op->replaced_count, events, count);
	}
	free(op->replaced);
	store_events_cb cb = op->cb;
	void *arg = op->arg;
	bool more = !err && reply->elements > count;
	call_free(c);
	cb(arg, err, err ? NULL : events, err ? 0 : count, more);
	free(events);
}

void redis_events(struct store *st, const char *feed, struct pos from, bool newest,
		  size_t limit, store_events_cb cb, void *arg)
{
	struct events_op *op = call_new(redis_of(st), sizeof *op, on_events);
	op->cb = cb;
	op->arg = arg;
	op->limit = limit > EVENTS_MAX ? EVENTS_MAX : limit;
	cmd_exists(&op->call, feed);
	cmd_replaced(&op->call, feed, from, newest, op->limit + 1);
	cmd_range(&op->call, feed, from, newest, op->limit + 1);
	call_send(&op->call);
}

/* ---- One event ---- */

struct event_op {
	struct call call;
	store_event_cb cb;
	void *arg;
};

static void on_event(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct event_op *op = (struct event_op *)c;
	struct store_event event;
	struct store_counters counters = {0};
	struct pos settled = {0, 0};
	struct replaced *replaced = NULL;
	size_t replaced_count = 0;
	if (!err &&
	    (!reply_is_array(reply, 5) || reply_pos(reply->element[1], &settled) < 0 ||
	     event_parse(reply->element[2], &event) < 0 ||
	     !reply_is_array(reply->element[3], COUNTER_KINDS)))
		err = reply_broken("an event");
	if (!err)
		err = replaced_parse(reply->element[4], &replaced, &replaced_count);
	if (!err) {
		replaced_tell(replaced, replaced_count, &event, 1);
		/* Absent: 0. */
		for (size_t i = 0; i < COUNTER_KINDS; i++) {
			uint64_t *into = counter_of(&counters, i);
			if (reply_u64(reply->element[3]->element[i], into) < 0)
				*into = 0;
		}
	}
	free(replaced);
	store_event_cb cb = op->cb;
	void *arg = op->arg;
	call_free(c);
	if (err)
		cb(arg, err, NULL, NULL, false);
	else
		cb(arg, err, &event, &counters, pos_cmp(event.pos, settled) <= 0);
}

void redis_event_get(struct store *st, const char *feed, const char *id,
		     store_event_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct event_op *op = call_new(s, sizeof *op, on_event);
	op->cb = cb;
	op->arg = arg;
	script_begin(&op->call, S_EVENT, 5);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "l", feed);
	cmd_feed_key(s, "d", feed);
	cmd_feed_key(s, "c", feed);
	cmd_feed_key(s, "r", feed);
	cmd_text(s, id);
	cmd_end(&op->call);
	call_send(&op->call);
}

/* ---- Items ---- */

/* Where an item's event is. BY_ID: so far as it has no item of its own. */
struct named {
	struct pos pos;
	bool by_id;
};

/* Gathers events whose item id was not used again, newest first, page by page. */
struct items_op {
	struct call call;
	store_events_cb cb;
	void *arg;
	char *feed;
	size_t limit;
	enum belfry_err err;
	struct named *named; /* of each name; then of each that is there */
	size_t named_count;
	struct store_event *page, *found; /* copies: their strings are ours */
	size_t page_want, page_count, found_count;
	struct pos from;
	bool end, more;
};

static void event_copy(struct store_event *to, const struct store_event *from)
{
	*to = *from;
	to->id = xstrdup(from->id);
	to->item = xstrdup(from->item);
	to->doc = xmemdup0(from->doc, from->doc_len);
}

static void event_free_copy(struct store_event *e)
{
	free((char *)(uintptr_t)e->id);
	free((char *)(uintptr_t)e->item);
	free((char *)(uintptr_t)e->doc);
}

static int by_pos(const void *a, const void *b)
{
	return pos_cmp(((const struct store_event *)a)->pos,
		       ((const struct store_event *)b)->pos);
}

static void items_end(struct items_op *op, enum belfry_err err)
{
	struct items_op o = *op;
	call_free(&op->call);
	if (o.found_count)
		qsort(o.found, o.found_count, sizeof *o.found, by_pos);
	o.cb(o.arg, err, err ? NULL : o.found, err ? 0 : o.found_count, !err && o.more);
	for (size_t i = 0; i < o.found_count; i++)
		event_free_copy(&o.found[i]);
	for (size_t i = 0; i < o.page_count; i++)
		event_free_copy(&o.page[i]);
	free(o.named);
	free(o.found);
	free(o.page);
	free(o.feed);
}

static void items_page(struct items_op *op);

static void items_found(struct items_op *op, const struct store_event *e)
{
	op->found = xreallocarray(op->found, op->found_count + 1, sizeof *op->found);
	event_copy(&op->found[op->found_count++], e);
}

/* Then `i` does not have it. */
static bool item_is_id(const struct store_event *e)
{
	return strcmp(e->item, e->id) == 0;
}

/* Who names it is given it. */
static bool is_expired(const struct store_event *e)
{
	return e->expires_ms && e->expires_ms <= clock_wall_ms();
}

static void on_item_positions(struct call *c, enum belfry_err err,
			      const redisReply *reply)
{
	struct items_op *op = (struct items_op *)c;
	if (!err && !reply_is_array(reply, op->page_count))
		err = reply_broken("positions of items");
	if (err) {
		items_end(op, err);
		return;
	}
	for (size_t i = 0; i < op->page_count; i++) {
		struct pos pos;
		if (op->page[i].kind == EVENT_RETRACT || is_expired(&op->page[i]) ||
		    (item_pos(reply->element[i], &pos) < 0
			     ? !item_is_id(&op->page[i])
			     : pos_cmp(pos, op->page[i].pos) != 0))
			continue;
		if (op->found_count == op->limit)
			op->more = true;
		else
			items_found(op, &op->page[i]);
	}
	for (size_t i = 0; i < op->page_count; i++)
		event_free_copy(&op->page[i]);
	op->page_count = 0;
	if (op->end || op->more)
		items_end(op, BELFRY_OK);
	else
		items_page(op);
}

static void on_item_page(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct items_op *op = (struct items_op *)c;
	struct redis_store *s = c->s;
	if (c->left) {
		op->err = err ? err : feed_exists(reply);
		return;
	}
	if (op->err)
		err = op->err;
	if (!err && !reply_is_array(reply, 0))
		err = reply_broken("a log");
	op->page_count = 0;
	for (size_t i = 0; !err && i < reply->elements && i < op->page_want; i++) {
		struct store_event e;
		if (event_parse(reply->element[i], &e) < 0)
			err = reply_broken("an event");
		else
			event_copy(&op->page[op->page_count++], &e);
	}
	if (err || !op->page_count) {
		items_end(op, err);
		return;
	}
	op->from = op->page[op->page_count - 1].pos;
	op->end = reply->elements < op->page_want;
	call_reset(c, on_item_positions);
	cmd_begin(s, "HMGET");
	cmd_feed_key(s, "i", op->feed);
	for (size_t i = 0; i < op->page_count; i++)
		cmd_text(s, op->page[i].item);
	cmd_end(c);
	call_send(c);
}

static void items_page(struct items_op *op)
{
	/* Documents may be large: no more than are likely to be wanted. */
	size_t want = op->limit - op->found_count + 1;
	op->page_want = want < ITEM_PAGE ? want : ITEM_PAGE;
	call_reset(&op->call, on_item_page);
	cmd_exists(&op->call, op->feed);
	cmd_range(&op->call, op->feed, op->from, true, op->page_want);
	call_send(&op->call);
}

static void on_named_event(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct items_op *op = (struct items_op *)c;
	const struct named *named = &op->named[op->named_count - 1 - c->left];
	struct store_event e;
	if (!err && !reply_is_array(reply, 0))
		err = reply_broken("a log");
	if (!err && reply->elements) {
		if (event_parse(reply->element[0], &e) < 0)
			err = reply_broken("an event");
		else if (e.kind == EVENT_ITEM && (!named->by_id || item_is_id(&e)))
			items_found(op, &e);
	}
	if (err)
		op->err = err;
	if (!c->left)
		items_end(op, op->err);
}

/* Is it one of the first COUNT? A name may be asked for twice. */
static bool named_before(const struct items_op *op, size_t count, const struct named *n)
{
	for (size_t i = 0; i < count; i++)
		if (pos_cmp(op->named[i].pos, n->pos) == 0 &&
		    op->named[i].by_id == n->by_id)
			return true;
	return false;
}

static void named_send(struct items_op *op)
{
	struct redis_store *s = op->call.s;
	size_t known = 0;
	call_reset(&op->call, on_named_event);
	for (size_t i = 0; i < op->named_count && known < EVENTS_MAX; i++) {
		if (!op->named[i].pos.epoch || named_before(op, known, &op->named[i]))
			continue;
		cmd_begin(s, "XRANGE");
		cmd_feed_key(s, "l", op->feed);
		cmd_pos(s, op->named[i].pos);
		cmd_pos(s, op->named[i].pos);
		cmd_end(&op->call);
		op->named[known++] = op->named[i];
	}
	op->named_count = known;
	if (known)
		call_send(&op->call);
	else
		items_end(op, BELFRY_OK);
}

/* Of the feed, of the items in `i`, of the ids in `d`. */
static void on_named_positions(struct call *c, enum belfry_err err,
			       const redisReply *reply)
{
	struct items_op *op = (struct items_op *)c;
	if (!err && c->left == 2)
		err = feed_exists(reply);
	else if (!err && !reply_is_array(reply, op->named_count))
		err = reply_broken("positions of items");
	if (err && !op->err)
		op->err = err;
	for (size_t i = 0; !op->err && c->left < 2 && i < op->named_count; i++) {
		struct named found = {.by_id = !c->left};
		if (!op->named[i].pos.epoch &&
		    item_pos(reply->element[i], &found.pos) == 0)
			op->named[i] = found;
	}
	if (c->left)
		return;
	if (op->err)
		items_end(op, op->err);
	else
		named_send(op);
}

static void cmd_positions(struct items_op *op, const char *kind, const char *const *names)
{
	struct redis_store *s = op->call.s;
	cmd_begin(s, "HMGET");
	cmd_feed_key(s, kind, op->feed);
	for (size_t i = 0; i < op->named_count; i++)
		cmd_text(s, names[i]);
	cmd_end(&op->call);
}

void redis_items(struct store *st, const char *feed, const char *const *items,
		 size_t item_count, size_t limit, store_events_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct items_op *op = call_new(s, sizeof *op, on_named_positions);
	op->cb = cb;
	op->arg = arg;
	op->feed = xstrdup(feed);
	op->limit = limit > EVENTS_MAX ? EVENTS_MAX : limit;
	if (!item_count) {
		op->page = xcalloc(ITEM_PAGE, sizeof *op->page);
		items_page(op);
		return;
	}
	op->named = xcalloc(item_count, sizeof *op->named);
	op->named_count = item_count;
	cmd_exists(&op->call, feed);
	cmd_positions(op, "i", items);
	cmd_positions(op, "d", items);
	call_send(&op->call);
}

/* ---- Retention ---- */

struct trim_op {
	struct call call;
	store_cb cb;
	void *arg;
	char *feed;
	uint64_t max_items, oldest_ms;
};

static void trim_send(struct trim_op *op);

static void on_trimmed(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct trim_op *op = (struct trim_op *)c;
	uint64_t removed = 0;
	if (!err &&
	    (!reply_is_array(reply, 2) || reply_u64(reply->element[1], &removed) < 0))
		err = reply_broken("trim");
	if (!err && removed) {
		trim_send(op);
		return;
	}
	struct trim_op o = *op;
	call_free(c);
	free(o.feed);
	o.cb(o.arg, err);
}

static void trim_send(struct trim_op *op)
{
	struct redis_store *s = op->call.s;
	call_reset(&op->call, on_trimmed);
	script_begin(&op->call, S_TRIM, 6);
	cmd_feed_key(s, "f", op->feed);
	cmd_feed_key(s, "l", op->feed);
	cmd_feed_key(s, "i", op->feed);
	cmd_feed_key(s, "d", op->feed);
	cmd_feed_key(s, "c", op->feed);
	cmd_feed_key(s, "r", op->feed);
	cmd_u64(s, op->max_items);
	cmd_u64(s, op->oldest_ms);
	cmd_u64(s, TRIM_AT_ONCE);
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_trim(struct store *st, const char *feed, uint64_t max_items,
		uint64_t oldest_ms, store_cb cb, void *arg)
{
	struct trim_op *op = call_new(redis_of(st), sizeof *op, on_trimmed);
	op->cb = cb;
	op->arg = arg;
	op->feed = xstrdup(feed);
	op->max_items = max_items;
	op->oldest_ms = oldest_ms;
	trim_send(op);
}
