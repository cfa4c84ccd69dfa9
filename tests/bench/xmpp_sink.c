/*
 * Where deliveries end that are to be counted, and that should cost as little as can be:
 *
 *   xmpp_sink                      plays an XMPP server to components (XEP-0114), any
 *                                  name and secret: what one sends to itself goes back
 *                                  to it, behind all that came before; messages are
 *                                  counted; the rest is thrown away
 *   xmpp_sink PORT DOMAIN SECRET   is a component of a real server on loopback, and
 *                                  counts what it gets
 *
 * Its ports are the first line it prints. To the control port one writes lines, each of
 * which is answered with one: "report" (JSON), "reset", "pace N" (stanzas a second; 0: as
 * fast as they come), "sample FILE" (writes the first message there).
 */
#include "common/tally.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STREAMS_MAX 16
#define READ_BYTES ((size_t)256 * 1024)
#define STANZA_MAX ((size_t)1024 * 1024)
#define LATE_US 10000 /* of the pace that is made up for */
#define NAP_US 200

struct stream {
	int fd; /* -1: free */
	char domain[256];
	const char *secret; /* we are the component; NULL: we are the server */
	bool open;	    /* the handshake is over */
	char *data;
	size_t len, at; /* at: what is before it has been read */
	struct buf out;
	struct stanza_hint hint;
};

struct sink {
	struct tally *tally;
	struct stream streams[STREAMS_MAX];
	int listener, control, client;
	struct buf commands;
	uint64_t pace, due_us; /* due: when the next stanza may be taken */
	uint64_t returned;     /* stanzas sent back to their sender */
};

