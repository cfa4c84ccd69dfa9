#ifndef BELFRY_HUB_XMPP_REPLY_H
#define BELFRY_HUB_XMPP_REPLY_H

#include "session.h"

#include <belfry/base/err.h>

/* A stanza error: RFC 6120 8.3, with an application's condition beside it. */
struct reply_error {
	const char *type, *condition;
	const char *detail;  /* element of the pubsub#errors namespace, or NULL */
	const char *feature; /* its attribute, or NULL */
};

/* The condition a failed question to the hub is told with. */
struct reply_error reply_error_of(enum belfry_err err);

/* An error to an IQ; sent and counted. */
void reply_error(struct session *s, const struct incoming *in,
		 const struct reply_error *e);
void reply_request_error(struct request *r, const struct reply_error *e);
/* The same, with a TEXT for people. */
void reply_request_error_text(struct request *r, const struct reply_error *e,
			      const char *text);
/* An error up to what it is about: append that and <error/>, and reply_send(). */
void reply_error_begin(struct buf *out, const struct incoming *in);
void reply_request_error_begin(struct buf *out, const struct request *r);
/* May R be answered with what it asked for? Where ERR is the answer, it is sent. */
bool reply_request_ok(struct request *r, enum belfry_err err);

/*
 * The result of an IQ: begin, append the payload, send. The payload is XML; what comes
 * from outside is put in by reply_attr() and reply_text().
 */
void reply_begin(struct buf *out, const char *from, const char *to, const char *id);
void reply_attr(struct buf *out, const char *name, const char *value);
void reply_text(struct buf *out, const char *element, const char *text);
/* Closes the IQ, sends and frees OUT. A result that there is no room for becomes an
 * error: wait/resource-constraint. */
void reply_send(struct session *s, struct buf *out);
/* There is too much to do just now: wait/resource-constraint; in chat, why. */
void reply_busy(struct session *s, const struct incoming *in);
const char *reply_crowd_text(enum crowd crowd);
/* Is there room for a large answer? Where there is none, that is answered. */
bool reply_has_room(struct session *s, const struct incoming *in);
/* An empty result. */
void reply_done(struct session *s, const struct incoming *in);

/* A chat message to the one who wrote; sent, counted. THREAD may be NULL. Where there is
 * no room for TEXT, that is said instead. */
void reply_chat(struct session *s, const char *from, const char *to, const char *thread,
		const char *text);

/* Formats of what is said in more ways than one, for a feed's name; none begins like a
 * command. */
#define REPLY_FOLLOWS_TEXT "You now follow %s. Write "
#define REPLY_PENDING_TEXT                                                               \
	"You asked to follow %s. Its owners have been asked, and I tell you what they "  \
	"say."
#define REPLY_UNOWNED_TEXT                                                                \
	"You asked to follow %s, and wait. Nobody can answer you in chat yet, as it has " \
	"no owners; the people who run this service can. I tell you what they say."
#define REPLY_LIMIT_TEXT                                                                 \
	"That was too often for now, from you or from your server. Please try again in " \
	"a while: within an hour it works again."
#define REPLY_BUSY_TEXT                                                                  \
	"There is too much to be sent just now. Please try again in a while."

#endif
