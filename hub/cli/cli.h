#ifndef BELFRY_HUB_CLI_CLI_H
#define BELFRY_HUB_CLI_CLI_H

#include <belfry/core/config.h>

#include <getopt.h>
#include <stdbool.h>

/* Exit statuses of every subcommand. */
#define CLI_OK 0
#define CLI_FAILED 1
#define CLI_USAGE 2

/* A subcommand. argv[0] is its name. */
struct cli_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};
extern const struct cli_command cli_commands[]; /* main.c; ends with a NULL name */

int cli_serve(int argc, char **argv);
int cli_work(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_feed(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_retract(int argc, char **argv);
int cli_tail(int argc, char **argv);
int cli_dead_letters(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);

/* ---- options.c */
/* What getopt_long() gets for the options that all have: -c FILE and -h. */
#define CLI_SHORT "c:h"
#define CLI_LONG                                                                         \
	{"config", required_argument, NULL, 'c'},                                        \
	{                                                                                \
		"help", no_argument, NULL, 'h'                                           \
	}

struct cli_options {
	const char *config_path; /* --config, else BELFRY_CONFIG, else the default */
};
void cli_options_init(struct cli_options *o);
/*
 * An option that getopt_long() returned and the subcommand does not know: -1 goes on,
 * else the exit status. HELP is printed for -h.
 */
int cli_option(struct cli_options *o, int opt, const char *name, const char *help);
/*
 * For those without options of their own; what else ARGV has begins at optind then: -1
 * goes on, else the exit status.
 */
int cli_common(struct cli_options *o, const char *name, const char *help, int argc,
	       char **argv);
/* The same for subcommands that take nothing else, either. */
int cli_only_common(struct cli_options *o, int argc, char **argv, const char *help);
/* A line on stderr that says where help is; CLI_USAGE. */
int cli_usage(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* NULL: everything that is wrong with it stands on stderr. */
struct config *cli_config_load(const struct cli_options *o);
/* The same without xmpp.secret, so that nobody needs to be allowed to read it. */
struct config *cli_config_load_for_store(const struct cli_options *o);
/* What -c and -h are, at the end of a subcommand's help. */
#define CLI_HELP_OPTIONS                                                                       \
	"  -c, --config FILE   the configuration; default: the variable BELFRY_CONFIG, else\n" \
	"                      /etc/belfry/belfry.ini if it exists\n"                          \
	"  -h, --help          this text\n"

/*
 * An action of a subcommand, such as `belfry feed link`. It parses its own options by
 * getopt_long(), which begins anew, with CLI_SHORT and CLI_LONG among them; argv[0] is
 * its name. COMMON: what stood before the name.
 */
struct cli_action {
	const char *name;
	int (*run)(struct cli_options *common, int argc, char **argv);
	const char *usage; /* what follows the name, for the list of them all */
	const char *summary;
};
struct cli_actions {
	const char *command;
	const struct cli_action *list; /* ends with a NULL name */
	const char *about;	       /* of the help: between usage and the actions, */
	const char *more;	       /* and behind the options */
};
/* Runs the one that ARGV names: its exit status. */
int cli_act(const struct cli_actions *actions, int argc, char **argv);

/* A service without options of its own, until RUN ends: its exit status. */
int cli_service(int argc, char **argv, const char *help,
		struct config *(*load)(const struct cli_options *o),
		int (*run)(const struct config *config));

#endif