static void die(const char *what)
{
	fprintf(stderr, "xmpp_sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- The handshake ---------------------------------------------------------------- */

static void say(struct stream *s, const char *data, size_t len)
{
	buf_add(&s->out, data, len);
}

static const char *attribute(const char *tag, const char *name, char *out, size_t size)
{
	const char *at = strstr(tag, name);
	char quote = at ? at[strlen(name)] : '\0';
	const char *end = quote ? strchr(at + strlen(name) + 1, quote) : NULL;
	if (!end)
		return NULL;
	snprintf(out, size, "%.*s", (int)(end - at - (long)strlen(name) - 1),
		 at + strlen(name) + 1);
	return out;
}

/* As the server: the stream's header is answered, and any handshake is good. */
static bool greet_component(struct stream *s, const char *text)
{
	const char *header = strstr(text, "<stream:stream");
	if (!header || !strchr(header, '>'))
		return false;
	if (!s->domain[0]) {
		if (!attribute(header, " to=", s->domain, sizeof(s->domain)))
			die("a stream without a domain");
		buf_printf(&s->out,
			   "<?xml version='1.0'?><stream:stream "
			   "xmlns='jabber:component:accept' "
			   "xmlns:stream='http://etherx.jabber.org/streams' from='%s' "
			   "id='sink'>",
			   s->domain);
	}
	const char *end = strstr(text, "</handshake>");
	if (!end)
		return false;
	buf_adds(&s->out, "<handshake/>");
	s->at = (size_t)(end - text) + strlen("</handshake>");
	return true;
}

/* As the component: the header has been sent. */
static bool greet_server(struct stream *s, const char *text)
{
	char id[128], both[512];
	const char *header = strstr(text, "<stream:stream");
	if (!header || !strchr(header, '>'))
		return false;
	if (s->secret[0]) {
		unsigned char digest[20];
		if (!attribute(header, " id=", id, sizeof(id)))
			die("a stream without an id");
		int n = snprintf(both, sizeof(both), "%s%s", id, s->secret);
		xmpp_sha1_digest((unsigned char *)both, (size_t)n, digest);
		buf_adds(&s->out, "<handshake>");
		for (size_t i = 0; i < sizeof(digest); i++)
			buf_printf(&s->out, "%02x", digest[i]);
		buf_adds(&s->out, "</handshake>");
		s->secret = "";
	}
	const char *end = strstr(text, "<handshake");
	if (!end || !strchr(end, '>'))
		return false;
	s->at = (size_t)(strchr(end, '>') - text) + 1;
	if (text[s->at - 2] != '/') /* <handshake></handshake> */
		s->at += strlen("</handshake>");
	return true;
}

static void greet(struct stream *s)
{
	s->data[s->len] = '\0';
	s->open = s->secret ? greet_server(s, s->data) : greet_component(s, s->data);
}

/* ---- Stanzas ---------------------------------------------------------------------- */

static void close_stream(struct stream *s)
{
	close(s->fd);
	free(s->data);
	buf_free(&s->out);
	*s = (struct stream){.fd = -1};
}

/* May one more be taken now? */
static bool in_pace(struct sink *k, uint64_t now_us)
{
	if (!k->pace)
		return true;
	if (k->due_us + LATE_US < now_us)
		k->due_us = now_us - LATE_US;
	return k->due_us <= now_us;
}

static void take(struct sink *k, struct stream *s, const char *data,
		 const struct stanza *st, uint64_t now_us)
{
	if (st->message) {
		tally_add(k->tally, data, st, now_us);
		if (k->pace)
			k->due_us += 1000000 / k->pace;
	} else if (!s->secret && st->to && st->to_len == strlen(s->domain) &&
		   memcmp(st->to, s->domain, st->to_len) == 0) {
		say(s, data, st->len);
		k->returned++;
	}
}

static void take_stanzas(struct sink *k, struct stream *s)
{
	struct stanza st;
	uint64_t now_us = clock_mono_us();
	while (s->at < s->len && in_pace(k, now_us)) {
		const char *data = s->data + s->at;
		if (*data != '<') { /* white space in between */
			s->at++;
			continue;
		}
		if (!stanza_read(&s->hint, data, s->len - s->at, &st))
			break;
		take(k, s, data, &st, now_us);
		s->at += st.len;
	}
}

static void flush(struct stream *s)
{
	if (!s->out.len)
		return;
	ssize_t n = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n <= 0)
		return;
	s->out.len -= (size_t)n;
	memmove(s->out.data, s->out.data + n, s->out.len);
}

static bool may_read(const struct sink *k, const struct stream *s)
{
	/* When paced, what waits stays in the sender's socket. */
	return s->len < (k->pace ? READ_BYTES / 16 : READ_BYTES + STANZA_MAX);
}

static void read_stream(struct sink *k, struct stream *s)
{
	size_t room = (k->pace ? READ_BYTES / 16 : READ_BYTES + STANZA_MAX) - s->len;
	ssize_t n = recv(s->fd, s->data + s->len, room < READ_BYTES ? room : READ_BYTES,
			 MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		close_stream(s);
		return;
	}
	if (n > 0)
		s->len += (size_t)n;
}

static void turn_stream(struct sink *k, struct stream *s, short events)
{
	if ((events & (POLLIN | POLLHUP | POLLERR)) && may_read(k, s))
		read_stream(k, s);
	if (s->fd < 0)
		return;
	if (!s->open)
		greet(s);
	if (s->open)
		take_stanzas(k, s);
	s->len -= s->at;
	memmove(s->data, s->data + s->at, s->len);
	s->at = 0;
	flush(s);
}

static struct stream *add_stream(struct sink *k, int fd)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *s = &k->streams[i];
		if (s->fd >= 0)
			continue;
		*s = (struct stream){.fd = fd};
		s->data = xmalloc(READ_BYTES + STANZA_MAX + 1);
		return s;
	}
	close(fd);
	return NULL;
}

/* ---- Control ---------------------------------------------------------------------- */

static void report(const struct sink *k, struct buf *out)
{
	size_t open = 0;
	for (size_t i = 0; i < STREAMS_MAX; i++)
		open += k->streams[i].fd >= 0 && k->streams[i].open;
	buf_printf(out, "{\"open\":%zu,\"returned\":%" PRIu64 ",", open, k->returned);
	tally_report(k->tally, out);
	buf_adds(out, "}");
}

static void write_sample(const struct sink *k, const char *path)
{
	const struct buf *sample = tally_sample(k->tally);
	FILE *f = sample ? fopen(path, "w") : NULL;
	if (!f || fwrite(sample->data, 1, sample->len, f) != sample->len || fclose(f))
		die(path);
}

