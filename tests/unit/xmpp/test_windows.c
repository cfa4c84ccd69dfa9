#include <belfry/xmpp/windows.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

/* A server that takes RATE stanzas a second and answers RTT_US later. */
struct server {
	double rate;
	uint64_t rtt_us, now_us, busy_until_us;
	struct {
		uint64_t number, done_us;
	} barriers[64];
	size_t count;
};

static void take(struct server *s, struct windows *w, uint64_t stanzas)
{
	uint64_t start = s->busy_until_us > s->now_us ? s->busy_until_us : s->now_us;
	s->busy_until_us = start + (uint64_t)((double)stanzas / s->rate * 1e6);
	s->barriers[s->count].number = windows_close(w, s->now_us);
	s->barriers[s->count++].done_us = s->busy_until_us + s->rtt_us;
}

/* Sends as much as may be sent, then waits for the first result. Returns stanzas sent. */
static uint64_t turn(struct server *s, struct windows *w)
{
	uint64_t sent = 0;
	while (windows_may_send(w)) {
		uint64_t in_window = 0;
		while (windows_may_send(w) && !windows_full(w)) {
			windows_sent(w, 1, 600);
			in_window++;
		}
		take(s, w, in_window);
		sent += in_window;
	}
	assert_true(s->count > 0);
	s->now_us = s->barriers[0].done_us;
	assert_int_equal(windows_passed(w, s->barriers[0].number, s->now_us),
			 s->barriers[0].number);
	s->count--;
	for (size_t i = 0; i < s->count; i++)
		s->barriers[i] = s->barriers[i + 1];
	return sent;
}

/* 400 windows; gives the rate of the last 300. */
static double run(struct server *s, struct windows *w)
{
	uint64_t sent = 0, from_us = 0;
	for (int t = 0; t < 400; t++) {
		if (t == 100) {
			sent = 0;
			from_us = s->now_us;
		}
		sent += turn(s, w);
	}
	return (double)sent / ((double)(s->now_us - from_us) / 1e6);
}

static void sized_by_drain_time(void **state)
{
	(void)state;
	const double rates[] = {2500, 20000, 500000};
	for (size_t i = 0; i < 3; i++) {
		struct windows *w = windows_create();
		struct server s = {.rate = rates[i], .rtt_us = 300, .now_us = 1};
		struct windows_stats stats;
		assert_true(run(&s, w) > 0.9 * rates[i]);
		windows_stats(w, &stats);
		size_t size = (size_t)(rates[i] * WINDOW_DRAIN_MS / 1e3);
		if (size < WINDOW_STANZAS_MIN)
			size = WINDOW_STANZAS_MIN;
		assert_in_range(stats.size, size / 2, size * 2);
		assert_true(stats.in_flight <= WINDOWS_IN_FLIGHT);
		windows_destroy(w);
	}
}

/* The way there and back is longer than all that may wait at the server. */
static void fills_a_long_way(void **state)
{
	(void)state;
	const uint64_t ways_us[] = {5000, 20000, 50000};
	for (size_t i = 0; i < 3; i++) {
		struct windows *w = windows_create();
		struct server s = {.rate = 20000, .rtt_us = ways_us[i], .now_us = 1};
		struct windows_stats stats;
		assert_true(run(&s, w) > 0.6 * s.rate);
		windows_stats(w, &stats);
		double waits_ms = stats.barrier_ms - (double)ways_us[i] / 1e3;
		assert_true(waits_ms < 3 * WINDOWS_IN_FLIGHT * WINDOW_DRAIN_MS);
		windows_destroy(w);
	}
}

/* Something else keeps it busy from now on. */
static void follows_a_server_that_answers_later(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	struct server s = {.rate = 20000, .rtt_us = 200, .now_us = 1};
	run(&s, w);
	s.rtt_us = 40000;
	for (int t = 0; t < 200; t++)
		turn(&s, w);
	assert_true(run(&s, w) > 0.5 * s.rate);
	windows_destroy(w);
}

static void follows_a_server_that_slows_down(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	struct server s = {.rate = 100000, .rtt_us = 200, .now_us = 1};
	for (int t = 0; t < 100; t++)
		turn(&s, w);
	s.rate = 3000;
	for (int t = 0; t < 100; t++)
		turn(&s, w);
	struct windows_stats stats;
	windows_stats(w, &stats);
	assert_in_range(stats.size, WINDOW_STANZAS_MIN, 2 * WINDOW_STANZAS_MIN);
	windows_destroy(w);
}

static void at_most_four_in_flight(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	assert_int_equal(windows_current(w), 1);
	assert_int_equal(windows_oldest_us(w), 0);
	for (unsigned i = 1; i <= WINDOWS_IN_FLIGHT; i++) {
		assert_true(windows_may_send(w));
		windows_sent(w, 1, 1);
		assert_true(windows_open(w));
		assert_int_equal(windows_close(w, i * 10), i);
		assert_false(windows_open(w));
	}
	assert_false(windows_may_send(w));
	assert_int_equal(windows_oldest_us(w), 10);
	assert_int_equal(windows_passed(w, 3, 100), 3);
	assert_int_equal(windows_oldest_us(w), 40);
	assert_true(windows_may_send(w));
	assert_int_equal(windows_passed(w, 3, 100), 0);	 /* again */
	assert_int_equal(windows_passed(w, 99, 100), 0); /* never asked for */
	assert_int_equal(windows_passed(w, 4, 100), 4);
	windows_destroy(w);
}

static void full_by_bytes(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	windows_sent(w, 1, WINDOW_BYTES_MAX);
	assert_true(windows_full(w));
	assert_false(windows_may_send(w));
	windows_destroy(w);
}

static void one_by_one(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	windows_one_by_one(w, true);
	assert_true(windows_may_send(w));
	windows_sent(w, 1, 100);
	assert_false(windows_may_send(w));
	uint64_t n = windows_close(w, 5);
	assert_false(windows_may_send(w));
	assert_int_equal(windows_passed(w, n, 9), n);
	assert_true(windows_may_send(w));
	windows_destroy(w);
}

static void reset_keeps_the_numbers(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	windows_sent(w, 1, 100);
	uint64_t n = windows_close(w, 5);
	windows_sent(w, 1, 100);
	windows_reset(w);
	assert_false(windows_open(w));
	assert_int_equal(windows_passed(w, n, 9), 0);
	assert_int_equal(windows_current(w), n + 1);
	windows_destroy(w);
}

static void barriers_asked_again(void **state)
{
	(void)state;
	struct windows *w = windows_create();
	windows_sent(w, 1, 1);
	uint64_t n = 0;
	for (int i = 0; i < 100; i++)
		n = windows_close(w, 7);
	struct windows_stats stats;
	windows_stats(w, &stats);
	assert_int_equal(stats.stanzas_in_flight, 1);
	assert_int_equal(windows_oldest_us(w), 7);
	assert_int_equal(windows_passed(w, n, 9), n);
	assert_int_equal(windows_oldest_us(w), 0);
	windows_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sized_by_drain_time),
		cmocka_unit_test(fills_a_long_way),
		cmocka_unit_test(follows_a_server_that_slows_down),
		cmocka_unit_test(follows_a_server_that_answers_later),
		cmocka_unit_test(at_most_four_in_flight),
		cmocka_unit_test(full_by_bytes),
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(reset_keeps_the_numbers),
		cmocka_unit_test(barriers_asked_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
