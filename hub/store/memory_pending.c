#include "store/memory_internal.h"

#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Who is not let in yet ---- */

static void pending_free(struct mem_pending *p)
{
	free(p->person);
	free(p->jid);
	free(p);
}

void mem_pendings_free(struct mem_feed *f)
{
	while (f->pendings) {
		struct mem_pending *p = f->pendings;
		f->pendings = p->next;
		pending_free(p);
	}
}

/* Where that of JID's person is, or where it would be put. */
static struct mem_pending **pending_at(struct mem_feed *f, const char *jid)
{
	struct mem_pending **at = &f->pendings;
	char *person = jid_bare(jid);
	while (*at && strcmp((*at)->person, person) != 0)
		at = &(*at)->next;
	free(person);
	return at;
}

struct mem_notice *mem_notice_add(struct memory *m, const char *feed, const char *jid,
				  enum notice_kind kind)
{
	struct mem_notice **at = &m->notices, *n = xcalloc(1, sizeof *n);
	char id[24];
	snprintf(id, sizeof id, "%" PRIu64, ++m->notice_serial);
	*n = (struct mem_notice){.id = xstrdup(id),
				 .feed = xstrdup(feed),
				 .jid = xstrdup(jid),
				 .kind = kind};
	while (*at)
		at = &(*at)->next;
	*at = n;
	m->notice_count++;
	return n;
}

static void pending_remove(struct mem_feed *f, struct mem_pending **at)
{
	struct mem_pending *p = *at;
	if (!p)
		return;
	*at = p->next;
	f->pending_count--;
	pending_free(p);
}

static void pending_set(struct mem_feed *f, struct mem_pending **at,
			const struct mem_op *op)
{
	struct mem_pending *p = *at;
	if (op->pending.state == PENDING_NONE) {
		pending_remove(f, at);
		return;
	}
	if (!p) {
		p = *at = xcalloc(1, sizeof *p);
		p->person = jid_bare(op->text);
		p->serial = ++f->pending_serial;
		f->pending_count++;
	}
	free(p->jid);
	p->jid = xstrdup(op->text);
	p->p = op->pending;
	p->p.jid = p->jid;
}

/* Is it as it was seen? The JID of that is op->text2; NULL: whichever. */
static bool is_as_seen(const struct mem_pending *p, const struct mem_op *op)
{
	return (p ? p->p.state : PENDING_NONE) == op->expect &&
	       (!p || !op->text2 || strcmp(p->jid, op->text2) == 0);
}

/* What is over cannot be looked up any more. */
static void notice_of(struct mem_notice *n, const struct mem_op *op)
{
	if (op->pending.state == PENDING_NONE) {
		n->format = op->pending.format;
		n->contact = op->pending.options.contact;
	}
}

static void run_pending_put(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	bool adds = !op->expect && op->pending.state;
	size_t most = op->pending.state == PENDING_OWNERS ? STORE_REQUESTS_MAX
							  : STORE_PENDING_MAX;
	size_t notices = op->pending.state ? STORE_NOTICES_MAX : STORE_EXPELLED_MAX;
	char words[SUB_OPTIONS_SIZE];
	if (!err && (!op->text[0] || sub_options_text(&op->pending.options, words) < 0))
		err = BELFRY_EINVAL;
	if (!err && op->pending.state && (adds || op->notice) && m->full)
		err = BELFRY_EFULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	struct mem_pending **at = err ? NULL : pending_at(f, op->text);
	if (!err && !is_as_seen(*at, op))
		err = BELFRY_ESTALE;
	if (!err && ((adds && f->pending_count >= most) ||
		     (op->notice && m->notice_count >= notices)))
		err = BELFRY_EFULL;
	if (!err) {
		pending_set(f, at, op);
		if (op->notice)
			notice_of(mem_notice_add(m, op->feed, op->text, op->notice), op);
	}
	op->cb.plain(op->arg, err);
	if (!err && op->notice)
		mem_tell_listeners(m, WAKE_NOTICE, op->feed);
}

void memory_pending_put(struct store *st, const char *feed, const struct store_pending *p,
			enum pending_state expect, enum notice_kind notice, store_cb cb,
			void *arg)
{
	struct mem_op *op = mem_op_new(st, run_pending_put, feed, arg);
	op->cb.plain = cb;
	op->text = xstrdup(p->jid);
	op->text2 = p->seen_jid ? xstrdup(p->seen_jid) : NULL;
	op->pending = *p;
	op->pending.jid = NULL;
	op->expect = expect;
	op->notice = notice;
	mem_op_put(op);
}

static void run_admit(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_feed *f = mem_feed_find(m, op->feed);
	struct mem_joined joined = {0};
	char words[SUB_OPTIONS_SIZE];
	if (!err && (!op->text[0] || sub_options_text(&op->change.options, words) < 0))
		err = BELFRY_EINVAL;
	if (!err && op->notice && m->full)
		err = BELFRY_EFULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err && (!is_as_seen(*pending_at(f, op->text), op) ||
		     mem_cast_out_since(f, &op->change)))
		err = BELFRY_ESTALE;
	if (!err && op->notice && m->notice_count >= STORE_NOTICES_MAX)
		err = BELFRY_EFULL;
	if (!err)
		joined = mem_row_join(m, f, op->text, &op->change);
	if (!err && !joined.row)
		err = BELFRY_ENOENT;
	if (err) {
		op->cb.row(op->arg, err, NULL, false);
		return;
	}
	pending_remove(f, pending_at(f, op->text));
	if (op->notice)
		mem_notice_add(m, op->feed, op->text, op->notice);
	struct store_row out;
	mem_row_view(joined.row, &out);
	op->cb.row(op->arg, BELFRY_OK, &out, joined.created);
	if (joined.due)
		mem_tell_listeners(m, WAKE_DUE, op->feed);
	if (op->notice)
		mem_tell_listeners(m, WAKE_NOTICE, op->feed);
}

