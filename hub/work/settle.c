#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>

#include <string.h>

void feed_learn_config(struct feed *f, const struct store_feed *sf)
{
	struct feed_config c;
	char why[128];
	feed_config_init(&c);
	if (feed_config_patch(&c, sf->config, strlen(sf->config), why, sizeof(why)))
		log_warn("feed configuration unreadable, using the defaults",
			 log_s("feed", f->name), log_s("why", why));
	f->max_items = c.max_items;
	f->max_age_s = c.max_age_s;
	f->asks = c.ack_receipt;
	f->turn.weight = c.weight ? c.weight : 1;
	feed_config_free(&c);
}

static void on_trim(void *arg, enum belfry_err err)
{
	struct feed *f = arg;
	(void)err; /* the janitor trims again */
	if (!feed_called(f))
		feed_finish(f);
}

uint64_t trim_oldest_ms(uint64_t max_age_s)
{
	uint64_t now = clock_wall_ms();
	return max_age_s && max_age_s < now / 1000 ? now - max_age_s * 1000 : 0;
}

static void on_trimmed_aside(void *arg, enum belfry_err err)
{
	struct feed *f = arg;
	(void)err; /* the next one trims it, or the janitor */
	if (!feed_called(f))
		f->trimming = false;
}

static void trim_now(struct feed *f, store_cb done)
{
	f->calls++;
	STORE(f->engine, trim, f->name, f->max_items, trim_oldest_ms(f->max_age_s), done,
	      f);
}

static void on_looked(void *arg, enum belfry_err err, const struct store_feed *sf,
		      bool created)
{
	struct feed *f = arg;
	(void)created;
	if (feed_called(f))
		return;
	if (!err)
		feed_learn_config(f, sf);
	trim_now(f, on_trim);
}

static void on_looked_aside(void *arg, enum belfry_err err, const struct store_feed *sf,
			    bool created)
{
	struct feed *f = arg;
	(void)created;
	if (feed_called(f))
		return;
	if (!err)
		feed_learn_config(f, sf);
	trim_now(f, on_trimmed_aside);
}

/* What woke us may have been a change of the limits. */
static void look_and_trim(struct feed *f, store_feed_cb looked, store_cb trimmed)
{
	if (!f->changed) {
		trim_now(f, trimmed);
		return;
	}
	f->changed = false;
	f->calls++;
	STORE(f->engine, feed_get, f->name, looked, f);
}

static void trim(struct feed *f)
{
	f->state = FEED_TRIMMING;
	look_and_trim(f, on_looked, on_trim);
}

/* While deliveries go on: what is settled is of no use to them. */
static void trim_aside(struct feed *f)
{
	if (f->trimming)
		return;
	f->trimming = true;
	look_and_trim(f, on_looked_aside, on_trimmed_aside);
}

static void on_settle(void *arg, enum belfry_err err)
{
	struct feed *f = arg;
	struct engine *e = f->engine;
	if (feed_called(f))
		return;
	switch (err) {
	case BELFRY_OK:
		f->broken = 0;
		trim(f);
		return;
	case BELFRY_ESTALE:
		trim_aside(f);
		feed_resume(f);
		return;
	case BELFRY_ENOFEED:
		feed_forget(f);
		return;
	case BELFRY_ELOST:
		engine_halt(e);
		return;
	default:
		f->state = FEED_PASS;
		feed_fail_err(f, err);
		feed_step(f);
	}
}

void feed_settle(struct feed *f)
{
	f->state = FEED_SETTLING;
	f->settled_ms = clock_mono_ms();
	f->calls++;
	STORE(f->engine, settle, &f->engine->owner, f->name, f->buckets, f->reached,
	      on_settle, f);
}

static void on_settled_aside(void *arg, enum belfry_err err)
{
	struct feed *f = arg;
	struct engine *e = f->engine;
	if (feed_called(f))
		return;
	if (err == BELFRY_ELOST)
		engine_halt(e);
	else if (!err || err == BELFRY_ESTALE)
		trim_aside(f);
}

/* Under a steady flow it is never quite there: what can be trimmed. */
void feed_settle_aside(struct feed *f)
{
	f->settled_ms = clock_mono_ms();
	f->calls++;
	STORE(f->engine, settle, &f->engine->owner, f->name, f->buckets, f->reached,
	      on_settled_aside, f);
}
