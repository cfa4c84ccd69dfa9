#include "feed.h"

#include <belfry/base/log.h>

#include <stdio.h>
#include <string.h>

static const struct cli_action actions[] = {
	{"link", feed_link, "FEED [--pubsub] [--qr] [--png FILE] [--svg FILE]",
	 "prints the link that people follow it by, also as a QR code"},
	{"avatar", feed_avatar, "FEED FILE|-|--remove",
	 "sets its picture, from a PNG or an SVG"},
	{"presence", feed_presence, "FEED [SHOW [STATUS]]",
	 "sets how it shows in contact lists, such as dnd 'deploying'"},
	{"pending", feed_pending, "FEED", "prints who asks to follow it, or was invited"},
	{"allow", feed_allow, "FEED JID", "lets in who asks to follow it"},
	{"deny", feed_deny, "FEED JID", "refuses them"},
	{0},
};

int cli_feed(int argc, char **argv)
{
	static const struct cli_actions feed = {
		"feed", actions,
		"What concerns one feed. Feeds themselves are made and changed over HTTP.\n",
		"Example:\n"
		"  belfry feed link deploys --qr\n"};

	return cli_act(&feed, argc, argv);
}

/* ---- for the actions ------------------------------------------------------------ */

void on_feed_done(void *arg, enum belfry_err err)
{
	struct feed_outcome *o = arg;

	o->done = true;
	o->err = err;
}

int feed_wait(struct feed_target *t, const char *action, struct feed_outcome *o)
{
	if (!session_wait(&t->session, &o->done, t->config->redis.timeout_ms * 2))
		o->err = BELFRY_EAWAY;
	if (!o->err)
		return CLI_OK;
	if (o->err == BELFRY_ENOFEED)
		fprintf(stderr, "belfry %s: there is no feed '%s'\n", action, t->name);
	else
		fprintf(stderr, "belfry %s: %s\n", action, belfry_err_text(o->err));
	return CLI_FAILED;
}

struct looked_up {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	struct feed_config *feed;
};

static void on_looked_up(void *arg, enum belfry_err err, const struct store_feed *feed,
			 bool created)
{
	struct looked_up *l = arg;
	char why[256];

	(void)created;
	if (!err && feed_config_patch(l->feed, feed->config, strlen(feed->config), why,
				      sizeof why))
		err = BELFRY_EINTERNAL;
	on_feed_done(&l->outcome, err);
}

int store_open(struct feed_target *t, const struct cli_options *o)
{
	*t = (struct feed_target){0};
	t->config = cli_config_load_for_store(o);
	if (!t->config)
		return CLI_FAILED;
	log_setup("feed", LOG_ERROR, t->config->log.format);
	feed_config_init(&t->feed);
	if (!session_open(&t->session, t->config))
		return CLI_OK;
	feed_close(t);
	return CLI_FAILED;
}

int feed_open(struct feed_target *t, const struct cli_options *o, const char *action,
	      const char *name)
{
	struct looked_up looked = {.feed = &t->feed};
	int status;

	*t = (struct feed_target){0};
	if (!feed_name_valid(name, strlen(name)))
		return cli_usage(action,
				 "'%s' is no name of a feed: those are 1 to 64 of "
				 "a-z, 0-9, '.', '_' and '-'",
				 name);
	status = store_open(t, o);
	if (status)
		return status;
	t->name = name;
	t->session.store->ops->feed_get(t->session.store, name, on_looked_up, &looked);
	status = feed_wait(t, action, &looked.outcome);
	if (status)
		feed_close(t);
	return status;
}

void feed_close(struct feed_target *t)
{
	if (t->session.loop)
		session_close(&t->session);
	feed_config_free(&t->feed);
	config_free(t->config);
	t->config = NULL;
}
