#include "cli.h"
#include "session.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/token.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: belfry token create --scope SCOPES [--feeds GLOBS] [--rate RATE [--burst N]]\n"
	"                           [--note TEXT] [-c FILE]\n"
	"       belfry token list [-c FILE]\n"
	"       belfry token revoke ID [-c FILE]\n"
	"\n"
	"Bearer tokens for the HTTP interface. A token is shown once, when it is made; Redis\n"
	"keeps only a hash of it. Revoking takes effect within two seconds. Needs Redis alone:\n"
	"the file with the XMPP server's secret is not read.\n"
	"\n"
	"Options of create:\n"
	"  -s, --scope SCOPES  publish (post events, read history and links, set presences),\n"
	"                      manage (feeds, subscribers, history), admin (everything);\n"
	"                      several with commas\n"
	"  -f, --feeds GLOBS   the feeds it is for, as patterns separated by spaces; without it\n"
	"                      the token is for ALL feeds, those made later included\n"
	"  -r, --rate RATE     how many events may be posted with it: N/s, N/min or N/h;\n"
	"                      without it, as many as they like. Each 'belfry serve' counts\n"
	"                      for itself\n"
	"  -b, --burst N       how many of them at once; default: the N of RATE\n"
	"  -n, --note TEXT     what it is for; shown by list\n"
	"Options:\n"
	"  -c, --config FILE   the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                      /etc/belfry/belfry.ini if it exists\n"
	"  -h, --help          this text\n"
	"\n"
	"create prints the token, and nothing else, on stdout.\n"
	"Exit status: 0 done; 1 Redis is away, or there is no such token; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  TOKEN=$(belfry token create --scope publish --feeds 'deploys ci-*' --note 'CI')\n"
	"  belfry token create --scope publish --feeds sensors --rate 10/s --burst 50\n"
	"  belfry token create --scope publish,manage                      (all feeds)\n"
	"  belfry token list\n"
	"  belfry token revoke 0a1b2c3d4e5f\n";

#define NOTE_MAX 200
#define FEEDS_MAX 2000

struct token_args {
	struct cli_options common;
	const char *scope, *feeds, *note, *rate_text, *burst_text;
	struct rate rate;
};

/* What a call to the store ended with. */
struct outcome {
	bool done;
	enum belfry_err err;
	size_t count;
};

static void on_done(void *arg, enum belfry_err err)
{
	struct outcome *o = arg;

	o->done = true;
	o->err = err;
}

static int finish(struct session *s, const struct config *config, struct outcome *o)
{
	if (!session_wait(s, &o->done, config->redis.timeout_ms * 2))
		o->err = BELFRY_EAWAY;
	if (!o->err)
		return CLI_OK;
	fprintf(stderr, "belfry token: %s\n",
		o->err == BELFRY_ENOENT ? "there is no such token"
					: belfry_err_text(o->err));
	return CLI_FAILED;
}

