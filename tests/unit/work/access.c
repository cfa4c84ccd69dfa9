#include "access.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/store/decide.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SWEEP_MAX_MS ((uint64_t)600 * 1000) /* of the world's time */

static char ours[] = "example.org";
static char *const trusted[] = {ours, NULL};

int access_set_up(void **state)
{
	struct access *f = xcalloc(1, sizeof(*f));
	world_start(&f->w);
	f->h = (struct hub){
		.store = f->w.app, .loop = f->w.loop, .trusted_domains = trusted};
	f->sweeps = sweeps_create(f->w.loop, f->w.app, &f->h);
	world_feed(&f->w, "asks",
		   "{\"access\":\"authorize\",\"owners\":[\"" OWNER "\",\"" OWNER2
		   "\"],\"whitelist\":[\"mia@example.net\"],\"outcasts\":[\"" OUTCAST
		   "\"]}");
	world_feed(&f->w, "ours", "{\"outcasts\":[\"" OUTCAST "\"]}");
	*state = f;
	return 0;
}

int access_tear_down(void **state)
{
	struct access *f = *state;
	assert_int_equal(sweeps_count(f->sweeps), 0);
	sweeps_destroy(f->sweeps);
	world_finish(&f->w);
	assert_null(f->h.turns);
	assert_null(f->h.sweeps);
	limits_destroy(f->h.per_jid);
	limits_destroy(f->h.per_domain);
	free(f);
	return 0;
}

/* ---- Asking ---- */

static void on_sub(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	struct result *out = arg;
	assert_false(out->done);
	out->err = err;
	out->created = created;
	out->has_sub = sub != NULL;
	if (sub) {
		out->sub = *sub;
		sub_options_read(sub, &out->options);
	}
	out->done = true;
}

static void on_done(void *arg, enum belfry_err err)
{
	on_sub(arg, err, NULL, false);
}

void access_subscribe(struct access *f, const char *jid, const char *feed,
		      const struct sub_change *change, struct result *out)
{
	struct xmpp_hub x = hub_for(&f->h);
	*out = (struct result){0};
	x.ops->subscribe(x.hub, jid, feed, jid, change, on_sub, out);
}

void access_unsubscribe(struct access *f, const char *jid, const char *feed,
			struct result *out)
{
	struct xmpp_hub x = hub_for(&f->h);
	*out = (struct result){0};
	x.ops->unsubscribe(x.hub, feed, jid, on_sub, out);
}

void access_subscription(struct access *f, const char *jid, const char *feed,
			 struct result *out)
{
	struct xmpp_hub x = hub_for(&f->h);
	*out = (struct result){0};
	x.ops->subscription(x.hub, feed, jid, on_sub, out);
}

void access_answer(struct access *f, const char *jid, const char *feed, bool yes,
		   struct result *out)
{
	struct xmpp_hub x = hub_for(&f->h);
	*out = (struct result){0};
	x.ops->answer(x.hub, feed, jid, yes, on_sub, out);
}

void access_decide(struct access *f, const char *owner, const char *feed, const char *jid,
		   bool allow, struct result *out)
{
	struct xmpp_hub x = hub_for(&f->h);
	*out = (struct result){0};
	x.ops->decide(x.hub, owner, feed, jid, allow, on_done, out);
}

static void on_allowed(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	on_sub(arg, err, row ? &row->sub : NULL, created);
}

void access_allow(struct access *f, const char *feed, const char *jid, struct result *out)
{
	*out = (struct result){0};
	store_decide(f->w.app, feed, jid, true, on_allowed, out);
}

enum belfry_err access_wait(struct access *f, struct result *out)
{
	world_until(&f->w, &out->done);
	return out->err;
}

enum belfry_err access_chat(struct access *f, const char *jid, const char *feed)
{
	struct result out;
	access_subscribe(f, jid, feed, SUB_FOLLOW(FORMAT_CHAT), &out);
	return access_wait(f, &out);
}

/* ---- The store ---- */

struct got {
	bool done;
	enum belfry_err err;
	struct store_pending p;
	char text[4096];
	char *ids[64];
	size_t count;
};

static void on_plain(void *arg, enum belfry_err err)
{
	struct got *g = arg;
	g->err = err;
	g->done = true;
}

