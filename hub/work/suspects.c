#include "work/engine_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/core/id.h>
#include <belfry/core/jid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRORS_MAX 2 /* streams that end in an error before we look for the stanza */
#define STEADY_MS                                                                        \
	60000 /* a stream up for longer: its error is not the last one's heir            \
	       */

bool suspects_any(const struct engine *e)
{
	return e->suspect_count > 0;
}

bool suspects_banned(const struct engine *e, const char *feed, struct pos pos,
		     enum sub_format format, bool digest)
{
	for (size_t i = 0; i < e->culprit_count && i < CULPRITS_MAX; i++) {
		const struct culprit *c = &e->culprits[i];
		if (c->everybody && c->format == format && c->digest == digest &&
		    pos_cmp(c->pos, pos) == 0 && strcmp(c->feed, feed) == 0)
			return true;
	}
	return false;
}

/* ---- The list -------------------------------------------------------------------- */

static void forget_seen(struct suspect *s)
{
	for (size_t i = 0; i < s->seen_count; i++)
		free(s->seen[i].jid);
	s->seen_count = 0;
}

static void suspect_free(struct suspect *s)
{
	forget_seen(s);
	free(s->seen);
}

static void removed_some(struct engine *e)
{
	e->alone_piece = NULL;
	if (e->suspect_count)
		return;
	windows_one_by_one(e->windows, false);
	e->errors = 0;
	engine_kick(e);
}

void suspects_cleared(struct engine *e)
{
	if (!e->suspect_count)
		return;
	suspect_free(&e->suspects[0]);
	e->suspect_count--;
	memmove(e->suspects, e->suspects + 1, e->suspect_count * sizeof(*e->suspects));
	removed_some(e);
	if (!e->suspect_count)
		log_info("sending in windows again", LOG_NONE);
}

void suspects_forget(struct engine *e, const char *feed)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->suspect_count; i++) {
		if (!feed || strcmp(e->suspects[i].feed, feed) == 0)
			suspect_free(&e->suspects[i]);
		else
			e->suspects[kept++] = e->suspects[i];
	}
	e->suspect_count = kept;
	if (!feed) {
		free(e->alone.jid);
		e->alone = (struct verdict){0};
	}
	removed_some(e);
}

static void suspect_add(struct engine *e, const struct piece *p, size_t unit)
{
	const struct store_bucket *b = &p->run->buckets[unit];
	if (!p->holds && pos_cmp(b->cursor, p->to) >= 0)
		return;
	if (e->suspect_count == e->suspect_cap) {
		e->suspect_cap = e->suspect_cap ? 2 * e->suspect_cap : 16;
		e->suspects = xreallocarray(e->suspects, e->suspect_cap,
					    sizeof(struct suspect));
	}
	struct suspect *s = &e->suspects[e->suspect_count++];
	*s = (struct suspect){.bucket = b->bucket, .holds = p->holds, .to = p->to};
	snprintf(s->feed, sizeof(s->feed), "%s", p->feed->name);
}

static void suspect_window(struct engine *e, const struct win *w)
{
	for (const struct part *q = w ? w->parts : NULL; q; q = q->next)
		for (size_t u = q->first; u < q->first + q->count; u++)
			suspect_add(e, q->piece, u);
}

static void seen_add(struct suspect *s, const struct verdict *v)
{
	if (s->seen_count == s->seen_cap) {
		s->seen_cap = s->seen_cap ? 2 * s->seen_cap : 64;
		s->seen = xreallocarray(s->seen, s->seen_cap, sizeof(struct verdict));
	}
	s->seen[s->seen_count++] = *v;
}

static const struct verdict *seen_find(const struct suspect *s, struct pos pos,
				       uint64_t members, const struct store_row *row)
{
	for (size_t i = 0; i < s->seen_count; i++) {
		const struct verdict *v = &s->seen[i];
		if (pos_cmp(v->pos, pos) == 0 && v->members == members &&
		    strlen(v->jid) == row->jid_len &&
		    memcmp(v->jid, row->jid, row->jid_len) == 0)
			return v;
	}
	return NULL;
}

/* ---- The end of a stream --------------------------------------------------------- */

/*
 * True if another row of the same event and format was one before. The same row may be
 * one again, where its completion was lost.
 */
