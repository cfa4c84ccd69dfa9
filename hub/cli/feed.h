#ifndef BELFRY_HUB_CLI_FEED_H
#define BELFRY_HUB_CLI_FEED_H

#include "cli.h"
#include "session.h"

#include <belfry/core/feed.h>

/* The actions of `belfry feed`: hub/cli/feed_NAME.c, and a row of the table in feed.c. */
int feed_link(struct cli_options *common, int argc, char **argv);
int feed_avatar(struct cli_options *common, int argc, char **argv);
/* feed_pending.c */
int feed_pending(struct cli_options *common, int argc, char **argv);
int feed_allow(struct cli_options *common, int argc, char **argv);
int feed_deny(struct cli_options *common, int argc, char **argv);
int feed_presence(struct cli_options *common, int argc, char **argv);

/* A feed that is there, and the way to it, for as long as an action runs. Embedded. */
struct feed_target {
	struct config *config;
	struct session session;
	const char *name;	 /* as given to feed_open() */
	struct feed_config feed; /* as it was then */
};
/*
 * ACTION: as in "feed link", for what is said on stderr. CLI_OK; else the exit status,
 * nothing is open, and stderr says why.
 */
int feed_open(struct feed_target *t, const struct cli_options *o, const char *action,
	      const char *name);
/* The same of no feed in particular: NAME is NULL, and FEED the default. */
int store_open(struct feed_target *t, const struct cli_options *o);
void feed_close(struct feed_target *t);

/*
 * What a call to the store ended with; on_feed_done() takes it as its ARG. It lives until
 * feed_close(), which ends calls that are still open.
 */
struct feed_outcome {
	bool done;
	enum belfry_err err;
};
void on_feed_done(void *arg, enum belfry_err err);
/* Waits for it: CLI_OK, or CLI_FAILED and stderr says why. */
int feed_wait(struct feed_target *t, const char *action, struct feed_outcome *o);

#endif
