/*
 * Feeds with subscribers, by the real store:
 *
 *   populate NAME[*FEEDS]:SUBSCRIBERS...     (BELFRY_REDIS_URL)
 *
 * deploys:1000 is one feed; f*10000:100 are ten thousand, f00000 to f09999. Subscribers
 * are user0000000@example.org and so on, in each of them (BENCH_DOMAIN: elsewhere).
 * Prints how many joined in how many seconds, when every bucket has been split that was
 * due.
 */
#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/core/subscription.h>
#include <belfry/store/redis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 512

struct set {
	char name[64];
	size_t feeds, subscribers;
};

struct populate {
	struct loop *loop;
	struct store *store;
	const char *domain;
	struct set set;
	size_t asked, answered; /* joins, or feeds where feeds are made */
	size_t feed;		/* the one whose splits are waited for */
	uint32_t buckets;
	bool done;
};

static void feed_name(const struct populate *p, size_t number, char out[80])
{
	if (p->set.feeds == 1)
		snprintf(out, 80, "%s", p->set.name);
	else
		snprintf(out, 80, "%s%05zu", p->set.name, number);
}

static void must(enum belfry_err err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "populate: %s: %s\n", what, belfry_err_text(err));
	exit(1);
}

static void until_done(struct populate *p)
{
	while (!p->done)
		loop_turn(p->loop, true);
	p->done = false;
}

/* ---- Feeds ------------------------------------------------------------------------ */

static void make_feeds(struct populate *p);

static void on_made(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct populate *p = arg;
	(void)feed;
	(void)created;
	must(err, "feed_put");
	p->done = ++p->answered == p->set.feeds;
	make_feeds(p);
}

static void make_feeds(struct populate *p)
{
	char name[80];
	while (p->asked < p->set.feeds && p->asked - p->answered < AT_ONCE) {
		feed_name(p, p->asked++, name);
		p->store->ops->feed_put(p->store, name,
					"{\"access\":\"open\",\"max_items\":1000}", NULL,
					clock_wall_ms(), on_made, p);
	}
}

/* ---- Subscribers ------------------------------------------------------------------ */

static void join(struct populate *p);

static void on_join(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct populate *p = arg;
	(void)row;
	(void)created;
	must(err, "join");
	p->done = ++p->answered == p->set.feeds * p->set.subscribers;
	join(p);
}

static void join(struct populate *p)
{
	char name[80], jid[128];
	while (p->asked < p->set.feeds * p->set.subscribers &&
	       p->asked - p->answered < AT_ONCE) {
		feed_name(p, p->asked / p->set.subscribers, name);
		snprintf(jid, sizeof(jid), "user%07zu@%s", p->asked % p->set.subscribers,
			 p->domain);
		p->asked++;
		p->store->ops->join(p->store, name, jid, SUB_FOLLOW(FORMAT_EVENT),
				    on_join, p);
	}
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct populate *p = arg;
	(void)created;
	must(err, "feed_get");
	p->buckets = feed->buckets;
	p->done = true;
}

/* Splits follow the joins. */
static void await_splits(struct populate *p)
{
	char name[80];
	for (size_t i = 0; i < p->set.feeds; i++) {
		feed_name(p, i, name);
		do {
			p->store->ops->feed_get(p->store, name, on_feed, p);
			until_done(p);
		} while ((uint64_t)p->buckets * BUCKET_ROWS < p->set.subscribers);
	}
}

static void fill(struct populate *p, const char *text)
{
	char *end = NULL;
	size_t len = strcspn(text, "*:");
	snprintf(p->set.name, sizeof(p->set.name), "%.*s", (int)len, text);
	p->set.feeds = text[len] == '*' ? strtoul(text + len + 1, &end, 10) : 1;
	const char *colon = strchr(text, ':');
	if (!colon) {
		fprintf(stderr, "populate: %s: NAME[*FEEDS]:SUBSCRIBERS\n", text);
		exit(2);
	}
	p->set.subscribers = strtoul(colon + 1, &end, 10);
	p->asked = p->answered = 0;
	make_feeds(p);
	until_done(p);
	p->asked = p->answered = 0;
	uint64_t from = clock_mono_us();
	join(p);
	until_done(p);
	await_splits(p);
	printf("%zu %.3f\n", p->set.feeds * p->set.subscribers,
	       (double)(clock_mono_us() - from) / 1e6);
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct populate p = {.domain = getenv("BENCH_DOMAIN")};
	struct buf problems = {0}, warnings = {0};
	struct store_health h = {0};
	char why[256] = "";
	log_setup("populate", LOG_WARN, LOG_LOGFMT);
	if (!p.domain)
		p.domain = "example.org";
	struct config *config = config_load(NULL, environ, &problems, &warnings);
	p.loop = loop_create();
	p.store = config ? store_redis_create(p.loop, config, why, sizeof(why)) : NULL;
	if (!p.store) {
		fprintf(stderr, "populate: %s%s\n", why,
			problems.data ? problems.data : "");
		return 1;
	}
	while (!h.up) {
		loop_turn(p.loop, true);
		p.store->ops->health(p.store, &h);
	}
	for (int i = 1; i < argc; i++)
		fill(&p, argv[i]);
	p.store->ops->destroy(p.store);
	loop_destroy(p.loop);
	config_free(config);
	buf_free(&problems);
	buf_free(&warnings);
	return 0;
}
