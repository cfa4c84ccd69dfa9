#include "event_text.h"
#include "events.h"

#include <belfry/base/clock.h>
#include <belfry/core/id.h>

#include <stdio.h>
#include <string.h>

#define LIST_NAME "events scheduled"
#define CANCEL_NAME "events cancel"
#define PAGE 100

static const char list_help[] =
	"Usage: belfry events scheduled FEED [--json] [-c FILE]\n"
	"\n"
	"Prints the events of a feed that are to come, the next one first: on each line when\n"
	"it will be delivered, its priority, its id and its title, with a TAB between them.\n"
	"\n"
	"Options:\n"
	"  -j, --json          each event whole, as JSON on a line\n" CLI_HELP_OPTIONS
	"\n"
	"Exit status: 0 done; 1 there is no such feed, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry events scheduled deploys\n";

static const char cancel_help[] =
	"Usage: belfry events cancel FEED ID [-c FILE]\n"
	"\n"
	"Cancels an event that is to come: nobody gets it.\n"
	"\n"
	"Options:\n" CLI_HELP_OPTIONS "\n"
	"Exit status: 0 done; 1 there is no such event to come, or Redis is away; 2 wrong\n"
	"usage.\n"
	"\n"
	"Example:\n"
	"  belfry events cancel deploys 01a202d8-9c8a-7000-8000-000000000000\n";

/* ---- scheduled ------------------------------------------------------------------ */

struct listing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	const char *feed;
	bool json, more;
	uint64_t after_ms;
	char after_id[EVENT_ID_SIZE];
};

static void on_page(void *arg, enum belfry_err err, const struct store_scheduled *list,
		    size_t count, bool more)
{
	struct listing *l = arg;
	struct buf out = {0};

	for (size_t i = 0; i < count; i++) {
		struct store_event e = list[i].event;

		e.at_ms = list[i].due_ms;
		buf_clear(&out);
		if (l->json)
			scheduled_add_json(&out, l->feed, &list[i]);
		else
			event_add_line(&out, &e);
		fwrite(out.data, 1, out.len, stdout);
		l->after_ms = list[i].due_ms;
		snprintf(l->after_id, sizeof l->after_id, "%s", e.id);
	}
	l->more = more && count;
	buf_free(&out);
	on_feed_done(&l->outcome, err);
}

/* -1 goes on, else the exit status. */
static int list_parse(struct cli_options *common, bool *json, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_LONG, {"json", no_argument, NULL, 'j'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "j", longs, NULL)) != -1) {
		if (opt == 'j') {
			*json = true;
			continue;
		}
		int status = cli_option(common, opt, LIST_NAME, list_help);
		if (status >= 0)
			return status;
	}
	return argc - optind == 1 ? -1 : cli_usage(LIST_NAME, "name one feed");
}

int events_scheduled(struct cli_options *common, int argc, char **argv)
{
	struct listing l = {0};
	struct feed_target t;
	int status = list_parse(common, &l.json, argc, argv);

	if (status >= 0)
		return status;
	status = feed_open(&t, common, LIST_NAME, argv[optind]);
	if (status)
		return status;
	struct store *store = t.session.store;
	l.feed = t.name;
	do {
		l.outcome = (struct feed_outcome){0};
		store->ops->scheduled_list(store, t.name, l.after_ms, l.after_id, PAGE,
					   on_page, &l);
		status = feed_wait(&t, LIST_NAME, &l.outcome);
	} while (!status && l.more);
	feed_close(&t);
	return status;
}

/* ---- one of them ---------------------------------------------------------------- */

static int wait_found(struct feed_target *t, const char *action, struct feed_outcome *o,
		      const char *missing)
{
	session_wait(&t->session, &o->done, t->config->redis.timeout_ms * 2);
	if (!o->done || o->err != BELFRY_ENOENT)
		return feed_wait(t, action, o);
	fprintf(stderr, "belfry %s: %s\n", action, missing);
	return CLI_FAILED;
}

/* -1 goes on, else the exit status. */
static int cancel_parse(struct cli_options *common, int argc, char **argv)
{
	int status = cli_common(common, CANCEL_NAME, cancel_help, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 2)
		return cli_usage(CANCEL_NAME, "name one feed and the id of one event");
	const char *id = argv[optind + 1];
	return event_id_valid(id, strlen(id))
		       ? -1
		       : cli_usage(CANCEL_NAME, "an ID is that of an answer to a POST");
}

int events_cancel(struct cli_options *common, int argc, char **argv)
{
	struct feed_outcome outcome = {0};
	struct feed_target t;
	int status = cancel_parse(common, argc, argv);

	if (status >= 0)
		return status;
	const char *id = argv[optind + 1];
	status = feed_open(&t, common, CANCEL_NAME, argv[optind]);
	if (status)
		return status;
	t.session.store->ops->scheduled_cancel(t.session.store, t.name, id, NULL,
					       on_feed_done, &outcome);
	status = wait_found(&t, CANCEL_NAME, &outcome,
			    "it is not scheduled: it was delivered or cancelled, or "
			    "never was");
	feed_close(&t);
	return status;
}

static void show_text(const char *name, const char *text, size_t len)
{
	struct buf out = {0};

	text_add_plain(&out, text, len);
	printf("%-12s %s\n", name, out.data ? out.data : "");
	buf_free(&out);
}

static void show_time(const char *name, uint64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(ms, text);
	printf("%-12s %s\n", name, text);
}

static void on_one(void *arg, enum belfry_err err, const struct store_scheduled *s,
		   size_t count, bool more)
{
	(void)count;
	(void)more;
	if (!err) {
		const struct store_event *e = &s->event;

		show_text("id", e->id, strlen(e->id));
		show_text("item", e->item, strlen(e->item));
		show_time("at", e->at_ms);
		show_time("deliver_at", s->due_ms);
		if (e->expires_ms)
			show_time("expires_at", e->expires_ms);
		printf("%-12s %s\n", "priority", priority_text(e->priority));
		printf("%-12s %s\n", "status", "scheduled");
		show_text("event", e->doc, e->doc_len);
	}
	on_feed_done(arg, err);
}

int scheduled_show(struct feed_target *t, const char *id, const char *action)
{
	struct feed_outcome outcome = {0};
	struct store *store = t->session.store;

	store->ops->scheduled_get(store, t->name, id, on_one, &outcome);
	return wait_found(t, action, &outcome,
			  "there is no such event, or it is no longer kept");
}
