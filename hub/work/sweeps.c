#include "work/sweeps.h"

#include "work/hub_int.h"

#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 5000

struct waiting {
	struct waiting *next;
	char *id, *feed;
	bool covered; /* by the sweep that goes on, or has ended */
};

struct sweeps {
	struct store *store;
	struct hub *hub;
	struct loop_timer *retry;
	struct waiting *list; /* in the order of their coming */
	size_t count;
	bool busy; /* with one; or until the next try */
};

static void next(struct sweeps *s);

static void later(struct sweeps *s)
{
	loop_timer_arm(s->retry, RETRY_MS);
}

static void remove_at(struct sweeps *s, struct waiting **at)
{
	struct waiting *w = *at;
	*at = w->next;
	s->count--;
	free(w->id);
	free(w->feed);
	free(w);
}

static struct waiting **first_covered(struct sweeps *s)
{
	struct waiting **at = &s->list;
	while (*at && !(*at)->covered)
		at = &(*at)->next;
	return at;
}

static void on_done(void *arg, enum belfry_err err)
{
	struct sweeps *s = arg;
	if (err) {
		later(s);
		return;
	}
	remove_at(s, first_covered(s));
	next(s);
}

static void on_swept(void *arg, enum belfry_err err)
{
	struct sweeps *s = arg;
	const struct waiting *of = *first_covered(s);
	const char *feed = of ? of->feed : "";
	if (!err || err == BELFRY_ENOFEED) {
		next(s);
	} else if (err == BELFRY_EINVAL || err == BELFRY_EINTERNAL) {
		log_error("new outcasts are not looked for among the followers",
			  log_s("feed", feed), log_s("why", belfry_err_text(err)));
		next(s);
	} else {
		log_warn("not all new outcasts were found; they are looked for again",
			 log_s("feed", feed), log_s("why", belfry_err_text(err)));
		for (struct waiting *w = s->list; w; w = w->next)
			w->covered = false;
		later(s);
	}
}

/* Those of the same feed need but one sweep, if it begins after them. */
static void begin(struct sweeps *s)
{
	const char *feed = s->list->feed;
	for (struct waiting *w = s->list; w; w = w->next)
		w->covered = strcmp(w->feed, feed) == 0;
	hub_sweep(s->hub, feed, on_swept, s);
}

static void next(struct sweeps *s)
{
	const struct waiting *over = *first_covered(s);
	s->busy = s->list != NULL;
	if (over)
		s->store->ops->notice_done(s->store, over->id, on_done, s);
	else if (s->list)
		begin(s);
}

static void on_retry(void *arg)
{
	next(arg);
}

struct sweeps *sweeps_create(struct loop *loop, struct store *store, struct hub *hub)
{
	struct sweeps *s = xcalloc(1, sizeof(*s));
	s->store = store;
	s->hub = hub;
	s->retry = loop_timer_create(loop, on_retry, s);
	return s;
}

void sweeps_destroy(struct sweeps *s)
{
	if (!s)
		return;
	while (s->list)
		remove_at(s, &s->list);
	loop_timer_destroy(s->retry);
	free(s);
}

bool sweeps_knows(const struct sweeps *s, const char *id)
{
	const struct waiting *w = s->list;
	while (w && strcmp(w->id, id) != 0)
		w = w->next;
	return w != NULL;
}

void sweeps_take(struct sweeps *s, const char *id, const char *feed)
{
	struct waiting **at = &s->list;
	if (sweeps_knows(s, id))
		return;
	while (*at)
		at = &(*at)->next;
	*at = xcalloc(1, sizeof(**at));
	(*at)->id = xstrdup(id);
	(*at)->feed = xstrdup(feed);
	s->count++;
	if (!s->busy)
		next(s);
}

size_t sweeps_count(const struct sweeps *s)
{
	return s->count;
}
