#include "trace.h"

#include <belfry/base/buf.h>
#include <belfry/base/child.h>
#include <belfry/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* Later it may be: not what is to be installed. */
static void what_cannot_start_is_told(void **state)
{
	static char long_word[200000]; /* the kernel takes 128 KiB */
	struct rlimit before, none;

	(void)state;
	memset(long_word, 'x', sizeof long_word - 1);
	run((const char *const[]){"cat", long_word, NULL}, "", 0, &generous);
	assert_int_equal(got.end, CHILD_UNSTARTED);
	got.calls = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	child_run(loop, (const char *const[]){"cat", NULL}, "", 0, &generous, on_end,
		  NULL);
	setrlimit(RLIMIT_NOFILE, &before);
	loop_run(loop);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.end, CHILD_UNSTARTED);
	got.calls = 0;
	run((const char *const[]){"/etc/passwd", NULL}, "", 0, &generous);
	assert_int_equal(got.end, CHILD_MISSING);
}

/* Where our children's ends are hidden from us, none is taken for a good one. */
static void an_unknown_end_is_a_bad_one(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	(void)state;
	sigaction(SIGCHLD, &ignore, &before);
	run_script("echo half; exit 1", &generous);
	sigaction(SIGCHLD, &before, NULL);
	assert_int_equal(got.end, CHILD_FAILED);
}

/* Waits for a child of our child, which becomes ours: it was killed. */
static void check_killed(void)
{
	pid_t pid = (pid_t)atoi(got.out.data);
	int status = 0;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_it_started_ends_with_it(void **state)
{
	struct child_limits l = generous;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	run_script("sleep 1000 & echo $!", &generous);
	assert_int_equal(got.end, CHILD_DONE);
	check_killed();
	got.calls = 0;
	buf_clear(&got.out);
	l.time_ms = 2000;
	run_script("sleep 1000 & echo $!; exec sleep 1000", &l);
	assert_int_equal(got.end, CHILD_LATE);
	check_killed();
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void it_goes_first_when_memory_is_out(void **state)
{
	(void)state;
	run((const char *const[]){"cat", "/proc/self/oom_score_adj", NULL}, "", 0,
	    &generous);
	assert_string_equal(got.out.data, "1000\n");
	/* Nor does it matter that we are hidden from it. */
	prctl(PR_SET_DUMPABLE, 0);
	got.calls = 0;
	buf_clear(&got.out);
	run((const char *const[]){"cat", "/proc/self/oom_score_adj", NULL}, "", 0,
	    &generous);
	prctl(PR_SET_DUMPABLE, 1);
	assert_string_equal(got.out.data, "1000\n");
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
		 "PATH=%s\nHOME=/nonexistent\nLC_ALL=C.UTF-8\nRAYON_NUM_THREADS=1\n",
		 path);
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

/* ---- Ways around, tried by this program itself ---- */

/* The same calls by other numbers, and others that come to the same. */
static int probe_calls(void)
{
	static const long calls[] = {
		SYS_socket,
		SYS_io_uring_setup,
		SYS_io_uring_enter,
		SYS_io_uring_register,
#ifdef __x86_64__
		0x40000000 + SYS_socket,
#endif
	};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		errno = 0;
		long result = syscall(calls[i], 0, 0, 0, 0, 0, 0);
		printf("%zu: %ld %s\n", i, result, strerrorname_np(errno));
	}
	fflush(stdout);
	return 0;
}

/* By the 32-bit processor's door: getpid, which is allowed by its own number. */
static int probe_door(void)
{
#ifdef __x86_64__
	long number = 20;

	__asm__ volatile("int $0x80"
			 : "+a"(number)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	printf("open\n");
	fflush(stdout);
#endif
	return 0;
}

static void probe(const char *what)
{
	struct child_limits l = generous;

	l.memory_bytes = UINT64_MAX; /* a sanitizer reserves that much */
	got.calls = 0;
	buf_clear(&got.out);
	run((const char *const[]){"/proc/self/exe", what, NULL}, "", 0, &l);
}

static void there_is_no_way_around(void **state)
{
	(void)state;
	probe("calls");
	assert_int_equal(got.end, CHILD_DONE);
	size_t lines = 0, refused = 0;
	for (const char *p = got.out.data; (p = strchr(p, '\n')); p++)
		lines++;
	for (const char *p = got.out.data; (p = strstr(p, ": -1 EACCES\n")); p++)
		refused++;
	assert_true(lines >= 4);
	if (refused != lines)
		fail_msg("%s", got.out.data);
	probe("door");
	assert_null(strstr(got.out.data, "open"));
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

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "calls") ? probe_door() : probe_calls();

#define WITH_CHILD(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH_CHILD(what_goes_in_comes_out),
		WITH_CHILD(nothing_in_nothing_out),
		WITH_CHILD(a_missing_program_is_told),
		WITH_CHILD(what_cannot_start_is_told),
		WITH_CHILD(an_unknown_end_is_a_bad_one),
		WITH_CHILD(what_it_started_ends_with_it),
		WITH_CHILD(it_goes_first_when_memory_is_out),
		WITH_CHILD(what_it_says_is_told),
		WITH_CHILD(its_time_is_limited),
		WITH_CHILD(its_work_is_limited),
		WITH_CHILD(its_memory_is_limited),
		WITH_CHILD(its_output_is_limited),
		WITH_CHILD(it_sees_nothing_of_ours),
		WITH_CHILD(it_has_no_network),
		WITH_CHILD(there_is_no_way_around),
		WITH_CHILD(signals_are_as_usual),
		WITH_CHILD(it_can_be_ended),
		WITH_CHILD(many_at_a_time),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
