#include "work/notices_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>

#include <stdlib.h>
#include <string.h>

#define BATCH 20
#define BATCH_BUSY 4
#define BATCH_PEOPLE 40 /* a request is for each owner: no more notices after so many */
#define PAUSE_MS 50	/* between two batches */
#define PAUSE_BUSY_MS 250
#define TICK_MS 20    /* while something is waited for that nobody tells of */
#define POLL_MS 60000 /* a wake-up may be lost */
#define RETRY_MS 5000
#define ERRORS_MAX 2  /* streams that end on a batch in a row: then one at a time, */
#define CAREFUL BATCH /* so many */
#define STRIKES_MAX 3 /* ends of a stream on one that is alone: it is given up */

struct entry {
	char *id, *feed, *jid;
	enum notice_kind kind;
	enum sub_format format;
	bool contact;
};

enum phase {
	RESTING,
	READING, /* the next batch */
	LOOKING, /* at the next of it, and saying it; as soon as the link lets us */
	PASSING, /* the barrier behind it */
	ENDING,	 /* telling the store */
};

struct notices {
	struct store *store;
	struct link *link;
	struct notices_options o;
	struct loop_timer *tick;
	bool up, stopping;
	bool woken;	 /* there are more, or may be */
	uint64_t due_ms; /* not before */
	bool calling;	 /* the store is asked something; one at a time */
	bool discard;	 /* its answer is of no use any more */

	enum phase phase;
	struct entry batch[BATCH];
	size_t want;   /* at most so many */
	size_t count;  /* of it */
	size_t at;     /* the next one: those before it were said, or are over */
	size_t said;   /* of these */
	size_t people; /* who were told something */
	uint64_t began_ms;
	size_t ended;	    /* of those before `at`: told to the store */
	uint64_t barrier;   /* behind what was said; 0: not asked for */
	struct topic topic; /* of the next one */
	struct buf out;

	unsigned errors;  /* streams that ended while a batch was on its way, in a row */
	unsigned careful; /* notices yet to be said one at a time */
	char *suspect;	  /* was alone when one did: its id */
	unsigned strikes; /* how often */
	struct notices_stats stats;
};

static void go_on(struct notices *n);

/* ---- The batch ------------------------------------------------------------------- */

static void batch_clear(struct notices *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->batch[i].id);
		free(n->batch[i].feed);
		free(n->batch[i].jid);
	}
	n->count = n->at = n->said = n->people = n->ended = 0;
	n->barrier = 0;
}

static void arm(struct notices *n)
{
	uint64_t now = clock_mono_ms();
	if (!n->up || n->calling)
		return;
	if (n->phase == LOOKING || (n->phase == PASSING && !n->barrier))
		loop_timer_arm(n->tick, TICK_MS);
	else if (n->phase == ENDING)
		loop_timer_arm(n->tick, RETRY_MS);
	else if (n->phase == RESTING && !n->stopping && !n->woken)
		loop_timer_arm(n->tick, POLL_MS);
	else if (n->phase == RESTING && !n->stopping)
		loop_timer_arm(n->tick, n->due_ms > now ? n->due_ms - now : 0);
}

static void rest(struct notices *n, uint64_t pause_ms)
{
	n->phase = RESTING;
	n->due_ms = clock_mono_ms() + pause_ms;
	batch_clear(n);
	arm(n);
}

/* Was it for what is going on now? */
static bool answered(struct notices *n)
{
	bool use = !n->discard;
	n->calling = n->discard = false;
	if (!use)
		arm(n);
	return use;
}

static size_t batch_size(struct notices *n)
{
	if (n->careful)
		return 1;
	return n->o.busy(n->o.arg) ? BATCH_BUSY : BATCH;
}

static void take(struct notices *n, const struct store_notice *it)
{
	n->batch[n->count++] = (struct entry){.id = xstrdup(it->id),
					      .feed = xstrdup(it->feed),
					      .jid = xstrdup(it->jid),
					      .kind = it->kind,
					      .format = it->format,
					      .contact = it->contact};
}

static void on_batch(void *arg, enum belfry_err err, const struct store_notice *list,
		     size_t count)
{
	struct notices *n = arg;
	if (!answered(n))
		return;
	if (err) {
		n->woken = true;
		rest(n, RETRY_MS);
		return;
	}
	for (size_t i = 0; i < count && n->count < n->want; i++)
		if (list[i].kind != NOTICE_SWEEP ||
		    !sweeps_knows(n->o.sweeps, list[i].id))
			take(n, &list[i]);
	n->began_ms = clock_mono_ms();
	n->woken = n->woken || n->count; /* then it may not have been all */
	n->phase = LOOKING;
	if (n->count)
		go_on(n);
	else
		rest(n, 0);
}

