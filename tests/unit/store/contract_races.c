#include "contract.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Buckets that are split while they are read and done: by B, one after the other. */

enum { ROWS = 300, BUCKETS = 200 };

struct splitting {
	const char *feed;
	uint32_t buckets, until;
	bool done;
};

static void split_next(struct splitting *s);

static void on_split(void *arg, enum belfry_err err)
{
	struct splitting *s = arg;
	assert_int_equal(err, BELFRY_OK);
	s->buckets++;
	split_next(s);
}

static void split_next(struct splitting *s)
{
	s->done = s->buckets == s->until;
	if (!s->done)
		B->ops->split(B, s->feed, s->buckets, on_split, s);
}

static struct splitting begin(const char *feed)
{
	struct store_feed f;
	struct sub sub;
	char jid[40];
	contract_feed(feed);
	for (int i = 0; i < ROWS; i++) {
		snprintf(jid, sizeof jid, "u%d@b", i);
		OK(sync_join(A, feed, jid, FORMAT_CHAT, &sub, NULL));
	}
	bool idle = false; /* splits of its own */
	while (!idle) {
		idle = A->ops->pending(A) == 0;
		OK(sync_feed_get(A, feed, &f));
	}
	return (struct splitting){feed, f.buckets, BUCKETS, false};
}

static size_t rows_below(uint32_t salt, uint32_t bucket, uint32_t buckets)
{
	char jid[40];
	size_t n = 0;
	for (int i = 0; i < ROWS; i++) {
		snprintf(jid, sizeof jid, "u%d@b", i);
		n += bucket_of(row_hash(salt, jid, strlen(jid)), buckets) < bucket;
	}
	return n;
}

/*
 * All rows that the buckets had when there were as many as the answer says. The long name
 * makes for long commands, which Redis need not take in one bite.
 */
void test_read_hides_no_row_from_a_split(void **state)
{
	static const char feed[] =
		"reading-01234567890123456789012345678901234567890123456789012345";
	struct store_feed f;
	struct store_run *run;
	(void)state;
	struct splitting s = begin(feed);
	s.until = 256 + 160;
	split_next(&s);
	sync_until(&s.done, "splits");
	OK(sync_feed_get(A, feed, &f));
	uint32_t salt = f.salt;
	s.until = 512;
	split_next(&s);
	do {
		OK(sync_read(A, feed, 0, 256, &run));
		assert_int_equal(run->bucket_count, 256);
		assert_int_equal(run->row_count,
				 rows_below(salt, 256, run->feed_buckets));
		store_run_free(run);
	} while (!s.done);
}

/* What was sent is not sent again because others join without pause. */
void test_done_keeps_up_with_splits(void **state)
{
	struct store_owner o = contract_own(A, "keeps-up.example");
	struct store_run *run;
	struct pos p;
	(void)state;
	struct splitting s = begin("keeps-up");
	split_next(&s);
	do {
		OK(sync_post(A, "keeps-up", "e", NULL, &p));
		OK(sync_read(A, "keeps-up", 0, 1, &run));
		struct store_done_bucket b = {0, run->buckets[0].cursor};
		struct store_done d = {.feed = "keeps-up",
				       .feed_buckets = run->feed_buckets,
				       .to = p,
				       .buckets = &b,
				       .bucket_count = 1};
		OK(sync_done(A, &o, &d));
		store_run_free(run);
	} while (!s.done);
}
