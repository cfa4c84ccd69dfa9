#include "cli.h"

#include <stdio.h>
#include <string.h>

static int print_all(void)
{
	puts("Usage: belfry COMMAND [OPTIONS]\n"
	     "\n"
	     "An XMPP pubsub notification hub: applications POST events to feeds, and everyone\n"
	     "who follows a feed gets them pushed over XMPP.\n"
	     "\n"
	     "Commands:");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		printf("  %-12s %s\n", c->name, c->summary);
	puts("\n"
	     "'belfry COMMAND --help' says more about each. To begin with:\n"
	     "  belfry config >belfry.ini    a configuration with comments\n"
	     "  belfry check -c belfry.ini   what is wrong with it, with Redis and with XMPP\n"
	     "  belfry token create -c belfry.ini --scope admin");
	return CLI_OK;
}

int cli_help(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-')
		return print_all();
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!strcmp(c->name, argv[1]) && strcmp(c->name, "help") != 0) {
			char name[16], option[] = "--help";
			char *args[] = {name, option, NULL};

			snprintf(name, sizeof name, "%s", c->name);
			return c->run(2, args);
		}
	if (!strcmp(argv[1], "help"))
		return print_all();
	return cli_usage("help", "there is no command '%s'", argv[1]);
}
