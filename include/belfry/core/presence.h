#ifndef BELFRY_CORE_PRESENCE_H
#define BELFRY_CORE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>

/* What a feed shows of itself in rosters (RFC 6121 4.7.2), as the app sets it. */
enum feed_show { SHOW_AVAILABLE, SHOW_CHAT, SHOW_AWAY, SHOW_XA, SHOW_DND };

#define PRESENCE_STATUS_MAX 256 /* bytes */
struct feed_presence {
	enum feed_show show; /* default: available */
	char *status;	     /* NULL: none of its own */
};

const char *feed_show_text(enum feed_show show); /* "available", "chat", ... */
int feed_show_parse(const char *s, size_t len, enum feed_show *out);

/*
 * From a JSON object with the members show and status; one that is absent or null has its
 * default, and so has an empty status. Foreign input: an unknown member, a wrong type, a
 * status that is too long or contains control characters: -1, *p is the default, and WHY
 * says what to do. Free with feed_presence_free().
 */
int feed_presence_parse(struct feed_presence *p, const char *json, size_t len, char *why,
			size_t why_size);
/* Sets the status; LEN 0: none. 0, or -1 and WHY, *p as it was. */
int feed_presence_set_status(struct feed_presence *p, const char *status, size_t len,
			     char *why, size_t why_size);
/* Compact JSON of both members, malloc'ed; feed_presence_parse() undoes it. */
char *feed_presence_json(const struct feed_presence *p);
/* As if nobody had set it. */
bool feed_presence_is_default(const struct feed_presence *p);
void feed_presence_free(struct feed_presence *p); /* what it holds; it is the default */

#endif
