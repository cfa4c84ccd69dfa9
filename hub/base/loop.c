#include <belfry/base/log.h>
#include <belfry/base/loop.h>
#include <belfry/base/mem.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uv.h>

struct deferred {
	loop_cb cb;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t before_wait;      /* runs what was put off */
	uv_idle_t no_wait;	       /* active while `soon` has timers: runs them */
	TAILQ_HEAD(, loop_timer) soon; /* armed for the next turn, oldest first */
	uint64_t pass;		       /* of the `soon` list */
	struct deferred *put_off;
	size_t put_off_len, put_off_cap;
	size_t watches; /* fds, timers and signals not yet destroyed */
	bool in_uv;
	bool one_turn; /* in loop_turn() */
	bool stopped;
};

struct loop_fd {
	uv_poll_t uv;
	struct loop *loop;
	loop_fd_cb cb;
	void *arg;
	unsigned armed; /* the events that libuv watches for */
};

struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	loop_cb cb;
	void *arg;
	TAILQ_ENTRY(loop_timer) link;
	bool soon;     /* is in the loop's list */
	uint64_t pass; /* in which it entered that list */
};

struct loop_signal {
	uv_signal_t uv;
	struct loop *loop;
	loop_cb cb;
	void *arg;
};

/* For what fails only on a mistake of ours or without memory: going on would hang. */
static void check(int rc, const char *what)
{
	if (rc == 0)
		return;
	log_error("event loop", log_s("call", what), log_s("error", uv_strerror(rc)));
	abort();
}

/* A turn asked for with loop_turn() ends when something has happened in it. */
static void happened(struct loop *loop)
{
	if (loop->one_turn && loop->in_uv)
		uv_stop(&loop->uv);
}

static void run_put_off(struct loop *loop)
{
	size_t i;

	if (loop->put_off_len == 0)
		return;
	/* By index: a callback may put off more, which moves the array. */
	for (i = 0; i < loop->put_off_len; i++) {
		struct deferred d = loop->put_off[i];

		d.cb(d.arg);
	}
	loop->put_off_len = 0;
	happened(loop);
}

static void on_before_wait(uv_prepare_t *handle)
{
	run_put_off(handle->data);
}

static void leave_soon(struct loop_timer *t)
{
	if (!t->soon)
		return;
	TAILQ_REMOVE(&t->loop->soon, t, link);
	t->soon = false;
	if (TAILQ_EMPTY(&t->loop->soon))
		uv_idle_stop(&t->loop->no_wait);
}

static void on_no_wait(uv_idle_t *handle)
{
	struct loop *loop = handle->data;
	struct loop_timer *t;

	/* What these callbacks arm belongs to the next pass. */
	loop->pass++;
	while ((t = TAILQ_FIRST(&loop->soon)) && t->pass < loop->pass) {
		leave_soon(t);
		t->cb(t->arg);
	}
	happened(loop);
}

struct loop *loop_create(void)
{
	struct loop *loop = xcalloc(1, sizeof *loop);

	check(uv_loop_init(&loop->uv), "uv_loop_init");
	TAILQ_INIT(&loop->soon);
	uv_prepare_init(&loop->uv, &loop->before_wait);
	loop->before_wait.data = loop;
	uv_prepare_start(&loop->before_wait, on_before_wait);
	uv_unref((uv_handle_t *)&loop->before_wait);
	uv_idle_init(&loop->uv, &loop->no_wait);
	loop->no_wait.data = loop;
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	check(loop->watches ? UV_EBUSY : 0, "loop_destroy");
	loop->put_off_len = 0;
	uv_close((uv_handle_t *)&loop->before_wait, NULL);
	uv_close((uv_handle_t *)&loop->no_wait, NULL);
	while (uv_loop_close(&loop->uv) == UV_EBUSY)
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	free(loop->put_off);
	free(loop);
}

static void run_uv(struct loop *loop, uv_run_mode mode)
{
	loop->in_uv = true;
	uv_run(&loop->uv, mode);
	loop->in_uv = false;
	/* Put off by the last callbacks before libuv returned. */
	run_put_off(loop);
}

void loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		run_uv(loop, UV_RUN_DEFAULT);
		if (!uv_loop_alive(&loop->uv))
			break;
	}
	loop->stopped = false;
}

