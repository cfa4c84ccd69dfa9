#include "fake_hub.h"

#include <belfry/base/clock.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum belfry_err access_to(const struct fake_hub *f, const char *feed)
{
	if (f->err != BELFRY_OK)
		return f->err;
	if (strcmp(feed, "deploys") == 0 || strcmp(feed, "council") == 0)
		return BELFRY_OK;
	return strcmp(feed, "secret") == 0 ? BELFRY_EDENIED : BELFRY_ENOFEED;
}

/* The same of what somebody follows: "council" is asked to. */
static enum belfry_err follows(const struct fake_hub *f, const char *feed)
{
	enum belfry_err err = access_to(f, feed);
	if (err != BELFRY_OK || strcmp(feed, "council") != 0)
		return err;
	return f->unowned ? BELFRY_EUNOWNED : BELFRY_EPENDING;
}

static struct fake_call *ask(struct fake_hub *f, enum fake_kind kind, void *arg,
			     enum belfry_err err)
{
	assert(f->call_count < FAKE_CALLS_MAX);
	struct fake_call *c = &f->calls[f->call_count++];
	c->kind = kind;
	c->arg = arg;
	c->err = err;
	return c;
}

static void fake_feeds(void *hub, const char *who, const char *after, size_t limit,
		       hub_feeds_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "feeds %s '%s' %zu\n", who, after, limit);
	struct fake_call *c = ask(f, FAKE_FEEDS, arg, f->err);
	c->u.feeds = cb;
	c->count = strcmp(after, "deploys") < 0 ? 1u : 0u;
}

static void fake_feed(void *hub, const char *who, const char *feed, hub_feed_cb cb,
		      void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "feed %s %s\n", who, feed);
	ask(f, FAKE_FEED, arg, access_to(f, feed))->u.feed = cb;
}

/* What is changed beside the format, and of what there is alone. */
static void log_change(struct fake_hub *f, const struct sub_change *c)
{
	const struct sub_options *o = &c->options;
	if (c->only_existing)
		buf_adds(&f->log, " existing");
	if (c->set & SUB_SET_CONTACT)
		buf_adds(&f->log, " contact");
	if (c->set & SUB_SET_FORMAT && c->only_existing)
		buf_adds(&f->log, " format");
	if (c->set & SUB_SET_PRIORITY)
		buf_printf(&f->log, " %s", priority_text(o->at_least));
	if (c->set & SUB_SET_TAGS)
		buf_adds(&f->log, " tags");
	for (size_t i = 0; c->set & SUB_SET_TAGS && i < o->tag_count; i++)
		buf_printf(&f->log, " '%s'", o->tags[i]);
	if (c->set & SUB_SET_MUTED) {
		uint64_t now = clock_wall_ms(), until = o->muted_until_ms;
		buf_printf(&f->log, " muted %llum",
			   until > now ? (unsigned long long)(until - now + 30000) / 60000
				       : 0ull);
	}
	if (c->set & SUB_SET_PAUSED)
		buf_adds(&f->log, o->paused ? " paused" : " resumed");
	if (c->set & SUB_SET_QUIET && o->quiet.set)
		buf_printf(&f->log, " quiet %u-%u %s", o->quiet.from, o->quiet.to,
			   o->quiet.zone);
	else if (c->set & SUB_SET_QUIET)
		buf_adds(&f->log, " not quiet");
	if (c->set & SUB_SET_URGENT)
		buf_adds(&f->log, o->urgent_passes ? " urgent passes" : " urgent waits");
	if (c->set & SUB_SET_OFFLINE)
		buf_adds(&f->log, o->hold_offline ? " hold" : " no hold");
	if (c->set & SUB_SET_SHOWS)
		buf_printf(&f->log, " shows %u", o->shows);
	if (c->set & SUB_SET_DIGEST && o->digest.daily)
		buf_printf(&f->log, " digest at %u %s", o->digest.at, o->digest.zone);
	else if (c->set & SUB_SET_DIGEST)
		buf_printf(&f->log, " digest every %u", o->digest.every_min);
	buf_addc(&f->log, '\n');
}

