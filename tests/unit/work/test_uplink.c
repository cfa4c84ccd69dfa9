#include "work/uplink.h"

#include "world.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct seen {
	unsigned ups, downs;
	enum link_end last;
};

static void on_up(void *arg)
{
	struct seen *s = arg;
	s->ups++;
}

static void on_down(void *arg, const struct link_down *why)
{
	struct seen *s = arg;
	s->downs++;
	s->last = why->end;
}

static const struct link_handlers handlers = {.up = on_up, .down = on_down};

struct set {
	struct world w;
	struct seen seen;
	struct uplink *uplink;
	struct link *link;
};

static void begin(struct set *s)
{
	world_start(&s->w);
	s->seen = (struct seen){0};
	s->uplink = uplink_create(s->w.loop, DOMAIN, &handlers, &s->seen);
	s->link = recorder_create(&uplink_handlers, s->uplink);
	uplink_use(s->uplink, s->link);
}

static void finish(struct set *s)
{
	uplink_destroy(s->uplink);
	world_finish(&s->w);
}

/* Turns until OPENS opens, or for at most MS; says how long it took. */
static uint64_t until_opens(struct set *s, unsigned opens, uint64_t ms)
{
	uint64_t from = clock_mono_ms();
	while (recorder_opens(s->link) < opens && clock_mono_ms() - from < ms)
		loop_turn(s->w.loop, false);
	return clock_mono_ms() - from;
}

static void test_opens_again_whatever_the_reason(void **state)
{
	static const enum link_end ends[] = {LINK_END_CONNECT, LINK_END_LOST,
					     LINK_END_ERROR, LINK_END_CONFLICT};
	struct set s;
	(void)state;
	begin(&s);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(recorder_opens(s.link), i + 1);
		recorder_down(s.link, ends[i], "condition");
		assert_int_equal(s.seen.last, ends[i]);
		assert_true(uplink_closed(s.uplink));
		/* 200 ms at first, doubling; half of it is chance. */
		uint64_t took = until_opens(&s, i + 2, 5000);
		assert_in_range(took, (100u << i) - 1, (200u << i) + 200);
	}
	finish(&s);
}

/* Ends the attempt so, and returns the back-off, which passes until the next one. */
static uint64_t end_and_wait(struct set *s, enum link_end end)
{
	unsigned opens = recorder_opens(s->link);
	recorder_down(s->link, end, end == LINK_END_AUTH ? "not-authorized" : "");
	uint64_t retry = uplink_retry_ms(s->uplink);
	world_turns(&s->w, 20);
	assert_int_equal(recorder_opens(s->link), opens);
	world_skip(retry);
	until_opens(s, opens + 1, 1000);
	assert_int_equal(recorder_opens(s->link), opens + 1);
	return retry;
}

static void test_refused_secret_is_tried_slowly(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	assert_false(uplink_stuck(s.uplink));
	for (unsigned i = 0; i < 8; i++) {
		uint64_t ceiling = 5000u << i < 60000 ? 5000u << i : 60000;
		assert_in_range(end_and_wait(&s, LINK_END_AUTH), ceiling / 2, ceiling);
		assert_true(uplink_stuck(s.uplink));
		/* Not wanted meanwhile: tried at once, and nothing is forgotten. */
		uplink_want(s.uplink, false);
		recorder_down(s.link, LINK_END_ASKED, "");
		uplink_want(s.uplink, true);
		until_opens(&s, recorder_opens(s.link) + 1, 1000);
	}
	assert_string_equal(uplink_why(s.uplink), "xmpp closed");
	recorder_up(s.link);
	assert_false(uplink_stuck(s.uplink));
	assert_in_range(end_and_wait(&s, LINK_END_LOST), 100, 200);
	assert_false(uplink_stuck(s.uplink));
	assert_in_range(end_and_wait(&s, LINK_END_AUTH), 2500, 5000);
	assert_string_equal(uplink_why(s.uplink),
			    "xmpp server refuses xmpp.secret: not-authorized");
	finish(&s);
}

static void test_an_old_refusal_is_forgotten(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	for (unsigned i = 0; i < 5; i++)
		end_and_wait(&s, LINK_END_AUTH);
	recorder_down(s.link, LINK_END_AUTH, "not-authorized");
	uplink_want(s.uplink, false);
	world_skip(301000);
	assert_true(uplink_stuck(s.uplink)); /* as far as anybody knows */
	uplink_want(s.uplink, true);
	until_opens(&s, recorder_opens(s.link) + 1, 1000);
	assert_in_range(end_and_wait(&s, LINK_END_AUTH), 2500, 5000);
	finish(&s);
}

static void test_stuck_when_not_up_for_long(void **state)
{
	struct set s;
	uint64_t waited = 0;
	(void)state;
	begin(&s);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	while (waited < 29000) {
		assert_false(uplink_stuck(s.uplink));
		waited += end_and_wait(&s, LINK_END_CONNECT);
	}
	waited += end_and_wait(&s, LINK_END_CONNECT);
	assert_true(uplink_stuck(s.uplink) || waited < 30000);
	end_and_wait(&s, LINK_END_CONNECT);
	assert_true(uplink_stuck(s.uplink));
	/* Wanted anew, it has its time again; the pace is what it was. */
	uplink_want(s.uplink, false);
	recorder_down(s.link, LINK_END_ASKED, "");
	uplink_want(s.uplink, true);
	until_opens(&s, recorder_opens(s.link) + 1, 1000);
	assert_in_range(end_and_wait(&s, LINK_END_CONNECT), 15000, 30000);
	assert_false(uplink_stuck(s.uplink));
	/* What was up for however short is not stuck. */
	static const enum link_end ends[] = {LINK_END_ERROR, LINK_END_AUTH};
	for (unsigned i = 0; i < 2; i++) {
		world_skip(60000);
		recorder_up(s.link);
		end_and_wait(&s, ends[i]);
		assert_false(uplink_stuck(s.uplink));
	}
	finish(&s);
}

static void test_not_wanted_is_closed_at_once(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	recorder_obliging(s.link, true);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	assert_true(uplink_up(s.uplink));
	uplink_want(s.uplink, false);
	assert_false(uplink_up(s.uplink));
	assert_int_equal(recorder_closes(s.link), 1);
	until_opens(&s, 2, 600);
	assert_int_equal(recorder_opens(s.link), 1);
	finish(&s);
}

/* The lease went while the stream was being opened. */
static void test_up_too_late_is_closed(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	uplink_want(s.uplink, false);
	recorder_up(s.link);
	assert_int_equal(s.seen.ups, 0);
	assert_int_equal(recorder_closes(s.link), 2);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_again_whatever_the_reason),
		cmocka_unit_test(test_refused_secret_is_tried_slowly),
		cmocka_unit_test(test_an_old_refusal_is_forgotten),
		cmocka_unit_test(test_stuck_when_not_up_for_long),
		cmocka_unit_test(test_not_wanted_is_closed_at_once),
		cmocka_unit_test(test_up_too_late_is_closed),
	};
	return cmocka_run_group_tests_name("work/uplink", tests, NULL, NULL);
}
