#include "work/notices.h"

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Notices beside a large fan-out, on a link that it keeps full. */

enum { ROWS = 3000, EVENTS = 10, GUESTS = 4, WINDOWS = 20 };

static bool always(void *arg)
{
	(void)arg;
	return true;
}

static uint64_t ask_barrier(void *arg)
{
	return engine_barrier(((struct worker *)arg)->engine);
}

static void on_put(void *arg, enum belfry_err err)
{
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

static void invite(struct world *w)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		char jid[64];
		bool done = false;
		snprintf(jid, sizeof(jid), "guest%u@example.net", i);
		const struct store_pending p = {.jid = jid,
						.state = PENDING_PERSON,
						.at_ms = 1,
						.format = FORMAT_CHAT};
		w->app->ops->pending_put(w->app, "deploys", &p, PENDING_NONE,
					 NOTICE_INVITATION, on_put, &done);
		world_until(w, &done);
	}
}

static unsigned told(const struct worker *k)
{
	return recorder_told(k->link,
			     "<message type='chat' from='deploys@" DOMAIN "' to='guest");
}

/* As a server that takes what the deliveries have for it, and not more: there is room,
 * they fill it, and whatever comes back from the store later finds none. */
static void turn(struct worker *k, struct notices *n)
{
	recorder_set_room(k->link, true);
	notices_room(n);
	world_turns(k->world, 1);
	recorder_set_room(k->link, false);
	world_turns(k->world, 6);
	world_skip(5);
	recorder_serve(k->link);
	notices_passed(n, recorder_barrier_passed(k->link));
}

static void a_full_link(void **state)
{
	struct world w;
	struct worker k;
	struct owners *owners = owners_create();
	struct hub hub = {0};
	(void)state;
	world_begin(&w, &k, ROWS, EVENTS);
	struct sweeps *sweeps = sweeps_create(w.loop, k.store, &hub);
	invite(&w);
	const struct notices_options o = {.domain = DOMAIN,
					  .owners = owners,
					  .sweeps = sweeps,
					  .max_stanza_bytes = 10000,
					  .arg = &k,
					  .may_write = always,
					  .busy = always,
					  .barrier = ask_barrier};
	struct notices *n = notices_create(w.loop, k.store, &o);
	struct notices_stats s = {0};
	notices_use(n, k.link);
	worker_until_sent(&k, 1, false);
	uint64_t from = recorder_barrier_asked(k.link);
	notices_up(n);
	while (told(&k) < GUESTS) {
		turn(&k, n);
		assert_true(recorder_barrier_asked(k.link) - from <= WINDOWS);
		/* Beside what is still to be delivered. */
		assert_true(recorder_messages(k.link) < ROWS * EVENTS);
	}
	recorder_set_room(k.link, true);
	notices_down(n, LINK_END_ASKED);
	worker_run(&k);
	notices_stats(n, &s);
	assert_int_equal(s.said, GUESTS);
	worker_kill(&k);
	notices_destroy(n);
	sweeps_destroy(sweeps);
	world_finish(&w);
	owners_destroy(owners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_link)};
	return cmocka_run_group_tests_name("work/notices/busy", tests, NULL, NULL);
}
