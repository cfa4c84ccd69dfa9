#ifndef BELFRY_WORK_AVAILABILITY_H
#define BELFRY_WORK_AVAILABILITY_H

#include <belfry/core/availability.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * Who is there: what people show to feeds that may see it. It is remembered of those
 * alone who are expected to show it, as they chose something that depends on it; what
 * strangers send costs nothing. PEOPLE: how many are remembered at once (a person counts
 * once a feed); the one that was not asked about or heard of for the longest is given up
 * for a new one. Of a person eight resources count.
 */
struct availabilities;
struct availabilities *availability_create(size_t people);
void availability_destroy(struct availabilities *a); /* NULL is safe */

/* What JID's person shows to FEED is of interest from now on. False: it was before. */
bool availability_expect(struct availabilities *a, const char *feed, const char *jid);
/* The JID by which JID's person is expected: that of the row; NULL: is not. */
const char *availability_expected(const struct availabilities *a, const char *feed,
				  const char *jid);
/* Is it by a full JID that JID's person is expected, or by one as well? */
bool availability_by_resource(const struct availabilities *a, const char *feed,
			      const char *jid);
/*
 * Is it being found out? So it is from the first expecting on, and on a new stream; until
 * something is heard, or availability_settle() says that nothing will be.
 */
bool availability_soon(const struct availabilities *a, const char *feed, const char *jid);
void availability_settle(struct availabilities *a, const char *feed, const char *jid);
/* It is of no interest any more, or will not be shown: unknown. */
void availability_forget(struct availabilities *a, const char *feed, const char *bare);
/* Those that are expected, by the JID they are, in no order; CB must not expect or forget
 * anybody. */
void availability_each(const struct availabilities *a,
		       void (*cb)(void *arg, const char *feed, const char *jid),
		       void *arg);

/*
 * JID's person lets FEED see its presence, or does not any more. What it shows counts
 * only while it does: who shows something just so need not say when he goes.
 */
void availability_grant(struct availabilities *a, const char *feed, const char *jid,
			bool granted);
/*
 * JID (normalized) is NOW like this; OFFLINE of a bare JID: none of its resources is
 * there. A resource of a PRIORITY below 0 does not count for the bare JID, as its server
 * hands it nothing that is not for it alone. Where nothing is known yet, one resource
 * that goes does not make it offline, as others may be there.
 */
void availability_heard(struct availabilities *a, const char *feed, const char *jid,
			enum availability now, int priority);
/*
 * Nothing is known of it any more, but it is still expected. When a resource of it is
 * heard, all of it is to be found out: CB is told so, unknown as it was and is.
 */
void availability_lost(struct availabilities *a, const char *feed, const char *bare);
/* A new stream: nothing is known of anybody. Nobody is told of that. */
void availability_stale(struct availabilities *a);

/* Of a bare JID the best of its resources; of a full one its own. */
enum availability availability_of(struct availabilities *a, const char *feed,
				  const char *jid);

/*
 * CB is called when BARE has changed, or one of its resources has: JID is who was heard.
 * WAS and NOW are of BARE, and may be equal. From inside of the calls above; it must not
 * expect or forget anybody. Three may listen.
 */
typedef void (*availability_cb)(void *arg, const char *feed, const char *jid,
				const char *bare, enum availability was,
				enum availability now);
void availability_listen(struct availabilities *a, availability_cb cb, void *arg);

struct availability_stats {
	size_t people; /* expected */
	size_t known;  /* of whom something is known */
};
void availability_stats(const struct availabilities *a, struct availability_stats *out);

#endif
