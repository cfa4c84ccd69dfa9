#ifndef BELFRY_HUB_XMPP_CHAT_H
#define BELFRY_HUB_XMPP_CHAT_H

#include "commands.h"

struct chat_command {
	const struct command *command; /* NULL: no command begins like this */
	enum command_problem problem;
	struct command_args args; /* count where there is no problem */
};

/*
 * Reads what somebody wrote. FEED is the feed that was written to, NULL for the hub.
 * Foreign input. Spaces, quotes and marks around it do not count, nor does its case. A
 * feed's name keeps the full stops behind it: they may belong to it.
 */
void chat_parse(struct chat_command *c, const char *text, const char *feed);
/* The first word of TEXT, without what is put around words; 0 bytes: there is none. */
size_t chat_first_word(const char *text, const char **word);
/* How to write C to a feed, or to the hub: lines. */
void chat_usage(struct buf *out, const struct command *c, bool to_feed);

#endif
