#include "sync_pending.h"

#include "sync_box.h"

#include <stdio.h>
#include <stdlib.h>

enum belfry_err sync_pending_put(struct store *s, const char *feed,
				 const struct store_pending *p, enum pending_state expect,
				 enum notice_kind notice)
{
	struct box b = {0};
	s->ops->pending_put(s, feed, p, expect, notice, box_plain, &b);
	return box_wait(&b, "pending_put");
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	if (!row != (err != BELFRY_OK) || (err && created)) {
		fprintf(stderr, "a row with an error, or none without\n");
		abort();
	}
	box_end(arg, err);
}

enum belfry_err sync_admit(struct store *s, const char *feed, const char *jid,
			   const struct sub_change *change,
			   const struct store_pending *seen, enum notice_kind notice)
{
	struct box b = {0};
	s->ops->admit(s, feed, jid, change, seen, notice, on_row, &b);
	return box_wait(&b, "admit");
}

static void on_pending(void *arg, enum belfry_err err,
		       const struct store_pending *pending)
{
	static char jid[80];
	struct box *b = arg;
	if (!pending != (err != BELFRY_OK)) {
		fprintf(stderr, "one that is pending with an error, or none without\n");
		abort();
	}
	if (pending) {
		struct store_pending *out = b->a;
		*out = *pending;
		snprintf(jid, sizeof jid, "%s", pending->jid);
		out->jid = jid;
	}
	box_end(b, err);
}

enum belfry_err sync_pending_get(struct store *s, const char *feed, const char *jid,
				 struct store_pending *out)
{
	struct box b = {.a = out};
	s->ops->pending_get(s, feed, jid, on_pending, &b);
	return box_wait(&b, "pending_get");
}

static void on_pendings(void *arg, enum belfry_err err, const struct store_pending *list,
			size_t count, uint64_t next)
{
	struct box *b = arg;
	struct sync_pendings *out = b->a;
	out->count = count < SYNC_PENDINGS ? count : SYNC_PENDINGS;
	out->next = next;
	for (size_t i = 0; i < out->count; i++) {
		snprintf(out->p[i].jid, sizeof out->p[i].jid, "%s", list[i].jid);
		out->p[i].state = list[i].state;
	}
	box_end(b, err);
}

enum belfry_err sync_pending_list(struct store *s, const char *feed, uint64_t cursor,
				  size_t limit, struct sync_pendings *out)
{
	struct box b = {.a = out};
	s->ops->pending_list(s, feed, cursor, limit, on_pendings, &b);
	return box_wait(&b, "pending_list");
}

enum belfry_err sync_notice_put(struct store *s, const char *feed, const char *jid,
				enum notice_kind kind)
{
	struct box b = {0};
	const struct store_notice n = {.feed = feed, .jid = jid, .kind = kind};
	s->ops->notice_put(s, &n, box_plain, &b);
	return box_wait(&b, "notice_put");
}

enum belfry_err sync_notice_put_as(struct store *s, const struct store_notice *n)
{
	struct box b = {0};
	s->ops->notice_put(s, n, box_plain, &b);
	return box_wait(&b, "notice_put");
}

static void on_notices(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	struct box *b = arg;
	struct sync_notices *out = b->a;
	out->count = count < SYNC_NOTICES ? count : SYNC_NOTICES;
	for (size_t i = 0; i < out->count; i++) {
		snprintf(out->n[i].id, sizeof out->n[i].id, "%s", list[i].id);
		snprintf(out->n[i].feed, sizeof out->n[i].feed, "%s", list[i].feed);
		snprintf(out->n[i].jid, sizeof out->n[i].jid, "%s", list[i].jid);
		out->n[i].kind = list[i].kind;
		out->n[i].format = list[i].format;
		out->n[i].contact = list[i].contact;
	}
	box_end(b, err);
}

enum belfry_err sync_notices(struct store *s, size_t limit, struct sync_notices *out)
{
	struct box b = {.a = out};
	s->ops->notices(s, limit, on_notices, &b);
	return box_wait(&b, "notices");
}

enum belfry_err sync_notice_done(struct store *s, const char *id)
{
	struct box b = {0};
	s->ops->notice_done(s, id, box_plain, &b);
	return box_wait(&b, "notice_done");
}
