#ifndef BELFRY_WORK_LOOK_H
#define BELFRY_WORK_LOOK_H

#include <belfry/store/store.h>
#include <belfry/xmpp/hub.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * What a feed shows of itself to its contacts: what was set over REST, and where no
 * status was, the title of its last event, cut at LOOK_TITLE_MAX characters.
 */
#define LOOK_TITLE_MAX 128

struct look {
	struct hub_look shown; /* its texts are owned */
	bool status_set;       /* the status is not a title */
	uint64_t contacts;     /* rows that have the feed as a contact */
};
/* LOOK is the callback's (look_free()), or NULL: ERR is not OK. */
typedef void (*look_cb)(void *arg, enum belfry_err err, struct look *look);
void look_get(struct store *s, const char *feed, look_cb cb, void *arg);
void look_free(struct look *l); /* NULL is safe */

/* Are they the same to see? With SET: as far as somebody has set it. */
bool look_same(const struct look *a, const struct look *b, bool set);

#endif