static void put(struct access *f, const char *feed, const struct store_pending *p,
		enum pending_state expect, enum notice_kind notice, struct got *g)
{
	struct store *s = f->w.app;
	s->ops->pending_put(s, feed, p, expect, notice, on_plain, g);
	world_until(&f->w, &g->done);
}

void access_put(struct access *f, const char *feed, const char *jid,
		enum pending_state state, uint64_t at_ms)
{
	struct got g = {0};
	const struct store_pending p = {
		.jid = jid, .state = state, .at_ms = at_ms, .format = FORMAT_CHAT};
	put(f, feed, &p, PENDING_NONE, NOTICE_NONE, &g);
	assert_int_equal(g.err, BELFRY_OK);
}

void access_invite(struct access *f, const char *feed, const char *jid)
{
	struct got g = {0};
	const struct store_pending p = {.jid = jid,
					.state = PENDING_PERSON,
					.at_ms = clock_wall_ms(),
					.format = FORMAT_HEADLINE,
					.options = {.at_least = PRIORITY_HIGH}};
	put(f, feed, &p, PENDING_NONE, NOTICE_INVITATION, &g);
	assert_int_equal(g.err, BELFRY_OK);
}

enum belfry_err access_move(struct access *f, const char *feed, const char *jid,
			    enum pending_state from, enum pending_state to)
{
	struct got g = {0};
	const struct store_pending p = {
		.jid = jid, .state = to, .at_ms = 1, .format = FORMAT_CHAT};
	put(f, feed, &p, from, NOTICE_NONE, &g);
	return g.err;
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct got *g = arg;
	if (p)
		g->p = *p;
	on_plain(arg, err);
}

struct store_pending access_pending(struct access *f, const char *feed, const char *jid)
{
	struct got g = {0};
	struct store *s = f->w.app;
	s->ops->pending_get(s, feed, jid, on_pending, &g);
	world_until(&f->w, &g.done);
	return g.p;
}

char access_state(struct access *f, const char *feed, const char *jid)
{
	enum pending_state state = access_pending(f, feed, jid).state;
	return state ? (char)state : '-';
}

bool access_follows(struct access *f, const char *feed, const char *jid)
{
	return world_sub(&f->w, feed, jid, NULL) == BELFRY_OK;
}

static void on_notices(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	struct got *g = arg;
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		const char how[] = {'=', (char)list[i].format, '\0'};
		at += (size_t)snprintf(g->text + at, sizeof(g->text) - at, "%c %s%s%s ",
				       (char)list[i].kind, list[i].jid,
				       list[i].format ? how : "",
				       list[i].contact ? "+" : "");
		g->ids[g->count++] = xstrdup(list[i].id);
	}
	on_plain(arg, err);
}

const char *access_notices(struct access *f)
{
	static char text[4096];
	struct got g = {0};
	struct store *s = f->w.app;
	s->ops->notices(s, 64, on_notices, &g);
	world_until(&f->w, &g.done);
	for (size_t i = 0; i < g.count; i++) {
		struct got d = {0};
		s->ops->notice_done(s, g.ids[i], on_plain, &d);
		world_until(&f->w, &d.done);
		free(g.ids[i]);
	}
	snprintf(text, sizeof(text), "%s", g.text);
	return text;
}

struct seen {
	struct access *f;
	bool done;
};

static void on_seen(void *arg, enum belfry_err err, const struct store_notice *list,
		    size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(err, BELFRY_OK);
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == NOTICE_SWEEP)
			sweeps_take(seen->f->sweeps, list[i].id, list[i].feed);
	seen->done = true;
}

void access_take_sweeps(struct access *f)
{
	struct seen seen = {.f = f};
	f->w.app->ops->notices(f->w.app, 1000, on_seen, &seen);
	world_until(&f->w, &seen.done);
}

void access_sweep(struct access *f)
{
	uint64_t until = clock_mono_ms() + SWEEP_MAX_MS;
	access_take_sweeps(f);
	while (sweeps_count(f->sweeps)) {
		if (clock_mono_ms() > until)
			fail_msg("the sweep does not end");
		world_skip(5);
		world_turns(&f->w, 1);
	}
}

void access_delete(struct access *f, const char *feed)
{
	struct got g = {0};
	struct store *s = f->w.app;
	s->ops->feed_delete(s, feed, on_plain, &g);
	world_until(&f->w, &g.done);
}
