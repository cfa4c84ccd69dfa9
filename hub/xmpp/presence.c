#include "presence_int.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/*
 * A feed as a contact (RFC 6121, 3 and 4). Somebody who comes online has all the feeds
 * probed that are in his list, at once: so what concerns feeds stands in one queue, of
 * which some are looked up at a time, in order. Two of one JID and feed are never looked
 * up together: who adds a feed and removes it must not end as a follower. While one of
 * them is, of the others the last says what is wanted. Each sort has limits of its own:
 * a probe that is lost costs little.
 */
#define OPEN_MAX 64
#define WAITING_MAX 4096   /* of a sort */
#define WAITING_A_JID 1024 /* of a sort */

enum kind { SUBSCRIBE, UNSUBSCRIBE, PROBE, ACCEPT, DECLINE };
enum sort { FOLLOWING, PROBING, ANSWERING };
static const enum sort sorts[] = {
	[SUBSCRIBE] = FOLLOWING, [UNSUBSCRIBE] = FOLLOWING, [PROBE] = PROBING,
	[ACCEPT] = ANSWERING,	 [DECLINE] = ANSWERING,
};

struct waiting {
	struct waiting *next;
	enum kind kind;
	uint64_t key;
	char *from, *bare, *to, *feed;
};
struct presences {
	bool held; /* there is no stream */
	struct waiting *first, **last;
	uint64_t open[OPEN_MAX]; /* the keys of what is looked up */
	size_t open_count;
};

/* Those of one JID and feed have the same; others that have it wait, and no more. */
static uint64_t key_of(const struct session *s, const char *bare, const char *feed)
{
	const char *const texts[] = {bare, feed};
	uint64_t h = s->hint_seed ^ 14695981039346656037u;
	for (size_t i = 0; i < 2; i++) {
		for (const char *p = texts[i]; *p != '\0'; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211u;
		h = (h ^ '/') * 1099511628211u;
	}
	return h;
}

/* ---- Answers of the hub ---------------------------------------------------------- */

static void pump(struct session *s);

static void end(struct request *r)
{
	struct session *s = r->session;
	if (s == NULL) {
		request_free(r);
		return;
	}
	struct presences *p = s->presences;
	uint64_t key = key_of(s, r->bare, r->feed);
	size_t i = 0;
	while (p->open[i] != key)
		i++;
	p->open[i] = p->open[--p->open_count];
	request_free(r);
	pump(s);
}

static void on_look(void *arg, enum belfry_err err, const struct hub_look *look)
{
	struct request *r = arg;
	if (request_live(r) && err == BELFRY_OK)
		presence_show(r->session, r->to, r->from, look);
	else if (request_live(r) && (err == BELFRY_ENOENT || err == BELFRY_ENOFEED))
		presence_tell(r->session, "unsubscribed", r->to, r->bare);
	end(r);
}

static void look(struct request *r, hub_look_cb cb)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->look(hub->hub, r->feed, r->bare, cb, r);
}

/* Each feed has its own reasons. */
static bool refusal_due(struct session *s, const char *to, const char *feed)
{
	struct buf key = {0};
	buf_printf(&key, "%s %s", to, feed);
	bool due = session_hint_due(s, HINT_REFUSED, key.data);
	buf_free(&key);
	return due;
}

static void say_why(struct session *s, const char *from, const char *to, const char *feed,
		    enum belfry_err err)
{
	struct buf text = {0};
	if (!refusal_due(s, to, feed))
		return;
	if (err == BELFRY_ENOFEED)
		buf_printf(&text, "There is no feed %s.", feed);
	else if (err == BELFRY_EDENIED)
		buf_printf(&text,
			   "The feed %s is not open to you. Its owner can let you in.",
			   feed);
	else if (err == BELFRY_EPENDING)
		buf_printf(&text, REPLY_PENDING_TEXT, feed);
	else if (err == BELFRY_EUNOWNED)
		buf_printf(&text, REPLY_UNOWNED_TEXT, feed);
	else
		buf_adds(&text, err == BELFRY_ELIMIT ? REPLY_LIMIT_TEXT
						     : "That did not work just now. "
						       "Please try again in a while.");
	reply_chat(s, from, to, NULL, text.data);
	buf_free(&text);
}

