#include "work/fairq.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

bool fairq_before(const struct fairq_node *a, const struct fairq_node *b)
{
	if (a->tag < b->tag)
		return true;
	return !(b->tag < a->tag) && a->seq < b->seq;
}

static void place(struct fairq *q, size_t i, struct fairq_node *n)
{
	q->heap[i] = n;
	n->index = i;
}

static void sift_up(struct fairq *q, size_t i, struct fairq_node *n)
{
	while (i > 0 && fairq_before(n, q->heap[(i - 1) / 2])) {
		place(q, i, q->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(q, i, n);
}

static void sift_down(struct fairq *q, size_t i, struct fairq_node *n)
{
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= q->count)
			break;
		if (child + 1 < q->count &&
		    fairq_before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!fairq_before(q->heap[child], n))
			break;
		place(q, i, q->heap[child]);
		i = child;
	}
	place(q, i, n);
}

void fairq_finish(struct fairq *q)
{
	free(q->heap);
	*q = (struct fairq){0};
}

void fairq_enter(const struct fairq *q, struct fairq_node *n, double weight)
{
	*n = (struct fairq_node){.tag = q->now, .weight = weight};
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
	n->seq = q->seq++;
	q->count++;
	sift_up(q, q->count - 1, n);
}

void fairq_remove(struct fairq *q, struct fairq_node *n)
{
	if (!n->queued)
		return;
	n->queued = false;
	struct fairq_node *last = q->heap[--q->count];
	if (last == n)
		return;
	size_t hole = n->index;
	if (hole > 0 && fairq_before(last, q->heap[(hole - 1) / 2]))
		sift_up(q, hole, last);
	else
		sift_down(q, hole, last);
}

struct fairq_node *fairq_first(const struct fairq *q)
{
	return q->count ? q->heap[0] : NULL;
}

void fairq_charge(struct fairq *q, struct fairq_node *n, double cost)
{
	if (n->tag > q->now)
		q->now = n->tag;
	n->tag += cost / n->weight;
}
