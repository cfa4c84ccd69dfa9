#ifndef STORE_REDIS_URL_H
#define STORE_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_host {
	char *name;
	uint16_t port;
};

/* The same name, however it is written, and port? No name is no host, and not the same.
 */
bool redis_host_same(const struct redis_host *a, const struct redis_host *b);

/*
 * redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], unix:///PATH[?db=DB], or
 * redis+sentinel://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...]/MASTER[/DB], where user
 * and password are those of the master.
 */
struct redis_url {
	/* Of the server; NULL where path is set, and for as long as nobody has said
	 * where the master is. */
	struct redis_host host;
	char *path;
	char *user;	/* NULL: none */
	char *password; /* NULL: none */
	uint32_t db;
	char *master; /* what its Sentinels call it; NULL: there are none */
	struct redis_host *sentinels;
	size_t sentinel_count; /* at most 16 */
};

/* 0; or -1 with *u empty, and WHY says what to do (never with what the URL holds). */
int redis_url_parse(struct redis_url *u, const char *text, char *why, size_t why_size);
void redis_url_free(struct redis_url *u);

#endif