/* Where the store is away no presence is sent: neither yes nor no would be true. */
static void refuse(struct request *r, enum belfry_err err)
{
	if (err == BELFRY_ENOFEED || err == BELFRY_EDENIED)
		presence_tell(r->session, "unsubscribed", r->to, r->bare);
	say_why(r->session, r->to, r->bare, r->feed, err);
}

/* The feed is closed to who asks; is it a contact of theirs all the same? */
static void on_closed(void *arg, enum belfry_err err, const struct hub_look *look)
{
	struct request *r = arg;
	if (request_live(r) && err == BELFRY_OK) {
		presence_tell(r->session, "subscribed", r->to, r->bare);
		presence_show(r->session, r->to, r->bare, look);
	} else if (request_live(r)) {
		refuse(r, err == BELFRY_ENOENT ? BELFRY_EDENIED : err);
	}
	end(r);
}

static void on_subscribed(void *arg, enum belfry_err err, const struct sub *sub,
			  bool created)
{
	struct request *r = arg;
	(void)sub;
	(void)created;
	if (!request_live(r)) {
		end(r);
	} else if (err == BELFRY_OK) {
		presence_tell(r->session, "subscribed", r->to, r->bare);
		look(r, on_look);
	} else if (err == BELFRY_EDENIED) {
		look(r, on_closed); /* RFC 6121 3.1.3 */
	} else {
		refuse(r, err);
		end(r);
	}
}

static void on_unsubscribed(void *arg, enum belfry_err err, const struct sub *sub,
			    bool created)
{
	struct request *r = arg;
	(void)sub;
	(void)created;
	if (r->session != NULL) { /* on another stream as well */
		if (err == BELFRY_OK || err == BELFRY_ENOENT || err == BELFRY_ENOFEED ||
		    err == BELFRY_EPENDING)
			presence_tell_left(r->session, r->to, r->bare);
		else
			presence_say_stays(r->session, r->to, r->bare, r->feed);
	}
	end(r);
}

/* There is nothing to say: it did not want to hear from us, or is shown already. */
static void on_done(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	(void)err;
	(void)sub;
	(void)created;
	end(arg);
}

/*
 * What was granted is given back: while a feed may see somebody's presence, the server
 * accepts its next invitation by itself. Who adds the feed as well is shown it for that.
 * It is kept where what was wished for depends on it.
 */
static void on_accepted(void *arg, enum belfry_err err, const struct sub *sub,
			bool created)
{
	struct request *r = arg;
	(void)created;
	bool over = err == BELFRY_OK || err == BELFRY_ENOENT || err == BELFRY_ENOFEED;
	bool keep = request_live(r) && err == BELFRY_OK && presence_depends(sub);
	if (request_live(r) && over && !keep)
		presence_tell(r->session, "unsubscribe", r->to, r->bare);
	if (request_live(r) && err == BELFRY_OK) {
		struct buf text = {0};
		buf_printf(&text, REPLY_FOLLOWS_TEXT "'unsubscribe' to stop.", r->feed);
		reply_chat(r->session, r->to, r->bare, NULL, text.data);
		buf_free(&text);
	} else if (request_live(r) && !over) {
		say_why(r->session, r->to, r->bare, r->feed, err);
	}
	const struct xmpp_hub *hub = keep ? r->session->hub : NULL;
	if (keep)
		hub->ops->granted(hub->hub, r->feed, r->bare, true, on_done, r);
	else
		end(r);
}

/*
 * Yes and no are first of all answers of those who were asked to show when they are
 * there; and else to an invitation.
 */
static void on_granted(void *arg, enum belfry_err err, const struct sub *sub,
		       bool created)
{
	struct request *r = arg;
	const struct xmpp_hub *hub = r->session != NULL ? r->session->hub : NULL;
	(void)sub;
	(void)created;
	if (hub == NULL || (err != BELFRY_ENOENT && err != BELFRY_ENOFEED))
		end(r);
	else
		hub->ops->answer(hub->hub, r->feed, r->bare, true, on_accepted, r);
}