static void read_batch(struct notices *n)
{
	struct store *s = n->store;
	n->phase = READING;
	n->woken = false;
	n->calling = true;
	n->want = batch_size(n);
	/* Those that are swept for are among the oldest, and not in the way. */
	s->ops->notices(s, n->want + sweeps_count(n->o.sweeps), on_batch, n);
}

/* ---- One of it ------------------------------------------------------------------- */

static void give_up(struct notices *n, const char *why)
{
	const struct entry *e = &n->batch[n->at];
	const char kind[] = {(char)e->kind, '\0'};
	log_error("a notice is given up", log_s("feed", e->feed), log_s("jid", e->jid),
		  log_s("kind", kind), log_s("why", why));
	n->stats.given_up++;
	n->at++;
}

static bool may_say(struct notices *n)
{
	return !n->stopping && n->o.may_write(n->o.arg);
}

/*
 * Room is for who begins. When its answer comes deliveries may have taken all of that
 * again, each time: so what was looked up is said, and one at a time is not much.
 */
static bool may_look(struct notices *n)
{
	return may_say(n) && n->link->ops->room(n->link);
}

static void say(struct notices *n)
{
	struct topic_said said = {0};
	bool fits = topic_say(&n->topic, &n->o, &n->out, &said);
	n->stats.held_back += said.held_back;
	if (fits && !said.people) {
		n->at++;
	} else if (fits) {
		n->people += said.people;
		n->said++;
		n->stats.said++;
		n->at++;
		n->link->ops->send(n->link, n->out.data, n->out.len); /* or goes down */
	} else {
		give_up(n, "it is too large for xmpp.max_stanza_bytes");
	}
	buf_clear(&n->out);
	if (fits && n->topic.look) {
		n->o.shown(n->o.arg, n->topic.feed, n->topic.look);
		n->topic.look = NULL;
	}
}

static void on_topic(void *arg, enum belfry_err err)
{
	struct notices *n = arg;
	if (!answered(n)) {
		topic_free(&n->topic);
		return;
	}
	if (!err) {
		if (may_say(n)) /* else it is looked at again then */
			say(n);
	} else if (err == BELFRY_ENOENT) {
		n->stats.stale++;
		n->at++;
	} else if (err == BELFRY_EINTERNAL || err == BELFRY_EINVAL) {
		give_up(n, belfry_err_text(err));
	} else if (n->at) {
		/* What was said before it is done first. */
		while (n->count > n->at) {
			struct entry *e = &n->batch[--n->count];
			free(e->id);
			free(e->feed);
			free(e->jid);
		}
	} else {
		topic_free(&n->topic);
		rest(n, RETRY_MS);
		return;
	}
	topic_free(&n->topic);
	go_on(n);
}

static void look(struct notices *n)
{
	const struct entry *e = &n->batch[n->at];
	n->topic = (struct topic){.store = n->store,
				  .feed = xstrdup(e->feed),
				  .jid = xstrdup(e->jid),
				  .kind = e->kind,
				  .format = e->format,
				  .contact = e->contact,
				  .cb = on_topic,
				  .arg = n};
	n->calling = true;
	topic_get(&n->topic);
}

/* ---- The end of it --------------------------------------------------------------- */

static void on_done(void *arg, enum belfry_err err)
{
	struct notices *n = arg;
	if (!answered(n))
		return;
	if (err) { /* it was said: that need not be repeated */
		arm(n);
		return;
	}
	n->ended++;
	go_on(n);
}

static void end_next(struct notices *n)
{
	struct store *s = n->store;
	/* These are done when the sweep is over. */
	while (n->ended < n->at && n->batch[n->ended].kind == NOTICE_SWEEP)
		n->ended++;
	if (n->ended == n->at) {
		rest(n, n->o.busy(n->o.arg) ? PAUSE_BUSY_MS : PAUSE_MS);
		return;
	}
	n->calling = true;
	s->ops->notice_done(s, n->batch[n->ended].id, on_done, n);
}

/* ---- All of it ------------------------------------------------------------------- */

static bool batch_over(const struct notices *n)
{
	return n->at == n->count || n->people >= BATCH_PEOPLE || n->stopping;
}

/* Why the next one is not even tried; NULL: it is. */
static const char *hopeless(const struct notices *n)
{
	const struct entry *e = &n->batch[n->at];
	if (e->kind == NOTICE_NONE)
		return "it cannot be read";
	if (n->suspect && n->strikes >= STRIKES_MAX && strcmp(n->suspect, e->id) == 0)
		return "it ended the stream each time";
	return NULL;
}

