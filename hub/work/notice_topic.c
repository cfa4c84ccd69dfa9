#include "work/notices_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>
#include <belfry/xmpp/notice.h>

#include <stdlib.h>
#include <string.h>

#define PAGE 1000 /* of who asks */

static void end(struct topic *t, enum belfry_err err)
{
	t->cb(t->arg, err);
}

/* Is it still so? */
static bool holds(const struct topic *t)
{
	switch (t->kind) {
	case NOTICE_REQUEST:
		return t->state == PENDING_OWNERS && !t->follows && t->c.owners;
	case NOTICE_INVITATION:
		return t->state == PENDING_INVITED && !t->follows;
	case NOTICE_ALLOWED:
		return t->follows;
	case NOTICE_DENIED:
		return t->state == PENDING_DENIED && !t->follows;
	case NOTICE_WITHDRAWN:
		return !t->follows;
	case NOTICE_TURNED_AWAY:
	case NOTICE_UNINVITED:
		return !t->follows && t->state != PENDING_OWNERS &&
		       !pending_awaits_person(t->state);
	case NOTICE_WAITING:
	case NOTICE_SWEEP:
	case NOTICE_NONE:
		break;
	}
	return false;
}

static void on_look(void *arg, enum belfry_err err, struct look *look)
{
	struct topic *t = arg;
	t->look = look;
	end(t, err == BELFRY_ENOFEED ? BELFRY_ENOENT : err);
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct topic *t = arg;
	(void)created;
	if (err && err != BELFRY_ENOENT) {
		end(t, err == BELFRY_ENOFEED ? BELFRY_ENOENT : err);
		return;
	}
	if (!err) {
		struct sub_options options = {0};
		sub_options_read(&row->sub, &options);
		t->follows = true;
		t->format = row->sub.format;
		t->contact = options.contact;
	}
	if (!holds(t))
		end(t, BELFRY_ENOENT);
	else if (t->kind == NOTICE_ALLOWED && t->contact)
		look_get(t->store, t->feed, on_look, t);
	else
		end(t, BELFRY_OK);
}

static void get_pending(struct topic *t);

static void on_marked(void *arg, enum belfry_err err)
{
	struct topic *t = arg;
	if (!err || err == BELFRY_ESTALE)
		get_pending(t);
	else
		end(t, err == BELFRY_ENOFEED ? BELFRY_ENOENT : err);
}

/*
 * Before it is said: whoever ends the invitation from now on tells the person so, and
 * behind it. Nobody is told that an invitation is over who never had it; but for one
 * that a link lost which broke in that moment.
 */
static void mark(struct topic *t, const struct store_pending *p)
{
	struct store_pending invited = *p;
	invited.state = PENDING_INVITED;
	t->store->ops->pending_put(t->store, t->feed, &invited, p->state, NOTICE_NONE,
				   on_marked, t);
}

static void on_forgotten(void *arg, enum belfry_err err)
{
	struct topic *t = arg;
	if (err == BELFRY_ESTALE)
		get_pending(t);
	else
		end(t, err && err != BELFRY_ENOFEED ? err : BELFRY_ENOENT);
}

/* The request was taken back before its owners were told: they will be of the next. */
static void forget(struct topic *t, const struct store_pending *p)
{
	struct store_pending none = *p;
	none.state = PENDING_NONE;
	t->store->ops->pending_put(t->store, t->feed, &none, p->state, NOTICE_NONE,
				   on_forgotten, t);
}

static void set_jid(struct topic *t, const char *jid)
{
	free(t->jid);
	t->jid = xstrdup(jid);
}

static void on_pending(void *arg, enum belfry_err err, const struct store_pending *p)
{
	struct topic *t = arg;
	if (err && err != BELFRY_ENOENT) {
		end(t, err == BELFRY_ENOFEED ? BELFRY_ENOENT : err);
		return;
	}
	if (!err && t->kind == NOTICE_REQUEST && p->state == PENDING_WITHDRAWN) {
		forget(t, p);
		return;
	}
	if (!err && t->kind == NOTICE_INVITATION && p->state == PENDING_PERSON) {
		mark(t, p);
		return;
	}
	if (!err) {
		t->state = p->state;
		if (t->kind == NOTICE_REQUEST) /* it may be another one by now */
			set_jid(t, p->jid);
	}
	if (!err && !t->format && strcmp(p->jid, t->jid) == 0) {
		t->format = p->format;
		t->contact = p->options.contact;
	} else if (!t->format) {
		/* A row that is gone cannot tell how it was wanted: in every way. */
		t->format = jid_has_resource(t->jid) ? FORMAT_EVENT : FORMAT_CHAT;
		t->contact = !jid_has_resource(t->jid);
	}
	t->store->ops->sub_get(t->store, t->feed, t->jid, on_row, t);
}

