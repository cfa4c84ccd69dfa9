#ifndef BELFRY_CORE_AVAILABILITY_H
#define BELFRY_CORE_AVAILABILITY_H

#include <stdbool.h>
#include <stddef.h>

/* What a person shows of itself (RFC 6121 4.7.2); the better the earlier. */
enum availability {
	AVAIL_UNKNOWN, /* we may not know, or do not yet */
	AVAIL_CHAT,
	AVAIL_ONLINE,
	AVAIL_AWAY,
	AVAIL_XA,
	AVAIL_DND,
	AVAIL_OFFLINE,
};
/* "unknown", "chat", "online", "away", "xa", "dnd", "offline" */
const char *availability_text(enum availability a);

/*
 * Some of chat, online, away, xa, dnd (the words of pubsub#show-values): a bit each;
 * 0: none.
 */
#define SHOWS_ALL 31u
unsigned shows_bit(enum availability a); /* 0: it is none of them */
/* One word; 0: it is not one. */
unsigned shows_parse(const char *s, size_t len);
/* "chat, online"; "" for none. Always room. */
#define SHOWS_TEXT_SIZE 40
size_t shows_text(unsigned shows, char out[SHOWS_TEXT_SIZE]);
/* The first of them, which is taken from SHOWS; NULL: there is none. */
const char *shows_next(unsigned *shows);

#endif
