#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: belfry version\n\nPrints the version.\n";

int cli_version(int argc, char **argv)
{
	struct cli_options o;
	int status = cli_only_common(&o, argc, argv, help);

	if (status >= 0)
		return status;
	puts("belfry " BELFRY_VERSION);
	return CLI_OK;
}
