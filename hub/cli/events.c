#include "events.h"
#include "event_text.h"

#include <belfry/base/clock.h>
#include <belfry/base/text.h>
#include <belfry/core/delivery.h>
#include <belfry/core/id.h>
#include <belfry/serve/event_json.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_NAME "events list"
#define SHOW_NAME "events show"
#define LIST_DEFAULT 20
#define LIST_MAX 1000
/* Buckets of rows that are asked for at a time. */
#define RUN_BUCKETS 10

static const char list_help[] =
	"Usage: belfry events list FEED [-n COUNT] [--json] [-c FILE]\n"
	"\n"
	"Prints the newest events of a feed, the last one last: on each line when it was\n"
	"posted, its priority, its id and its title, with a TAB between them.\n"
	"\n"
	"Options:\n"
	"  -n, --count COUNT   so many, 1 to 1000; default: 20\n"
	"  -j, --json          each event whole, as JSON on a line\n" CLI_HELP_OPTIONS
	"\n"
	"Exit status: 0 done; 1 there is no such feed, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry events list deploys -n 5\n";

static const char show_help[] =
	"Usage: belfry events show FEED ID [--deliveries] [-c FILE]\n"
	"\n"
	"Prints an event and what became of it. The status:\n"
	"  scheduled  it is to come; then there is no more to tell\n"
	"  queued     it has not reached everybody\n"
	"  held       it has, but for those who are held: paused, in their quiet hours, not\n"
	"             there, for a digest, or tried again because it came back\n"
	"  done       it has\n"
	"and how many deliveries were taken by the XMPP server, sent (a headline: lost where\n"
	"its follower is offline), held, dead (given up), came back (bounced), came back\n"
	"because the address is gone (left), were skipped, filtered by the follower, expired\n"
	"before they could be made, superseded (the item was replaced or retracted), or\n"
	"confirmed by the follower's client (received).\n"
	"\n"
	"Options:\n"
	"  -d, --deliveries    each follower's, too: on each line state, JID, format and, where\n"
	"                      it is held, why, with a TAB between them. They are found by\n"
	"                      where the follower is now: of what he is past, only the counts\n"
	"                      above tell whether it was dropped or skipped\n" CLI_HELP_OPTIONS
	"\n"
	"Exit status: 0 done; 1 there is no such event, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry events show deploys 01a202d8-9c8a-7000-8000-000000000000 --deliveries\n";

static int no_number(const char *name, int max)
{
	return cli_usage(name, "--count is a number from 1 to %d", max);
}

/* ---- list ----------------------------------------------------------------------- */

struct list_args {
	struct cli_options common;
	uint64_t count;
	bool json;
};

struct listing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	const char *feed;
	bool json;
};

static void on_newest(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	const struct listing *l = arg;
	struct buf out = {0};

	(void)more;
	while (count--) {
		buf_clear(&out);
		if (l->json)
			event_add_json(&out, l->feed, &events[count]);
		else
			event_add_line(&out, &events[count]);
		fwrite(out.data, 1, out.len, stdout);
	}
	buf_free(&out);
	on_feed_done(arg, err);
}

/* -1 goes on, else the exit status. */
static int list_parse(struct list_args *args, int argc, char **argv)
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
			status = cli_option(&args->common, opt, LIST_NAME, list_help);
		else if (parse_u64(optarg, strlen(optarg), LIST_MAX, &args->count) ||
			 !args->count)
			status = no_number(LIST_NAME, LIST_MAX);
		if (status >= 0)
			return status;
	}
	return argc - optind == 1 ? -1 : cli_usage(LIST_NAME, "name one feed");
}

static int events_list(struct cli_options *common, int argc, char **argv)
{
	struct list_args args = {.common = *common, .count = LIST_DEFAULT};
	struct feed_target t;
	int status = list_parse(&args, argc, argv);

	if (status >= 0)
		return status;
	status = feed_open(&t, &args.common, LIST_NAME, argv[optind]);
	if (status)
		return status;
	struct listing l = {.feed = t.name, .json = args.json};
	t.session.store->ops->events(t.session.store, t.name, (struct pos){0, 0}, true,
				     (size_t)args.count, on_newest, &l);
	status = feed_wait(&t, LIST_NAME, &l.outcome);
	feed_close(&t);
	return status;
}

/* ---- show ----------------------------------------------------------------------- */

struct show_args {
	struct cli_options common;
	bool deliveries;
};

struct showing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	struct pos pos, retracts;    /* 0-0: it is an item */
	uint64_t at_ms;
	struct event event;
	uint32_t first;
	bool more;
};

static void show_text(const char *name, const char *text)
{
	struct buf out = {0};

	text_add_plain(&out, text, strlen(text));
	printf("%-12s %s\n", name, out.data ? out.data : "");
	buf_free(&out);
}

static void show_count(const char *name, uint64_t count)
{
	printf("%-12s %" PRIu64 "\n", name, count);
}

static void show_counts(const struct store_event *e, const struct store_counters *c)
{
	show_count("subscribers", e->subscribers);
	show_count("taken", c->taken);
	show_count("sent", c->sent);
	show_count("held", c->held);
	show_count("dead", c->dead);
	show_count("bounced", c->bounced);
	show_count("left", c->left);
	show_count("skipped", c->skipped);
	show_count("filtered", c->filtered);
	show_count("expired", c->expired);
	show_count("superseded", c->superseded);
	show_count("received", c->received);
}

