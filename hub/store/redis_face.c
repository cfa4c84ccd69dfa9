#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <string.h>

/* ---- What a feed shows of itself: fields of the feed, and the image ---- */

static void note_begin(struct redis_store *s, struct call *c, const char *feed,
		       bool image)
{
	script_begin(c, S_FEED_NOTE, image ? 2 : 1);
	cmd_feed_key(s, "f", feed);
	if (image)
		cmd_feed_key(s, "a", feed);
	cmd_text(s, feed);
	cmd_text(s, s->channel);
}

void redis_presence_put(struct store *st, const char *feed, const char *json, store_cb cb,
			void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	note_begin(s, &op->call, feed, false);
	cmd_text(s, "presence");
	if (json)
		cmd_text(s, json);
	cmd_end(&op->call);
	call_send(&op->call);
}

static void face_remove(struct redis_store *s, const char *feed, store_cb cb, void *arg)
{
	struct plain_op *op = plain_new(s, cb, arg);
	note_begin(s, &op->call, feed, true);
	cmd_text(s, "face");
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_face_put(struct store *st, const char *feed, const struct store_face *face,
		    store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	if (!face) {
		face_remove(s, feed, cb, arg);
		return;
	}
	struct plain_op *op = plain_new(s, cb, arg);
	script_begin(&op->call, S_FACE_PUT, 2);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "a", feed);
	cmd_text(s, feed);
	cmd_text(s, s->channel);
	cmd_text(s, face->sha1);
	cmd_text(s, face->type);
	cmd_u64(s, face->width);
	cmd_u64(s, face->height);
	cmd_data(s, face->data, face->len);
	cmd_end(&op->call);
	call_send(&op->call);
}

struct face_op {
	struct call call;
	store_face_cb cb;
	void *arg;
};

/* ANSWER: the status, and the fields of the image. */
static enum belfry_err face_parse(const redisReply *answer, struct store_face *out)
{
	if (!reply_is_array(answer, 2) || !reply_is_array(answer->element[1], 5))
		return reply_broken("an avatar");
	redisReply *const *e = answer->element[1]->element;
	uint32_t width, height;
	*out = (struct store_face){.sha1 = reply_str(e[0]), .type = reply_str(e[1])};
	if (!out->sha1 || !out->type || reply_u32(e[2], &width) < 0 ||
	    reply_u32(e[3], &height) < 0 || !reply_is_text(e[4]))
		return reply_broken("an avatar's fields");
	out->width = width;
	out->height = height;
	out->data = e[4]->str;
	out->len = e[4]->len;
	return BELFRY_OK;
}

static void on_face(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct face_op op = *(struct face_op *)c;
	struct store_face face;
	call_free(c);
	if (!err)
		err = face_parse(reply, &face);
	op.cb(op.arg, err, err ? NULL : &face);
}

void redis_face_get(struct store *st, const char *feed, store_face_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct face_op *op = call_new(s, sizeof *op, on_face);
	op->cb = cb;
	op->arg = arg;
	script_begin(&op->call, S_FACE_GET, 2);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "a", feed);
	cmd_end(&op->call);
	call_send(&op->call);
}
