#ifndef BELFRY_STORE_DECIDE_H
#define BELFRY_STORE_DECIDE_H

#include <belfry/store/store.h>

/*
 * An owner's answer to the request of JID's person to follow FEED, over any store.
 * Whether somebody may answer is for the caller to know. The JID that asked is the one
 * that follows, and is told by the worker.
 *
 * CB gets, once and later: OK, with ROW as it follows now (NULL: it was denied; CREATED:
 * it is new). ENOENT: there is no request, or a no came too late: it follows. EPENDING:
 * it was invited, the answer is its own. EREFUSED: it was invited, and refused. ENOFEED,
 * EFULL, EAWAY. EDENIED: it is an outcast, whom nobody lets in. ESTALE: somebody else
 * changes it all the time. Safe to repeat: a JID that follows is allowed, who was denied,
 * denied. A denial can be turned into leave to follow, not the other way about.
 */
void store_decide(struct store *s, const char *feed, const char *jid, bool allow,
		  store_row_cb cb, void *arg);

/* What P wished for, in making the row. */
struct sub_change store_pending_change(const struct store_pending *p);

#endif
