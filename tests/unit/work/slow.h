#ifndef BELFRY_TESTS_UNIT_WORK_SLOW_H
#define BELFRY_TESTS_UNIT_WORK_SLOW_H

#include "world.h"

/* As behind a split: what a completion of buckets from FROM on says comes later. */
void slow_begin(struct worker *k, uint32_t from);
size_t slow_count(void); /* that wait */
void slow_end(struct worker *k);

#endif
