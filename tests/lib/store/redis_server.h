#ifndef TESTS_REDIS_SERVER_H
#define TESTS_REDIS_SERVER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * A private redis-server (appendfsync always) on a free port of the loopback, in a
 * directory of its own under $TMPDIR, which goes with it. Aborts where that fails.
 */
struct redis_server {
	pid_t pid; /* 0: stopped */
	uint16_t port;
	char dir[128];
	char url[64];
};
void redis_server_start(struct redis_server *r);
void redis_server_kill(struct redis_server *r);	   /* SIGKILL; the data stay */
void redis_server_restart(struct redis_server *r); /* on the same port and data */
void redis_server_stop(struct redis_server *r);	   /* and removes the directory */
/* One command by a connection of its own; what came back, raw, in a static buffer. */
const char *redis_server_ask(const struct redis_server *r, const char *command);

#endif
