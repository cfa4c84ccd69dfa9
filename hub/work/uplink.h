#ifndef BELFRY_WORK_UPLINK_H
#define BELFRY_WORK_UPLINK_H

#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/xmpp/link.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The life of the link: opened while it is wanted, again and again with back-off whatever
 * ended it. What a stream brings goes on to the engine.
 */
struct uplink;

/* HANDLERS (called with ARG) hear what the link says. DOMAIN is kept, not copied. */
struct uplink *uplink_create(struct loop *loop, const char *domain,
			     const struct link_handlers *handlers, void *arg);
/* Destroys the link, too. NULL is safe. */
void uplink_destroy(struct uplink *u);

/* The handlers, and their ARG, to create the link with. */
extern const struct link_handlers uplink_handlers;
/* Takes LINK, made with uplink_handlers and U. */
void uplink_use(struct uplink *u, struct link *link);

/* Wanted: opens it now. Not wanted: closes it at once. May be called in down(). */
void uplink_want(struct uplink *u, bool wanted);
/* Closes the stream, to open another one after the back-off. */
void uplink_restart(struct uplink *u);

bool uplink_up(const struct uplink *u);
bool uplink_closed(const struct uplink *u); /* no stream, none being opened */
/*
 * The last attempt failed, and there is no hope in more of them soon: the server refuses
 * our name or secret, or the link was wanted for 30 s and did not come up. Another worker
 * may do better; we should not try before uplink_retry_ms(), which grows and is not
 * forgotten when the link is not wanted meanwhile. Never of a stream that was up.
 */
bool uplink_stuck(const struct uplink *u);
uint64_t uplink_retry_ms(const struct uplink *u);
uint64_t uplink_opens(const struct uplink *u);
/* Why the last stream ended or did not come up, for people; "" before the first end. */
const char *uplink_why(const struct uplink *u);

#endif
