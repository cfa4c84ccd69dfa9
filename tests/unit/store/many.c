#include "many.h"

#include "contract.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

void many_one(void *many, enum belfry_err err)
{
	struct many *m = many;

	OK(err);
	m->done = --m->left == 0;
}

void many_wait(const struct many *m)
{
	sync_until(&m->done, "many");
}

void many_notices_put(const char *feed, size_t count)
{
	const struct store_notice n = {
		.feed = feed, .jid = "x@y", .kind = NOTICE_WITHDRAWN};

	assert_int_equal(count % MANY_AT_ONCE, 0);
	for (size_t at = 0; at < count; at += MANY_AT_ONCE) {
		struct many m = {MANY_AT_ONCE, false};

		for (size_t i = 0; i < MANY_AT_ONCE; i++)
			A->ops->notice_put(A, &n, many_one, &m);
		many_wait(&m);
	}
}

size_t many_notices_done(void)
{
	static struct sync_notices all;
	size_t count = 0;

	for (OK(sync_notices(B, MANY_AT_ONCE, &all)); all.count;
	     OK(sync_notices(B, MANY_AT_ONCE, &all))) {
		struct many m = {all.count, false};

		assert_true(all.count <= MANY_AT_ONCE);
		for (size_t i = 0; i < all.count; i++)
			B->ops->notice_done(B, all.n[i].id, many_one, &m);
		many_wait(&m);
		count += all.count;
	}
	return count;
}
