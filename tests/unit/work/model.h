#ifndef BELFRY_TESTS_UNIT_WORK_MODEL_H
#define BELFRY_TESTS_UNIT_WORK_MODEL_H

#include "world.h"

#include <belfry/core/id.h>

/* What test_model.c plays histories on; its server is in model_server.c. */
enum { PEOPLE = 60, EVENTS = 400, QUEUE = 4096, PLANS = 40, ITEMS = 5 };

struct person {
	char jid[32];
	bool joined;
	bool ended; /* a bounce ended, or may have ended, the subscription */
	uint64_t generation;
	size_t last, last_urgent; /* the newest event sent, + 1 */
	bool by_service;
	bool urgent_first;    /* urgent events may have overtaken others */
	size_t told;	      /* that what is older is gone: + 1 */
	bool late;	      /* something came back late: what followed is in doubt */
	bool dropping;	      /* what it missed was given up; it has had nothing since */
	struct sub_hold kept; /* in the end it is still held; reason NONE: it is not */
	bool mute;	      /* its client takes what there is, and confirms nothing */
	/* What it shows, and what of that is known. */
	enum availability there, known;
	bool soon;
};

struct posted {
	char id[EVENT_ID_SIZE];
	struct pos pos;
	size_t item;	       /* that it was given, + 1; 0: none */
	size_t by;	       /* the event that replaces or retracts it, + 1; 0: none */
	size_t of;	       /* it retracts that event, + 1; 0: it is an item */
	uint64_t owed[PEOPLE]; /* the generation it was committed for; 0: not to him */
	bool urgent;
	bool expires;	   /* at some time */
	bool sent[PEOPLE]; /* perhaps in vain */
	bool taken[PEOPLE];
	bool back[PEOPLE]; /* it came back since it was taken */
	bool given_up[PEOPLE];
	bool told[PEOPLE];    /* that it is gone: he has had what it retracts for sure */
	bool refused[PEOPLE]; /* by the multicast service: its first copy went out */
	char *kept[PEOPLE]; /* the id of what the server has for his client; NULL: nothing
			     */
	bool asked[PEOPLE]; /* that asks for a receipt */
	bool read[PEOPLE];  /* by it */
	uint32_t copy[PEOPLE]; /* which one was the latest */
	bool confirmed[PEOPLE];
	bool lost[PEOPLE];    /* with the server, and not sent again since */
	bool awaited[PEOPLE]; /* ... and it was noted that it was not confirmed */
};

/* A group that the server has parsed, and its multicast service has yet to serve. */
struct parcel {
	size_t event, count, people[20];
	size_t events[SUB_MEMBERS_MAX],
		event_count; /* of a digest many; EVENT is the last */
	bool asks;	     /* for a receipt */
	bool gap;	     /* it tells that what is up to the event is gone */
	uint64_t stream;     /* where it came from */
	char id[64];
};

/* An event that is to come. */
struct plan {
	char id[EVENT_ID_SIZE];
	uint64_t due_ms;
	enum { PLAN_ASKED, PLAN_KEPT, PLAN_CANCELLED, PLAN_OUT } state;
	size_t event; /* OUT: the event that it has become */
};

struct model {
	struct world w;
	struct worker *worker,
		*former; /* the former one is awake, but its lease is over */
	uint64_t seed, rng, generation;
	int step;
	uint32_t buckets;
	struct person p[PEOPLE];
	struct posted e[EVENTS + PLANS];
	size_t posted;
	size_t looked; /* at these messages of the worker: taken, or lost with a link */
	struct parcel queue[QUEUE]; /* of the multicast service */
	size_t first, past;	    /* of it: the parcels that wait, modulo QUEUE */
	uint64_t stream;	    /* counts the worker's */
	size_t group;		    /* receivers of a group at most; 0: no service ever */
	bool absent;		    /* the service: it refuses, or is not there */
	uint32_t sour;		    /* so many deliveries come back at once */
	uint32_t trims;		    /* events that are kept, at times */
	struct plan plans[PLANS];
	size_t plan_count;
	size_t newest[ITEMS]; /* the event of each item that is there, + 1 */
	uint64_t begun_ms;    /* by the store's clock */
	bool over;	      /* all has been checked */
	size_t finding;	      /* of those that came, whose positions are not known yet */
};

