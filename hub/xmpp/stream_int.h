#ifndef BELFRY_HUB_XMPP_STREAM_INT_H
#define BELFRY_HUB_XMPP_STREAM_INT_H

#include "guard.h"
#include "stream.h"

#include <belfry/base/buf.h>

#include <netdb.h>

/* Between stream.c, which carries the bytes, and strophe.c, which knows libstrophe. */

#define STREAM_MAGIC 0x57e4a301u
#define ADDRESSES_MAX 8

/*
 * libstrophe connects, shakes hands and parses, but does not touch the connection once it
 * stands: it gets one end of a pair of sockets instead, and we carry the bytes between.
 * - What comes in goes through the guard (guard.h); it gets to see the tags of the stream
 *   itself, and parses stanzas without knowing where they are from.
 * - What we send goes out directly. libstrophe's queue would copy every buffer, and
 *   xmpp_conn_send_queue_len() leaves out an element that is half written, so it cannot
 *   say whether to wait for room in the socket.
 * - It closes and selects its own descriptor only, whenever it likes.
 */
struct stream {
	unsigned magic;
	struct loop *loop;
	uint16_t port;
	const char *domain, *secret;
	const struct stream_handlers *handlers;
	void *arg;
	char addresses[ADDRESSES_MAX][NI_MAXHOST];
	size_t address_count, address_next;
	xmpp_ctx_t *ctx;
	xmpp_conn_t *conn;
	int fd;	    /* the connection */
	int theirs; /* libstrophe's descriptor: first of the connection, then of the pair
		     */
	int pair;   /* our end; -1: still connecting */
	struct guard guard;
	struct loop_fd *watch;
	struct loop_timer *soon; /* reports an end from the loop */
	struct buf outbox;
	size_t outbox_sent;
	bool crowded; /* room() is owed */
	bool up, dead, closing, pumping, doomed, told;
	enum link_end end;
	char condition[64], text[256];
};

/* Makes libstrophe's context and lets it begin to connect: s->theirs. 0 or -1. */
int strophe_begin(struct stream *s, const char *address);
/* Parses a whole stanza and hands it to the handler. -1: it is not well-formed. */
int strophe_stanza(struct stream *s, const char *xml);
/* Releases what strophe_begin() made; libstrophe closes s->theirs. */
void strophe_end(struct stream *s);

#endif
