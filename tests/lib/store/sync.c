#include "sync_box.h"

#include <belfry/base/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loop *sync_loop;

static void on_tick(void *arg)
{
	(void)arg; /* only ends the wait of loop_turn() */
}

void sync_until(const bool *flag, const char *what)
{
	uint64_t end = clock_mono_ms() + 20000;
	struct loop_timer *tick = loop_timer_create(sync_loop, on_tick, NULL);
	while (!*flag) {
		loop_timer_arm(tick, 1000);
		loop_turn(sync_loop, true);
		if (clock_mono_ms() > end) {
			fprintf(stderr, "no callback in 20 s: %s\n", what);
			abort();
		}
	}
	loop_timer_destroy(tick);
}

void sync_until_up(struct store *s)
{
	uint64_t end = clock_mono_ms() + 20000;
	struct loop_timer *tick = loop_timer_create(sync_loop, on_tick, NULL);
	struct store_health h;
	for (s->ops->health(s, &h); !h.up; s->ops->health(s, &h)) {
		loop_timer_arm(tick, 20);
		loop_turn(sync_loop, true);
		if (clock_mono_ms() > end) {
			fprintf(stderr, "the store does not come up: %s\n", h.detail);
			abort();
		}
	}
	loop_timer_destroy(tick);
}

void box_end(struct box *b, enum belfry_err err)
{
	if (b->done) {
		fprintf(stderr, "a callback came twice\n");
		abort();
	}
	b->done = true;
	b->err = err;
}

void box_plain(void *box, enum belfry_err err)
{
	box_end(box, err);
}

enum belfry_err box_wait(const struct box *b, const char *what)
{
	sync_until(&b->done, what);
	return b->err;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *f,
		    bool created)
{
	static char name[80], config[4096], presence[1024], face[64];
	struct box *b = arg;
	if (f && b->a) {
		struct store_feed *out = b->a;
		*out = *f;
		snprintf(name, sizeof name, "%s", f->name);
		snprintf(config, sizeof config, "%s", f->config);
		out->name = name;
		out->config = config;
		out->presence = f->presence ? presence : NULL;
		out->face = f->face ? face : NULL;
		snprintf(presence, sizeof presence, "%s", f->presence ? f->presence : "");
		snprintf(face, sizeof face, "%s", f->face ? f->face : "");
	}
	if (b->b)
		*(bool *)b->b = created;
	box_end(b, err);
}

enum belfry_err sync_feed_put(struct store *s, const char *feed, const char *config,
			      const char *expect, struct store_feed *out, bool *created)
{
	struct box b = {.a = out, .b = created};
	s->ops->feed_put(s, feed, config, expect, 1000, on_feed, &b);
	return box_wait(&b, "feed_put");
}

enum belfry_err sync_feed_get(struct store *s, const char *feed, struct store_feed *out)
{
	struct box b = {.a = out};
	s->ops->feed_get(s, feed, on_feed, &b);
	return box_wait(&b, "feed_get");
}

static void add_name(char *names, size_t size, const char *name)
{
	size_t n = strlen(names);
	snprintf(names + n, size - n, "%s,", name);
}

static void on_feeds(void *arg, enum belfry_err err, const struct store_feed *feeds,
		     size_t count, bool more)
{
	struct box *b = arg;
	char *names = b->a;
	names[0] = '\0';
	for (size_t i = 0; i < count; i++)
		add_name(names, b->size, feeds[i].name);
	if (b->b)
		*(bool *)b->b = more;
	box_end(b, err);
}

enum belfry_err sync_feed_list(struct store *s, const char *after, size_t limit,
			       char *names, size_t size, bool *more)
{
	struct box b = {.a = names, .b = more, .size = size};
	s->ops->feed_list(s, after, limit, on_feeds, &b);
	return box_wait(&b, "feed_list");
}

enum belfry_err sync_feed_delete(struct store *s, const char *feed)
{
	struct box b = {0};
	s->ops->feed_delete(s, feed, box_plain, &b);
	return box_wait(&b, "feed_delete");
}

enum belfry_err sync_feed_sweep(struct store *s)
{
	struct box b = {0};
	s->ops->feed_sweep(s, box_plain, &b);
	return box_wait(&b, "feed_sweep");
}

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct box *b = arg;
	if (done && b->a)
		*(struct pos *)b->a = done->pos;
	if (done && b->b)
		snprintf(b->b, 64, "%s", done->id);
	if (done && b->c)
		*(bool *)b->c = done->replayed;
	box_end(b, err);
}

enum belfry_err sync_commit(struct store *s, const struct store_commit *c,
			    struct pos *pos, char id[64], bool *replayed)
{
	struct box b = {.a = pos, .b = id, .c = replayed};
	s->ops->commit(s, c, on_commit, &b);
	return box_wait(&b, "commit");
}

