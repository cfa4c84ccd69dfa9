#ifndef BELFRY_HUB_CLI_CHECK_H
#define BELFRY_HUB_CLI_CHECK_H

#include "session.h"

/* A line of the report: WHAT, "ok", "note", "warning" or "FATAL", and the text. */
void check_say(const char *what, const char *verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Tries to connect to xmpp.server as the component, while it holds the lease of the name,
 * so that no worker is disturbed. False if the worker could not connect.
 */
bool check_xmpp(struct session *s, const struct config *config);

#endif
