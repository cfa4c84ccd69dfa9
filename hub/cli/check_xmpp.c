#include "check.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/xmpp/component.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 20000
#define CLOSE_MS 2000
#define GROUP_WANTED 20 /* receivers of a stanza: what the worker sends at most */

/* ---- one attempt ----------------------------------------------------------------- */

struct attempt {
	bool settled, up, down;
	enum link_end end;
	char condition[64], text[200];
	size_t group;	   /* receivers that the multicast service takes at once */
	char trouble[128]; /* why it cannot be used */
};

static void on_up(void *arg)
{
	struct attempt *a = arg;

	a->up = a->settled = true;
}

static void on_down(void *arg, const struct link_down *why)
{
	struct attempt *a = arg;

	if (!a->settled) {
		a->end = why->end;
		snprintf(a->condition, sizeof a->condition, "%s", why->condition);
		snprintf(a->text, sizeof a->text, "%s", why->text);
	}
	a->settled = a->down = true;
}

static void on_barrier(void *arg, uint64_t number)
{
	(void)arg;
	(void)number;
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	(void)arg;
	(void)bounce;
}

static void on_room(void *arg)
{
	(void)arg;
}

static const struct link_handlers handlers = {on_up,	 on_down, on_barrier,
					      on_bounce, on_room, NULL};

/* ---- what to say ----------------------------------------------------------------- */

static void say_prosody(const struct config *config)
{
	printf("\nProsody, in prosody.cfg.lua (then restart it; if only the secret changed: "
	       "prosodyctl reload)\n"
	       "\n"
	       "    -- global: above the first VirtualHost or Component\n"
	       "    component_ports = { %u }\n"
	       "    component_interfaces = { \"%s\" }\n"
	       "\n"
	       "    Component \"%s\"\n"
	       "        component_secret = \"SECRET\"\n"
	       "        component_conflict_resolve = \"kick_old\"\n",
	       (unsigned)config->xmpp.server.port, config->xmpp.server.host,
	       config->xmpp.domain);
}

static void say_ejabberd(const struct config *config)
{
	printf("\nejabberd, in ejabberd.yml, under listen: (then: ejabberdctl "
	       "reload-config)\n"
	       "\n"
	       "  -\n"
	       "    port: %u\n"
	       "    ip: \"%s\"\n"
	       "    module: ejabberd_service\n"
	       "    shaper: none\n"
	       "    # needed where hosts has more than one name\n"
	       "    global_routes: false\n"
	       "    hosts:\n"
	       "      \"%s\":\n"
	       "        password: \"SECRET\"\n"
	       "\n"
	       "SECRET is what stands in xmpp.secret_file (or xmpp.secret) here.\n"
	       "\n",
	       (unsigned)config->xmpp.server.port, config->xmpp.server.host,
	       config->xmpp.domain);
}

static void say_multicast(const char *service)
{
	printf("\nejabberd, in ejabberd.yml, under modules: of the users' host (then: "
	       "ejabberdctl reload-config)\n"
	       "\n"
	       "  mod_multicast:\n"
	       "    host: \"%s\"\n"
	       "    access: multicast # who may use it: see docs/xmpp.md\n"
	       "\n"
	       "Without such a service leave xmpp.multicast out.\n"
	       "\n",
	       service);
}

static void report_multicast(const struct config *config, const struct attempt *a)
{
	const char *service = config->xmpp.multicast;

	if (!service)
		return;
	if (a->group == 0) {
		check_say("multicast", "warning",
			  "%s cannot be used, each receiver gets a stanza of its own: %s",
			  service, a->trouble);
		say_multicast(service);
		return;
	}
	check_say("multicast", "ok",
		  "%s takes one stanza for %zu users of %s. Whether we have access shows "
		  "with the first event: belfry_work_multicast in /metrics",
		  service, a->group, strchr(service, '.') + 1);
	if (a->group < GROUP_WANTED)
		check_say("multicast", "warning",
			  "with fewer than %d it saves the server less: see limits of "
			  "mod_multicast (ejabberd's default is %d)",
			  GROUP_WANTED, GROUP_WANTED);
}

static const char *advice(enum link_end end)
{
	switch (end) {
	case LINK_END_CONNECT:
		return "nothing takes components there: is the server running, are host "
		       "and port in xmpp.server right, and does it listen for "
		       "components?";
	case LINK_END_AUTH:
		return "the server refuses the name or the secret: both must be the same "
		       "in its configuration and here";
	case LINK_END_CONFLICT:
		return "something else is connected under this name";
	case LINK_END_ASKED:
	case LINK_END_LOST:
	case LINK_END_ERROR:
		break;
	}
	return "the server closed the connection: its log says why. Does it know the "
	       "name?";
}