enum belfry_err sync_post(struct store *s, const char *feed, const char *id,
			  const char *item, struct pos *pos)
{
	struct store_commit c = {.feed = feed,
				 .id = id,
				 .item = item ? item : id,
				 .priority = PRIORITY_NORMAL,
				 .at_ms = 5000,
				 .doc = "{\"a\":1}",
				 .doc_len = 7};
	return sync_commit(s, &c, pos, NULL, NULL);
}

enum belfry_err sync_retract(struct store *s, const char *feed, const char *item,
			     const char *id, struct pos newest, struct pos *pos)
{
	struct box b = {.a = pos};
	struct store_retract r = {.feed = feed,
				  .item = item,
				  .newest = newest,
				  .id = id,
				  .at_ms = 6000,
				  .doc = "{}",
				  .doc_len = 2};
	s->ops->retract(s, &r, on_commit, &b);
	return box_wait(&b, "retract");
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct box *b = arg;
	struct sync_events *out = b->a;
	out->count = count;
	out->more = more;
	for (size_t i = 0; i < count && i < SYNC_EVENTS; i++) {
		out->e[i].pos = events[i].pos;
		out->e[i].doc_len = events[i].doc_len;
		out->e[i].subscribers = events[i].subscribers;
		out->e[i].at_ms = events[i].at_ms;
		out->e[i].priority = events[i].priority;
		out->e[i].expires_ms = events[i].expires_ms;
		out->e[i].kind = events[i].kind;
		out->e[i].retracted = events[i].retracted;
		out->e[i].superseded = events[i].superseded;
		out->e[i].gone = events[i].gone;
		snprintf(out->e[i].id, sizeof out->e[i].id, "%s", events[i].id);
		snprintf(out->e[i].item, sizeof out->e[i].item, "%s", events[i].item);
		size_t n = events[i].doc_len < 199 ? events[i].doc_len : 199;
		memcpy(out->e[i].doc, events[i].doc, n);
		out->e[i].doc[n] = '\0';
	}
	box_end(b, err);
}

enum belfry_err sync_events(struct store *s, const char *feed, struct pos from,
			    bool newest, size_t limit, struct sync_events *out)
{
	struct box b = {.a = out};
	s->ops->events(s, feed, from, newest, limit, on_events, &b);
	return box_wait(&b, "events");
}

enum belfry_err sync_items(struct store *s, const char *feed, const char *const *items,
			   size_t count, size_t limit, struct sync_events *out)
{
	struct box b = {.a = out};
	s->ops->items(s, feed, items, count, limit, on_events, &b);
	return box_wait(&b, "items");
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct box *b = arg;
	if (event && b->a)
		*(struct store_counters *)b->a = *counters;
	if (event && b->b)
		*(bool *)b->b = settled;
	if (event && b->c)
		*(struct pos *)b->c = event->pos;
	box_end(b, err);
}

enum belfry_err sync_event_get(struct store *s, const char *feed, const char *id,
			       struct store_counters *counters, bool *settled,
			       struct pos *pos)
{
	struct box b = {.a = counters, .b = settled, .c = pos};
	s->ops->event_get(s, feed, id, on_event, &b);
	return box_wait(&b, "event_get");
}

enum belfry_err sync_trim(struct store *s, const char *feed, uint64_t max, uint64_t old)
{
	struct box b = {0};
	s->ops->trim(s, feed, max, old, box_plain, &b);
	return box_wait(&b, "trim");
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	static char options[SUB_OPTIONS_SIZE], hold[HOLD_TEXT_SIZE];
	struct box *b = arg;
	if (row && b->a) {
		struct sub *out = b->a;
		*out = row->sub;
		if (out->options)
			out->options =
				memcpy(options, row->sub.options, out->options_len);
		if (out->hold)
			out->hold = memcpy(hold, row->sub.hold, out->hold_len);
	}
	if (row && b->b)
		*(bool *)b->b = created;
	box_end(b, err);
}

enum belfry_err sync_join(struct store *s, const char *feed, const char *jid,
			  enum sub_format format, struct sub *out, bool *created)
{
	return sync_change(s, feed, jid, SUB_FOLLOW(format), out, created);
}

enum belfry_err sync_change(struct store *s, const char *feed, const char *jid,
			    const struct sub_change *change, struct sub *out,
			    bool *created)
{
	struct box b = {.a = out, .b = created};
	s->ops->join(s, feed, jid, change, on_row, &b);
	return box_wait(&b, "join");
}

enum belfry_err sync_leave(struct store *s, const char *feed, const char *jid,
			   struct sub *out)
{
	struct box b = {.a = out};
	s->ops->leave(s, feed, jid, on_row, &b);
	return box_wait(&b, "leave");
}

enum belfry_err sync_expel(struct store *s, const char *feed, const char *jid,
			   struct sub *out)
{
	struct box b = {.a = out};
	s->ops->expel(s, feed, jid, on_row, &b);
	return box_wait(&b, "expel");
}