#define CHECK(m, what, cond)                                                             \
	do {                                                                             \
		if (!(cond))                                                             \
			model_wrong(m, what, __FILE__, __LINE__);                        \
	} while (0)

_Noreturn void model_wrong(const struct model *m, const char *what, const char *file,
			   int line);
uint32_t below(struct model *m, uint32_t bound); /* at random */

/* An event has just been committed; it has no position yet. */
struct posted *model_posted(struct model *m, const char *id);

/* One delivery of some events ends the stream, whenever it is tried. */
bool poisonous(const struct posted *e, size_t person);

/* model_chance.c: before all else; two runs of a history are the same from there on. */
void chance_begin(struct model *m);

/* Steps. */
void step_serve(struct model *m);
void step_bounce(struct model *m);
void step_break(struct model *m);
void step_up(struct model *m);
void step_parcels(struct model *m);
void step_service(struct model *m);
void step_sour(struct model *m);

/* model_presence.c */
void presence_begin(struct model *m);
void presence_stale(struct model *m); /* a new stream */
void step_choose(struct model *m);
void step_presence(struct model *m);
void step_answer(struct model *m);
void presence_give_up(struct model *m); /* there are no answers any more */
void presence_let_go(struct model *m);	/* nobody waits for ever to be seen */

/* model_holds.c */
void step_pause(struct model *m);
void step_quiet(struct model *m);
void step_order(struct model *m);
void step_hours(struct model *m);
void holds_begin(struct model *m);
void holds_change(struct model *m, const struct person *p, const struct sub_change *c);
void holds_order(struct model *m, struct person *p, enum hold_order what);

/* model_digest.c */
void step_digest(struct model *m);
void digest_let_go(struct model *m);
/* What a stanza bears: their indices, in order. */
size_t digest_events(const struct model *m, const struct stanza_id *id,
		     size_t out[SUB_MEMBERS_MAX]);

/* model_rest.c: the end, at which nobody touches anything. */
/* Whoever is held is so for good. READING: what comes is confirmed. */
bool rest_is_over(struct model *m, bool reading);
bool rest_holds(const struct model *m, size_t event, size_t person);
void rest_let_go(struct model *m); /* those who are held */

/* model_retract.c */
void step_item(struct model *m);
void step_retract(struct model *m);
/* Event K is sent to person I for the first time. */
void retract_sent(struct model *m, size_t k, size_t i);
/* Need he not have had it, as its item is not there any more? */
bool retract_excuses(const struct model *m, size_t k, size_t i);

/* model_schedule.c */
void step_plan(struct model *m);
void step_cancel(struct model *m);
/* When the event of ID is over, which tells that it is, some time; 0: never. */
uint64_t plans_expiry(struct model *m, char id[EVENT_ID_SIZE]);
void plans_begin(struct model *m);
void plans_watch(struct model *m, struct store *s); /* of a worker */
void plans_find(struct model *m);	  /* before what was sent is looked at */
void plans_let_go(struct model *m);	  /* all are due */
size_t plans_left(const struct model *m); /* that are still to come */
void plans_check(struct model *m);

/* model_receipts.c */
void step_ask(struct model *m);
void step_read(struct model *m);
void step_server(struct model *m);
void receipts_took(struct model *m, const struct parcel *p, size_t person);
/* The copy that the server has comes back: no client has it. */
void receipts_back(struct model *m, size_t event, size_t person);
/* Has a client confirmed some of it? */
bool receipts_confirmed(const struct model *m, const struct parcel *p, size_t person);
void receipts_read_all(struct model *m); /* everybody is there, and confirms it */
void receipts_check(struct model *m);
void receipts_free(struct model *m);

#endif
