#ifndef BELFRY_HUB_SERVE_MOMENTS_H
#define BELFRY_HUB_SERVE_MOMENTS_H

#include "service.h"

#include <belfry/core/when.h>

/* When an event is to be delivered, and until when. */
struct moments {
	struct when deliver, expires; /* as they were given */
	uint64_t due_ms, expires_ms;  /* on the wall clock; 0: now, and never */
};
/*
 * Each by its header, else by the query, else by EVENT itself; NOW_MS is now. 0, or -1
 * and the call has been answered.
 */
int moments_choose(struct call *call, const struct event *event, uint64_t now_ms,
		   struct moments *out);

#endif
