#include "store/redis_name.h"

#include <stdio.h>
#include <sys/socket.h>

static struct addrinfo *look_up(struct name *n, const struct redis_host *host)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char port[8];
	snprintf(port, sizeof port, "%u", host->port);
	int err = getaddrinfo(host->name, port, &hints, &list);
	n->why = err ? gai_strerror(err) : NULL;
	return err ? NULL : list;
}

static void replace(struct name *n, struct addrinfo *list)
{
	if (n->list)
		freeaddrinfo(n->list);
	n->list = list;
}

const struct addrinfo *name_ask(struct name *n, const struct redis_host *host)
{
	replace(n, look_up(n, host));
	return n->list;
}

const struct addrinfo *name_kept(struct name *n, const struct redis_host *host,
				 uint64_t now_ms)
{
	if (now_ms < n->again_ms)
		return n->list;
	struct addrinfo *list = look_up(n, host);
	if (list)
		replace(n, list);
	n->again_ms = now_ms + (list ? NAME_KEPT_MS : NAME_FAILED_MS);
	return n->list;
}

void name_forget(struct name *n)
{
	replace(n, NULL);
	*n = (struct name){0};
}
