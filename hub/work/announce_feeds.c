#include "work/announce_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/subscription.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SALT 1000003

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

void told_ready(struct announcer *a, struct told *t)
{
	t->state = TOLD_READY;
	t->next = NULL;
	*a->ready_last = t;
	a->ready_last = &t->next;
	a->ready_count++;
}

struct told *told_next(struct announcer *a)
{
	struct told *t = a->ready;
	a->ready = t->next;
	if (!a->ready)
		a->ready_last = &a->ready;
	a->ready_count--;
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
