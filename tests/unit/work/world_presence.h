#ifndef BELFRY_TESTS_UNIT_WORK_WORLD_PRESENCE_H
#define BELFRY_TESTS_UNIT_WORK_WORLD_PRESENCE_H

#include "world.h"

/* For world.c: how a worker learns who is there. ARG is the worker. */
extern const struct link_handlers worker_handlers;
enum availability worker_presence(void *arg, const char *feed, const char *jid,
				  bool *soon);
void worker_wake(void *arg, const char *feed, const char *jid);
/* It has a prober. */
void worker_looks(struct worker *k, bool (*may_write)(void *arg));

#endif
