#include "slow.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct store_ops ops;
	const struct store_ops *real;
	uint32_t from; /* those of buckets from here on */
	size_t count;
	struct {
		struct store *store;
		struct store_owner owner;
		struct store_done done;
		store_cb cb;
		void *arg;
	} calls[64];
} slow;

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = xcalloc(count + 1, size);
	if (count)
		memcpy(to, from, count * size);
	return to;
}

static void done_copy(struct store_done *to, const struct store_done *from)
{
	struct store_done_row *rows = copy(from->rows, from->row_count, sizeof(*rows));
	*to = *from;
	to->buckets = copy(from->buckets, from->bucket_count, sizeof(*to->buckets));
	to->events = copy(from->events, from->event_count, sizeof(*to->events));
	to->rows = rows;
	for (size_t i = 0; i < from->row_count; i++) {
		rows[i].jid = xstrdup(rows[i].jid);
		rows[i].was = copy(rows[i].was, rows[i].was_len, 1);
		rows[i].moves =
			copy(rows[i].moves, rows[i].move_count, sizeof(*rows[i].moves));
	}
}

static void done_free(const struct store_done *d)
{
	for (size_t i = 0; i < d->row_count; i++) {
		free((void *)(uintptr_t)d->rows[i].jid);
		free((void *)(uintptr_t)d->rows[i].was);
		free((void *)(uintptr_t)d->rows[i].moves);
	}
	free((void *)(uintptr_t)d->rows);
	free((void *)(uintptr_t)d->events);
	free((void *)(uintptr_t)d->buckets);
}

static void slow_done(struct store *s, const struct store_owner *o,
		      const struct store_done *d, store_cb cb, void *arg)
{
	if (d->buckets[0].bucket < slow.from) {
		slow.real->done(s, o, d, cb, arg);
		return;
	}
	assert_true(slow.count < 64);
	slow.calls[slow.count].store = s;
	slow.calls[slow.count].owner = *o;
	slow.calls[slow.count].cb = cb;
	slow.calls[slow.count].arg = arg;
	done_copy(&slow.calls[slow.count++].done, d);
}

void slow_begin(struct worker *k, uint32_t from)
{
	slow.real = k->store->ops;
	slow.ops = *slow.real;
	slow.ops.done = slow_done;
	slow.from = from;
	slow.count = 0;
	k->store->ops = &slow.ops;
}

void slow_end(struct worker *k)
{
	k->store->ops = slow.real;
	for (size_t i = 0; i < slow.count; i++) {
		slow.real->done(slow.calls[i].store, &slow.calls[i].owner,
				&slow.calls[i].done, slow.calls[i].cb, slow.calls[i].arg);
		done_free(&slow.calls[i].done);
	}
}

size_t slow_count(void)
{
	return slow.count;
}