static void show_event(const struct store_event *e, const struct store_counters *c,
		       bool settled)
{
	char at[CLOCK_TEXT_SIZE], pos[POS_TEXT_SIZE];

	clock_format(e->at_ms, at);
	pos_format(e->pos, pos);
	show_text("id", e->id);
	show_text("item", e->item);
	show_text("cursor", pos);
	show_text("at", at);
	show_text("priority", priority_text(e->priority));
	if (e->expires_ms) {
		clock_format(e->expires_ms, at);
		show_text("expires_at", at);
	}
	if (e->kind == EVENT_RETRACT)
		show_text("retraction", "of the item");
	if (e->superseded.n)
		show_text("item is", e->gone ? "retracted" : "replaced");
	show_text("status", event_status(c, settled));
	show_counts(e, c);
}

static void on_event(void *arg, enum belfry_err err, const struct store_event *event,
		     const struct store_counters *counters, bool settled)
{
	struct showing *s = arg;
	char why[256];

	if (!err &&
	    event_parse_json(&s->event, event->doc, event->doc_len, why, sizeof why))
		err = BELFRY_EINTERNAL;
	if (!err) {
		s->event.priority = event->priority;
		s->pos = event->pos;
		s->at_ms = event->at_ms;
		if (event->kind == EVENT_RETRACT) {
			s->retracts = event->retracted.versions[0];
			s->at_ms = event->retracted.at_ms;
		}
		show_event(event, counters, settled);
		show_text("event", s->event.doc);
	}
	on_feed_done(&s->outcome, err);
}

static void show_row(const struct showing *s, const struct store_row *row,
		     struct pos cursor)
{
	enum delivery d =
		s->retracts.n
			? delivery_of_retraction(&row->sub, cursor, &s->event, s->pos,
						 s->retracts, s->at_ms)
			: delivery_of(&row->sub, cursor, &s->event, s->pos, s->at_ms);
	struct sub_hold h;

	if (d == DELIVERY_NOT_ITS)
		return;
	printf("%s\t%.*s\t%s", delivery_text(d), (int)row->jid_len, row->jid,
	       sub_format_text(row->sub.format));
	if (d == DELIVERY_HELD || d == DELIVERY_DEAD) {
		sub_hold_read(&row->sub, &h);
		printf("\t%s%s%s", hold_reason_text(h.reason), h.condition[0] ? " " : "",
		       h.condition);
	}
	putchar('\n');
}

static void on_run(void *arg, enum belfry_err err, struct store_run *run)
{
	struct showing *s = arg;

	s->more = false;
	if (run) {
		for (size_t i = 0; i < run->bucket_count; i++) {
			const struct store_bucket *b = &run->buckets[i];

			for (size_t r = b->first; r < b->first + b->count; r++)
				show_row(s, &run->rows[r], b->cursor);
		}
		s->first += RUN_BUCKETS;
		s->more = s->first < run->feed_buckets;
	}
	store_run_free(run);
	on_feed_done(&s->outcome, err);
}

static int show_deliveries(struct feed_target *t, struct showing *s)
{
	struct store *store = t->session.store;
	int status;

	printf("\n");
	do {
		s->outcome = (struct feed_outcome){0};
		store->ops->read(store, t->name, s->first, RUN_BUCKETS, on_run, s);
		status = feed_wait(t, SHOW_NAME, &s->outcome);
	} while (!status && s->more);
	return status;
}

/* -1 goes on, else the exit status. */
static int show_parse(struct show_args *args, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_LONG, {"deliveries", no_argument, NULL, 'd'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "d", longs, NULL)) != -1) {
		if (opt == 'd') {
			args->deliveries = true;
			continue;
		}
		int status = cli_option(&args->common, opt, SHOW_NAME, show_help);
		if (status >= 0)
			return status;
	}
	if (argc - optind != 2)
		return cli_usage(SHOW_NAME, "name one feed and the id of one event");
	const char *id = argv[optind + 1];
	return event_id_valid(id, strlen(id))
		       ? -1
		       : cli_usage(SHOW_NAME, "an ID is that of an answer to a POST");
}

static int show(struct feed_target *t, const char *id, bool deliveries, struct showing *s)
{
	struct store *store = t->session.store;
	int status;

	store->ops->event_get(store, t->name, id, on_event, s);
	session_wait(&t->session, &s->outcome.done, t->config->redis.timeout_ms * 2);
	if (s->outcome.done && s->outcome.err == BELFRY_ENOENT)
		return scheduled_show(t, id, SHOW_NAME);
	status = feed_wait(t, SHOW_NAME, &s->outcome);
	if (!status && deliveries)
		status = show_deliveries(t, s);
	return status;
}

static int events_show(struct cli_options *common, int argc, char **argv)
{
	struct show_args args = {.common = *common};
	struct feed_target t;
	struct showing s = {0};
	int status = show_parse(&args, argc, argv);

	if (status >= 0)
		return status;
	status = feed_open(&t, &args.common, SHOW_NAME, argv[optind]);
	if (status)
		return status;
	status = show(&t, argv[optind + 1], args.deliveries, &s);
	feed_close(&t);
	event_free(&s.event);
	return status;
}

/* ---- both ----------------------------------------------------------------------- */

int cli_events(int argc, char **argv)
{
	static const struct cli_action list[] = {
		{"list", events_list, "FEED [-n COUNT] [--json]", "the newest ones"},
		{"show", events_show, "FEED ID [--deliveries]",
		 "one of them, and what became of it"},
		{"scheduled", events_scheduled, "FEED [--json]",
		 "those that are to come"},
		{"cancel", events_cancel, "FEED ID", "one of those: nobody gets it"},
		{0},
	};
	static const struct cli_actions events = {
		"events", list,
		"A feed's events, as far as they are kept. 'belfry tail' prints those to "
		"come.\n",
		"Example:\n"
		"  belfry events list deploys\n"};

	return cli_act(&events, argc, argv);
}
