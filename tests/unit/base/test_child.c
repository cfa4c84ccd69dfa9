#include "trace.h"

#include <belfry/base/buf.h>
#include <belfry/base/child.h>
#include <belfry/base/log.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Generous: what is to fail in a test has a limit of its own. */
static const struct child_limits generous = {
	.time_ms = 60000,
	.cpu_s = 60,
	.memory_bytes = (uint64_t)1 << 30,
	.output_bytes = (uint64_t)1 << 20,
};

static struct {
	unsigned calls;
	enum child_end end;
	struct buf out;
	char said[256];
} got;

static void on_end(void *arg, const struct child_result *r)
{
	(void)arg;
	got.calls++;
	got.end = r->end;
	assert_int_equal(r->out[r->out_len], 0);
	buf_add(&got.out, r->out, r->out_len);
	buf_addc(&got.out, '\0');
	got.out.len--;
	snprintf(got.said, sizeof got.said, "%s", r->said);
}

static int begin(void **state)
{
	buf_free(&got.out);
	memset(&got, 0, sizeof got);
	return trace_begin(state);
}

static int end(void **state)
{
	buf_free(&got.out);
	return trace_end(state);
}

static void run(const char *const *argv, const char *in, size_t in_len,
		const struct child_limits *limits)
{
	child_run(loop, argv, in, in_len, limits, on_end, NULL);
	assert_int_equal(got.calls, 0);
	loop_run(loop);
	assert_int_equal(got.calls, 1);
}

static void run_script(const char *script, const struct child_limits *limits)
{
	run((const char *const[]){"bash", "-c", script, NULL}, "", 0, limits);
}

static void what_goes_in_comes_out(void **state)
{
	static char in[200000];

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (char)(i * 31 + i / 1000);
	run((const char *const[]){"cat", NULL}, in, sizeof in, &generous);
	assert_int_equal(got.end, CHILD_DONE);
	assert_int_equal(got.out.len, sizeof in);
	assert_memory_equal(got.out.data, in, sizeof in);
	assert_string_equal(got.said, "");
}

static void nothing_in_nothing_out(void **state)
{
	(void)state;
	run((const char *const[]){"cat", NULL}, NULL, 0, &generous);
	assert_int_equal(got.end, CHILD_DONE);
	assert_int_equal(got.out.len, 0);
}

static void a_missing_program_is_told(void **state)
{
	(void)state;
	run((const char *const[]){"no-such-program", NULL}, "", 0, &generous);
	assert_int_equal(got.end, CHILD_MISSING);
}

static void what_it_says_is_told(void **state)
{
	(void)state;
	run_script("printf 'bad \\033[31m thing\\nmore\\n' >&2; exit 3", &generous);
	assert_int_equal(got.end, CHILD_FAILED);
	assert_string_equal(got.said, "bad ?[31m thing");
}

static void its_time_is_limited(void **state)
{
	struct child_limits l = generous;

	(void)state;
	l.time_ms = 50;
	run_script("sleep 1000", &l);
	assert_int_equal(got.end, CHILD_LATE);
}

static void its_work_is_limited(void **state)
{
	struct child_limits l = generous;

	(void)state;
	l.cpu_s = 1;
	run_script("while :; do :; done", &l);
	assert_int_equal(got.end, CHILD_FAILED);
}

static void its_memory_is_limited(void **state)
{
	struct child_limits l = generous;

	(void)state;
	run_script("x=$(head -c 40000000 /dev/zero | tr '\\0' x) && echo ${#x}", &l);
	assert_string_equal(got.out.data, "40000000\n");
	got.calls = 0;
	buf_clear(&got.out);
	l.memory_bytes = 32 << 20;
	run_script("x=$(head -c 40000000 /dev/zero | tr '\\0' x) && echo ${#x}", &l);
	assert_int_equal(got.end, CHILD_FAILED);
	assert_string_equal(got.out.data, "");
}

static void its_output_is_limited(void **state)
{
	(void)state;
	run_script("head -c 1048576 /dev/zero", &generous);
	assert_int_equal(got.end, CHILD_DONE);
	assert_int_equal(got.out.len, 1048576);
	got.calls = 0;
	buf_clear(&got.out);
	run_script("head -c 1048577 /dev/zero", &generous);
	assert_int_equal(got.end, CHILD_FAILED);
	assert_int_equal(got.out.len, 1048576);
}

static void it_sees_nothing_of_ours(void **state)
{
	int fd = open("/etc/passwd", O_RDONLY); /* not closed by exec */
	const char *path = getenv("PATH");
	char expected[4096];

	(void)state;
	assert_true(fd >= 0);
	setenv("BELFRY_SECRET", "s3cret", 1);
	run((const char *const[]){"env", NULL}, "", 0, &generous);
	snprintf(expected, sizeof expected,
		 "PATH=%s\nHOME=/nonexistent\nLC_ALL=C.UTF-8\n", path);
	assert_string_equal(got.out.data, expected);
	got.calls = 0;
	buf_clear(&got.out);
	/* 3 is the folder that ls reads. */
	run((const char *const[]){"ls", "/proc/self/fd", NULL}, "", 0, &generous);
	assert_string_equal(got.out.data, "0\n1\n2\n3\n");
	unsetenv("BELFRY_SECRET");
	close(fd);
}

static void it_has_no_network(void **state)
{
	(void)state;
	run_script("exec 3<>/dev/tcp/127.0.0.1/1", &generous);
	assert_int_equal(got.end, CHILD_FAILED);
	assert_non_null(strstr(got.said, "Permission denied"));
}

static void signals_are_as_usual(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	(void)state;
	sigaction(SIGPIPE, &ignore, &before);
	run_script("kill -PIPE $$; echo alive", &generous);
	sigaction(SIGPIPE, &before, NULL);
	assert_int_equal(got.end, CHILD_FAILED);
	assert_string_equal(got.out.data, "");
}

static void it_can_be_ended(void **state)
{
	static char letter = 't';
	struct loop_timer *timer = loop_timer_create(loop, trace_letter, &letter);
	struct child *c;

	(void)state;
	child_destroy(NULL);
	c = child_run(loop, (const char *const[]){"sleep", "1000", NULL}, "", 0,
		      &generous, on_end, NULL);
	child_destroy(c);
	loop_timer_arm(timer, 20);
	loop_run(loop);
	assert_string_equal(trace, "t");
	assert_int_equal(got.calls, 0);
	loop_timer_destroy(timer);
}

static void many_at_a_time(void **state)
{
	enum { MANY = 20 };

	(void)state;
	for (int i = 0; i < MANY; i++)
		child_run(loop, (const char *const[]){"cat", NULL}, "x", 1, &generous,
			  on_end, NULL);
	loop_run(loop);
	assert_int_equal(got.calls, MANY);
	assert_int_equal(got.out.len, MANY);
}

int main(void)
{
#define WITH_CHILD(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH_CHILD(what_goes_in_comes_out),
		WITH_CHILD(nothing_in_nothing_out),
		WITH_CHILD(a_missing_program_is_told),
		WITH_CHILD(what_it_says_is_told),
		WITH_CHILD(its_time_is_limited),
		WITH_CHILD(its_work_is_limited),
		WITH_CHILD(its_memory_is_limited),
		WITH_CHILD(its_output_is_limited),
		WITH_CHILD(it_sees_nothing_of_ours),
		WITH_CHILD(it_has_no_network),
		WITH_CHILD(signals_are_as_usual),
		WITH_CHILD(it_can_be_ended),
		WITH_CHILD(many_at_a_time),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
