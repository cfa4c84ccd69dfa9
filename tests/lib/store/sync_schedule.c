#include "sync_schedule.h"

#include "sync_box.h"

#include <stdio.h>
#include <stdlib.h>

static void on_scheduled(void *arg, enum belfry_err err,
			 const struct store_committed *done)
{
	struct box *b = arg;
	if (done && b->a)
		snprintf(b->a, 40, "%s", done->id);
	if (done && b->b)
		*(bool *)b->b = done->replayed;
	if (done && b->c)
		*(uint64_t *)b->c = done->due_ms;
	box_end(b, err);
}

enum belfry_err sync_schedule_as(struct store *s, const struct store_commit *c,
				 char id[40], bool *replayed, uint64_t *due_ms)
{
	struct box b = {.a = id, .b = replayed, .c = due_ms};
	s->ops->commit(s, c, on_scheduled, &b);
	return box_wait(&b, "schedule");
}

enum belfry_err sync_schedule(struct store *s, const char *feed, const char *id,
			      const char *item, uint64_t due_ms)
{
	struct store_commit c = {.feed = feed,
				 .id = id,
				 .item = item ? item : id,
				 .priority = PRIORITY_NORMAL,
				 .at_ms = 5000,
				 .due_ms = due_ms,
				 .doc = "{\"a\":1}",
				 .doc_len = 7};
	return sync_schedule_as(s, &c, NULL, NULL, NULL);
}

static void on_list(void *arg, enum belfry_err err, const struct store_scheduled *list,
		    size_t count, bool more)
{
	struct box *b = arg;
	struct sync_scheduled *out = b->a;
	if (!list != (err != BELFRY_OK)) {
		fprintf(stderr, "a list with an error, or none without\n");
		abort();
	}
	out->count = count;
	out->more = more;
	for (size_t i = 0; i < count && i < SYNC_SCHEDULED; i++) {
		const struct store_event *e = &list[i].event;
		out->e[i].due_ms = list[i].due_ms;
		out->e[i].at_ms = e->at_ms;
		out->e[i].expires_ms = e->expires_ms;
		out->e[i].priority = e->priority;
		snprintf(out->e[i].id, sizeof out->e[i].id, "%s", e->id);
		snprintf(out->e[i].item, sizeof out->e[i].item, "%s", e->item);
		snprintf(out->e[i].doc, sizeof out->e[i].doc, "%.*s", (int)e->doc_len,
			 e->doc);
	}
	box_end(b, err);
}

enum belfry_err sync_scheduled_list(struct store *s, const char *feed, uint64_t after_ms,
				    const char *after_id, size_t limit,
				    struct sync_scheduled *out)
{
	struct box b = {.a = out};
	s->ops->scheduled_list(s, feed, after_ms, after_id, limit, on_list, &b);
	return box_wait(&b, "scheduled_list");
}

enum belfry_err sync_scheduled_get(struct store *s, const char *feed, const char *id,
				   struct sync_scheduled *out)
{
	struct box b = {.a = out};
	s->ops->scheduled_get(s, feed, id, on_list, &b);
	return box_wait(&b, "scheduled_get");
}

enum belfry_err sync_scheduled_cancel(struct store *s, const char *feed, const char *id,
				      const char *item)
{
	struct box b = {0};
	s->ops->scheduled_cancel(s, feed, id, item, box_plain, &b);
	return box_wait(&b, "scheduled_cancel");
}

static void on_times(void *arg, enum belfry_err err, const char *const *feeds,
		     size_t count, uint64_t wait_ms)
{
	struct box *b = arg;
	struct sync_times *out = b->a;
	out->count = count < SYNC_TIMES ? count : SYNC_TIMES;
	out->wait_ms = wait_ms;
	for (size_t i = 0; i < out->count; i++)
		snprintf(out->feed[i], sizeof out->feed[i], "%s", feeds[i]);
	box_end(b, err);
}

enum belfry_err sync_scheduled_due(struct store *s, size_t limit, struct sync_times *out)
{
	struct box b = {.a = out};
	s->ops->scheduled_due(s, limit, on_times, &b);
	return box_wait(&b, "scheduled_due");
}

static void on_release(void *arg, enum belfry_err err, uint64_t released, uint64_t lost)
{
	struct box *b = arg;
	if (b->a)
		*(uint64_t *)b->a = released;
	if (b->b)
		*(uint64_t *)b->b = lost;
	box_end(b, err);
}

enum belfry_err sync_release(struct store *s, const char *feed, uint64_t *released,
			     uint64_t *lost)
{
	struct box b = {.a = released, .b = lost};
	s->ops->release(s, feed, on_release, &b);
	return box_wait(&b, "release");
}
