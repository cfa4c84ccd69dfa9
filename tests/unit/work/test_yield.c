#include "work/lease.h"
#include "work/uplink.h"

#include "world.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/*
 * Whole workers, wired as in hub/work/work.c, and a clock that runs ahead: who cannot
 * connect hands the name on.
 */
#define LEASE_MS 2000
#define STEP_MS 20
#define FEED "deploys"
#define MINUTE_MS ((uint64_t)60000)
#define PEOPLE 3

/* What the XMPP server does with one that connects. */
enum server { TAKES, REFUSES, AWAY };

struct hand {
	struct store *store;
	struct engine *engine;
	struct uplink *uplink;
	struct lease *lease;
	struct link *link;
	enum server server;
	unsigned answered; /* of the streams opened */
	unsigned taken;
};

/* The first ones of HANDS run. */
struct set {
	struct world w;
	struct hand hands[2];
	size_t count;
};

static void on_taken(void *arg, const struct store_owner *owner)
{
	struct hand *h = arg;
	h->taken++;
	engine_own(h->engine, owner);
	uplink_want(h->uplink, true);
}

static void on_lost(void *arg, const char *why)
{
	struct hand *h = arg;
	(void)why;
	uplink_want(h->uplink, false);
	engine_own(h->engine, NULL);
}

static const struct lease_handlers lease_handlers = {.taken = on_taken, .lost = on_lost};

static bool may_write(void *arg)
{
	const struct hand *h = arg;
	return lease_valid_now(h->lease);
}

static void on_refused(void *arg)
{
	struct hand *h = arg;
	lease_refused(h->lease);
}

static void on_stalled(void *arg)
{
	struct hand *h = arg;
	uplink_restart(h->uplink);
}

static void on_idle(void *arg)
{
	(void)arg;
}

static void on_up(void *arg)
{
	struct hand *h = arg;
	engine_handlers.up(h->engine);
}

static void on_down(void *arg, const struct link_down *why)
{
	struct hand *h = arg;
	engine_handlers.down(h->engine, why);
	if (uplink_stuck(h->uplink))
		lease_yield(h->lease, uplink_retry_ms(h->uplink), uplink_why(h->uplink));
}

static void on_barrier(void *arg, uint64_t number)
{
	struct hand *h = arg;
	engine_handlers.barrier(h->engine, number);
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	struct hand *h = arg;
	engine_handlers.bounce(h->engine, bounce);
}

static void on_room(void *arg)
{
	struct hand *h = arg;
	engine_handlers.room(h->engine);
}

static const struct link_handlers link_handlers = {.up = on_up,
						   .down = on_down,
						   .barrier = on_barrier,
						   .bounce = on_bounce,
						   .room = on_room};

/* One more worker. */
static struct hand *hand_start(struct set *s, enum server server)
{
	struct hand *h = &s->hands[s->count++];
	const struct engine_options options = {.domain = DOMAIN,
					       .max_stanza_bytes = 262144,
					       .arg = h,
					       .may_write = may_write,
					       .lost = on_refused,
					       .stalled = on_stalled,
					       .idle = on_idle};
	*h = (struct hand){.server = server};
	h->store = store_memory_create(s->w.loop, s->w.memory);
	h->engine = engine_create(s->w.loop, h->store, &options);
	h->uplink = uplink_create(s->w.loop, DOMAIN, &link_handlers, h);
	h->link = recorder_create(&uplink_handlers, h->uplink);
	uplink_use(h->uplink, h->link);
	engine_use(h->engine, h->link);
	h->lease =
		lease_create(s->w.loop, h->store, DOMAIN, LEASE_MS, &lease_handlers, h);
	return h;
}

static void begin(struct set *s)
{
	*s = (struct set){0};
	world_start(&s->w);
	world_feed(&s->w, FEED, "{}");
	world_join(&s->w, FEED, "p", PEOPLE, FORMAT_CHAT);
}

static void finish(struct set *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct hand *h = &s->hands[i];
		uplink_destroy(h->uplink);
		h->store->ops->destroy(h->store);
		engine_destroy(h->engine);
		lease_destroy(h->lease);
	}
	world_finish(&s->w);
}

static void serve(struct hand *h)
{
	if (h->answered < recorder_opens(h->link)) {
		h->answered++;
		if (h->server == TAKES)
			recorder_up(h->link);
		else if (h->server == REFUSES)
			recorder_down(h->link, LINK_END_AUTH, "not-authorized");
		else
			recorder_down(h->link, LINK_END_CONNECT, "");
	}
	recorder_serve(h->link);
}

/* A moment; at none of them do two send. */
static void step(struct set *s)
{
	size_t up = 0;
	world_skip(STEP_MS);
	world_turns(&s->w, 4);
	for (size_t i = 0; i < s->count; i++) {
		serve(&s->hands[i]);
		up += uplink_up(s->hands[i].uplink);
		assert_true(lease_held(s->hands[i].lease) ||
			    uplink_closed(s->hands[i].uplink));
	}
	assert_true(up <= 1);
}

