#ifndef BELFRY_HUB_XMPP_CHAT_H
#define BELFRY_HUB_XMPP_CHAT_H

#include <belfry/base/buf.h>
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
	CHAT_UNKNOWN, /* no command begins like this */
};
/* Why a command cannot be obeyed as it was written. */
enum chat_problem {
	CHAT_FINE,
	CHAT_BAD_FORM,	/* other words belong behind it */
	CHAT_BAD_COUNT, /* N is not 1..CHAT_LAST_MAX */
	CHAT_BAD_NAME,	/* no feed can be called that */
	CHAT_FOR_HUB,	/* the hub would understand it; a feed was written to */
};
struct chat_command {
	enum chat_verb verb;
	enum chat_problem problem;    /* the rest counts where there is none */
	char feed[FEED_NAME_MAX + 1]; /* "" : none was named */
	uint64_t count;		      /* last: 1..CHAT_LAST_MAX */
};
#define CHAT_LAST_MAX 20
#define CHAT_LAST_MAX_TEXT "20"

/*
 * Reads what somebody wrote. FEED is the feed that was written to, NULL for the hub.
 * Foreign input. Spaces, quotes and marks around it do not count, nor does its case. A
 * feed's name keeps the full stops behind it: they may belong to it.
 */
void chat_parse(struct chat_command *c, const char *text, const char *feed);
/* The first word of TEXT, without what is put around words; 0 bytes: there is none. */
size_t chat_first_word(const char *text, const char **word);
/* How to write VERB (CHAT_UNKNOWN: all there is) to a feed, or to the hub: lines. */
void chat_usage(struct buf *out, enum chat_verb verb, bool to_feed);

#endif
