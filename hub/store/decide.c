#include <belfry/store/decide.h>

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

struct decision {
	struct store *store;
	char *feed, *jid;
	bool allow;
	unsigned tries;
	struct sub_change change;  /* what it wished for */
	struct store_pending seen; /* its JID is JID */
	store_row_cb cb;
	void *arg;
};

static void finish(struct decision *d, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	d->cb(d->arg, err, row, created);
	free(d->feed);
	free(d->jid);
	free(d);
}

struct sub_change store_pending_change(const struct store_pending *p)
{
	return (struct sub_change){
		.set = SUB_SET_FORMAT | SUB_SET_PRIORITY | SUB_SET_TAGS | SUB_SET_MUTED |
		       SUB_SET_PAUSED | SUB_SET_QUIET | SUB_SET_URGENT | SUB_SET_OFFLINE |
		       SUB_SET_SHOWS | SUB_SET_DIGEST | SUB_SET_RECEIPT |
		       (p->options.contact ? SUB_SET_CONTACT : 0u),
		.format = p->format,
		.options = p->options,
	};
}

static void look(struct decision *d);

static void on_admitted(void *arg, enum belfry_err err, const struct store_row *row,
			bool created)
{
	struct decision *d = arg;

	if (err == BELFRY_ESTALE && ++d->tries < STORE_TRIES)
		look(d);
	else
		finish(d, err, row, created);
}

static void on_denied(void *arg, enum belfry_err err)
{
	on_admitted(arg, err, NULL, false);
}

/* It was entered while it asked: nobody is told a no that does not hold. */
static void on_over(void *arg, enum belfry_err err)
{
	on_denied(arg, err ? err : BELFRY_ENOENT);
}

static void put(struct decision *d, enum pending_state state, enum notice_kind notice,
		store_cb cb)
{
	struct store_pending p = d->seen;

	p.state = state;
	p.at_ms = clock_wall_ms();
	d->store->ops->pending_put(d->store, d->feed, &p, d->seen.state, notice, cb, d);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct decision *d = arg;

	(void)row;
	(void)created;
	if (err && err != BELFRY_ENOENT)
		finish(d, err, NULL, false);
	else if (!err)
		put(d, PENDING_NONE, NOTICE_NONE, on_over);
	else if (d->seen.state == PENDING_OWNERS)
		put(d, PENDING_DENIED, NOTICE_DENIED, on_denied);
	else
		finish(d, BELFRY_OK, NULL, false);
}

/* Also where the configuration cannot be read. */
static bool is_outcast(const struct store_feed *feed, const char *jid)
{
	struct feed_config c;
	char why[128];

	feed_config_init(&c);
	bool out = feed_config_patch(&c, feed->config, strlen(feed->config), why,
				     sizeof why) ||
		   feed_affiliation_of(&c, jid) == AFFILIATION_OUTCAST;
	feed_config_free(&c);
	return out;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct decision *d = arg;
	struct store *s = d->store;

	(void)created;
	if (!err && is_outcast(feed, d->jid))
		err = BELFRY_EDENIED;
	if (err) {
		finish(d, err, NULL, false);
		return;
	}
	d->change.casts = feed->casts;
	s->ops->admit(s, d->feed, d->jid, &d->change, &d->seen, NOTICE_ALLOWED,
		      on_admitted, d);
}

/* The person asked, or was denied: what was wished for counts, by whatever JID. */
static void decide(struct decision *d, const struct store_pending *p)
{
	struct store *s = d->store;

	free(d->jid);
	d->jid = xstrdup(p->jid);
	d->seen = *p;
	d->seen.jid = d->jid;
	d->seen.seen_jid = d->jid;
	d->change = store_pending_change(p);
	if (d->allow)
		s->ops->feed_get(s, d->feed, on_feed, d);
	else
		s->ops->sub_get(s, d->feed, d->jid, on_row, d);
}

static void on_followed(void *arg, enum belfry_err err, const struct store_row *row,
			bool created)
{
	finish(arg, err, row, created);
}

/* There is no request, or no longer: that is well where it follows. */
static void no_request(struct decision *d)
{
	if (d->allow)
		d->store->ops->sub_get(d->store, d->feed, d->jid, on_followed, d);
	else
		finish(d, BELFRY_ENOENT, NULL, false);
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct decision *d = arg;

	if (err && err != BELFRY_ENOENT) {
		finish(d, err, NULL, false);
		return;
	}
	switch (err ? PENDING_NONE : p->state) {
	case PENDING_NONE:
	case PENDING_WITHDRAWN:
		no_request(d);
		break;
	case PENDING_PERSON:
	case PENDING_INVITED:
		finish(d, BELFRY_EPENDING, NULL, false);
		break;
	case PENDING_REFUSED:
		finish(d, BELFRY_EREFUSED, NULL, false);
		break;
	case PENDING_OWNERS:
	case PENDING_DENIED:
		decide(d, p);
		break;
	}
}

static void look(struct decision *d)
{
	d->store->ops->pending_get(d->store, d->feed, d->jid, on_pending, d);
}

void store_decide(struct store *s, const char *feed, const char *jid, bool allow,
		  store_row_cb cb, void *arg)
{
	struct decision *d = xcalloc(1, sizeof *d);

	d->store = s;
	d->feed = xstrdup(feed);
	d->jid = xstrdup(jid);
	d->allow = allow;
	d->cb = cb;
	d->arg = arg;
	look(d);
}
