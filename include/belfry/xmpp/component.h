#ifndef BELFRY_XMPP_COMPONENT_H
#define BELFRY_XMPP_COMPONENT_H

#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/xmpp/hub.h>
#include <belfry/xmpp/link.h>

/*
 * A link as an external component (XEP-0114), by libstrophe. Barriers are XEP-0199 pings
 * to our own domain, which the server routes back to us behind everything sent before and
 * behind every local bounce of it. Where CONFIG names a multicast service, it is asked
 * what it does before the link is up; while it is used, each barrier is a ping to it,
 * too, as it has a queue of its own, and both must come back. What else arrives is
 * answered by HUB (hub.h): XEP-0030, XEP-0060, XEP-0092, XEP-0199, vCards,
 * contacts and chat. HUB NULL: requests get service-unavailable, nobody is talked to.
 * CONFIG, HUB, HANDLERS and ARG outlive the link.
 */
struct link *component_create(struct loop *loop, const struct config *config,
			      const struct xmpp_hub *hub,
			      const struct link_handlers *handlers, void *arg);

/*
 * What the link knows of the multicast service since it was last up: NULL if it may be
 * used (or none is configured), else why not: a stanza error's condition, or words.
 */
const char *component_multicast_trouble(const struct link *l);

/* Counters for /metrics. */
struct component_stats {
	uint64_t bytes_sent, stanzas_received, bounces_received, iqs_answered,
		chats_answered, presences_answered;
	uint64_t backlog_buffers;
};
void component_stats(const struct link *l, struct component_stats *out);

#endif
