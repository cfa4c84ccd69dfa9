#include <belfry/store/dead_letters.h>

#include <belfry/base/mem.h>

#include <stdlib.h>

/* Orders under way at a time. */
#define BATCH 100

struct orders {
	struct store *store;
	char *feed;
	enum hold_order order;
	size_t limit, count;
	uint32_t first; /* as many in front are passed over */
	uint32_t next;
	/* Of the batch: without an answer yet, and those that still stand in the list. */
	size_t waiting, left;
	enum belfry_err err;
	store_dead_cb cb;
	void *arg;
};

static void list(struct orders *o);

static void batch_end(struct orders *o)
{
	if (!o->err && o->next && o->count < o->limit) {
		o->first += (uint32_t)o->left;
		list(o);
		return;
	}
	o->cb(o->arg, o->err, o->count, !o->err && o->next);
	free(o->feed);
	free(o);
}

static void on_order(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct orders *o = arg;

	(void)row;
	(void)created;
	if (!err)
		o->count++;
	else if (err == BELFRY_ENOENT)
		o->left++;
	else if (!o->err)
		o->err = err;
	if (!--o->waiting)
		batch_end(o);
}

static void on_list(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct orders *o = arg;

	o->err = err;
	o->next = next;
	o->waiting = count;
	o->left = 0;
	/* A page of what is no longer there is stepped over. */
	if (!count && next)
		o->left = next - o->first;
	if (err || !count) {
		batch_end(o);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char *jid = xmemdup0(rows[i].jid, rows[i].jid_len);

		o->store->ops->hold_order(o->store, o->feed, jid, o->order, on_order, o);
		free(jid);
	}
}

static void list(struct orders *o)
{
	size_t room = o->limit - o->count;

	o->store->ops->dead_list(o->store, o->feed, o->first, room < BATCH ? room : BATCH,
				 on_list, o);
}

void store_dead_order(struct store *s, const char *feed, enum hold_order order,
		      size_t limit, store_dead_cb cb, void *arg)
{
	struct orders *o = xcalloc(1, sizeof *o);

	o->store = s;
	o->feed = xstrdup(feed);
	o->order = order;
	o->limit = limit;
	o->cb = cb;
	o->arg = arg;
	list(o);
}
