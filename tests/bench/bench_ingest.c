/*
 * Durable POSTs: keep-alive connections to `belfry serve`, each with one request under
 * way.
 *
 *   bench_ingest PORT TOKEN CONNECTIONS SECONDS      (the feed "bench" exists)
 */
#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 4096
#define BODY_BYTES 400 /* with what the log adds: about 560 bytes an entry */

struct client {
	int fd;
	size_t got;
	uint64_t sent_us;
	char answer[ANSWER_MAX];
};
struct tally {
	uint64_t ok, other;
	uint32_t *us; /* latencies */
	size_t cap;
};

static void send_one(struct client *c, const char *request, size_t len)
{
	c->got = 0;
	c->sent_us = clock_mono_us();
	if (write(c->fd, request, len) != (ssize_t)len) {
		perror("bench_ingest: write");
		exit(1);
	}
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("bench_ingest: connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* The whole answer is there: head and as much body as it says. */
static bool whole(const struct client *c)
{
	const char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
	if (!end)
		return false;
	const char *length = strcasestr(c->answer, "content-length:");
	size_t body = length && length < end ? (size_t)atol(length + 15) : 0;
	return c->got >= (size_t)(end - c->answer) + 4 + body;
}

static void take(struct client *c, struct tally *t)
{
	ssize_t n = read(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got);
	if (n <= 0) {
		fprintf(stderr, "bench_ingest: connection closed\n");
		exit(1);
	}
	c->got += (size_t)n;
	c->answer[c->got] = '\0';
	if (!whole(c))
		return;
	if (strncmp(c->answer, "HTTP/1.1 202", 12) == 0) {
		if (t->ok < t->cap)
			t->us[t->ok] = (uint32_t)(clock_mono_us() - c->sent_us);
		t->ok++;
	} else if (t->other++ == 0) {
		fprintf(stderr, "bench_ingest: %.200s\n", c->answer);
	}
	c->got = ANSWER_MAX; /* answered */
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static char *request_text(const char *token)
{
	char body[BODY_BYTES + 1], *out = xmalloc(2048);
	int n = snprintf(body, sizeof(body), "{\"title\":\"bench\",\"data\":\"");
	memset(body + n, 'x', sizeof(body) - (size_t)n);
	memcpy(body + BODY_BYTES - 2, "\"}", 3);
	snprintf(out, 2048,
		 "POST /v1/feeds/bench/events HTTP/1.1\r\nHost: localhost\r\n"
		 "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
		 "Content-Length: %d\r\n\r\n%s",
		 token, BODY_BYTES, body);
	return out;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: bench_ingest PORT TOKEN CONNECTIONS SECONDS\n");
		return 2;
	}
	size_t count = (size_t)atol(argv[3]);
	struct tally t = {.cap = 4000000};
	struct client *clients = xcalloc(count, sizeof(*clients));
	char *request = request_text(argv[2]);
	size_t len = strlen(request);
	int ep = epoll_create1(0);
	t.us = xcalloc(t.cap, sizeof(*t.us));
	uint64_t from = clock_mono_us(), until = from + (uint64_t)atol(argv[4]) * 1000000;
	for (size_t i = 0; i < count; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};
		clients[i].fd = connect_to((uint16_t)atoi(argv[1]));
		epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &e);
		send_one(&clients[i], request, len);
	}
	while (clock_mono_us() < until) {
		struct epoll_event ready[64];
		int n = epoll_wait(ep, ready, 64, 1000);
		for (int i = 0; i < n; i++) {
			struct client *c = ready[i].data.ptr;
			take(c, &t);
			if (c->got == ANSWER_MAX)
				send_one(c, request, len);
		}
	}
	double s = (double)(clock_mono_us() - from) / 1e6;
	size_t kept = t.ok < t.cap ? t.ok : t.cap;
	qsort(t.us, kept, sizeof(*t.us), by_size);
	printf("%zu connections: %.0f durable POST/s, p50 %.2f ms, p99 %.2f ms, other "
	       "answers %llu\n",
	       count, (double)t.ok / s, kept ? t.us[kept / 2] / 1e3 : 0,
	       kept ? t.us[kept - kept / 100 - 1] / 1e3 : 0, (unsigned long long)t.other);
	for (size_t i = 0; i < count; i++)
		close(clients[i].fd);
	close(ep);
	free(request);
	free(clients);
	free(t.us);
	return t.other ? 1 : 0;
}