static bool report(const struct config *config, const struct attempt *a)
{
	const struct config_addr *at = &config->xmpp.server;

	if (a->up) {
		check_say("xmpp", "ok", "%s port %u takes us as %s", at->host,
			  (unsigned)at->port, config->xmpp.domain);
		report_multicast(config, a);
		return true;
	}
	check_say("xmpp", "FATAL", "%s port %u as %s: %s", at->host, (unsigned)at->port,
		  config->xmpp.domain,
		  a->settled ? advice(a->end)
			     : "no answer: is this the port for components?");
	if (a->condition[0] || a->text[0])
		check_say("", "", "the server said: %s %s", a->condition, a->text);
	say_prosody(config);
	say_ejabberd(config);
	return false;
}

/* ---- the lease ------------------------------------------------------------------- */

struct taking {
	bool done;
	enum belfry_err err;
	struct store_owner owner;
	struct store_lease_seen seen;
};

static void on_lease(void *arg, enum belfry_err err, const struct store_owner *owner,
		     const struct store_lease_seen *seen)
{
	struct taking *t = arg;

	t->done = true;
	t->err = err;
	if (!err && owner)
		t->owner = *owner;
	if (err == BELFRY_EEXIST && seen)
		t->seen = *seen;
}

static void on_released(void *arg, enum belfry_err err)
{
	(void)err;
	*(bool *)arg = true;
}

static void take(struct session *s, const struct config *config, struct taking *t,
		 bool from_seen)
{
	struct store_lease_seen seen = t->seen;

	t->done = false;
	s->store->ops->lease_take(s->store, config->xmpp.domain, from_seen ? &seen : NULL,
				  on_lease, t);
	if (!session_wait(s, &t->done, 2 * config->redis.timeout_ms))
		t->err = BELFRY_EAWAY;
}

/*
 * Holding the lease keeps workers from connecting meanwhile. One that somebody holds is
 * watched until it moves; a dead worker's does not in its time, and may be taken.
 */
static void take_or_watch(struct session *s, const struct config *config,
			  struct taking *t)
{
	uint64_t lease_ms = config->work.lease_ms;
	uint64_t until = clock_mono_ms() + lease_ms + lease_ms / 2;
	bool never = false;

	take(s, config, t, false);
	struct store_lease_seen first = t->seen;
	while (t->err == BELFRY_EEXIST && clock_mono_ms() < until) {
		session_wait(s, &never, lease_ms / 8);
		take(s, config, t, false);
		if (t->seen.beat != first.beat || strcmp(t->seen.token, first.token) != 0)
			return;
	}
	if (t->err == BELFRY_EEXIST)
		take(s, config, t, true);
}

static void release(struct session *s, const struct config *config,
		    const struct taking *t)
{
	bool released = false;

	s->store->ops->lease_release(s->store, &t->owner, on_released, &released);
	session_wait(s, &released, 2 * config->redis.timeout_ms);
}

static void on_beat(void *arg, enum belfry_err err)
{
	(void)arg;
	(void)err;
}

/* Waits for FLAG, at most MS; a lease without a beat is somebody else's soon. */
static void wait_holding(struct session *s, const struct config *config,
			 const struct taking *t, const bool *flag, uint64_t ms)
{
	uint64_t until = clock_mono_ms() + ms, slice = config->work.lease_ms / 4;

	while (!session_wait(s, flag, slice) && clock_mono_ms() < until)
		s->store->ops->lease_beat(s->store, &t->owner, on_beat, NULL);
}

static void connect_once(struct session *s, const struct config *config,
			 const struct taking *t, struct attempt *a)
{
	struct link *link = component_create(s->loop, config, NULL, &handlers, a);

	link->ops->open(link);
	wait_holding(s, config, t, &a->settled, CONNECT_MS);
	if (a->up) {
		const char *trouble = component_multicast_trouble(link);
		a->group = link->ops->group(link);
		snprintf(a->trouble, sizeof a->trouble, "%s", trouble ? trouble : "");
		link->ops->close(link);
		wait_holding(s, config, t, &a->down, CLOSE_MS);
	}
	link->ops->destroy(link);
}

bool check_xmpp(struct session *s, const struct config *config)
{
	struct taking t = {0};
	struct attempt a = {0};

	if (!config->xmpp.secret) {
		check_say("xmpp", "FATAL",
			  "neither xmpp.secret_file nor xmpp.secret is set: the server "
			  "wants the secret that its own configuration has for %s",
			  config->xmpp.domain);
		return false;
	}
	take_or_watch(s, config, &t);
	if (t.err == BELFRY_EEXIST) {
		check_say("xmpp", "ok",
			  "a worker holds the name %s; it was left alone. Its /readyz "
			  "says whether it is connected, its /metrics whether "
			  "xmpp.multicast is used",
			  config->xmpp.domain);
		return true;
	}
	if (t.err) {
		check_say("xmpp", "FATAL", "not tried: the lease of the name: %s",
			  belfry_err_text(t.err));
		return false;
	}
	connect_once(s, config, &t, &a);
	release(s, config, &t);
	return report(config, &a);
}
