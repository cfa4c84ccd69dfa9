#include "work/late_int.h"

#include <belfry/base/clock.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <string.h>

/* ---- Telling the store ------------------------------------------------------------ */

static void look(struct late *l);

/* Told: with an event that is sent again, all behind it are, but urgent ones, and those
 * of a row that confirms what it gets, or may. */
static void forget_told(struct late *l, enum belfry_err err)
{
	bool all = !err && l->telling->class != BOUNCE_ENDS && !l->seen->before.urgent &&
		   !l->seen->apart;
	for (struct back **at = &l->backs; *at;) {
		if (*at == l->telling || (all && (*at)->looked))
			late_forget(l, at);
		else
			at = &(*at)->next;
	}
}

/* With what else came back of the row. */
static void go_on(struct late *l)
{
	if (l->backs)
		look(l);
	else
		late_end(l);
}

static void on_told(void *arg, enum belfry_err err)
{
	struct late *l = arg;
	struct engine *e = l->engine;
	if (l->told) {
		l->told->lates_told++;
		feed_called(l->told);
		l->told = NULL;
	}
	if (err == BELFRY_ESTALE && ++l->stale < LATE_STALE_MAX) {
		look(l);
		return;
	}
	if (err == BELFRY_OK) {
		e->counters.late_bounces++;
		if (l->telling->class != BOUNCE_ENDS) {
			hold_died(e, l->feed, l->telling->pos, "", l->from,
				  &l->seen->before, &l->seen->hold);
			due_hint(e, l->seen->hold.due_ms);
		}
	} else if (err == BELFRY_ESTALE) {
		late_given_up(e, "its hold was another one each time");
	} else if (err != BELFRY_ENOENT && err != BELFRY_ENOFEED) {
		late_failed(l, err);
		return;
	}
	l->stale = 0;
	forget_told(l, err);
	go_on(l);
}

/* The other events of a digest. */
static size_t find_others(const struct back *b, struct store_move *out)
{
	size_t n = 0;
	for (uint64_t at = b->pos.n + 1; b->members && at <= b->last.n; at++)
		if (b->members >> (b->last.n - at) & 1)
			out[n++].pos = (struct pos){b->pos.epoch, at};
	return n;
}

static void tell(struct late *l, struct feed *f)
{
	struct engine *e = l->engine;
	const struct seen *s = l->seen;
	struct store_move others[SUB_MEMBERS_MAX];
	const struct store_done_row row = {.jid = l->from,
					   .pos = l->telling->pos,
					   .moves = others,
					   .move_count = find_others(l->telling, others),
					   .end = l->telling->class == BOUNCE_ENDS,
					   .was = s->was_len ? s->was : NULL,
					   .was_len = s->was_len,
					   .hold = s->hold};
	l->told = f;
	if (f) {
		f->calls++;
		f->lates_asked++;
	}
	STORE(e, late_bounce, &e->owner, l->feed, &row, on_told, l);
}

/* ---- Looking up ------------------------------------------------------------------- */

/* Was B of a row that was made anew, or is it sent again, and speaks for itself then? */
static bool is_void(const struct late *l, const struct back *b, const struct sub *sub)
{
	const struct sub_hold *h = &l->seen->before;
	bool behind = pos_cmp(b->pos, hold_reached(h)) > 0;
	return b->looked && (pos_cmp(b->pos, sub->since) <= 0 ||
			     (sub_held(sub) && !h->urgent &&
			      (behind || (hold_tries(h) && hold_awaits(h, b->pos)))));
}

/* Of those that were there at the look: what ends the row, or came back first. */
static struct back *first_back(const struct late *l)
{
	struct back *first = NULL;
	for (struct back *b = l->backs; b; b = b->next) {
		bool ends = b->class == BOUNCE_ENDS;
		bool has = first && first->class == BOUNCE_ENDS;
		if (b->looked &&
		    (!first || (ends != has ? ends : pos_cmp(b->pos, first->pos) < 0)))
			first = b;
	}
	return first;
}

static bool is_of(const struct back *b, struct pos pos)
{
	struct sub_hold h = {0};
	sub_hold_digest(&h, b->last, b->members);
	return sub_hold_member(&h, pos);
}

/* Is POS between the events of B's digest, and none of them? */
static bool crosses(const struct back *b, struct pos pos)
{
	return pos_cmp(pos, b->pos) > 0 && pos_cmp(pos, b->last) < 0 && !is_of(b, pos);
}

