#include "store/memory_internal.h"

#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

struct mem_row *mem_row_find(struct mem_feed *f, const char *jid)
{
	uint32_t hash = row_hash(f->salt, jid, strlen(jid));
	for (size_t i = 0; i < f->row_count; i++)
		if (f->rows[i].hash == hash && strcmp(f->rows[i].jid, jid) == 0)
			return &f->rows[i];
	return NULL;
}

void mem_row_remove(struct mem_feed *f, struct mem_row *row)
{
	free(row->jid);
	free(row->options);
	free(row->hold);
	*row = f->rows[--f->row_count];
}

void mem_row_view(const struct mem_row *row, struct store_row *out)
{
	*out = (struct store_row){row->jid, strlen(row->jid), row->sub};
}

int mem_split(struct mem_feed *f, uint32_t buckets)
{
	if (f->buckets != buckets || buckets == 0)
		return -1;
	f->cursors = xreallocarray(f->cursors, (size_t)buckets + 1, sizeof *f->cursors);
	f->cursors[buckets] = f->cursors[bucket_parent(buckets)];
	f->buckets++;
	return 0;
}

static void first_bucket(struct mem_feed *f)
{
	f->cursors = xreallocarray(f->cursors, 1, sizeof *f->cursors);
	f->cursors[0] = mem_head(f);
	f->buckets = 1;
}

bool mem_watched(const struct mem_feed *f)
{
	for (size_t i = 0; i < f->row_count; i++)
		if (sub_minds_presence(&f->rows[i].sub))
			return true;
	return false;
}

void mem_row_options(struct mem_row *row, const struct sub_options *o)
{
	char words[SUB_OPTIONS_SIZE];
	sub_options_text(o, words);
	free(row->options);
	row->options = xstrdup(words);
	row->sub.options_len = strlen(words);
	row->sub.options = words[0] ? row->options : NULL;
}

static void row_change(struct mem_row *row, const struct sub_change *change)
{
	struct sub_options options;
	if (change->set & SUB_SET_FORMAT)
		row->sub.format = change->format;
	sub_options_read(&row->sub, &options);
	sub_change_apply(change, &options);
	mem_row_options(row, &options);
}

bool mem_cast_out_since(const struct mem_feed *f, const struct sub_change *change)
{
	return change->casts && change->casts != f->casts;
}

static struct mem_row *row_add(struct mem_feed *f, const char *jid,
			       enum sub_format format)
{
	if (!f->buckets)
		first_bucket(f);
	f->rows = mem_grown(f->rows, f->row_count, sizeof *f->rows);
	struct mem_row *row = &f->rows[f->row_count++];
	*row = (struct mem_row){xstrdup(jid),
				row_hash(f->salt, jid, strlen(jid)),
				{.since = mem_head(f), .format = format},
				NULL,
				NULL,
				0};
	if (f->row_count > (size_t)f->buckets * BUCKET_ROWS)
		mem_split(f, f->buckets);
	return row;
}

struct mem_joined mem_row_join(struct memory *m, struct mem_feed *f, const char *jid,
			       const struct sub_change *change)
{
	struct mem_joined j = {.row = mem_row_find(f, jid)};
	j.created = !j.row && !change->only_existing;
	if (j.created)
		j.row = row_add(f, jid, change->format);
	if (j.row) {
		j.due = mem_row_redrive(m, f, j.row, false);
		row_change(j.row, change);
	}
	return j;
}

static void run_join(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	char words[SUB_OPTIONS_SIZE];
	struct mem_joined joined = {0};
	if (!err && (!op->text[0] || sub_options_text(&op->change.options, words) < 0))
		err = BELFRY_EINVAL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err && mem_cast_out_since(f, &op->change))
		err = BELFRY_ESTALE;
	if (!err)
		joined = mem_row_join(op->s->m, f, op->text, &op->change);
	if (!err && !joined.row)
		err = BELFRY_ENOENT;
	if (err) {
		op->cb.row(op->arg, err, NULL, false);
		return;
	}
	struct store_row out;
	mem_row_view(joined.row, &out);
	op->cb.row(op->arg, BELFRY_OK, &out, joined.created);
	if (joined.due)
		mem_tell_listeners(op->s->m, WAKE_DUE, op->feed);
}

void memory_join(struct store *st, const char *feed, const char *jid,
		 const struct sub_change *change, store_row_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_join, feed, arg);
	op->cb.row = cb;
	op->text = xstrdup(jid);
	op->change = *change;
	mem_op_put(op);
}

static enum belfry_err row_of(struct mem_op *op, enum belfry_err err,
			      struct mem_feed **feed, struct mem_row **row)
{
	*feed = mem_feed_find(op->s->m, op->feed);
	*row = NULL;
	if (err)
		return err;
	if (!op->text[0])
		return BELFRY_EINVAL;
	if (!*feed)
		return BELFRY_ENOFEED;
	*row = mem_row_find(*feed, op->text);
	return *row ? BELFRY_OK : BELFRY_ENOENT;
}

static void run_leave(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f;
	struct mem_row *row;
	err = row_of(op, err, &f, &row);
	if (err) {
		op->cb.row(op->arg, err, NULL, false);
		return;
	}
	struct store_row out;
	mem_row_view(row, &out);
	struct mem_row gone = *row;
	*row = f->rows[--f->row_count];
	op->cb.row(op->arg, BELFRY_OK, &out, false);
	free(gone.jid);
	free(gone.options);
	free(gone.hold);
}

void memory_leave(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		  void *arg)
{
	struct mem_op *op = mem_op_new(st, run_leave, feed, arg);
	op->cb.row = cb;
	op->text = xstrdup(jid);
	mem_op_put(op);
}

