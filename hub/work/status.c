#include "work/status.h"

#include <belfry/http/json.h>
#include <belfry/http/metrics.h>
#include <belfry/store/redis.h>
#include <belfry/xmpp/component.h>

#include <stdio.h>
#include <sys/resource.h>

#define JSON_TYPE "application/json"

static void livez(void *arg, struct http_request *req)
{
	struct buf body = {0};
	(void)arg;
	buf_adds(&body, "{\"status\":\"alive\"}\n");
	http_answer(req, 200, JSON_TYPE, &body);
}

static void add_state(struct buf *out, const char *name, bool up, const char *why)
{
	char text[352];
	snprintf(text, sizeof(text), "down%s%s", why[0] ? ": " : "", why);
	json_add_member(out, name, up ? "up" : text);
}

static const char *xmpp_why(const struct status *s, char *out, size_t size)
{
	const char *why = uplink_why(s->uplink);
	if (lease_held(s->lease))
		return why;
	snprintf(out, size, "standing by%s%s",
		 uplink_stuck(s->uplink) ? "; the last try: " : "",
		 uplink_stuck(s->uplink) ? why : "");
	return out;
}

static void readyz(void *arg, struct http_request *req)
{
	const struct status *s = arg;
	struct store_health health;
	s->store->ops->health(s->store, &health);
	bool up = uplink_up(s->uplink), owner = lease_held(s->lease);
	bool ready = health.up && !s->stopping && (up || lease_watches(s->lease));
	struct buf body = {0};
	char why[320];
	buf_addc(&body, '{');
	json_add_member(&body, "role", owner ? "owner" : "standby");
	add_state(&body, "xmpp", up, xmpp_why(s, why, sizeof(why)));
	add_state(&body, "store", health.up, health.detail);
	buf_adds(&body, "}\n");
	http_answer(req, ready ? 200 : 503, JSON_TYPE, &body);
}

static void engine_metrics(const struct status *s, struct buf *out)
{
	const struct engine_counters *c = engine_counters(s->engine);
	struct engine_gauges g;
	engine_gauges(s->engine, &g);
#define X(name, help)                                                                    \
	metric_counter(out, "belfry_work_" #name "_total", help, (double)c->name);
	ENGINE_COUNTERS(X)
#undef X
	const struct {
		const char *name, *help;
		double value;
	} gauges[] = {
		{"owner", "1 while this worker holds the lease", lease_held(s->lease)},
		{"xmpp_up", "1 while the XMPP link is up", uplink_up(s->uplink)},
		{"xmpp_stuck",
		 "1 while this worker could not connect when it last tried, and gave up "
		 "the lease",
		 uplink_stuck(s->uplink)},
		{"feeds_behind", "Feeds with something to deliver",
		 (double)g.feeds_behind},
		{"pieces", "Runs of buckets read and not yet sent", (double)g.pieces},
		{"one_by_one", "1 while looking for a stanza that ends the stream",
		 g.one_by_one},
		{"multicast",
		 "1 while xmpp.multicast is used; 0: it is not set, or refused",
		 g.group > 0},
		{"windows_in_flight", "Windows waiting for their barrier",
		 (double)g.windows.in_flight},
		{"window_stanzas", "Deliveries a window may hold",
		 (double)g.windows.size},
		{"stanzas_in_flight", "Deliveries waiting for their barrier",
		 (double)g.windows.stanzas_in_flight},
		{"barrier_seconds", "From a window's end to its result, smoothed",
		 g.windows.barrier_ms / 1000},
		{"drain_per_second",
		 "Deliveries the XMPP server takes a second, smoothed",
		 g.windows.drain_per_s},
	};
	char name[64];
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		snprintf(name, sizeof(name), "belfry_work_%s", gauges[i].name);
		metric_gauge(out, name, gauges[i].help, gauges[i].value);
	}
}

static void link_metrics(const struct status *s, struct buf *out)
{
	metric_counter(out, "belfry_work_xmpp_opens_total", "Streams opened or tried",
		       (double)uplink_opens(s->uplink));
	struct component_stats c;
	component_stats(s->link, &c);
	metric_counter(out, "belfry_work_xmpp_stanzas_received_total",
		       "Stanzas received from the XMPP server",
		       (double)c.stanzas_received);
	metric_counter(out, "belfry_work_xmpp_iqs_answered_total",
		       "Requests answered over XMPP", (double)c.iqs_answered);
	metric_counter(out, "belfry_work_xmpp_chats_answered_total",
		       "Chat messages answered", (double)c.chats_answered);
	metric_counter(out, "belfry_work_xmpp_presences_answered_total",
		       "Presence stanzas sent as answers", (double)c.presences_answered);
	metric_gauge(out, "belfry_work_xmpp_backlog_buffers",
		     "Buffers the XMPP socket has not yet taken",
		     (double)c.backlog_buffers);
}

