#ifndef BELFRY_WORK_ENGINE_INT_H
#define BELFRY_WORK_ENGINE_INT_H

#include "work/engine_types.h"

/*
 * Inside the engine:
 *
 *   feeds.c     feeds with something to do: found, looked up
 *   pass.c      passes over their buckets
 *   due.c       buckets with holds that are due
 *   settle.c    feeds that are there: told to the store, trimmed
 *   batch.c     a range of log events of a feed, and what they render to
 *   pieces.c    runs of buckets: claimed in fair order
 *   reading.c   ... and read, with the events that they need
 *   rows.c      which row of a piece wants which event
 *   fate.c      what becomes of an event that a row wants
 *   send.c      pieces -> stanzas, bucket by bucket, in windows
 *   groups.c    one stanza for many receivers, by a multicast service
 *   gap.c       the stanza that says how much was missed
 *   digest.c    many events in one stanza
 *   flight.c    windows -> barriers -> done
 *   holds.c     what done says of rows that are held, were, or end
 *   holds_served.c  ... whose hold was due
 *   confirm.c   ... of rows that confirm what they get
 *   receipts.c  what they confirm, and when they are asked again
 *   sweep.c     ... behind a new stream
 *   absent.c    who came while it was written that he is waited for
 *   bounces.c   what comes back in its window
 *   late.c      ... and what comes back later
 *   suspects.c  one stanza at a time, to find the one that ends the stream
 *   schedule.c  what is scheduled, into the log when it is due
 *   janitor.c   looks for work that no hint told, and trims
 *
 * A pass goes once over a feed's buckets, piece by piece; the next one begins when
 * nothing of it is in flight, so that no bucket is in flight twice. Where more is known
 * to wait, it does not wait for the answers to the completions: it reads behind them, so
 * that both share a sync of Redis' disk, and what it reads before they are answered is
 * read again. Every store call that may come back counts in feed->calls (and
 * piece->calls); both are freed at the last.
 *
 * A pass over what is held is one over a few buckets in which a hold is due, one bucket a
 * piece: it moves no cursor, but positions of rows. It takes turns with the others. Only
 * what the owner's done and late_bounce write makes, moves or ends a hold.
 */

#define STORE(e, op, ...) ((e)->store->ops->op((e)->store, __VA_ARGS__))

/* engine.c */
void engine_kick(struct engine *e);
bool engine_can_claim(const struct engine *e);
void engine_halt(struct engine *e);

/* feeds.c */
struct feed *feed_find(const struct engine *e, const char *name);
/* ... or made; NULL: it is no name. */
struct feed *feed_take(struct engine *e, const char *name);
/* Something may be new in it. */
void feed_wake(struct engine *e, const char *name);
/* Looks up those that wait for it, as far as there is room. */
void feeds_load(struct engine *e);
/* It is looked up once more. */
void feed_renew(struct feed *f);
/* Nothing more is claimed of it; looked up again after REST_MS. */
void feed_fail(struct feed *f, uint64_t rest_ms);
void feed_fail_err(struct feed *f, enum belfry_err err);
void feed_forget(struct feed *f);
void feeds_drop_all(struct engine *e); /* the lease is lost */
void feeds_restart(struct engine *e);  /* the link is gone: read all again */
/* Counts a store call of F that has come back; true: F is gone, was perhaps freed. */
bool feed_called(struct feed *f);

/* pass.c */
/* It was looked up. SETTLED: its buckets are there already. */
void pass_first(struct feed *f, bool settled);
/* After each piece and completion: is the pass over? */
void feed_step(struct feed *f);
/* Buckets FROM .. TO - 1 have not had all there is: one more pass over them. */
void feed_again(struct feed *f, uint32_t from, uint32_t to);
/* There is more to do: what has to be passed over once more, or another look at it. */
void feed_resume(struct feed *f);
/* All is done: forgotten, unless something new has come meanwhile. */
void feed_finish(struct feed *f);

/* due.c */
void due_ask(struct engine *e);
/* Something is due in so long. */
void due_hint(struct engine *e, uint64_t wait_ms);
void due_add(struct feed *f, uint32_t bucket);
/* Into serving[], from what is due; how many. */
size_t due_take(struct feed *f);
void due_serve(struct feed *f, size_t place, uint32_t bucket); /* into serving[PLACE] */

