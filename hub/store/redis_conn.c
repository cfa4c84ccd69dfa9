#include "store/redis_conn.h"

#include "store/redis_name.h"
#include "store/redis_reply.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 * 1024)
#define READS_A_TURN 16
#define REPLY_BYTES_MAX ((size_t)256 * 1024 * 1024) /* of one reply, unparsed */

struct conn {
	struct loop *loop;
	const struct redis_url *url;
	const struct conn_events *events;
	void *arg;
	int fd; /* -1: closed */
	bool connected;
	struct loop_fd *watch;
	struct loop_timer *flush; /* at the end of the turn */
	struct loop_timer *fail;  /* a connect that failed at once is told later */
	struct buf out;
	size_t sent; /* of out */
	redisReader *reader;
	struct arena arena;
	size_t reply_max; /* bytes */
	bool bounded;
	struct name name;
	char why[128];
	unsigned depth;	     /* of the callbacks under way */
	bool destroyed;	     /* free when depth is 0 again */
	unsigned generation; /* grows with each close */
};

struct buf *conn_out(struct conn *c)
{
	return &c->out;
}

void conn_close(struct conn *c)
{
	c->generation++;
	loop_fd_destroy(c->watch);
	c->watch = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->connected = false;
	c->sent = 0;
	buf_free(&c->out);
	loop_timer_disarm(c->flush);
	loop_timer_disarm(c->fail);
}

static void conn_lose(struct conn *c, const char *why)
{
	if (why != c->why)
		snprintf(c->why, sizeof c->why, "%s", why);
	conn_close(c);
	c->events->lost(c->arg, c->why);
}

static void on_fail(void *arg)
{
	struct conn *c = arg;
	c->depth++;
	conn_lose(c, c->why);
	c->depth--;
	if (c->destroyed && c->depth == 0)
		conn_destroy(c);
}

static int write_out(struct conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
				 MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			loop_fd_events(c->watch, LOOP_READ | LOOP_WRITE);
			return 0;
		}
		if (n < 0)
			return -1;
		c->sent += (size_t)n;
	}
	if (c->out.cap > (size_t)4 * 1024 * 1024)
		buf_free(&c->out);
	buf_clear(&c->out);
	c->sent = 0;
	loop_fd_events(c->watch, LOOP_READ);
	return 0;
}

static void on_flush(void *arg)
{
	struct conn *c = arg;
	if (!c->connected)
		return;
	if (write_out(c) < 0) {
		snprintf(c->why, sizeof c->why, "write: %s", strerror(errno));
		on_fail(c);
	}
}

void conn_flush(struct conn *c)
{
	if (!loop_timer_armed(c->flush))
		loop_timer_arm(c->flush, 0);
}

void conn_put(struct conn *c, const char *const *words, size_t count)
{
	buf_printf(&c->out, "*%zu\r\n", count);
	for (size_t i = 0; i < count; i++)
		buf_printf(&c->out, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
	conn_flush(c);
}

void conn_put_auth(struct conn *c, const char *user, const char *password)
{
	if (user)
		conn_put(c, (const char *const[]){"AUTH", user, password}, 3);
	else
		conn_put(c, (const char *const[]){"AUTH", password}, 2);
}

/* Hands over the replies that are whole. -1: the connection was lost or closed. */
static int take_replies(struct conn *c)
{
	unsigned generation = c->generation;
	for (;;) {
		void *reply = NULL;
		if (redisReaderGetReply(c->reader, &reply) != REDIS_OK) {
			conn_lose(c, "what came is not the Redis protocol");
			return -1;
		}
		if (!reply)
			break;
		c->events->reply(c->arg, reply);
		arena_reset(&c->arena);
		if (c->generation != generation)
			return -1;
	}
	if (c->reader->len > c->reply_max ||
	    (c->bounded && c->arena.bytes > c->reply_max)) {
		conn_lose(c, "a reply is too large");
		return -1;
	}
	return 0;
}

static void read_in(struct conn *c)
{
	static char chunk[READ_BYTES];
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			char why[96];
			snprintf(why, sizeof why, "read: %s", strerror(errno));
			conn_lose(c, why);
			return;
		}
		if (n == 0) {
			conn_lose(c, "Redis closed the connection");
			return;
		}
		redisReaderFeed(c->reader, chunk, (size_t)n);
		if (take_replies(c) < 0 || (size_t)n < sizeof chunk)
			return;
	}
}

