#ifndef BELFRY_STORE_PENDING_H
#define BELFRY_STORE_PENDING_H

#include <belfry/base/err.h>
#include <belfry/core/subscription.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What store.h keeps of those who are not let in yet. */

/* One answer is outstanding, or has been given and is remembered. */
enum pending_state {
	PENDING_NONE = 0,
	PENDING_OWNERS = 'o',	 /* asked to follow: an owner is to answer */
	PENDING_PERSON = 'p',	 /* was entered over REST: is to be invited */
	PENDING_INVITED = 'i',	 /* has the invitation, or may have: is to answer */
	PENDING_REFUSED = 'r',	 /* invited, and said no: is not invited again */
	PENDING_DENIED = 'd',	 /* an owner said no */
	PENDING_WITHDRAWN = 'w', /* asked, and took that back: the owners were told */
};
/* Does it wait for the person's own answer? */
static inline bool pending_awaits_person(enum pending_state state)
{
	return state == PENDING_PERSON || state == PENDING_INVITED;
}
#define STORE_PENDING_MAX 10000 /* of a feed, all states together */
/* Nobody else may ask from so many on: strangers leave room for invitations. */
#define STORE_REQUESTS_MAX 5000
/* One a person: it is that of the bare JID. */
struct store_pending {
	const char *jid; /* normalized: who is to follow, as the row would have it */
	enum pending_state state;
	uint64_t at_ms; /* since when */
	enum sub_format format;
	struct sub_options options; /* what was wished for */
	/* Given to pending_put(): the JID that it must be for now; NULL: whichever. */
	const char *seen_jid;
};
/* PENDING is NULL unless OK. */
typedef void (*store_pending_cb)(void *arg, enum belfry_err err,
				 const struct store_pending *pending);
/* One page; NEXT: the cursor of the next one, 0: this was the last. */
typedef void (*store_pendings_cb)(void *arg, enum belfry_err err,
				  const struct store_pending *list, size_t count,
				  uint64_t next);

/*
 * What somebody has to be told by the worker: written together with the state that it is
 * about, kept until it was said. The state counts, not the notice: it may have changed.
 */
enum notice_kind {
	NOTICE_NONE = 0,
	NOTICE_REQUEST = 'o',	  /* to the owners: JID asks to follow */
	NOTICE_INVITATION = 'p',  /* to JID */
	NOTICE_ALLOWED = 'a',	  /* to JID: an owner said yes; it follows now */
	NOTICE_DENIED = 'd',	  /* to JID */
	NOTICE_WITHDRAWN = 'w',	  /* to JID, who follows no more: made an outcast */
	NOTICE_TURNED_AWAY = 't', /* to JID, who had asked: the same */
	NOTICE_UNINVITED = 'u',	  /* to JID, who was invited: the same */
	NOTICE_WAITING = 'q',	  /* to JID, an owner who was not told of all who ask */
	NOTICE_SWEEP = 's', /* to nobody, JID is "": outcasts are to be looked for */
};
#define STORE_NOTICES_MAX 10000 /* of a partition */
/* From so many on nobody is told of what ends: a million may be cast out, and others have
 * news, too. */
#define STORE_EXPELLED_MAX 8000
struct store_notice {
	const char *id; /* for notice_done() */
	const char *feed, *jid;
	enum notice_kind kind; /* NONE: it cannot be read, and is only to be done */
	/* How JID followed, or asked to, where nothing else may tell by now; format 0:
	 * not said. */
	enum sub_format format;
	bool contact;
};
typedef void (*store_notices_cb)(void *arg, enum belfry_err err,
				 const struct store_notice *list, size_t count);

#endif
