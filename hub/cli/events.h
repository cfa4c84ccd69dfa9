#ifndef BELFRY_HUB_CLI_EVENTS_H
#define BELFRY_HUB_CLI_EVENTS_H

#include "feed.h"

/* The actions of `belfry events` for those that are to come: events_scheduled.c. */
int events_scheduled(struct cli_options *common, int argc, char **argv);
int events_cancel(struct cli_options *common, int argc, char **argv);
/* Prints the one of ID: CLI_OK, or CLI_FAILED and stderr says why. */
int scheduled_show(struct feed_target *t, const char *id, const char *action);

#endif