static bool culprit_note(struct engine *e, const char *feed, const struct verdict *v)
{
	uint32_t row = row_hash(TABLE_SALT, v->jid, strlen(v->jid));
	for (size_t i = 0; i < e->culprit_count && i < CULPRITS_MAX; i++) {
		struct culprit *c = &e->culprits[i];
		if (c->format == v->format && pos_cmp(c->pos, v->pos) == 0 &&
		    c->digest == (v->members != 0) && strcmp(c->feed, feed) == 0) {
			c->everybody |= c->row != row;
			return c->everybody;
		}
	}
	struct culprit *c = &e->culprits[e->culprit_count++ % CULPRITS_MAX];
	*c = (struct culprit){.pos = v->pos,
			      .format = v->format,
			      .digest = v->members != 0,
			      .row = row};
	snprintf(c->feed, sizeof(c->feed), "%s", feed);
	return false;
}

static const char *event_id(const struct piece *p, struct pos pos)
{
	for (size_t i = 0; p && p->batch && i < p->batch->count; i++)
		if (pos_cmp(p->batch->events[i].pos, pos) == 0)
			return p->batch->events[i].id;
	return "";
}

static void convict(struct engine *e, const char *condition)
{
	struct suspect *s = &e->suspects[0];
	struct verdict *v = &e->alone;
	v->outcome = OUTCOME_SKIPPED;
	bool everybody = culprit_note(e, s->feed, v);
	log_error(v->members ? "digest ended the stream, sent one by one"
			     : "stanza ended the stream, skipped",
		  log_s("feed", s->feed),
		  log_s("event", event_id(e->alone_piece, v->pos)),
		  log_s("format", sub_format_text(v->format)),
		  log_s("condition", condition),
		  log_s("scope", everybody ? "everybody" : "one subscriber"));
	seen_add(s, v);
	*v = (struct verdict){0};
}

static void collect(struct engine *e)
{
	for (const struct win *w = e->flying; w; w = w->next)
		suspect_window(e, w);
	suspect_window(e, e->open);
	if (!e->suspect_count)
		return;
	windows_one_by_one(e->windows, true);
	log_warn("streams end in errors, sending one by one what was in flight",
		 log_u("buckets", e->suspect_count));
}

/*
 * A server that refuses what it reads may close while more is unread: its stream error is
 * lost then, and a broken connection is all that shows. So those begin the search, too.
 * What is sent alone leaves nothing unread: only an error makes a culprit, as a broken
 * connection may be a restart of the server.
 */
void suspects_link_down(struct engine *e, enum link_end end, const char *condition)
{
	bool error = end == LINK_END_ERROR;
	if (e->suspect_count) {
		if (error && e->alone.jid)
			convict(e, condition);
	} else if (error || end == LINK_END_LOST) {
		if (clock_mono_ms() - e->up_ms > STEADY_MS)
			e->errors = 0;
		if (++e->errors >= ERRORS_MAX)
			collect(e);
	} else {
		e->errors = 0;
	}
	if (e->alone.jid)
		e->counters.repeated++;
	free(e->alone.jid);
	e->alone = (struct verdict){0};
	e->alone_piece = NULL;
}

/* ---- One by one ------------------------------------------------------------------ */

bool suspects_range(struct feed *f)
{
	struct engine *e = f->engine;
	while (e->suspect_count && strcmp(e->suspects[0].feed, f->name) == 0) {
		if (e->suspects[0].bucket < f->buckets) {
			f->holds = e->suspects[0].holds;
			due_serve(f, 0, e->suspects[0].bucket);
			f->next = f->holds ? 0 : f->serving[0];
			f->end = f->next + 1;
			return true;
		}
		suspects_cleared(e);
	}
	return false;
}

struct pos suspects_limit(const struct piece *p)
{
	const struct engine *e = p->feed->engine;
	if (!p->feed->alone || !e->suspect_count)
		return (struct pos){UINT64_MAX, UINT64_MAX};
	return e->suspects[0].to;
}

static const struct verdict *verdict_on(const struct engine *e, const struct piece *p,
					size_t row, size_t k)
{
	return seen_find(&e->suspects[0], rows_event(p, k)->pos, 0, &p->run->rows[row]);
}

static bool is_back(const struct verdict *v)
{
	return v->outcome == OUTCOME_BOUNCED || v->outcome == OUTCOME_LEFT;
}

