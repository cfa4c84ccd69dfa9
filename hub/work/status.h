#ifndef BELFRY_WORK_STATUS_H
#define BELFRY_WORK_STATUS_H

#include <belfry/http/server.h>
#include <belfry/store/store.h>
#include <belfry/xmpp/link.h>

#include "work/announce.h"
#include "work/engine.h"
#include "work/hub.h"
#include "work/lease.h"
#include "work/notices.h"
#include "work/prober.h"
#include "work/uplink.h"

#include <stdbool.h>

/* What /livez, /readyz and /metrics of the worker tell. */
struct status {
	struct store *store;	   /* on Redis */
	const struct lease *lease; /* NULL: not yet asked for */
	const struct uplink *uplink;
	const struct engine *engine;
	const struct announcer *announcer;
	const struct prober *prober;
	const struct notices *notices;
	const struct hub *hub;
	const struct link *link; /* a component */
	bool stopping;
};

/* For http_server_create(), whose ARG is the struct status. */
extern const struct http_route status_routes[];

#endif
