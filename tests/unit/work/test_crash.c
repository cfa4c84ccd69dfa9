#include "world.h"

#include "work/engine_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ROWS 4000

/* The most that may be unknown: the windows in flight, those passed whose completion has
 * not been answered, and the open one, which a bucket may overfill. */
static uint64_t in_flight(const struct worker *k)
{
	struct engine_gauges g;
	engine_gauges(k->engine, &g);
	return g.windows.stanzas_in_flight +
	       (WINDOWS_IN_FLIGHT + 1) * (g.windows.size + 2 * 2 * BUCKET_ROWS);
}

/* Killed at any moment: nobody is missed, and at most what was in flight is repeated. */
static void test_take_over(void **state)
{
	(void)state;
	for (size_t at = 1; at < 2 * ROWS; at += 977) {
		struct world w;
		struct worker a, b;
		struct letters l = {0};
		world_begin(&w, &a, ROWS, 2);
		worker_until_sent(&a, at, true);
		uint64_t flying = in_flight(&a);
		worker_replace(&a, &b, &l);
		assert_int_equal(letters_distinct(&l), 2 * ROWS);
		assert_in_range(letters_repeats(&l), 0, flying);
		assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).taken,
				 ROWS);
		assert_int_equal(world_counters(&w, "deploys", w.ids[1], NULL).taken,
				 ROWS);
		letters_free(&l);
		world_end(&w, &b);
	}
}

/* Nothing in flight when it dies: nothing is repeated. */
static void test_take_over_between_windows(void **state)
{
	struct world w;
	struct worker a, b;
	struct letters l = {0};
	(void)state;
	world_begin(&w, &a, ROWS, 2);
	worker_until_sent(&a, 1000, true);
	engine_quiesce(a.engine);
	while (!a.idle) {
		recorder_serve(a.link);
		loop_turn(w.loop, false);
	}
	worker_replace(&a, &b, &l);
	assert_int_equal(l.count, 2 * ROWS);
	assert_int_equal(letters_repeats(&l), 0);
	letters_free(&l);
	world_end(&w, &b);
}

/* One that slept past its lease, and whose barriers pass when it wakes up. */
static void test_a_stale_owner_completes_nothing(void **state)
{
	struct world w;
	struct worker a, b;
	struct letters l = {0};
	(void)state;
	world_begin(&w, &a, ROWS, 2);
	worker_until_sent(&a, 100, false);
	size_t sent = recorder_messages(a.link);
	worker_start(&w, &b, 0);
	for (unsigned turns = 0; a.lost == 0; turns++) {
		assert_true(turns < 1000000);
		recorder_serve(a.link);
		loop_turn(w.loop, false);
	}
	assert_false(a.link->ops->is_up(a.link));
	worker_run(&b);
	assert_in_range(recorder_messages(a.link), sent, sent + 8 * 216);
	letters_add(&l, b.link);
	letters_sort(&l);
	assert_int_equal(l.count, 2 * ROWS);
	assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).taken, ROWS);
	letters_free(&l);
	worker_kill(&a);
	world_end(&w, &b);
}

/* The lease ends on its own clock: not a byte is written any more. */
static void test_no_write_without_the_lease(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, ROWS, 2);
	worker_until_sent(&k, 300, true);
	k.valid = false;
	size_t sent = recorder_messages(k.link);
	for (unsigned turns = 0; k.lost == 0; turns++) {
		assert_true(turns < 1000000);
		recorder_serve(k.link);
		loop_turn(w.loop, false);
	}
	world_turns(&w, 100);
	assert_int_equal(recorder_messages(k.link), sent);
	assert_int_equal(k.lost, 1);
	world_end(&w, &k);
}

static void test_link_lost_and_back(void **state)
{
	struct world w;
	struct worker k;
	struct letters l = {0};
	(void)state;
	world_begin(&w, &k, ROWS, 2);
	for (unsigned i = 1; i <= 5; i++) {
		worker_until_sent(&k, i * 900, true);
		recorder_down(k.link, LINK_END_LOST, "");
		world_turns(&w, 20);
		recorder_up(k.link);
	}
	worker_run(&k);
	letters_add(&l, k.link);
	letters_sort(&l);
	assert_int_equal(letters_distinct(&l), 2 * ROWS);
	assert_int_equal(world_counters(&w, "deploys", w.ids[1], NULL).taken, ROWS);
	assert_in_range(letters_repeats(&l), 1, engine_counters(k.engine)->repeated);
	letters_free(&l);
	world_end(&w, &k);
}

/* Redis restarts with another epoch between two events. */
static void test_new_epoch(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, ROWS, 2);
	worker_run(&k);
	memory_restart(w.memory);
	world_turns(&w, 50);
	world_commit(&w, "deploys", "{\"title\":\"three\"}");
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 3 * ROWS);
	world_end(&w, &k);
}

/* A store that reads and does not write: done() fails with this. */
static enum belfry_err refusal;
static struct refused {
	store_cb cb;
	void *arg;
} refused[4096];
static size_t refused_count;