static void on_withheld(void *arg, enum belfry_err err, const struct sub *sub,
			bool created)
{
	struct request *r = arg;
	const struct xmpp_hub *hub = r->session != NULL ? r->session->hub : NULL;
	(void)sub;
	if (request_live(r) && err == BELFRY_OK && created)
		presence_say_unseen(r);
	if (hub == NULL)
		end(r);
	else
		hub->ops->answer(hub->hub, r->feed, r->bare, false, on_done, r);
}

/* ---- The queue ------------------------------------------------------------------- */

struct presences *presences_create(void)
{
	struct presences *p = xcalloc(1, sizeof(*p));
	p->last = &p->first;
	return p;
}

/* LINK points to it. */
static struct waiting *take(struct presences *p, struct waiting **link)
{
	struct waiting *w = *link;
	*link = w->next;
	if (w->next == NULL)
		p->last = link;
	return w;
}

static void waiting_free(struct waiting *w)
{
	free(w->from);
	free(w->bare);
	free(w->to);
	free(w->feed);
	free(w);
}

void presences_hold(struct session *s)
{
	s->presences->held = true;
}

void presences_begin(struct session *s)
{
	struct presences *p = s->presences;
	struct waiting **link = &p->first;
	while (*link != NULL) {
		if ((*link)->kind == PROBE)
			waiting_free(take(p, link));
		else
			link = &(*link)->next;
	}
	p->held = false;
	pump(s);
}

void presences_destroy(struct presences *p)
{
	while (p->first != NULL)
		waiting_free(take(p, &p->first));
	free(p);
}

/* Is something of W's JID and feed being looked up? */
static bool under_way(const struct presences *p, const struct waiting *w)
{
	for (size_t i = 0; i < p->open_count; i++)
		if (p->open[i] == w->key)
			return true;
	return false;
}

static void ask(struct session *s, const struct waiting *w)
{
	static const struct sub_change contact = {.set = SUB_SET_CONTACT,
						  .format = FORMAT_CHAT,
						  .options = {.contact = true}};
	const struct xmpp_hub *hub = s->hub;
	struct incoming in = {.from = w->from,
			      .bare = w->bare,
			      .to = w->to,
			      .feed = w->feed,
			      .place = PLACE_FEED};
	struct request *r = request_make(s, &in, true);
	r->presence = true;
	s->presences->open[s->presences->open_count++] = w->key;
	if (w->kind == SUBSCRIBE)
		hub->ops->subscribe(hub->hub, w->bare, w->feed, w->bare, &contact,
				    on_subscribed, r);
	else if (w->kind == UNSUBSCRIBE)
		hub->ops->unsubscribe(hub->hub, w->feed, w->bare, on_unsubscribed, r);
	else if (w->kind == PROBE)
		look(r, on_look);
	else
		hub->ops->granted(hub->hub, w->feed, w->bare, w->kind == ACCEPT,
				  w->kind == ACCEPT ? on_granted : on_withheld, r);
}

/* What has to wait for another of its JID and feed holds nobody else up. */
static void pump(struct session *s)
{
	struct presences *p = s->presences;
	struct waiting **link = &p->first;
	while (!p->held && *link != NULL && p->open_count < OPEN_MAX) {
		if (under_way(p, *link)) {
			link = &(*link)->next;
			continue;
		}
		struct waiting *w = take(p, link);
		ask(s, w);
		waiting_free(w);
	}
}

static bool same_contact(const struct waiting *v, const struct waiting *w)
{
	return v->key == w->key && strcmp(v->bare, w->bare) == 0 &&
	       strcmp(v->feed, w->feed) == 0;
}

/* Is W settled by what waits already? A probe that is there; else the newer one counts.
 */
