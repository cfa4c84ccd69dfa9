#include <belfry/store/decide.h>

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/* How often it is tried again when somebody else was quicker. */
#define TRIES 5

struct decision {
	struct store *store;
	char *feed, *jid;
	bool allow, follows;
	unsigned tries;
	enum pending_state seen;
	store_row_cb cb;
	void *arg;
	/* The row that was made, until its request is taken away. */
	bool created;
	struct sub sub;
	char options[SUB_OPTIONS_SIZE];
};

static void finish(struct decision *d, enum belfry_err err)
{
	const struct store_row row = {d->jid, strlen(d->jid), d->sub};

	d->cb(d->arg, err, !err && d->allow ? &row : NULL, !err && d->created);
	free(d->feed);
	free(d->jid);
	free(d);
}

struct sub_change store_pending_change(const struct store_pending *p)
{
	return (struct sub_change){
		.set = SUB_SET_FORMAT | SUB_SET_PRIORITY | SUB_SET_TAGS | SUB_SET_MUTED |
		       (p->options.contact ? SUB_SET_CONTACT : 0u),
		.format = p->format,
		.options = p->options,
	};
}

static void keep_row(struct decision *d, const struct store_row *row, bool created)
{
	size_t len = row->sub.options_len;

	d->created = d->created || created;
	d->sub = row->sub;
	if (!row->sub.options || len >= sizeof d->options) {
		d->sub.options = NULL;
		d->sub.options_len = 0;
		return;
	}
	memcpy(d->options, row->sub.options, len);
	d->options[len] = '\0';
	d->sub.options = d->options;
}

static void look(struct decision *d);

/* ---- The person behind a full JID ------------------------------------------------- */

/* What was answered stands, whatever else is remembered of the person. */
static void on_person_known(void *arg, enum belfry_err err)
{
	finish(arg, err == BELFRY_ESTALE || err == BELFRY_EFULL ? BELFRY_OK : err);
}

static void put_person(struct decision *d, enum pending_state from, store_cb cb)
{
	char *bare = jid_bare(d->jid);
	const struct store_pending p = {.jid = bare,
					.state = d->allow ? PENDING_NONE : PENDING_DENIED,
					.at_ms = clock_wall_ms(),
					.format = FORMAT_CHAT};

	d->store->ops->pending_put(d->store, d->feed, &p, from, NOTICE_NONE, cb, d);
	free(bare);
}

/* An earlier denial may be old: this one is new. */
static void on_person_denied(void *arg, enum belfry_err err)
{
	struct decision *d = arg;

	if (err == BELFRY_ESTALE && d->seen == PENDING_OWNERS)
		put_person(d, PENDING_DENIED, on_person_known);
	else
		on_person_known(d, err);
}

/* Anybody can make up a resource: what is said of one is said to the person. */
static void tell_person(struct decision *d)
{
	if (d->allow)
		put_person(d, PENDING_DENIED, on_person_known);
	else
		put_person(d, PENDING_NONE, on_person_denied);
}

/* ---- The JID itself --------------------------------------------------------------- */

static void on_put(void *arg, enum belfry_err err)
{
	struct decision *d = arg;

	if (err == BELFRY_ESTALE && ++d->tries < TRIES)
		look(d);
	else if (err)
		finish(d, err);
	else if (d->follows)
		finish(d, BELFRY_ENOENT);
	else if (jid_has_resource(d->jid))
		tell_person(d);
	else
		finish(d, BELFRY_OK);
}

static void put(struct decision *d, enum pending_state state, enum notice_kind notice,
		const struct store_pending *wish)
{
	struct store_pending p = {.format = FORMAT_CHAT};

	if (wish)
		p = *wish;
	p.jid = d->jid;
	p.state = state;
	p.at_ms = clock_wall_ms();
	d->store->ops->pending_put(d->store, d->feed, &p, d->seen, notice, on_put, d);
}

/* The row first: after a crash in between the request still stands there. */
static void on_joined(void *arg, enum belfry_err err, const struct store_row *row,
		      bool created)
{
	struct decision *d = arg;

	if (err) {
		finish(d, err);
		return;
	}
	keep_row(d, row, created);
	put(d, PENDING_NONE, NOTICE_ALLOWED, NULL);
}

static void on_followed(void *arg, enum belfry_err err, const struct store_row *row,
			bool created)
{
	struct decision *d = arg;

	if (!err)
		keep_row(d, row, created);
	finish(d, err);
}

/* There is no request, or no longer: that is well where it follows. */
static void no_request(struct decision *d)
{
	if (d->allow)
		d->store->ops->sub_get(d->store, d->feed, d->jid, on_followed, d);
	else
		finish(d, BELFRY_ENOENT);
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct decision *d = arg;

	if (err == BELFRY_ENOENT) {
		no_request(d);
		return;
	}
	if (err) {
		finish(d, err);
		return;
	}
	d->seen = p->state;
	switch (p->state) {
	case PENDING_NONE:
		no_request(d);
		return;
	case PENDING_PERSON:
		finish(d, BELFRY_EPENDING);
		return;
	case PENDING_REFUSED:
		finish(d, BELFRY_EREFUSED);
		return;
	case PENDING_OWNERS:
	case PENDING_DENIED:
		break;
	}
	if (d->allow) {
		const struct sub_change change = store_pending_change(p);

		d->store->ops->join(d->store, d->feed, d->jid, &change, on_joined, d);
	} else if (d->follows) {
		put(d, PENDING_NONE, NOTICE_NONE, NULL);
	} else if (p->state == PENDING_OWNERS) {
		put(d, PENDING_DENIED, NOTICE_DENIED, p);
	} else {
		on_put(d, BELFRY_OK);
	}
}

static void get_pending(struct decision *d)
{
	d->store->ops->pending_get(d->store, d->feed, d->jid, on_pending, d);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct decision *d = arg;

	(void)row;
	(void)created;
	d->follows = !err;
	if (err && err != BELFRY_ENOENT)
		finish(d, err);
	else
		get_pending(d);
}

/* Who follows was let in: nobody is told a no that does not hold. */
static void look(struct decision *d)
{
	if (d->allow)
		get_pending(d);
	else
		d->store->ops->sub_get(d->store, d->feed, d->jid, on_row, d);
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
