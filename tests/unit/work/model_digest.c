#include "model.h"

/* People who want events together, and the stanzas that bear many. */

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct model *m = arg;
	(void)row;
	CHECK(m, "nobody is made", err || !created);
}

static void set_digest(struct model *m, const struct person *p, struct sub_digest d)
{
	const struct sub_change c = {
		.set = SUB_SET_DIGEST, .only_existing = true, .options.digest = d};
	m->w.app->ops->join(m->w.app, "feed", p->jid, &c, on_row, m);
}

static struct sub_digest some_digest(struct model *m)
{
	switch (below(m, 4)) {
	case 0:
		return (struct sub_digest){0};
	case 1:
		return (struct sub_digest){
			.daily = true, .at = below(m, 1440), .zone = "UTC"};
	default:
		return (struct sub_digest){.every_min = 1 + below(m, 90)};
	}
}

/* In some histories nobody does, in some many. */
void step_digest(struct model *m)
{
	for (uint64_t n = m->seed / 7 % 3 * 6; n; n--)
		set_digest(m, &m->p[below(m, PEOPLE)], some_digest(m));
}

/* In the end some still do. */
void digest_let_go(struct model *m)
{
	for (size_t i = 0; i < PEOPLE && m->seed / 21 % 2; i++)
		set_digest(m, &m->p[i], (struct sub_digest){0});
}

size_t digest_events(const struct model *m, const struct stanza_id *id,
		     size_t out[SUB_MEMBERS_MAX])
{
	uint64_t members = id->members ? id->members : 1;
	size_t count = 0;
	for (size_t k = 0; k < m->posted; k++) {
		struct pos pos = m->e[k].pos;
		if (pos.epoch == id->epoch && pos.n <= id->n &&
		    id->n - pos.n < SUB_MEMBERS_MAX && members >> (id->n - pos.n) & 1)
			out[count++] = k;
	}
	CHECK(m, "events that were committed",
	      count == (size_t)__builtin_popcountll(members));
	return count;
}