enum belfry_err sync_sub_get(struct store *s, const char *feed, const char *jid,
			     struct sub *out)
{
	struct box b = {.a = out};
	s->ops->sub_get(s, feed, jid, on_row, &b);
	return box_wait(&b, "sub_get");
}

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct box *b = arg;
	struct sync_rows *out = b->a;
	out->count = count < SYNC_ROWS ? count : SYNC_ROWS;
	out->next = next;
	for (size_t i = 0; i < out->count; i++) {
		snprintf(out->r[i].jid, sizeof out->r[i].jid, "%s", rows[i].jid);
		out->r[i].sub = rows[i].sub;
	}
	box_end(b, err);
}

enum belfry_err sync_sub_list(struct store *s, const char *feed, uint32_t cursor,
			      size_t limit, struct sync_rows *out)
{
	struct box b = {.a = out};
	s->ops->sub_list(s, feed, cursor, limit, on_rows, &b);
	return box_wait(&b, "sub_list");
}

enum belfry_err sync_split(struct store *s, const char *feed, uint32_t buckets)
{
	struct box b = {0};
	s->ops->split(s, feed, buckets, box_plain, &b);
	return box_wait(&b, "split");
}

static void on_lease(void *arg, enum belfry_err err, const struct store_owner *owner,
		     const struct store_lease_seen *seen)
{
	struct box *b = arg;
	if (owner)
		*(struct store_owner *)b->a = *owner;
	if (seen && b->b)
		*(struct store_lease_seen *)b->b = *seen;
	box_end(b, err);
}

enum belfry_err sync_lease_take(struct store *s, const char *name,
				const struct store_lease_seen *seen,
				struct store_owner *owner, struct store_lease_seen *now)
{
	struct box b = {.a = owner, .b = now};
	s->ops->lease_take(s, name, seen, on_lease, &b);
	return box_wait(&b, "lease_take");
}

enum belfry_err sync_lease_beat(struct store *s, const struct store_owner *o)
{
	struct box b = {0};
	s->ops->lease_beat(s, o, box_plain, &b);
	return box_wait(&b, "lease_beat");
}

enum belfry_err sync_lease_release(struct store *s, const struct store_owner *o)
{
	struct box b = {0};
	s->ops->lease_release(s, o, box_plain, &b);
	return box_wait(&b, "lease_release");
}

static void on_names(void *arg, enum belfry_err err, const char *const *names,
		     size_t count)
{
	struct box *b = arg;
	((char *)b->a)[0] = '\0';
	for (size_t i = 0; i < count; i++)
		add_name(b->a, b->size, names[i]);
	box_end(b, err);
}

enum belfry_err sync_behind(struct store *s, char *names, size_t size)
{
	struct box b = {.a = names, .size = size};
	s->ops->behind(s, on_names, &b);
	return box_wait(&b, "behind");
}

static void on_run(void *arg, enum belfry_err err, struct store_run *run)
{
	struct box *b = arg;
	*(struct store_run **)b->a = run;
	box_end(b, err);
}

enum belfry_err sync_read(struct store *s, const char *feed, uint32_t first,
			  uint32_t count, struct store_run **run)
{
	struct box b = {.a = run};
	s->ops->read(s, feed, first, count, on_run, &b);
	return box_wait(&b, "read");
}

enum belfry_err sync_done(struct store *s, const struct store_owner *o,
			  const struct store_done *d)
{
	struct box b = {0};
	s->ops->done(s, o, d, box_plain, &b);
	return box_wait(&b, "done");
}

enum belfry_err sync_settle(struct store *s, const struct store_owner *o,
			    const char *feed, uint32_t buckets, struct pos pos)
{
	struct box b = {0};
	s->ops->settle(s, o, feed, buckets, pos, box_plain, &b);
	return box_wait(&b, "settle");
}

enum belfry_err sync_token_put(struct store *s, const char *id, const char *json)
{
	struct box b = {0};
	s->ops->token_put(s, id, json, box_plain, &b);
	return box_wait(&b, "token_put");
}

static void on_token(void *arg, enum belfry_err err, const char *json, size_t len)
{
	struct box *b = arg;
	if (json)
		snprintf(b->a, b->size, "%.*s", (int)len, json);
	box_end(b, err);
}

enum belfry_err sync_token_get(struct store *s, const char *id, char *json, size_t size)
{
	struct box b = {.a = json, .size = size};
	s->ops->token_get(s, id, on_token, &b);
	return box_wait(&b, "token_get");
}

enum belfry_err sync_token_delete(struct store *s, const char *id)
{
	struct box b = {0};
	s->ops->token_delete(s, id, box_plain, &b);
	return box_wait(&b, "token_delete");
}

static void on_tokens(void *arg, enum belfry_err err, const char *const *ids,
		      const char *const *json, size_t count)
{
	struct box *b = arg;
	char *text = b->a;
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(text);
		snprintf(text + n, b->size - n, "%s=%s,", ids[i], json[i]);
	}
	box_end(b, err);
}

enum belfry_err sync_token_list(struct store *s, char *text, size_t size)
{
	struct box b = {.a = text, .size = size};
	s->ops->token_list(s, on_tokens, &b);
	return box_wait(&b, "token_list");
}
