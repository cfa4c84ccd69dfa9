#include "session.h"

#include <belfry/base/clock.h>
#include <belfry/store/redis.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 20

static void on_alarm(void *arg)
{
	struct session *s = arg;

	loop_timer_arm(s->alarm, LOOK_MS);
}

bool session_wait(struct session *s, const bool *done, uint64_t ms)
{
	uint64_t until = clock_mono_ms() + ms;

	loop_timer_arm(s->alarm, LOOK_MS);
	while (!*done && clock_mono_ms() < until)
		loop_turn(s->loop, true);
	loop_timer_disarm(s->alarm);
	return *done;
}

static bool store_up(struct session *s, uint64_t ms, struct store_health *health)
{
	uint64_t until = clock_mono_ms() + ms;
	bool never = false;

	do {
		session_wait(s, &never, LOOK_MS);
		s->store->ops->health(s->store, health);
	} while (!health->up && clock_mono_ms() < until);
	return health->up;
}

int session_open(struct session *s, const struct config *config)
{
	struct store_health health = {0};
	char why[256];

	memset(s, 0, sizeof *s);
	signal(SIGPIPE, SIG_IGN);
	s->loop = loop_create();
	s->alarm = loop_timer_create(s->loop, on_alarm, s);
	s->store = store_redis_create(s->loop, config, why, sizeof why);
	if (!s->store) {
		fprintf(stderr, "%s\n", why);
	} else if (!store_up(s, config->redis.timeout_ms, &health)) {
		fprintf(stderr, "Redis is not there: %s\n",
			health.detail[0] ? health.detail : "no answer");
	} else {
		return 0;
	}
	session_close(s);
	return -1;
}

void session_close(struct session *s)
{
	if (s->store)
		s->store->ops->destroy(s->store);
	loop_timer_destroy(s->alarm);
	if (s->loop)
		loop_destroy(s->loop);
	memset(s, 0, sizeof *s);
}
