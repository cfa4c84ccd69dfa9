/*
 * EVENTS durable POSTs through the HTTP server, the service and the store, by sixteen
 * connections of this very process that send at once and wait for one another: so that
 * two runs execute the same instructions. tests/bench/guard counts them.
 *
 *   guard_ingest EVENTS     (BELFRY_REDIS_URL, BELFRY_HTTP_LISTEN: 127.0.0.1:0)
 */
#include "common/guard_hub.h"
#include "serve/service.h"

#include <belfry/base/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FEED "ingest"
#define CLIENTS 16
#define BODY_BYTES 512

struct client {
	int fd;
	size_t got;
	bool waits;
	char answer[1024];
};

struct guard {
	struct guard_hub hub;
	struct service *service;
	struct client clients[CLIENTS];
	char request[2048];
	size_t request_len;
	size_t answered;
};

static void make_token(struct guard *g, char text[TOKEN_TEXT_SIZE])
{
	struct store *store = g->hub.store;
	struct token t = {.scopes = SCOPE_PUBLISH};
	t.feeds = xstrdup(FEED);
	t.note = xstrdup("");
	token_make(&t, text);
	char *json = token_json(&t);
	store->ops->token_put(store, t.id, json, guard_hub_done, &g->hub);
	guard_hub_wait(&g->hub);
	free(json);
	token_free(&t);
}

/* An event as an app would send it, filled up to its size by its text. */
static void make_request(struct guard *g)
{
	static const char head[] = "{\"title\":\"Deployed shop 2.14.3 to production\","
				   "\"url\":\"https://ci.example.org/d/81723\","
				   "\"tags\":[\"deploy\",\"shop\"],"
				   "\"data\":{\"commit\":\"8c1f0e2\",\"tests\":4127},"
				   "\"body\":\"";
	static const char words[] = "All checks are green, three migrations ran. ";
	char token[TOKEN_TEXT_SIZE], body[BODY_BYTES + 1];
	make_token(g, token);
	memcpy(body, head, sizeof(head) - 1);
	for (size_t i = sizeof(head) - 1; i < BODY_BYTES - 2; i++)
		body[i] = words[i % (sizeof(words) - 1)];
	memcpy(body + BODY_BYTES - 2, "\"}", 3);
	g->request_len = (size_t)snprintf(
		g->request, sizeof(g->request),
		"POST /v1/feeds/" FEED "/events HTTP/1.1\r\n"
		"Host: 127.0.0.1:8080\r\nUser-Agent: guard\r\nAccept: */*\r\n"
		"Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
		"Content-Length: %d\r\n\r\n%s",
		token, BODY_BYTES, body);
}

static void start(struct guard *g)
{
	char why[200];
	guard_hub_open(&g->hub, FEED);
	g->service = service_create(g->hub.loop, g->hub.config, g->hub.store, why,
				    sizeof(why));
	if (!g->service)
		guard_fail("the service", why);
	g->service->on_redis = g->service->checked = true;
	make_request(g);
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(http_server_port(g->service->http)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (size_t i = 0; i < CLIENTS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
			guard_fail("connect", strerror(errno));
		g->clients[i].fd = fd;
	}
}

/* Heads of 202 come whole, and their bodies with them. */
static void look(struct guard *g, struct client *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, sizeof(c->answer) - 1 - c->got,
			 MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		guard_fail("an answer", n < 0 ? strerror(errno) : "connection closed");
	c->got += (size_t)n;
	c->answer[c->got] = '\0';
	if (!strstr(c->answer, "\"queued\"}\n")) {
		if (c->got > 12 && strncmp(c->answer + 9, "202", 3) != 0)
			guard_fail("an answer", c->answer);
		return;
	}
	c->waits = false;
	c->got = 0;
	g->answered++;
}

static void post(struct guard *g, size_t clients)
{
	size_t want = g->answered + clients;
	for (size_t i = 0; i < clients; i++) {
		ssize_t n = send(g->clients[i].fd, g->request, g->request_len, 0);
		if (n != (ssize_t)g->request_len)
			guard_fail("a request", strerror(errno));
		g->clients[i].waits = true;
	}
	while (g->answered < want) {
		loop_turn(g->hub.loop, true);
		for (size_t i = 0; i < clients; i++)
			if (g->clients[i].waits)
				look(g, &g->clients[i]);
	}
}

int main(int argc, char **argv)
{
	static struct guard g;
	if (argc != 2)
		guard_fail("usage", "guard_ingest EVENTS");
	size_t events = guard_number(argv[1]);
	start(&g);
	while (g.answered < events)
		post(&g, events - g.answered < CLIENTS ? events - g.answered : CLIENTS);
	if (g.service->count.events != events)
		guard_fail("the service", "it counts another number of events");
	for (size_t i = 0; i < CLIENTS; i++)
		close(g.clients[i].fd);
	g.hub.store->ops->destroy(g.hub.store);
	g.hub.store = NULL;
	service_destroy(g.service);
	guard_hub_close(&g.hub);
	return 0;
}
