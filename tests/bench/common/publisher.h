#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where events are published: the same request again and again, with a running number
 * in it. Never waits; whatever is refused ends the process with a message.
 */
enum publisher_kind {
	PUBLISHER_HTTP,	 /* connections that are kept, one request on each at a time */
	PUBLISHER_REDIS, /* commands behind one another; the answers are integers */
	PUBLISHER_RAW,	 /* bytes without an answer; also the stream of a client */
};
struct publisher;

/* FD: connected, and its input is nobody else's; -1: connections to PORT. */
struct publisher *publisher_open(enum publisher_kind kind, int fd, uint16_t port,
				 int epoll, uint64_t first_key);
void publisher_close(struct publisher *p);
/* May another request be given now? */
bool publisher_ready(const struct publisher *p);
void publisher_send(struct publisher *p, const char *data, size_t len);
/* EPOLL has input for the connection whose key is KEY. */
void publisher_read(struct publisher *p, uint64_t key);
/* Writes on, where a socket took less than all of it. */
void publisher_flush(struct publisher *p);
bool publisher_behind(const struct publisher *p);
/* Requests that were answered as they should be. */
size_t publisher_answered(const struct publisher *p);

#endif
