#include "holding.h"

#include "work/engine_int.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What comes back late while a completion is not answered. */

/* As behind a split: what it says comes some turns later. */
static struct {
	struct store_ops ops;
	const struct store_ops *real;
	uint32_t from; /* those of buckets from here on */
	size_t count;
	struct {
		struct store *store;
		struct store_owner owner;
		struct store_done done;
		store_cb cb;
		void *arg;
	} calls[64];
} slow;

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = xcalloc(count + 1, size);
	if (count)
		memcpy(to, from, count * size);
	return to;
}

static void done_copy(struct store_done *to, const struct store_done *from)
{
	struct store_done_row *rows = copy(from->rows, from->row_count, sizeof(*rows));
	*to = *from;
	to->buckets = copy(from->buckets, from->bucket_count, sizeof(*to->buckets));
	to->events = copy(from->events, from->event_count, sizeof(*to->events));
	to->rows = rows;
	for (size_t i = 0; i < from->row_count; i++) {
		rows[i].jid = xstrdup(rows[i].jid);
		rows[i].was = copy(rows[i].was, rows[i].was_len, 1);
		rows[i].moves =
			copy(rows[i].moves, rows[i].move_count, sizeof(*rows[i].moves));
	}
}

static void done_free(const struct store_done *d)
{
	for (size_t i = 0; i < d->row_count; i++) {
		free((void *)(uintptr_t)d->rows[i].jid);
		free((void *)(uintptr_t)d->rows[i].was);
		free((void *)(uintptr_t)d->rows[i].moves);
	}
	free((void *)(uintptr_t)d->rows);
	free((void *)(uintptr_t)d->events);
	free((void *)(uintptr_t)d->buckets);
}

static void slow_done(struct store *s, const struct store_owner *o,
		      const struct store_done *d, store_cb cb, void *arg)
{
	if (d->buckets[0].bucket < slow.from) {
		slow.real->done(s, o, d, cb, arg);
		return;
	}
	assert_true(slow.count < 64);
	slow.calls[slow.count].store = s;
	slow.calls[slow.count].owner = *o;
	slow.calls[slow.count].cb = cb;
	slow.calls[slow.count].arg = arg;
	done_copy(&slow.calls[slow.count++].done, d);
}

static void slow_begin(struct worker *k, uint32_t from)
{
	slow.real = k->store->ops;
	slow.ops = *slow.real;
	slow.ops.done = slow_done;
	slow.from = from;
	slow.count = 0;
	k->store->ops = &slow.ops;
}

static void slow_end(struct worker *k)
{
	k->store->ops = slow.real;
	for (size_t i = 0; i < slow.count; i++) {
		slow.real->done(slow.calls[i].store, &slow.calls[i].owner,
				&slow.calls[i].done, slow.calls[i].cb, slow.calls[i].arg);
		done_free(&slow.calls[i].done);
	}
}

/* What is sent again to a held row, and comes back late, is not taken for the first. */
static void test_what_is_held_comes_back_again(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_until_sent(&k, 2, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	worker_run(&k);
	world_pass(&w, LATER_MS);
	worker_until_sent(&k, 3, false);
	slow_begin(&k, 0);
	recorder_serve(k.link);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	world_turns(&w, 50);
	slow_end(&k);
	world_turns(&w, 50);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(h.pos.n, 0);
	pass(&k, LATER_MS);
	assert_int_equal(count_to(&k, ANN), 3);
	world_end(&w, &k);
}

static void on_left(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	(void)row;
	(void)created;
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

static void join_anew(struct world *w, const char *jid)
{
	bool left = false;
	w->app->ops->leave(w->app, "deploys", jid, on_left, &left);
	world_until(w, &left);
	world_join_one(w, "deploys", jid, FORMAT_CHAT);
}

/* The row is looked up for something else just before its hold ends, and what ended it
 * comes back. */
static void comes_back_behind_a_look(unsigned turns)
{
	struct world w;
	struct worker k;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_run(&k);
	join_anew(&w, ANN);
	post(&w, 1);
	worker_until_sent(&k, 4, false);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	worker_run(&k);
	world_pass(&w, LATER_MS);
	worker_until_sent(&k, 5, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES); /* it is not this row's */
	world_turns(&w, turns);
	recorder_serve(k.link);
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	world_turns(&w, 50);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(world_hold(&w, "deploys", ANN).pos.n, 1);
	world_end(&w, &k);
}

static void test_comes_back_behind_a_look(void **state)
{
	(void)state;
	for (unsigned turns = 0; turns < 8; turns++)
		comes_back_behind_a_look(turns);
}

/* It waits for a completion when the lease goes, whose answer nobody is told of. */
static void test_unanswered_without_the_lease(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 2);
	worker_until_sent(&k, 4, false);
	slow_begin(&k, 0);
	recorder_serve(k.link);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 1);
	engine_own(k.engine, NULL);
	world_turns(&w, 50);
	slow_end(&k);
	world_turns(&w, 50);
	engine_own(k.engine, &k.owner);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 0);
	assert_int_equal(reason(&w, ANN), HOLD_BOUNCED);
	assert_int_equal(world_hold(&w, "deploys", ANN).pos.n, 0);
	world_end(&w, &k);
}

/* A row of another bucket than those that are on their way is told at once. */
static void test_its_bucket_alone(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, NULL, 3000, 1);
	worker_start(&w, &k, 0);
	slow_begin(&k, 20);
	worker_until_sent(&k, 3000, true);
	recorder_serve(k.link);
	world_turns(&w, 50);
	assert_true(slow.count > 0);
	char *id = recorder_attribute(k.link, 0, "id");
	char *to = recorder_attribute(k.link, 0, "to");
	char *last_id = recorder_attribute(k.link, 2999, "id");
	char *last = recorder_attribute(k.link, 2999, "to");
	recorder_bounce(k.link, id, to, BOUNCE_RETRIES, "remote-server-timeout");
	recorder_bounce(k.link, last_id, last, BOUNCE_RETRIES, "remote-server-timeout");
	world_turns(&w, 50);
	assert_int_equal(world_hold(&w, "deploys", to).reason, HOLD_BOUNCED);
	assert_int_equal(world_hold(&w, "deploys", last).reason, HOLD_NONE);
	slow_end(&k);
	world_turns(&w, 50);
	assert_int_equal(world_hold(&w, "deploys", last).reason, HOLD_BOUNCED);
	free(id);
	free(to);
	free(last_id);
	free(last);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_held_comes_back_again),
		cmocka_unit_test(test_comes_back_behind_a_look),
		cmocka_unit_test(test_unanswered_without_the_lease),
		cmocka_unit_test(test_its_bucket_alone),
	};
	return cmocka_run_group_tests_name("work/late unanswered", tests, NULL, NULL);
}
