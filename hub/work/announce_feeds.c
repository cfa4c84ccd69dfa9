#include "work/announce_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/subscription.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SALT 1000003
#define SET_IN_A_ROW 3

/* ---- The table ------------------------------------------------------------------- */

struct told **told_place(struct announcer *a, const char *name)
{
	uint32_t h = row_hash(TABLE_SALT, name, strlen(name));
	struct told **at = &a->table[h % TOLD_TABLE];
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->chain;
	return at;
}

struct told *told_make(struct announcer *a, const char *name)
{
	struct told **at = told_place(a, name);
	if (!*at) {
		*at = xcalloc(1, sizeof(**at));
		snprintf((*at)->name, sizeof((*at)->name), "%s", name);
		a->count++;
	}
	return *at;
}

static void told_free(struct told *t)
{
	look_free(t->told);
	look_free(t->sweep);
	free(t);
}

void told_forget(struct announcer *a, struct told *t)
{
	struct told **at = told_place(a, t->name);
	*at = t->chain;
	a->count--;
	told_free(t);
}

void told_forget_all(struct announcer *a)
{
	for (size_t i = 0; i < TOLD_TABLE; i++) {
		while (a->table[i]) {
			struct told *t = a->table[i];
			a->table[i] = t->chain;
			told_free(t);
		}
	}
	a->count = 0;
}

void told_each(struct announcer *a, void (*f)(struct announcer *a, struct told *t))
{
	for (size_t i = 0; i < TOLD_TABLE; i++)
		for (struct told *t = a->table[i]; t; t = t->chain)
			f(a, t);
}

/* ---- Whose turn it is ------------------------------------------------------------ */

static void queue_empty(struct told_queue *q)
{
	*q = (struct told_queue){.last = &q->first};
}

static void queue_add(struct told_queue *q, struct told *t)
{
	t->next = NULL;
	*q->last = t;
	q->last = &t->next;
	q->count++;
}

/* AT points to T in Q. */
static void queue_remove(struct told_queue *q, struct told **at, struct told *t)
{
	*at = t->next;
	if (!t->next)
		q->last = at;
	q->count--;
}

void told_none(struct announcer *a)
{
	a->due = NULL;
	queue_empty(&a->set);
	queue_empty(&a->ready);
}

/* What was looked at a moment ago has to go on with telling: that is in no hurry. */
void told_ready(struct announcer *a, struct told *t)
{
	t->state = TOLD_READY;
	t->ahead = t->set && clock_mono_ms() >= t->looked_ms + LOOK_MS;
	queue_add(t->ahead ? &a->set : &a->ready, t);
}

bool told_any(const struct announcer *a)
{
	return a->set.first || a->ready.first;
}

/* However much is set all the time, the others get on, too. */
struct told *told_next(struct announcer *a)
{
	bool set = a->set.first && (!a->ready.first || a->in_a_row < SET_IN_A_ROW);
	struct told_queue *q = set ? &a->set : &a->ready;
	struct told *t = q->first;
	a->in_a_row = set ? a->in_a_row + 1 : 0;
	queue_remove(q, &q->first, t);
	return t;
}

/* Out of its turn; it comes back when it is due, or at once. */
void told_wait(struct announcer *a, struct told *t, uint64_t due_ms)
{
	if (due_ms <= clock_mono_ms()) {
		told_ready(a, t);
		return;
	}
	t->state = TOLD_DUE;
	t->due_ms = due_ms;
	t->next = a->due;
	a->due = t;
}

void told_wake(struct announcer *a, struct told *t)
{
	uint64_t soon = t->looked_ms + LOOK_MS;
	t->woken = true;
	if (t->state == TOLD_REST)
		told_wait(a, t, soon);
	else if (t->state == TOLD_DUE && t->due_ms > soon)
		t->due_ms = soon;
}

void told_wake_set(struct announcer *a, struct told *t)
{
	bool behind = t->state == TOLD_READY && !t->ahead;
	t->set = true;
	told_wake(a, t);
	if (!behind || clock_mono_ms() < t->looked_ms + LOOK_MS)
		return;
	struct told **at = &a->ready.first;
	while (*at != t)
		at = &(*at)->next;
	queue_remove(&a->ready, at, t);
	told_ready(a, t);
}

void told_take_due(struct announcer *a)
{
	uint64_t now = clock_mono_ms();
	for (struct told **at = &a->due; *at;) {
		struct told *t = *at;
		if (t->due_ms > now) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		told_ready(a, t);
	}
}
