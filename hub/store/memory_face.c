#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

void mem_face_free(struct mem_face *f)
{
	if (!f)
		return;
	free(f->type);
	free(f->sha1);
	free(f->data);
	free(f);
}

static struct mem_face *face_copy(const struct store_face *face)
{
	struct mem_face *f = xcalloc(1, sizeof *f);
	f->type = xstrdup(face->type);
	f->sha1 = xstrdup(face->sha1);
	f->data = xmemdup0(face->data, face->len);
	f->f = *face;
	f->f.type = f->type;
	f->f.sha1 = f->sha1;
	f->f.data = f->data;
	return f;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void run_presence_put(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	bool changed = false;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err) {
		changed = !same(f->presence, op->text);
		free(f->presence);
		f->presence = op->text;
		op->text = NULL;
	}
	op->cb.plain(op->arg, err);
	if (changed)
		mem_tell_listeners(op->s->m, WAKE_LOOK, op->feed);
}

void memory_presence_put(struct store *st, const char *feed, const char *json,
			 store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_presence_put, feed, arg);
	op->cb.plain = cb;
	op->text = json ? xstrdup(json) : NULL;
	mem_op_put(op);
}

static void run_face_put(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	bool changed = false;
	if (!err && op->face && op->s->m->full)
		err = BELFRY_EFULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err) {
		changed = !same(f->face ? f->face->sha1 : NULL,
				op->face ? op->face->sha1 : NULL);
		mem_face_free(f->face);
		f->face = op->face;
		op->face = NULL;
	}
	op->cb.plain(op->arg, err);
	if (changed)
		mem_tell_listeners(op->s->m, WAKE_LOOK, op->feed);
}

void memory_face_put(struct store *st, const char *feed, const struct store_face *face,
		     store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_face_put, feed, arg);
	op->cb.plain = cb;
	op->face = face ? face_copy(face) : NULL;
	mem_op_put(op);
}

static void run_face_get(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err && !f->face)
		err = BELFRY_ENOENT;
	op->cb.face(op->arg, err, err ? NULL : &f->face->f);
}

void memory_face_get(struct store *st, const char *feed, store_face_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_face_get, feed, arg);
	op->cb.face = cb;
	mem_op_put(op);
}
