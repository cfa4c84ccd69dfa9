#include "holding.h"

#include "work/engine_int.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- What came back in its window ------------------------------------------------- */

/*
 * An urgent event that was sent in quiet hours comes back, while its person changes
 * something; the worker dies some turns after its window.
 */
static void urgent_then_dies(unsigned turns)
{
	struct world w;
	struct worker k, heir;
	unsigned minute = (unsigned)(clock_wall_ms() / 60000 % 1440);
	struct sub_options quiet = {.quiet = {.set = true,
					      .from = minute,
					      .to = (minute + 120) % 1440,
					      .zone = "UTC"},
				    .urgent_passes = true};
	begin(&w, &k, "{}");
	set(&w, ANN, SUB_SET_QUIET | SUB_SET_URGENT, quiet);
	post(&w, 1);
	worker_run(&k);
	world_commit(&w, "deploys", "{\"title\":\"urgent\"}");
	worker_until_sent(&k, 3, false);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	quiet.quiet.to = (minute + 180) % 1440;
	set(&w, ANN, SUB_SET_QUIET, quiet); /* its hold is due now */
	recorder_serve(k.link);
	world_turns(&w, turns);
	worker_kill(&k);
	worker_start(&w, &heir, 0);
	settle(&heir);
	pass(&heir, 4 * HOUR_MS);
	pass(&heir, LATER_MS);
	unsigned again = 0;
	for (size_t n = 0; n < count_to(&heir, ANN); n++)
		again += event_of(&heir, sent_to(&heir, ANN, n)) == 2;
	assert_int_equal(again, 1);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	for (unsigned event = 1; event <= 2; event++) {
		assert_int_equal(counters(&w, event).taken, 2);
		assert_int_equal(counters(&w, event).held, 0);
	}
	world_end(&w, &heir);
}

static void test_urgent_comes_back_of_a_changed_row(void **state)
{
	(void)state;
	for (unsigned turns = 0; turns < 12; turns++)
		urgent_then_dies(turns);
}

/* ---- What comes back later -------------------------------------------------------- */

static void bounce_all(struct worker *k, unsigned events)
{
	for (unsigned i = 0; i < events; i++)
		bounce(k, ANN, i, BOUNCE_RETRIES);
}

/* What the engine does meanwhile. */
enum meanwhile { RESTS, SENDS, TELLS, WAITS_FOR_THE_STORE };

/* All that came back of a row is one failure, from the first of them on. */
static void many_of_one(unsigned events, enum meanwhile what)
{
	struct world w;
	struct worker k;
	begin(&w, &k, "{}");
	post(&w, events);
	worker_run(&k);
	if (what == SENDS || what == TELLS) {
		post(&w, 1);
		worker_until_sent(&k, 2 * events + 2, false);
	}
	if (what == TELLS)
		recorder_serve(k.link);
	memory_set_away(w.memory, what == WAITS_FOR_THE_STORE);
	bounce_all(&k, events);
	if (what == WAITS_FOR_THE_STORE) {
		world_turns(&w, 50);
		assert_int_equal(k.engine->late, events);
		memory_set_away(w.memory, false);
		world_skip(1100);
	}
	world_turns(&w, 100);
	worker_run(&k);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(h.pos.n, 0);
	assert_int_equal(h.tries, 1);
	assert_int_equal(k.engine->late, 0);
	assert_int_equal(engine_counters(k.engine)->late_bounces, 1);
	size_t before = count_to(&k, ANN);
	for (unsigned i = 0; i < 3; i++)
		pass(&k, LATER_MS);
	for (unsigned i = 0; i < events; i++)
		assert_int_equal(event_of(&k, sent_to(&k, ANN, before + i)), i + 1);
	world_end(&w, &k);
}

static void test_many_of_one(void **state)
{
	(void)state;
	for (enum meanwhile what = RESTS; what <= WAITS_FOR_THE_STORE; what++) {
		many_of_one(3, what);
		many_of_one(20, what);
	}
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

/* What came back of a row that is gone does not stand for the one made anew. */
static void test_a_row_made_anew(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 1);
	worker_run(&k);
	join_anew(&w, ANN);
	post(&w, 2);
	worker_run(&k);
	bounce(&k, ANN, 0, BOUNCE_ENDS);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	world_turns(&w, 50);
	struct sub_hold h = world_hold(&w, "deploys", ANN);
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(h.pos.n, 1);
	world_end(&w, &k);
}

/* A store that is told of nothing that came back, for a while. */
static struct {
	struct store_ops ops;
	const struct store_ops *real;
	store_cb cb[2048];
	void *arg[2048];
	size_t count;
} unwilling;

