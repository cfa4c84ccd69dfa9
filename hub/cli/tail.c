#include "event_text.h"
#include "feed.h"

#include <belfry/base/text.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "tail"
#define COUNT_MAX 1000
#define PAGE 100
/* Redis is asked again after so long, when it did not answer. */
#define AGAIN_MS 1000

static const char help[] =
	"Usage: belfry tail FEED [-n COUNT] [--json] [-c FILE]\n"
	"\n"
	"Prints the events of a feed as they come, until it is interrupted: on each line when\n"
	"it was posted, its priority, its id and its title, with a TAB between them. While\n"
	"Redis is away it waits, and goes on where it was. Of events that were trimmed\n"
	"(max_items, max_age) before they could be read, stderr says how many there were.\n"
	"\n"
	"Options:\n"
	"  -n, --count COUNT   first the last so many, 0 to 1000; default: 10\n"
	"  -j, --json          each event whole, as JSON on a line\n" CLI_HELP_OPTIONS
	"\n"
	"Exit status: 0 interrupted; 1 there is no such feed, or no more, or Redis is not there\n"
	"to begin with; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry tail deploys\n"
	"  belfry tail deploys -n 0 --json | jq .event.title\n";

struct tail_args {
	struct cli_options common;
	uint64_t count;
	bool json;
};

struct tail {
	struct feed_target feed;
	struct tail_args args;
	struct loop_timer *again;
	struct loop_signal *interrupt, *term;
	struct pos at; /* everything up to here was printed */
	bool begun, asking, woken, away, stopped;
	int status;
};

static void stop(struct tail *t, int status)
{
	t->status = status;
	t->stopped = true;
	loop_stop(t->feed.session.loop);
}

static void print(struct tail *t, const struct store_event *e)
{
	struct buf out = {0};

	if (t->args.json)
		event_add_json(&out, t->feed.name, e);
	else
		event_add_line(&out, e);
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	t->at = e->pos;
}

static void ask(struct tail *t);

/* What is to be done about ERR: it is asked again, or it is the end. */
static void trouble(struct tail *t, enum belfry_err err)
{
	if (t->stopped)
		return;
	if (err == BELFRY_ENOFEED) {
		fprintf(stderr, "belfry " NAME ": there is no feed '%s' any more\n",
			t->feed.name);
		stop(t, CLI_FAILED);
		return;
	}
	if (!t->away)
		fprintf(stderr, "belfry " NAME ": %s; it is tried again\n",
			belfry_err_text(err));
	t->away = true;
	loop_timer_arm(t->again, AGAIN_MS);
}

static void go_on(struct tail *t, bool more)
{
	t->away = false;
	t->begun = true;
	if (fflush(stdout)) {
		stop(t, CLI_FAILED);
		return;
	}
	if (more || t->woken)
		ask(t);
}

static void on_newest(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct tail *t = arg;

	(void)more;
	t->asking = false;
	if (err || t->stopped) {
		trouble(t, err);
		return;
	}
	if (count)
		t->at = events[0].pos;
	for (size_t i = count < t->args.count ? count : t->args.count; i; i--)
		print(t, &events[i - 1]);
	go_on(t, false);
}

static void tell_gap(const struct tail *t, struct pos next)
{
	uint64_t missed = pos_between(t->at, next);

	if (missed)
		fprintf(stderr,
			"belfry " NAME ": %" PRIu64 " event%s missing here: trimmed "
			"(max_items, max_age) before %s could be read\n",
			missed, missed == 1 ? " is" : "s are",
			missed == 1 ? "it" : "they");
}

static void on_events(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct tail *t = arg;

	t->asking = false;
	if (err || t->stopped) {
		trouble(t, err);
		return;
	}
	if (count)
		tell_gap(t, events[0].pos);
	for (size_t i = 0; i < count; i++)
		print(t, &events[i]);
	go_on(t, more);
}

static void ask(struct tail *t)
{
	struct store *store = t->feed.session.store;
	size_t newest = t->args.count ? (size_t)t->args.count : 1;

	t->woken = t->asking;
	if (t->asking)
		return;
	t->asking = true;
	loop_timer_disarm(t->again);
	if (t->begun)
		store->ops->events(store, t->feed.name, t->at, false, PAGE, on_events, t);
	else
		store->ops->events(store, t->feed.name, (struct pos){0, 0}, true, newest,
				   on_newest, t);
}

static void on_again(void *arg)
{
	ask(arg);
}

static void on_wake(void *arg, enum store_wake what, const char *feed)
{
	struct tail *t = arg;

	if (what == WAKE_ALL || (what == WAKE_EVENTS && !strcmp(feed, t->feed.name)))
		ask(t);
}

static void on_signal(void *arg)
{
	stop(arg, CLI_OK);
}

/* -1 goes on, else the exit status. */
static int parse(struct tail_args *args, int argc, char **argv)
{
	static const struct option longs[] = {CLI_LONG,
					      {"count", required_argument, NULL, 'n'},
					      {"json", no_argument, NULL, 'j'},
					      {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "n:j", longs, NULL)) != -1) {
		int status = -1;

		if (opt == 'j')
			args->json = true;
		else if (opt != 'n')
			status = cli_option(&args->common, opt, NAME, help);
		else if (parse_u64(optarg, strlen(optarg), COUNT_MAX, &args->count))
			status = cli_usage(NAME, "--count is a number from 0 to %d",
					   COUNT_MAX);
		if (status >= 0)
			return status;
	}
	return argc - optind == 1 ? -1 : cli_usage(NAME, "name one feed");
}

int cli_tail(int argc, char **argv)
{
	struct tail t = {.args.count = 10};

	cli_options_init(&t.args.common);
	int status = parse(&t.args, argc, argv);
	if (status >= 0)
		return status;
	status = feed_open(&t.feed, &t.args.common, NAME, argv[optind]);
	if (status)
		return status;
	struct loop *loop = t.feed.session.loop;
	struct store *store = t.feed.session.store;
	t.again = loop_timer_create(loop, on_again, &t);
	t.interrupt = loop_signal_create(loop, SIGINT, on_signal, &t);
	t.term = loop_signal_create(loop, SIGTERM, on_signal, &t);
	store->ops->listen(store, on_wake, &t);
	ask(&t);
	loop_run(loop);
	store->ops->listen(store, NULL, NULL);
	loop_signal_destroy(t.interrupt);
	loop_signal_destroy(t.term);
	loop_timer_destroy(t.again);
	t.again = NULL;
	feed_close(&t.feed);
	return t.status;
}
