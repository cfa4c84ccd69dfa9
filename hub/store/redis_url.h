#ifndef STORE_REDIS_URL_H
#define STORE_REDIS_URL_H

#include <stddef.h>
#include <stdint.h>

/* redis://[USER[:PASSWORD]@]HOST[:PORT][/DB] or unix:///PATH[?db=DB] */
struct redis_url {
	char *host; /* NULL where path is set */
	char *path;
	char *user;	/* NULL: none */
	char *password; /* NULL: none */
	uint16_t port;
	uint32_t db;
};

/* 0; or -1 with *u empty, and WHY says what to do (never with what the URL holds). */
int redis_url_parse(struct redis_url *u, const char *text, char *why, size_t why_size);
void redis_url_free(struct redis_url *u);

#endif
