#ifndef STORE_REDIS_CONN_H
#define STORE_REDIS_CONN_H

#include "store/redis_url.h"

#include <belfry/base/buf.h>
#include <belfry/base/loop.h>

#include <hiredis/hiredis.h>
#include <stdbool.h>

/*
 * One connection to Redis: a non-blocking socket on our loop, and hiredis' parser of
 * replies over an arena (a reply costs no malloc an element, and lives until the callback
 * returns). What is queued in a turn of the loop leaves in one write at its end. It does
 * not reconnect, and knows no command but AUTH. A host name is resolved by getaddrinfo(),
 * which blocks: use an address, or a name that stands in /etc/hosts.
 */
struct conn_events {
	void (*open)(void *arg);			   /* connected: may send */
	void (*reply)(void *arg, const redisReply *reply); /* one answer */
	void (*lost)(void *arg, const char *why);	   /* closed by the other side */
};
struct conn;

/* URL is kept, not copied. */
struct conn *conn_create(struct loop *loop, const struct redis_url *url,
			 const struct conn_events *events, void *arg);
/*
 * For one that is not trusted as the master is, and often connected again: a reply takes
 * up BYTES at most, or the connection is lost; its host's addresses are kept for a while.
 */
void conn_bound(struct conn *c, size_t bytes);
/* From closed. Failure is told by lost(), from the loop. */
void conn_connect(struct conn *c);
/* No callback; what was queued is dropped. Safe in a callback, safe when closed. */
void conn_close(struct conn *c);
/* Appended to by the caller; conn_flush() then says so. */
struct buf *conn_out(struct conn *c);
void conn_flush(struct conn *c);
/* A command of plain words, and AUTH; USER NULL: the default one. */
void conn_put(struct conn *c, const char *const *words, size_t count);
void conn_put_auth(struct conn *c, const char *user, const char *password);
/* NULL is safe, and so is being inside a callback of it. */
void conn_destroy(struct conn *c);

#endif
