#include "store/redis_internal.h"

#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <stdlib.h>
#include <string.h>

#define UNLINK_KEYS 100u
/* row_hash() takes 21 bits, and spreads badly with small ones. */
#define SALT_BITS 21
#define SALT_MIN (1u << 16)

enum belfry_err feed_parse(const redisReply *fields, const char *name,
			   struct store_feed *out)
{
	if (!reply_is_array(fields, FEED_FIELD_COUNT))
		return reply_broken("a feed");
	redisReply *const *e = fields->element;
	if (reply_is_text(e[0]) || !reply_is_text(e[1]))
		return BELFRY_ENOFEED;
	*out = (struct store_feed){.name = name};
	out->config = reply_str(e[7]);
	out->presence = reply_str(e[10]);
	out->face = reply_str(e[11]);
	if (reply_u64(e[1], &out->head.epoch) < 0 || reply_u64(e[2], &out->head.n) < 0 ||
	    reply_pos(e[3], &out->settled) < 0 ||
	    reply_u64(e[4], &out->subscribers) < 0 ||
	    reply_u32(e[5], &out->buckets) < 0 || reply_u32(e[6], &out->salt) < 0 ||
	    !out->config || reply_u64(e[8], &out->created_ms) < 0 ||
	    (reply_is_text(e[12]) && reply_u64(e[12], &out->contacts) < 0) ||
	    (reply_is_text(e[13]) && reply_pos(e[13], &out->trimmed) < 0) ||
	    (reply_is_text(e[14]) && reply_u64(e[14], &out->casts) < 0))
		return reply_broken("a feed's fields");
	out->watched = reply_is_text(e[15]);
	out->casts++; /* never 0 */
	if (out->head.n == 0)
		out->head = out->settled = (struct pos){0, 0};
	return BELFRY_OK;
}

static void cmd_feed_fields(struct redis_store *s, const char *feed)
{
	static const char *const fields[FEED_FIELD_COUNT] = {FEED_FIELDS};
	cmd_begin(s, "HMGET");
	cmd_feed_key(s, "f", feed);
	for (size_t i = 0; i < FEED_FIELD_COUNT; i++)
		cmd_text(s, fields[i]);
}

/* ---- put, get ---- */

struct feed_op {
	struct call call;
	store_feed_cb cb;
	void *arg;
	char *feed;
};

static void on_feed(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct feed_op *op = (struct feed_op *)c;
	struct store_feed feed;
	uint64_t created = 0;
	if (!err && c->script &&
	    (!reply_is_array(reply, 3) || reply_u64(reply->element[1], &created) < 0))
		err = reply_broken("feed_put");
	if (!err)
		err = feed_parse(c->script ? reply->element[2] : reply, op->feed, &feed);
	char *name = op->feed;
	store_feed_cb cb = op->cb;
	void *arg = op->arg;
	call_free(c);
	cb(arg, err, err ? NULL : &feed, created == 1);
	free(name);
}

static struct feed_op *feed_op_new(struct redis_store *s, const char *feed,
				   store_feed_cb cb, void *arg)
{
	struct feed_op *op = call_new(s, sizeof *op, on_feed);
	op->cb = cb;
	op->arg = arg;
	op->feed = xstrdup(feed);
	return op;
}

