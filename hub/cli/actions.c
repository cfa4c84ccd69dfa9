#include "cli.h"

#include <stdio.h>
#include <string.h>

static int print_help(const struct cli_actions *actions)
{
	for (const struct cli_action *a = actions->list; a->name; a++)
		printf("%s belfry %s %s %s [-c FILE]\n",
		       a == actions->list ? "Usage:" : "      ", actions->command,
		       a->name, a->usage);
	printf("\n%s\nActions:\n", actions->about);
	for (const struct cli_action *a = actions->list; a->name; a++)
		printf("  %-10s%s\n", a->name, a->summary);
	printf("\n'belfry %s ACTION --help' says more about each.\n", actions->command);
	fputs("\nOptions:\n" CLI_HELP_OPTIONS, stdout);
	printf("\n"
	       "Needs Redis, and the file with the XMPP server's secret is not read.\n"
	       "Exit status: 0 done; 1 it could not be done, and stderr says why; 2 wrong "
	       "usage.\n"
	       "\n%s",
	       actions->more);
	return CLI_OK;
}

int cli_act(const struct cli_actions *actions, int argc, char **argv)
{
	static const struct option longs[] = {CLI_LONG, {0}};
	struct cli_options common;
	int opt;

	cli_options_init(&common);
	/* '+': what stands behind the action's name is the action's. */
	while ((opt = getopt_long(argc, argv, "+" CLI_SHORT, longs, NULL)) != -1) {
		if (opt == 'h')
			return print_help(actions);
		int status = cli_option(&common, opt, actions->command, "");
		if (status >= 0)
			return status;
	}
	const char *name = optind < argc ? argv[optind] : NULL;
	for (const struct cli_action *a = actions->list; name && a->name; a++) {
		if (!strcmp(a->name, name)) {
			int first = optind;

			optind = 0;
			return a->run(&common, argc - first, argv + first);
		}
	}
	if (name)
		return cli_usage(actions->command, "there is no action '%s'", name);
	return cli_usage(actions->command, "say what to do");
}
