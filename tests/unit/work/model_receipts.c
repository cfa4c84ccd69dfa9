#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Clients that are asked for receipts, and give them sooner or later, in any order,
 * twice, or never; and a server that forgets what it has for them when it crashes.
 */

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct model *m = arg;
	(void)row;
	CHECK(m, "nobody is made", err || !created);
}

void step_ask(struct model *m)
{
	const struct sub_change c = {.set = SUB_SET_RECEIPT,
				     .only_existing = true,
				     .options.receipt = below(m, 10) != 0,
				     .options.no_receipt = below(m, 2)};
	/* Nobody is asked in some histories, nearly everybody in others. */
	for (uint64_t n = m->seed / 18 % 3 * 5; n; n--) {
		struct person *p = &m->p[below(m, PEOPLE)];
		m->w.app->ops->join(m->w.app, "feed", p->jid, &c, on_row, m);
	}
	m->p[below(m, PEOPLE)].mute = below(m, 4) == 0;
}

void receipts_took(struct model *m, const struct parcel *p, size_t person)
{
	for (size_t n = 0; n < p->event_count; n++) {
		struct posted *e = &m->e[p->events[n]];
		free(e->kept[person]);
		e->kept[person] = strdup(p->id);
		e->asked[person] = p->asks;
		e->lost[person] = e->awaited[person] = false;
	}
	CHECK(m, "no digest asks for a receipt", !p->asks || p->event_count == 1);
}

bool receipts_confirmed(const struct model *m, const struct parcel *p, size_t person)
{
	for (size_t n = 0; n < p->event_count; n++)
		if (m->e[p->events[n]].confirmed[person])
			return true;
	return false;
}

void receipts_back(struct model *m, size_t event, size_t person)
{
	struct posted *e = &m->e[event];
	free(e->kept[person]);
	e->kept[person] = NULL;
	e->back[person] = true;
}

/* A client takes what the server has for it. */
static void read_one(struct model *m, size_t k, size_t i, bool confirm)
{
	struct posted *e = &m->e[k];
	char jid[64];
	if (!e->kept[i])
		return;
	snprintf(jid, sizeof(jid), "%s/%u", m->p[i].jid, below(m, 2));
	confirm = confirm && e->asked[i];
	e->confirmed[i] |= confirm;
	for (unsigned times = confirm ? 1 + (below(m, 5) == 0) : 0; times; times--)
		recorder_received(m->worker->link, e->kept[i], jid);
	e->read[i] = true;
	if (below(m, 20) == 0)
		return; /* its copy is still there */
	free(e->kept[i]);
	e->kept[i] = NULL;
}

void step_read(struct model *m)
{
	for (unsigned n = 0; n < 10; n++) {
		size_t i = below(m, PEOPLE);
		for (size_t k = 0; k < m->posted; k++)
			if (below(m, 4))
				read_one(m, k, i, !m->p[i].mute && below(m, 10));
	}
}

void receipts_read_all(struct model *m)
{
	for (size_t k = 0; k < m->posted; k++)
		for (size_t i = 0; i < PEOPLE; i++)
			read_one(m, k, i, true);
}

/* What is noted of people, a page at a time. */
struct notes {
	struct model *m;
	bool done;
	uint32_t next;
	struct sub_hold holds[PEOPLE];
};

static void on_notes(void *arg, enum belfry_err err, const struct store_row *rows,
		     size_t count, uint32_t next)
{
	struct notes *n = arg;
	for (size_t i = 0; !err && i < count; i++)
		if (sub_held(&rows[i].sub))
			sub_hold_read(&rows[i].sub,
				      &n->holds[atoi(rows[i].jid + strlen("user"))]);
	n->next = next;
	n->done = true;
}

static void read_notes(struct notes *n)
{
	struct model *m = n->m;
	do {
		n->done = false;
		m->w.app->ops->sub_list(m->w.app, "feed", n->next, 1000, on_notes, n);
		world_until(&m->w, &n->done);
	} while (n->next);
}

/* What its clients have not fetched is gone, and so is the stream. */
void step_server(struct model *m)
{
	struct link *l = m->worker->link;
	struct notes notes = {.m = m};
	read_notes(&notes);
	if (!l->ops->is_up(l))
		return;
	for (size_t k = 0; k < m->posted; k++) {
		struct posted *e = &m->e[k];
		for (size_t i = 0; i < PEOPLE; i++) {
			if (e->kept[i] && !e->read[i]) {
				e->lost[i] = true;
				e->awaited[i] |= hold_awaits(&notes.holds[i], e->pos);
			}
			free(e->kept[i]);
			e->kept[i] = NULL;
		}
	}
	step_break(m);
}

/* ---- The end ------------------------------------------------------------------------
 */

struct proofs {
	struct model *m;
	bool done;
	uint32_t next;
	struct pos since[PEOPLE];
	bool proven[PEOPLE];
};

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct proofs *p = arg;
	for (size_t n = 0; !err && n < count; n++)
		for (size_t i = 0; i < PEOPLE; i++)
			if (strlen(p->m->p[i].jid) == rows[n].jid_len &&
			    !memcmp(p->m->p[i].jid, rows[n].jid, rows[n].jid_len))
				p->proven[i] = sub_proven(&rows[n].sub, &p->since[i]);
	p->next = next;
	p->done = true;
}

/* Is what the server had of event K for person I gone for good? */
static bool is_lost(struct proofs *p, size_t k, size_t i)
{
	const struct model *m = p->m;
	const struct posted *e = &m->e[k];
	if (!e->lost[i] || !p->proven[i] || pos_cmp(e->pos, p->since[i]) <= 0 ||
	    e->owed[i] != m->p[i].generation || m->p[i].ended || !m->p[i].joined)
		return false;
	/* It is still to come, or has been taken back, or he was told that it is gone. */
	if (rest_holds(m, k, i) || retract_excuses(m, k, i) || e->expires ||
	    k < m->p[i].told || e->given_up[i] || m->p[i].dropping)
		return false;
	/* What passed a hold is not asked for; what is noted is. */
	return e->awaited[i] || !(e->urgent && m->p[i].urgent_first);
}

/* Who has shown that he confirms, and has not been given up since, has lost nothing. */
void receipts_check(struct model *m)
{
	struct proofs p = {.m = m};
	do {
		p.done = false;
		m->w.app->ops->sub_list(m->w.app, "feed", p.next, 1000, on_rows, &p);
		world_until(&m->w, &p.done);
	} while (p.next);
	for (size_t k = 0; k < m->posted; k++)
		for (size_t i = 0; i < PEOPLE; i++)
			CHECK(m, "what a server has lost is sent again",
			      !is_lost(&p, k, i));
}

void receipts_free(struct model *m)
{
	for (size_t k = 0; k < m->posted; k++)
		for (size_t i = 0; i < PEOPLE; i++)
			free(m->e[k].kept[i]);
}
