#include "work/uplink.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/backoff.h>

#include <stdio.h>
#include <stdlib.h>

#define FIRST_MS 200
#define MAX_MS 30000
#define REFUSED_FIRST_MS 5000 /* a wrong secret does not mend itself: ask politely */
#define REFUSED_MAX_MS 60000
#define STEADY_MS 30000	 /* up for longer: the next failure is a new story */
#define STUCK_MS 30000	 /* not up for so long: it may be us, let another one try */
#define FORGET_MS 300000 /* so long after a failure, the next is a new story, too */

struct uplink {
	const char *domain;
	const struct link_handlers *handlers;
	void *arg;
	struct link *link;
	struct loop_timer *again;
	struct backoff backoff, refused;
	bool wanted;
	bool busy;	    /* opened, and not yet down */
	bool stuck;	    /* see uplink_stuck() */
	uint64_t up_ms;	    /* since when it is up; 0: it is not */
	uint64_t since_ms;  /* since when it is wanted and not up */
	uint64_t failed_ms; /* when the last stream ended */
	uint64_t retry_ms;  /* from then on */
	uint64_t opens;
	char why[256];
};

static void open_now(void *arg)
{
	struct uplink *u = arg;
	if (!u->wanted || u->busy)
		return;
	u->busy = true;
	u->opens++;
	u->link->ops->open(u->link);
}

static void on_up(void *arg)
{
	struct uplink *u = arg;
	u->up_ms = clock_mono_ms();
	u->stuck = false;
	backoff_reset(&u->refused);
	log_info("xmpp up", log_s("domain", u->domain));
	if (u->wanted)
		u->handlers->up(u->arg);
	else
		u->link->ops->close(u->link);
}

/* What to do about each way to end, said once where it is logged. */
static const struct {
	const char *msg, *hint;
	enum log_level level;
} endings[] = {
	[LINK_END_ASKED] = {"xmpp closed", "", LOG_INFO},
	[LINK_END_CONNECT] = {"xmpp server not reached",
			      "is it running, and does it listen for components at "
			      "xmpp.server?",
			      LOG_WARN},
	[LINK_END_AUTH] =
		{"xmpp server refuses xmpp.secret",
		 "set xmpp.secret to the component_secret (Prosody) or password "
		 "(ejabberd) of this domain; `belfry check` prints the server's snippet",
		 LOG_ERROR},
	[LINK_END_LOST] = {"xmpp connection lost", "", LOG_WARN},
	[LINK_END_ERROR] = {"xmpp stream error",
			    "the server may refuse something we sent", LOG_ERROR},
	[LINK_END_CONFLICT] = {"xmpp name taken by another connection",
			       "another program is connected as this domain: a second "
			       "worker with another Redis, or an old one?",
			       LOG_ERROR},
};

static void plan(struct uplink *u, enum link_end end)
{
	uint64_t now = clock_mono_ms(), up_ms = u->up_ms;
	if (up_ms && now - up_ms > STEADY_MS)
		backoff_reset(&u->backoff);
	if (up_ms)
		u->since_ms = now;
	u->up_ms = 0;
	u->failed_ms = now;
	u->retry_ms = 0;
	if (!u->wanted)
		return;
	u->stuck = !up_ms && (end == LINK_END_AUTH || now - u->since_ms >= STUCK_MS);
	u->retry_ms = backoff_next(end == LINK_END_AUTH ? &u->refused : &u->backoff);
}

static void on_down(void *arg, const struct link_down *why)
{
	struct uplink *u = arg;
	u->busy = false;
	plan(u, why->end);
	snprintf(u->why, sizeof(u->why), "%s%s%s%s%s", endings[why->end].msg,
		 why->condition[0] ? ": " : "", why->condition, why->text[0] ? ": " : "",
		 why->text);
	log_at(endings[why->end].level, endings[why->end].msg, log_s("domain", u->domain),
	       log_s("condition", why->condition), log_s("text", why->text),
	       log_s("hint", endings[why->end].hint), log_u("retry_ms", u->retry_ms));
	u->handlers->down(u->arg, why); /* may want it no more */
	if (u->wanted)
		loop_timer_arm(u->again, u->retry_ms);
}

static void on_barrier(void *arg, uint64_t number)
{
	struct uplink *u = arg;
	/* It takes what we send: should the stream end now, there is no need to wait. */
	backoff_reset(&u->backoff);
	u->handlers->barrier(u->arg, number);
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	struct uplink *u = arg;
	u->handlers->bounce(u->arg, bounce);
}

static void on_received(void *arg, const char *id, const char *from)
{
	struct uplink *u = arg;
	u->handlers->received(u->arg, id, from);
}

static void on_room(void *arg)
{
	struct uplink *u = arg;
	u->handlers->room(u->arg);
}

const struct link_handlers uplink_handlers = {
	.up = on_up,
	.down = on_down,
	.barrier = on_barrier,
	.bounce = on_bounce,
	.received = on_received,
	.room = on_room,
};

struct uplink *uplink_create(struct loop *loop, const char *domain,
			     const struct link_handlers *handlers, void *arg)
{
	struct uplink *u = xcalloc(1, sizeof(*u));
	u->domain = domain;
	u->handlers = handlers;
	u->arg = arg;
	u->backoff = (struct backoff){.first_ms = FIRST_MS, .max_ms = MAX_MS};
	u->refused =
		(struct backoff){.first_ms = REFUSED_FIRST_MS, .max_ms = REFUSED_MAX_MS};
	u->again = loop_timer_create(loop, open_now, u);
	return u;
}

void uplink_destroy(struct uplink *u)
{
	if (!u)
		return;
	u->wanted = false;
	if (u->link)
		u->link->ops->destroy(u->link);
	loop_timer_destroy(u->again);
	free(u);
}

void uplink_use(struct uplink *u, struct link *link)
{
	u->link = link;
}

void uplink_want(struct uplink *u, bool wanted)
{
	u->wanted = wanted;
	if (wanted) {
		u->since_ms = clock_mono_ms();
		if (!u->stuck || u->since_ms - u->failed_ms > FORGET_MS) {
			backoff_reset(&u->backoff);
			backoff_reset(&u->refused);
		}
		loop_timer_arm(u->again, 0);
		return;
	}
	loop_timer_disarm(u->again);
	if (u->busy)
		u->link->ops->close(u->link);
}

void uplink_restart(struct uplink *u)
{
	if (u->busy)
		u->link->ops->close(u->link);
}

bool uplink_up(const struct uplink *u)
{
	return u->up_ms != 0;
}

bool uplink_closed(const struct uplink *u)
{
	return !u->busy;
}

bool uplink_stuck(const struct uplink *u)
{
	return u->stuck;
}

uint64_t uplink_retry_ms(const struct uplink *u)
{
	return u->retry_ms;
}

uint64_t uplink_opens(const struct uplink *u)
{
	return u->opens;
}

const char *uplink_why(const struct uplink *u)
{
	return u->why;
}
