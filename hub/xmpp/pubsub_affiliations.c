#include "page.h"
#include "pubsub_int.h"

#include <belfry/base/mem.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/* Of one's own: how many feeds are looked at for an answer, and at once. */
#define SEARCH_PAGES 100
#define SEARCH_PAGE 100
#define ENTRIES_MAX 1000 /* of a change */

#define LAST_OWNER_TEXT                                                                  \
	"A feed with owners keeps at least one of them: name another owner in the same " \
	"request, or ask the people who run this service, who can take the last one "    \
	"away."

static const struct reply_error bad_request = {"modify", "bad-request", NULL, NULL};
static const struct reply_error invalid_jid = {"modify", "bad-request", "invalid-jid",
					       NULL};
static const struct reply_error forbidden = {"auth", "forbidden", NULL, NULL};
static const struct reply_error not_acceptable = {"modify", "not-acceptable", NULL, NULL};
static const struct reply_error busy = {"wait", "resource-constraint", NULL, NULL};

/* By node, or by JID; the other one is NULL. */
static void add(struct buf *out, const char *node, const char *jid,
		enum feed_affiliation a)
{
	buf_adds(out, "<affiliation");
	if (node != NULL)
		reply_attr(out, "node", node);
	if (jid != NULL)
		reply_attr(out, "jid", jid);
	reply_attr(out, "affiliation", feed_affiliation_text(a));
	buf_adds(out, "/>");
}

static void list_begin(struct buf *out, const char *ns, const char *node)
{
	buf_printf(out, "<pubsub xmlns='%s'><affiliations", ns);
	if (node != NULL)
		reply_attr(out, "node", node);
	buf_addc(out, '>');
}

/* ---- One's own ------------------------------------------------------------------- */

static void on_own(void *arg, enum belfry_err err, const struct hub_affiliation *list,
		   size_t count)
{
	struct request *r = arg;
	if (reply_request_ok(r, err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		list_begin(&out, NS_PUBSUB, r->feed);
		for (size_t i = 0; i < count; i++)
			if (list[i].affiliation != AFFILIATION_NONE)
				add(&out, r->feed, NULL, list[i].affiliation);
		buf_adds(&out, "</affiliations></pubsub>");
		reply_send(r->session, &out);
	}
	request_free(r);
}

/* R->jid: the first that was found, R->after: the last that was looked at. */
static void say_found(struct request *r, bool more)
{
	struct buf out = {0};
	reply_begin(&out, r->to, r->from, r->id);
	list_begin(&out, NS_PUBSUB, NULL);
	if (r->found.len > 0)
		buf_add(&out, r->found.data, r->found.len);
	buf_adds(&out, "</affiliations>");
	if (more || r->jid == NULL)
		page_end(&out, r, r->jid, r->after, more);
	buf_adds(&out, "</pubsub>");
	reply_send(r->session, &out);
	request_free(r);
}

static void look_on(struct request *r);

static void on_feeds(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		     size_t count, bool more)
{
	struct request *r = arg;
	/* None that may be seen among so many: it ends here. */
	if (err == BELFRY_EFULL && r->found.len > 0 && request_live(r)) {
		say_found(r, true);
		return;
	}
	if (!reply_request_ok(r, err)) {
		request_free(r);
		return;
	}
	size_t most = session_list_bytes(r->session), n = 0;
	for (; n < count && r->found.len < most; n++) {
		if (feeds[n].affiliation == AFFILIATION_NONE)
			continue;
		add(&r->found, feeds[n].name, NULL, feeds[n].affiliation);
		if (r->jid == NULL)
			r->jid = xstrdup(feeds[n].name);
	}
	if (n > 0) {
		free(r->after);
		r->after = xstrdup(feeds[n - 1].name);
	}
	if (n < count || (more && r->pages == SEARCH_PAGES)) {
		if (r->found.len > 0) {
			say_found(r, true);
			return;
		}
		/* An empty page would be the last one. */
		reply_request_error(r, &busy);
		request_free(r);
	} else if (more && count > 0) {
		look_on(r);
	} else {
		say_found(r, false);
	}
}

static void look_on(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	r->pages++;
	hub->ops->feeds(hub->hub, r->from, r->after, SEARCH_PAGE, on_feeds, r);
}

void pubsub_affiliations(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
			 const char *node)
{
	(void)e;
	struct request *r = node != NULL ? request_create(s, in, false)
					 : request_costly(s, in, COST_OWN);
	if (r == NULL)
		return;
	if (node != NULL) {
		r->feed = xstrdup(node);
		s->hub->ops->affiliation(s->hub->hub, in->from, node, on_own, r);
		return;
	}
	page_asked(r, in, FEED_NAME_MAX);
	if (r->counted) /* nobody knows without looking at all feeds */
		say_found(r, false);
	else
		look_on(r);
}

/* ---- A feed's, for its owners ---------------------------------------------------- */

/* Those behind the one named in R->after, as many as fit. */
static void add_list(struct buf *out, const struct request *r,
		     const struct hub_affiliation *list, size_t count)
{
	size_t most = session_list_bytes(r->session), begin = 0;
	for (size_t i = 0; r->after[0] != '\0' && i < count; i++)
		if (strcmp(list[i].jid, r->after) == 0)
			begin = i + 1;
	size_t n = begin;
	for (; !r->counted && n < count && out->len < most; n++)
		add(out, NULL, list[n].jid, list[n].affiliation);
	buf_adds(out, "</affiliations>");
	if (r->counted)
		page_count(out, count, false);
	else
		page_end(out, r, n > begin ? list[begin].jid : NULL,
			 n > begin ? list[n - 1].jid : NULL, n < count);
}

/* As reply_request_ok(), for what is the owners'. */
static bool owner_request_ok(struct request *r, enum belfry_err err)
{
	if (err != BELFRY_EDENIED)
		return reply_request_ok(r, err);
	if (request_live(r))
		reply_request_error(r, &forbidden);
	return false;
}

static void on_list(void *arg, enum belfry_err err, const struct hub_affiliation *list,
		    size_t count)
{
	struct request *r = arg;
	if (owner_request_ok(r, err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		list_begin(&out, NS_PUBSUB_OWNER, r->feed);
		add_list(&out, r, list, count);
		buf_adds(&out, "</pubsub>");
		reply_send(r->session, &out);
	}
	request_free(r);
}

/* Not an owner, or else there would be none left: then all of them were to be taken. */
static void on_refused(void *arg, enum belfry_err err, const struct hub_affiliation *list,
		       size_t count)
{
	struct request *r = arg;
	if (owner_request_ok(r, err)) {
		struct buf out = {0};
		reply_request_error_begin(&out, r);
		list_begin(&out, NS_PUBSUB_OWNER, r->feed);
		for (size_t i = 0; i < count; i++)
			if (list[i].affiliation == AFFILIATION_OWNER)
				add(&out, NULL, list[i].jid, AFFILIATION_OWNER);
		buf_adds(&out, "</affiliations></pubsub><error type='modify'>"
			       "<not-acceptable xmlns='" NS_STANZAS
			       "'/><text xmlns='" NS_STANZAS "'>" LAST_OWNER_TEXT
			       "</text></error>");
		reply_send(r->session, &out);
	}
	request_free(r);
}

static void on_changed(void *arg, enum belfry_err err)
{
	struct request *r = arg;
	if (request_live(r) && err == BELFRY_EDENIED) {
		const struct xmpp_hub *hub = r->session->hub;
		hub->ops->affiliations(hub->hub, r->bare, r->feed, on_refused, r);
		return;
	}
	if (request_live(r) && err == BELFRY_EINVAL) {
		reply_request_error(r, &not_acceptable);
	} else if (reply_request_ok(r, err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		reply_send(r->session, &out);
	}
	request_free(r);
}

/* What a request says; the JIDs are owned. */
struct change {
	struct hub_affiliation list[ENTRIES_MAX];
	char *jids[ENTRIES_MAX];
	size_t count;
};

static void change_free(struct change *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->jids[i]);
	free(c);
}

static bool named(const struct change *c, const char *jid)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->jids[i], jid) == 0)
			return true;
	return false;
}

