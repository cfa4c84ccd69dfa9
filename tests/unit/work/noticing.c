#include "noticing.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TURN_MS 5

static bool may_write(void *arg)
{
	return ((struct noticing *)arg)->valid;
}

static bool busy(void *arg)
{
	return ((struct noticing *)arg)->busy;
}

static uint64_t ask_barrier(void *arg)
{
	struct noticing *f = arg;
	if (!f->barring)
		return 0;
	f->link->ops->barrier(f->link, ++f->barrier);
	return f->barrier;
}

static void on_shown(void *arg, const char *feed, struct look *look)
{
	struct noticing *f = arg;
	snprintf(f->shown, sizeof(f->shown), "%s", feed);
	look_free(look);
}

static void on_wake(void *arg, enum store_wake what, const char *feed)
{
	(void)feed;
	if (what == WAKE_NOTICE || what == WAKE_ALL)
		notices_wake(((struct noticing *)arg)->notices);
}

static void link_up(void *arg)
{
	notices_up(((struct noticing *)arg)->notices);
}

static void link_down(void *arg, const struct link_down *why)
{
	notices_down(((struct noticing *)arg)->notices, why->end);
}

static void link_barrier(void *arg, uint64_t number)
{
	notices_passed(((struct noticing *)arg)->notices, number);
}

static void link_room(void *arg)
{
	notices_room(((struct noticing *)arg)->notices);
}

static const struct link_handlers handlers = {
	.up = link_up, .down = link_down, .barrier = link_barrier, .room = link_room};

void noticing_begin(struct noticing *f)
{
	f->store = store_memory_create(f->w.loop, f->w.memory);
	f->owners = owners_create();
	f->hub = (struct hub){.store = f->store, .loop = f->w.loop};
	f->sweeps = sweeps_create(f->w.loop, f->store, &f->hub);
	const struct notices_options o = {.domain = DOMAIN,
					  .owners = f->owners,
					  .sweeps = f->sweeps,
					  .max_stanza_bytes = 10000,
					  .arg = f,
					  .may_write = may_write,
					  .busy = busy,
					  .barrier = ask_barrier,
					  .shown = on_shown};
	f->notices = notices_create(f->w.loop, f->store, &o);
	f->link = recorder_create(&handlers, f);
	notices_use(f->notices, f->link);
	f->store->ops->listen(f->store, on_wake, f);
	recorder_up(f->link);
}

void noticing_end(struct noticing *f)
{
	notices_down(f->notices, LINK_END_ASKED);
	f->link->ops->destroy(f->link);
	f->store->ops->destroy(f->store);
	hub_forget_sweeps(&f->hub);
	notices_destroy(f->notices);
	sweeps_destroy(f->sweeps);
	owners_destroy(f->owners);
}

int noticing_set_up(void **state)
{
	struct noticing *f = xcalloc(1, sizeof(*f));
	f->valid = f->barring = true;
	world_start(&f->w);
	world_feed(&f->w, "asks",
		   "{\"access\":\"authorize\",\"title\":\"A title\",\"owners\":[\"" OWNER
		   "\",\"otto@example.org\"]}");
	noticing_begin(f);
	*state = f;
	return 0;
}

int noticing_tear_down(void **state)
{
	struct noticing *f = *state;
	noticing_end(f);
	world_finish(&f->w);
	free(f);
	return 0;
}

/* ---- The store ---- */

struct got {
	bool done;
	enum belfry_err err;
	size_t count;
};

static void on_plain(void *arg, enum belfry_err err)
{
	struct got *g = arg;
	g->err = err;
	g->done = true;
}

static void put(struct noticing *f, const char *jid, enum pending_state from,
		enum pending_state to, enum notice_kind kind)
{
	struct got g = {0};
	const struct store_pending p = {.jid = jid,
					.state = to,
					.at_ms = 1,
					.format = FORMAT_CHAT,
					.options = {.contact = true}};
	f->w.app->ops->pending_put(f->w.app, "asks", &p, from, kind, on_plain, &g);
	world_until(&f->w, &g.done);
	assert_int_equal(g.err, BELFRY_OK);
}

void noticing_put(struct noticing *f, const char *jid, enum pending_state state,
		  enum notice_kind kind)
{
	put(f, jid, PENDING_NONE, state, kind);
}

void noticing_move(struct noticing *f, const char *jid, enum pending_state from,
		   enum pending_state to)
{
	put(f, jid, from, to, NOTICE_NONE);
}

void noticing_invite(struct noticing *f, unsigned count)
{
	char jid[64];
	for (unsigned i = 0; i < count; i++) {
		snprintf(jid, sizeof(jid), "p%u@example.net", i);
		noticing_put(f, jid, PENDING_PERSON, NOTICE_INVITATION);
	}
}

void noticing_note(struct noticing *f, const char *feed, const char *jid,
		   enum notice_kind kind)
{
	noticing_note_as(f,
			 &(struct store_notice){.feed = feed, .jid = jid, .kind = kind});
}

void noticing_note_as(struct noticing *f, const struct store_notice *n)
{
	struct got g = {0};
	f->w.app->ops->notice_put(f->w.app, n, on_plain, &g);
	world_until(&f->w, &g.done);
	assert_int_equal(g.err, BELFRY_OK);
}

void noticing_delete(struct noticing *f, const char *feed)
{
	struct got g = {0};
	f->w.app->ops->feed_delete(f->w.app, feed, on_plain, &g);
	world_until(&f->w, &g.done);
	assert_int_equal(g.err, BELFRY_OK);
}

static void on_notices(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	struct got *g = arg;
	(void)list;
	g->count = count;
	on_plain(arg, err);
}

size_t noticing_left(struct noticing *f)
{
	struct got g = {0};
	f->w.app->ops->notices(f->w.app, 1000, on_notices, &g);
	world_until(&f->w, &g.done);
	return g.count;
}

/* ---- The link ---- */

unsigned noticing_told(struct noticing *f, const char *part)
{
	return recorder_told(f->link, part);
}

struct notices_stats noticing_stats(struct noticing *f)
{
	struct notices_stats s;
	notices_stats(f->notices, &s);
	return s;
}

void noticing_pass(struct noticing *f, unsigned ms)
{
	for (unsigned t = 0; t < ms; t += TURN_MS) {
		world_skip(TURN_MS);
		world_turns(&f->w, 20);
	}
}

void noticing_serve(struct noticing *f, unsigned ms)
{
	for (unsigned t = 0; t < ms; t += TURN_MS) {
		noticing_pass(f, TURN_MS);
		recorder_serve(f->link);
	}
}
