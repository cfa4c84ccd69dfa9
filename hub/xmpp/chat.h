#ifndef BELFRY_HUB_XMPP_CHAT_H
#define BELFRY_HUB_XMPP_CHAT_H

#include <belfry/core/feed.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chat_verb {
	CHAT_HELP,
	CHAT_LIST,
	CHAT_SUBSCRIBE,
	CHAT_UNSUBSCRIBE,
	CHAT_LAST,
	CHAT_UNKNOWN,
};
struct chat_command {
	enum chat_verb verb;
	char feed[FEED_NAME_MAX + 1]; /* "" : none was named */
	uint64_t count;		      /* last: 1..CHAT_LAST_MAX */
};
#define CHAT_LAST_MAX 20

/*
 * Reads what somebody wrote. FEED is the feed that was written to, NULL for the hub.
 * Foreign input. CHAT_UNKNOWN: not a command, or not rightly used.
 */
void chat_parse(struct chat_command *c, const char *text, const char *feed);

#endif
