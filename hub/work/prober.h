#ifndef BELFRY_WORK_PROBER_H
#define BELFRY_WORK_PROBER_H

#include <belfry/base/loop.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>

#include "work/availability.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Finds out who is there, of those whose subscription depends on it. A feed is shown a
 * presence only by whom it asked for that and who said yes: the row says so. Who chose,
 * and was not asked, is asked; who said yes is probed on each new stream, slowly. No
 * answer to a probe may be that of somebody offline (RFC 6121 4.3.2), or of one who took
 * back what was granted while nobody was there to hear of it: then the question is
 * repeated, which the server answers by itself where it is granted still. Without an
 * answer to that, too, nothing is known, and nobody is kept waiting.
 *
 * Who is held until he is there is woken when that changes (ORDER_WAKE).
 */
struct prober;

struct prober_options {
	const char *domain; /* outlives it */
	struct availabilities *availability;
	uint64_t answer_ms; /* for how long an answer is waited for; 0: as it should be */
	void *arg;	    /* of the functions below */
	bool (*may_write)(void *arg); /* is the lease valid now? */
};

struct prober *prober_create(struct loop *loop, struct store *store,
			     const struct prober_options *options);
/* The link to send on; before it is up. */
void prober_use(struct prober *p, struct link *link);
/* After the store was destroyed, as its callbacks come here. NULL is safe. */
void prober_destroy(struct prober *p);

/* What the link says. Up: all who are expected, and all whose rows say so, are looked at.
 */
void prober_up(struct prober *p);
void prober_down(struct prober *p);

/* engine_options.presence */
enum availability prober_presence(struct prober *p, const char *feed, const char *jid,
				  bool *soon);
/* engine_options.wake */
void prober_wake(struct prober *p, const char *feed, const char *jid);
/* hub.chosen: it is asked, though it may have refused before; or it has taken its choice
 * back. */
void prober_chosen(void *prober, const char *feed, const char *jid);

struct prober_stats {
	uint64_t asked, probed; /* sent, ever */
	uint64_t woken;		/* holds */
	size_t waiting;		/* to be looked at */
};
void prober_stats(const struct prober *p, struct prober_stats *out);

#endif