static void refuse(struct store *s, const struct store_owner *o,
		   const struct store_done *d, store_cb cb, void *arg)
{
	(void)s;
	(void)o;
	(void)d;
	assert_true(refused_count < 4096);
	refused[refused_count++] = (struct refused){cb, arg};
}

static void answer_refused(void)
{
	while (refused_count) {
		struct refused r = refused[--refused_count];
		r.cb(r.arg, refusal);
	}
}

static void refused_for_a_minute(struct world *w, struct worker *k, enum belfry_err err)
{
	struct store_ops ops = *k->store->ops;
	const struct store_ops *before = k->store->ops;
	ops.done = refuse;
	k->store->ops = &ops;
	refusal = err;
	for (unsigned ms = 0; ms < 60000 && !k->lost; ms += 10) {
		recorder_serve(k->link);
		world_turns(w, 2);
		answer_refused();
		world_skip(10);
	}
	k->store->ops = before;
}

/* What cannot be noted is not sent again and again: nothing is, as if the lease were
 * lost.
 */
static void writes_nothing(enum belfry_err err)
{
	struct world w;
	struct worker k;
	world_begin(&w, &k, 20, 1);
	refused_for_a_minute(&w, &k, err);
	assert_int_equal(k.lost, 1);
	assert_int_equal(recorder_messages(k.link), 20);
	world_end(&w, &k);
}

static void test_a_store_that_writes_nothing(void **state)
{
	(void)state;
	writes_nothing(BELFRY_EFULL);
	writes_nothing(BELFRY_EREPLICAS);
}

/* Something is wrong with this feed alone: repeated ever more seldom. */
static void test_a_feed_that_cannot_be_noted(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, 20, 1);
	refused_for_a_minute(&w, &k, BELFRY_EINTERNAL);
	assert_int_equal(k.lost, 0);
	assert_in_range(recorder_messages(k.link), 20, 20 * 8);
	world_skip(130000);
	worker_run(&k);
	assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).taken, 20);
	world_end(&w, &k);
}

/*
 * The server takes PACE stanzas in 10 ms. One that took all that is there would seem to
 * be idle until we look: windows would grow, to keep it busy.
 */
#define PACE 64
static void serve_slowly(struct worker *k, size_t *taken)
{
	size_t sent = recorder_messages(k->link), before;
	*taken = *taken + PACE < sent ? *taken + PACE : sent;
	while (recorder_oldest(k->link, &before) && before <= *taken)
		recorder_serve_one(k->link);
}

/* The most that was sent while the store did not answer, and may have been. */
static uint64_t unanswered(struct worker *k, uint64_t *most)
{
	size_t taken = 0;
	*most = 0;
	world_stop_clock(true);
	for (unsigned i = 0; i < 4000; i++) {
		struct engine_gauges g;
		engine_gauges(k->engine, &g);
		uint64_t may = in_flight(k) + UNTOLD_WINDOWS * g.windows.size;
		*most = may > *most ? may : *most;
		serve_slowly(k, &taken);
		loop_turn(k->world->loop, false);
		world_skip(10);
	}
	world_stop_clock(false);
	return recorder_messages(k->link);
}

/* It answers no completion, then it is gone: what was read meanwhile is not sent. */
static void test_a_store_that_falls_silent(void **state)
{
	struct world w;
	struct worker k;
	struct letters l = {0};
	uint64_t most;
	(void)state;
	world_begin(&w, &k, 5 * ROWS, 2);
	struct store_ops ops = *k.store->ops;
	const struct store_ops *before = k.store->ops;
	ops.done = refuse;
	k.store->ops = &ops;
	size_t sent = unanswered(&k, &most);
	assert_in_range(sent, 1, most);
	assert_true(sent < 2 * 5 * ROWS);
	memory_set_away(w.memory, true);
	refusal = BELFRY_EAWAY;
	answer_refused();
	k.store->ops = before;
	for (unsigned i = 0; i < 200; i++) {
		recorder_serve(k.link);
		loop_turn(w.loop, false);
	}
	assert_int_equal(recorder_messages(k.link), sent);
	memory_set_away(w.memory, false);
	worker_run(&k);
	letters_add(&l, k.link);
	letters_sort(&l);
	assert_int_equal(letters_distinct(&l), 2 * 5 * ROWS);
	assert_int_equal(letters_repeats(&l), sent);
	letters_free(&l);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_over),
		cmocka_unit_test(test_take_over_between_windows),
		cmocka_unit_test(test_a_stale_owner_completes_nothing),
		cmocka_unit_test(test_no_write_without_the_lease),
		cmocka_unit_test(test_link_lost_and_back),
		cmocka_unit_test(test_new_epoch),
		cmocka_unit_test(test_a_store_that_writes_nothing),
		cmocka_unit_test(test_a_feed_that_cannot_be_noted),
		cmocka_unit_test(test_a_store_that_falls_silent),
	};
	return cmocka_run_group_tests_name("work/crash", tests, NULL, NULL);
}
