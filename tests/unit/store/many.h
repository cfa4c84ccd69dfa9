#ifndef TESTS_STORE_MANY_H
#define TESTS_STORE_MANY_H

#include <belfry/base/err.h>

#include <stdbool.h>
#include <stddef.h>

enum { MANY_AT_ONCE = 500 };

/* Calls that are waited for together; each ends in many_one(), and is to be OK. */
struct many {
	size_t left;
	bool done;
};
void many_one(void *many, enum belfry_err err);
void many_wait(const struct many *m);

/* COUNT: a multiple of MANY_AT_ONCE. */
void many_notices_put(const char *feed, size_t count);
/* All that there are: how many. */
size_t many_notices_done(void);

#endif
