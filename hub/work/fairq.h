#ifndef BELFRY_WORK_FAIRQ_H
#define BELFRY_WORK_FAIRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Start-time fair queuing: who is served next is whoever has the smallest tag. Being
 * served costs cost / weight of tag; whoever comes anew starts at the tag served last, so
 * that it neither waits behind a long backlog nor is owed for the time it was away.
 * Pure: a heap of nodes that others own.
 */
struct fairq_node {
	double tag;
	double weight; /* > 0 */
	uint64_t seq;  /* among equal tags, first come first served */
	size_t index;  /* in the heap; meaningful while queued */
	bool queued;
};
struct fairq {
	struct fairq_node **heap;
	size_t count, cap;
	double now; /* virtual time: the largest tag ever served */
	uint64_t seq;
};

void fairq_finish(struct fairq *q); /* frees the heap, not the nodes */
/* The node comes to the system: its tag begins at the virtual time. */
void fairq_enter(const struct fairq *q, struct fairq_node *n, double weight);
/* The node waits for its turn; its tag does not change while it does. */
void fairq_push(struct fairq *q, struct fairq_node *n);
/* No harm if it does not wait. */
void fairq_remove(struct fairq *q, struct fairq_node *n);
struct fairq_node *fairq_first(const struct fairq *q); /* NULL: nobody waits */
/* The node, which is not queued, was served. */
void fairq_charge(struct fairq *q, struct fairq_node *n, double cost);
bool fairq_before(const struct fairq_node *a, const struct fairq_node *b);

#endif
