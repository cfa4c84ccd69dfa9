#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>

/*
 * What is scheduled goes into its feed's log when it is due. It is asked for when the
 * first of it is, as far as is known, when the store says so, and once in a while. In a
 * round each feed that has something due has one turn, so that none waits for a burst of
 * another; rounds follow one another as long as there is something.
 */
#define ASK_MS 10000
#define AWAY_MS 1000
#define ROUND_FEEDS 256
#define UNDER_WAY 8 /* releases at a time: each keeps Redis busy */

struct schedule {
	struct engine *engine;
	struct loop_timer *timer;
	uint64_t at_ms; /* when it goes off, if it is armed */
	bool running;
	bool asked, again;
	char feeds[ROUND_FEEDS][FEED_NAME_MAX + 1]; /* of the round */
	size_t count, next;
	unsigned under_way;
	bool failed, any; /* of the round: something did, or came into a log */
	uint64_t wait_ms;
};

void schedule_hint(struct schedule *s, uint64_t wait_ms)
{
	uint64_t now = clock_mono_ms();
	if (!s->running)
		return;
	if (wait_ms > ASK_MS)
		wait_ms = ASK_MS;
	if (loop_timer_armed(s->timer) && s->at_ms <= now + wait_ms)
		return;
	s->at_ms = now + wait_ms;
	loop_timer_arm(s->timer, wait_ms);
}

static void round_end(struct schedule *s)
{
	uint64_t wait_ms = s->wait_ms;
	if (s->failed || (s->count && !s->any))
		wait_ms = AWAY_MS;
	else if (s->count || s->again)
		wait_ms = 0;
	s->again = false;
	s->count = 0;
	schedule_hint(s, wait_ms);
}

static void on_released(void *arg, enum belfry_err err, uint64_t released, uint64_t lost);

static void release_next(struct schedule *s)
{
	while (s->running && s->under_way < UNDER_WAY && s->next < s->count) {
		s->under_way++;
		STORE(s->engine, release, s->feeds[s->next++], on_released, s);
	}
	if (s->under_way == 0)
		round_end(s);
}

static void on_released(void *arg, enum belfry_err err, uint64_t released, uint64_t lost)
{
	struct schedule *s = arg;
	s->under_way--;
	s->engine->counters.released += released;
	s->any |= released || lost;
	if (err && err != BELFRY_ENOFEED)
		s->failed = true;
	if (lost)
		log_error("scheduled events are gone: what Redis holds are none",
			  log_u("events", lost));
	release_next(s);
}

static void on_feeds(void *arg, enum belfry_err err, const char *const *feeds,
		     size_t count, uint64_t wait_ms)
{
	struct schedule *s = arg;
	s->asked = false;
	s->failed = err != BELFRY_OK;
	s->any = false;
	s->wait_ms = wait_ms;
	s->next = 0;
	s->count = err ? 0 : count;
	for (size_t i = 0; i < s->count; i++)
		snprintf(s->feeds[i], sizeof(s->feeds[i]), "%s", feeds[i]);
	release_next(s);
}

static void on_timer(void *arg)
{
	struct schedule *s = arg;
	if (s->asked || s->under_way) {
		s->again = true;
		return;
	}
	s->asked = true;
	STORE(s->engine, scheduled_due, ROUND_FEEDS, on_feeds, s);
}

struct schedule *schedule_create(struct engine *e)
{
	struct schedule *s = xcalloc(1, sizeof(*s));
	s->engine = e;
	s->timer = loop_timer_create(e->loop, on_timer, s);
	return s;
}

void schedule_destroy(struct schedule *s)
{
	if (!s)
		return;
	loop_timer_destroy(s->timer);
	free(s);
}

void schedule_start(struct schedule *s)
{
	s->running = true;
	schedule_hint(s, 0);
}

void schedule_stop(struct schedule *s)
{
	s->running = false;
	loop_timer_disarm(s->timer);
}
