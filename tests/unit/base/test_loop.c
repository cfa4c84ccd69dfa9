#include "trace.h"

#include <belfry/base/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char a = 'a', b = 'b', c = 'c', d = 'd', t = 't';

static void nothing_to_watch_returns(void **state)
{
	struct loop_timer *idle = loop_timer_create(loop, trace_letter, &a);

	(void)state;
	loop_run(loop);
	loop_turn(loop, true);
	loop_turn(loop, false);
	assert_false(loop_timer_armed(idle));
	loop_timer_destroy(idle);
	loop_timer_destroy(NULL);
	loop_fd_destroy(NULL);
	loop_signal_destroy(NULL);
	loop_destroy(NULL);
	assert_string_equal(trace, "");
}

static void timers_fire_once_in_order(void **state)
{
	struct loop_timer *t1 = loop_timer_create(loop, trace_letter, &a);
	struct loop_timer *t2 = loop_timer_create(loop, trace_letter, &b);
	struct loop_timer *t3 = loop_timer_create(loop, trace_letter, &c);
	struct loop_timer *t4 = loop_timer_create(loop, trace_letter, &d);
	uint64_t began = clock_mono_ms();

	(void)state;
	loop_timer_arm(t1, 40);
	loop_timer_arm(t2, 20);
	loop_timer_arm(t3, 3600000);
	loop_timer_arm(t3, 0); /* moves it */
	loop_timer_arm(t4, 0);
	loop_timer_disarm(t4);
	assert_true(loop_timer_armed(t1));
	assert_true(loop_timer_armed(t3));
	assert_false(loop_timer_armed(t4));
	loop_run(loop);
	assert_string_equal(trace, "cba");
	assert_true(clock_mono_ms() - began >= 40);
	assert_false(loop_timer_armed(t1));
	loop_timer_destroy(t1);
	loop_timer_destroy(t2);
	loop_timer_destroy(t3);
	loop_timer_destroy(t4);
}

/* A timer counts from when it is armed, however long the turn has been going on. */
static void timers_count_from_now(void **state)
{
	struct loop_timer *timer = loop_timer_create(loop, trace_letter, &a);
	uint64_t armed;

	(void)state;
	loop_turn(loop, false);
	armed = clock_mono_ms();
	while (clock_mono_ms() < armed + 30)
		;
	armed = clock_mono_ms();
	loop_timer_arm(timer, 20);
	loop_run(loop);
	assert_true(clock_mono_ms() >= armed + 20);
	loop_timer_destroy(timer);
}

struct self {
	struct loop_timer *timer;
	struct loop_fd *fd;
	unsigned calls, events;
	int peer;
};

static void rearm(void *arg)
{
	struct self *self = arg;

	self->calls++;
	loop_timer_arm(self->timer, 0);
}

static void stop_on_read(void *arg, unsigned events)
{
	struct self *self = arg;

	self->events = events;
	loop_stop(loop);
}

/* Two timers that rearm each other with 0 ms do not keep the loop from its fds. */
static void zero_timers_do_not_starve(void **state)
{
	struct self one = {0}, two = {0}, reader = {0};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	one.timer = loop_timer_create(loop, rearm, &one);
	two.timer = loop_timer_create(loop, rearm, &two);
	loop_timer_arm(one.timer, 0);
	loop_timer_arm(two.timer, 1);
	reader.fd = loop_fd_create(loop, fds[0], LOOP_READ, stop_on_read, &reader);
	loop_run(loop);
	assert_int_equal(reader.events, LOOP_READ);
	assert_true(one.calls >= 1);
	loop_fd_destroy(reader.fd);
	loop_timer_destroy(one.timer);
	loop_timer_destroy(two.timer);
	close(fds[0]);
	close(fds[1]);
}

static void destroy_self(void *arg)
{
	struct self *self = arg;

	self->calls++;
	loop_timer_destroy(self->timer);
	self->timer = NULL;
}

struct pair {
	struct loop_timer *first, *second;
	unsigned calls;
};

static void destroy_both(void *arg)
{
	struct pair *pair = arg;

	pair->calls++;
	loop_timer_destroy(pair->first);
	loop_timer_destroy(pair->second);
}

static void timers_die_in_callbacks(void **state)
{
	struct self self = {0};
	struct pair soon = {0}, later = {0};

	(void)state;
	self.timer = loop_timer_create(loop, destroy_self, &self);
	loop_timer_arm(self.timer, 1);
	soon.first = loop_timer_create(loop, destroy_both, &soon);
	soon.second = loop_timer_create(loop, destroy_both, &soon);
	loop_timer_arm(soon.first, 0);
	loop_timer_arm(soon.second, 0);
	later.first = loop_timer_create(loop, destroy_both, &later);
	later.second = loop_timer_create(loop, destroy_both, &later);
	loop_timer_arm(later.first, 2);
	loop_timer_arm(later.second, 2);
	loop_run(loop);
	assert_int_equal(self.calls, 1);
	assert_int_equal(soon.calls, 1);
	assert_int_equal(later.calls, 1);
}

static void note_events(void *arg, unsigned events)
{
	struct self *self = arg;

	self->calls++;
	self->events = events;
}

