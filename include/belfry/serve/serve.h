#ifndef BELFRY_SERVE_SERVE_H
#define BELFRY_SERVE_SERVE_H

#include <belfry/core/config.h>

/* `belfry serve`: runs until SIGTERM or SIGINT; the exit status of the process. */
int serve_main(const struct config *config);

#endif
