#ifndef BELFRY_WORK_LEASE_H
#define BELFRY_WORK_LEASE_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * The lease of a component name: only its holder connects and writes. Whoever does not
 * hold it watches; it takes it when it is free, or when the holder's beat has not moved
 * for the lease's time on our own monotonic clock. Judged by no wall clock.
 */
struct lease;

struct lease_handlers {
	void (*taken)(void *arg, const struct store_owner *owner);
	/* Held no longer: close everything before returning. Standing by again, or
	 * resting after lease_yield(). */
	void (*lost)(void *arg, const char *why);
};

/* Begins to stand by at once; handlers are called from the loop. */
struct lease *lease_create(struct loop *loop, struct store *store, const char *name,
			   uint64_t lease_ms, const struct lease_handlers *handlers,
			   void *arg);
/* After the store was destroyed, as its callbacks come here. NULL is safe. */
void lease_destroy(struct lease *l);

/* Held, and the others must still believe so: asked before each write. */
bool lease_valid_now(const struct lease *l);
bool lease_held(const struct lease *l); /* NULL: no */
/* Standing by, and another one was seen to hold it. NULL: no. */
bool lease_watches(const struct lease *l);
/* The store refused us as an owner: as if it had expired. */
void lease_refused(struct lease *l);
/*
 * Gives it back, if held, so that another one takes it at once: lost() comes first, from
 * inside. We try to have it again after PAUSE_MS, or later if those who stand by need
 * longer to look.
 */
void lease_yield(struct lease *l, uint64_t pause_ms, const char *why);
/* The clean end: gives it back, if held, and takes it no more; lost() is not called. CB
 * may come from inside. */
void lease_release(struct lease *l, store_cb cb, void *arg);

#endif
