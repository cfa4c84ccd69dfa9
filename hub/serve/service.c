#include "service.h"

#include <belfry/base/mem.h>
#include <belfry/core/image.h>

#include <stdlib.h>

#define FEED "/v1/feeds/{feed}"
#define JSON "application/json"
#define MERGE JSON " application/merge-patch+json"
#define DEAD "/v1/dead-letters"

/* JIDs and domains whose invitations are counted. */
#define INVITED_KEYS 10000

static const struct http_route routes[] = {
	{"POST", FEED "/events", event_post, JSON " text/plain", false, 0},
	{"GET", FEED "/events", history_list, NULL, false, 0},
	{"GET", FEED "/events/{id}", history_get, NULL, false, 0},
	{"GET", FEED "/events/{id}/deliveries", delivery_list, NULL, false, 0},
	{"GET", FEED "/scheduled", scheduled_list, NULL, false, 0},
	{"DELETE", FEED "/scheduled/{id}", scheduled_delete, NULL, false, 0},
	{"DELETE", FEED "/items/{item}", item_delete, NULL, false, 0},
	{"GET", "/v1/feeds", feed_list, NULL, false, 0},
	{"GET", FEED, feed_get, NULL, false, 0},
	{"PUT", FEED, feed_put, JSON, true, 0},
	{"PATCH", FEED, feed_patch, MERGE, false, 0},
	{"DELETE", FEED, feed_delete, NULL, false, 0},
	{"GET", FEED "/subscribers", subscriber_list, NULL, false, 0},
	{"GET", FEED "/subscribers/{jid}", subscriber_get, NULL, false, 0},
	{"PUT", FEED "/subscribers/{jid}", subscriber_put, JSON, true, 0},
	{"PATCH", FEED "/subscribers/{jid}", subscriber_patch, MERGE, false, 0},
	{"DELETE", FEED "/subscribers/{jid}", subscriber_delete, NULL, false, 0},
	{"GET", FEED "/pending", pending_list, NULL, false, 0},
	{"GET", FEED "/pending/{jid}", pending_get, NULL, false, 0},
	{"PUT", FEED "/pending/{jid}", pending_put, JSON, false, 0},
	{"DELETE", FEED "/pending/{jid}", pending_delete, NULL, false, 0},
	{"PUT", FEED "/avatar", avatar_put, "image/png image/svg+xml", false,
	 IMAGE_BYTES_MAX},
	{"GET", FEED "/avatar", avatar_get, NULL, false, 0},
	{"DELETE", FEED "/avatar", avatar_delete, NULL, false, 0},
	{"GET", FEED "/presence", presence_get, NULL, false, 0},
	{"PUT", FEED "/presence", presence_put, JSON, false, 0},
	{"DELETE", FEED "/presence", presence_delete, NULL, false, 0},
	{"GET", FEED "/link", link_get, NULL, false, 0},
	{"GET", FEED "/qr.png", link_png, NULL, false, 0},
	{"GET", FEED "/qr.svg", link_svg, NULL, false, 0},
	{"GET", DEAD, dead_letter_list, NULL, false, 0},
	{"GET", DEAD "/{feed}/{jid}", dead_letter_get, NULL, false, 0},
	{"POST", DEAD ":redrive", dead_letter_redrive, JSON, false, 0},
	{"POST", DEAD ":drop", dead_letter_drop, JSON, false, 0},
	{"GET", "/livez", health_live, NULL, false, 0},
	{"GET", "/readyz", health_ready, NULL, false, 0},
	{"GET", "/metrics", health_metrics, NULL, false, 0},
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
	s->invites.per_jid = limits_create(config->limits.invite_per_jid, INVITED_KEYS);
	s->invites.per_domain =
		limits_create(config->limits.invite_per_domain, INVITED_KEYS);
	s->rates = rates_create();
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
	avatars_finish(s);
	http_server_destroy(s->http);
	auth_cache_destroy(s->auth);
	rates_destroy(s->rates);
	limits_destroy(s->invites.per_jid);
	limits_destroy(s->invites.per_domain);
	free(s);
}
