/*
 * Fan-out without a hub, to 1.. N receivers over a component connection: a stanza from
 * FILE, as the sink has seen one, is sent to each.
 *
 *   fanout_bare write|raw|tree PORT FILE RECEIVERS
 *
 * write: write(2) of 64 KiB at a time, in which nothing but the receivers' numbers is
 * made new: what the socket can take. raw: libstrophe's xmpp_send_raw() of each stanza.
 * tree: xmpp_send() of a tree made for each. Ends when all of it was given to the kernel.
 */
#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)
#define QUEUE_MAX 1024 /* elements: libstrophe itself has no limit */
#define DIGITS 7       /* of a receiver's number */

struct bare {
	xmpp_ctx_t *ctx;
	xmpp_conn_t *conn;
	int fd;
	bool up, ending;
	struct buf stanza;
	size_t number_at; /* in the stanza */
	size_t receivers;
};

static void die(const char *what)
{
	fprintf(stderr, "fanout_bare: %s\n", what);
	exit(1);
}

static void put_number(char *at, size_t number)
{
	for (size_t i = DIGITS; i-- > 0; number /= 10)
		at[i] = (char)('0' + number % 10);
}

static void read_stanza(struct bare *b, const char *path)
{
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "r");
	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b->stanza, chunk, n);
	const char *to = b->stanza.len ? strstr(b->stanza.data, " to='") : NULL;
	const char *number = to ? strpbrk(to, "0123456789") : NULL;
	if (!number || strspn(number, "0123456789") != DIGITS)
		die("no stanza to a numbered receiver in the file");
	b->number_at = (size_t)(number - b->stanza.data);
	fclose(f);
}

/* ---- The connection ------------------------------------------------------------- */

static int on_refuse(xmpp_conn_t *conn, void *sock)
{
	(void)conn;
	(void)sock;
	errno = ECONNREFUSED;
	return -1;
}

static struct bare *connecting;

static int on_socket(xmpp_conn_t *conn, void *sock)
{
	(void)conn;
	connecting->fd = *(int *)sock;
	return 0;
}

static void on_conn(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
		    xmpp_stream_error_t *stream_error, void *userdata)
{
	struct bare *b = userdata;
	(void)conn;
	(void)error;
	(void)stream_error;
	if (b && event == XMPP_CONN_CONNECT)
		b->up = true;
	else if (b && !b->ending)
		die("no connection");
}

static void open_stream(struct bare *b, unsigned short port)
{
	xmpp_initialize();
	b->ctx = xmpp_ctx_new(NULL, NULL);
	b->conn = xmpp_conn_new(b->ctx);
	xmpp_conn_set_jid(b->conn, "feeds.example.org");
	xmpp_conn_set_pass(b->conn, "secret");
	xmpp_conn_set_flags(b->conn,
			    XMPP_CONN_FLAG_DISABLE_TLS | XMPP_CONN_FLAG_DISABLE_SM);
	/* Only this allocates what libstrophe needs for components as well. */
	xmpp_conn_set_sockopt_callback(b->conn, on_refuse);
	xmpp_connect_client(b->conn, "127.0.0.1", 1, on_conn, NULL);
	xmpp_conn_set_sockopt_callback(b->conn, on_socket);
	connecting = b;
	if (xmpp_connect_component(b->conn, "127.0.0.1", port, on_conn, b) != XMPP_EOK)
		die("cannot connect");
	while (!b->up)
		xmpp_run_once(b->ctx, 10);
}

/* ---- Three ways to send --------------------------------------------------------- */

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};
			poll(&p, 1, -1);
			continue;
		}
		if (n < 0)
			die("write");
		data += n;
		len -= (size_t)n;
	}
}

static void send_write(struct bare *b)
{
	struct buf chunk = {0};
	size_t size = b->stanza.len, count = CHUNK_BYTES / size ? CHUNK_BYTES / size : 1;
	for (size_t i = 0; i < count; i++)
		buf_add(&chunk, b->stanza.data, size);
	for (size_t at = 0; at < b->receivers;) {
		size_t i = 0;
		for (; i < count && at < b->receivers; i++, at++)
			put_number(chunk.data + i * size + b->number_at, at);
		write_all(b->fd, chunk.data, i * size);
	}
	buf_free(&chunk);
}

static void drain(struct bare *b, int most)
{
	while (xmpp_conn_send_queue_len(b->conn) > most) {
		struct pollfd p = {.fd = b->fd, .events = POLLOUT};
		poll(&p, 1, 100);
		xmpp_run_once(b->ctx, 0);
	}
}

static void send_raw(struct bare *b)
{
	for (size_t i = 0; i < b->receivers; i++) {
		put_number(b->stanza.data + b->number_at, i);
		xmpp_send_raw(b->conn, b->stanza.data, b->stanza.len);
		drain(b, QUEUE_MAX);
	}
	drain(b, 0);
}

static void send_tree(struct bare *b)
{
	xmpp_stanza_t *model = xmpp_stanza_new_from_string(b->ctx, b->stanza.data);
	const char *to = model ? xmpp_stanza_get_to(model) : NULL;
	char jid[256];
	if (!to || strlen(to) >= sizeof(jid))
		die("the stanza does not parse");
	strcpy(jid, to);
	char *number = strpbrk(jid, "0123456789");
	for (size_t i = 0; i < b->receivers; i++) {
		xmpp_stanza_t *stanza = xmpp_stanza_copy(model);
		put_number(number, i);
		xmpp_stanza_set_to(stanza, jid);
		xmpp_send(b->conn, stanza);
		xmpp_stanza_release(stanza);
		drain(b, QUEUE_MAX);
	}
	drain(b, 0);
	xmpp_stanza_release(model);
}

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct {
	const char *name;
	void (*send)(struct bare *b);
} ways[] = {{"write", send_write}, {"raw", send_raw}, {"tree", send_tree}};

int main(int argc, char **argv)
{
	struct bare b = {.fd = -1};
	size_t way = 0;
	while (argc == 5 && way < 3 && strcmp(argv[1], ways[way].name) != 0)
		way++;
	if (argc != 5 || way == 3) {
		fprintf(stderr,
			"usage: fanout_bare write|raw|tree PORT FILE RECEIVERS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	b.receivers = strtoul(argv[4], NULL, 10);
	read_stanza(&b, argv[3]);
	open_stream(&b, (unsigned short)atoi(argv[2]));
	uint64_t began_us = clock_mono_us();
	double before = cpu_s();
	ways[way].send(&b);
	printf("%" PRIu64 " %.9f\n", began_us, cpu_s() - before);
	b.ending = true;
	xmpp_conn_release(b.conn);
	xmpp_ctx_free(b.ctx);
	buf_free(&b.stanza);
	return 0;
}
