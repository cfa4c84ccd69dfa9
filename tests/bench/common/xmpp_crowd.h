#ifndef BENCH_XMPP_CROWD_H
#define BENCH_XMPP_CROWD_H

#include <stddef.h>
#include <stdint.h>

/*
 * A thousand clients in one process: they log in by SASL PLAIN on a private server that
 * allows it without TLS, bind, and send presence. Accounts are NAME0000@DOMAIN and so on,
 * with one password. Whatever goes wrong ends the process with a message.
 */
struct crowd;

/* A whole stanza of client INDEX; valid until it returns. */
typedef void (*crowd_stanza_cb)(void *arg, size_t index, const char *stanza, size_t len);

struct crowd_options {
	uint16_t port; /* on 127.0.0.1 */
	const char *domain, *name, *password;
	size_t count;
	crowd_stanza_cb stanza; /* what comes once all are online */
	void *arg;
};

/* EPOLL: theirs is the number of a client in data.u64, below COUNT. */
struct crowd *crowd_login(const struct crowd_options *options, int epoll);
/* Client INDEX has something to read. */
void crowd_read(struct crowd *c, size_t index);
/* Writes it all, however long that takes. */
void crowd_send(struct crowd *c, size_t index, const char *data, size_t len);
int crowd_fd(const struct crowd *c, size_t index);
void crowd_logout(struct crowd *c);

/* Ends the process with a message on standard error. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A blocking connection to 127.0.0.1, without delay. */
int bench_connect(uint16_t port);
/* Writes what the socket takes now; how much that was. */
size_t bench_write_some(int fd, const char *data, size_t len);
/* Writes all of it, waiting. */
void bench_write(int fd, const char *data, size_t len);

#endif
