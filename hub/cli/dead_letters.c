#include "event_text.h"
#include "feed.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>
#include <belfry/store/dead_letters.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
/* Of the events that somebody missed, as many are shown. */
#define MISSED 20

static const char list_help[] =
	"Usage: belfry dead-letters list [FEED] [-c FILE]\n"
	"\n"
	"Prints the dead letters of FEED, or of all feeds: on each line the feed, the JID, the\n"
	"error that came back last, how often it was tried, and since when, with a TAB between\n"
	"them; those of a feed oldest first.\n"
	"\n"
	"Options:\n" CLI_HELP_OPTIONS "\n"
	"Exit status: 0 done; 1 there is no such feed, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry dead-letters list deploys\n";

static const char show_help[] =
	"Usage: belfry dead-letters show FEED JID [-c FILE]\n"
	"\n"
	"Prints why a subscription is a dead letter, and the first 20 events that it missed,\n"
	"as 'belfry events list' does.\n"
	"\n"
	"Options:\n" CLI_HELP_OPTIONS "\n"
	"Exit status: 0 done; 1 it is no dead letter, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry dead-letters show deploys ann@example.net\n";

static const char order_help[] =
	"Usage: belfry dead-letters redrive FEED JID|--all [-c FILE]\n"
	"       belfry dead-letters drop FEED JID|--all [-c FILE]\n"
	"\n"
	"redrive tries a dead letter again at once: the follower gets all that it missed and\n"
	"that is still kept, in order. drop gives up what it missed; it gets what comes from\n"
	"then on. --all: those of all who follow FEED. Prints how many there were. A running\n"
	"worker does it.\n"
	"\n"
	"Options:\n"
	"  -a, --all           all dead letters of the feed\n" CLI_HELP_OPTIONS "\n"
	"Exit status: 0 done; 1 it is no dead letter, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry dead-letters redrive deploys ann@example.net\n"
	"  belfry dead-letters drop deploys --all\n";

/* GIVEN as it is kept, or NULL, and stderr says what is wrong. */
static char *read_jid(const char *name, const char *given)
{
	const char *why = "";
	char *jid = jid_normalize(given, strlen(given), &why);

	if (!jid)
		cli_usage(name, "'%s' is no JID: %s", given, why);
	return jid;
}

/* ---- list ----------------------------------------------------------------------- */

static const char list_name[] = "dead-letters list";

struct listing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	const char *feed;
	uint32_t next;
	char **names;
	size_t count;
};

static void on_dead(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct listing *l = arg;
	struct sub_hold h;
	char since[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		sub_hold_read(&rows[i].sub, &h);
		clock_format(h.first_ms, since);
		printf("%s\t%.*s\t%s\t%u\t%s\n", l->feed, (int)rows[i].jid_len,
		       rows[i].jid, h.condition[0] ? h.condition : "-", h.tries, since);
	}
	l->next = next;
	/* Of all feeds, one may be gone by now. */
	on_feed_done(&l->outcome, l->names && err == BELFRY_ENOFEED ? BELFRY_OK : err);
}

static int list_feed(struct feed_target *t, struct listing *l)
{
	struct store *store = t->session.store;
	int status;

	l->next = 0;
	do {
		l->outcome = (struct feed_outcome){0};
		store->ops->dead_list(store, l->feed, l->next, PAGE, on_dead, l);
		status = feed_wait(t, list_name, &l->outcome);
	} while (!status && l->next);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void on_feeds(void *arg, enum belfry_err err, const char *const *names,
		     size_t count)
{
	struct listing *l = arg;

	l->names = xcalloc(count + 1, sizeof *l->names);
	for (l->count = 0; l->count < count; l->count++)
		l->names[l->count] = xstrdup(names[l->count]);
	qsort(l->names, count, sizeof *l->names, by_name);
	on_feed_done(&l->outcome, err);
}

static int list_all(struct feed_target *t, struct listing *l)
{
	struct store *store = t->session.store;

	store->ops->dead_feeds(store, on_feeds, l);
	int status = feed_wait(t, list_name, &l->outcome);
	for (size_t i = 0; !status && i < l->count; i++) {
		l->feed = l->names[i];
		status = list_feed(t, l);
	}
	return status;
}

static int dead_list(struct cli_options *common, int argc, char **argv)
{
	struct feed_target t;
	struct listing l = {0};
	int status = cli_common(common, list_name, list_help, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return cli_usage(list_name, "name one feed, or none");
	l.feed = argv[optind];
	status = l.feed ? feed_open(&t, common, list_name, l.feed)
			: store_open(&t, common);
	if (status)
		return status;
	status = l.feed ? list_feed(&t, &l) : list_all(&t, &l);
	feed_close(&t);
	for (size_t i = 0; i < l.count; i++)
		free(l.names[i]);
	free(l.names);
	return status;
}

/* ---- show ----------------------------------------------------------------------- */

static const char show_name[] = "dead-letters show";

struct showing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	struct sub_hold hold;
};

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct showing *s = arg;
	char since[CLOCK_TEXT_SIZE], pos[POS_TEXT_SIZE];

	(void)created;
	if (!err)
		sub_hold_read(&row->sub, &s->hold);
	if (!err && s->hold.reason == HOLD_DEAD) {
		clock_format(s->hold.first_ms, since);
		pos_format(s->hold.pos, pos);
		printf("jid          %.*s\n", (int)row->jid_len, row->jid);
		printf("format       %s\n", sub_format_text(row->sub.format));
		printf("condition    %s\n",
		       s->hold.condition[0] ? s->hold.condition : "-");
		printf("tries        %u\n", s->hold.tries);
		printf("since        %s\n", since);
		printf("position     %s\n\n", pos);
	}
	on_feed_done(&s->outcome, err == BELFRY_ENOENT ? BELFRY_OK : err);
}