static void fake_subscribe(void *hub, const char *who, const char *feed, const char *jid,
			   const struct sub_change *change, hub_sub_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "subscribe %s %s %s %c", who, feed, jid,
		   (char)change->format);
	log_change(f, change);
	enum belfry_err err = follows(f, feed);
	if (change->only_existing && (err == BELFRY_EPENDING || err == BELFRY_EUNOWNED ||
				      (err == BELFRY_OK && f->follows_not)))
		err = BELFRY_ENOENT;
	struct fake_call *c = ask(f, FAKE_SUB, arg, err);
	c->u.sub = cb;
	c->created =
		(err == BELFRY_EPENDING || err == BELFRY_EUNOWNED) && !f->asked_before;
}

static void fake_unsubscribe(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
			     void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "unsubscribe %s %s\n", feed, jid);
	enum belfry_err err = follows(f, feed);
	ask(f, FAKE_SUB, arg, err == BELFRY_EDENIED ? BELFRY_ENOENT : err)->u.sub = cb;
}

static void fake_subscription(void *hub, const char *feed, const char *jid, hub_sub_cb cb,
			      void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "subscription %s %s\n", feed, jid);
	enum belfry_err err = follows(f, feed);
	if (err == BELFRY_EDENIED || (err == BELFRY_OK && f->follows_not))
		err = BELFRY_ENOENT;
	ask(f, FAKE_SUB, arg, err)->u.sub = cb;
}

static void fake_look(void *hub, const char *feed, const char *jid, hub_look_cb cb,
		      void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "look %s %s\n", feed, jid);
	enum belfry_err err = access_to(f, feed);
	if (err == BELFRY_EDENIED && f->was_let_in)
		err = BELFRY_OK;
	if (err == BELFRY_EDENIED || (!err && f->no_contact))
		err = BELFRY_ENOENT;
	ask(f, FAKE_LOOK, arg, err)->u.look = cb;
}

static void fake_card(void *hub, const char *who, const char *feed, hub_card_cb cb,
		      void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "card %s %s\n", who, feed);
	ask(f, FAKE_CARD, arg, access_to(f, feed))->u.card = cb;
}

static void fake_items(void *hub, const char *who, const char *feed,
		       const char *const *ids, size_t id_count, size_t limit,
		       hub_items_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "items %s %s %zu", who, feed, limit);
	for (size_t i = 0; i < id_count; i++)
		buf_printf(&f->log, " %s", ids[i]);
	buf_addc(&f->log, '\n');
	struct fake_call *c = ask(f, FAKE_ITEMS_CALL, arg, access_to(f, feed));
	c->u.items = cb;
	c->count = id_count > 0 ? id_count : limit;
	if (c->count > FAKE_ITEMS)
		c->count = FAKE_ITEMS;
}

static void fake_recent(void *hub, const char *who, size_t limit, hub_items_cb cb,
			void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "recent %s %zu\n", who, limit);
	struct fake_call *c = ask(f, FAKE_RECENT, arg, f->err);
	c->u.items = cb;
	c->count = limit < FAKE_ITEMS ? limit : FAKE_ITEMS;
}

static void fake_following(void *hub, const char *who, const char *after, size_t limit,
			   hub_followed_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "following %s '%s' %zu\n", who, after, limit);
	struct fake_call *c = ask(f, FAKE_FOLLOWING, arg, f->err);
	c->u.followed = cb;
	c->count = f->follows_not ? 0 : 2;
}

static void fake_answer(void *hub, const char *feed, const char *jid, bool yes,
			hub_sub_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "answer %s %s %s\n", feed, jid, yes ? "yes" : "no");
	enum belfry_err err = access_to(f, feed);
	if (f->not_invited && (err == BELFRY_OK || err == BELFRY_EDENIED))
		err = BELFRY_ENOENT;
	struct fake_call *c = ask(f, FAKE_SUB, arg, err);
	c->u.sub = cb;
	c->no_sub = !yes;
}

static void fake_undelivered(void *hub, const char *feed, const char *jid,
			     const char *condition)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "undelivered %s %s %s\n", feed, jid, condition);
}

static void fake_owner_returned(void *hub, const char *owner, bool nobody,
				const char *condition)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "returned %s %s\n", owner, nobody ? "nobody" : condition);
}

static void fake_heard(void *hub, const char *who)
{
	struct fake_hub *f = hub;
	snprintf(f->heard, sizeof(f->heard), "%s", who);
}

static enum belfry_err owned(const struct fake_hub *f, const char *feed)
{
	enum belfry_err err = access_to(f, feed);
	return err == BELFRY_OK && !f->owner ? BELFRY_EDENIED : err;
}