static void run_for(struct set *s, uint64_t ms)
{
	uint64_t until = clock_mono_ms() + ms;
	while (clock_mono_ms() < until)
		step(s);
}

static void run_until_up(struct set *s, const struct hand *h)
{
	uint64_t until = clock_mono_ms() + 2 * MINUTE_MS;
	while (!uplink_up(h->uplink)) {
		assert_true(clock_mono_ms() < until);
		step(s);
	}
}

/* The event is settled, and everybody got it over H alone. */
static void run_until_delivered(struct set *s, const struct hand *h)
{
	struct store_counters n = {0};
	bool settled = false;
	uint64_t until = clock_mono_ms() + MINUTE_MS;
	world_commit(&s->w, FEED, "{\"title\":\"x\"}");
	while (!settled) {
		assert_true(clock_mono_ms() < until);
		step(s);
		n = world_counters(&s->w, FEED, s->w.ids[s->w.id_count - 1], &settled);
	}
	assert_int_equal(n.taken, PEOPLE);
	for (size_t i = 0; i < s->count; i++)
		assert_int_equal(recorder_messages(s->hands[i].link),
				 &s->hands[i] == h ? PEOPLE : 0);
}

static void test_the_refused_one_makes_room(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	struct hand *a = hand_start(&s, REFUSES);
	while (!a->answered)
		step(&s);
	assert_false(lease_held(a->lease));
	assert_false(lease_watches(a->lease)); /* it rests */
	struct hand *b = hand_start(&s, TAKES);
	run_until_up(&s, b);
	run_until_delivered(&s, b);
	run_for(&s, 30 * MINUTE_MS);
	assert_true(uplink_up(b->uplink));
	assert_int_equal(b->taken, 1);
	assert_true(lease_watches(a->lease));
	assert_int_equal(recorder_opens(a->link), 1);
	finish(&s);
}

static void test_one_that_cannot_reach_it_makes_room(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	struct hand *a = hand_start(&s, AWAY);
	run_for(&s, LEASE_MS);
	struct hand *b = hand_start(&s, TAKES);
	run_for(&s, LEASE_MS);
	assert_true(lease_held(a->lease)); /* not at the first stumble */
	run_until_up(&s, b);
	run_until_delivered(&s, b);
	run_for(&s, 30 * MINUTE_MS);
	assert_true(uplink_up(b->uplink));
	assert_int_equal(b->taken, 1);
	finish(&s);
}

/* Whoever is alone or among equals asks no more often than one that kept the name. */
static void test_no_storm(void **state)
{
	static const enum server servers[] = {REFUSES, AWAY};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct set s;
		begin(&s);
		size_t count = i / 2 + 1;
		for (size_t k = 0; k < count; k++)
			hand_start(&s, servers[i % 2]);
		run_for(&s, 30 * MINUTE_MS);
		for (size_t k = 0; k < count; k++) {
			assert_in_range(recorder_opens(s.hands[k].link), 15, 130);
			assert_in_range(s.hands[k].taken, 10, 75);
		}
		/* And as soon as it can, one of them is there. */
		for (size_t k = 0; k < count; k++)
			s.hands[k].server = TAKES;
		uint64_t until = clock_mono_ms() + 2 * MINUTE_MS;
		while (!uplink_up(s.hands[0].uplink) &&
		       !uplink_up(s.hands[count - 1].uplink)) {
			assert_true(clock_mono_ms() < until);
			step(&s);
		}
		finish(&s);
	}
}

static void test_alone_it_delivers_when_it_is_let_in(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	struct hand *a = hand_start(&s, REFUSES);
	run_for(&s, 10 * MINUTE_MS);
	assert_int_equal(recorder_messages(a->link), 0);
	a->server = TAKES;
	run_until_up(&s, a);
	run_until_delivered(&s, a);
	assert_true(lease_valid_now(a->lease));
	finish(&s);
}

/* A stream that was up and ends is opened again by the same worker. */
static void test_a_lost_stream_is_no_reason(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	struct hand *a = hand_start(&s, TAKES);
	run_until_up(&s, a);
	hand_start(&s, TAKES);
	for (unsigned i = 0; i < 20; i++) {
		run_for(&s, MINUTE_MS);
		recorder_down(a->link, i % 2 ? LINK_END_ERROR : LINK_END_LOST, "");
		run_until_up(&s, a);
	}
	assert_int_equal(a->taken, 1);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_refused_one_makes_room),
		cmocka_unit_test(test_one_that_cannot_reach_it_makes_room),
		cmocka_unit_test(test_no_storm),
		cmocka_unit_test(test_alone_it_delivers_when_it_is_let_in),
		cmocka_unit_test(test_a_lost_stream_is_no_reason),
	};
	/* Hours of refusals would be told. */
	log_setup("test", (enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	return cmocka_run_group_tests_name("work/yield", tests, NULL, NULL);
}
