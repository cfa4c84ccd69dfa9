#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_wrong(const struct model *m, const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\nMODEL_SEED=%llu repeats it (step %d)\n", file, line,
		what, (unsigned long long)m->seed, m->step);
	abort();
}

uint32_t below(struct model *m, uint32_t bound)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (uint32_t)((m->rng >> 16) % bound);
}

bool poisonous(const struct posted *e, size_t person)
{
	return (e->pos.n * 7 + person) % 97 == 0;
}

/* It is delivered. */
static void reach(struct model *m, size_t k, size_t i)
{
	struct posted *e = &m->e[k];
	if (e->taken[i])
		return;
	/* What was refused is sent once more, and may have been overtaken meanwhile. */
	CHECK(m, "first copies are in order", k >= m->p[i].last || e->refused[i]);
	if (k >= m->p[i].last)
		m->p[i].last = k + 1;
	e->taken[i] = true;
}

/* The stanza as the server parses it. */
static void parse(struct model *m, size_t index, struct parcel *p)
{
	const struct link *l = m->worker->link;
	char *id = recorder_attribute(l, index, "id"), *to;
	struct stanza_id sid;
	*p = (struct parcel){.stream = m->stream};
	CHECK(m, "a stanza id", !stanza_id_parse(id, strlen(id), &sid));
	snprintf(p->id, sizeof(p->id), "%s", id);
	free(id);
	while (p->event < m->posted &&
	       pos_cmp(m->e[p->event].pos, (struct pos){sid.epoch, sid.n}) != 0)
		p->event++;
	CHECK(m, "an event that was committed", p->event < m->posted);
	for (; (to = recorder_receiver(l, index, p->count)) != NULL; p->count++) {
		size_t i = (size_t)atoi(to + 4);
		CHECK(m, "a receiver", i < PEOPLE && p->count < 20);
		CHECK(m, "it was committed for him", m->e[p->event].owed[i]);
		p->people[p->count] = i;
		free(to);
	}
	CHECK(m, "no group is too large",
	      sid.group ? p->count <= m->group : p->count == 1);
	CHECK(m, "only its own users go by the service",
	      !sid.group || m->p[p->people[0]].by_service);
}

/* False: it ended the stream. */
static bool take(struct model *m, size_t index)
{
	struct parcel *p = &m->queue[m->past % QUEUE];
	CHECK(m, "room in the queue", m->past - m->first < QUEUE);
	parse(m, index, p);
	for (size_t n = 0; n < p->count; n++)
		if (poisonous(&m->e[p->event], p->people[n]))
			return false;
	if (strstr(p->id, "~group"))
		m->past++;
	else
		reach(m, p->event, p->people[0]);
	return true;
}

/* The service takes up a parcel: whoever sent it may be gone by then. */
static void serve_parcel(struct model *m)
{
	const struct parcel *p = &m->queue[m->first++ % QUEUE];
	struct link *l = m->worker->link;
	for (size_t n = 0; n < p->count; n++) {
		if (m->absent)
			m->e[p->event].refused[p->people[n]] = true;
		else
			reach(m, p->event, p->people[n]);
	}
	if (m->absent && p->stream == m->stream && l->ops->is_up(l))
		recorder_bounce(l, p->id, MULTICAST, BOUNCE_OTHER, "not-acceptable");
}

void step_parcels(struct model *m)
{
	for (uint32_t n = below(m, 5); n && m->first < m->past; n--)
		serve_parcel(m);
}

void step_service(struct model *m)
{
	m->absent = below(m, 3) == 0;
}

void step_serve(struct model *m)
{
	struct link *l = m->worker->link;
	size_t before = 0;
	for (uint32_t n = 1 + below(m, 3); n && recorder_oldest(l, &before); n--) {
		for (; m->looked < before; m->looked++) {
			if (take(m, m->looked))
				continue;
			m->looked = recorder_messages(l);
			recorder_down(l, LINK_END_ERROR, "policy-violation");
			return;
		}
		while (recorder_oldest_service(l) && m->first < m->past)
			serve_parcel(m);
		recorder_serve_one(l);
	}
}

void step_bounce(struct model *m)
{
	struct link *l = m->worker->link;
	size_t count = recorder_messages(l);
	if (count == 0 || !l->ops->is_up(l))
		return;
	size_t index = below(m, 3) ? count - 1 : below(m, (uint32_t)count);
	size_t receivers = 0, n;
	char *to, *id = recorder_attribute(l, index, "id");
	for (; (to = recorder_receiver(l, index, receivers)) != NULL; receivers++)
		free(to);
	n = receivers > 1 ? below(m, (uint32_t)receivers) : 0;
	to = recorder_receiver(l, index, n);
	bool end = below(m, 20) == 0;
	if (end)
		m->p[atoi(to + 4)].ended = true;
	recorder_bounce(l, id, to, end ? BOUNCE_ENDS : BOUNCE_OTHER, "");
	free(to);
	free(id);
}

/* What was sent behind the last barrier that passed may never have arrived. */
void step_break(struct model *m)
{
	struct link *l = m->worker->link;
	if (!l->ops->is_up(l))
		return;
	m->looked = recorder_messages(l);
	recorder_down(l, LINK_END_LOST, "");
}

void step_up(struct model *m)
{
	struct link *l = m->worker->link;
	if (l->ops->is_up(l))
		return;
	m->stream++;
	recorder_set_group(l, m->absent ? 0 : m->group);
	recorder_up(l);
}
