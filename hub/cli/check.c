#include "check.h"

#include "cli.h"

#include <belfry/base/log.h>
#include <belfry/store/redis.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: belfry check [-c FILE]\n"
	"\n"
	"Says what is wrong with the configuration, with Redis as a store, and with the\n"
	"connection to the XMPP server, and how to mend it: with the lines to paste into the\n"
	"configuration of Prosody or ejabberd where the server refuses the component.\n"
	"\n"
	"A worker that is running is not disturbed: while one holds the name, no second\n"
	"connection is made. Nothing in Redis is changed but the lease of the name, for a\n"
	"moment.\n"
	"\n"
	"Options:\n"
	"  -c, --config FILE  the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                     /etc/belfry/belfry.ini if it exists\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 all is well, or only warnings; 1 something is fatal; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry check -c /etc/belfry/belfry.ini\n"
	"  BELFRY_XMPP_DOMAIN=feeds.example.org belfry check\n";

void check_say(const char *what, const char *verdict, const char *fmt, ...)
{
	va_list ap;

	printf("%-14s %-8s ", what, verdict);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

struct findings {
	bool done, fatal;
	enum belfry_err err;
};

static void on_findings(void *arg, enum belfry_err err, const char *text, bool fatal)
{
	struct findings *f = arg;

	f->done = true;
	f->err = err;
	f->fatal = err || fatal;
	while (!err && text && *text) {
		size_t len = strcspn(text, "\n");

		const char *verdict = strncmp(text, "error:", 6) == 0  ? "FATAL"
				      : strncmp(text, "note:", 5) == 0 ? "note"
								       : "warning";
		const char *rest = memchr(text, ' ', len); /* behind "warning:" */

		if (rest)
			check_say("redis", verdict, "%.*s",
				  (int)(len - (size_t)(rest + 1 - text)), rest + 1);
		text += len + (text[len] == '\n');
	}
}

static bool check_redis(struct session *s, const struct config *config, const char *url)
{
	struct findings f = {0};
	struct store_health health = {0};

	store_redis_check(s->store, on_findings, &f);
	if (!session_wait(s, &f.done, 2 * config->redis.timeout_ms) || f.err) {
		check_say("redis", "FATAL", "%s: no answer to the questions about it",
			  url);
		return false;
	}
	s->store->ops->health(s->store, &health);
	if (health.full)
		check_say("redis", "warning",
			  "it is nearly full: events are refused; raise maxmemory, or "
			  "lower the feeds' max_items");
	if (!f.fatal)
		check_say("redis", "ok", "%s", url);
	return !f.fatal;
}

static bool check_stores(const struct config *config, const char *url)
{
	struct session session;
	bool redis, xmpp = true;

	if (session_open(&session, config)) {
		check_say("redis", "FATAL",
			  "%s: is it running, and is redis.url right? Without it "
			  "nobody can say whether a worker holds the XMPP name: XMPP "
			  "was not tried",
			  url);
		return false;
	}
	redis = check_redis(&session, config, url);
	if (config->xmpp.domain)
		xmpp = check_xmpp(&session, config);
	session_close(&session);
	return redis && xmpp;
}

int cli_check(int argc, char **argv)
{
	struct cli_options o;
	int status = cli_only_common(&o, argc, argv, help);

	if (status >= 0)
		return status;
	struct config *config = cli_config_load(&o);
	if (!config) {
		check_say("configuration", "FATAL", "see above");
		return CLI_FAILED;
	}
	/* What the link has to say is said in the report. */
	log_setup("check", (enum log_level)(LOG_ERROR + 1), config->log.format);
	check_say("configuration", "ok", "%s",
		  o.config_path ? o.config_path : "defaults and environment");
	char *url = config_url_shown(config->redis.url);
	bool sound = check_stores(config, url);
	free(url);
	if (!config->xmpp.domain) {
		check_say("xmpp", "FATAL",
			  "xmpp.domain is not set: 'belfry work' needs the component's "
			  "name, such as feeds.example.org");
		sound = false;
	}
	config_free(config);
	return sound ? CLI_OK : CLI_FAILED;
}
