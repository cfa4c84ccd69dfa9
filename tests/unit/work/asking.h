#ifndef BELFRY_TESTS_UNIT_WORK_ASKING_H
#define BELFRY_TESTS_UNIT_WORK_ASKING_H

#include "work/hub.h"
#include "world.h"

/* Questions to the hub, and what it answered. */
#define US "alice@example.org/phone"
#define US_BARE "alice@example.org"
#define THEM "mallory@example.net/x"

struct reply {
	bool done, more;
	enum belfry_err err;
	char text[512];	  /* names or items, each followed by a space */
	char feeds[2048]; /* of the items */
};

/* Four feeds: a-local, b-open, c-list (US alone), d-open. */
void ask_begin(struct world *w, struct hub *h);
void ask_commit(struct world *w, uint64_t at_ms, const char *feed, const char *title);
struct reply ask_recent(struct world *w, struct hub *h, const char *who, size_t limit);
struct reply ask_following(struct world *w, struct hub *h, const char *who,
			   const char *after, size_t limit);

/* Callbacks that write into a struct reply. */
void ask_on_sub(void *arg, enum belfry_err err, const struct sub *sub, bool created);
void ask_on_items(void *arg, enum belfry_err err, const struct hub_item *items,
		  size_t count);
/* Of each feed: its name, '!' where there is a lowest priority, format, first tag. */
void ask_on_following(void *arg, enum belfry_err err, const struct hub_followed *list,
		      size_t count, bool more);

/* What is asked of the store from now on. */
extern unsigned asked_pages, asked_rows;
extern size_t asked_at_once;
void ask_watch(struct world *w);
/* The store's feed_list, counted. */
void asked_page(struct store *s, const char *after, size_t limit, store_feeds_cb cb,
		void *arg);

#endif