void loop_turn(struct loop *loop, bool wait)
{
	loop->one_turn = true;
	run_uv(loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	loop->one_turn = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	if (loop->in_uv)
		uv_stop(&loop->uv);
}

void loop_defer(struct loop *loop, loop_cb cb, void *arg)
{
	if (loop->put_off_len == loop->put_off_cap) {
		loop->put_off_cap = loop->put_off_cap ? loop->put_off_cap * 2 : 16;
		loop->put_off = xreallocarray(loop->put_off, loop->put_off_cap,
					      sizeof *loop->put_off);
	}
	loop->put_off[loop->put_off_len++] = (struct deferred){cb, arg};
}

/* File descriptors */

static void on_poll(uv_poll_t *handle, int status, int uv_events)
{
	struct loop_fd *w = handle->data;
	unsigned events = 0;

	happened(w->loop);
	if (status < 0) {
		w->armed = 0; /* libuv has stopped watching */
		events = LOOP_READ | LOOP_WRITE;
	}
	if (uv_events & UV_READABLE)
		events |= LOOP_READ;
	if (uv_events & UV_WRITABLE)
		events |= LOOP_WRITE;
	w->cb(w->arg, events);
}

struct loop_fd *loop_fd_create(struct loop *loop, int fd, unsigned events, loop_fd_cb cb,
			       void *arg)
{
	struct loop_fd *w = xcalloc(1, sizeof *w);
	int rc = uv_poll_init(&loop->uv, &w->uv, fd);

	if (rc != 0) {
		log_error("cannot watch file descriptor", log_i("fd", fd),
			  log_s("error", uv_strerror(rc)));
		free(w);
		errno = -rc;
		return NULL;
	}
	w->uv.data = w;
	w->loop = loop;
	w->cb = cb;
	w->arg = arg;
	loop->watches++;
	loop_fd_events(w, events);
	return w;
}

void loop_fd_events(struct loop_fd *w, unsigned events)
{
	int uv_events = 0;

	if (events == w->armed)
		return;
	w->armed = events;
	if (events & LOOP_READ)
		uv_events |= UV_READABLE;
	if (events & LOOP_WRITE)
		uv_events |= UV_WRITABLE;
	if (uv_events == 0)
		uv_poll_stop(&w->uv);
	else
		check(uv_poll_start(&w->uv, uv_events, on_poll), "uv_poll_start");
}

/* libuv closes handles at the end of the turn; until then what has them is not ours to
 * free. */
static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void loop_fd_destroy(struct loop_fd *w)
{
	if (w == NULL)
		return;
	w->loop->watches--;
	uv_close((uv_handle_t *)&w->uv, on_closed);
}

/* Timers */

static void on_timer(uv_timer_t *handle)
{
	struct loop_timer *t = handle->data;

	happened(t->loop);
	t->cb(t->arg);
}

struct loop_timer *loop_timer_create(struct loop *loop, loop_cb cb, void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof *t);

	uv_timer_init(&loop->uv, &t->uv);
	t->uv.data = t;
	t->loop = loop;
	t->cb = cb;
	t->arg = arg;
	loop->watches++;
	return t;
}

/*
 * Not a timer of libuv's: in some versions one that is armed for 0 ms by a timer runs in
 * the same pass, and two of them never let the loop look at its fds.
 */
static void arm_soon(struct loop_timer *t)
{
	struct loop *loop = t->loop;

	if (TAILQ_EMPTY(&loop->soon))
		uv_idle_start(&loop->no_wait, on_no_wait);
	t->soon = true;
	t->pass = loop->pass;
	TAILQ_INSERT_TAIL(&loop->soon, t, link);
}

void loop_timer_arm(struct loop_timer *t, uint64_t after_ms)
{
	uint64_t turn_began, now;

	loop_timer_disarm(t);
	if (after_ms == 0) {
		arm_soon(t);
		return;
	}
	/* libuv counts from when the turn began, which may be a while ago. */
	turn_began = uv_now(&t->loop->uv);
	now = uv_hrtime() / 1000000;
	if (now > turn_began && after_ms < UINT64_MAX - (now - turn_began))
		after_ms += now - turn_began;
	check(uv_timer_start(&t->uv, on_timer, after_ms, 0), "uv_timer_start");
}

void loop_timer_disarm(struct loop_timer *t)
{
	leave_soon(t);
	uv_timer_stop(&t->uv);
}

bool loop_timer_armed(const struct loop_timer *t)
{
	return t->soon || uv_is_active((const uv_handle_t *)&t->uv);
}

void loop_timer_destroy(struct loop_timer *t)
{
	if (t == NULL)
		return;
	loop_timer_disarm(t);
	t->loop->watches--;
	uv_close((uv_handle_t *)&t->uv, on_closed);
}

/* Signals */

static void on_signal(uv_signal_t *handle, int signum)
{
	struct loop_signal *s = handle->data;

	(void)signum;
	happened(s->loop);
	s->cb(s->arg);
}

struct loop_signal *loop_signal_create(struct loop *loop, int signum, loop_cb cb,
				       void *arg)
{
	struct loop_signal *s = xcalloc(1, sizeof *s);

	check(uv_signal_init(&loop->uv, &s->uv), "uv_signal_init");
	s->uv.data = s;
	s->loop = loop;
	s->cb = cb;
	s->arg = arg;
	loop->watches++;
	check(uv_signal_start(&s->uv, on_signal, signum), "uv_signal_start");
	return s;
}

void loop_signal_destroy(struct loop_signal *s)
{
	if (s == NULL)
		return;
	s->loop->watches--;
	uv_close((uv_handle_t *)&s->uv, on_closed);
}
