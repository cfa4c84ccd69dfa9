#include "feed.h"

#include <belfry/core/presence.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "feed presence"

static const char help[] =
	"Usage: belfry feed presence FEED [SHOW [STATUS]] [-c FILE]\n"
	"\n"
	"Sets how a feed shows in the contact lists of those who follow it, or prints it. SHOW\n"
	"is chat, available, away, xa (away for long) or dnd (do not disturb); STATUS a line of\n"
	"text, at most 256 bytes. Without STATUS the feed shows the title of its last event.\n"
	"A running worker tells the followers by itself.\n"
	"\n"
	"Options:\n"
	"  -c, --config FILE   the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                      /etc/belfry/belfry.ini if it exists\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 done; 1 there is no such feed, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry feed presence deploys dnd 'deploying, please wait'\n"
	"  belfry feed presence deploys available       (as it was before)\n"
	"  belfry feed presence deploys\n";

struct presence_args {
	struct cli_options common;
	const char *feed;
	bool set;
	struct feed_presence presence;
};

static int read_operands(struct presence_args *args, int count, char **operands)
{
	const char *show = count > 1 ? operands[1] : NULL;
	const char *status = count > 2 ? operands[2] : "";
	char why[256];

	if (count < 1 || count > 3)
		return cli_usage(NAME, "name one feed, and what it shows; quote STATUS");
	args->feed = operands[0];
	args->set = show;
	if (show && feed_show_parse(show, strlen(show), &args->presence.show))
		return cli_usage(NAME, "SHOW is chat, available, away, xa or dnd");
	if (feed_presence_set_status(&args->presence, status, strlen(status), why,
				     sizeof why))
		return cli_usage(NAME, "%s", why);
	return -1;
}

/* -1 goes on, else the exit status. */
static int parse(struct presence_args *args, int argc, char **argv)
{
	int status = cli_common(&args->common, NAME, help, argc, argv);

	if (status >= 0)
		return status;
	return read_operands(args, argc - optind, argv + optind);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct feed_presence p = {0};
	char why[256];

	(void)created;
	if (!err && feed->presence &&
	    feed_presence_parse(&p, feed->presence, strlen(feed->presence), why,
				sizeof why))
		err = BELFRY_EINTERNAL;
	if (!err)
		printf("%s%s%s\n", feed_show_text(p.show), p.status ? " " : "",
		       p.status ? p.status : "");
	feed_presence_free(&p);
	on_feed_done(arg, err);
}

static int set_or_show(const struct presence_args *args)
{
	struct feed_target t;
	struct feed_outcome o = {0};
	int status = feed_open(&t, &args->common, NAME, args->feed);

	if (status)
		return status;
	struct store *store = t.session.store;
	if (!args->set) {
		store->ops->feed_get(store, t.name, on_feed, &o);
	} else if (feed_presence_is_default(&args->presence)) {
		store->ops->presence_put(store, t.name, NULL, on_feed_done, &o);
	} else {
		char *json = feed_presence_json(&args->presence);

		store->ops->presence_put(store, t.name, json, on_feed_done, &o);
		free(json);
	}
	status = feed_wait(&t, NAME, &o);
	feed_close(&t);
	return status;
}

int feed_presence(struct cli_options *common, int argc, char **argv)
{
	struct presence_args args = {.common = *common};
	int status = parse(&args, argc, argv);

	if (status < 0)
		status = set_or_show(&args);
	feed_presence_free(&args.presence);
	return status;
}
