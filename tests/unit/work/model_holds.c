#include "model.h"

#include <belfry/base/clock.h>

#include <stdio.h>
#include <stdlib.h>

/* What people do to their subscriptions while they miss something. */

#define DAY_MS (24u * 3600 * 1000)
#define OPEN_MINUTES 30 /* of a day, at least: time goes by in steps */

/* Histories differ in how much is kept, and in how soon is given up. */
void holds_begin(struct model *m)
{
	static const struct {
		uint32_t items, trims;
	} feeds[] = {
		{3, 5},
		{40, 60},
		{400, 1000},
	};
	static const struct policy_retry retries[] = {
		{.first_ms = 50, .max_ms = 1000, .tries = 1000, .give_up_ms = UINT64_MAX},
		{.first_ms = 1, .max_ms = 60000, .tries = 3, .give_up_ms = 0},
	};
	size_t kind = m->seed % 3;
	m->trims = feeds[kind].trims;
	m->w.retry = retries[m->seed / 3 % 2];
	/* In a few it asks for receipts by itself. */
	char config[64];
	snprintf(config, sizeof(config), "{\"max_items\":%u%s}", feeds[kind].items,
		 m->seed / 18 % 5 ? "" : ",\"ack\":\"receipt\"");
	world_feed(&m->w, "feed", config);
	/* The hours are the same in each run. */
	memory_pass_time(m->w.memory,
			 DAY_MS - clock_wall_ms() % DAY_MS + m->seed % DAY_MS);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct model *m = arg;
	(void)row;
	CHECK(m, "nobody is made", err || !created);
}

void holds_change(struct model *m, const struct person *p, const struct sub_change *c)
{
	m->w.app->ops->join(m->w.app, "feed", p->jid, c, on_row, m);
}

void step_pause(struct model *m)
{
	const struct sub_change c = {.set = SUB_SET_PAUSED,
				     .only_existing = true,
				     .options.paused = below(m, 2)};
	holds_change(m, &m->p[below(m, PEOPLE)], &c);
}

static void be_quiet(struct model *m, struct person *p)
{
	struct sub_change c = {.set = SUB_SET_QUIET | SUB_SET_URGENT,
			       .only_existing = true};
	c.options.urgent_passes = below(m, 2);
	c.options.quiet = (struct sub_quiet){.set = below(m, 3),
					     .from = below(m, 1440),
					     .to = below(m, 1440),
					     .zone = "UTC"};
	if ((c.options.quiet.from + 1440 - c.options.quiet.to) % 1440 < OPEN_MINUTES)
		return;
	p->urgent_first |= c.options.urgent_passes;
	holds_change(m, p, &c);
}

/* In some histories they love it. */
void step_quiet(struct model *m)
{
	for (unsigned n = m->seed / 6 % 3 ? 1 : 10; n; n--)
		be_quiet(m, &m->p[below(m, PEOPLE)]);
}

void step_hours(struct model *m)
{
	world_pass(&m->w, below(m, 8 * 3600 * 1000));
}

struct given {
	struct model *m;
	struct person *p;
	enum hold_order order;
};

static void on_order(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct given g = *(struct given *)arg;
	(void)row;
	(void)created;
	free(arg);
	if (g.order == ORDER_DROP && (!err || err == BELFRY_EAWAY))
		g.p->dropping = true;
}

void holds_order(struct model *m, struct person *p, enum hold_order what)
{
	struct given *g = malloc(sizeof(*g));
	*g = (struct given){m, p, what};
	m->w.app->ops->hold_order(m->w.app, "feed", p->jid, what, on_order, g);
}

void step_order(struct model *m)
{
	for (unsigned n = 0; n < 5; n++)
		holds_order(m, &m->p[below(m, PEOPLE)],
			    below(m, 2) ? ORDER_REDRIVE : ORDER_DROP);
}