static bool settled(const struct presences *p, const struct waiting *w)
{
	for (struct waiting *v = p->first; v != NULL; v = v->next) {
		if (sorts[v->kind] != sorts[w->kind] || !same_contact(v, w))
			continue;
		if (w->kind != PROBE) {
			v->kind = w->kind;
			return true;
		}
		if (strcmp(v->from, w->from) == 0)
			return true;
	}
	return false;
}

static bool room_for(const struct presences *p, const struct waiting *w)
{
	size_t all = 0, same = 0;
	for (const struct waiting *v = p->first; v != NULL; v = v->next) {
		if (sorts[v->kind] != sorts[w->kind])
			continue;
		all++;
		same += strcmp(v->bare, w->bare) == 0;
	}
	return all < WAITING_MAX && same < WAITING_A_JID;
}

/* Probes come again with the next log-in. */
static void say_no_room(struct session *s, const struct waiting *w)
{
	if (w->kind == SUBSCRIBE || w->kind == ACCEPT)
		say_why(s, w->to, w->bare, w->feed, BELFRY_EFULL);
	else if (w->kind == UNSUBSCRIBE)
		presence_say_stays(s, w->to, w->bare, w->feed);
}

static void enqueue(struct session *s, const struct incoming *in, const char *to,
		    enum kind kind)
{
	struct presences *p = s->presences;
	struct waiting *w = xcalloc(1, sizeof(*w));
	w->kind = kind;
	w->key = key_of(s, in->bare, in->feed);
	/* Only a probe is answered to where it came from. */
	w->from = xstrdup(kind == PROBE ? in->from : in->bare);
	w->bare = xstrdup(in->bare);
	w->to = xstrdup(to);
	w->feed = xstrdup(in->feed);
	if (settled(p, w)) {
		waiting_free(w);
		return;
	}
	if (!room_for(p, w)) {
		say_no_room(s, w);
		waiting_free(w);
		return;
	}
	*p->last = w;
	p->last = &w->next;
	pump(s);
}

/* ---- What arrives ---------------------------------------------------------------- */

/* The hub and the service are everybody's: there is nothing to remember. */
static void answer_hub(struct session *s, const struct incoming *in, const char *from,
		       enum kind kind)
{
	static const struct hub_look available;
	if (kind == UNSUBSCRIBE) {
		presence_tell_left(s, from, in->bare);
		return;
	}
	if (kind == SUBSCRIBE)
		presence_tell(s, "subscribed", from, in->bare);
	presence_show(s, from, kind == PROBE ? in->from : in->bare, &available);
}

/* A name that no feed can have. */
static void answer_nowhere(struct session *s, const struct incoming *in, const char *from,
			   enum kind kind)
{
	if (kind == UNSUBSCRIBE) {
		presence_tell_left(s, from, in->bare);
		return;
	}
	presence_tell(s, "unsubscribed", from, in->bare);
	if (kind == SUBSCRIBE && session_hint_due(s, HINT_REFUSED, in->bare))
		reply_chat(s, from, in->bare, NULL, "There is no feed of that name.");
}

static void arrived(struct session *s, const struct incoming *in, enum kind kind)
{
	if (s->hub == NULL)
		return;
	char *to = jid_bare(in->to); /* whatever resource was written to */
	bool feed = in->place == PLACE_FEED;
	if (feed && feed_name_valid(in->feed, strlen(in->feed)))
		enqueue(s, in, to, kind);
	else if (sorts[kind] == ANSWERING)
		; /* nobody else asks anything */
	else if (!feed)
		answer_hub(s, in, to, kind);
	else
		answer_nowhere(s, in, to, kind);
	free(to);
}

void presence_subscribe(struct session *s, const struct incoming *in)
{
	arrived(s, in, SUBSCRIBE);
}

void presence_unsubscribe(struct session *s, const struct incoming *in)
{
	arrived(s, in, UNSUBSCRIBE);
}

void presence_probe(struct session *s, const struct incoming *in)
{
	arrived(s, in, PROBE);
}

void presence_subscribed(struct session *s, const struct incoming *in)
{
	arrived(s, in, ACCEPT);
}

void presence_unsubscribed(struct session *s, const struct incoming *in)
{
	arrived(s, in, DECLINE);
}