/* settle.c */
void feed_learn_config(struct feed *f, const struct store_feed *sf);
/* Every bucket is there: tells the store, then trims, then feed_finish(). */
void feed_settle(struct feed *f);
void feed_settle_aside(struct feed *f); /* the same, beside deliveries that go on */
/* For the store's trim: 0 where events may grow as old as they like. */
uint64_t trim_oldest_ms(uint64_t max_age_s);

/* batch.c */
struct batch *batch_create(struct engine *e, const char *feed, struct pos from,
			   struct pos head, const struct store_event *events,
			   size_t count);
struct batch *batch_ref(struct batch *b);
void batch_unref(struct batch *b); /* NULL is safe */
/* Rendered for SUB and fit, or NULL. */
const struct rendered *batch_rendered(const struct piece *p, struct log_event *ev,
				      const struct sub *sub);
/* The same where that was asked for before; else NULL. KIND: policy_kind(). */
static inline const struct rendered *batch_made(const struct log_event *ev, unsigned kind)
{
	return (ev->made & ~ev->refuse) >> kind & 1 ? &ev->out[kind] : NULL;
}
/* May it be sent: neither too large nor with what XML cannot carry? */
bool batch_fit(const struct engine *e, const struct rendered *r);

/* pieces.c */
void pieces_claim(struct engine *e);
/* The feed to send for now; NULL: nothing is ready. */
struct feed *pieces_next(const struct engine *e);
struct piece *piece_ready(const struct feed *f);
void piece_sent(struct piece *p);
void piece_units_done(struct piece *p, size_t count);
void pieces_drop(struct feed *f);
/* What of it is read and not yet sent is not sent: it will be read again. */
void pieces_unread(struct feed *f);
void piece_called(struct piece *p);
/* The index in the piece's range of the event at POS; p->events: it is not in it. */
size_t piece_event(const struct piece *p, struct pos pos);
void feed_deactivate(struct feed *f);

/* reading.c */
void piece_read(struct piece *p);
/* Asks for the events behind the latest batch, while the rows are being read. */
void pieces_look_ahead(struct feed *f);

/* rows.c */
struct mark *rows_mark(const struct piece *p, size_t row); /* NULL: it has none */
struct mark *rows_mark_make(struct piece *p, size_t unit, size_t row);
void rows_forget(struct piece *p); /* the marks */
/* Who of its rows is there, where they care: so it is for the piece. */
void rows_see(struct piece *p);
enum availability rows_seen(const struct piece *p, size_t row);
/* As policy_waits(), and whether it is there: the same for as long as P is. */
enum hold_reason rows_waits(const struct piece *p, size_t row,
			    enum event_priority priority, uint64_t *due_ms);
/* Of a pass over holds: marks the rows that are due. */
void rows_find_due(struct piece *p);
/* The lowest position that one of them is to be served from; false: none is. */
bool rows_floor(const struct piece *p, struct pos *low);
/* How far the piece has to go for those that are served from LOW: to the end of what is
 * on its way to them. */
struct pos rows_need(const struct piece *p, struct pos low);
/* Is a digest to be chosen from LOW on? */
bool rows_gather(const struct piece *p, struct pos low);
/* Is one of them told that what it has missed is gone? */
bool rows_telling(const struct piece *p);
/* The piece has its range of events: which are whose? */
void rows_range(struct piece *p);
struct log_event *rows_event(const struct piece *p, size_t k); /* of the piece's range */
enum gate rows_gate(const struct piece *p, size_t row);
/* Does ROW want event K? HELD: yes, but it is not sent now. GATE: its rows_gate(). */
enum want { WANT_NOT, WANT_HELD, WANT_SENT };
enum want rows_want(struct piece *p, size_t unit, size_t row, enum gate gate, size_t k);
/* What became of event K for it, where that is kept. */
void rows_note(struct piece *p, struct mark *m, size_t k, enum outcome o);
bool rows_outcome(const struct mark *m, size_t k, enum outcome *o);
/* The event behind its position came back, and is tried alone. */
bool hold_tries(const struct sub_hold *h);

/* fate.c */
/* What becomes of EV for ROW, which wants it now: TAKEN, if it is to be sent. */
enum outcome fate_of(const struct piece *p, const struct store_row *row,
		     const struct log_event *ev);
/* M's row is served: the span of the log that it is served by; then, as its range is
 * known, what of it this piece has. */
