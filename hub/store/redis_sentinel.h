#ifndef STORE_REDIS_SENTINEL_H
#define STORE_REDIS_SENTINEL_H

#include "store/redis_url.h"

#include <belfry/base/buf.h>
#include <belfry/base/loop.h>
#include <belfry/core/config.h>

#include <stdbool.h>

/*
 * The Sentinels of a URL, who say where its master is. They are asked in rounds, all at
 * once: what most of those who answer name counts, and nobody else is waited for once it
 * is more than half of all. So one that is silent, wrong or behind the times costs
 * nothing while the others are well. Their connections stay open from round to round.
 */
struct sentinels;

/*
 * A round has ended. MASTER: what they named, of MOST if that is more than half of all;
 * NULL: nobody named any, and WHY says why.
 */
typedef void (*sentinels_cb)(void *arg, const struct redis_host *master, bool most,
			     const char *why);

/* URL is kept, not copied. */
struct sentinels *sentinels_create(struct loop *loop, const struct redis_url *url,
				   const struct config *config, sentinels_cb cb,
				   void *arg);
/* Begins a round, which ends within a second; not if one is under way. */
void sentinels_ask(struct sentinels *all);
/*
 * Another round, and all of it: then CB, even where they are destroyed before its end.
 */
void sentinels_look(struct sentinels *all, loop_cb cb, void *arg);
/* What the round found, as lines of store_redis_check(): to be asked for in a looker's
 * CB. */
void sentinels_findings(const struct sentinels *all, const struct redis_host *master,
			struct buf *out);
void sentinels_destroy(struct sentinels *all); /* NULL is safe */

#endif