void memory_admit(struct store *st, const char *feed, const char *jid,
		  const struct sub_change *change, const struct store_pending *seen,
		  enum notice_kind notice, store_row_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_admit, feed, arg);
	op->cb.row = cb;
	op->text = xstrdup(jid);
	op->text2 = xstrdup(seen ? seen->jid : "");
	op->change = *change;
	op->expect = seen ? seen->state : PENDING_NONE;
	op->notice = notice;
	mem_op_put(op);
}

static void run_pending_get(struct mem_op *op, enum belfry_err err)
{
	struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	struct mem_pending *p = NULL;
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (!err)
		p = *pending_at(f, op->text);
	if (!err && !p)
		err = BELFRY_ENOENT;
	op->cb.pending(op->arg, err, p ? &p->p : NULL);
}

void memory_pending_get(struct store *st, const char *feed, const char *jid,
			store_pending_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_pending_get, feed, arg);
	op->cb.pending = cb;
	op->text = xstrdup(jid);
	mem_op_put(op);
}

/* The cursor is the serial of the last one of the page before. */
static void run_pending_list(struct mem_op *op, enum belfry_err err)
{
	const struct mem_feed *f = mem_feed_find(op->s->m, op->feed);
	if (!err && !f)
		err = BELFRY_ENOFEED;
	if (err) {
		op->cb.pendings(op->arg, err, NULL, 0, 0);
		return;
	}
	struct store_pending *list = xcalloc(f->pending_count + 1, sizeof *list);
	const struct mem_pending *p = f->pendings;
	size_t count = 0;
	uint64_t next = 0;
	while (p && p->serial <= op->a)
		p = p->next;
	for (; p && count < op->b; p = p->next) {
		list[count++] = p->p;
		next = p->next ? p->serial : 0;
	}
	op->cb.pendings(op->arg, BELFRY_OK, list, count, next);
	free(list);
}

void memory_pending_list(struct store *st, const char *feed, uint64_t cursor,
			 size_t limit, store_pendings_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_pending_list, feed, arg);
	op->cb.pendings = cb;
	op->a = cursor;
	op->b = limit ? limit : 1;
	mem_op_put(op);
}

/* ---- Notices ---- */

static void notice_free(struct mem_notice *n)
{
	free(n->id);
	free(n->feed);
	free(n->jid);
	free(n);
}

void mem_notices_free(struct memory *m)
{
	while (m->notices) {
		struct mem_notice *n = m->notices;
		m->notices = n->next;
		notice_free(n);
	}
}

static void notice_remove(struct memory *m, struct mem_notice **at)
{
	struct mem_notice *n = *at;
	*at = n->next;
	m->notice_count--;
	notice_free(n);
}

void mem_sweep_forget(struct memory *m, const char *feed)
{
	struct mem_notice **at = &m->notices;
	while (*at && ((*at)->kind != NOTICE_SWEEP || strcmp((*at)->feed, feed) != 0))
		at = &(*at)->next;
	if (*at)
		notice_remove(m, at);
}

static void run_notice_put(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	if (!err && !op->text[0])
		err = BELFRY_EINVAL;
	if (!err && m->full)
		err = BELFRY_EFULL;
	if (!err && !mem_feed_find(m, op->feed))
		err = BELFRY_ENOFEED;
	if (!err && m->notice_count >= STORE_NOTICES_MAX)
		err = BELFRY_EFULL;
	if (!err) {
		struct mem_notice *n = mem_notice_add(m, op->feed, op->text, op->notice);
		n->format = op->pending.format;
		n->contact = op->pending.options.contact;
	}
	op->cb.plain(op->arg, err);
	if (!err)
		mem_tell_listeners(m, WAKE_NOTICE, op->feed);
}

void memory_notice_put(struct store *st, const struct store_notice *n, store_cb cb,
		       void *arg)
{
	struct mem_op *op = mem_op_new(st, run_notice_put, n->feed, arg);
	op->cb.plain = cb;
	op->text = xstrdup(n->jid);
	op->notice = n->kind;
	op->pending.format = n->format;
	op->pending.options.contact = n->contact;
	mem_op_put(op);
}

static void run_notices(struct mem_op *op, enum belfry_err err)
{
	const struct memory *m = op->s->m;
	if (err) {
		op->cb.notices(op->arg, err, NULL, 0);
		return;
	}
	struct store_notice *list = xcalloc(m->notice_count + 1, sizeof *list);
	size_t count = 0;
	for (const struct mem_notice *n = m->notices; n && count < op->a; n = n->next)
		list[count++] = (struct store_notice){n->id,   n->feed,	  n->jid,
						      n->kind, n->format, n->contact};
	op->cb.notices(op->arg, BELFRY_OK, list, count);
	free(list);
}

void memory_notices(struct store *st, size_t limit, store_notices_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_notices, "", arg);
	op->cb.notices = cb;
	op->a = limit;
	mem_op_put(op);
}

static void run_notice_done(struct mem_op *op, enum belfry_err err)
{
	struct memory *m = op->s->m;
	struct mem_notice **at = &m->notices;
	while (*at && strcmp((*at)->id, op->text) != 0)
		at = &(*at)->next;
	if (!err && *at)
		notice_remove(m, at);
	op->cb.plain(op->arg, err);
}

void memory_notice_done(struct store *st, const char *id, store_cb cb, void *arg)
{
	struct mem_op *op = mem_op_new(st, run_notice_done, "", arg);
	op->cb.plain = cb;
	op->text = xstrdup(id);
	mem_op_put(op);
}