static void fake_decide(void *hub, const char *owner, const char *feed, const char *jid,
			bool allow, hub_done_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "decide %s %s %s %s\n", owner, feed, jid,
		   allow ? "allow" : "deny");
	enum belfry_err err = owned(f, feed);
	if (err == BELFRY_OK && f->nobody_asks)
		err = BELFRY_ENOENT;
	ask(f, FAKE_DONE, arg, err)->u.done = cb;
}

static void fake_requests(void *hub, const char *owner, const char *feed, size_t limit,
			  hub_requests_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "requests %s %s %zu\n", owner, feed, limit);
	struct fake_call *c = ask(f, FAKE_REQUESTS, arg, owned(f, feed));
	c->u.requests = cb;
	c->count = f->nobody_asks ? 0 : 2;
}

static void fake_affiliations(void *hub, const char *owner, const char *feed,
			      hub_affiliations_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "affiliations %s %s\n", owner, feed);
	ask(f, FAKE_AFFILIATIONS, arg, owned(f, feed))->u.affiliations = cb;
}

static void fake_affiliation(void *hub, const char *who, const char *feed,
			     hub_affiliations_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "affiliation %s %s\n", who, feed);
	ask(f, FAKE_AFFILIATION, arg, access_to(f, feed))->u.affiliations = cb;
}

static void fake_affiliate(void *hub, const char *owner, const char *feed,
			   const struct hub_affiliation *list, size_t count,
			   hub_done_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "affiliate %s %s", owner, feed);
	for (size_t i = 0; i < count; i++)
		buf_printf(&f->log, " %s=%s", list[i].jid,
			   feed_affiliation_text(list[i].affiliation));
	buf_addc(&f->log, '\n');
	enum belfry_err err = owned(f, feed);
	if (err == BELFRY_OK && f->last_owner)
		err = BELFRY_EDENIED;
	ask(f, FAKE_DONE, arg, err)->u.done = cb;
}

static void fake_available(void *hub, const char *feed, const char *jid,
			   enum availability now, int priority)
{
	struct fake_hub *f = hub;
	buf_printf(&f->log, "available %s %s %s %d\n", feed, jid, availability_text(now),
		   priority);
}

static void fake_granted(void *hub, const char *feed, const char *jid, bool yes,
			 hub_sub_cb cb, void *arg)
{
	struct fake_hub *f = hub;
	if (f->depends)
		buf_printf(&f->log, "granted %s %s %s\n", feed, jid, yes ? "yes" : "no");
	struct fake_call *c =
		ask(f, FAKE_SUB, arg, f->depends ? access_to(f, feed) : BELFRY_ENOENT);
	c->u.sub = cb;
	c->created = !yes;
}

static const struct xmpp_hub_ops ops = {
	.granted = fake_granted,
	.available = fake_available,
	.feeds = fake_feeds,
	.feed = fake_feed,
	.subscribe = fake_subscribe,
	.unsubscribe = fake_unsubscribe,
	.subscription = fake_subscription,
	.items = fake_items,
	.look = fake_look,
	.card = fake_card,
	.recent = fake_recent,
	.following = fake_following,
	.answer = fake_answer,
	.undelivered = fake_undelivered,
	.owner_returned = fake_owner_returned,
	.heard = fake_heard,
	.decide = fake_decide,
	.requests = fake_requests,
	.affiliations = fake_affiliations,
	.affiliation = fake_affiliation,
	.affiliate = fake_affiliate,
};

void fake_hub_init(struct fake_hub *f)
{
	memset(f, 0, sizeof(*f));
	f->hub.ops = &ops;
	f->hub.hub = f;
	f->sub = (struct sub){.format = FORMAT_CHAT, .since = {1, 2}};
	f->title = "Deploys & <more>";
	f->body = "all is well";
}

void fake_hub_free(struct fake_hub *f)
{
	fake_hub_answer(f);
	buf_free(&f->log);
}

