#include "cli.h"

#include <belfry/base/buf.h>

#include <stdio.h>

static const char help[] =
	"Usage: belfry config\n"
	"\n"
	"Prints a configuration file with every key, its default and what it is for, to begin\n"
	"with. All keys are optional; 'belfry work' needs xmpp.domain and xmpp.secret_file.\n"
	"\n"
	"Options:\n"
	"  -h, --help  this text\n"
	"\n"
	"Examples:\n"
	"  belfry config >/etc/belfry/belfry.ini\n"
	"  belfry check -c /etc/belfry/belfry.ini\n";

int cli_config(int argc, char **argv)
{
	struct cli_options o;
	struct buf out = {0};
	int status = cli_only_common(&o, argc, argv, help);

	if (status >= 0)
		return status;
	config_template(&out);
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	return CLI_OK;
}