void fate_span(const struct piece *p, struct mark *m);
void fate_range(const struct piece *p, struct mark *m);
/* What M found is what its hold is to keep. */
void fate_fix(const struct mark *m, struct sub_hold *h);
/* Its hold goes on as H, behind this piece: the same of it. */
void fate_keep(const struct piece *p, const struct mark *m, struct sub_hold *h);

/* send.c */
void send_pump(struct engine *e);
bool send_flush(struct engine *e);
/* What becomes of it if it is sent; GROUPED: where there is a service, by that. */
enum outcome send_outcome(const struct piece *p, const struct store_row *row,
			  struct log_event *ev, bool grouped);
/* Fit for ROW: neither too large nor a broken JID. */
bool send_fits(const struct engine *e, const struct rendered *r,
	       const struct store_row *row);

/* groups.c: receivers of one event and one format, gathered until they are a stanza */
struct group {
	const struct rendered *out;
	size_t count, bytes;
	struct render_jid to[GROUP_MAX];
};
/* A new stream is up. */
void groups_begin(struct engine *e);
/* While there is a service (e->group): does JID get what it gets by it? */
bool groups_reach(const struct engine *e, const char *jid, size_t len);
/* Does ROW fit into a stanza of R to the service, alone? */
bool groups_fit(const struct engine *e, const struct rendered *r,
		const struct store_row *row);
/* False: it does not. */
bool groups_add(struct engine *e, struct group *g, const struct rendered *r,
		const struct store_row *row);
void groups_send(struct engine *e, struct group *g); /* no harm if it is empty */
/* Before anything is sent: leaves the service, if it has refused. */
void groups_turn(struct engine *e);
/* The service sent ID back: nobody was served. */
struct stanza_id;
void groups_refused(struct engine *e, const struct stanza_id *id, const char *condition);

/* gap.c */
void gap_write(struct engine *e, const struct piece *p, const struct mark *m);
/* False: it cannot be sent. */
bool gap_send(struct engine *e, const struct piece *p, struct mark *m);

/* digest.c */
/* The piece has its range of events: what becomes of M, which is due and wants them
 * together? */
void digest_range(struct piece *p, struct mark *m);
/* Those of P, as far as its turn goes; how many. */
size_t digests_send(struct engine *e, struct piece *p);
/* Writes M's; false: there is none, or it is split. */
bool digest_write(struct engine *e, struct piece *p, struct mark *m);
void digest_sent(struct piece *p, struct mark *m);
/* Its events are sent one by one. */
void digest_split(struct mark *m);

/* flight.c */
struct part *flight_part(struct engine *e, struct piece *p, size_t unit);
struct part *flight_part_new(struct piece *p, size_t unit); /* of no window */
/* It is behind its barrier: tells the store. */
void flight_part_done(struct engine *e, struct part *q);
void flight_close(struct engine *e);
void flight_passed(struct engine *e, uint64_t number);
void flight_drop(struct engine *e);
void flight_forget(struct engine *e, const struct feed *f); /* its parts */
void flight_watch(struct engine *e);
/* As engine_barrier(), which has made sure that one may be asked for. */
uint64_t flight_barrier(struct engine *e);
bool flight_empty(const struct engine *e);
/* The outcome of deliveries, for /metrics. */
void flight_count(struct engine *e, const struct store_counters *c);

/* holds.c */
/* What done says of the rows of Q's units; OUT has room for all marks. Their moves are
 * freed by the caller. */
size_t holds_done(struct part *q, struct store_done_row *out);

/* absent.c */
/* Of Q's units; owned by the caller, until absent_told(). */
struct absent *absent_of(const struct part *q);
/* The store has answered. */
void absent_told(struct engine *e, struct absent *list);

/* bounces.c */
void bounces_take(struct engine *e, const struct link_bounce *b);
/* Event K of its piece came back. */
void bounce_note(struct mark *m, size_t k, enum bounce_class class,
		 const char *condition);
/* The hold after a bounce; WAS: the one before. pos and counted are the caller's. */
void hold_bounced(struct engine *e, const struct sub_hold *was, enum bounce_class class,
		  const char *condition, uint64_t now_ms, struct sub_hold *h);
/* Says so, if H is a dead letter and WAS was not. POS: of the event that came back last;
 * EVENT: its id, or "" where it is not at hand. */
