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

struct posted *model_posted(struct model *m, const char *id)
{
	struct posted *e = &m->e[m->posted++];
	e->urgent = id[EVENT_ID_SIZE - 2] == 'a';
	e->expires = id[EVENT_ID_SIZE - 3] == 'e';
	snprintf(e->id, sizeof(e->id), "%s", id);
	for (size_t i = 0; i < PEOPLE; i++)
		e->owed[i] = m->p[i].joined ? m->p[i].generation : 0;
	return e;
}

/* First copies of one kind come in the log's order. */
static void in_order(struct model *m, const struct parcel *parcel, size_t k, size_t i)
{
	struct posted *e = &m->e[k];
	struct person *p = &m->p[i];
	bool apart = p->urgent_first && e->urgent;
	size_t *last = apart ? &p->last_urgent : &p->last;
	if (e->sent[i])
		return;
	e->sent[i] = true;
	/* He left while it waited at the service, and the stream ended: if he is back,
	 * what he gets now may go the other way, and nobody owes him this one. */
	if (e->owed[i] != p->generation && parcel->stream != m->stream)
		return;
	/* What was refused is sent once more, and may have been overtaken meanwhile; what
	 * was given up may be sent all the same, if something older comes back; and what
	 * waited at the service when the stream ended may be over or gone by now, and is
	 * not sent once more. */
	bool over = (e->expires || e->by || e->of || k < p->told) &&
		    parcel->stream != m->stream;
	CHECK(m, "first copies are in order",
	      k >= *last || e->refused[i] || e->given_up[i] || over);
	if (k >= *last)
		*last = k + 1;
	for (size_t n = 0; p->dropping && n < k; n++)
		m->e[n].given_up[i] = true;
	p->dropping = false;
	retract_sent(m, k, i);
}

/* Somebody does not take it, now and then: true if it came back. */
static bool comes_back(struct model *m, const struct parcel *p, size_t i)
{
	struct link *l = m->worker->link;
	if (!m->sour || receipts_confirmed(m, p, i) || below(m, 3) ||
	    p->stream != m->stream || !l->ops->is_up(l))
		return false;
	m->sour--;
	bool end = below(m, 30) == 0, suspends = below(m, 20) == 0;
	if (end)
		m->p[i].ended = true;
	recorder_bounce(l, p->id, m->p[i].jid,
			end	   ? BOUNCE_ENDS
			: suspends ? BOUNCE_SUSPENDS
				   : BOUNCE_RETRIES,
			below(m, 3) ? "service-unavailable" : "");
	return true;
}

/* Alone, or in which digest: what its id says but for the receiver. */
static uint32_t copy_of(const struct parcel *p)
{
	return row_hash(UINT16_MAX, p->id, (size_t)(strrchr(p->id, '~') - p->id));
}

/* It is delivered. */
static void reach(struct model *m, const struct parcel *p, size_t i)
{
	for (size_t n = 0; n < p->event_count && !p->gap; n++)
		in_order(m, p, p->events[n], i);
	bool back = comes_back(m, p, i);
	for (size_t n = 0; n < p->event_count && !p->gap; n++) {
		struct posted *e = &m->e[p->events[n]];
		e->taken[i] |= !back;
		e->back[i] = back;
		e->copy[i] = copy_of(p);
	}
	if (p->gap) {
		if (!back && p->event >= m->p[i].told)
			m->p[i].told = p->event + 1;
		return;
	}
	if (!back)
		receipts_took(m, p, i);
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
	p->event_count = digest_events(m, &sid, p->events);
	p->event = p->events[p->event_count - 1];
	size_t len;
	const char *text = recorder_message(l, index, &len);
	p->gap = memmem(text, len, "no longer kept", 14) != NULL;
	p->asks = memmem(text, len, "<request ", 9) != NULL;
	for (; (to = recorder_receiver(l, index, p->count)) != NULL; p->count++) {
		size_t i = (size_t)atoi(to + 4);
		CHECK(m, "a receiver", i < PEOPLE && p->count < 20);
		for (size_t n = 0; n < p->event_count; n++) {
			const struct posted *e = &m->e[p->events[n]];
			CHECK(m, "it was committed for him",
			      e->owed[i] || (p->gap && e->of));
		}
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
	for (size_t n = 0; n < p->count * p->event_count && !p->gap; n++)
		if (poisonous(&m->e[p->events[n % p->event_count]],
			      p->people[n / p->event_count]))
			return false;
	if (strstr(p->id, "~group"))
		m->past++;
	else
		reach(m, p, p->people[0]);
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
			reach(m, p, p->people[n]);
	}
	if (m->absent && p->stream == m->stream && l->ops->is_up(l))
		recorder_bounce(l, p->id, MULTICAST, BOUNCE_RETRIES, "not-acceptable");
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

void step_sour(struct model *m)
{
	m->sour = below(m, 8);
}

/* Something that was delivered comes back, some time later. */
void step_bounce(struct model *m)
{
	struct link *l = m->worker->link;
	size_t count = m->looked;
	if (count == 0 || !l->ops->is_up(l))
		return;
	struct parcel p;
	parse(m, below(m, 3) ? count - 1 : below(m, (uint32_t)count), &p);
	size_t i = p.people[below(m, (uint32_t)p.count)];
	if (p.gap)
		return;
	for (size_t n = 0; n < p.event_count; n++)
		if (!m->e[p.events[n]].taken[i])
			return;
	if (receipts_confirmed(m, &p, i))
		return;
	bool end = below(m, 20) == 0;
	if (end)
		m->p[i].ended = true;
	/* What was sent in another digest since, or alone, is what that says. */
	for (size_t n = 0; n < p.event_count; n++)
		if (m->e[p.events[n]].copy[i] == copy_of(&p))
			receipts_back(m, p.events[n], i);
	m->p[i].late = true;
	recorder_bounce(l, p.id, m->p[i].jid, end ? BOUNCE_ENDS : BOUNCE_RETRIES,
			"remote-server-timeout");
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
	presence_stale(m);
	recorder_set_group(l, m->absent ? 0 : m->group);
	recorder_up(l);
}
