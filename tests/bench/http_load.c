/*
 * A load of HTTP requests, all the same: N keep-alive connections, each with one request
 * under way. Works against any HTTP/1.1 server; each answer must have the expected
 * status.
 *
 *   http_load --port PORT [--connections 64] [--warm-up S] [--seconds S] [--status 202]
 *             [--method POST] [--path /] [--header "NAME: VALUE"]... [--headers FILE]
 *             [--body FILE]
 *
 * FILE of --headers has one a line (a token does not belong on a command line).
 * Prints one line of JSON: requests and latencies (of each, from its first byte sent to
 * the last one received) of the measured seconds; "accepted" is all that got the expected
 * answer, those of the warm-up and the last ones under way too: so many the server has.
 * Exit status 1, and what went wrong on stderr, if any answer was another one.
 */
#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 8192
#define PATIENCE_MS 10000 /* without any answer */
#define EVENTS_A_TURN 128

struct options {
	unsigned long port, connections, status;
	double warm_up_s, seconds;
	const char *method, *path;
	struct buf headers, body;
};

struct client {
	int fd;
	uint64_t sent_us; /* 0: nothing is under way */
	size_t got, head; /* head: its bytes; 0: not yet all there */
	size_t length;	  /* of the body, where it is not chunked */
	unsigned long status;
	bool chunked, close;
	char answer[ANSWER_MAX + 1];
};

struct load {
	struct options o;
	struct buf request;
	struct client *clients;
	int epoll;
	uint64_t from_us, until_us; /* what is measured */
	uint64_t accepted, other, reconnects, pending;
	uint32_t *us; /* latencies of the measured time */
	size_t count, cap;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- answers ---------------------------------------------------------------------- */

static bool name_is(const char *line, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0)
		return false;
	*value = line + n + strspn(line + n, " \t");
	return true;
}

static void read_head(struct client *c)
{
	const char *value, *line = c->answer;

	c->length = 0;
	c->chunked = c->close = false;
	c->status = strncmp(line, "HTTP/1.1 ", 9) == 0 ? strtoul(line + 9, NULL, 10) : 0;
	while ((line = memchr(line, '\n', c->head - (size_t)(line - c->answer)))) {
		line++;
		if ((*line | 0x20) != 'c' && (*line | 0x20) != 't')
			continue;
		if (name_is(line, "content-length:", &value))
			c->length = strtoul(value, NULL, 10);
		else if (name_is(line, "transfer-encoding:", &value))
			c->chunked = strncasecmp(value, "chunked", 7) == 0;
		else if (name_is(line, "connection:", &value))
			c->close = strncasecmp(value, "close", 5) == 0;
	}
}

/* The last chunk and the empty line behind it are there (nobody sends trailers). */
static bool chunks_whole(const struct client *c)
{
	const char *at = c->answer + c->head, *end = c->answer + c->got;

	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t len = strtoul(at, NULL, 16);

		if (!line || len > ANSWER_MAX)
			return false;
		if (len == 0)
			return end - line > 2;
		at = line + 1 + len + 2;
	}
	return false;
}

static bool answer_whole(struct client *c)
{
	if (!c->head) {
		const char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);

		if (!end)
			return false;
		c->head = (size_t)(end - c->answer) + 4;
		read_head(c);
	}
	return c->chunked ? chunks_whole(c) : c->got >= c->head + c->length;
}

/* ---- connections ------------------------------------------------------------------ */

static void client_connect(struct load *l, struct client *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)l->o.port)};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
		die("http_load: connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		die("http_load: epoll_ctl");
}

static void client_reconnect(struct load *l, struct client *c)
{
	close(c->fd);
	l->reconnects++;
	client_connect(l, c);
}

/* The socket blocks: a request leaves whole. */
static void client_send(struct load *l, struct client *c)
{
	size_t sent = 0;

	c->got = c->head = 0;
	c->sent_us = clock_mono_us();
	l->pending++;
	while (sent < l->request.len) {
		ssize_t n = send(c->fd, l->request.data + sent, l->request.len - sent,
				 MSG_NOSIGNAL);

		if (n < 0)
			die("http_load: send");
		sent += (size_t)n;
	}
}

static void keep_latency(struct load *l, uint64_t now, uint64_t sent)
{
	if (now < l->from_us || now >= l->until_us)
		return;
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 65536;
		l->us = xreallocarray(l->us, l->cap, sizeof *l->us);
	}
	l->us[l->count++] = (uint32_t)(now - sent);
}

static void client_answered(struct load *l, struct client *c)
{
	uint64_t now = clock_mono_us();

	l->pending--;
	if (c->status == l->o.status) {
		l->accepted++;
		keep_latency(l, now, c->sent_us);
	} else if (l->other++ == 0) {
		fprintf(stderr, "http_load: not the status %lu:\n%.*s\n", l->o.status,
			(int)c->got, c->answer);
	}
	c->sent_us = 0;
	if (c->close)
		client_reconnect(l, c);
	if (now < l->until_us && !l->other)
		client_send(l, c);
}

