#ifndef BELFRY_HUB_XMPP_CHAT_INT_H
#define BELFRY_HUB_XMPP_CHAT_INT_H

#include "chat.h"
#include "session.h"

/* A question that came by chat: its answer is a chat message. NULL: too many are open. */
struct request *chat_request(struct session *s, const struct incoming *in,
			     const char *feed);
void chat_say(const struct request *r, const char *text);
void chat_say_failure(const struct request *r, enum belfry_err err);
/* Says TEXT where it went well, and frees R. */
void chat_end(struct request *r, enum belfry_err err, const char *text);
/* Without a question to the hub. */
void chat_say_now(struct session *s, const struct incoming *in, const char *text);

/* The commands, rightly used. */
void chat_list(struct session *s, const struct incoming *in,
	       const struct chat_command *c);
void chat_subscribe(struct session *s, const struct incoming *in,
		    const struct chat_command *c);
void chat_unsubscribe(struct session *s, const struct incoming *in,
		      const struct chat_command *c);
void chat_last(struct session *s, const struct incoming *in,
	       const struct chat_command *c);

#endif
