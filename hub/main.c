#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

const struct cli_command cli_commands[] = {
	{"serve", cli_serve, "takes events over HTTP and stores them"},
	{"work", cli_work, "delivers them over XMPP"},
	{"check", cli_check, "says what is wrong with the set-up, and how to mend it"},
	{"token", cli_token, "makes, lists and revokes the tokens of the HTTP interface"},
	{"feed", cli_feed, "a feed's joining link and QR code, avatar, presence"},
	{"config", cli_config, "prints a configuration to begin with"},
	{"version", cli_version, "prints the version"},
	{"help", cli_help, "says more about a command: belfry help COMMAND"},
	{0},
};

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		fputs("belfry: say what to do. See 'belfry help'.\n", stderr);
		return CLI_USAGE;
	}
	if (!strcmp(name, "-h") || !strcmp(name, "--help"))
		name = "help";
	if (!strcmp(name, "-V") || !strcmp(name, "--version"))
		name = "version";
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c->run(argc - 1, argv + 1);
	fprintf(stderr, "belfry: there is no command '%s'. See 'belfry help'.\n", name);
	return CLI_USAGE;
}
