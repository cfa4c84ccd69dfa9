/*
 * What HTTP alone allows: libmicrohttpd as the hub runs it (one thread, epoll, on our
 * loop), a body read and thrown away, a 202 of the same size, and nothing else.
 *
 *   http_ceiling ANSWER_BYTES        prints "port=PORT", and runs until SIGTERM
 */
#include <belfry/base/loop.h>

#include "http/listen.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX 4096

struct ceiling {
	struct loop *loop;
	struct MHD_Daemon *mhd;
	struct loop_timer *poll;
	struct MHD_Response *answer;
};

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mc, const char *url,
				  const char *method, const char *version,
				  const char *data, size_t *len, void **context)
{
	struct ceiling *s = arg;

	(void)url;
	(void)method;
	(void)version;
	(void)data;
	if (!*context) {
		*context = s;
		return MHD_YES;
	}
	if (*len) {
		*len = 0;
		return MHD_YES;
	}
	return MHD_queue_response(mc, 202, s->answer);
}

static void server_run(void *arg)
{
	struct ceiling *s = arg;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(s->mhd);
	if (MHD_get_timeout(s->mhd, &wait_ms) == MHD_YES)
		loop_timer_arm(s->poll, wait_ms);
	else
		loop_timer_disarm(s->poll);
}

static void on_readable(void *arg, unsigned events)
{
	(void)events;
	server_run(arg);
}

static void on_term(void *loop)
{
	loop_stop(loop);
}

static struct MHD_Response *make_answer(size_t bytes)
{
	static char body[ANSWER_MAX];
	struct MHD_Response *r;

	memset(body, 'x', sizeof body);
	r = MHD_create_response_from_buffer(bytes < sizeof body ? bytes : sizeof body,
					    body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(r, "Content-Type", "application/json");
	return r;
}

int main(int argc, char **argv)
{
	struct ceiling s = {.loop = loop_create()};
	char host[] = "127.0.0.1", why[256] = "usage: http_ceiling ANSWER_BYTES";
	const struct config_addr addr = {.host = host};
	uint16_t port = 0;
	int fd;

	fd = argc == 2 ? listen_open(&addr, &port, why, sizeof why) : -1;
	if (fd < 0) {
		fprintf(stderr, "http_ceiling: %s\n", why);
		return 1;
	}
	s.answer = make_answer(strtoul(argv[1], NULL, 10));
	s.mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, &s,
				 MHD_OPTION_LISTEN_SOCKET, fd,
				 MHD_OPTION_CONNECTION_LIMIT, 2048u, MHD_OPTION_END);
	if (!s.mhd)
		abort();
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(s.mhd, MHD_DAEMON_INFO_EPOLL_FD);
	s.poll = loop_timer_create(s.loop, server_run, &s);
	struct loop_fd *watch =
		loop_fd_create(s.loop, info->epoll_fd, LOOP_READ, on_readable, &s);
	struct loop_signal *term = loop_signal_create(s.loop, SIGTERM, on_term, s.loop);
	printf("port=%u\n", (unsigned)port);
	fflush(stdout);
	loop_timer_arm(s.poll, 0);
	loop_run(s.loop);
	loop_signal_destroy(term);
	loop_fd_destroy(watch);
	loop_timer_destroy(s.poll);
	MHD_stop_daemon(s.mhd);
	MHD_destroy_response(s.answer);
	loop_destroy(s.loop);
	return 0;
}
