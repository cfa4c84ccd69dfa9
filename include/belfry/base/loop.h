#ifndef BELFRY_BASE_LOOP_H
#define BELFRY_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The event loop of a process: file descriptors, timers, signals, and work put off to the
 * end of the turn. One thread, no locks; every callback runs on the thread in loop_run().
 * Over libuv, which only hub/base/loop.c includes.
 *
 * Watches and timers may be destroyed from inside any callback, their own too; after
 * *_destroy() returns, the callback is not called again. destroy(NULL) is safe.
 */
struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;

#define LOOP_READ 1u
#define LOOP_WRITE 2u

struct loop *loop_create(void);
/*
 * All watches, timers and signals have been destroyed before. What was put off since the
 * last turn is not called.
 */
void loop_destroy(struct loop *loop);
/* Runs until loop_stop(), or until nothing is being watched. */
void loop_run(struct loop *loop);
/* One turn; waits for something to happen only if WAIT. */
void loop_turn(struct loop *loop, bool wait);
/*
 * The turn under way is the last one, what is put off in it included. Outside loop_run()
 * it makes the next loop_run() return at once.
 */
void loop_stop(struct loop *loop);

/*
 * Watches FD for EVENTS (LOOP_READ | LOOP_WRITE; 0 watches nothing). On an error of the
 * fd the callback gets both bits, so that the next read or write reports the error,
 * and the watch is silent after that until loop_fd_events().
 *
 * The fd is not owned; it is made non-blocking. Destroy the watch before closing the fd,
 * or at the latest before the turn ends: the kernel gives the number to the next socket.
 * One watch an fd: NULL, logged, with EEXIST in errno if another one has it, or with
 * EPERM if it cannot be polled (a regular file).
 */
typedef void (*loop_fd_cb)(void *arg, unsigned events);
struct loop_fd *loop_fd_create(struct loop *loop, int fd, unsigned events, loop_fd_cb cb,
			       void *arg);
void loop_fd_events(struct loop_fd *w, unsigned events);
void loop_fd_destroy(struct loop_fd *w);

/* A one-shot timer, created unarmed; arming again moves it. 0 ms: the next turn. */
typedef void (*loop_cb)(void *arg);
struct loop_timer *loop_timer_create(struct loop *loop, loop_cb cb, void *arg);
void loop_timer_arm(struct loop_timer *t, uint64_t after_ms);
void loop_timer_disarm(struct loop_timer *t);
bool loop_timer_armed(const struct loop_timer *t);
void loop_timer_destroy(struct loop_timer *t);

/* Calls CB in the loop each time SIGNUM arrives. */
struct loop_signal *loop_signal_create(struct loop *loop, int signum, loop_cb cb,
				       void *arg);
void loop_signal_destroy(struct loop_signal *s);

/*
 * Calls CB once, after all callbacks of this turn and before the loop waits again: where
 * the commits of one turn are sent together. May be called from such a callback, which
 * then runs in the same pass. Cannot be taken back: ARG lives until then.
 */
void loop_defer(struct loop *loop, loop_cb cb, void *arg);

#endif