static void run_expel(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f;
	struct mem_row *row;
	err = row_of(op, err, &f, &row);
	if (!err && m->notice_count >= STORE_EXPELLED_MAX)
		err = BELFRY_EFULL;
	if (!err) {
		struct sub_options options;
		struct mem_notice *n =
			mem_notice_add(m, op->feed, op->text, NOTICE_WITHDRAWN);
		sub_options_read(&row->sub, &options);
		n->format = row->sub.format;
		n->contact = options.contact;
	}
	run_leave(op, err);
	if (!err)
		mem_tell_listeners(m, WAKE_NOTICE, op->feed);
}

void memory_expel(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		  void *arg)
{
	struct mem_op *op = mem_op_new(st, run_expel, feed, arg);
	op->cb.row = cb;
	op->text = xstrdup(jid);
	mem_op_put(op);
}

static void run_sub_get(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f;
	struct mem_row *row;
	err = row_of(op, err, &f, &row);
	if (err) {
		op->cb.row(op->arg, err, NULL, false);
		return;
	}
	struct store_row out;
	mem_row_view(row, &out);
	op->cb.row(op->arg, BELFRY_OK, &out, false);
}

void memory_sub_get(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		    void *arg)
{
	struct mem_op *op = mem_op_new(st, run_sub_get, feed, arg);
	op->cb.row = cb;
	op->text = xstrdup(jid);
	mem_op_put(op);
}

static void run_split(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err && mem_split(f, op->u) < 0)
		err = BELFRY_ESTALE;
	op->cb.plain(op->arg, err);
}

void memory_split(struct store *st, const char *feed, uint32_t buckets, store_cb cb,
		  void *arg)
{
	struct mem_op *op = mem_op_new(st, run_split, feed, arg);
	op->cb.plain = cb;
	op->u = buckets;
	mem_op_put(op);
}

/* ---- Reading runs ---- */

/* What a row takes of the text. */
static size_t text_len(size_t jid_len, const struct sub *sub)
{
	return jid_len + 1 + sub->hold_len + sub->options_len;
}

static void run_rows(struct store_run *run, const struct mem_feed *f, uint32_t bucket)
{
	struct store_bucket *b = &run->buckets[run->bucket_count++];
	*b = (struct store_bucket){bucket, f->cursors[bucket], run->row_count, 0};
	char *text = run->text;
	for (size_t i = 0; i < run->row_count; i++)
		text += text_len(run->rows[i].jid_len, &run->rows[i].sub);
	for (size_t i = 0; i < f->row_count; i++) {
		const struct mem_row *r = &f->rows[i];
		if (bucket_of(r->hash, f->buckets) != bucket)
			continue;
		size_t len = strlen(r->jid);
		memcpy(text, r->jid, len + 1);
		struct store_row *row = &run->rows[run->row_count++];
		*row = (struct store_row){text, len, r->sub};
		text += len + 1;
		if (row->sub.hold)
			row->sub.hold = memcpy(text, r->hold, row->sub.hold_len);
		text += row->sub.hold_len;
		if (row->sub.options)
			row->sub.options = memcpy(text, r->options, row->sub.options_len);
		text += row->sub.options_len;
		b->count++;
	}
}

static struct store_run *run_make(const struct memory *m, const struct mem_feed *f,
				  uint32_t first, uint64_t count)
{
	struct store_run *run = xcalloc(1, sizeof *run);
	size_t text = 1;
	for (size_t i = 0; i < f->row_count; i++)
		text += text_len(strlen(f->rows[i].jid), &f->rows[i].sub);
	run->now_ms = mem_now_ms(m);
	run->trimmed = f->trimmed;
	run->feed_buckets = f->buckets;
	run->head = mem_head(f);
	run->buckets = xcalloc((size_t)f->buckets + 1, sizeof *run->buckets);
	run->rows = xcalloc(f->row_count + 1, sizeof *run->rows);
	run->text = xmalloc(text);
	for (uint64_t k = first; k < first + count && k < f->buckets; k++)
		run_rows(run, f, (uint32_t)k);
	return run;
}

static void run_read(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !f)
		err = BELFRY_ENOFEED;
	op->cb.run(op->arg, err, err ? NULL : run_make(op->s->m, f, op->u, op->a));
}

void memory_read(struct store *st, const char *feed, uint32_t first, uint32_t count,
		 store_run_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_read, feed, arg);
	op->cb.run = cb;
	op->u = first;
	op->a = count;
	mem_op_put(op);
}

static void run_sub_list(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (err) {
		op->cb.rows(op->arg, err, NULL, 0, 0);
		return;
	}
	struct store_run *run = run_make(op->s->m, f, op->u, op->a);
	uint64_t next = op->u + op->a;
	op->cb.rows(op->arg, BELFRY_OK, run->rows, run->row_count,
		    next < f->buckets ? (uint32_t)next : 0);
	store_run_free(run);
}

void memory_sub_list(struct store *st, const char *feed, uint32_t cursor, size_t limit,
		     store_rows_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_sub_list, feed, arg);
	op->cb.rows = cb;
	op->u = cursor;
	op->a = limit / BUCKET_ROWS;
	if (op->a < 1)
		op->a = 1;
	mem_op_put(op);
}

static void run_behind(struct mem_op *op, enum belfry_err err)
{
	size_t count = 0;
	for (const struct mem_feed *f = op->s->m->feeds; f; f = f->next)
		count += f->behind;
	const char **names = xcalloc(count + 1, sizeof *names);
	count = 0;
	for (const struct mem_feed *f = op->s->m->feeds; f; f = f->next)
		if (f->behind)
			names[count++] = f->name;
	op->cb.names(op->arg, err, names, err ? 0 : count);
	free(names);
}

void memory_behind(struct store *st, store_names_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_behind, "", arg);
	op->cb.names = cb;
	mem_op_put(op);
}
