#include "sync_hold.h"

#include "sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct box {
	bool done;
	enum belfry_err err;
	void *out;
	size_t size;
};

static void box_end(struct box *b, enum belfry_err err)
{
	if (b->done) {
		fprintf(stderr, "a callback came twice\n");
		abort();
	}
	b->done = true;
	b->err = err;
}

#define WAIT(box, what) (sync_until(&(box).done, what), (box).err)

static void on_plain(void *arg, enum belfry_err err)
{
	box_end(arg, err);
}

enum belfry_err sync_late_bounce(struct store *s, const struct store_owner *o,
				 const char *feed, const struct store_done_row *row)
{
	struct box b = {0};
	s->ops->late_bounce(s, o, feed, row, on_plain, &b);
	return WAIT(b, "late_bounce");
}

static void on_dues(void *arg, enum belfry_err err, const struct store_due *list,
		    size_t count, uint64_t wait_ms)
{
	struct box *b = arg;
	struct sync_dues *out = b->out;
	out->count = count < SYNC_DUES ? count : SYNC_DUES;
	out->wait_ms = wait_ms;
	for (size_t i = 0; i < out->count; i++) {
		snprintf(out->d[i].feed, sizeof out->d[i].feed, "%s", list[i].feed);
		out->d[i].bucket = list[i].bucket;
	}
	box_end(b, err);
}

enum belfry_err sync_due(struct store *s, size_t limit, struct sync_dues *out)
{
	struct box b = {.out = out};
	s->ops->due(s, limit, on_dues, &b);
	return WAIT(b, "due");
}

enum belfry_err sync_due_within(struct store *s, uint64_t within_ms, size_t limit,
				struct sync_dues *out)
{
	struct box b = {.out = out};
	s->ops->due_within(s, within_ms, limit, on_dues, &b);
	return WAIT(b, "due_within");
}

static void on_received(void *arg, enum belfry_err err, bool due)
{
	struct box *b = arg;
	*(bool *)b->out = due;
	box_end(b, err);
}

enum belfry_err sync_received(struct store *s, const struct store_owner *o,
			      const char *feed, const char *jid,
			      const struct store_receipts *r, bool *due)
{
	struct box b = {.out = due};
	s->ops->received(s, o, feed, jid, r, on_received, &b);
	return WAIT(b, "received");
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct box *b = arg;
	(void)created;
	if (!row != (err != BELFRY_OK)) {
		fprintf(stderr, "a row with an error, or none without\n");
		abort();
	}
	if (row && b->out)
		sub_hold_read(&row->sub, b->out);
	box_end(b, err);
}

enum belfry_err sync_hold_order(struct store *s, const char *feed, const char *jid,
				enum hold_order order, struct sub_hold *out)
{
	struct box b = {.out = out};
	s->ops->hold_order(s, feed, jid, order, on_row, &b);
	return WAIT(b, "hold_order");
}

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct box *b = arg;
	struct sync_dead *out = b->out;
	out->count = count < SYNC_DEAD ? count : SYNC_DEAD;
	out->next = next;
	for (size_t i = 0; i < out->count; i++) {
		snprintf(out->r[i].jid, sizeof out->r[i].jid, "%s", rows[i].jid);
		sub_hold_read(&rows[i].sub, &out->r[i].hold);
	}
	box_end(b, err);
}

enum belfry_err sync_dead_list(struct store *s, const char *feed, uint32_t first,
			       size_t limit, struct sync_dead *out)
{
	struct box b = {.out = out};
	s->ops->dead_list(s, feed, first, limit, on_rows, &b);
	return WAIT(b, "dead_list");
}

static void on_names(void *arg, enum belfry_err err, const char *const *names,
		     size_t count)
{
	struct box *b = arg;
	size_t len = 0;
	((char *)b->out)[0] = '\0';
	for (size_t i = 0; i < count && len < b->size; i++)
		len += (size_t)snprintf((char *)b->out + len, b->size - len, "%s,",
					names[i]);
	box_end(b, err);
}

enum belfry_err sync_dead_feeds(struct store *s, char *names, size_t size)
{
	struct box b = {.out = names, .size = size};
	s->ops->dead_feeds(s, on_names, &b);
	return WAIT(b, "dead_feeds");
}
