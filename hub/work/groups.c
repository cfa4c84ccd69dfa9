#include "work/engine_int.h"

#include <belfry/base/log.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <string.h>

#define PART_MAX 1023 /* bytes of each part of a JID */

/*
 * The two ways, a multicast service and a stanza of one's own, overtake one another. So
 * which one a receiver's take depends on the JID alone. It changes between streams, or
 * where the service refuses; then in between two buckets, as pumping goes: what was sent
 * to a bucket is behind its barrier before the next is sent to it.
 */
void groups_begin(struct engine *e)
{
	size_t most = e->link->ops->group(e->link);
	e->ungrouping = false;
	e->group = !e->home || suspects_any(e) ? 0 : most < GROUP_MAX ? most : GROUP_MAX;
	if (!e->group && most)
		e->link->ops->ungroup(e->link);
}

/* In the ASCII part of what RFC 6122 allows before the @, prepared. */
static bool plain_local(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' || (s[i] >= 'A' && s[i] <= 'Z') ||
		    strchr("\"&'/:<>@", s[i]))
			return false;
	return len > 0 && len <= PART_MAX;
}

static bool plain_resource(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return len > 0 && len <= PART_MAX;
}

/*
 * For one address that it takes for malformed a service refuses the whole group: so only
 * those go there that no server can take for that, USER@home in plain ASCII.
 */
bool groups_reach(const struct engine *e, const char *jid, size_t len)
{
	size_t home_len = strlen(e->home);
	const char *at = memchr(jid, '@', len);
	size_t local = at ? (size_t)(at - jid) : len, past = local + 1 + home_len;
	if (!at || past > len || memcmp(at + 1, e->home, home_len) != 0 ||
	    !plain_local(jid, local))
		return false;
	return past == len ||
	       (jid[past] == '/' && plain_resource(jid + past + 1, len - past - 1));
}

void groups_send(struct engine *e, struct group *g)
{
	if (!g->count)
		return;
	render_group(&e->out, g->out, e->o.multicast, g->to, g->count);
	e->out_stanzas++;
	e->counters.groups++;
	e->counters.grouped += g->count;
	g->count = 0;
}

bool groups_fit(const struct engine *e, const struct rendered *r,
		const struct store_row *row)
{
	return render_group_bytes(r, e->o.multicast) +
		       render_address_bytes(row->jid, row->jid_len) <=
	       e->o.max_stanza_bytes;
}

bool groups_add(struct engine *e, struct group *g, const struct rendered *r,
		const struct store_row *row)
{
	size_t most = e->o.max_stanza_bytes;
	size_t fixed = render_group_bytes(r, e->o.multicast);
	size_t more = render_address_bytes(row->jid, row->jid_len);
	if (fixed + more > most)
		return false;
	if (g->count == e->group || (g->count && g->bytes + more > most))
		groups_send(e, g);
	if (!g->count) {
		g->out = r;
		g->bytes = fixed;
	}
	g->bytes += more;
	g->to[g->count++] = (struct render_jid){row->jid, row->jid_len};
	return true;
}

/* ---- The service refuses --------------------------------------------------------- */

void groups_turn(struct engine *e)
{
	if (!e->ungrouping)
		return;
	flight_close(e); /* whose barrier is for the service as well */
	e->ungrouping = false;
	e->group = 0;
	e->link->ops->ungroup(e->link);
}

static bool refuse_parts(const struct win *w, const struct stanza_id *id)
{
	const struct pos pos = {id->epoch, id->n};
	bool any = false;
	for (struct part *q = w ? w->parts : NULL; q; q = q->next)
		if (q->grouped && strcmp(q->piece->feed->name, id->feed) == 0 &&
		    piece_event(q->piece, pos) < q->piece->events)
			q->refused = any = true;
	return any;
}

/*
 * Which of the groups it was is not told, nor whether the others will fare better: what
 * may have been refused is sent again, and all goes to each receiver from now on.
 */
void groups_refused(struct engine *e, const struct stanza_id *id, const char *condition)
{
	bool any = refuse_parts(e->open, id);
	for (const struct win *w = e->flying; w; w = w->next)
		any |= refuse_parts(w, id);
	if (!any)
		e->counters.strange_bounces++;
	if (!e->group || e->ungrouping)
		return;
	log_warn(
		"xmpp.multicast refuses, each receiver gets a stanza of its own until the "
		"next stream",
		log_s("service", e->o.multicast), log_s("condition", condition),
		log_s("feed", id->feed),
		log_s("hint",
		      "does the service take messages of this component (access), "
		      "for 20 receivers at once (limits)? See docs/xmpp.md"));
	e->ungrouping = true;
	engine_kick(e);
}
