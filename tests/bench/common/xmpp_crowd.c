#include "xmpp_crowd.h"

#include "xmpp_scan.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOGINS_AT_ONCE 32
#define LOGIN_WAIT_MS 60000 /* without any progress */
#define READ_BYTES 16384

enum step { OFFLINE, OPENED, AUTHENTICATING, OPENED_AGAIN, BINDING, ARRIVING, ONLINE };

struct member {
	int fd;
	enum step step;
	struct xmpp_scan scan;
	struct buf in;
};

struct crowd {
	struct crowd_options o;
	int epoll;
	size_t started, online;
	struct member *members;
};

_Noreturn void bench_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

int bench_connect(uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
		bench_die("cannot connect to port %u: %s", port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

size_t bench_write_some(int fd, const char *data, size_t len)
{
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		bench_die("cannot write: %s", strerror(errno));
	return n > 0 ? (size_t)n : 0;
}

void bench_write(int fd, const char *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		at += bench_write_some(fd, data + at, len - at);
		if (at < len)
			poll(&p, 1, -1);
	}
}

/* ---- Logging in ------------------------------------------------------------------- */

static void open_stream(struct crowd *c, size_t index)
{
	struct buf b = {0};
	buf_printf(&b,
		   "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
		   "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' "
		   "to='%s'>",
		   c->o.domain);
	crowd_send(c, index, b.data, b.len);
	buf_free(&b);
}

static void authenticate(struct crowd *c, size_t index)
{
	unsigned char plain[256];
	char coded[512];
	struct buf b = {0};
	int n = snprintf((char *)plain, sizeof(plain), "%c%s%04zu%c%s", '\0', c->o.name,
			 index, '\0', c->o.password);
	sodium_bin2base64(coded, sizeof(coded), plain, (size_t)n,
			  sodium_base64_VARIANT_ORIGINAL);
	buf_printf(&b,
		   "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
		   "mechanism='PLAIN'>%s</auth>",
		   coded);
	crowd_send(c, index, b.data, b.len);
	buf_free(&b);
}

static void bind_resource(struct crowd *c, size_t index)
{
	static const char bind[] =
		"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		"<resource>bench</resource></bind></iq>";
	crowd_send(c, index, bind, sizeof(bind) - 1);
}

static bool is(const char *stanza, size_t len, const char *tag)
{
	return memmem(stanza, len, tag, strlen(tag)) != NULL;
}

/* The next step, where STANZA is what it waits for. */
static void login_step(struct crowd *c, size_t index, const char *stanza, size_t len)
{
	struct member *m = &c->members[index];
	if (is(stanza, len, "<failure") || is(stanza, len, "<stream:error") ||
	    is(stanza, len, "<error"))
		bench_die("%s%04zu cannot log in: %.*s", c->o.name, index, (int)len,
			  stanza);
	if (m->step == OPENED && is(stanza, len, "<stream:features")) {
		authenticate(c, index);
		m->step = AUTHENTICATING;
	} else if (m->step == AUTHENTICATING && is(stanza, len, "<success")) {
		open_stream(c, index);
		m->step = OPENED_AGAIN;
	} else if (m->step == OPENED_AGAIN && is(stanza, len, "<stream:features")) {
		bind_resource(c, index);
		m->step = BINDING;
	} else if (m->step == BINDING && is(stanza, len, "<iq")) {
		crowd_send(c, index, "<presence/>", strlen("<presence/>"));
		m->step = ARRIVING;
	} else if (m->step == ARRIVING && is(stanza, len, "<presence")) {
		/* Our own presence comes back: we are among those who get messages. */
		m->step = ONLINE;
		c->online++;
	}
}

static void start_login(struct crowd *c)
{
	size_t index = c->started++;
	struct member *m = &c->members[index];
	m->fd = bench_connect(c->o.port);
	m->step = OPENED;
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = index};
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->fd, &e) != 0)
		bench_die("epoll: %s", strerror(errno));
	open_stream(c, index);
}

struct crowd *crowd_login(const struct crowd_options *options, int epoll)
{
	struct crowd *c = xcalloc(1, sizeof(*c));
	c->o = *options;
	c->epoll = epoll;
	c->members = xcalloc(c->o.count, sizeof(*c->members));
	while (c->online < c->o.count) {
		struct epoll_event events[64];
		while (c->started < c->o.count && c->started - c->online < LOGINS_AT_ONCE)
			start_login(c);
		int n = epoll_wait(epoll, events, 64, LOGIN_WAIT_MS);
		if (n <= 0)
			bench_die("%zu of %zu clients are online, and no more come",
				  c->online, c->o.count);
		for (int i = 0; i < n; i++)
			crowd_read(c, (size_t)events[i].data.u64);
	}
	return c;
}

/* ---- Online ----------------------------------------------------------------------- */

static void take_stanzas(struct crowd *c, size_t index)
{
	struct member *m = &c->members[index];
	size_t begin = 0, len = 0;
	enum xmpp_found found;
	while ((found = xmpp_scan(&m->scan, m->in.data + begin, m->in.len - begin,
				  &len)) == XMPP_STANZA) {
		if (m->step == ONLINE)
			c->o.stanza(c->o.arg, index, m->in.data + begin, len);
		else
			login_step(c, index, m->in.data + begin, len);
		begin += len;
	}
	if (found == XMPP_END)
		bench_die("the server closed the stream of %s%04zu: %.*s", c->o.name,
			  index, (int)(m->in.len - begin), m->in.data + begin);
	m->in.len -= begin;
	if (begin > 0)
		memmove(m->in.data, m->in.data + begin, m->in.len);
}

void crowd_read(struct crowd *c, size_t index)
{
	struct member *m = &c->members[index];
	buf_reserve(&m->in, READ_BYTES);
	ssize_t n = recv(m->fd, m->in.data + m->in.len, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		bench_die("the connection of %s%04zu ended", c->o.name, index);
	m->in.len += (size_t)n;
	take_stanzas(c, index);
}

void crowd_send(struct crowd *c, size_t index, const char *data, size_t len)
{
	bench_write(c->members[index].fd, data, len);
}

int crowd_fd(const struct crowd *c, size_t index)
{
	return c->members[index].fd;
}

void crowd_logout(struct crowd *c)
{
	static const char bye[] = "</stream:stream>";
	for (size_t i = 0; i < c->o.count; i++) {
		crowd_send(c, i, bye, sizeof(bye) - 1);
		close(c->members[i].fd);
		buf_free(&c->members[i].in);
	}
	free(c->members);
	free(c);
}
