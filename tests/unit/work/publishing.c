#include "publishing.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/id.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct answer {
	bool done;
	enum belfry_err err;
	struct pos pos;
};

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct answer *a = arg;
	if (done)
		a->pos = done->pos;
	a->err = err;
	a->done = true;
}

static struct pos answered(struct world *w, const struct answer *a, const char *id)
{
	world_until(w, &a->done);
	assert_int_equal(a->err, BELFRY_OK);
	w->ids[w->id_count++] = xstrdup(id);
	return a->pos;
}

struct pos world_publish(struct world *w, struct store_commit c)
{
	struct answer a = {0};
	char id[EVENT_ID_SIZE];
	c.at_ms = c.at_ms ? c.at_ms : clock_wall_ms();
	event_id_make(c.at_ms, id);
	c.feed = c.feed ? c.feed : "deploys";
	c.id = c.id ? c.id : id;
	c.item = c.item ? c.item : c.id;
	c.priority = strstr(c.doc, "urgent") ? PRIORITY_URGENT : PRIORITY_NORMAL;
	c.doc_len = strlen(c.doc);
	w->app->ops->commit(w->app, &c, on_commit, &a);
	return answered(w, &a, c.id);
}

struct pos world_retract(struct world *w, struct store_retract r)
{
	struct answer a = {0};
	char id[EVENT_ID_SIZE];
	r.at_ms = r.at_ms ? r.at_ms : clock_wall_ms();
	event_id_make(r.at_ms, id);
	r.feed = r.feed ? r.feed : "deploys";
	r.id = r.id ? r.id : id;
	r.doc = r.doc ? r.doc : "{}";
	r.doc_len = strlen(r.doc);
	w->app->ops->retract(w->app, &r, on_commit, &a);
	return answered(w, &a, r.id);
}