static void client_read(struct load *l, struct client *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, MSG_DONTWAIT);

	if (n == 0 && !c->sent_us) {
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		return;
	}
	if (n <= 0 || !c->sent_us) {
		fprintf(stderr, "http_load: %s after %zu bytes of an answer\n",
			n < 0	 ? "an error"
			: n == 0 ? "the connection was closed"
				 : "more came",
			c->got);
		exit(1);
	}
	c->got += (size_t)n;
	c->answer[c->got] = '\0';
	if (answer_whole(c)) {
		client_answered(l, c);
	} else if (c->got == ANSWER_MAX) {
		fprintf(stderr, "http_load: an answer is too large\n");
		exit(1);
	}
}

/* ---- a run ------------------------------------------------------------------------ */

static void run(struct load *l)
{
	uint64_t began = clock_mono_us();

	l->from_us = began + (uint64_t)(l->o.warm_up_s * 1e6);
	l->until_us = l->from_us + (uint64_t)(l->o.seconds * 1e6);
	for (unsigned long i = 0; i < l->o.connections; i++)
		client_send(l, &l->clients[i]);
	while (l->pending) {
		struct epoll_event ready[EVENTS_A_TURN];
		int n = epoll_wait(l->epoll, ready, EVENTS_A_TURN, PATIENCE_MS);

		if (n <= 0) {
			fprintf(stderr, "http_load: no answer in %d s\n",
				PATIENCE_MS / 1000);
			exit(1);
		}
		for (int i = 0; i < n; i++)
			client_read(l, ready[i].data.ptr);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static unsigned part(const struct load *l, double q)
{
	size_t at = (size_t)(q * (double)l->count);

	return l->count ? l->us[at < l->count ? at : l->count - 1] : 0;
}

static void report(struct load *l)
{
	if (l->count)
		qsort(l->us, l->count, sizeof *l->us, by_size);
	printf("{\"requests\": %zu, \"seconds\": %.3f, \"req_s\": %.1f, \"p50_us\": %u, "
	       "\"p99_us\": %u, \"p999_us\": %u, \"accepted\": %llu, \"other\": %llu, "
	       "\"reconnects\": %llu}\n",
	       l->count, l->o.seconds, (double)l->count / l->o.seconds, part(l, 0.5),
	       part(l, 0.99), part(l, 0.999), (unsigned long long)l->accepted,
	       (unsigned long long)l->other, (unsigned long long)l->reconnects);
}

/* ---- the command line ------------------------------------------------------------- */

static void read_file(struct buf *out, const char *path)
{
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(out, chunk, n);
	if (!f || ferror(f))
		die(path);
	fclose(f);
}

static void read_headers(struct options *o, const char *path)
{
	struct buf text = {0};
	char *rest = NULL;

	read_file(&text, path);
	for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		buf_printf(&o->headers, "%s\r\n", line);
	buf_free(&text);
}

static void take_option(struct options *o, int option)
{
	switch (option) {
	case 'p':
		o->port = strtoul(optarg, NULL, 10);
		break;
	case 'c':
		o->connections = strtoul(optarg, NULL, 10);
		break;
	case 'w':
		o->warm_up_s = strtod(optarg, NULL);
		break;
	case 't':
		o->seconds = strtod(optarg, NULL);
		break;
	case 's':
		o->status = strtoul(optarg, NULL, 10);
		break;
	case 'm':
		o->method = optarg;
		break;
	case 'u':
		o->path = optarg;
		break;
	case 'H':
		buf_printf(&o->headers, "%s\r\n", optarg);
		break;
	case 'f':
		read_headers(o, optarg);
		break;
	case 'b':
		read_file(&o->body, optarg);
		break;
	default:
		exit(2);
	}
}

static void options_read(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {{"port", 1, NULL, 'p'},
					      {"connections", 1, NULL, 'c'},
					      {"warm-up", 1, NULL, 'w'},
					      {"seconds", 1, NULL, 't'},
					      {"status", 1, NULL, 's'},
					      {"method", 1, NULL, 'm'},
					      {"path", 1, NULL, 'u'},
					      {"header", 1, NULL, 'H'},
					      {"headers", 1, NULL, 'f'},
					      {"body", 1, NULL, 'b'},
					      {0}};
	int option;

	*o = (struct options){.connections = 64,
			      .status = 202,
			      .seconds = 1,
			      .method = "POST",
			      .path = "/"};
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		take_option(o, option);
	if (!o->port || !o->connections || optind != argc) {
		fprintf(stderr,
			"usage: http_load --port PORT [--connections N] "
			"[--warm-up S] [--seconds S]\n"
			"  [--status 202] [--method POST] [--path /] "
			"[--header 'NAME: VALUE']... [--headers FILE] [--body FILE]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct load l = {0};

	options_read(&l.o, argc, argv);
	buf_printf(&l.request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s", l.o.method,
		   l.o.path, l.o.headers.data ? l.o.headers.data : "");
	if (l.o.body.len)
		buf_printf(&l.request, "Content-Length: %zu\r\n", l.o.body.len);
	buf_adds(&l.request, "\r\n");
	buf_add(&l.request, l.o.body.data, l.o.body.len);
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.clients = xcalloc(l.o.connections, sizeof *l.clients);
	for (unsigned long i = 0; i < l.o.connections; i++)
		client_connect(&l, &l.clients[i]);
	run(&l);
	report(&l);
	for (unsigned long i = 0; i < l.o.connections; i++)
		close(l.clients[i].fd);
	close(l.epoll);
	buf_free(&l.o.headers);
	buf_free(&l.o.body);
	buf_free(&l.request);
	free(l.clients);
	free(l.us);
	return l.other ? 1 : 0;
}
