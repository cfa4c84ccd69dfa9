#ifndef TESTS_STORE_MODEL_INT_H
#define TESTS_STORE_MODEL_INT_H

#include "model.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_hold.h"

enum { PEOPLE = 40, EVENTS = 400, PIECE = 4 };

/* What has become of one delivery. */
enum fate {
	FATE_NONE, /* it is not for this one */
	FATE_OWED,
	FATE_TAKEN,
	FATE_HELD,
	FATE_DEAD,
	FATE_FILTERED,
	FATE_LEFT,
};

/* One subscription as the model knows it; made anew, it is another generation. */
struct person {
	char jid[32];
	bool joined;
	struct pos since;
	unsigned generation;
	unsigned touched; /* how often people changed its hold */
};

struct posted {
	char id[16];
	struct pos pos;
	bool trimmed, urgent;
	enum fate fate[PEOPLE];
	/* What is counted beside: of those who are there no more, and `bounced`. */
	struct store_counters beside;
};

struct model {
	const struct model_world *w;
	uint64_t seed, rng;
	int step;
	char feed[24];
	struct person p[PEOPLE];
	struct posted e[EVENTS];
	size_t posted, first; /* first: not trimmed */
	struct pos settled;
	struct store_owner owner, former;
	struct store *worker;
	uint32_t pass; /* the next bucket of the pass under way */
	bool calm;     /* nothing comes back, nobody waits */
};

#define CHECK(m, what, cond)                                                             \
	do {                                                                             \
		if (!(cond))                                                             \
			model_fail(m, what, __FILE__, __LINE__);                         \
	} while (0)
_Noreturn void model_fail(const struct model *m, const char *what, const char *file,
			  int line);

uint32_t model_below(struct model *m, uint32_t bound);
struct store *model_any(struct model *m);
struct person *model_find(struct model *m, const char *jid);
/* It has left, or its subscription ended: what was counted for it stays counted. */
void model_forget(struct model *m, struct person *p);
void model_count(struct store_counters *c, enum fate fate);
/* All that may happen while a worker is at work. */
void model_disturb(struct model *m);
void model_leave(struct model *m, struct person *p);
void model_join(struct model *m, struct person *p);
void model_take_over(struct model *m);

/* ---- model_deliver.c ---- */
void model_deliver(struct model *m);
/* Delivers to every bucket, and it is done. */
void model_deliver_all(struct model *m);

/* ---- model_hold.c: rows with a position of their own ---- */
struct pos model_before(struct pos p);
/* Every row's hold says what became of its deliveries. */
void model_check_rows(struct model *m, const struct store_run *run);
/* The event that came back is counted as those behind it are. */
void model_forgive(struct model *m, const struct person *p, const struct sub_hold *h);
/* People have changed its hold; or not: within a millisecond nothing may come of it. */
void model_touch(struct person *p, const struct sub_hold *was,
		 const struct sub_hold *now);
/* Urgent events behind FROM, up to TO, have to be sent again. */
void model_urgent_again(struct model *m, const struct person *p, struct pos from,
			struct pos to);
void model_hold_pass(struct model *m);
void model_order(struct model *m);
void model_late_bounce(struct model *m);
void model_check_found(struct model *m);
/* All that is held is redriven, until nothing is. */
void model_release_all(struct model *m);

#endif
