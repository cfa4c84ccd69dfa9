#ifndef BELFRY_TESTS_BENCH_GUARD_HUB_H
#define BELFRY_TESTS_BENCH_GUARD_HUB_H

#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/store/store.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * What the programs of the guard stand on: a loop, and the store on the Redis that
 * BELFRY_REDIS_URL names. What fails ends the program.
 */
struct guard_hub {
	struct loop *loop;
	struct config *config;
	struct store *store;
	bool done;
};

/* Waits until the store is up, and makes FEED. */
void guard_hub_open(struct guard_hub *g, const char *feed);
/* After what stands on the store's callbacks no longer needs them. */
void guard_hub_close(struct guard_hub *g);

/* Turns the loop until DONE, which is false again then. */
void guard_hub_wait(struct guard_hub *g);
/* A store_cb that sets DONE; ARG is the hub. */
void guard_hub_done(void *arg, enum belfry_err err);
_Noreturn void guard_fail(const char *what, const char *why);
/* A positive number of the command line. */
size_t guard_number(const char *text);

#endif
