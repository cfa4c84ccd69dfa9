#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 100
#define HURRY_MS 20    /* between pages, the first time after a take-over */
#define PACE_MS 200    /* later */
#define PAUSE_MS 60000 /* between two rounds */

/*
 * Goes slowly through all feeds: wakes those that are behind though no hint says so, as
 * behind is only a hint, and trims the rest.
 */
struct janitor {
	struct engine *engine;
	struct loop_timer *timer;
	char after[FEED_NAME_MAX + 1];
	bool running, asked, hurry;
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

static void on_page(void *arg, enum belfry_err err, const struct store_feed *feeds,
		    size_t count, bool more)
{
	struct janitor *j = arg;
	j->asked = false;
	if (!j->running)
		return;
	if (err) {
		loop_timer_arm(j->timer, 1000);
		return;
	}
	for (size_t i = 0; i < count; i++)
		look_at(j->engine, &feeds[i]);
	if (more && count) {
		snprintf(j->after, sizeof(j->after), "%s", feeds[count - 1].name);
		loop_timer_arm(j->timer, j->hurry ? HURRY_MS : PACE_MS);
		return;
	}
	j->after[0] = '\0';
	j->hurry = false;
	loop_timer_arm(j->timer, PAUSE_MS);
}

static void on_timer(void *arg)
{
	struct janitor *j = arg;
	if (!j->running || j->asked)
		return;
	j->asked = true;
	STORE(j->engine, feed_list, j->after, PAGE, on_page, j);
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
	j->after[0] = '\0';
	loop_timer_arm(j->timer, 0);
}

void janitor_stop(struct janitor *j)
{
	j->running = false;
	loop_timer_disarm(j->timer);
}
