/*
 * The bare writer: the least that a fan-out over a component's stream can cost. Stanzas
 * stand ready in memory and go out in buffers of 64 KiB, without a queue, an
 * acknowledgement or a look at what became of them.
 *
 *   xmpp_writer FD TEMPLATE RECEIVERS
 *
 * FD: a component's stream, past its handshake. TEMPLATE: a file with the stanza; in it
 * @@@@ becomes the receiver's number, below RECEIVERS, and seq-00000000 the event's. Its
 * port is written to standard output; whoever connects there sends "seq-NUMBER" and a
 * line end for each event.
 */
#include "common/xmpp_crowd.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define MARK "seq-"
#define LINE_LEN 13 /* seq-00000000 and a line end */

struct writer {
	int stream;
	struct buf bytes;
	size_t *marks, mark_count;
};

static char *read_file(const char *path)
{
	struct buf b = {0};
	char data[4096];
	FILE *f = fopen(path, "r");
	if (!f)
		bench_die("%s: %s", path, strerror(errno));
	for (size_t n; (n = fread(data, 1, sizeof(data), f)) > 0;)
		buf_add(&b, data, n);
	fclose(f);
	return buf_steal(&b);
}

static void build(struct writer *w, const char *stanza, size_t receivers)
{
	for (size_t i = 0; i < receivers; i++) {
		const char *from = stanza;
		for (const char *at; (at = strstr(from, "@@@@")) != NULL; from = at + 4) {
			buf_add(&w->bytes, from, (size_t)(at - from));
			buf_printf(&w->bytes, "%04zu", i);
		}
		buf_adds(&w->bytes, from);
	}
	for (char *at = w->bytes.data; (at = strstr(at, MARK)) != NULL; at++) {
		w->marks = xreallocarray(w->marks, w->mark_count + 1, sizeof(*w->marks));
		w->marks[w->mark_count++] = (size_t)(at - w->bytes.data);
	}
}

/* Waits for room. */
static void send_event(struct writer *w, const char *mark)
{
	for (size_t i = 0; i < w->mark_count; i++)
		memcpy(w->bytes.data + w->marks[i], mark, LINE_LEN - 1);
	for (size_t at = 0; at < w->bytes.len;) {
		size_t len = w->bytes.len - at < CHUNK ? w->bytes.len - at : CHUNK;
		size_t n = bench_write_some(w->stream, w->bytes.data + at, len);
		at += n;
		if (n == len)
			continue;
		struct pollfd p = {.fd = w->stream, .events = POLLOUT};
		poll(&p, 1, -1);
	}
}

static void read_stream(const struct writer *w)
{
	char data[4096];
	ssize_t n = recv(w->stream, data, sizeof(data), MSG_DONTWAIT);
	if (n == 0)
		bench_die("the server closed the component's stream");
	if (n > 0 && memmem(data, (size_t)n, "error", 5))
		bench_die("the server says: %.*s", (int)n, data);
}

static void serve(struct writer *w, int trigger)
{
	char line[LINE_LEN];
	for (;;) {
		struct pollfd p[] = {{.fd = trigger, .events = POLLIN},
				     {.fd = w->stream, .events = POLLIN}};
		poll(p, 2, -1);
		if (p[1].revents)
			read_stream(w);
		if (!p[0].revents)
			continue;
		if (recv(trigger, line, sizeof(line), MSG_WAITALL) != LINE_LEN)
			return;
		send_event(w, line);
	}
}

int main(int argc, char **argv)
{
	struct writer w = {0};
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	if (argc != 4) {
		fprintf(stderr, "usage: xmpp_writer FD TEMPLATE RECEIVERS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	w.stream = atoi(argv[1]);
	char *stanza = read_file(argv[2]);
	build(&w, stanza, (size_t)atol(argv[3]));
	free(stanza);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 1) != 0 || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		bench_die("cannot listen: %s", strerror(errno));
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	for (;;) {
		int trigger = accept(fd, NULL, NULL);
		if (trigger < 0)
			bench_die("accept: %s", strerror(errno));
		serve(&w, trigger);
		close(trigger);
	}
}
