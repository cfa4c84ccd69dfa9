#include <belfry/work/work.h>

#include <belfry/base/buf.h>
#include <belfry/base/log.h>
#include <belfry/base/loop.h>
#include <belfry/base/mem.h>
#include <belfry/http/server.h>
#include <belfry/store/redis.h>
#include <belfry/xmpp/component.h>
#include <belfry/xmpp/notice.h>

#include "work/announce.h"
#include "work/availability.h"
#include "work/engine.h"
#include "work/hub.h"
#include "work/lease.h"
#include "work/notices.h"
#include "work/owners.h"
#include "work/prober.h"
#include "work/status.h"
#include "work/sweeps.h"
#include "work/uplink.h"

#include <signal.h>
#include <stdio.h>

/* Who is remembered for the limits on subscribing. */
#define LIMITED_JIDS 10000
#define LIMITED_DOMAINS 1000
/* Whose presence is remembered, once a feed. */
#define PEOPLE 100000
#define LEAVE_MS 20 /* how often a stopping worker looks whether all is told */
#define WHY_SIZE 256

/* What is left to do before the process may go, in this order. */
enum phase { RUNNING, DRAINING, PARTING, CLOSING, RELEASING, LEAVING };

struct work {
	const struct config *config;
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	struct announcer *announcer;
	struct notices *notices;
	struct owners *owners;
	struct availabilities *availability;
	struct prober *prober;
	struct sweeps *sweeps;
	struct uplink *uplink;
	struct lease *lease; /* NULL until the store was found to be fit */
	struct link *link;
	struct http_server *http;
	struct hub hub;
	struct xmpp_hub xmpp_hub;
	struct status status;
	struct loop_signal *term, *intr;
	struct store_redis_fit *fit;
	struct loop_timer *hurry, *deadline, *leave;
	enum phase phase;
	int result;
};

/* ---- Owning the name ------------------------------------------------------------- */

static void on_taken(void *arg, const struct store_owner *owner)
{
	struct work *w = arg;
	engine_own(w->engine, owner);
	uplink_want(w->uplink, true);
}

static void on_lost(void *arg, const char *why)
{
	struct work *w = arg;
	(void)why; /* the lease logged it */
	uplink_want(w->uplink, false);
	engine_own(w->engine, NULL);
}

static const struct lease_handlers lease_handlers = {.taken = on_taken, .lost = on_lost};

static bool may_write(void *arg)
{
	const struct work *w = arg;
	return lease_valid_now(w->lease);
}

static bool busy(void *arg)
{
	const struct work *w = arg;
	struct engine_gauges g;
	engine_gauges(w->engine, &g);
	return g.windows.in_flight > 0 || g.pieces > 0;
}

/* While a stanza is looked for that ends the stream, nothing else is to be mistaken. */
static bool may_notify(void *arg)
{
	const struct work *w = arg;
	struct engine_gauges g;
	engine_gauges(w->engine, &g);
	return w->phase == RUNNING && !g.one_by_one && lease_valid_now(w->lease);
}

static uint64_t ask_barrier(void *arg)
{
	const struct work *w = arg;
	return engine_barrier(w->engine);
}

static void on_woken(void *arg, enum store_wake what, const char *feed)
{
	struct work *w = arg;
	announcer_wake(w->announcer, what, feed);
	if (what == WAKE_NOTICE || what == WAKE_ALL)
		notices_wake(w->notices);
}

static void on_shown(void *arg, const char *feed, struct look *look)
{
	struct work *w = arg;
	announcer_shown(w->announcer, feed, look);
}

static void on_unasked(void *arg, const char *feed, const char *jid)
{
	struct work *w = arg;
	struct buf out = {0};
	notice_unasked(&out, &(struct notice){.domain = w->config->xmpp.domain,
					      .feed = feed,
					      .jid = jid});
	w->link->ops->send(w->link, out.data, out.len);
	buf_free(&out);
}

static enum availability presence(void *arg, const char *feed, const char *jid,
				  bool *soon)
{
	struct work *w = arg;
	return prober_presence(w->prober, feed, jid, soon);
}

static void wake(void *arg, const char *feed, const char *jid)
{
	struct work *w = arg;
	prober_wake(w->prober, feed, jid);
}

static void on_refused(void *arg)
{
	struct work *w = arg;
	lease_refused(w->lease);
}

static void on_stalled(void *arg)
{
	struct work *w = arg;
	uplink_restart(w->uplink);
}

/* ---- The end --------------------------------------------------------------------- */

static void on_leave(void *arg)
{
	struct work *w = arg;
	if (w->store->ops->pending(w->store) == 0)
		loop_stop(w->loop);
	else
		loop_timer_arm(w->leave, LEAVE_MS);
}

static void on_released(void *arg, enum belfry_err err)
{
	struct work *w = arg;
	(void)err;
	w->phase = LEAVING;
	loop_timer_arm(w->leave, 0);
}

static void release(struct work *w)
{
	w->phase = RELEASING;
	if (w->lease)
		lease_release(w->lease, on_released, w);
	else
		on_released(w, BELFRY_OK);
}

