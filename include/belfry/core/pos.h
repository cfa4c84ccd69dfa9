#ifndef BELFRY_CORE_POS_H
#define BELFRY_CORE_POS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A position in a feed's log, "epoch-n": also the ID of its Redis stream entry. The epoch
 * grows when the Redis process changes (restart, failover), so that none is issued twice.
 */
struct pos {
	uint64_t epoch;
	uint64_t n;
};

#define POS_TEXT_SIZE 44 /* two 64-bit numbers, '-', NUL */

/* <0, 0, >0 as A is before, at, after B. */
int pos_cmp(struct pos a, struct pos b);
/*
 * How many positions of NEXT's epoch lie between HAD and NEXT, which is behind it; how
 * many an epoch had that is over, nobody knows. 0 where HAD is 0-0: nothing was read
 * before.
 */
uint64_t pos_between(struct pos had, struct pos next);
/* Returns the length written, NUL not counted. */
size_t pos_format(struct pos p, char out[POS_TEXT_SIZE]);
/* The whole of S[0..len) is "epoch-n". 0, or -1. */
int pos_parse(const char *s, size_t len, struct pos *out);

#endif