static void command(struct sink *k, const char *line)
{
	struct buf out = {0};
	if (strcmp(line, "report") == 0) {
		report(k, &out);
	} else if (strcmp(line, "reset") == 0) {
		tally_reset(k->tally);
		k->returned = 0;
	} else if (strncmp(line, "pace ", 5) == 0) {
		k->pace = strtoull(line + 5, NULL, 10);
		k->due_us = clock_mono_us();
	} else if (strncmp(line, "sample ", 7) == 0) {
		write_sample(k, line + 7);
	} else {
		die(line);
	}
	buf_addc(&out, '\n');
	for (size_t at = 0; at < out.len;) {
		ssize_t n = send(k->client, out.data + at, out.len - at, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	buf_free(&out);
}

static void read_commands(struct sink *k)
{
	char data[1024], *end;
	ssize_t n = recv(k->client, data, sizeof(data), MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN) {
			close(k->client);
			k->client = -1;
		}
		return;
	}
	buf_add(&k->commands, data, (size_t)n);
	while ((end = memchr(k->commands.data, '\n', k->commands.len))) {
		size_t len = (size_t)(end - k->commands.data) + 1;
		*end = '\0';
		command(k, k->commands.data);
		k->commands.len -= len;
		memmove(k->commands.data, end + 1, k->commands.len);
	}
}

/* ---- The loop --------------------------------------------------------------------- */

static int listen_at(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*at = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)at, &len))
		die("listen");
	return fd;
}

static int accept_at(int fd)
{
	int on = 1, got = accept(fd, NULL, NULL);
	if (got >= 0)
		setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return got;
}

static void connect_to(struct sink *k, const char *port, const char *domain,
		       const char *secret)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		die("connect");
	struct stream *s = add_stream(k, fd);
	s->secret = secret;
	snprintf(s->domain, sizeof(s->domain), "%s", domain);
	buf_printf(&s->out,
		   "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
		   "xmlns:stream='http://etherx.jabber.org/streams' to='%s'>",
		   domain);
	flush(s);
}

static short wanted(const struct sink *k, const struct stream *s)
{
	if (s->fd < 0)
		return 0;
	return (short)((may_read(k, s) ? POLLIN : 0) | (s->out.len ? POLLOUT : 0));
}

/* Stanzas that were read wait for their time. */
static bool behind(const struct sink *k)
{
	bool some = false;
	for (size_t i = 0; k->pace && i < STREAMS_MAX; i++)
		some |= k->streams[i].fd >= 0 && k->streams[i].open &&
			k->streams[i].len > 0;
	return some;
}

static void turn(struct sink *k)
{
	struct pollfd fds[STREAMS_MAX + 3] = {{.fd = k->listener, .events = POLLIN},
					      {.fd = k->control, .events = POLLIN},
					      {.fd = k->client, .events = POLLIN}};
	const struct timespec nap = {.tv_nsec = NAP_US * 1000};
	for (size_t i = 0; i < STREAMS_MAX; i++)
		fds[i + 3] = (struct pollfd){.fd = k->streams[i].fd,
					     .events = wanted(k, &k->streams[i])};
	if (ppoll(fds, STREAMS_MAX + 3, behind(k) ? &nap : NULL, NULL) < 0)
		die("poll");
	if (fds[0].revents) {
		int fd = accept_at(k->listener);
		if (fd >= 0)
			add_stream(k, fd);
	}
	if (fds[1].revents) {
		if (k->client >= 0)
			close(k->client);
		k->client = accept_at(k->control);
	} else if (fds[2].revents) {
		read_commands(k);
	}
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (fds[i + 3].fd >= 0 && fds[i + 3].fd == k->streams[i].fd &&
		    (fds[i + 3].revents || k->streams[i].len))
			turn_stream(k, &k->streams[i], fds[i + 3].revents);
}

int main(int argc, char **argv)
{
	struct sink k = {.client = -1, .listener = -1};
	struct sockaddr_in component = {0}, control;
	if (argc != 1 && argc != 4) {
		fprintf(stderr, "usage: xmpp_sink [PORT DOMAIN SECRET]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	k.tally = tally_create();
	for (size_t i = 0; i < STREAMS_MAX; i++)
		k.streams[i].fd = -1;
	k.control = listen_at(&control);
	if (argc == 4)
		connect_to(&k, argv[1], argv[2], argv[3]);
	else
		k.listener = listen_at(&component);
	printf("control=%u component=%u\n", ntohs(control.sin_port),
	       ntohs(component.sin_port));
	fflush(stdout);
	for (;;)
		turn(&k);
}
