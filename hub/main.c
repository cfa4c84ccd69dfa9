#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
	{"serve", cli_serve, "takes events over HTTP and stores them"},
	{"work", cli_work, "delivers them over XMPP"},
	{"check", cli_check, "says what is wrong with the set-up, and how to mend it"},
	{"token", cli_token, "makes, lists and revokes the tokens of the HTTP interface"},
	{"feed", cli_feed, "a feed's joining link and QR code, avatar, presence"},
	{"events", cli_events, "a feed's events, and what became of them"},
	{"retract", cli_retract, "takes an item back, from whoever has or awaits it"},
	{"tail", cli_tail, "prints a feed's events as they come"},
	{"dead-letters", cli_dead_letters,
	 "subscriptions that were given up: shown, redriven, dropped"},
	{"config", cli_config, "prints a configuration to begin with"},
	{"version", cli_version, "prints the version"},
	{"help", cli_help, "says more about a command: belfry help COMMAND"},
	{0},
};

/* Where one is missing, the next file or socket that is opened would take its place. */
static void open_missing(void)
{
	/* Writing to stdout then fails, as it should: what is to be printed is lost. */
	static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(CLI_FAILED);
}

static int run(int argc, char **argv)
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

/* What could not be printed was not done. */
static int flush(int status)
{
	bool failed = ferror(stdout);

	errno = 0;
	if ((!fflush(stdout) && !failed) || status)
		return status;
	fprintf(stderr, "belfry: stdout: %s\n", errno ? strerror(errno) : "cannot write");
	return CLI_FAILED;
}

int main(int argc, char **argv)
{
	open_missing();
	/* Ignored by whoever started us, the ends of our children would be hidden. */
	signal(SIGCHLD, SIG_DFL);
	return flush(run(argc, argv));
}