/*
 * Has what came back as well, or did so before, gone ahead of what is being told, a
 * digest? That is tried again without it: so it is told as its first event, behind which
 * all is sent again.
 */
static bool is_torn(const struct late *l)
{
	const struct back *b = l->telling;
	const struct sub_hold *h = &l->seen->before;
	struct pos first = {h->pos.epoch, h->pos.n + 1};
	if (hold_tries(h) && !sub_hold_members(h) && crosses(b, first))
		return true;
	for (const struct back *o = l->backs; o; o = o->next)
		if (o->looked && !o->members && crosses(b, o->pos))
			return true;
	return false;
}

/* Something of a span was left out: that is not had, whatever is repeated. */
static void leave_span(struct sub_hold *h, struct pos pos)
{
	if (pos_cmp(h->span_from, pos) >= 0)
		h->span_from = (struct pos){pos.epoch, pos.n - 1};
}

static void learn_row(struct late *l, const struct store_row *row)
{
	struct seen *s = l->seen;
	s->was_len = row->sub.hold_len;
	if (s->was_len)
		memcpy(s->was, row->sub.hold, s->was_len);
	sub_hold_read(&row->sub, &s->before);
	/* The first receipt of who is asked may come before this is told. */
	s->apart = s->before.awaited || sub_asks(&row->sub, true);
	for (struct back **at = &l->backs; *at;) {
		if (is_void(l, *at, &row->sub))
			late_forget(l, at);
		else
			at = &(*at)->next;
	}
	l->telling = first_back(l);
	if (l->telling && l->telling->class != BOUNCE_ENDS && is_torn(l))
		l->telling->members = 0;
	struct feed *f = feed_find(l->engine, l->feed);
	if (!l->telling) {
		go_on(l);
	} else if (f && late_is_busy(f, l->hash)) {
		late_wait(l, f);
	} else {
		hold_bounced(l->engine, &s->before, l->telling->class,
			     l->telling->condition, clock_wall_ms(), &s->hold);
		if (l->telling->members)
			sub_hold_digest(&s->hold, l->telling->last, l->telling->members);
		if (!s->hold.awaited)
			leave_span(&s->hold, l->telling->pos);
		tell(l, f);
	}
}

/* True: the subscription may be of the bare JID. */
static bool try_bare(struct late *l)
{
	size_t bare = jid_bare_len(l->from);
	if (!l->group || !l->from[bare])
		return false;
	l->from[bare] = '\0';
	l->hash = row_hash(l->salt, l->from, bare);
	return true;
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct late *l = arg;
	(void)created;
	if (!err) {
		learn_row(l, row);
	} else if (err == BELFRY_ENOENT || err == BELFRY_ENOFEED) {
		bool bare = try_bare(l);
		for (struct back **at = &l->backs; *at && !bare;) {
			if ((*at)->looked)
				late_forget(l, at);
			else
				at = &(*at)->next;
		}
		go_on(l);
	} else {
		late_failed(l, err);
	}
}

/* Not while its bucket is on its way: what is done of it comes before the look, or is
 * told behind it. */
static void look(struct late *l)
{
	struct feed *f = feed_find(l->engine, l->feed);
	if (f && late_is_busy(f, l->hash)) {
		late_wait(l, f);
		return;
	}
	for (struct back *b = l->backs; b; b = b->next)
		b->looked = true;
	STORE(l->engine, sub_get, l->feed, l->from, on_row, l);
}

/* Of a stanza for one its id tells whether it was the full or the bare JID. */
static bool know_row(struct late *l, uint32_t salt)
{
	size_t len = strlen(l->from), bare = jid_bare_len(l->from);
	l->salt = salt;
	if (l->group)
		l->hash = row_hash(salt, l->from, len);
	if (row_hash(salt, l->from, len) == l->hash)
		return true;
	if (row_hash(salt, l->from, bare) != l->hash)
		return false;
	l->from[bare] = '\0';
	return true;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct late *l = arg;
	(void)created;
	if (err && err != BELFRY_ENOFEED && err != BELFRY_ENOENT) {
		late_failed(l, err);
	} else if (!err && know_row(l, feed->salt)) {
		look(l);
	} else {
		l->engine->counters.strange_bounces += !err;
		late_end(l);
	}
}

void late_look_up(struct late *l)
{
	STORE(l->engine, feed_get, l->feed, on_feed, l);
}
