#ifndef BELFRY_WORK_NOTICES_INT_H
#define BELFRY_WORK_NOTICES_INT_H

#include <belfry/base/buf.h>
#include <belfry/core/feed.h>
#include <belfry/core/subscription.h>

#include "work/notices.h"

/*
 * Inside: notices.c goes through them, a batch at a time; notice_topic.c looks up what
 * one of them is about, and says it; reminder.c adds to them.
 */

/* What a notice is about, as it is now. */
struct topic {
	struct store *store;
	char *feed, *jid;
	enum notice_kind kind;
	struct feed_config c;
	enum pending_state state;
	bool follows;
	uint64_t cursor; /* NOTICE_WAITING: of those who ask, */
	size_t waiting;	 /* and how many */
	enum sub_format format;
	bool contact;
	struct look *look; /* NULL: not needed, or not known */
	store_cb cb;
	void *arg;
};
/*
 * CB gets OK: it is to be said. ENOENT: it is over. Else why that is not known. T is
 * zeroed, but for store, feed, jid (which it owns), kind, what the notice says of format
 * and contact, cb and arg.
 */
void topic_get(struct topic *t);
/* What became of one. */
struct topic_said {
	size_t people;	  /* who are told */
	size_t held_back; /* owners who are not */
};
/* Appends its stanzas. False: one is too large. */
bool topic_say(const struct topic *t, const struct notices_options *o, struct buf *out,
	       struct topic_said *said);
void topic_free(struct topic *t); /* what it holds */

/*
 * The next owner who has to be told that others wait, of whom he was not told: that is
 * written as a notice, so that it is said like the others. False: there is none.
 */
bool reminder_put(struct store *s, struct owners *owners, store_cb cb, void *arg);

#endif