static void watches_what_is_asked(void **state)
{
	struct self self = {0};
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	self.fd = loop_fd_create(loop, fds[0], 0, note_events, &self);
	loop_turn(loop, false);
	assert_int_equal(self.calls, 0);
	loop_fd_events(self.fd, LOOP_WRITE);
	loop_turn(loop, true);
	assert_int_equal(self.events, LOOP_WRITE);
	loop_fd_events(self.fd, LOOP_READ);
	self.events = 0;
	loop_turn(loop, false);
	assert_int_equal(self.events, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_turn(loop, true);
	assert_int_equal(self.events, LOOP_READ);
	loop_fd_events(self.fd, LOOP_READ | LOOP_WRITE);
	loop_turn(loop, true);
	assert_int_equal(self.events, LOOP_READ | LOOP_WRITE);
	loop_fd_events(self.fd, 0);
	self.calls = 0;
	loop_turn(loop, false);
	assert_int_equal(self.calls, 0);
	loop_fd_destroy(self.fd);
	close(fds[0]);
	close(fds[1]);
}

/* The peer is gone: the error shows as both bits, once, until it is asked for again. */
static void an_error_gives_both_bits(void **state)
{
	struct self self = {0};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	self.fd = loop_fd_create(loop, fds[1], LOOP_WRITE, note_events, &self);
	close(fds[0]);
	loop_turn(loop, true);
	assert_int_equal(self.events, LOOP_READ | LOOP_WRITE);
	assert_int_equal(self.calls, 1);
	loop_turn(loop, false);
	assert_int_equal(self.calls, 1);
	loop_fd_events(self.fd, LOOP_WRITE);
	loop_turn(loop, true);
	assert_int_equal(self.calls, 2);
	loop_fd_destroy(self.fd);
	close(fds[1]);
}

static void destroy_fd_and_reuse(void *arg, unsigned events)
{
	struct self *self = arg;

	(void)events;
	self->calls++;
	loop_fd_destroy(self->fd);
	close(self->peer);
	self->fd = NULL;
}

static void fds_die_in_callbacks(void **state)
{
	struct self self = {0};
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	self.peer = fds[0];
	self.fd = loop_fd_create(loop, fds[0], LOOP_WRITE, destroy_fd_and_reuse, &self);
	loop_run(loop);
	assert_int_equal(self.calls, 1);
	close(fds[1]);
}

/* As soon as a watch is destroyed, its number can be watched anew. */
static void an_fd_has_one_watch(void **state)
{
	struct self self = {0};
	struct loop_fd *second;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	self.fd = loop_fd_create(loop, fds[0], LOOP_READ, note_events, &self);
	assert_null(loop_fd_create(loop, fds[0], LOOP_READ, note_events, &self));
	assert_int_equal(errno, EEXIST);
	loop_fd_destroy(self.fd);
	second = loop_fd_create(loop, fds[0], LOOP_WRITE, note_events, &self);
	assert_non_null(second);
	loop_turn(loop, true);
	assert_int_equal(self.events, LOOP_WRITE);
	loop_fd_destroy(second);
	close(fds[0]);
	close(fds[1]);
}

static void a_file_cannot_be_watched(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_null(loop_fd_create(loop, fd, LOOP_READ, note_events, NULL));
	assert_int_equal(errno, EPERM);
	close(fd);
}

static void stop_before_run(void **state)
{
	struct loop_timer *timer = loop_timer_create(loop, trace_letter, &t);

	(void)state;
	loop_timer_arm(timer, 0);
	loop_stop(loop);
	loop_run(loop);
	assert_string_equal(trace, "");
	loop_run(loop);
	assert_string_equal(trace, "t");
	loop_timer_destroy(timer);
}

/* Something that happened ends the turn, be it a timer or an fd. */
static void a_turn_waits_for_one_thing(void **state)
{
	struct loop_timer *soon = loop_timer_create(loop, trace_letter, &a);
	struct loop_timer *late = loop_timer_create(loop, trace_letter, &b);
	uint64_t began;

	(void)state;
	loop_timer_arm(late, 3600000);
	loop_timer_arm(soon, 0);
	loop_turn(loop, true);
	assert_string_equal(trace, "a");
	loop_timer_arm(soon, 10);
	while (loop_timer_armed(soon))
		loop_turn(loop, true);
	assert_string_equal(trace, "aa");
	loop_turn(loop, false);
	assert_string_equal(trace, "aa");
	loop_timer_arm(soon, 1);
	began = clock_mono_ms();
	while (clock_mono_ms() < began + 5)
		;
	loop_turn(loop, true); /* is due already: that is the one thing */
	assert_string_equal(trace, "aaa");
	loop_timer_destroy(soon);
	loop_timer_destroy(late);
}

static void signal_destroys_itself(void *arg)
{
	struct loop_signal **sig = arg;

	traced('s');
	loop_signal_destroy(*sig);
	*sig = NULL;
}

static void signals_die_in_callbacks(void **state)
{
	struct loop_signal *sig =
		loop_signal_create(loop, SIGUSR2, signal_destroys_itself, &sig);

	(void)state;
	raise(SIGUSR2);
	loop_run(loop);
	assert_string_equal(trace, "s");
	assert_null(sig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		looped(nothing_to_watch_returns), looped(timers_fire_once_in_order),
		looped(timers_count_from_now),	  looped(zero_timers_do_not_starve),
		looped(timers_die_in_callbacks),  looped(watches_what_is_asked),
		looped(an_error_gives_both_bits), looped(fds_die_in_callbacks),
		looped(an_fd_has_one_watch),	  looped(a_file_cannot_be_watched),
		looped(stop_before_run),	  looped(a_turn_waits_for_one_thing),
		looped(signals_die_in_callbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
