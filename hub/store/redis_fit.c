#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/store/redis.h>

#include <stdlib.h>
#include <string.h>

/* At every start the store is away for a moment: that is neither worth a long wait nor a
 * line. */
#define AGAIN_FIRST_MS 2
#define AGAIN_MOST_MS 200

struct store_redis_fit {
	struct loop_timer *again;
	struct store *store;
	store_redis_fit_cb cb;
	void *arg;
	uint64_t again_ms;
	bool asking, destroyed;
};

static enum log_level level_of(const char *finding)
{
	if (strncmp(finding, "error:", 6) == 0)
		return LOG_ERROR;
	return strncmp(finding, "note:", 5) == 0 ? LOG_INFO : LOG_WARN;
}

static void log_findings(const char *findings)
{
	while (*findings) {
		size_t len = strcspn(findings, "\n");
		char *line = xmemdup0(findings, len);
		if (len)
			log_at(level_of(line), "about this Redis",
			       log_s("finding", line));
		free(line);
		findings += len + (findings[len] == '\n');
	}
}

static void ask_again(struct store_redis_fit *f)
{
	struct store_health health = {0};
	loop_timer_arm(f->again, f->again_ms);
	if (f->again_ms == AGAIN_MOST_MS)
		return;
	f->again_ms *= 2;
	if (f->again_ms < AGAIN_MOST_MS)
		return;
	f->again_ms = AGAIN_MOST_MS;
	f->store->ops->health(f->store, &health);
	log_warn("waiting for Redis", log_s("why", health.detail));
}

static void on_checked(void *arg, enum belfry_err err, const char *findings, bool fatal)
{
	struct store_redis_fit *f = arg;
	f->asking = false;
	if (f->destroyed) {
		free(f);
		return;
	}
	if (err) {
		ask_again(f);
		return;
	}
	log_findings(findings);
	if (fatal)
		log_error("this Redis would lose events: not starting", LOG_NONE);
	f->cb(f->arg, !fatal);
}

static void ask(void *arg)
{
	struct store_redis_fit *f = arg;
	f->asking = true;
	store_redis_check(f->store, on_checked, f);
}

struct store_redis_fit *store_redis_fit_create(struct loop *loop, struct store *s,
					       store_redis_fit_cb cb, void *arg)
{
	struct store_redis_fit *f = xcalloc(1, sizeof *f);
	*f = (struct store_redis_fit){
		.store = s, .cb = cb, .arg = arg, .again_ms = AGAIN_FIRST_MS};
	f->again = loop_timer_create(loop, ask, f);
	loop_timer_arm(f->again, 0);
	return f;
}

void store_redis_fit_destroy(struct store_redis_fit *f)
{
	if (!f)
		return;
	loop_timer_destroy(f->again);
	f->destroyed = true;
	if (!f->asking)
		free(f);
}
