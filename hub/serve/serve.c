#include <belfry/serve/serve.h>

#include "service.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/store/redis.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* How often a drain is looked at for its end. */
#define DRAIN_LOOK_MS 20
/* Descriptors besides clients' connections. */
#define FILES_OTHER 64

/* The process: the service, and when it begins and ends. */
struct process {
	const struct config *config;
	struct loop *loop;
	struct store *store;
	struct service *service;
	struct loop_signal *term, *interrupt;
	struct store_redis_fit *fit;
	struct loop_timer *drain;
	bool stopping;
	uint64_t stop_by_ms;
	int status;
};

/* ---- fit to begin? -------------------------------------------------------------- */

static void on_fit(void *arg, bool fit)
{
	struct process *p = arg;

	if (!fit) {
		p->status = 1;
		loop_stop(p->loop);
		return;
	}
	p->service->checked = true;
	log_info("ready", LOG_NONE);
}

/* ---- the end -------------------------------------------------------------------- */

static void look_drained(void *arg)
{
	struct process *p = arg;
	size_t active = http_server_active(p->service->http);
	bool late = clock_mono_ms() >= p->stop_by_ms;

	if (!late && (active || p->store->ops->pending(p->store))) {
		loop_timer_arm(p->drain, DRAIN_LOOK_MS);
		return;
	}
	if (active)
		log_warn("requests cut off", log_u("requests", active));
	loop_stop(p->loop);
}

static void on_stop(void *arg)
{
	struct process *p = arg;

	if (p->stopping)
		return;
	p->stopping = true;
	store_redis_fit_destroy(p->fit);
	p->fit = NULL;
	p->stop_by_ms = clock_mono_ms() + p->config->shutdown_ms;
	log_info("stopping", log_u("active", http_server_active(p->service->http)));
	http_server_quiesce(p->service->http);
	look_drained(p);
}

/* ---- life ----------------------------------------------------------------------- */

static void raise_file_limit(const struct config *config)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)config->http.max_connections + FILES_OTHER;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= want)
		return;
	if (limit.rlim_max < want)
		log_warn("http.max_connections is more than this process may open",
			 log_u("files", (uint64_t)limit.rlim_max));
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int process_open(struct process *p)
{
	char why[256];

	p->loop = loop_create();
	p->store = store_redis_create(p->loop, p->config, why, sizeof why);
	if (!p->store) {
		log_error("cannot start", log_s("why", why));
		return -1;
	}
	p->service = service_create(p->loop, p->config, p->store, why, sizeof why);
	if (!p->service) {
		log_error("cannot start", log_s("why", why));
		return -1;
	}
	p->service->on_redis = true;
	p->term = loop_signal_create(p->loop, SIGTERM, on_stop, p);
	p->interrupt = loop_signal_create(p->loop, SIGINT, on_stop, p);
	p->drain = loop_timer_create(p->loop, look_drained, p);
	p->fit = store_redis_fit_create(p->loop, p->store, on_fit, p);
	log_info("listening", log_s("address", p->config->http.listen.host),
		 log_u("port", http_server_port(p->service->http)));
	return 0;
}

static void process_close(struct process *p)
{
	store_redis_fit_destroy(p->fit);
	loop_timer_destroy(p->drain);
	loop_signal_destroy(p->interrupt);
	loop_signal_destroy(p->term);
	/* Its outstanding calls end here, and are answered by the service. */
	if (p->store)
		p->store->ops->destroy(p->store);
	service_destroy(p->service);
	loop_turn(p->loop, false);
	loop_destroy(p->loop);
}

int serve_main(const struct config *config)
{
	struct process p = {.config = config};

	log_setup("serve", config->log.level, config->log.format);
	signal(SIGPIPE, SIG_IGN);
	/* What draws SVGs runs as our user, and is not to read our memory. */
	prctl(PR_SET_DUMPABLE, 0);
	raise_file_limit(config);
	if (process_open(&p))
		p.status = 1;
	else
		loop_run(p.loop);
	process_close(&p);
	if (!p.status)
		log_info("stopped", LOG_NONE);
	return p.status;
}