static void answer_items(struct fake_hub *f, const struct fake_call *c)
{
	static const char *const names[FAKE_ITEMS] = {"one", "two", "three"};
	static char doc[] = "{\"title\":\"t\"}";
	char title[] = "a title";
	char *big = calloc(1, f->big_body + 1), *plain = strdup(f->body);
	memset(big, 'x', f->big_body);
	struct event event = {.title = title,
			      .body = f->big_body > 0 ? big : plain,
			      .priority = PRIORITY_NORMAL,
			      .doc = doc,
			      .doc_len = sizeof(doc) - 1};
	struct hub_item items[FAKE_ITEMS];
	for (size_t i = 0; i < FAKE_ITEMS; i++)
		items[i] = (struct hub_item){
			.feed = c->kind == FAKE_RECENT && i == 1 ? "builds" : "deploys",
			.id = "01890000-0000-7000-8000-000000000001",
			.item = names[i],
			.pos = {1, i + 1},
			.at_ms = 1700000000000u,
			.event = i < f->unread ? NULL : &event};
	bool ok = c->err == BELFRY_OK;
	c->u.items(c->arg, c->err, ok ? items + (FAKE_ITEMS - c->count) : NULL,
		   ok ? c->count : 0);
	free(big);
	free(plain);
}

static void answer_feeds(struct fake_hub *f, const struct fake_call *c,
			 const struct hub_feed *feed)
{
	size_t count = f->feeds > 0 ? f->feeds : c->count;
	struct hub_feed *list = calloc(count + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++)
		list[i] = *feed;
	c->u.feeds(c->arg, c->err, list, c->err == BELFRY_OK ? count : 0, f->more);
	free(list);
}

static void answer_following(struct fake_hub *f, const struct fake_call *c)
{
	const struct hub_followed list[] = {
		{.feed = "deploys", .sub = f->sub},
		{.feed = "secret", .sub = {.format = FORMAT_EVENT, .since = {1, 2}}}};
	c->u.followed(c->arg, c->err, c->err ? NULL : list, c->err ? 0 : c->count,
		      f->more);
}

static void answer_requests(struct fake_hub *f, const struct fake_call *c)
{
	const struct hub_request list[] = {
		{"deploys", "bob@example.org", 1700000000000u},
		{"deploys", "carol@example.org/Tab", 1700000060000u}};
	bool ok = c->err == BELFRY_OK;
	c->u.requests(c->arg, c->err, ok ? list : NULL, ok ? c->count : 0, ok && f->more);
}

static void answer_affiliations(struct fake_hub *f, const struct fake_call *c)
{
	const struct hub_affiliation list[] = {{"alice@example.org", f->affiliation},
					       {"bob@example.org", AFFILIATION_MEMBER},
					       {"spam.example", AFFILIATION_OUTCAST}};
	size_t count = c->kind == FAKE_AFFILIATION ? 1 : 3;
	bool ok = c->err == BELFRY_OK;
	c->u.affiliations(c->arg, c->err, ok ? list : NULL, ok ? count : 0);
}

static void answer(struct fake_hub *f, const struct fake_call *c)
{
	struct hub_feed feed = {.name = "deploys",
				.title = f->title,
				.access = f->access,
				.affiliation = f->affiliation,
				.subscribers = 7,
				.max_items = 1000,
				.created_ms = 1700000000000u};
	bool ok = c->err == BELFRY_OK;
	switch (c->kind) {
	case FAKE_FEEDS:
		answer_feeds(f, c, &feed);
		break;
	case FAKE_FEED:
		c->u.feed(c->arg, c->err, ok ? &feed : NULL);
		break;
	case FAKE_LOOK:
		c->u.look(c->arg, c->err, ok ? &f->look : NULL);
		break;
	case FAKE_CARD:
		c->u.card(c->arg, c->err, ok ? &feed : NULL, ok ? f->face : NULL);
		break;
	case FAKE_FOLLOWING:
		answer_following(f, c);
		break;
	case FAKE_SUB:
		c->u.sub(c->arg, c->err, c->err || c->no_sub ? NULL : &f->sub,
			 c->created);
		break;
	case FAKE_DONE:
		c->u.done(c->arg, c->err);
		break;
	case FAKE_REQUESTS:
		answer_requests(f, c);
		break;
	case FAKE_AFFILIATIONS:
	case FAKE_AFFILIATION:
		answer_affiliations(f, c);
		break;
	case FAKE_ITEMS_CALL:
	case FAKE_RECENT:
		answer_items(f, c);
		break;
	}
}

void fake_hub_answer(struct fake_hub *f)
{
	/* An answer may ask the next question. */
	for (size_t i = 0; i < f->call_count; i++) {
		struct fake_call c = f->calls[i];
		answer(f, &c);
	}
	f->call_count = 0;
}