static void on_missed(void *arg, enum belfry_err err, const struct store_event *events,
		      size_t count, bool more)
{
	struct buf out = {0};

	for (size_t i = 0; i < count; i++)
		event_add_line(&out, &events[i]);
	if (more)
		buf_adds(&out, "...\n");
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	buf_free(&out);
	on_feed_done(arg, err);
}

static int show(struct feed_target *t, const char *jid, struct showing *s)
{
	struct store *store = t->session.store;

	store->ops->sub_get(store, t->name, jid, on_row, s);
	int status = feed_wait(t, show_name, &s->outcome);
	if (status)
		return status;
	if (s->hold.reason != HOLD_DEAD) {
		fprintf(stderr, "belfry %s: %s is no dead letter of this feed\n",
			show_name, jid);
		return CLI_FAILED;
	}
	s->outcome = (struct feed_outcome){0};
	store->ops->events(store, t->name, s->hold.pos, false, MISSED, on_missed, s);
	return feed_wait(t, show_name, &s->outcome);
}

static int dead_show(struct cli_options *common, int argc, char **argv)
{
	struct feed_target t;
	struct showing s = {0};
	int status = cli_common(common, show_name, show_help, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 2)
		return cli_usage(show_name, "name one feed and one JID");
	char *jid = read_jid(show_name, argv[optind + 1]);
	if (!jid)
		return CLI_USAGE;
	status = feed_open(&t, common, show_name, argv[optind]);
	if (!status) {
		status = show(&t, jid, &s);
		feed_close(&t);
	}
	free(jid);
	return status;
}

/* ---- redrive, drop -------------------------------------------------------------- */

struct ordering {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	const char *name;
	enum hold_order order;
	bool all, more;
	uint64_t count;
};

static void on_order(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	struct ordering *o = arg;

	(void)row;
	(void)created;
	o->count = !err;
	on_feed_done(&o->outcome, err == BELFRY_ENOENT ? BELFRY_OK : err);
}

static void on_orders(void *arg, enum belfry_err err, size_t count, bool more)
{
	struct ordering *o = arg;

	o->count += count;
	o->more = more;
	on_feed_done(&o->outcome, err);
}

static int order_one(struct feed_target *t, const char *jid, struct ordering *o)
{
	struct store *store = t->session.store;

	store->ops->hold_order(store, t->name, jid, o->order, on_order, o);
	int status = feed_wait(t, o->name, &o->outcome);
	if (status || o->count)
		return status;
	fprintf(stderr, "belfry %s: %s is no dead letter of this feed\n", o->name, jid);
	return CLI_FAILED;
}

static int order_all(struct feed_target *t, struct ordering *o)
{
	int status;

	do {
		o->outcome = (struct feed_outcome){0};
		store_dead_order(t->session.store, t->name, o->order, PAGE, on_orders, o);
		status = feed_wait(t, o->name, &o->outcome);
	} while (!status && o->more);
	return status;
}

/* -1 goes on, else the exit status. */
static int order_parse(struct cli_options *common, struct ordering *o, int argc,
		       char **argv)
{
	static const struct option longs[] = {
		CLI_LONG, {"all", no_argument, NULL, 'a'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "a", longs, NULL)) != -1) {
		int status = -1;

		if (opt == 'a')
			o->all = true;
		else
			status = cli_option(common, opt, o->name, order_help);
		if (status >= 0)
			return status;
	}
	if (argc - optind == (o->all ? 1 : 2))
		return -1;
	return cli_usage(o->name, "name one feed, and one JID or --all");
}

static int order(struct cli_options *common, struct ordering *o, int argc, char **argv)
{
	struct feed_target t;
	char *jid = NULL;
	int status = order_parse(common, o, argc, argv);

	if (status >= 0)
		return status;
	if (!o->all && !(jid = read_jid(o->name, argv[optind + 1])))
		return CLI_USAGE;
	status = feed_open(&t, common, o->name, argv[optind]);
	if (!status) {
		status = jid ? order_one(&t, jid, o) : order_all(&t, o);
		feed_close(&t);
		if (!status || o->count)
			printf("%" PRIu64 " %s\n", o->count,
			       o->order == ORDER_REDRIVE ? "redriven" : "dropped");
	}
	free(jid);
	return status;
}

static int dead_redrive(struct cli_options *common, int argc, char **argv)
{
	struct ordering o = {.name = "dead-letters redrive", .order = ORDER_REDRIVE};

	return order(common, &o, argc, argv);
}

static int dead_drop(struct cli_options *common, int argc, char **argv)
{
	struct ordering o = {.name = "dead-letters drop", .order = ORDER_DROP};

	return order(common, &o, argc, argv);
}

/* ---- all of them ---------------------------------------------------------------- */

int cli_dead_letters(int argc, char **argv)
{
	static const struct cli_action list[] = {
		{"list", dead_list, "[FEED]", "prints them"},
		{"show", dead_show, "FEED JID", "one of them, and what it missed"},
		{"redrive", dead_redrive, "FEED JID|--all", "tries them again"},
		{"drop", dead_drop, "FEED JID|--all", "gives up what they missed"},
		{0},
	};
	static const struct cli_actions dead_letters = {
		"dead-letters", list,
		"Subscriptions whose events came back again and again, so that they are "
		"not tried\nany more (docs/reliability.md). They wait until somebody says "
		"what to do.\n",
		"Examples:\n"
		"  belfry dead-letters list\n"
		"  belfry dead-letters redrive deploys --all\n"};

	return cli_act(&dead_letters, argc, argv);
}
