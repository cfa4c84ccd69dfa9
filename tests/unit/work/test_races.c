#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What happens between two steps of the engine: between a look at a feed, a read of its
 * buckets and a read of its log. */

struct answers {
	unsigned count;
	enum belfry_err err; /* the last that was not OK */
};

static void on_plain(void *arg, enum belfry_err err)
{
	struct answers *a = arg;
	a->count++;
	if (err)
		a->err = err;
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	(void)row;
	(void)created;
	on_plain(arg, err);
}

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *done)
{
	(void)done;
	on_plain(arg, err);
}

static size_t letters_to(const struct worker *k, const char *jid)
{
	size_t n = 0;
	for (size_t i = 0; i < recorder_messages(k->link); i++) {
		char *to = recorder_attribute(k->link, i, "to");
		n += strcmp(to, jid) == 0;
		free(to);
	}
	return n;
}

/*
 * The rows were read; somebody joins and an event follows before the log is read. Turn by
 * turn, so that every gap is hit.
 */
static void test_who_joins_between_two_reads_misses_nothing(void **state)
{
	(void)state;
	for (unsigned turns = 0; turns < 12; turns++) {
		struct world w;
		struct worker k;
		struct answers a = {0};
		const struct store_commit c = {.feed = "deploys",
					       .id = "late-event",
					       .item = "late-event",
					       .at_ms = 1,
					       .doc = "{}",
					       .doc_len = 2};
		world_begin(&w, &k, 3, 1);
		world_turns(&w, turns);
		w.app->ops->join(w.app, "deploys", "new@example.org",
				 SUB_FOLLOW(FORMAT_CHAT), on_row, &a);
		w.app->ops->commit(w.app, &c, on_commit, &a);
		worker_run(&k);
		assert_int_equal(a.count, 2);
		assert_int_equal(a.err, BELFRY_OK);
		assert_int_equal(letters_to(&k, "r00000@example.org"), 2);
		assert_int_equal(letters_to(&k, "new@example.org"), 1);
		world_end(&w, &k);
	}
}

/*
 * A bucket made under a slow pass is not settled before anybody looked at it: the worker
 * that dies right then leaves nothing trimmed that somebody still waits for.
 */
static void split_and_die(unsigned before, unsigned after)
{
	struct world w;
	struct worker a, b;
	struct answers split = {0};
	struct letters l = {0};
	world_start(&w);
	world_feed(&w, "deploys", "{\"max_items\":1}");
	world_join(&w, "deploys", "r", 60, FORMAT_CHAT);
	for (unsigned i = 0; i < 3; i++)
		world_commit(&w, "deploys", "{}");
	worker_start(&w, &a, 0);
	world_turns(&w, before);
	w.app->ops->split(w.app, "deploys", 1, on_plain, &split);
	worker_until_sent(&a, 1, false);
	world_skip(1100);
	for (unsigned i = 0; i < after; i++) {
		recorder_serve(a.link);
		world_turns(&w, 1);
	}
	worker_replace(&a, &b, &l);
	assert_int_equal(split.err, BELFRY_OK);
	assert_int_equal(letters_distinct(&l), 3 * 60);
	letters_free(&l);
	world_end(&w, &b);
}

static void test_a_split_is_not_settled_unseen(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 6; before++)
		for (unsigned after = 0; after < 8; after++)
			split_and_die(before, after);
}

/* A read of the log that is not answered yet. */
static struct {
	struct store_ops ops;
	const struct store_ops *real;
	store_events_cb cb;
	void *arg;
} unanswered;

static void keep_events(struct store *s, const char *feed, struct pos from, bool newest,
			size_t limit, store_events_cb cb, void *arg)
{
	(void)s;
	(void)feed;
	(void)from;
	(void)newest;
	(void)limit;
	assert_null(unanswered.cb);
	unanswered.cb = cb;
	unanswered.arg = arg;
}

static void leave_unanswered(struct worker *k)
{
	unanswered.real = k->store->ops;
	unanswered.ops = *unanswered.real;
	unanswered.ops.events = keep_events;
	unanswered.cb = NULL;
	k->store->ops = &unanswered.ops;
	while (!unanswered.cb)
		world_turns(k->world, 1);
}

/* What it was read for went with the stream: the feed is not kept from the next one. */
static void test_a_read_fails_that_nobody_waits_for(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 3, 1);
	leave_unanswered(&k);
	recorder_down(k.link, LINK_END_LOST, "");
	unanswered.cb(unanswered.arg, BELFRY_EAWAY, NULL, 0, false);
	k.store->ops = unanswered.real;
	recorder_up(k.link);
	world_stop_clock(true);
	for (unsigned i = 0; i < 100; i++) {
		recorder_serve(k.link);
		world_turns(&w, 10);
	}
	world_stop_clock(false);
	assert_int_equal(recorder_messages(k.link), 3);
	worker_run(&k);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_joins_between_two_reads_misses_nothing),
		cmocka_unit_test(test_a_split_is_not_settled_unseen),
		cmocka_unit_test(test_a_read_fails_that_nobody_waits_for),
	};
	return cmocka_run_group_tests_name("work/races", tests, NULL, NULL);
}
