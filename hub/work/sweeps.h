#ifndef BELFRY_WORK_SWEEPS_H
#define BELFRY_WORK_SWEEPS_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>

#include "work/hub.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The notices that say that a feed has new outcasts: these are looked for, one feed at a
 * time, while other notices are said. A notice is done when all of them were seen to;
 * before that it stays in the store, and a restart begins again.
 */
struct sweeps;

struct sweeps *sweeps_create(struct loop *loop, struct store *store, struct hub *hub);
/* After the store was destroyed, and hub_forget_sweeps(). NULL is safe. */
void sweeps_destroy(struct sweeps *s);
/* Is the notice ID taken already? */
bool sweeps_knows(const struct sweeps *s, const char *id);
void sweeps_take(struct sweeps *s, const char *id, const char *feed);
size_t sweeps_count(const struct sweeps *s); /* notices that are not done */

#endif
