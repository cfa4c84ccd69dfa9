#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void redis_health(struct store *st, struct store_health *out)
{
	struct redis_store *s = redis_of(st);
	*out = (struct store_health){
		.up = s->state == SESSION_UP,
		.full = session_is_full(s),
		.used_bytes = s->used_bytes,
		.max_bytes = s->max_bytes,
	};
	snprintf(out->detail, sizeof out->detail, "%s", s->detail);
}

static size_t redis_pending(const struct store *st)
{
	return ((const struct redis_store *)st)->pending;
}

static void redis_destroy(struct store *st)
{
	struct redis_store *s = redis_of(st);
	wake_destroy(s->wake);
	s->wake = NULL;
	session_finish(s);
	commits_finish(s);
	calls_finish(s);
	redis_url_free(&s->url);
	free(s);
}

static const struct store_ops ops = {
	.feed_put = redis_feed_put,
	.feed_get = redis_feed_get,
	.feed_list = redis_feed_list,
	.feed_delete = redis_feed_delete,
	.feed_sweep = redis_feed_sweep,
	.presence_put = redis_presence_put,
	.face_put = redis_face_put,
	.face_get = redis_face_get,
	.commit = redis_commit,
	.events = redis_events,
	.retract = redis_retract,
	.event_get = redis_event_get,
	.items = redis_items,
	.trim = redis_trim,
	.scheduled_list = redis_scheduled_list,
	.scheduled_get = redis_scheduled_get,
	.scheduled_cancel = redis_scheduled_cancel,
	.scheduled_due = redis_scheduled_due,
	.release = redis_release,
	.join = redis_join,
	.leave = redis_leave,
	.expel = redis_expel,
	.sub_get = redis_sub_get,
	.sub_list = redis_sub_list,
	.split = redis_split,
	.pending_put = redis_pending_put,
	.admit = redis_admit,
	.pending_get = redis_pending_get,
	.pending_list = redis_pending_list,
	.notice_put = redis_notice_put,
	.notices = redis_notices,
	.notice_done = redis_notice_done,
	.lease_take = redis_lease_take,
	.lease_beat = redis_lease_beat,
	.lease_release = redis_lease_release,
	.behind = redis_behind,
	.read = redis_read,
	.done = redis_done,
	.late_bounce = redis_late_bounce,
	.received = redis_received,
	.due_within = redis_due_within,
	.due = redis_due,
	.hold_order = redis_hold_order,
	.dead_list = redis_dead_list,
	.dead_feeds = redis_dead_feeds,
	.settle = redis_settle,
	.listen = redis_listen,
	.token_put = redis_token_put,
	.token_get = redis_token_get,
	.token_delete = redis_token_delete,
	.token_list = redis_token_list,
	.health = redis_health,
	.pending = redis_pending,
	.destroy = redis_destroy,
};

struct store *store_redis_create(struct loop *loop, const struct config *config,
				 char *why, size_t why_size)
{
	struct redis_url url;
	const char *text = config->redis.url;
	if (redis_url_parse(&url, text ? text : "redis://127.0.0.1:6379/0", why,
			    why_size) < 0)
		return NULL;
	struct redis_store *s = xcalloc(1, sizeof *s);
	s->store.ops = &ops;
	s->loop = loop;
	s->url = url;
	snprintf(s->channel, sizeof s->channel, "belfry:wake:%" PRIu32, url.db);
	calls_init(s);
	commits_init(s);
	session_init(s, config);
	return &s->store;
}

void store_redis_stats(const struct store *s, struct store_redis_stats *out)
{
	*out = ((const struct redis_store *)s)->stats;
}
