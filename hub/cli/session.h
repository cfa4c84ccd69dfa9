#ifndef BELFRY_HUB_CLI_SESSION_H
#define BELFRY_HUB_CLI_SESSION_H

#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/store/store.h>

/* A loop and a store, for as long as a subcommand runs. Embedded. */
struct session {
	struct loop *loop;
	struct store *store;
	struct loop_timer *alarm;
};

/* Waits for the store, for redis.timeout_ms; -1: not there, and stderr says why. */
int session_open(struct session *s, const struct config *config);
void session_close(struct session *s);
/* Turns the loop until *DONE, or for so long: true if it is done. */
bool session_wait(struct session *s, const bool *done, uint64_t ms);

#endif