static void count_page(struct topic *t);

/* A page may repeat what the one before it had: it is about so many. */
static void on_page(void *arg, enum belfry_err err, const struct store_pending *list,
		    size_t count, uint64_t next)
{
	struct topic *t = arg;
	for (size_t i = 0; !err && i < count; i++)
		t->waiting +=
			list[i].state == PENDING_OWNERS &&
			feed_affiliation_of(&t->c, list[i].jid) != AFFILIATION_OUTCAST;
	t->cursor = next;
	if (!err && next)
		count_page(t);
	else
		end(t,
		    err == BELFRY_ENOFEED || (!err && !t->waiting) ? BELFRY_ENOENT : err);
}

static void count_page(struct topic *t)
{
	t->store->ops->pending_list(t->store, t->feed, t->cursor, PAGE, on_page, t);
}

static void get_pending(struct topic *t)
{
	t->store->ops->pending_get(t->store, t->feed, t->jid, on_pending, t);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct topic *t = arg;
	char why[128];
	(void)created;
	feed_config_init(&t->c);
	if (err) {
		end(t, err == BELFRY_ENOFEED ? BELFRY_ENOENT : err);
		return;
	}
	if (feed_config_patch(&t->c, feed->config, strlen(feed->config), why,
			      sizeof(why)))
		log_warn("feed configuration unreadable", log_s("feed", t->feed),
			 log_s("why", why));
	if (t->kind != NOTICE_WAITING)
		get_pending(t);
	else if (feed_affiliation_of(&t->c, t->jid) == AFFILIATION_OWNER)
		count_page(t);
	else
		end(t, BELFRY_ENOENT);
}

void topic_get(struct topic *t)
{
	t->store->ops->feed_get(t->store, t->feed, on_feed, t);
}

void topic_free(struct topic *t)
{
	free(t->feed);
	free(t->jid);
	feed_config_free(&t->c);
	look_free(t->look);
	*t = (struct topic){0};
}

/* ---- Saying ---------------------------------------------------------------------- */

/* OWNER: of a request. LAST: nothing more to owners. */
static void say(const struct topic *t, const struct notice *n, const char *owner,
		bool last, struct buf *out)
{
	switch (t->kind) {
	case NOTICE_REQUEST:
		notice_request(out, n, owner, last);
		break;
	case NOTICE_WAITING:
		notice_waiting(out, n, t->waiting, last);
		break;
	case NOTICE_INVITATION:
		notice_invitation(out, n);
		break;
	case NOTICE_ALLOWED:
		notice_allowed(out, n, t->look ? &t->look->shown : NULL);
		break;
	case NOTICE_DENIED:
		notice_denied(out, n);
		break;
	case NOTICE_WITHDRAWN:
		notice_withdrawn(out, n);
		break;
	case NOTICE_TURNED_AWAY:
		notice_turned_away(out, n);
		break;
	case NOTICE_UNINVITED:
		notice_uninvited(out, n);
		break;
	case NOTICE_SWEEP:
	case NOTICE_NONE:
		break;
	}
}

bool topic_say(const struct topic *t, const struct notices_options *o, struct buf *out,
	       struct topic_said *said)
{
	static char *nobody[] = {NULL};
	char *const itself[] = {t->jid, NULL};
	const struct notice n = {.domain = o->domain,
				 .feed = t->feed,
				 .title = t->c.title,
				 .jid = t->jid,
				 .format = t->format,
				 .contact = t->contact};
	char *const *owner = t->kind == NOTICE_REQUEST	 ? t->c.owners
			     : t->kind == NOTICE_WAITING ? itself
							 : nobody;
	uint64_t now = clock_mono_ms();
	if (!utf8_valid(t->jid, strlen(t->jid)))
		return false;
	do {
		size_t before = out->len;
		enum owners_word word =
			*owner ? owners_ask(o->owners, *owner, now) : OWNERS_YES;
		if (word == OWNERS_NO) {
			said->held_back++;
			owners_hold(o->owners, *owner, t->feed, now);
			continue;
		}
		say(t, &n, *owner, word == OWNERS_LAST, out);
		said->people++;
		if (out->len - before > o->max_stanza_bytes)
			return false;
	} while (*owner && *++owner);
	return true;
}
