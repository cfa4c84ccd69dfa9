#include <belfry/base/child.h>

#include <belfry/base/buf.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As shells have them. */
#define STATUS_UNSTARTED 126
#define STATUS_MISSING 127
#define FILES_MAX 64
#define NICE 10
#define SAID_MAX 200

struct child {
	struct loop *loop;
	pid_t pid;
	int pidfd;  /* readable once it is dead */
	int fds[3]; /* its stdin, stdout and stderr: files in memory */
	struct loop_fd *watch;
	struct loop_timer *timer;
	bool late;
	child_cb cb;
	void *arg;
};

/* ---- In the child, between fork and exec: no allocation, no locks ---------------- */

static void limit(enum __rlimit_resource resource, uint64_t most)
{
	struct rlimit l;

	if (getrlimit(resource, &l))
		_exit(STATUS_UNSTARTED);
	/* Our own may be lower: then that is as far as it goes. */
	if (l.rlim_max != RLIM_INFINITY && l.rlim_max < most)
		most = l.rlim_max;
	l = (struct rlimit){most, most};
	if (setrlimit(resource, &l))
		_exit(STATUS_UNSTARTED);
}

static void limit_all(const struct child_limits *l)
{
	limit(RLIMIT_AS, l->memory_bytes);
	limit(RLIMIT_CPU, l->cpu_s);
	limit(RLIMIT_FSIZE, l->output_bytes);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
}

/*
 * Where memory runs out, it goes rather than we. Its file is ours to write while we are
 * not hidden (see serve_main()), and exec shows it in any case.
 */
static void go_first(void)
{
	static const char most[] = "1000";
	int shown = prctl(PR_GET_DUMPABLE);

	prctl(PR_SET_DUMPABLE, 1);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		(void)!write(fd, most, sizeof most - 1);
		close(fd);
	}
	prctl(PR_SET_DUMPABLE, shown);
}

#if defined __x86_64__ && !defined __ILP32__
#define NATIVE AUDIT_ARCH_X86_64
#define FOREIGN_FROM 0x40000000 /* x32: the same calls by other numbers */
#elif defined __aarch64__
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined __i386__
#define NATIVE AUDIT_ARCH_I386
#elif defined __arm__ && defined __ARMEL__
#define NATIVE AUDIT_ARCH_ARM
#elif defined __riscv && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define NATIVE AUDIT_ARCH_PPC64LE
#elif defined __s390x__
#define NATIVE AUDIT_ARCH_S390X
#endif

#define LOAD(field)                                                                      \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(test, value, then)                                                            \
	BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), 0, 1), BPF_STMT(BPF_RET | BPF_K, then)
#define REFUSED (SECCOMP_RET_ERRNO | EACCES)

/*
 * Whatever it is made to do: no network, neither by way of another architecture's calls
 * nor by io_uring, which opens sockets without the call. Where the kernel has no such
 * filter it goes on without.
 */
static void forbid_sockets(void)
{
	struct sock_filter rules[] = {
#ifdef NATIVE
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
#endif
		LOAD(nr),
#ifdef FOREIGN_FROM
		IF(BPF_JGE, FOREIGN_FROM, REFUSED),
#endif
#ifdef SYS_socketcall
		IF(BPF_JEQ, SYS_socketcall, REFUSED),
#endif
		IF(BPF_JEQ, SYS_socket, REFUSED),
		IF(BPF_JEQ, SYS_io_uring_setup, REFUSED),
		IF(BPF_JEQ, SYS_io_uring_enter, REFUSED),
		IF(BPF_JEQ, SYS_io_uring_register, REFUSED),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* Our handlers must not run here, and what we ignore is not ignored by it. */
static void reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void become(const char *const *argv, char *const *env, const int fds[3],
			     const struct child_limits *limits)
{
	int high[3];

	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* what it starts ends with it */
	go_first();
	/* Out of the way first: ours may be 0, 1 or 2, if we were started without them.
	 */
	for (int i = 0; i < 3; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 10);
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			_exit(STATUS_UNSTARTED);
	if (close_range(3, ~0u, 0))
		_exit(STATUS_UNSTARTED);
	limit_all(limits);
	(void)!nice(NICE); /* those who serve others go first */
	forbid_sockets();
	/* exec's argv is not const for reasons of history. */
	execvpe(argv[0], (char *const *)(uintptr_t)argv, env);
	/* EACCES: a folder on the way, or the file itself, is closed to us for good. */
	_exit(errno == ENOENT || errno == EACCES ? STATUS_MISSING : STATUS_UNSTARTED);
}

/* ---- In the parent --------------------------------------------------------------- */

/* All of a file in memory; the caller frees it. */
static char *file_read(int fd, size_t *len)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *data = xmalloc(size > 0 ? (size_t)size + 1 : 1);
	ssize_t n = size > 0 ? pread(fd, data, (size_t)size, 0) : 0;

	*len = n > 0 ? (size_t)n : 0;
	data[*len] = '\0';
	return data;
}

/* Its first line, fit to be shown. */
static void line_of(char *text, size_t len)
{
	size_t n = len < SAID_MAX ? len : SAID_MAX;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			n = i;
		else if (text[i] < 0x20 || text[i] > 0x7e)
			text[i] = '?';
	}
	text[n] = '\0';
}

