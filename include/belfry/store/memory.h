#ifndef BELFRY_STORE_MEMORY_H
#define BELFRY_STORE_MEMORY_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>

/*
 * The store in memory, for tests of what stands on it: same contract, no durability.
 * Several struct store on one struct memory act as several processes on one Redis.
 */
struct memory;
struct memory *memory_create(void);
void memory_destroy(struct memory *m);
struct store *store_memory_create(struct loop *loop, struct memory *m);

/* Faults: as if Redis had restarted (a new epoch begins) ... */
void memory_restart(struct memory *m);
/* ... was away (every call: EAWAY) ... */
void memory_set_away(struct memory *m, bool away);
/* ... or had no room (commit, and what else takes some: EFULL) ... */
void memory_set_full(struct memory *m, bool full);
/* ... or had lost its hints: behind() names nobody until the next commit. */
void memory_forget_behind(struct memory *m);
/* What is Redis' clock goes on: what holds are due by. It is the wall's to begin with. */
void memory_pass_time(struct memory *m, uint64_t ms);

#endif
