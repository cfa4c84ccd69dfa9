#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

static int socket_bind(const struct addrinfo *ai)
{
	int one = 1, error;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) &&
	    !bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, LISTEN_BACKLOG))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	socklen_t len = sizeof ss;

	memset(&ss, 0, sizeof ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return 0;
	if (ss.ss_family == AF_INET6) {
		memcpy(&sin6, &ss, sizeof sin6);
		return ntohs(sin6.sin6_port);
	}
	memcpy(&sin, &ss, sizeof sin);
	return ntohs(sin.sin_port);
}

int listen_open(const struct config_addr *addr, uint16_t *port, char *why,
		size_t why_size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char service[8];
	int fd = -1, error;

	snprintf(service, sizeof service, "%u", (unsigned)addr->port);
	error = getaddrinfo(addr->host, service, &hints, &found);
	if (error) {
		snprintf(why, why_size, "%s is no address to listen on: %s", addr->host,
			 gai_strerror(error));
		return -1;
	}
	for (const struct addrinfo *ai = found; ai && fd < 0; ai = ai->ai_next)
		fd = socket_bind(ai);
	if (fd < 0)
		snprintf(why, why_size, "cannot listen on %s port %u: %s", addr->host,
			 (unsigned)addr->port, strerror(errno));
	else
		*port = port_of(fd);
	freeaddrinfo(found);
	return fd;
}
