#ifndef TESTS_STORE_SYNC_BOX_H
#define TESTS_STORE_SYNC_BOX_H

#include "sync.h"

/* What one call of sync*.c waits for. Its callback fills what A, B and C point to, and
 * ends it. */
struct box {
	bool done;
	enum belfry_err err;
	void *a, *b, *c;
	size_t size; /* of A, where that is text */
};

/* Aborts if it comes twice. */
void box_end(struct box *b, enum belfry_err err);
/* A store_cb that only ends it. */
void box_plain(void *box, enum belfry_err err);
enum belfry_err box_wait(const struct box *b, const char *what);

#endif
