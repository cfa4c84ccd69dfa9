#ifndef STORE_REDIS_NAME_H
#define STORE_REDIS_NAME_H

#include "store/redis_url.h"

#include <netdb.h>

/*
 * The addresses of a host. getaddrinfo() blocks the loop, for seconds where no name
 * server answers: so what is found may be kept for NAME_KEPT_MS, and after a failure
 * nobody is asked for NAME_FAILED_MS. What was found before lasts while nothing newer is.
 */
#define NAME_KEPT_MS 60000
#define NAME_FAILED_MS 30000

struct name {
	struct addrinfo *list;
	uint64_t again_ms; /* until then nobody is asked */
	const char *why;   /* it failed; NULL: it did not */
};

/* Those of HOST, asked for now. NULL: there are none, and n->why says why. */
const struct addrinfo *name_ask(struct name *n, const struct redis_host *host);
/* The same, or what is kept of it. It is always the same HOST. */
const struct addrinfo *name_kept(struct name *n, const struct redis_host *host,
				 uint64_t now_ms);
void name_forget(struct name *n);

#endif