void hold_died(struct engine *e, const char *feed, struct pos pos, const char *event,
	       const char *jid, const struct sub_hold *was, const struct sub_hold *h);

/* confirm.c */
/* Is SUB, of a bucket that has had all up to CURSOR, sent to as its window goes? */
bool confirm_gate(const struct sub *sub, struct pos cursor);
/* It goes past event K, and so does its window, also if it is none of its own. */
void confirm_pass(struct piece *p, size_t unit, size_t row, size_t k);
enum want confirm_want(struct piece *p, size_t unit, size_t row, size_t k);
/* What such a row's delivery (of GATE_CONFIRM) counts as before done has looked at it: as
 * held, if it is held, as somebody may change that meanwhile. True: that was counted. */
bool confirm_count(struct piece *p, size_t row, size_t k, enum outcome o,
		   struct store_counters *count);
/* M is due, and does not wait: from where on, and what is sent once more? */
void confirm_due(const struct piece *p, struct mark *m);
/* It has its range of events: as far as there is room. */
void confirm_range(const struct piece *p, struct mark *m);

/* receipts.c */
#define RECEIPTS_GRACE_MS 20000		  /* behind a presence or a new stream */
#define RECEIPTS_GIVE_UP_MS (3600 * 1000) /* the rest waits no longer */
#define RECEIPTS_CHECK_MS (3600 * 1000)	  /* what is awaited is looked at so often */
struct receipts *receipts_create(struct engine *e);
void receipts_destroy(struct receipts *r);
void receipts_take(struct engine *e, const char *id, const char *from);
void receipts_flush(struct feed *f); /* a piece is gone: they may be told now */
/* Between two passes: true: the next one is to wait until they can be told. */
bool receipts_go_first(struct feed *f);
/* What the row awaits is to be sent again; SWEPT: sweep_told() when the store knows.
 * False: that is being told, or there is no room. */
bool receipts_again(struct engine *e, const char *feed, const char *jid, bool swept);
void receipts_stop(struct engine *e); /* the lease is gone */

/* sweep.c */
struct sweep *sweep_create(struct engine *e);
void sweep_destroy(struct sweep *s);
/* A new stream: what is not confirmed may have been lost with the other one's server. */
void sweep_up(struct engine *e);
void sweep_told(struct engine *e);
/* A completion of what was sent on STREAM is answered. */
void sweep_done(struct engine *e, uint64_t stream);
void sweep_stop(struct engine *e); /* the lease is gone */

/* late.c */
void late_begin(struct engine *e, const struct stanza_id *id,
		const struct link_bounce *b);
void late_flush(struct feed *f); /* a piece or completion is gone: some may be told now */
/* Between two passes: true: the next one is to wait for them. */
bool late_goes_first(struct feed *f);
/* So many wait that nothing more is to be sent. */
bool late_many(const struct engine *e);
void late_own(struct engine *e);
void late_disown(struct engine *e); /* they are kept for a while */
void late_finish(struct engine *e);

/* suspects.c */
bool suspects_any(const struct engine *e);
/* The link went down; called before what is in flight is forgotten. */
void suspects_link_down(struct engine *e, enum link_end end, const char *condition);
/* Sets the buckets of F that the pass may touch now; false: none. */
bool suspects_range(struct feed *f);
struct pos suspects_limit(const struct piece *p);
/* The piece has nothing to send: the suspect is cleared. */
void suspects_cleared(struct engine *e);
void suspects_forget(struct engine *e, const char *feed); /* NULL: all */
void suspects_send(struct engine *e);
void suspects_passed(struct engine *e);
/* True if it is the stanza in flight that came back. */
bool suspects_bounced(struct engine *e, const struct stanza_id *id,
		      const struct link_bounce *b);
/* DIGEST: the one of which POS is the last event. */
bool suspects_banned(const struct engine *e, const char *feed, struct pos pos,
		     enum sub_format format, bool digest);

/* schedule.c */
struct schedule *schedule_create(struct engine *e);
void schedule_destroy(struct schedule *s);
void schedule_start(struct schedule *s);
void schedule_stop(struct schedule *s);
/* Something is due in so long. */
void schedule_hint(struct schedule *s, uint64_t wait_ms);

/* janitor.c */
struct janitor *janitor_create(struct engine *e);
void janitor_destroy(struct janitor *j);
void janitor_start(struct janitor *j); /* anew, first at full pace */
void janitor_stop(struct janitor *j);

#endif
