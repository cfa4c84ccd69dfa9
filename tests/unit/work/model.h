#ifndef BELFRY_TESTS_UNIT_WORK_MODEL_H
#define BELFRY_TESTS_UNIT_WORK_MODEL_H

#include "world.h"

#include <belfry/core/id.h>

/* What test_model.c plays histories on; its server is in model_server.c. */
enum { PEOPLE = 60, EVENTS = 400, QUEUE = 4096 };

struct person {
	char jid[32];
	bool joined;
	bool ended; /* a bounce ended, or may have ended, the subscription */
	uint64_t generation;
	size_t last, last_urgent; /* the newest event sent, + 1 */
	bool by_service;
	bool urgent_first; /* urgent events may have overtaken others */
	size_t told;	   /* that what is older is gone: + 1 */
	bool dropping;	   /* what it missed was given up; it has had nothing since */
};

struct posted {
	char id[EVENT_ID_SIZE];
	struct pos pos;
	uint64_t owed[PEOPLE]; /* the generation it was committed for; 0: not to him */
	bool urgent;
	bool sent[PEOPLE]; /* perhaps in vain */
	bool taken[PEOPLE];
	bool back[PEOPLE]; /* it came back since it was taken */
	bool given_up[PEOPLE];
	bool refused[PEOPLE]; /* by the multicast service: its first copy went out */
};

/* A group that the server has parsed, and its multicast service has yet to serve. */
struct parcel {
	size_t event, count, people[20];
	bool gap;	 /* it tells that what is up to the event is gone */
	uint64_t stream; /* where it came from */
	char id[64];
};

struct model {
	struct world w;
	struct worker *worker,
		*former; /* the former one is awake, but its lease is over */
	uint64_t seed, rng, generation;
	int step;
	uint32_t buckets;
	struct person p[PEOPLE];
	struct posted e[EVENTS];
	size_t posted;
	size_t looked; /* at these messages of the worker: taken, or lost with a link */
	struct parcel queue[QUEUE]; /* of the multicast service */
	size_t first, past;	    /* of it: the parcels that wait, modulo QUEUE */
	uint64_t stream;	    /* counts the worker's */
	size_t group;		    /* receivers of a group at most; 0: no service ever */
	bool absent;		    /* the service: it refuses, or is not there */
	uint32_t sour;		    /* so many deliveries come back at once */
	uint32_t trims;		    /* events that are kept, at times */
};

#define CHECK(m, what, cond)                                                             \
	do {                                                                             \
		if (!(cond))                                                             \
			model_wrong(m, what, __FILE__, __LINE__);                        \
	} while (0)

_Noreturn void model_wrong(const struct model *m, const char *what, const char *file,
			   int line);
uint32_t below(struct model *m, uint32_t bound); /* at random */

/* One delivery of some events ends the stream, whenever it is tried. */
bool poisonous(const struct posted *e, size_t person);

/* Steps. */
void step_serve(struct model *m);
void step_bounce(struct model *m);
void step_break(struct model *m);
void step_up(struct model *m);
void step_parcels(struct model *m);
void step_service(struct model *m);
void step_sour(struct model *m);

/* model_holds.c */
void step_pause(struct model *m);
void step_quiet(struct model *m);
void step_order(struct model *m);
void step_hours(struct model *m);
void holds_begin(struct model *m);
void holds_let_go(struct model *m); /* everybody wants everything */
void holds_redrive_all(struct model *m);
size_t holds_left(struct model *m); /* rows that are held */

#endif
