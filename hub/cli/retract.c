#include "feed.h"

#include <belfry/store/retract.h>

#include <stdio.h>
#include <string.h>

#define NAME "retract"

static const char help[] =
	"Usage: belfry retract FEED ITEM [-c FILE]\n"
	"\n"
	"Takes an item back: whoever has had it is told that it is gone, whoever waits for it\n"
	"does not get it any more, and what is scheduled of it is cancelled. ITEM is what was\n"
	"given as 'item', or else the event's id.\n"
	"\n"
	"Prints the id of the retraction, an event by itself: 'belfry events show' tells who\n"
	"has it. Nothing is printed where only scheduled events were cancelled.\n"
	"\n"
	"Options:\n" CLI_HELP_OPTIONS "\n"
	"Exit status: 0 done; 1 there is no such item (any more), or Redis is away; 2 wrong\n"
	"usage.\n"
	"\n"
	"Example:\n"
	"  belfry retract deploys web-1.2.3\n";

static void on_retracted(void *arg, enum belfry_err err, const char *id)
{
	if (!err && id)
		printf("%s\n", id);
	on_feed_done(arg, err);
}

int cli_retract(int argc, char **argv)
{
	struct feed_outcome outcome = {0};
	struct cli_options common;
	struct feed_target t;

	cli_options_init(&common);
	int status = cli_common(&common, NAME, help, argc, argv);
	if (status >= 0)
		return status;
	if (argc - optind != 2)
		return cli_usage(NAME, "name one feed and one item");
	const char *item = argv[optind + 1];
	if (!*item || strlen(item) > EVENT_ITEM_MAX)
		return cli_usage(NAME, "an ITEM has 1 to %d bytes", EVENT_ITEM_MAX);
	status = feed_open(&t, &common, NAME, argv[optind]);
	if (status)
		return status;
	store_retract_item(t.session.store, t.name, item, on_retracted, &outcome);
	session_wait(&t.session, &outcome.done, t.config->redis.timeout_ms * 4);
	if (outcome.done && outcome.err == BELFRY_ENOENT) {
		fprintf(stderr, "belfry " NAME ": there is no such item (any more)\n");
		status = CLI_FAILED;
	} else {
		status = feed_wait(&t, NAME, &outcome);
	}
	feed_close(&t);
	return status;
}