/* One step; false: something has to come first. */
static bool step(struct notices *n)
{
	if (n->phase == LOOKING && batch_over(n)) {
		n->phase = n->said ? PASSING : ENDING;
		return true;
	}
	if (n->phase == LOOKING && hopeless(n)) {
		give_up(n, hopeless(n));
		return true;
	}
	/* In its turn: what was decided before is said, or seen to be over, before. */
	if (n->phase == LOOKING && n->batch[n->at].kind == NOTICE_SWEEP) {
		sweeps_take(n->o.sweeps, n->batch[n->at].id, n->batch[n->at].feed);
		n->at++;
		return true;
	}
	if (n->phase == LOOKING && may_look(n))
		look(n);
	if (n->phase == PASSING && !n->barrier) {
		uint64_t barrier = n->o.barrier(n->o.arg);
		if (n->phase == PASSING) /* the link did not go down at it */
			n->barrier = barrier;
	}
	if (n->phase == ENDING)
		end_next(n);
	return false;
}

static void go_on(struct notices *n)
{
	if (!n->up || n->calling)
		return;
	while (step(n))
		;
	if (n->phase == LOOKING || n->phase == PASSING)
		arm(n);
}

static void on_reminder(void *arg, enum belfry_err err)
{
	struct notices *n = arg;
	if (!answered(n))
		return;
	n->woken = true;
	rest(n, err ? RETRY_MS : 0);
}

static void on_owner_back(void *arg)
{
	notices_wake(arg);
}

static void on_tick(void *arg)
{
	struct notices *n = arg;
	if (!n->up || n->calling)
		return;
	if (n->phase != RESTING || n->stopping)
		go_on(n);
	else if (reminder_put(n->store, n->o.owners, on_reminder, n))
		n->calling = true;
	else
		read_batch(n);
}

/* ---- The outside ----------------------------------------------------------------- */

struct notices *notices_create(struct loop *loop, struct store *store,
			       const struct notices_options *options)
{
	struct notices *n = xcalloc(1, sizeof(*n));
	n->store = store;
	n->o = *options;
	n->tick = loop_timer_create(loop, on_tick, n);
	owners_listen(n->o.owners, on_owner_back, n);
	return n;
}

void notices_use(struct notices *n, struct link *link)
{
	n->link = link;
}

void notices_destroy(struct notices *n)
{
	if (!n)
		return;
	batch_clear(n);
	topic_free(&n->topic);
	buf_free(&n->out);
	free(n->suspect);
	loop_timer_destroy(n->tick);
	free(n);
}

void notices_up(struct notices *n)
{
	n->up = n->woken = true;
	n->due_ms = 0;
	arm(n);
}

/* Whatever the reason, what was on its way may be it; but only an error is a proof. */
static void blame(struct notices *n, enum link_end end)
{
	if (!n->said || n->phase == ENDING ||
	    (end != LINK_END_ERROR && end != LINK_END_LOST))
		return;
	if (++n->errors >= ERRORS_MAX)
		n->careful = CAREFUL;
	if (n->count > 1 || end != LINK_END_ERROR)
		return;
	const char *id = n->batch[0].id;
	if (!n->suspect || strcmp(n->suspect, id) != 0) {
		free(n->suspect);
		n->suspect = xstrdup(id);
		n->strikes = 0;
	}
	n->strikes++;
}

void notices_down(struct notices *n, enum link_end end)
{
	if (!n->up)
		return;
	n->up = false;
	blame(n, end);
	if (n->said && n->phase != ENDING)
		owners_lost(n->o.owners, n->began_ms);
	loop_timer_disarm(n->tick);
	n->discard = n->calling;
	n->phase = RESTING;
	batch_clear(n);
}

void notices_passed(struct notices *n, uint64_t barrier)
{
	if (!n->up || n->phase != PASSING || !n->barrier || barrier < n->barrier)
		return;
	n->errors = 0;
	n->careful -= n->careful > 0;
	n->phase = ENDING;
	go_on(n);
}

void notices_room(struct notices *n)
{
	if (n->phase == LOOKING)
		go_on(n);
}

void notices_wake(struct notices *n)
{
	n->woken = true;
	if (n->phase == RESTING)
		arm(n);
}

void notices_stop(struct notices *n)
{
	n->stopping = true;
	if (n->phase == RESTING)
		loop_timer_disarm(n->tick);
	else
		go_on(n);
}

void notices_stats(const struct notices *n, struct notices_stats *out)
{
	*out = n->stats;
}