/* Before it came back it was taken. */
static enum outcome first_outcome(const struct verdict *v)
{
	return is_back(v) ? OUTCOME_TAKEN : v->outcome;
}

/* What became of a delivery, K its event, is counted as if it had been in a window. */
static void count(struct part *q, size_t row, size_t k, const struct verdict *v)
{
	struct piece *p = q->piece;
	bool back = is_back(v);
	enum outcome o = first_outcome(v);
	if (rows_gate(p, row) != GATE_CONFIRM ||
	    !confirm_count(p, row, k, o, &q->counts[k]))
		policy_count(&q->counts[k], v->format, o);
	q->sent += o == OUTCOME_TAKEN;
	/* A convict's is not what it would be for anybody else, and what expires may have
	 * done so since. */
	if (p->holds || back || o == OUTCOME_SKIPPED || rows_event(p, k)->expires_ms)
		rows_note(p, rows_mark_make(p, 0, row), k, o);
	struct mark *m = rows_mark(p, row);
	if (m && o == OUTCOME_TAKEN)
		m->former |= v->stream != p->feed->engine->stream;
	if (back)
		bounce_note(m, k, v->class, v->condition);
}

/* All stanzas of the bucket have an outcome. */
static void finish(struct engine *e, struct piece *p)
{
	const struct store_bucket *b = &p->run->buckets[0];
	struct part *q = flight_part_new(p, 0);
	for (size_t k = 0; k < p->events; k++) {
		for (size_t i = b->first; i < b->first + b->count; i++) {
			enum want want = rows_want(p, 0, i, rows_gate(p, i), k);
			const struct verdict *v = verdict_on(e, p, i, k);
			if (want == WANT_HELD)
				q->counts[k].held++;
			else if (want == WANT_SENT && v)
				count(q, i, k, v);
		}
	}
	forget_seen(&e->suspects[0]);
	p->unit = p->run->bucket_count;
	p->unit_state[0] = UNIT_SENT;
	flight_part_done(e, q);
	free(q);
	piece_sent(p);
}

/* Sends what stands in the buffer; its outcome is V, unless something comes back. */
static void fly(struct engine *e, const struct verdict *v)
{
	size_t len = e->out.len;
	e->alone = *v;
	e->alone.stream = e->stream;
	if (!send_flush(e))
		return;
	windows_sent(e->windows, 1, len);
	e->asked_us = clock_mono_us();
	e->counters.windows++;
	e->link->ops->barrier(e->link, windows_close(e->windows, e->asked_us));
}

static struct verdict verdict_of(const struct store_row *row, struct pos pos,
				 enum outcome outcome)
{
	return (struct verdict){.jid = xmemdup0(row->jid, row->jid_len),
				.pos = pos,
				.format = row->sub.format,
				.outcome = outcome};
}

/* Sends the stanza, or gives its outcome; true: one is in flight. */
static bool send_one(struct engine *e, struct piece *p, struct log_event *ev,
		     const struct store_row *row)
{
	struct verdict v = verdict_of(row, ev->pos, send_outcome(p, row, ev, false));
	if (v.outcome != OUTCOME_TAKEN) {
		seen_add(&e->suspects[0], &v);
		return false;
	}
	render_splice(&e->out, batch_rendered(p, ev, &row->sub), row->jid, row->jid_len,
		      row_hash(p->feed->salt, row->jid, row->jid_len));
	e->out_stanzas++;
	fly(e, &v);
	return true;
}

/* The same for what tells that some are gone. */
static bool tell_one(struct engine *e, struct piece *p, struct mark *m)
{
	const struct store_row *row = &p->run->rows[m->row];
	const struct verdict *seen = seen_find(&e->suspects[0], p->run->trimmed, 0, row);
	if (m->act != ACT_TELL)
		return false;
	if (!seen) {
		const struct verdict v = verdict_of(row, p->run->trimmed, OUTCOME_TAKEN);
		if (!gap_send(e, p, m)) {
			free(v.jid);
			return false;
		}
		fly(e, &v);
		return true;
	}
	if (is_back(seen))
		bounce_note(m, 0, seen->class, seen->condition);
	return false;
}

/* The same for a digest. One that ends the stream is sent one by one instead: so the
 * event is found, or it was too much at once. */
