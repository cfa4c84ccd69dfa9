#include "service.h"

#include <belfry/http/json.h>
#include <belfry/http/metrics.h>
#include <belfry/store/redis.h>

#include <math.h>
#include <stdio.h>

void health_live(void *service, struct http_request *req)
{
	struct buf out = {0};

	(void)service;
	buf_adds(&out, "{\"status\":\"live\"}\n");
	http_answer(req, 200, "application/json", &out);
}

void health_ready(void *service, struct http_request *req)
{
	struct service *s = service;
	struct store_health health = {0};
	struct buf out = {0};

	s->store->ops->health(s->store, &health);
	if (!health.up || !s->checked) {
		http_add_header(req, "Retry-After", "1");
		http_problem(req, 503, problem_not_ready.type, problem_not_ready.title,
			     health.up		? "The store is being checked."
			     : health.detail[0] ? health.detail
						: problem_not_ready.detail);
		return;
	}
	buf_printf(&out, "{\"status\":\"ready\",\"store_full\":%s}\n",
		   health.full ? "true" : "false");
	http_answer(req, 200, "application/json", &out);
}

static void write_http(struct buf *out, const struct http_server *http)
{
	struct http_stats st;
	char labels[64];
	uint64_t total = 0;

	http_server_stats(http, &st);
	metric_counter(out, "belfry_http_requests_total", "Requests received whole.",
		       (double)st.requests);
	metric_counter(out, "belfry_http_refused_total",
		       "Requests refused before a handler saw them.",
		       (double)st.refused_guard);
	metric_counter(out, "belfry_http_refused_connections_total",
		       "Connections refused: too many from one address.",
		       (double)st.refused_connections);
	metric_counter(out, "belfry_http_deadlines_total",
		       "Requests that were not whole, or not answered, in time.",
		       (double)st.deadline_answers);
	metric_gauge(out, "belfry_http_connections", "Open connections.",
		     (double)st.connections);
	metric_gauge(out, "belfry_http_unsent_bytes",
		     "Bytes of answers that clients have not taken yet.",
		     (double)http_server_unsent(http));
	metric_gauge(out, "belfry_http_active", "Requests under way.", (double)st.active);
	for (unsigned i = 1; i < 6; i++) {
		snprintf(labels, sizeof labels, "class=\"%uxx\"", i);
		metric_sample(out, "counter", "belfry_http_answers_total",
			      i == 1 ? "Answers by class of status." : NULL, labels,
			      (double)st.status_class[i]);
	}
	for (size_t i = 0; i < 12; i++) {
		total += st.latency[i];
		if (i < 11)
			snprintf(labels, sizeof labels, "le=\"%g\"",
				 http_latency_bounds_ms[i] / 1000);
		else
			snprintf(labels, sizeof labels, "le=\"+Inf\"");
		metric_sample(out, "histogram", "belfry_http_request_seconds_bucket",
			      i ? NULL : "From the whole request to its answer.", labels,
			      (double)total);
	}
	metric_sample(out, "histogram", "belfry_http_request_seconds_sum", NULL, NULL,
		      st.latency_sum_ms / 1000);
	metric_sample(out, "histogram", "belfry_http_request_seconds_count", NULL, NULL,
		      (double)total);
}

static void write_service(struct buf *out, const struct service *s)
{
	metric_counter(out, "belfry_events_total", "Events stored.",
		       (double)s->count.events);
	metric_counter(out, "belfry_events_replayed_total",
		       "Events known already by their Idempotency-Key.",
		       (double)s->count.replays);
	metric_counter(out, "belfry_items_retracted_total", "Items taken back over HTTP.",
		       (double)s->count.retracted);
	metric_counter(out, "belfry_events_refused_total",
		       "Events that the store refused.", (double)s->count.refused);
	metric_counter(out, "belfry_events_throttled_total",
		       "Events beyond the rate of a token or a feed.",
		       (double)s->count.throttled);
	metric_counter(out, "belfry_invitations_total",
		       "People invited to follow a feed.", (double)s->count.invited);
	metric_counter(out, "belfry_invitations_limited_total",
		       "Invitations that would have been too many within an hour.",
		       (double)s->count.limited);
	metric_counter(out, "belfry_dead_letters_redriven_total",
		       "Dead letters that were redriven over HTTP.",
		       (double)s->count.redriven);
	metric_counter(out, "belfry_dead_letters_dropped_total",
		       "Dead letters that were dropped over HTTP.",
		       (double)s->count.dropped);
	metric_counter(out, "belfry_unauthorized_total",
		       "Requests without a known token.", (double)s->count.unauthorized);
	metric_counter(out, "belfry_forbidden_total",
		       "Requests whose token has not the scope or the feed.",
		       (double)s->count.forbidden);
}

static void write_store(struct buf *out, const struct service *s)
{
	struct store_health health = {0};
	struct store_redis_stats redis;

	s->store->ops->health(s->store, &health);
	metric_gauge(out, "belfry_store_up", "1: the store answers and is fit.",
		     health.up);
	metric_gauge(out, "belfry_store_full", "1: no more events are taken.",
		     health.full);
	metric_gauge(out, "belfry_store_used_bytes", "Memory that the store uses.",
		     (double)health.used_bytes);
	metric_gauge(out, "belfry_store_max_bytes", "Its limit; 0: none.",
		     (double)health.max_bytes);
	metric_gauge(out, "belfry_store_pending", "Calls to the store without an answer.",
		     (double)s->store->ops->pending(s->store));
	if (!s->on_redis)
		return;
	store_redis_stats(s->store, &redis);
	metric_counter(out, "belfry_redis_commands_total", "Commands sent.",
		       (double)redis.commands);
	metric_counter(out, "belfry_redis_reconnects_total", "Connections made anew.",
		       (double)redis.reconnects);
	metric_counter(out, "belfry_redis_timeouts_total", "Commands without an answer.",
		       (double)redis.timeouts);
	metric_counter(out, "belfry_redis_noscript_total", "Scripts loaded anew.",
		       (double)redis.noscript);
	metric_counter(out, "belfry_redis_wait_failures_total",
		       "Commits that too few replicas had.", (double)redis.wait_failures);
	metric_gauge(out, "belfry_redis_round_trip_seconds", "Smoothed.",
		     (double)redis.round_trip_us / 1e6);
}

void health_metrics(void *service, struct http_request *req)
{
	struct service *s = service;
	struct buf out = {0};

	metric_sample(&out, "gauge", "belfry_info", "The version.",
		      "version=\"" BELFRY_VERSION "\",program=\"serve\"", 1);
	write_http(&out, s->http);
	write_service(&out, s);
	write_store(&out, s);
	http_answer(req, 200, METRICS_CONTENT_TYPE, &out);
}
