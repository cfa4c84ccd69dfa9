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
		     enum sub_format format)
{
	for (size_t i = 0; i < e->culprit_count && i < CULPRITS_MAX; i++) {
		const struct culprit *c = &e->culprits[i];
		if (c->everybody && c->format == format && pos_cmp(c->pos, pos) == 0 &&
		    strcmp(c->feed, feed) == 0)
			return true;
	}
	return false;
}

/* ---- The list -------------------------------------------------------------------- */

static void suspect_free(struct suspect *s)
{
	for (size_t i = 0; i < s->seen_count; i++)
		free(s->seen[i].jid);
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
	if (pos_cmp(b->cursor, p->to) >= 0)
		return;
	if (e->suspect_count == e->suspect_cap) {
		e->suspect_cap = e->suspect_cap ? 2 * e->suspect_cap : 16;
		e->suspects = xreallocarray(e->suspects, e->suspect_cap,
					    sizeof(struct suspect));
	}
	struct suspect *s = &e->suspects[e->suspect_count++];
	*s = (struct suspect){.bucket = b->bucket, .to = p->to};
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
				       const struct store_row *row)
{
	for (size_t i = 0; i < s->seen_count; i++) {
		const struct verdict *v = &s->seen[i];
		if (pos_cmp(v->pos, pos) == 0 && strlen(v->jid) == row->jid_len &&
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
		    strcmp(c->feed, feed) == 0) {
			c->everybody |= c->row != row;
			return c->everybody;
		}
	}
	struct culprit *c = &e->culprits[e->culprit_count++ % CULPRITS_MAX];
	*c = (struct culprit){.pos = v->pos, .format = v->format, .row = row};
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
	log_error("stanza ended the stream, skipped", log_s("feed", s->feed),
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
			f->next = e->suspects[0].bucket;
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

/* All stanzas of the bucket have an outcome. */
static void finish(struct engine *e, struct piece *p)
{
	const struct suspect *s = &e->suspects[0];
	const struct store_bucket *b = &p->run->buckets[0];
	struct store_done_bucket bucket = {b->bucket, b->cursor};
	struct store_done_event *events = xcalloc(p->events + 1, sizeof(*events));
	struct store_done_row *rows = xcalloc(b->count * p->events + 1, sizeof(*rows));
	struct store_done d = {.buckets = &bucket,
			       .bucket_count = 1,
			       .events = events,
			       .event_count = p->events,
			       .rows = rows};
	for (size_t k = 0; k < p->events; k++) {
		events[k].pos = p->batch->events[p->event + k].pos;
		for (size_t i = b->first; i < b->first + b->count; i++) {
			const struct store_row *row = &p->run->rows[i];
			const struct verdict *v = seen_find(s, events[k].pos, row);
			if (!v || !policy_wants(&row->sub, b->cursor, events[k].pos))
				continue;
			policy_count(&events[k].add, v->format, v->outcome);
			if (v->outcome != OUTCOME_BOUNCED && v->outcome != OUTCOME_LEFT)
				continue;
			rows[d.row_count++] = (struct store_done_row){
				v->jid, v->pos, v->outcome == OUTCOME_LEFT};
		}
		flight_count(e, &events[k].add);
	}
	p->unit = p->run->bucket_count;
	flight_done(p, &d, b->count * p->events);
	free(events);
	free(rows);
	p->left = 0;
	piece_sent(p);
}

/* Sends the stanza, or gives its outcome; true: one is in flight. */
static bool send_one(struct engine *e, struct piece *p, struct log_event *ev,
		     const struct store_row *row)
{
	struct verdict v = {.jid = xmemdup0(row->jid, row->jid_len),
			    .pos = ev->pos,
			    .format = row->sub.format,
			    .outcome = OUTCOME_TAKEN};
	if (!send_passes(row, ev)) {
		v.outcome = OUTCOME_FILTERED;
		seen_add(&e->suspects[0], &v);
		return false;
	}
	const struct rendered *r = batch_rendered(e, p->feed->name, ev, v.format);
	if (!r || !send_fits(e, r, row)) {
		v.outcome = OUTCOME_SKIPPED;
		seen_add(&e->suspects[0], &v);
		return false;
	}
	render_splice(&e->out, r, row->jid, row->jid_len,
		      row_hash(p->feed->salt, row->jid, row->jid_len));
	e->out_stanzas++;
	size_t len = e->out.len;
	e->alone = v;
	if (!send_flush(e))
		return true;
	windows_sent(e->windows, 1, len);
	e->asked_us = clock_mono_us();
	e->counters.windows++;
	e->link->ops->barrier(e->link, windows_close(e->windows, e->asked_us));
	return true;
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
	const struct store_bucket *b = &p->run->buckets[0];
	for (; e->alone_event < p->events; e->alone_event++, e->alone_row = 0) {
		struct log_event *ev = &p->batch->events[p->event + e->alone_event];
		while (e->alone_row < b->count) {
			const struct store_row *row =
				&p->run->rows[b->first + e->alone_row++];
			if (policy_wants(&row->sub, b->cursor, ev->pos) &&
			    !seen_find(&e->suspects[0], ev->pos, row) &&
			    send_one(e, p, ev, row))
				return;
		}
	}
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

bool suspects_bounced(struct engine *e, const struct stanza_id *id, const char *from,
		      bool end)
{
	const struct verdict *v = &e->alone;
	const struct feed *f = e->alone_piece ? e->alone_piece->feed : NULL;
	if (id->group || !v->jid || !f || v->pos.epoch != id->epoch ||
	    v->pos.n != id->n || strcmp(f->name, id->feed) != 0 ||
	    row_hash(f->salt, v->jid, strlen(v->jid)) != id->hash)
		return false;
	size_t len = strlen(v->jid);
	if (strncmp(from, v->jid, len) == 0 && (!from[len] || from[len] == '/'))
		e->alone.outcome = end ? OUTCOME_LEFT : OUTCOME_BOUNCED;
	return true;
}
