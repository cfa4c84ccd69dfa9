#include "cli.h"

#include <belfry/base/buf.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_PATH "/etc/belfry/belfry.ini"

void cli_options_init(struct cli_options *o)
{
	const char *path = getenv("BELFRY_CONFIG");

	if ((!path || !*path) && !access(DEFAULT_PATH, F_OK))
		path = DEFAULT_PATH;
	o->config_path = path && *path ? path : NULL;
}

int cli_usage(const char *name, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fprintf(stderr, "belfry %s: ", name);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "See 'belfry %s --help'.\n", name);
	return CLI_USAGE;
}

int cli_option(struct cli_options *o, int opt, const char *name, const char *help)
{
	switch (opt) {
	case 'c':
		o->config_path = optarg;
		return -1;
	case 'h':
		fputs(help, stdout);
		return CLI_OK;
	default: /* getopt_long() has said what is wrong */
		return cli_usage(name, NULL);
	}
}

int cli_common(struct cli_options *o, const char *name, const char *help, int argc,
	       char **argv)
{
	static const struct option longs[] = {CLI_LONG, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, CLI_SHORT, longs, NULL)) != -1) {
		int status = cli_option(o, opt, name, help);
		if (status >= 0)
			return status;
	}
	return -1;
}

int cli_only_common(struct cli_options *o, int argc, char **argv, const char *help)
{
	cli_options_init(o);
	int status = cli_common(o, argv[0], help, argc, argv);
	if (status >= 0)
		return status;
	if (optind < argc)
		return cli_usage(argv[0], "there is no argument '%s'", argv[optind]);
	return -1;
}

static struct config *told(struct config *config, struct buf *problems,
			   struct buf *warnings)
{
	if (warnings->len)
		fprintf(stderr, "%s", warnings->data);
	if (!config && problems->len)
		fprintf(stderr, "%s", problems->data);
	buf_free(problems);
	buf_free(warnings);
	return config;
}

struct config *cli_config_load(const struct cli_options *o)
{
	struct buf problems = {0}, warnings = {0};

	return told(config_load(o->config_path, environ, &problems, &warnings), &problems,
		    &warnings);
}

struct config *cli_config_load_for_store(const struct cli_options *o)
{
	struct buf problems = {0}, warnings = {0};

	return told(config_load_for_store(o->config_path, environ, &problems, &warnings),
		    &problems, &warnings);
}

int cli_service(int argc, char **argv, const char *help,
		struct config *(*load)(const struct cli_options *o),
		int (*run)(const struct config *config))
{
	struct cli_options o;
	int status = cli_only_common(&o, argc, argv, help);

	if (status >= 0)
		return status;
	struct config *config = load(&o);
	if (!config)
		return CLI_FAILED;
	status = run(config);
	config_free(config);
	return status;
}