static bool digest_one(struct engine *e, struct piece *p, struct mark *m)
{
	const struct store_row *row = &p->run->rows[m->row];
	if (m->act != ACT_DIGEST || m->beyond || !m->together)
		return false;
	const struct verdict *seen =
		seen_find(&e->suspects[0], m->id_pos, m->id_members, row);
	if (!seen) {
		if (!digest_write(e, p, m))
			return false;
		struct verdict v = verdict_of(row, m->id_pos, OUTCOME_TAKEN);
		v.members = m->id_members;
		fly(e, &v);
		return true;
	}
	if (seen->outcome == OUTCOME_SKIPPED) {
		digest_split(m);
		return false;
	}
	digest_sent(p, m);
	if (is_back(seen))
		bounce_note(m, piece_event(p, m->id_pos), seen->class, seen->condition);
	return false;
}

/* The next stanza, event by event: true: it is in flight. */
static bool send_next(struct engine *e, struct piece *p)
{
	const struct store_bucket *b = &p->run->buckets[0];
	for (; e->alone_event < p->events; e->alone_event++, e->alone_row = 0) {
		size_t k = e->alone_event;
		for (; e->alone_row < b->count; e->alone_row++) {
			size_t i = b->first + e->alone_row;
			if (rows_want(p, 0, i, rows_gate(p, i), k) != WANT_SENT)
				continue;
			if (!verdict_on(e, p, i, k) &&
			    send_one(e, p, rows_event(p, k), &p->run->rows[i]))
				return true;
			/* It may have been the one that is tried alone. */
			if (p->holds)
				rows_note(p, rows_mark(p, i), k,
					  first_outcome(verdict_on(e, p, i, k)));
		}
	}
	return false;
}

void suspects_send(struct engine *e)
{
	if (e->quiet || e->halted || e->alone.jid || !windows_may_send(e->windows) ||
	    !e->link->ops->room(e->link))
		return;
	struct feed *f = feed_find(e, e->suspects[0].feed);
	struct piece *p = f && f->alone ? piece_ready(f) : NULL;
	if (!p)
		return;
	if (e->alone_piece != p) {
		e->alone_piece = p;
		e->alone_event = e->alone_row = 0;
	}
	for (size_t i = 0; p->holds && i < p->mark_count; i++)
		if (tell_one(e, p, p->marks[i]) || digest_one(e, p, p->marks[i]))
			return;
	if (!send_next(e, p))
		finish(e, p);
}

void suspects_passed(struct engine *e)
{
	if (!e->alone.jid)
		return;
	if (e->suspect_count)
		seen_add(&e->suspects[0], &e->alone);
	else
		free(e->alone.jid);
	e->alone = (struct verdict){0};
}

/* Was it JID, or a resource of it? */
static bool is_from(const char *jid, const char *from)
{
	size_t len = strlen(jid);
	return strncmp(from, jid, len) == 0 && (!from[len] || from[len] == '/');
}

/*
 * On what B is about: the stanza in flight, or one before it that is not told yet. An
 * earlier copy may have gone to a group, whose id does not tell whose it was.
 */
static struct verdict *find_verdict(struct engine *e, const struct stanza_id *id,
				    const char *from)
{
	const struct feed *f = feed_find(e, id->feed);
	struct suspect *s = e->suspect_count ? &e->suspects[0] : NULL;
	struct pos pos = {id->epoch, id->n};
	if (!f || !s || strcmp(s->feed, id->feed) != 0)
		return NULL;
	for (size_t i = 0; i <= s->seen_count; i++) {
		struct verdict *v = i < s->seen_count ? &s->seen[i] : &e->alone;
		if (v->jid && pos_cmp(v->pos, pos) == 0 && v->members == id->members &&
		    (id->group ? is_from(v->jid, from)
			       : row_hash(f->salt, v->jid, strlen(v->jid)) == id->hash))
			return v;
	}
	return NULL;
}

bool suspects_bounced(struct engine *e, const struct stanza_id *id,
		      const struct link_bounce *b)
{
	struct verdict *v = find_verdict(e, id, b->from);
	if (!v)
		return false;
	if (v->outcome == OUTCOME_TAKEN && is_from(v->jid, b->from)) {
		v->outcome = b->class == BOUNCE_ENDS ? OUTCOME_LEFT : OUTCOME_BOUNCED;
		v->class = b->class;
		snprintf(v->condition, sizeof(v->condition), "%s", b->condition);
	}
	return true;
}
