#include <belfry/store/retract.h>

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/id.h>

#include <stdlib.h>

struct retracting {
	struct store *store;
	char *feed, *item;
	bool cancelled;
	unsigned tries;
	store_item_cb cb;
	void *arg;
};

static void end(struct retracting *r, enum belfry_err err, const char *id)
{
	if (err == BELFRY_ENOENT && r->cancelled)
		err = BELFRY_OK;
	r->cb(r->arg, err, id);
	free(r->feed);
	free(r->item);
	free(r);
}

static void look(struct retracting *r);

static void on_retracted(void *arg, enum belfry_err err,
			 const struct store_committed *done)
{
	struct retracting *r = arg;

	if (err == BELFRY_ESTALE && ++r->tries < STORE_TRIES)
		look(r);
	else
		end(r, err, err ? NULL : done->id);
}

/* What decides who has had it: its tags. What the log holds may be anything. */
static void add_tags(struct buf *out, const struct store_event *e)
{
	struct event event;
	char why[160];

	if (event_parse_json(&event, e->doc, e->doc_len, why, sizeof why)) {
		buf_adds(out, "{}");
		return;
	}
	event_tags_json(out, &event);
	event_free(&event);
}

static void on_item(void *arg, enum belfry_err err, const struct store_event *events,
		    size_t count, bool more)
{
	struct retracting *r = arg;
	struct buf doc = {0};
	char id[EVENT_ID_SIZE];

	(void)more;
	if (!err && !count)
		err = BELFRY_ENOENT;
	if (err) {
		end(r, err, NULL);
		return;
	}
	uint64_t now = clock_wall_ms();
	event_id_make(now, id);
	add_tags(&doc, &events[0]);
	const struct store_retract retract = {.feed = r->feed,
					      .item = r->item,
					      .newest = events[0].pos,
					      .id = id,
					      .at_ms = now,
					      .doc = doc.data,
					      .doc_len = doc.len};
	r->store->ops->retract(r->store, &retract, on_retracted, r);
	buf_free(&doc);
}

static void look(struct retracting *r)
{
	const char *const items[] = {r->item};

	r->store->ops->items(r->store, r->feed, items, 1, 0, on_item, r);
}

/* Cancelled first: what is released meanwhile is an item by the next look. */
static void on_cancelled(void *arg, enum belfry_err err)
{
	struct retracting *r = arg;

	r->cancelled = !err;
	if (err && err != BELFRY_ENOENT)
		end(r, err, NULL);
	else
		look(r);
}

void store_retract_item(struct store *s, const char *feed, const char *item,
			store_item_cb cb, void *arg)
{
	struct retracting *r = xcalloc(1, sizeof *r);

	r->store = s;
	r->feed = xstrdup(feed);
	r->item = xstrdup(item);
	r->cb = cb;
	r->arg = arg;
	s->ops->scheduled_cancel(s, feed, NULL, item, on_cancelled, r);
}