static bool plain(const char *text, size_t max)
{
	if (strlen(text) > max || !utf8_valid(text, strlen(text)))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int create(struct session *s, const struct config *config,
		  const struct token_args *args)
{
	struct token token = {.created_ms = clock_wall_ms(), .rate = args->rate};
	struct outcome o = {0};
	char text[TOKEN_TEXT_SIZE], scopes[32];

	token_scopes_parse(args->scope, &token.scopes);
	token.feeds = xstrdup(args->feeds);
	token.note = xstrdup(args->note);
	token_make(&token, text);
	char *json = token_json(&token);
	s->store->ops->token_put(s->store, token.id, json, on_done, &o);
	int status = finish(s, config, &o);
	if (!status) {
		token_scopes_format(token.scopes, scopes);
		fprintf(stderr, "Token %s: %s on '%s'. It is shown only now:\n", token.id,
			scopes, token.feeds);
		puts(text);
	}
	memset(text, 0, sizeof text);
	free(json);
	token_free(&token);
	return status;
}

static void on_tokens(void *arg, enum belfry_err err, const char *const *ids,
		      const char *const *json, size_t count)
{
	struct outcome *o = arg;
	char scopes[32], created[CLOCK_TEXT_SIZE], rate[RATE_TEXT_SIZE];

	o->done = true;
	o->err = err;
	if (err)
		return;
	printf("%-12s  %-20s  %-24s  %-14s  %-20s  %s\n", "ID", "SCOPES", "CREATED",
	       "RATE", "FEEDS", "NOTE");
	for (size_t i = 0; i < count; i++) {
		struct token t = {0};

		if (token_parse(&t, ids[i], json[i], strlen(json[i])))
			continue;
		token_scopes_format(t.scopes, scopes);
		clock_format(t.created_ms, created);
		rate_format(&t.rate, rate);
		printf("%-12s  %-20s  %-24s  %-14s  %-20s  %s\n", t.id, scopes, created,
		       rate[0] ? rate : "-", t.feeds, t.note);
		token_free(&t);
	}
}

static int list(struct session *s, const struct config *config)
{
	struct outcome o = {0};

	s->store->ops->token_list(s->store, on_tokens, &o);
	return finish(s, config, &o);
}

static int revoke(struct session *s, const struct config *config, const char *id)
{
	struct outcome o = {0};

	s->store->ops->token_delete(s->store, id, on_done, &o);
	return finish(s, config, &o);
}

/* -1 goes on, else the exit status. */
static int parse(struct token_args *args, int argc, char **argv)
{
	static const struct option longs[] = {CLI_LONG,
					      {"scope", required_argument, NULL, 's'},
					      {"feeds", required_argument, NULL, 'f'},
					      {"note", required_argument, NULL, 'n'},
					      {"rate", required_argument, NULL, 'r'},
					      {"burst", required_argument, NULL, 'b'},
					      {0}};
	int opt, status;

	*args = (struct token_args){.feeds = "*", .note = ""};
	cli_options_init(&args->common);
	while ((opt = getopt_long(argc, argv, CLI_SHORT "s:f:n:r:b:", longs, NULL)) !=
	       -1) {
		switch (opt) {
		case 's':
			args->scope = optarg;
			break;
		case 'f':
			args->feeds = optarg;
			break;
		case 'n':
			args->note = optarg;
			break;
		case 'r':
			args->rate_text = optarg;
			break;
		case 'b':
			args->burst_text = optarg;
			break;
		default:
			status = cli_option(&args->common, opt, "token", help);
			if (status >= 0)
				return status;
		}
	}
	return -1;
}

static int check_rate(struct token_args *args)
{
	const char *rate = args->rate_text, *burst = args->burst_text;
	uint64_t n = 0;

	if (rate && rate_parse(&args->rate, rate, strlen(rate)))
		return cli_usage("token", "--rate takes " RATE_FORM ", as in 10/s");
	if (!burst)
		return -1;
	if (!rate)
		return cli_usage("token", "--burst needs a --rate");
	if (parse_u64(burst, strlen(burst), RATE_MAX, &n) || !n)
		return cli_usage("token", "--burst takes a number from 1 to 1000000");
	args->rate.burst = (uint32_t)n;
	return -1;
}

/* Is this a sound command line? -1: yes. */
static int check_args(struct token_args *args, int argc, char **argv)
{
	const char *action = optind < argc ? argv[optind] : "";
	int operands = argc - optind - 1;
	unsigned scopes;

	if (!strcmp(action, "list"))
		return operands ? cli_usage("token", "list takes no argument") : -1;
	if (!strcmp(action, "revoke"))
		return operands == 1 ? -1 : cli_usage("token", "revoke takes one ID");
	if (strcmp(action, "create") != 0)
		return cli_usage("token", "say create, list or revoke");
	if (operands)
		return cli_usage("token",
				 "create takes options only; quote GLOBS and TEXT");
	if (!args->scope || token_scopes_parse(args->scope, &scopes) || !scopes)
		return cli_usage("token",
				 "create needs --scope of publish, manage and admin");
	if (!*args->feeds || !plain(args->feeds, FEEDS_MAX) ||
	    !plain(args->note, NOTE_MAX))
		return cli_usage("token",
				 "feeds or note are empty, too long or not plain text");
	return check_rate(args);
}

static bool id_valid(const char *id)
{
	return strlen(id) == TOKEN_ID_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == TOKEN_ID_SIZE - 1;
}

int cli_token(int argc, char **argv)
{
	struct token_args args;
	struct session session;
	int status = parse(&args, argc, argv);

	if (status < 0)
		status = check_args(&args, argc, argv);
	if (status >= 0)
		return status;
	const char *action = argv[optind];
	if (!strcmp(action, "revoke") && !id_valid(argv[optind + 1]))
		return cli_usage("token",
				 "an ID is 12 hexadecimal digits, as list shows it");
	struct config *config = cli_config_load_for_store(&args.common);
	if (!config)
		return CLI_FAILED;
	log_setup("token", LOG_ERROR, config->log.format);
	status = CLI_FAILED;
	if (!session_open(&session, config)) {
		if (!strcmp(action, "create"))
			status = create(&session, config, &args);
		else if (!strcmp(action, "list"))
			status = list(&session, config);
		else
			status = revoke(&session, config, argv[optind + 1]);
		session_close(&session);
	}
	config_free(config);
	return status;
}