static void unwilling_late(struct store *s, const struct store_owner *o, const char *feed,
			   const struct store_done_row *row, store_cb cb, void *arg)
{
	(void)s;
	(void)o;
	(void)feed;
	(void)row;
	assert_true(unwilling.count < 2048);
	unwilling.cb[unwilling.count] = cb;
	unwilling.arg[unwilling.count++] = arg;
}

static void unwilling_begin(struct worker *k)
{
	unwilling.real = k->store->ops;
	unwilling.ops = *unwilling.real;
	unwilling.ops.late_bounce = unwilling_late;
	unwilling.count = 0;
	k->store->ops = &unwilling.ops;
}

static void unwilling_end(struct worker *k)
{
	k->store->ops = unwilling.real;
	for (size_t i = 0; i < unwilling.count; i++)
		unwilling.cb[i](unwilling.arg[i], BELFRY_EAWAY);
	world_skip(1100);
}

/* While very many wait nothing more is sent, which could come back, too. */
static void test_many_at_once(void **state)
{
	enum { ROWS = 2000, TIMES = 26 };
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, &k, ROWS, 1);
	worker_run(&k);
	size_t sent = recorder_messages(k.link);
	assert_int_equal(sent, ROWS);
	unwilling_begin(&k);
	for (size_t i = 0; i < sent; i++) {
		char *id = recorder_attribute(k.link, i, "id");
		char *to = recorder_attribute(k.link, i, "to");
		for (unsigned n = 0; n < TIMES; n++)
			recorder_bounce(k.link, id, to, BOUNCE_RETRIES, "gone");
		free(id);
		free(to);
	}
	assert_int_equal(k.engine->late, sent * TIMES);
	world_feed(&w, "other", "{}");
	world_join_one(&w, "other", ANN, FORMAT_CHAT);
	world_commit(&w, "other", "{}");
	world_turns(&w, 100);
	assert_int_equal(recorder_messages(k.link), sent);
	unwilling_end(&k);
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), sent + 1);
	assert_int_equal(k.engine->late, 0);
	assert_int_equal(engine_counters(k.engine)->late_bounces, ROWS);
	assert_int_equal(engine_counters(k.engine)->late_dropped, 0);
	assert_int_equal(engine_counters(k.engine)->strange_bounces, 0);
	assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).bounced, ROWS);
	world_end(&w, &k);
}

/* The lease goes while the store is away, and comes back: nothing is forgotten. */
static void test_without_the_lease(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 3);
	worker_run(&k);
	memory_set_away(w.memory, true);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	world_turns(&w, 50);
	engine_own(k.engine, NULL);
	memory_set_away(w.memory, false);
	world_skip(5000);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 1);
	engine_own(k.engine, &k.owner);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 0);
	assert_int_equal(world_hold(&w, "deploys", ANN).pos.n, 1);
	assert_int_equal(engine_counters(k.engine)->late_dropped, 0);
	world_end(&w, &k);
}

/* At the end of the worker it waits for a piece that is read, and not sent any more. */
static void test_at_the_end(void **state)
{
	struct world w;
	struct worker k;
	struct feed *f = NULL;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 2);
	worker_run(&k);
	post(&w, 1);
	while (!(f = feed_find(k.engine, "deploys")) || !f->pieces)
		loop_turn(w.loop, false);
	recorder_set_room(k.link, false);
	world_turns(&w, 50);
	assert_int_equal(f->pieces->state, PIECE_READY);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	world_turns(&w, 50);
	assert_int_equal(k.engine->late, 1);
	engine_quiesce(k.engine);
	for (unsigned i = 0; i < 100 && !k.idle; i++) {
		world_turns(&w, 5);
		recorder_serve(k.link);
	}
	assert_true(k.idle);
	assert_int_equal(k.engine->late, 0);
	assert_int_equal(world_hold(&w, "deploys", ANN).pos.n, 0);
	assert_int_equal(counters(&w, 3).taken, 0);
	world_end(&w, &k);
}

/* A server that is not reached is told of after 90 s: until then the rest waits. */
static void test_refused_after_a_while(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, &k, "{}");
	post(&w, 2);
	worker_run(&k);
	bounce(&k, ANN, 0, BOUNCE_RETRIES);
	settle(&k);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 1");
	pass(&k, 92000);
	assert_sent(&k, ANN, "1 2 1");
	bounce(&k, ANN, 2, BOUNCE_RETRIES);
	settle(&k);
	pass(&k, LATER_MS);
	assert_sent(&k, ANN, "1 2 1 1");
	pass(&k, HOUR_MS);
	assert_sent(&k, ANN, "1 2 1 1 2");
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urgent_comes_back_of_a_changed_row),
		cmocka_unit_test(test_many_of_one),
		cmocka_unit_test(test_a_row_made_anew),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_without_the_lease),
		cmocka_unit_test(test_at_the_end),
		cmocka_unit_test(test_refused_after_a_while),
	};
	return cmocka_run_group_tests_name("work/late", tests, NULL, NULL);
}
