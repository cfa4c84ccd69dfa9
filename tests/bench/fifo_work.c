/*
 * belfry work with another queue: the fair one is replaced by one that serves feeds in
 * the order of their events, each whole event before the next. All else is the same code.
 *
 *   fifo_work        (BELFRY_CONFIG)
 */
#include "work/fairq.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/core/config.h>
#include <belfry/work/work.h>

#include <stdio.h>
#include <stdlib.h>

/* One queue a process; a feed enters anew with each event that it is behind by. */
static double arrivals;

void fairq_finish(struct fairq *q)
{
	free(q->heap);
	*q = (struct fairq){0};
}

void fairq_enter(const struct fairq *q, struct fairq_node *n, double weight)
{
	(void)q;
	*n = (struct fairq_node){.tag = ++arrivals, .weight = weight};
}

void fairq_push(struct fairq *q, struct fairq_node *n)
{
	if (n->queued)
		return;
	if (q->count == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 64;
		q->heap = xreallocarray(q->heap, q->cap, sizeof(struct fairq_node *));
	}
	n->queued = true;
	q->heap[q->count++] = n;
}

void fairq_remove(struct fairq *q, struct fairq_node *n)
{
	size_t i = 0;
	if (!n->queued)
		return;
	n->queued = false;
	while (q->heap[i] != n)
		i++;
	q->heap[i] = q->heap[--q->count];
}

struct fairq_node *fairq_first(const struct fairq *q)
{
	struct fairq_node *first = NULL;
	for (size_t i = 0; i < q->count; i++)
		if (!first || fairq_before(q->heap[i], first))
			first = q->heap[i];
	return first;
}

void fairq_charge(struct fairq *q, struct fairq_node *n, double cost)
{
	(void)q;
	(void)n;
	(void)cost;
}

bool fairq_before(const struct fairq_node *a, const struct fairq_node *b)
{
	return a->tag < b->tag;
}

int main(void)
{
	extern char **environ;
	struct buf problems = {0}, warnings = {0};
	struct config *config =
		config_load(getenv("BELFRY_CONFIG"), environ, &problems, &warnings);
	if (!config) {
		fputs(problems.data, stderr);
		return 1;
	}
	int status = work_main(config);
	config_free(config);
	buf_free(&problems);
	buf_free(&warnings);
	return status;
}