/* False: that is none of ours, which has been answered. */
static bool read_affiliation(struct session *s, const struct incoming *in,
			     const char *text, enum feed_affiliation *a)
{
	static const char *const others[] = {"publisher", "publish-only"};
	if (feed_affiliation_parse(text, a) == 0)
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(text, others[i]) == 0) {
			struct buf feature = {0};
			buf_printf(&feature, "%s-affiliation", text);
			pubsub_unsupported(s, in, feature.data);
			buf_free(&feature);
			return false;
		}
	reply_error(s, in, &bad_request);
	return false;
}

/* False: an error was answered. */
static bool read_entry(struct session *s, const struct incoming *in, xmpp_stanza_t *e,
		       struct change *c)
{
	const char *text = xmpp_stanza_get_attribute(e, "affiliation");
	enum feed_affiliation a;
	if (text == NULL) /* it stays as it is */
		return true;
	if (!read_affiliation(s, in, text, &a))
		return false;
	char *full = pubsub_jid(e);
	if (full == NULL) {
		reply_error(s, in, &invalid_jid);
		return false;
	}
	char *jid = jid_bare(full);
	free(full);
	if (c->count == ENTRIES_MAX || named(c, jid)) {
		free(jid);
		reply_error(s, in, &bad_request);
		return false;
	}
	c->jids[c->count] = jid;
	c->list[c->count++] = (struct hub_affiliation){jid, a};
	return true;
}

static void set_affiliations(struct session *s, const struct incoming *in,
			     xmpp_stanza_t *e, const char *node)
{
	struct change *c = xcalloc(1, sizeof(*c));
	bool fine = true;
	for (xmpp_stanza_t *x = element_first(e); x != NULL && fine; x = element_next(x))
		if (element_is(x, "affiliation", NULL))
			fine = read_entry(s, in, x, c);
	struct request *r = fine ? request_create(s, in, false) : NULL;
	if (r != NULL) {
		r->feed = xstrdup(node);
		s->hub->ops->affiliate(s->hub->hub, in->bare, node, c->list, c->count,
				       on_changed, r);
	}
	change_free(c);
}

void pubsub_owner_affiliations(struct session *s, const struct incoming *in,
			       xmpp_stanza_t *e, const char *node)
{
	if (in->set) {
		set_affiliations(s, in, e, node);
		return;
	}
	struct request *r = reply_has_room(s, in) ? request_create(s, in, false) : NULL;
	if (r == NULL)
		return;
	r->feed = xstrdup(node);
	page_asked(r, in, JID_MAX);
	s->hub->ops->affiliations(s->hub->hub, in->bare, node, on_list, r);
}
