#include "contract.h"

#include "../../lib/store/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Many commits before the loop turns: a store may carry them together. */

#define COMMITS 300
#define DOC_BYTES 1500

struct one {
	const char *feed;
	char id[16];
	bool ended, last;
	enum belfry_err err;
	struct pos pos;
};

static struct one ones[COMMITS];
static size_t ended;
static bool all_ended;

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct one *o = arg;

	assert_false(o->ended);
	o->ended = true;
	o->err = err;
	if (done) {
		assert_string_equal(done->id, o->id);
		assert_string_equal(done->item, "same item");
		assert_false(done->replayed);
		o->pos = done->pos;
	}
	all_ended = ++ended == COMMITS;
}

/* Feeds take turns; one is not there, and some events carry a key. */
static void commit_all(const char *doc)
{
	static const char *const feeds[] = {"turn1", "turn2", "turn1", "turn-none",
					    "turn1"};

	for (int i = 0; i < COMMITS; i++) {
		struct one *o = &ones[i];
		char key[16];
		struct store_commit c = {.feed = feeds[i % 5],
					 .id = o->id,
					 .item = "same item",
					 .doc = doc,
					 .doc_len = DOC_BYTES,
					 .idem_digest = "digest",
					 .idem_ttl_s = 60};

		snprintf(o->id, sizeof o->id, "e%d", i);
		snprintf(key, sizeof key, "key%d", i);
		c.idem_key = i % 50 == 7 ? key : NULL;
		o->feed = c.feed;
		A->ops->commit(A, &c, on_commit, o);
	}
}

static void feed_is_whole(const char *feed)
{
	struct sync_events *e = calloc(1, sizeof *e);
	struct store_feed f;
	size_t found = 0;
	struct pos last = {0, 0};

	OK(sync_events(A, feed, last, false, COMMITS, e));
	for (size_t i = 0; i < e->count; i++) {
		const struct one *o = &ones[atoi(e->e[i].id + 1)];

		assert_string_equal(o->feed, feed);
		assert_true(contract_pos_is(o->pos, e->e[i].pos));
		assert_int_equal(e->e[i].doc_len, DOC_BYTES);
		assert_int_equal(e->e[i].pos.n, i + 1);
	}
	/* In the order in which they were handed over; a key may go another way. */
	for (int i = 0; i < COMMITS; i++) {
		if (strcmp(ones[i].feed, feed) != 0)
			continue;
		found++;
		OK(ones[i].err);
		if (i % 50 == 7)
			continue;
		assert_true(ones[i].pos.n > last.n);
		last = ones[i].pos;
	}
	assert_int_equal(found, e->count);
	OK(sync_feed_get(A, feed, &f));
	assert_int_equal(f.head.n, found);
	assert_true(contract_pos_is(f.settled, f.head)); /* nobody follows it */
	free(e);
}

void test_commits_of_one_turn(void **state)
{
	char doc[DOC_BYTES + 1];

	(void)state;
	snprintf(doc, sizeof doc, "{\"x\":\"%*s\"}", DOC_BYTES - 8, "");
	contract_feed("turn1");
	contract_feed("turn2");
	size_t before = A->ops->pending(A);
	commit_all(doc);
	assert_int_equal(ended, 0); /* never from inside the call */
	assert_int_equal(A->ops->pending(A), before + COMMITS);
	sync_until(&all_ended, "all commits have ended");
	assert_int_equal(A->ops->pending(A), before);
	feed_is_whole("turn1");
	feed_is_whole("turn2");
	for (int i = 3; i < COMMITS; i += 5)
		IS(ones[i].err, BELFRY_ENOFEED);
}
