#ifndef BELFRY_BASE_CHILD_H
#define BELFRY_BASE_CHILD_H

#include <belfry/base/loop.h>

#include <stddef.h>
#include <stdint.h>

/*
 * A program that turns bytes into bytes: started as a child of its own, which gets IN on
 * its stdin, and whose stdout is the answer. It may break on what it is fed: it inherits
 * nothing of ours (no file descriptor; of the environment, PATH alone), may write no file
 * larger than its output, open no socket, gain no privilege, uses no more than LIMITS,
 * and is the first to go where memory runs out. What it starts ends with it, unless that
 * leaves its process group. It is no jail: it runs as our user, whose files it may open
 * and whose processes it may end; our memory it can read unless we are not dumpable
 * (prctl(2)), and in any case as root. Where the kernel has no filters (seccomp) nothing
 * keeps it from sockets.
 */
struct child;

struct child_limits {
	uint64_t time_ms;      /* then it is killed */
	uint64_t cpu_s;	       /* of all its threads together */
	uint64_t memory_bytes; /* of address space */
	uint64_t output_bytes; /* of stdout; the same for stderr */
};

enum child_end {
	CHILD_DONE,	 /* exit status 0 */
	CHILD_MISSING,	 /* there is no such program; or its exit status is 127 */
	CHILD_UNSTARTED, /* out of processes, files or memory: later, perhaps; or 126 */
	CHILD_FAILED,	 /* another status, or a signal: out of a limit, perhaps */
	CHILD_LATE,	 /* killed: it took too long */
};

struct child_result {
	enum child_end end;
	const char *out; /* what it wrote to stdout; NUL-terminated */
	size_t out_len;
	const char *said; /* stderr: its first line, of visible ASCII; "" */
};
/* Once, from the loop; the child is gone by then. RESULT is valid until it returns. */
typedef void (*child_cb)(void *arg, const struct child_result *result);

/* ARGV: the program, looked up in PATH, and its arguments, up to a NULL. IN is copied. */
struct child *child_run(struct loop *loop, const char *const *argv, const char *in,
			size_t in_len, const struct child_limits *limits, child_cb cb,
			void *arg);
/* Kills it: CB is not called. Not after CB was; NULL is safe. */
void child_destroy(struct child *c);

#endif