static void close_link(struct work *w)
{
	w->phase = CLOSING;
	uplink_want(w->uplink, false);
	if (w->phase == CLOSING && uplink_closed(w->uplink))
		release(w);
}

static void on_idle(void *arg)
{
	struct work *w = arg;
	if (w->phase != DRAINING)
		return;
	w->phase = PARTING;
	if (!announcer_leave(w->announcer))
		close_link(w);
}

static void on_gone(void *arg)
{
	struct work *w = arg;
	if (w->phase == PARTING)
		close_link(w);
}

/* Half of the time is over: go on to the next phase. */
static void on_hurry(void *arg)
{
	struct work *w = arg;
	if (w->phase == DRAINING || w->phase == PARTING)
		close_link(w);
	else if (w->phase == CLOSING)
		release(w);
}

static void on_deadline(void *arg)
{
	struct work *w = arg;
	log_warn("not everything ended in time; it will be sent again", LOG_NONE);
	loop_stop(w->loop);
}

static void on_signal(void *arg)
{
	struct work *w = arg;
	if (w->phase != RUNNING)
		return;
	log_info("stopping", LOG_NONE);
	w->phase = DRAINING;
	w->status.stopping = true;
	store_redis_fit_destroy(w->fit);
	w->fit = NULL;
	loop_timer_arm(w->hurry, w->config->shutdown_ms / 2);
	loop_timer_arm(w->deadline, w->config->shutdown_ms * 9 / 10);
	http_server_quiesce(w->http);
	notices_stop(w->notices);
	engine_quiesce(w->engine);
}

/* ---- What the link says, on its way to the engine --------------------------------- */

static void link_up(void *arg)
{
	struct work *w = arg;
	engine_handlers.up(w->engine);
	if (w->phase != RUNNING)
		return;
	announcer_up(w->announcer);
	prober_up(w->prober);
	notices_up(w->notices);
}

static void link_down(void *arg, const struct link_down *why)
{
	struct work *w = arg;
	prober_down(w->prober);
	engine_handlers.down(w->engine, why);
	announcer_down(w->announcer);
	notices_down(w->notices, why->end);
	if (w->phase == CLOSING)
		release(w);
	else if (w->phase == RUNNING && uplink_stuck(w->uplink))
		lease_yield(w->lease, uplink_retry_ms(w->uplink), uplink_why(w->uplink));
}

static void link_barrier(void *arg, uint64_t number)
{
	struct work *w = arg;
	engine_handlers.barrier(w->engine, number);
	notices_passed(w->notices, number);
}

static void link_bounce(void *arg, const struct link_bounce *bounce)
{
	struct work *w = arg;
	engine_handlers.bounce(w->engine, bounce);
}

static void link_received(void *arg, const char *id, const char *from)
{
	struct work *w = arg;
	engine_handlers.received(w->engine, id, from);
}

static void link_room(void *arg)
{
	struct work *w = arg;
	engine_handlers.room(w->engine);
	announcer_room(w->announcer);
	notices_room(w->notices);
}

static const struct link_handlers link_handlers = {.up = link_up,
						   .down = link_down,
						   .barrier = link_barrier,
						   .bounce = link_bounce,
						   .received = link_received,
						   .room = link_room};

/* ---- The beginning --------------------------------------------------------------- */

static void on_fit(void *arg, bool fit)
{
	struct work *w = arg;
	if (!fit) {
		w->result = 1;
		loop_stop(w->loop);
		return;
	}
	w->lease = lease_create(w->loop, w->store, w->config->xmpp.domain,
				w->config->work.lease_ms, &lease_handlers, w);
	w->status.lease = w->lease;
}

static bool configured(const struct config *c)
{
	bool ok = true;
	if (!c->xmpp.domain || !c->xmpp.domain[0]) {
		log_error("xmpp.domain is not set: the name of the component, such as "
			  "feeds.example.org",
			  LOG_NONE);
		ok = false;
	}
	if (!c->xmpp.secret || !c->xmpp.secret[0]) {
		log_error("neither xmpp.secret nor xmpp.secret_file is set: the "
			  "component's secret, as the XMPP server has it",
			  LOG_NONE);
		ok = false;
	}
	return ok;
}

static bool listen_http(struct work *w)
{
	char why[WHY_SIZE];
	const struct http_limits limits = {
		.max_body_bytes = w->config->http.max_body_bytes,
		.max_connections = w->config->http.max_connections,
		.max_connections_per_ip = w->config->http.max_connections_per_ip,
		.request_timeout_ms = w->config->http.request_timeout_ms,
	};
	w->http = http_server_create(w->loop, &w->config->work.listen, &limits,
				     status_routes, &w->status, why, sizeof(why));
	if (!w->http) {
		log_error("cannot listen at work.listen", log_s("why", why));
		return false;
	}
	log_info("listening", log_s("host", w->config->work.listen.host),
		 log_u("port", http_server_port(w->http)));
	return true;
}

