#ifndef BELFRY_HUB_XMPP_COMPONENT_TIMING_H
#define BELFRY_HUB_XMPP_COMPONENT_TIMING_H

#include <belfry/xmpp/component.h>

/* How long a component waits; tests wait less. */
struct component_timing {
	uint64_t connect_ms; /* for the stream to be up */
	uint64_t ask_ms;     /* for the multicast service to say what it does */
	uint64_t close_ms;   /* for the server's good-bye */
	uint64_t idle_ms;    /* nothing moves: we ping ourselves ... */
	uint64_t answer_ms;  /* ... and nothing moves still: lost */
	uint64_t barrier_ms; /* nothing moves with a barrier open: lost */
	uint64_t tick_ms;    /* how often that is looked at */
};
extern const struct component_timing component_timing_default;

struct link *component_create_timed(struct loop *loop, const struct config *config,
				    const struct xmpp_hub *hub,
				    const struct link_handlers *handlers, void *arg,
				    const struct component_timing *timing);

#endif
