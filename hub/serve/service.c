#include "service.h"

#include <belfry/base/mem.h>

#include <stdlib.h>

#define FEED "/v1/feeds/{feed}"
#define JSON "application/json"

static const struct http_route routes[] = {
	{"POST", FEED "/events", event_post, JSON " text/plain", false},
	{"GET", FEED "/events", history_list, NULL, false},
	{"GET", FEED "/events/{id}", history_get, NULL, false},
	{"GET", "/v1/feeds", feed_list, NULL, false},
	{"GET", FEED, feed_get, NULL, false},
	{"PUT", FEED, feed_put, JSON, true},
	{"PATCH", FEED, feed_patch, JSON " application/merge-patch+json", false},
	{"DELETE", FEED, feed_delete, NULL, false},
	{"GET", FEED "/subscribers", subscriber_list, NULL, false},
	{"GET", FEED "/subscribers/{jid}", subscriber_get, NULL, false},
	{"PUT", FEED "/subscribers/{jid}", subscriber_put, JSON, true},
	{"DELETE", FEED "/subscribers/{jid}", subscriber_delete, NULL, false},
	{"GET", "/livez", health_live, NULL, false},
	{"GET", "/readyz", health_ready, NULL, false},
	{"GET", "/metrics", health_metrics, NULL, false},
	{0},
};

struct service *service_create(struct loop *loop, const struct config *config,
			       struct store *store, char *why, size_t why_size)
{
	struct service *s = xcalloc(1, sizeof *s);
	struct http_limits limits = {
		.max_body_bytes = config->http.max_body_bytes,
		.max_connections = config->http.max_connections,
		.max_connections_per_ip = config->http.max_connections_per_ip,
		.request_timeout_ms = config->http.request_timeout_ms,
	};

	s->config = config;
	s->loop = loop;
	s->store = store;
	s->auth = auth_cache_create();
	s->http = http_server_create(loop, &config->http.listen, &limits, routes, s, why,
				     why_size);
	if (s->http)
		return s;
	service_destroy(s);
	return NULL;
}

void service_destroy(struct service *s)
{
	if (!s)
		return;
	http_server_destroy(s->http);
	auth_cache_destroy(s->auth);
	free(s);
}