static void finish_connect(struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof err;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err) {
		char why[96];
		snprintf(why, sizeof why, "connect: %s", strerror(err));
		conn_lose(c, why);
		return;
	}
	c->connected = true;
	loop_fd_events(c->watch, LOOP_READ);
	c->events->open(c->arg);
}

static void on_event(void *arg, unsigned events)
{
	struct conn *c = arg;
	unsigned generation = c->generation;
	c->depth++;
	if (!c->connected) {
		if (events & LOOP_WRITE)
			finish_connect(c);
	} else {
		if (events & LOOP_READ)
			read_in(c);
		if (c->generation == generation && (events & LOOP_WRITE) &&
		    write_out(c) < 0)
			conn_lose(c, "write failed");
	}
	c->depth--;
	if (c->destroyed && c->depth == 0)
		conn_destroy(c);
}

/* A socket, connected or connecting; -1 with errno, or -2 with *WHY set. */
static int open_unix(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	memcpy(sun.sun_path, path, strlen(path) + 1); /* the URL's parser capped it */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int open_address(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Each try takes another of the name's addresses. */
static int open_tcp(struct conn *c, const char **why)
{
	const struct redis_host *host = &c->url->host;
	const struct addrinfo *list = c->bounded
					      ? name_kept(&c->name, host, clock_mono_ms())
					      : name_ask(&c->name, host);
	unsigned count = 0, try = c->generation;
	if (!list) {
		*why = c->name.why;
		return -2;
	}
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		count++;
	const struct addrinfo *a = list;
	for (unsigned i = count ? try % count : 0; a && i; i--)
		a = a->ai_next;
	return a ? open_address(a) : -1;
}

void conn_connect(struct conn *c)
{
	const char *why = NULL;
	if (c->reader)
		redisReaderFree(c->reader);
	arena_reset(&c->arena);
	c->reader = reply_reader_create(&c->arena);
	c->fd = c->url->path ? open_unix(c->url->path) : open_tcp(c, &why);
	if (c->fd < 0) {
		snprintf(c->why, sizeof c->why, "connect: %s",
			 why ? why : strerror(errno));
		c->fd = -1;
		loop_timer_arm(c->fail, 0);
		return;
	}
	c->watch = loop_fd_create(c->loop, c->fd, LOOP_WRITE, on_event, c);
}

struct conn *conn_create(struct loop *loop, const struct redis_url *url,
			 const struct conn_events *events, void *arg)
{
	struct conn *c = xcalloc(1, sizeof *c);
	c->loop = loop;
	c->url = url;
	c->events = events;
	c->arg = arg;
	c->fd = -1;
	c->reply_max = REPLY_BYTES_MAX;
	c->flush = loop_timer_create(loop, on_flush, c);
	c->fail = loop_timer_create(loop, on_fail, c);
	return c;
}

void conn_bound(struct conn *c, size_t bytes)
{
	c->bounded = true;
	c->reply_max = bytes;
	c->arena.elements_max = (unsigned)(bytes / sizeof(redisReply *));
}

void conn_destroy(struct conn *c)
{
	if (!c)
		return;
	if (!c->destroyed) {
		conn_close(c);
		loop_timer_destroy(c->flush);
		loop_timer_destroy(c->fail);
		c->flush = c->fail = NULL;
		c->destroyed = true;
	}
	if (c->depth)
		return;
	if (c->reader)
		redisReaderFree(c->reader);
	arena_free(&c->arena);
	name_forget(&c->name);
	free(c);
}
