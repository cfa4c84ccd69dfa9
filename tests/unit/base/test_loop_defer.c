#include "trace.h"

#include <signal.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char a = 'a', b = 'b', t = 't';

struct reader {
	struct loop_fd *fd;
	int peer;
};

static void defer_more(void *arg)
{
	traced(*(char *)arg);
	loop_defer(loop, trace_letter, &b);
}

static void defer_and_trace(void *arg)
{
	traced('t');
	loop_defer(loop, defer_more, &a);
	(void)arg;
}

/* All that two timers put off comes after both, and what that puts off in the same pass.
 */
static void put_off_to_the_end_of_the_turn(void **state)
{
	struct loop_timer *one = loop_timer_create(loop, defer_and_trace, NULL);
	struct loop_timer *two = loop_timer_create(loop, defer_and_trace, NULL);

	(void)state;
	loop_timer_arm(one, 0);
	loop_timer_arm(two, 0);
	loop_run(loop);
	assert_string_equal(trace, "ttaabb");
	loop_timer_destroy(one);
	loop_timer_destroy(two);
}

static void put_off_wakes_the_loop(void **state)
{
	struct loop_timer *late = loop_timer_create(loop, trace_letter, &t);

	(void)state;
	loop_defer(loop, trace_letter, &a);
	loop_run(loop);
	assert_string_equal(trace, "a");
	loop_defer(loop, trace_letter, &b);
	loop_timer_arm(late, 3600000);
	loop_turn(loop, true); /* does not wait an hour */
	assert_string_equal(trace, "ab");
	loop_timer_destroy(late);
}

static void stop_running(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void defer_stop(void *arg)
{
	(void)arg;
	loop_defer(loop, stop_running, NULL);
}

/* What a timer or an fd put off is not left to wait until something else happens. */
static void put_off_comes_before_the_wait(void **state)
{
	struct loop_timer *first = loop_timer_create(loop, defer_stop, NULL);
	struct loop_timer *late = loop_timer_create(loop, trace_letter, &t);

	(void)state;
	loop_timer_arm(late, 3600000);
	loop_timer_arm(first, 0);
	loop_run(loop);
	loop_timer_arm(first, 2);
	loop_run(loop);
	assert_string_equal(trace, "");
	loop_timer_destroy(first);
	loop_timer_destroy(late);
}

static void arm_timer(void *arg)
{
	traced('d');
	loop_timer_arm(arg, 5);
}

/* Put-off work that is the last thing alive can start something new. */
static void put_off_keeps_the_loop_alive(void **state)
{
	struct loop_timer *timer = loop_timer_create(loop, trace_letter, &t);

	(void)state;
	loop_defer(loop, arm_timer, timer);
	loop_run(loop);
	assert_string_equal(trace, "dt");
	loop_timer_destroy(timer);
}

static void defer_on_read(void *arg, unsigned events)
{
	struct reader *self = arg;
	char byte;

	(void)events;
	traced('r');
	assert_int_equal(read(self->peer, &byte, 1), 1);
	loop_defer(loop, trace_letter, &a);
	loop_stop(loop);
}

static void defer_on_signal(void *arg)
{
	(void)arg;
	traced('s');
	loop_defer(loop, trace_letter, &b);
	loop_stop(loop);
}

/* The turn that is the last one still does what it put off, whatever began it. */
static void the_last_turn_does_its_work(void **state)
{
	struct reader self = {0};
	struct loop_signal *sig;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	self.peer = fds[0];
	self.fd = loop_fd_create(loop, fds[0], LOOP_READ, defer_on_read, &self);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_run(loop);
	assert_string_equal(trace, "ra");
	sig = loop_signal_create(loop, SIGUSR1, defer_on_signal, NULL);
	raise(SIGUSR1);
	loop_run(loop);
	assert_string_equal(trace, "rasb");
	loop_signal_destroy(sig);
	loop_fd_destroy(self.fd);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		looped(put_off_to_the_end_of_the_turn),
		looped(put_off_wakes_the_loop),
		looped(put_off_comes_before_the_wait),
		looped(put_off_keeps_the_loop_alive),
		looped(the_last_turn_does_its_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
