#ifndef WORK_HOLDS_INT_H
#define WORK_HOLDS_INT_H

#include "work/engine_int.h"

/* What done says of one row, as holds.c, holds_served.c and confirm.c put it together. */
struct draft {
	struct part *q;
	struct piece *p;
	const struct mark *m;
	const struct store_row *row;
	bool held; /* in a common pass: it was when it was read */
	struct store_done_row *out;
	struct store_move *moves;
};

/* Event K of its piece. */
static inline struct pos draft_pos(const struct draft *d, size_t k)
{
	return rows_event(d->p, k)->pos;
}

static inline const char *draft_id(const struct draft *d, size_t k)
{
	const char *id = rows_event(d->p, k)->id;
	return id ? id : "";
}

/* All before POS: n are consecutive within an epoch. */
static inline struct pos pos_before(struct pos pos)
{
	return (struct pos){pos.epoch, pos.n - 1};
}

static inline size_t first_bit(uint64_t bits)
{
	return (size_t)__builtin_ctzll(bits);
}

static inline bool bit(uint64_t bits, size_t k)
{
	return bits >> k & 1;
}

/* Of a row in a pass over holds; false: nothing is to be said of it now. */
bool holds_served(struct draft *d);
void draft_move(struct draft *d, size_t k, enum store_count from, enum store_count to);
enum store_count draft_count_of(enum outcome o, enum sub_format format);
/* The hold after what came back; POS: of what did. */
void draft_bounced(struct draft *d, struct pos pos, const char *event);
/* What event K was counted as in the window; false: it was not looked at for it. */
bool draft_counted_as(const struct draft *d, size_t k, enum outcome *o);
/* In a common pass: it is counted anew. */
void draft_recount(struct draft *d, size_t k, enum outcome to);
/* In one over holds: is event K counted as taken, from before it came back late? */
bool draft_counted(const struct draft *d, size_t k);
/* Urgent events were sent before their time, and will be again, as this hold does not
 * tell any more: the store counts them all as held. Not so those before event BACK. */
void draft_urgent(struct draft *d, size_t back);
/* The first that H awaits is as if it had come back: it is tried alone. */
void draft_first(struct draft *d, const struct sub_hold *h);
/* Nothing came back: it has had what is up to POS. */
void draft_reached(struct draft *d, struct pos pos);

/* confirm.c; false: nothing is awaited, and it is as with the others. */
bool confirm_common(struct draft *d);
bool confirm_served(struct draft *d);
/* The subscription has ended: what was sent, and did not come back, was taken. */
void confirm_ended(struct draft *d);

#endif
