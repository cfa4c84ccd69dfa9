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

static void test_refused_secret_is_tried_slowly(void **state)
{
	struct set s;
	(void)state;
	begin(&s);
	uplink_want(s.uplink, true);
	until_opens(&s, 1, 1000);
	recorder_down(s.link, LINK_END_AUTH, "not-authorized");
	until_opens(&s, 2, 700);
	assert_int_equal(recorder_opens(s.link), 1);
	assert_string_equal(uplink_why(s.uplink),
			    "xmpp server refuses xmpp.secret: not-authorized");
	/* A new term as the owner does not wait for that. */
	uplink_want(s.uplink, false);
	uplink_want(s.uplink, true);
	until_opens(&s, 2, 1000);
	assert_int_equal(recorder_opens(s.link), 2);
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
		cmocka_unit_test(test_not_wanted_is_closed_at_once),
		cmocka_unit_test(test_up_too_late_is_closed),
	};
	return cmocka_run_group_tests_name("work/uplink", tests, NULL, NULL);
}