void redis_feed_put(struct store *st, const char *feed, const char *config,
		    const char *expect, uint64_t at_ms, store_feed_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct feed_op *op = feed_op_new(s, feed, cb, arg);
	const char sweep = NOTICE_SWEEP;
	script_begin(&op->call, S_FEED_PUT, 5);
	cmd_feed_key(s, "f", feed);
	cmd_part_key(s, partition_of(s, feed), "feeds");
	cmd_part_key(s, partition_of(s, feed), "epoch");
	cmd_part_key(s, partition_of(s, feed), "behind");
	cmd_part_key(s, partition_of(s, feed), "notices");
	cmd_text(s, feed);
	cmd_text(s, config);
	cmd_u64(s, at_ms);
	cmd_u64(s, SALT_MIN + random_below((1u << SALT_BITS) - SALT_MIN));
	cmd_text(s, s->run_id);
	cmd_text(s, s->channel);
	cmd_data(s, &sweep, 1);
	cmd_u64(s, STORE_NOTICES_MAX);
	if (expect)
		cmd_text(s, expect);
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_feed_get(struct store *st, const char *feed, store_feed_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct feed_op *op = feed_op_new(s, feed, cb, arg);
	cmd_feed_fields(s, feed);
	cmd_end(&op->call);
	call_send(&op->call);
}

/* ---- list ---- */

struct list_op {
	struct call call;
	store_feeds_cb cb;
	void *arg;
	size_t limit, done;
	bool more;
	enum belfry_err err;
	struct name_list list; /* first what all partitions gave, then the page */
	struct store_feed *feeds;
};

static void list_end(struct list_op *op)
{
	struct list_op o = *op;
	call_free(&op->call);
	if (o.err)
		o.cb(o.arg, o.err, NULL, 0, false);
	else
		o.cb(o.arg, BELFRY_OK, o.feeds, o.done, o.more);
	for (size_t i = 0; i < o.done; i++) {
		free((char *)(uintptr_t)o.feeds[i].config);
		free((char *)(uintptr_t)o.feeds[i].presence);
		free((char *)(uintptr_t)o.feeds[i].face);
	}
	name_list_free(&o.list);
	free(o.feeds);
}

static void on_list_feed(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct list_op *op = (struct list_op *)c;
	size_t i = op->list.count - 1 - c->left;
	struct store_feed *f = &op->feeds[op->done];
	if (!err)
		err = feed_parse(reply, op->list.names[i], f);
	if (!err) {
		f->config = xstrdup(f->config);
		f->presence = f->presence ? xstrdup(f->presence) : NULL;
		f->face = f->face ? xstrdup(f->face) : NULL;
		op->done++;
	} else if (err != BELFRY_ENOFEED) { /* deleted since it was listed */
		op->err = err;
	}
	if (!c->left)
		list_end(op);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void on_names(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct list_op *op = (struct list_op *)c;
	struct name_list *l = &op->list;
	if (!err && name_list_add(l, reply) < 0)
		err = reply_broken("a list of feeds");
	if (err)
		op->err = err;
	if (c->left)
		return;
	if (l->count)
		qsort(l->names, l->count, sizeof *l->names, by_name);
	for (; l->count > op->limit; op->more = true)
		free(l->names[--l->count]);
	if (op->err || !l->count) {
		list_end(op);
		return;
	}
	op->feeds = xcalloc(l->count, sizeof *op->feeds);
	call_reset(c, on_list_feed);
	for (size_t i = 0; i < l->count; i++) {
		cmd_feed_fields(c->s, l->names[i]);
		cmd_end(c);
	}
	call_send(c);
}

void redis_feed_list(struct store *st, const char *after, size_t limit, store_feeds_cb cb,
		     void *arg)
{
	struct redis_store *s = redis_of(st);
	struct list_op *op = call_new(s, sizeof *op, on_names);
	op->cb = cb;
	op->arg = arg;
	op->limit = limit > 1000 ? 1000 : limit;
	struct buf from = {0};
	buf_addc(&from, '(');
	buf_adds(&from, after);
	for (uint32_t p = 0; p < s->partitions; p++) {
		cmd_begin(s, "ZRANGEBYLEX");
		cmd_part_key(s, p, "feeds");
		cmd_text(s, after[0] ? from.data : "-");
		cmd_text(s, "+");
		cmd_text(s, "LIMIT");
		cmd_text(s, "0");
		cmd_u64(s, op->limit + 1);
		cmd_end(&op->call);
	}
	buf_free(&from);
	call_send(&op->call);
}

/* ---- delete, sweep ---- */

struct delete_op {
	struct call call;
	store_cb cb;
	void *arg;
	char *feed;
	char born[24];
	uint32_t buckets, next; /* next bucket to remove */
};

static void delete_end(struct delete_op *op, enum belfry_err err)
{
	struct delete_op o = *op;
	call_free(&op->call);
	free(o.feed);
	o.cb(o.arg, err);
}

static void on_gone(struct call *c, enum belfry_err err, const redisReply *reply)
{
	(void)reply;
	delete_end((struct delete_op *)c, err);
}

/* Buckets by the hundred, then the log and its indexes, then the feed. */
static void on_unlinked(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct delete_op *op = (struct delete_op *)c;
	struct redis_store *s = c->s;
	(void)reply;
	if (err) {
		/* STALE: somebody else has brought it to its end. */
		delete_end(op, err == BELFRY_ESTALE ? BELFRY_OK : err);
		return;
	}
	if (op->next == UINT32_MAX) {
		call_reset(c, on_gone);
		script_begin(c, S_FEED_GONE, 2);
		cmd_feed_key(s, "f", op->feed);
		cmd_part_key(s, partition_of(s, op->feed), "deleting");
		cmd_text(s, op->feed);
		cmd_text(s, op->born);
		cmd_end(c);
		call_send(c);
		return;
	}
	static const char *const rest[] = {"l", "i", "d", "c", "a",
					   "p", "x", "s", "t", "r"};
	enum { REST = sizeof rest / sizeof *rest };
	uint32_t left = op->buckets - op->next;
	uint32_t count = left < UNLINK_KEYS ? left : UNLINK_KEYS;
	call_reset(c, on_unlinked);
	script_begin(c, S_UNLINK, 1 + (count ? count : REST));
	cmd_feed_key(s, "f", op->feed);
	for (uint32_t i = 0; i < count; i++)
		cmd_bucket_key(s, op->feed, op->next + i);
	for (size_t i = 0; !count && i < REST; i++)
		cmd_feed_key(s, rest[i], op->feed);
	op->next = count ? op->next + count : UINT32_MAX;
	cmd_text(s, op->born);
	cmd_end(c);
	call_send(c);
}

static void on_marked(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct delete_op *op = (struct delete_op *)c;
	if (err) {
		delete_end(op, err);
		return;
	}
	const char *born = reply_is_array(reply, 3) ? reply_str(reply->element[2]) : NULL;
	if (!born || strlen(born) >= sizeof op->born ||
	    reply_u32(reply->element[1], &op->buckets) < 0) {
		delete_end(op, reply_broken("a deletion"));
		return;
	}
	memcpy(op->born, born, strlen(born) + 1);
	on_unlinked(c, BELFRY_OK, NULL);
}

void redis_feed_delete(struct store *st, const char *feed, store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	uint32_t p = partition_of(s, feed);
	struct delete_op *op = call_new(s, sizeof *op, on_marked);
	op->cb = cb;
	op->arg = arg;
	op->feed = xstrdup(feed);
	script_begin(&op->call, S_FEED_DELETE, 8);
	cmd_feed_key(s, "f", feed);
	cmd_part_key(s, p, "feeds");
	cmd_part_key(s, p, "behind");
	cmd_part_key(s, p, "deleting");
	cmd_part_key(s, p, "epoch");
	cmd_part_key(s, p, "due");
	cmd_part_key(s, p, "dead");
	cmd_part_key(s, p, "at");
	cmd_text(s, feed);
	cmd_end(&op->call);
	call_send(&op->call);
}

struct sweep_op {
	struct call call;
	store_cb cb;
	void *arg;
	size_t under_way; /* deletions, and one for the listing itself */
	enum belfry_err err;
};

static void sweep_step(void *arg, enum belfry_err err)
{
	struct sweep_op *op = arg;
	if (err && err != BELFRY_ENOFEED)
		op->err = err;
	if (--op->under_way)
		return;
	struct sweep_op o = *op;
	call_free(&op->call);
	o.cb(o.arg, o.err);
}

static void on_deleting(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct sweep_op *op = (struct sweep_op *)c;
	struct name_list deleting = {0};
	if (!err && name_list_add(&deleting, reply) < 0)
		err = reply_broken("the deletions");
	if (err)
		op->err = err;
	for (size_t i = 0; i < deleting.count; i++) {
		op->under_way++;
		redis_feed_delete(&c->s->store, deleting.names[i], sweep_step, op);
	}
	name_list_free(&deleting);
	if (!c->left)
		sweep_step(op, BELFRY_OK);
}

void redis_feed_sweep(struct store *st, store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct sweep_op *op = call_new(s, sizeof *op, on_deleting);
	op->cb = cb;
	op->arg = arg;
	op->under_way = 1;
	for (uint32_t p = 0; p < s->partitions; p++) {
		cmd_begin(s, "SMEMBERS");
		cmd_part_key(s, p, "deleting");
		cmd_end(&op->call);
	}
	call_send(&op->call);
}