static enum child_end end_of(const struct child *c, int status)
{
	if (c->late)
		return CHILD_LATE;
	if (!WIFEXITED(status))
		return CHILD_FAILED;
	switch (WEXITSTATUS(status)) {
	case 0:
		return CHILD_DONE;
	case STATUS_UNSTARTED:
		return CHILD_UNSTARTED;
	case STATUS_MISSING:
		return CHILD_MISSING;
	default:
		return CHILD_FAILED;
	}
}

/* With what it started; while it is not waited for, the number is its own. */
static void slay(const struct child *c)
{
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
}

static void release(struct child *c)
{
	loop_fd_destroy(c->watch);
	loop_timer_destroy(c->timer);
	if (c->pidfd >= 0)
		close(c->pidfd);
	for (int i = 0; i < 3; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	free(c);
}

static void tell(struct child *c, enum child_end end)
{
	size_t out_len, said_len;
	char *out = file_read(c->fds[1], &out_len);
	char *said = file_read(c->fds[2], &said_len);
	struct child_result result = {end, out, out_len, said};
	child_cb cb = c->cb;
	void *arg = c->arg;

	line_of(said, said_len);
	release(c);
	cb(arg, &result);
	free(out);
	free(said);
}

static void on_dead(void *arg, unsigned events)
{
	struct child *c = arg;
	int status = 0;

	(void)events;
	kill(-c->pid, SIGKILL); /* what it left behind */
	pid_t ended = waitpid(c->pid, &status, WNOHANG);
	if (ended == 0)
		return;
	/* Somebody else took its status: it may have been any. */
	tell(c, ended < 0 && !c->late ? CHILD_FAILED : end_of(c, status));
}

static void on_time(void *arg)
{
	struct child *c = arg;

	if (c->pid < 0) {
		tell(c, CHILD_UNSTARTED);
		return;
	}
	c->late = true;
	slay(c);
}

static pid_t start(const char *const *argv, const int fds[3],
		   const struct child_limits *limits)
{
	const char *path = getenv("PATH");
	struct buf text = {0};
	sigset_t all, before;

	buf_printf(&text, "PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin");
	char home[] = "HOME=/nonexistent", locale[] = "LC_ALL=C.UTF-8";
	/* Each thread reserves address space, and rsvg-convert has one for each
	 * processor. */
	char threads[] = "RAYON_NUM_THREADS=1";
	char *const env[] = {text.data, home, locale, threads, NULL};
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		become(argv, env, fds, limits);
	if (pid > 0)
		setpgid(pid, pid); /* whoever is first */
	sigprocmask(SIG_SETMASK, &before, NULL);
	buf_free(&text);
	return pid;
}

/* Files in memory, so that nobody has to wait for a pipe: 0, or -1. */
static int open_files(struct child *c, const char *in, size_t in_len)
{
	for (int i = 0; i < 3; i++) {
		c->fds[i] = memfd_create("belfry", MFD_CLOEXEC);
		if (c->fds[i] < 0)
			return -1;
	}
	for (size_t done = 0; done < in_len;) {
		ssize_t n = write(c->fds[0], in + done, in_len - done);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return lseek(c->fds[0], 0, SEEK_SET) == 0 ? 0 : -1;
}

/* 0, or -1: it was not started. */
static int launch(struct child *c, const char *const *argv, const char *in, size_t in_len,
		  const struct child_limits *limits)
{
	if (open_files(c, in, in_len) < 0)
		return -1;
	c->pid = start(argv, c->fds, limits);
	if (c->pid < 0)
		return -1;
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd >= 0)
		c->watch = loop_fd_create(c->loop, c->pidfd, LOOP_READ, on_dead, c);
	if (c->watch)
		return 0;
	int error = errno;
	slay(c);
	waitpid(c->pid, NULL, 0);
	errno = error;
	return -1;
}

struct child *child_run(struct loop *loop, const char *const *argv, const char *in,
			size_t in_len, const struct child_limits *limits, child_cb cb,
			void *arg)
{
	struct child *c = xcalloc(1, sizeof *c);

	*c = (struct child){.loop = loop,
			    .pid = -1,
			    .pidfd = -1,
			    .fds = {-1, -1, -1},
			    .cb = cb,
			    .arg = arg};
	c->timer = loop_timer_create(loop, on_time, c);
	if (launch(c, argv, in, in_len, limits) == 0) {
		loop_timer_arm(c->timer, limits->time_ms);
	} else {
		log_error("cannot start a child", log_s("program", argv[0]),
			  log_s("error", strerror(errno)));
		c->pid = -1;
		loop_timer_arm(c->timer, 0); /* never from inside the call */
	}
	return c;
}

void child_destroy(struct child *c)
{
	if (!c)
		return;
	if (c->pid > 0) {
		slay(c);
		waitpid(c->pid, NULL, 0);
	}
	release(c);
}
