#ifndef BELFRY_HUB_XMPP_STREAM_H
#define BELFRY_HUB_XMPP_STREAM_H

#include <belfry/base/loop.h>
#include <belfry/xmpp/link.h>

#include <strophe.h>

/*
 * One component stream (XEP-0114) over libstrophe, from connecting to its end. All that
 * is peculiar to libstrophe, and to one of its versions, is in strophe.c and stream.c.
 */
struct stream;

struct stream_handlers {
	void (*up)(void *arg);
	void (*stanza)(void *arg, xmpp_stanza_t *stanza);
	void (*moved)(void *arg); /* the peer sent bytes, or made room for ours */
	void (*room)(void *arg);  /* stream_room() is true again */
	/* Nothing is sent or received any more; destroy it. */
	void (*ended)(void *arg, const struct link_down *why);
};

/* Strings and handlers live as long as the stream. Ends in up() or ended(), later. */
struct stream *stream_open(struct loop *loop, const char *host, uint16_t port,
			   const char *domain, const char *secret,
			   const struct stream_handlers *handlers, void *arg);
/* May be called from any handler. NULL is safe. ended() is not called any more. */
void stream_destroy(struct stream *s);

void stream_send(struct stream *s, const char *data, size_t len);
/* The closing tag, behind all that was sent; ended() follows when the server agrees. */
void stream_close(struct stream *s);
/* Ends it at once: ended() comes in the next turn. */
void stream_fail(struct stream *s, enum link_end end, const char *text);
bool stream_room(const struct stream *s);
size_t stream_backlog_bytes(const struct stream *s);

#endif
