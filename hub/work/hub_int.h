#ifndef BELFRY_WORK_HUB_INT_H
#define BELFRY_WORK_HUB_INT_H

#include <belfry/core/feed.h>
#include <belfry/core/subscription.h>

#include "work/hub.h"

/*
 * Inside the hub:
 *
 *   hub.c         feeds, and what stands in them
 *   hub_access.c  who may do what, and how often
 *   hub_turn.c    one at a time of those who change the same subscription
 *   hub_follow.c  following, and saying yes to an invitation
 *   hub_leave.c   leaving, and saying no
 *   hub_owner.c   what owners may do
 *   hub_expel.c   outcasts follow no more
 *   hub_presence.c  who is there
 *   sweeps.c      when all of a feed are looked for
 *   contact.c     what contacts are shown
 *   following.c   the feeds that somebody follows
 *   recent.c      and their newest events
 */

/* ---- hub_access.c ---- */

/* False, and logged: it cannot be read, *C is empty. */
bool hub_read_config(const struct store_feed *f, struct feed_config *c);
/*
 * OK: JID follows FEED, as it is or as a bare JID; or, where INVITED, has an invitation
 * that waits. ENOENT, ENOFEED, EAWAY.
 */
void hub_knows(struct hub *hub, const char *feed, const char *jid, bool invited,
	       store_cb cb, void *arg);
/* May WHO make another subscription now? */
bool hub_take(struct hub *hub, const char *who);
/* It made none. */
void hub_give_back(struct hub *hub, const char *who);
/* JID's person, who has the question of an invitation, has said what it wants in another
 * way. */
void hub_unasked(const struct hub *hub, const char *feed, const char *jid);

/* ---- hub_turn.c ---- */

/*
 * Who changes a subscription reads first and writes then. So that nobody comes in
 * between, what concerns one bare JID and one feed waits for its turn; but for what
 * comes over REST, which the store's compare-and-set keeps apart.
 *
 * Calls BEGIN with ARG, from inside or later; turn_end() follows, once.
 */
struct turn *turn_take(struct hub *hub, const char *feed, const char *jid,
		       void (*begin)(void *arg), void *arg);
void turn_end(struct hub *hub, struct turn *t);

/* ---- hub_follow.c, hub_leave.c ---- */

void hub_subscribe(void *hub, const char *who, const char *feed, const char *jid,
		   const struct sub_change *change, hub_sub_cb cb, void *arg);
void hub_accept(struct hub *hub, const char *feed, const char *jid, hub_sub_cb cb,
		void *arg);
void hub_answer(void *hub, const char *feed, const char *jid, bool yes, hub_sub_cb cb,
		void *arg);
/* Might what came back for it be handed over another time? */
bool hub_passes(const char *condition);
void hub_undelivered(void *hub, const char *feed, const char *jid, const char *condition);
void hub_unsubscribe(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
		     void *arg);

/* ---- hub_owner.c ---- */

void hub_owner_returned(void *hub, const char *owner, bool nobody, const char *condition);
void hub_heard(void *hub, const char *who);

void hub_decide(void *hub, const char *owner, const char *feed, const char *jid,
		bool allow, hub_done_cb cb, void *arg);
void hub_requests(void *hub, const char *owner, const char *feed, size_t limit,
		  hub_requests_cb cb, void *arg);
void hub_affiliations(void *hub, const char *owner, const char *feed,
		      hub_affiliations_cb cb, void *arg);
void hub_affiliation(void *hub, const char *who, const char *feed, hub_affiliations_cb cb,
		     void *arg);
void hub_affiliate(void *hub, const char *owner, const char *feed,
		   const struct hub_affiliation *list, size_t count, hub_done_cb cb,
		   void *arg);

/* ---- hub_presence.c ---- */

void hub_available(void *hub, const char *feed, const char *jid, enum availability now,
		   int priority);
void hub_granted(void *hub, const char *feed, const char *jid, bool yes, hub_sub_cb cb,
		 void *arg);

/* ---- hub_expel.c ---- */

/*
 * If JID is an outcast, it neither follows nor waits any more, and is told, once, if it
 * did. That it refused an invitation is still remembered. EFULL: too many are to be told,
 * and it stays until some were.
 */
void hub_expel(struct hub *hub, const char *feed, const char *jid, store_cb cb,
	       void *arg);
/* The same of all who follow FEED or wait, in the background: of domains, full JIDs.
 * Where they are too many to be told, it goes on as they are. */
void hub_sweep(struct hub *hub, const char *feed, store_cb cb, void *arg);

#endif
