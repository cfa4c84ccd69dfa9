#ifndef BELFRY_WORK_WORK_H
#define BELFRY_WORK_WORK_H

#include <belfry/core/config.h>

/*
 * `belfry work`: delivers what was committed, as the owner of xmpp.domain or standing by
 * to become it, until SIGTERM or SIGINT. Returns the exit status: 0 after a clean stop, 1
 * if it could not start, which was logged.
 */
int work_main(const struct config *config);

#endif
