#include "work/engine_int.h"
#include "work/hub.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 100
#define HURRY_MS 20		 /* between pages, the first time after a take-over */
#define PACE_MS 200		 /* later */
#define RETRY_MS 1000		 /* the store did not answer */
#define PAUSE_MS 60000		 /* between two rounds */
#define DENIALS_MS (3600 * 1000) /* between two that look for old denials */

/*
 * Goes slowly through all feeds: wakes those that are behind though no hint says so, as
 * behind is only a hint, and trims the rest. In some rounds it takes away the denials,
 * and what is remembered of requests that were taken back, which count no more, of one
 * feed at a time.
 */
struct janitor {
	struct engine *engine;
	struct loop_timer *timer;
	char after[FEED_NAME_MAX + 1];
	bool running, asked, hurry;
	bool denials; /* in this round they are looked for */
	uint64_t denials_ms;
	char names[PAGE][FEED_NAME_MAX + 1]; /* of the page, for that */
	size_t name, count;
	uint64_t cursor;
};

static void on_trim(void *arg, enum belfry_err err)
{
	(void)arg;
	(void)err; /* the next round tries again */
}

static void look_at(struct engine *e, const struct store_feed *sf)
{
	struct feed_config c;
	char why[64];
	if (feed_find(e, sf->name))
		return;
	if (pos_cmp(sf->head, sf->settled) > 0) {
		feed_wake(e, sf->name);
		return;
	}
	feed_config_init(&c);
	if (sf->head.n &&
	    !feed_config_patch(&c, sf->config, strlen(sf->config), why, sizeof(why)))
		STORE(e, trim, sf->name, c.max_items, trim_oldest_ms(c.max_age_s),
		      on_trim, NULL);
	feed_config_free(&c);
}

/* After a page, or a feed of it. */
static void go_on(struct janitor *j);

/* ---- Denials --------------------------------------------------------------------- */

static void on_dropped(void *arg, enum belfry_err err)
{
	(void)arg;
	(void)err; /* it has changed, or a later round tries again */
}

/* True: it was one. */
static bool drop_old(struct janitor *j, const struct store_pending *p)
{
	struct store_pending none = *p;
	uint64_t keep_ms = p->state == PENDING_DENIED ? HUB_DENIED_MS : HUB_WITHDRAWN_MS;
	if ((p->state != PENDING_DENIED && p->state != PENDING_WITHDRAWN) ||
	    clock_wall_ms() < p->at_ms + keep_ms)
		return false;
	none.state = PENDING_NONE;
	STORE(j->engine, pending_put, j->names[j->name], &none, p->state, NOTICE_NONE,
	      on_dropped, NULL);
	return true;
}

static void on_denials(void *arg, enum belfry_err err, const struct store_pending *list,
		       size_t count, uint64_t next)
{
	struct janitor *j = arg;
	bool any = next != 0;
	j->asked = false;
	if (!j->running)
		return;
	if (j->name == j->count) { /* it has begun anew */
		loop_timer_arm(j->timer, 0);
		return;
	}
	for (size_t i = 0; !err && i < count; i++)
		any |= drop_old(j, &list[i]);
	j->cursor = next;
	if (!next)
		j->name++;
	if (err && err != BELFRY_ENOFEED)
		loop_timer_arm(j->timer, RETRY_MS);
	else if (any)
		loop_timer_arm(j->timer, PACE_MS);
	else
		go_on(j);
}

/* ---- Rounds ---------------------------------------------------------------------- */

static void on_page(void *arg, enum belfry_err err, const struct store_feed *feeds,
		    size_t count, bool more)
{
	struct janitor *j = arg;
	j->asked = false;
	if (!j->running)
		return;
	if (err) {
		loop_timer_arm(j->timer, RETRY_MS);
		return;
	}
	j->name = j->count = 0;
	for (size_t i = 0; i < count; i++) {
		look_at(j->engine, &feeds[i]);
		if (j->denials)
			snprintf(j->names[j->count++], sizeof(j->names[0]), "%s",
				 feeds[i].name);
	}
	snprintf(j->after, sizeof(j->after), "%s",
		 more && count ? feeds[count - 1].name : "");
	go_on(j);
}

static void ask(struct janitor *j)
{
	j->asked = true;
	if (j->name < j->count)
		STORE(j->engine, pending_list, j->names[j->name], j->cursor, PAGE,
		      on_denials, j);
	else
		STORE(j->engine, feed_list, j->after, PAGE, on_page, j);
}

static void go_on(struct janitor *j)
{
	uint64_t now = clock_mono_ms();
	if (j->name < j->count) {
		ask(j);
	} else if (j->after[0]) {
		loop_timer_arm(j->timer, j->hurry ? HURRY_MS : PACE_MS);
	} else {
		j->hurry = false;
		j->denials = now >= j->denials_ms;
		if (j->denials)
			j->denials_ms = now + DENIALS_MS;
		loop_timer_arm(j->timer, PAUSE_MS);
	}
}

static void on_timer(void *arg)
{
	struct janitor *j = arg;
	if (j->running && !j->asked)
		ask(j);
}

struct janitor *janitor_create(struct engine *e)
{
	struct janitor *j = xcalloc(1, sizeof(*j));
	j->engine = e;
	j->timer = loop_timer_create(e->loop, on_timer, j);
	return j;
}

void janitor_destroy(struct janitor *j)
{
	if (!j)
		return;
	loop_timer_destroy(j->timer);
	free(j);
}

void janitor_start(struct janitor *j)
{
	j->running = j->hurry = true;
	j->denials = false;
	j->after[0] = '\0';
	j->name = j->count = 0;
	j->cursor = 0;
	loop_timer_arm(j->timer, 0);
}

void janitor_stop(struct janitor *j)
{
	j->running = false;
	loop_timer_disarm(j->timer);
}
