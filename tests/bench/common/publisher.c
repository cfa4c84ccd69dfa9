#include "publisher.h"

#include "xmpp_crowd.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 32
#define BEHIND_MAX 65536 /* bytes; beyond it events wait with whoever publishes them */

struct way {
	int fd; /* -1: not connected, or closed while it was idle */
	bool busy, ours;
	struct buf in, out;
};

struct publisher {
	enum publisher_kind kind;
	int epoll;
	uint16_t port;
	uint64_t first_key;
	size_t count, answered;
	struct way ways[CONNECTIONS];
};

static void way_connect(const struct publisher *p, struct way *w)
{
	struct epoll_event e = {.events = EPOLLIN,
				.data.u64 = p->first_key + (uint64_t)(w - p->ways)};
	w->fd = bench_connect(p->port);
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, w->fd, &e) != 0)
		bench_die("epoll: %s", strerror(errno));
}

struct publisher *publisher_open(enum publisher_kind kind, int fd, uint16_t port,
				 int epoll, uint64_t first_key)
{
	struct publisher *p = xcalloc(1, sizeof(*p));
	p->kind = kind;
	p->epoll = epoll;
	p->port = port;
	p->first_key = first_key;
	p->count = kind == PUBLISHER_HTTP ? CONNECTIONS : 1;
	for (size_t i = 0; i < p->count; i++) {
		p->ways[i].ours = fd < 0;
		p->ways[i].fd = fd;
		if (fd < 0)
			way_connect(p, &p->ways[i]);
	}
	return p;
}

void publisher_close(struct publisher *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct way *w = &p->ways[i];
		if (w->ours && w->fd >= 0)
			close(w->fd);
		buf_free(&w->in);
		buf_free(&w->out);
	}
	free(p);
}

/* The connection that takes the next request, or NULL. */
static struct way *free_way(const struct publisher *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct way *w = &p->ways[i];
		if (!w->busy && w->out.len < BEHIND_MAX)
			return (struct way *)(uintptr_t)w;
	}
	return NULL;
}

bool publisher_ready(const struct publisher *p)
{
	return free_way(p) != NULL;
}

static void flush(struct way *w)
{
	if (w->out.len == 0)
		return;
	size_t n = bench_write_some(w->fd, w->out.data, w->out.len);
	w->out.len -= n;
	memmove(w->out.data, w->out.data + n, w->out.len);
}

void publisher_send(struct publisher *p, const char *data, size_t len)
{
	struct way *w = free_way(p);
	if (!w)
		bench_die("no connection is free");
	if (w->fd < 0)
		way_connect(p, w);
	w->busy = p->kind == PUBLISHER_HTTP;
	buf_add(&w->out, data, len);
	flush(w);
}

void publisher_flush(struct publisher *p)
{
	for (size_t i = 0; i < p->count; i++)
		flush(&p->ways[i]);
}

bool publisher_behind(const struct publisher *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->ways[i].out.len > 0)
			return true;
	return false;
}

size_t publisher_answered(const struct publisher *p)
{
	return p->answered;
}

/* ---- Answers ---------------------------------------------------------------------- */

/* The length of the whole answer, or 0. */
static size_t http_answer_len(const char *data, size_t have)
{
	static const char field[] = "\r\ncontent-length:";
	const char *end = memmem(data, have, "\r\n\r\n", 4);
	if (!end)
		return 0;
	size_t head = (size_t)(end + 4 - data), body = 0;
	if (head < 12 || memcmp(data + 9, "202", 3) != 0)
		bench_die("an event was refused: %.*s", (int)have, data);
	for (const char *at = data; at < end; at++)
		if (strncasecmp(at, field, sizeof(field) - 1) == 0)
			body = strtoul(at + sizeof(field) - 1, NULL, 10);
	return have >= head + body ? head + body : 0;
}

static size_t redis_answer_len(const char *data, size_t have)
{
	const char *end = memmem(data, have, "\r\n", 2);
	if (!end)
		return 0;
	if (data[0] != ':')
		bench_die("Redis refuses: %.*s", (int)have, data);
	return (size_t)(end + 2 - data);
}

void publisher_read(struct publisher *p, uint64_t key)
{
	struct way *w = &p->ways[key - p->first_key];
	char data[4096];
	ssize_t n = recv(w->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && (w->busy || p->kind != PUBLISHER_HTTP))
		bench_die("a connection that publishes was closed");
	if (n <= 0) { /* long idle */
		close(w->fd);
		w->fd = -1;
		return;
	}
	if (p->kind == PUBLISHER_RAW)
		return;
	buf_add(&w->in, data, (size_t)n);
	size_t at = 0, len;
	while (at < w->in.len) {
		len = p->kind == PUBLISHER_HTTP
			      ? http_answer_len(w->in.data + at, w->in.len - at)
			      : redis_answer_len(w->in.data + at, w->in.len - at);
		if (len == 0)
			break;
		p->answered++;
		w->busy = false;
		at += len;
	}
	w->in.len -= at;
	memmove(w->in.data, w->in.data + at, w->in.len);
}