static void contact_metrics(const struct status *s, struct buf *out)
{
	struct announcer_stats a;
	announcer_stats(s->announcer, &a);
	metric_counter(out, "belfry_work_presences_total",
		       "Presence stanzas sent to contacts unasked", (double)a.presences);
	metric_counter(out, "belfry_work_presence_rows_total",
		       "Rows read in looking for contacts", (double)a.rows);
	metric_gauge(out, "belfry_work_contact_feeds",
		     "Feeds that contacts were told of on this link", (double)a.feeds);
	metric_gauge(out, "belfry_work_announcing",
		     "1 while all feeds are gone through for their contacts", a.round);
}

static void presence_metrics(const struct status *s, struct buf *out)
{
	struct prober_stats p;
	struct availability_stats a;
	prober_stats(s->prober, &p);
	availability_stats(s->hub->availability, &a);
	metric_counter(out, "belfry_work_presences_asked_total",
		       "How often people were asked to show their presence",
		       (double)p.asked);
	metric_counter(out, "belfry_work_presences_probed_total",
		       "Probes of those who do", (double)p.probed);
	metric_counter(out, "belfry_work_holds_woken_total",
		       "Holds that ended as somebody came", (double)p.woken);
	metric_gauge(out, "belfry_work_presences_expected",
		     "Whose presence is of interest, once a feed", (double)a.people);
	metric_gauge(out, "belfry_work_presences_known", "Of whom something is known",
		     (double)a.known);
}

static void access_metrics(const struct status *s, struct buf *out)
{
	struct notices_stats n;
	notices_stats(s->notices, &n);
	metric_counter(out, "belfry_work_notices_total",
		       "Requests, invitations and decisions told to people",
		       (double)n.said);
	metric_counter(out, "belfry_work_notices_stale_total",
		       "Those that were over before they were told", (double)n.stale);
	metric_counter(out, "belfry_work_notices_given_up_total",
		       "Those that could not be told", (double)n.given_up);
	metric_counter(
		out, "belfry_work_requests_held_back_total",
		"Requests that an owner was not told of: 20 an hour, or it is gone",
		(double)n.held_back);
	metric_counter(out, "belfry_work_subscribes_limited_total",
		       "Subscriptions refused by limits.subscribe_per_jid or _per_domain",
		       (double)s->hub->limited);
}

static void store_metrics(const struct status *s, struct buf *out)
{
	struct store_health h;
	s->store->ops->health(s->store, &h);
	metric_gauge(out, "belfry_work_store_up", "1 while the store answers", h.up);
	struct store_redis_stats r;
	store_redis_stats(s->store, &r);
	metric_counter(out, "belfry_work_redis_commands_total", "Commands sent to Redis",
		       (double)r.commands);
	metric_counter(out, "belfry_work_redis_reconnects_total", "Connections to Redis",
		       (double)r.reconnects);
	metric_counter(out, "belfry_work_redis_timeouts_total",
		       "Commands that Redis did not answer in time", (double)r.timeouts);
	metric_gauge(out, "belfry_work_redis_round_trip_seconds",
		     "Round trip to Redis, smoothed", (double)r.round_trip_us / 1e6);
}

static void process_metrics(struct buf *out)
{
	struct rusage u;
	if (getrusage(RUSAGE_SELF, &u) != 0)
		return;
	metric_counter(out, "process_cpu_seconds_total", "CPU time of the process",
		       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	metric_gauge(out, "belfry_work_max_resident_bytes",
		     "The most memory the process has had", (double)u.ru_maxrss * 1024);
}

static void metrics(void *arg, struct http_request *req)
{
	const struct status *s = arg;
	struct buf body = {0};
	engine_metrics(s, &body);
	link_metrics(s, &body);
	contact_metrics(s, &body);
	presence_metrics(s, &body);
	access_metrics(s, &body);
	store_metrics(s, &body);
	process_metrics(&body);
	http_answer(req, 200, METRICS_CONTENT_TYPE, &body);
}

const struct http_route status_routes[] = {
	{.method = "GET", .pattern = "/livez", .handler = livez},
	{.method = "GET", .pattern = "/readyz", .handler = readyz},
	{.method = "GET", .pattern = "/metrics", .handler = metrics},
	{.pattern = NULL},
};
