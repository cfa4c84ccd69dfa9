#include "feed.h"

#include <belfry/base/clock.h>
#include <belfry/core/jid.h>
#include <belfry/store/decide.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500

#define HELP_TAIL                                                                              \
	"\n"                                                                                   \
	"Options:\n"                                                                           \
	"  -c, --config FILE   the configuration; default: the variable BELFRY_CONFIG, else\n" \
	"                      /etc/belfry/belfry.ini if it exists\n"                          \
	"  -h, --help          this text\n"                                                    \
	"\n"

static const char pending_help[] =
	"Usage: belfry feed pending FEED [-c FILE]\n"
	"\n"
	"Prints who is not let in yet, or was not: on each line the state, since when, the\n"
	"format wished for, and the JID, with a TAB between them. The states:\n"
	"  asks      wants to follow; the feed's owners are to answer: allow or deny\n"
	"  invited   was entered over HTTP; the person is to answer\n"
	"  denied    an owner said no; may ask again after a day\n"
	"  refused   the person said no to an invitation, and is not invited again\n"
	"  withdrawn asked, and took that back; is forgotten after an hour\n" HELP_TAIL
	"Exit status: 0 done; 1 there is no such feed, or Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry feed pending deploys\n";

static const char decide_help[] =
	"Usage: belfry feed allow FEED JID [-c FILE]\n"
	"       belfry feed deny FEED JID [-c FILE]\n"
	"\n"
	"Answers who asks to follow a feed with \"access\": \"authorize\", as its owners can do in\n"
	"their client. A running worker tells the person. A request is a person's: with or\n"
	"without a resource, it is the one that is answered. Who was denied can be allowed\n"
	"later; who follows already stays.\n" HELP_TAIL
	"Exit status: 0 done; 1 nobody asks under that JID, it is an outcast of the feed, or\n"
	"Redis is away; 2 wrong usage.\n"
	"\n"
	"Example:\n"
	"  belfry feed allow deploys alice@example.net\n";

/* NAME with COUNT operands: -1 goes on, else the exit status. */
static int parse(struct cli_options *common, const char *name, const char *help,
		 int count, int argc, char **argv)
{
	int status = cli_common(common, name, help, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind == count)
		return -1;
	return cli_usage(name,
			 count == 1 ? "name one feed" : "name one feed and one JID");
}

/* ---- pending -------------------------------------------------------------------- */

struct listing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	uint64_t next;
};

static const char *state_text(enum pending_state state)
{
	switch (state) {
	case PENDING_OWNERS:
		return "asks";
	case PENDING_PERSON:
	case PENDING_INVITED:
		return "invited";
	case PENDING_REFUSED:
		return "refused";
	case PENDING_DENIED:
		return "denied";
	case PENDING_WITHDRAWN:
		return "withdrawn";
	case PENDING_NONE:
		break;
	}
	return "none";
}

static void on_list(void *arg, enum belfry_err err, const struct store_pending *list,
		    size_t count, uint64_t next)
{
	struct listing *l = arg;
	char at[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		clock_format(list[i].at_ms, at);
		printf("%s\t%s\t%s\t%s\n", state_text(list[i].state), at,
		       sub_format_text(list[i].format), list[i].jid);
	}
	l->next = next;
	on_feed_done(&l->outcome, err);
}

int feed_pending(struct cli_options *common, int argc, char **argv)
{
	static const char name[] = "feed pending";
	struct feed_target t;
	struct listing l = {0};
	int status = parse(common, name, pending_help, 1, argc, argv);

	if (status >= 0)
		return status;
	status = feed_open(&t, common, name, argv[optind]);
	if (status)
		return status;
	struct store *store = t.session.store;
	do {
		l.outcome = (struct feed_outcome){0};
		store->ops->pending_list(store, t.name, l.next, PAGE, on_list, &l);
		status = feed_wait(&t, name, &l.outcome);
	} while (!status && l.next);
	feed_close(&t);
	return status;
}

/* ---- allow, deny ---------------------------------------------------------------- */

static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	(void)row;
	(void)created;
	on_feed_done(arg, err);
}

/* What is wrong with whom is to be let in; NULL: it is not that. */
static const char *wrong_with(enum belfry_err err)
{
	switch (err) {
	case BELFRY_ENOENT:
		return "does not ask to follow this feed, or follows it by now";
	case BELFRY_EPENDING:
		return "was invited: the answer is theirs";
	case BELFRY_EREFUSED:
		return "was invited, and refused: only they can change that";
	case BELFRY_EDENIED:
		return "is an outcast of the feed: take them out of 'outcasts' first";
	default:
		return NULL;
	}
}

static int decide(const struct cli_options *common, const char *name, const char *feed,
		  const char *jid, bool allow)
{
	struct feed_target t;
	struct feed_outcome o = {0};
	int status = feed_open(&t, common, name, feed);

	if (status)
		return status;
	if (allow && feed_affiliation_of(&t.feed, jid) == AFFILIATION_OUTCAST) {
		fprintf(stderr,
			"belfry %s: %s is an outcast of this feed: take it, or its domain, out "
			"of 'outcasts' first (PATCH /v1/feeds/%s), or deny it\n",
			name, jid, t.name);
		feed_close(&t);
		return CLI_FAILED;
	}
	store_decide(t.session.store, t.name, jid, allow, on_decided, &o);
	session_wait(&t.session, &o.done, t.config->redis.timeout_ms * 2);
	const char *wrong = o.done ? wrong_with(o.err) : NULL;
	if (wrong) {
		fprintf(stderr, "belfry %s: %s %s\n", name, jid, wrong);
		status = CLI_FAILED;
	} else {
		status = feed_wait(&t, name, &o);
	}
	feed_close(&t);
	return status;
}

static int answer(struct cli_options *common, bool allow, int argc, char **argv)
{
	const char *name = allow ? "feed allow" : "feed deny", *why = "";
	int status = parse(common, name, decide_help, 2, argc, argv);

	if (status >= 0)
		return status;
	const char *given = argv[optind + 1];
	char *jid = jid_normalize(given, strlen(given), &why);
	if (!jid)
		return cli_usage(name, "'%s' is no JID: %s", given, why);
	status = decide(common, name, argv[optind], jid, allow);
	free(jid);
	return status;
}

int feed_allow(struct cli_options *common, int argc, char **argv)
{
	return answer(common, true, argc, argv);
}

int feed_deny(struct cli_options *common, int argc, char **argv)
{
	return answer(common, false, argc, argv);
}
