#include "model.h"

#include <belfry/base/clock.h>

#include <stdlib.h>

/* What people do to their subscriptions while they miss something. */

#define DAY_MS (24u * 3600 * 1000)

/* Histories differ in how much is kept, and in how soon is given up. */
void holds_begin(struct model *m)
{
	static const struct {
		const char *config;
		uint32_t trims;
	} feeds[] = {
		{"{\"max_items\":3}", 5},
		{"{\"max_items\":40}", 60},
		{"{\"max_items\":400}", 1000},
	};
	static const struct policy_retry retries[] = {
		{.first_ms = 50, .max_ms = 1000, .tries = 1000, .give_up_ms = UINT64_MAX},
		{.first_ms = 1, .max_ms = 60000, .tries = 3, .give_up_ms = 0},
	};
	size_t kind = m->seed % 3;
	m->trims = feeds[kind].trims;
	m->w.retry = retries[m->seed / 3 % 2];
	world_feed(&m->w, "feed", feeds[kind].config);
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

static void change(struct model *m, const struct person *p, const struct sub_change *c)
{
	m->w.app->ops->join(m->w.app, "feed", p->jid, c, on_row, m);
}

void step_pause(struct model *m)
{
	const struct sub_change c = {.set = SUB_SET_PAUSED,
				     .only_existing = true,
				     .options.paused = below(m, 2)};
	change(m, &m->p[below(m, PEOPLE)], &c);
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
	if (c.options.quiet.from == c.options.quiet.to)
		return;
	p->urgent_first |= c.options.urgent_passes;
	change(m, p, &c);
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

static void order(struct model *m, struct person *p, enum hold_order what)
{
	struct given *g = malloc(sizeof(*g));
	*g = (struct given){m, p, what};
	m->w.app->ops->hold_order(m->w.app, "feed", p->jid, what, on_order, g);
}

void step_order(struct model *m)
{
	for (unsigned n = 0; n < 5; n++)
		order(m, &m->p[below(m, PEOPLE)],
		      below(m, 2) ? ORDER_REDRIVE : ORDER_DROP);
}

void holds_let_go(struct model *m)
{
	const struct sub_change c = {.set = SUB_SET_QUIET | SUB_SET_PAUSED,
				     .only_existing = true};
	for (size_t i = 0; i < PEOPLE; i++)
		change(m, &m->p[i], &c);
}

void holds_redrive_all(struct model *m)
{
	for (size_t i = 0; i < PEOPLE; i++)
		order(m, &m->p[i], ORDER_REDRIVE);
}

struct looking {
	bool done;
	uint32_t next;
	size_t held;
};

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct looking *l = arg;
	for (size_t i = 0; !err && i < count; i++)
		l->held += sub_held(&rows[i].sub);
	l->next = next;
	l->done = true;
}

size_t holds_left(struct model *m)
{
	struct looking l = {0};
	do {
		l.done = false;
		m->w.app->ops->sub_list(m->w.app, "feed", l.next, 1000, on_rows, &l);
		world_until(&m->w, &l.done);
	} while (l.next);
	return l.held;
}