static void wire(struct work *w)
{
	const struct config *c = w->config;
	const struct engine_options options = {
		.domain = c->xmpp.domain,
		.multicast = c->xmpp.multicast,
		.max_stanza_bytes = (size_t)c->xmpp.max_stanza_bytes,
		.retry = policy_retry_of(c),
		.arg = w,
		.may_write = may_write,
		.lost = on_refused,
		.stalled = on_stalled,
		.idle = on_idle,
		.presence = presence,
		.wake = wake,
		.woken = on_woken,
	};
	const struct announcer_options announcing = {.domain = c->xmpp.domain,
						     .arg = w,
						     .may_write = may_write,
						     .busy = busy,
						     .gone = on_gone};
	w->owners = owners_create();
	w->availability = availability_create(PEOPLE);
	w->sweeps = sweeps_create(w->loop, w->store, &w->hub);
	const struct notices_options noticing = {.domain = c->xmpp.domain,
						 .owners = w->owners,
						 .sweeps = w->sweeps,
						 .max_stanza_bytes =
							 (size_t)c->xmpp.max_stanza_bytes,
						 .arg = w,
						 .may_write = may_notify,
						 .busy = busy,
						 .barrier = ask_barrier,
						 .shown = on_shown};
	const struct prober_options probing = {.domain = c->xmpp.domain,
					       .availability = w->availability,
					       .arg = w,
					       .may_write = may_notify};
	w->prober = prober_create(w->loop, w->store, &probing);
	w->engine = engine_create(w->loop, w->store, &options);
	availability_listen(w->availability, engine_shows, w->engine);
	w->announcer = announcer_create(w->loop, w->store, &announcing);
	w->notices = notices_create(w->loop, w->store, &noticing);
	w->hub = (struct hub){
		.store = w->store,
		.trusted_domains = c->xmpp.trusted_domains,
		.loop = w->loop,
		.shown = on_shown,
		.shown_arg = w,
		.unasked = on_unasked,
		.unasked_arg = w,
		.per_jid = limits_create(c->limits.subscribe_per_jid, LIMITED_JIDS),
		.per_domain =
			limits_create(c->limits.subscribe_per_domain, LIMITED_DOMAINS),
		.owners = w->owners,
		.availability = w->availability,
		.chosen = prober_chosen,
		.chosen_arg = w->prober};
	w->xmpp_hub = hub_for(&w->hub);
	w->uplink = uplink_create(w->loop, c->xmpp.domain, &link_handlers, w);
	w->link = component_create(w->loop, c, &w->xmpp_hub, &uplink_handlers, w->uplink);
	uplink_use(w->uplink, w->link);
	engine_use(w->engine, w->link);
	announcer_use(w->announcer, w->link);
	prober_use(w->prober, w->link);
	notices_use(w->notices, w->link);
	w->status = (struct status){.store = w->store,
				    .uplink = w->uplink,
				    .engine = w->engine,
				    .announcer = w->announcer,
				    .prober = w->prober,
				    .notices = w->notices,
				    .hub = &w->hub,
				    .link = w->link};
	w->hurry = loop_timer_create(w->loop, on_hurry, w);
	w->deadline = loop_timer_create(w->loop, on_deadline, w);
	w->leave = loop_timer_create(w->loop, on_leave, w);
	w->term = loop_signal_create(w->loop, SIGTERM, on_signal, w);
	w->intr = loop_signal_create(w->loop, SIGINT, on_signal, w);
}

static void unwire(struct work *w)
{
	http_server_destroy(w->http);
	notices_down(w->notices, LINK_END_ASKED);
	uplink_destroy(w->uplink);
	store_redis_fit_destroy(w->fit);
	w->store->ops->destroy(w->store);
	hub_forget_sweeps(&w->hub);
	engine_destroy(w->engine);
	announcer_destroy(w->announcer);
	notices_destroy(w->notices);
	sweeps_destroy(w->sweeps);
	owners_destroy(w->owners);
	prober_destroy(w->prober);
	availability_destroy(w->availability);
	limits_destroy(w->hub.per_jid);
	limits_destroy(w->hub.per_domain);
	lease_destroy(w->lease);
	loop_signal_destroy(w->term);
	loop_signal_destroy(w->intr);
	loop_timer_destroy(w->hurry);
	loop_timer_destroy(w->deadline);
	loop_timer_destroy(w->leave);
}

int work_main(const struct config *config)
{
	char why[WHY_SIZE];
	struct work w = {.config = config};
	log_setup("work", config->log.level, config->log.format);
	signal(SIGPIPE, SIG_IGN);
	if (!configured(config))
		return 1;
	w.loop = loop_create();
	w.store = store_redis_create(w.loop, config, why, sizeof(why));
	if (!w.store) {
		log_error("redis.url cannot be used", log_s("why", why));
		loop_destroy(w.loop);
		return 1;
	}
	wire(&w);
	w.result = 1;
	if (listen_http(&w)) {
		w.result = 0;
		w.fit = store_redis_fit_create(w.loop, w.store, on_fit, &w);
		loop_run(w.loop);
	}
	unwire(&w);
	loop_destroy(w.loop);
	log_info("stopped", log_i("status", w.result));
	return w.result;
}
