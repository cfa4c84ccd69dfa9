#ifndef BELFRY_HUB_HTTP_LISTEN_H
#define BELFRY_HUB_HTTP_LISTEN_H

#include <belfry/core/config.h>

#include <stddef.h>

/* A listening socket, or -1 with WHY; *PORT is the one that the kernel gave. */
int listen_open(const struct config_addr *addr, uint16_t *port, char *why,
		size_t why_size);

#endif
