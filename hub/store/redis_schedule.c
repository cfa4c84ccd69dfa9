#include "store/redis_internal.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000u
/* Of one call: a script keeps Redis from everything else while it runs. */
#define PAGE_BYTES (4u * 1024 * 1024)
#define RELEASE_EVENTS 64u
#define RELEASE_BYTES (512u * 1024)

/* ---- Scheduling ---- */

void cmd_schedule(struct call *call, const struct store_commit *c)
{
	struct redis_store *s = call->s;
	struct buf rest = {0};

	script_begin(call, S_SCHEDULE, c->idem_key ? 5 : 4);
	cmd_feed_key(s, "f", c->feed);
	cmd_feed_key(s, "s", c->feed);
	cmd_feed_key(s, "t", c->feed);
	cmd_part_key(s, partition_of(s, c->feed), "at");
	if (c->idem_key)
		cmd_idem_key(s, c->feed, c->idem_key);
	cmd_text(s, c->feed);
	cmd_text(s, s->channel);
	cmd_text(s, c->idem_digest ? c->idem_digest : "");
	cmd_u64(s, c->idem_ttl_s ? c->idem_ttl_s : 1);
	cmd_u64(s, c->due_ms);
	cmd_text(s, c->id);
	cmd_text(s, strcmp(c->item, c->id) != 0 ? c->item : "");
	event_head_add(&rest, c);
	cmd_data(s, rest.data, rest.len);
	buf_free(&rest);
	cmd_data(s, c->doc, c->doc_len);
	cmd_u64(s, STORE_SCHEDULED_MAX);
	cmd_end(call);
}

/* ---- Looking ---- */

/* "DUE PRIO AT[ ITEM]", a line feed, the document. KEPT is cut into pieces. */
static int kept_parse(const redisReply *id, const redisReply *kept,
		      struct store_scheduled *out)
{
	*out = (struct store_scheduled){0};
	if (!reply_str(id) || !reply_is_text(kept))
		return -1;
	char *end = memchr(kept->str, '\n', kept->len), *head = kept->str;
	if (!end || memchr(head, '\0', (size_t)(end - head)))
		return -1;
	*end = '\0';
	const char *due = strsep(&head, " ");
	if (!head || parse_u64(due, strlen(due), UINT64_MAX, &out->due_ms) < 0 ||
	    event_head_parse(head, reply_str(id), &out->event) < 0)
		return -1;
	out->event.doc = end + 1;
	out->event.doc_len = kept->len - (size_t)(end + 1 - kept->str);
	return 0;
}

struct list_op {
	struct call call;
	store_scheduled_cb cb;
	void *arg;
};

static struct list_op *list_new(struct redis_store *s, call_cb on_reply,
				store_scheduled_cb cb, void *arg)
{
	struct list_op *op = call_new(s, sizeof *op, on_reply);
	op->cb = cb;
	op->arg = arg;
	return op;
}

static void list_end(struct list_op *op, enum belfry_err err,
		     const struct store_scheduled *list, size_t count, bool more)
{
	store_scheduled_cb cb = op->cb;
	void *arg = op->arg;
	call_free(&op->call);
	cb(arg, err, err ? NULL : list, err ? 0 : count, !err && more);
}

/* OK, are there more, (id, what is kept) an event. */
static void on_list(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct store_scheduled *list = NULL;
	uint64_t more = 0;
	size_t count = 0;
	if (!err &&
	    (!reply_is_array(reply, 3) || reply_u64(reply->element[1], &more) < 0 ||
	     !reply_is_array(reply->element[2], 0)))
		err = reply_broken("what is scheduled");
	if (!err) {
		const redisReply *page = reply->element[2];
		list = xcalloc(page->elements / 2 + 1, sizeof *list);
		for (size_t i = 0; i + 1 < page->elements; i += 2) {
			if (kept_parse(page->element[i], page->element[i + 1],
				       &list[count]) == 0)
				count++;
			else
				reply_broken("a scheduled event");
		}
	}
	list_end((struct list_op *)c, err, list, count, more);
	free(list);
}

void redis_scheduled_list(struct store *st, const char *feed, uint64_t after_ms,
			  const char *after_id, size_t limit, store_scheduled_cb cb,
			  void *arg)
{
	struct redis_store *s = redis_of(st);
	struct list_op *op = list_new(s, on_list, cb, arg);
	script_begin(&op->call, S_SCHEDULE_LIST, 3);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "s", feed);
	cmd_feed_key(s, "t", feed);
	cmd_u64(s, after_ms);
	cmd_text(s, after_id);
	cmd_u64(s, limit < 1 ? 1 : limit > PAGE_MAX ? PAGE_MAX : limit);
	cmd_u64(s, PAGE_BYTES);
	cmd_end(&op->call);
	call_send(&op->call);
}

/* OK, the id, what is kept. */
static void on_one(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct store_scheduled one = {0};
	if (!err && (!reply_is_array(reply, 3) ||
		     kept_parse(reply->element[1], reply->element[2], &one) < 0))
		err = reply_broken("a scheduled event");
	list_end((struct list_op *)c, err, &one, 1, false);
}

void redis_scheduled_get(struct store *st, const char *feed, const char *id,
			 store_scheduled_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct list_op *op = list_new(s, on_one, cb, arg);
	script_begin(&op->call, S_SCHEDULE_GET, 2);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "s", feed);
	cmd_text(s, id);
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_scheduled_cancel(struct store *st, const char *feed, const char *id,
			    const char *item, store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	script_begin(&op->call, S_SCHEDULE_CANCEL, 4);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "s", feed);
	cmd_feed_key(s, "t", feed);
	cmd_part_key(s, partition_of(s, feed), "at");
	cmd_text(s, feed);
	cmd_text(s, id ? id : "");
	cmd_text(s, id ? "" : item);
	cmd_end(&op->call);
	call_send(&op->call);
}

/* ---- Releasing ---- */

struct release_op {
	struct call call;
	store_release_cb cb;
	void *arg;
};

static void on_release(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct release_op op = *(struct release_op *)c;
	uint64_t released = 0, lost = 0;
	if (!err &&
	    (!reply_is_array(reply, 3) || reply_u64(reply->element[1], &released) < 0 ||
	     reply_u64(reply->element[2], &lost) < 0))
		err = reply_broken("a release");
	call_free(c);
	op.cb(op.arg, err, released, lost);
}

void redis_release(struct store *st, const char *feed, store_release_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	uint32_t p = partition_of(s, feed);
	struct release_op *op = call_new(s, sizeof *op, on_release);
	op->cb = cb;
	op->arg = arg;
	script_begin(&op->call, S_SCHEDULE_RELEASE, 10);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "l", feed);
	cmd_feed_key(s, "i", feed);
	cmd_feed_key(s, "d", feed);
	cmd_part_key(s, p, "behind");
	cmd_part_key(s, p, "epoch");
	cmd_feed_key(s, "s", feed);
	cmd_feed_key(s, "t", feed);
	cmd_part_key(s, p, "at");
	cmd_feed_key(s, "r", feed);
	cmd_text(s, s->run_id);
	cmd_text(s, feed);
	cmd_text(s, s->channel);
	cmd_u64(s, RELEASE_EVENTS);
	cmd_u64(s, RELEASE_BYTES);
	cmd_end(&op->call);
	call_send(&op->call);
}
