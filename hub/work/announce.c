#include "work/announce_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/xmpp/presence.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 20
#define CALLS_A_TICK 4 /* of the store */
#define SENDS_A_TICK 20
#define SENDS_BUSY 4
#define SENDS_LEAVING 200
#define SLOW_TICK_MS 200 /* where all that is left waits for its time */
#define ROWS_PAGE 200
#define FEEDS_PAGE 100
#define ROUND_TICKS 2  /* from one page of feeds to the next, */
#define ROUND_READY 4  /* or with so many of them ready, */
#define ROUND_LATE 50  /* so many ticks */
#define TITLE_MS 60000 /* after a sweep of a feed, before one for a title's sake */
#define RETRY_MS 5000

static void pump(struct announcer *a);

/* ---- Whose turn it is ------------------------------------------------------------ */

static void arm(struct announcer *a)
{
	if (!a->up)
		return;
	if (told_any(a) || a->now || a->round)
		loop_timer_arm(a->tick, TICK_MS);
	else if (a->due)
		loop_timer_arm(a->tick, SLOW_TICK_MS);
}

/* Now's turn is over; it goes on later. */
static void rotate(struct announcer *a)
{
	struct told *t = a->now;
	a->now = NULL;
	told_ready(a, t);
}

static void rest(struct announcer *a)
{
	struct told *t = a->now;
	a->now = NULL;
	t->state = TOLD_REST;
	if (t->woken || t->force)
		told_wake(a, t);
}

static void forget_now(struct announcer *a)
{
	struct told *t = a->now;
	a->now = NULL;
	told_forget(a, t);
}

/* ---- Looking --------------------------------------------------------------------- */

static void begin_sweep(struct told *t, struct look *look)
{
	look_free(t->sweep);
	t->sweep = look;
	t->cursor = 0;
	t->again = t->force = false;
}

/*
 * Who set it does not want to wait for the end of the old sweep. The rest of it tells the
 * new look; were it to begin anew instead, many changes would keep it from its end.
 */
static void change_sweep(struct told *t, struct look *look)
{
	look_free(t->sweep);
	t->sweep = look;
	t->again = t->cursor > 0;
	t->force = false;
}

/* Takes LOOK: what T looks like now. */
static void compare(struct announcer *a, struct told *t, struct look *look)
{
	if (t->sweep) {
		if (!look_same(t->sweep, look, true)) {
			change_sweep(t, look);
			return;
		}
		t->woken = t->woken || !look_same(t->sweep, look, false);
		look_free(look);
		return;
	}
	if (t->force || !t->told || !look_same(t->told, look, true)) {
		begin_sweep(t, look);
		return;
	}
	bool same = look_same(t->told, look, false);
	uint64_t due_ms = t->swept_ms + TITLE_MS;
	if (!same && clock_mono_ms() >= due_ms) {
		begin_sweep(t, look);
		return;
	}
	look_free(look);
	a->now = NULL;
	t->state = TOLD_REST;
	if (!same)
		told_wait(a, t, due_ms);
	if (t->woken)
		told_wake(a, t);
}

/* Was it for what is going on now? */
static bool answered(struct announcer *a)
{
	bool use = !a->discard;
	a->calling = a->discard = false;
	return use;
}

/* The store does not answer: later. */
static void retry(struct announcer *a)
{
	struct told *t = a->now;
	a->now = NULL;
	t->woken = true;
	told_wait(a, t, clock_mono_ms() + RETRY_MS);
}

/* Nobody has it as a contact, unless somebody came just now. */
static void lose_now(struct announcer *a)
{
	if (a->now->woken)
		rest(a);
	else
		forget_now(a);
}

static void on_look(void *arg, enum belfry_err err, struct look *look)
{
	struct announcer *a = arg;
	if (!answered(a))
		look_free(look);
	else if (err == BELFRY_ENOFEED || (look && look->contacts == 0)) {
		look_free(look);
		lose_now(a);
	} else if (err) {
		retry(a);
	} else {
		compare(a, a->now, look);
	}
	pump(a);
}

/* ---- Telling --------------------------------------------------------------------- */

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct announcer *a = arg;
	bool use = answered(a);
	if (use && err == BELFRY_ENOFEED)
		forget_now(a);
	else if (use && err)
		retry(a);
	for (size_t i = 0; use && !err && i < count; i++) {
		struct sub_options options = {0};
		if (rows[i].sub.options_len)
			sub_options_read(&rows[i].sub, &options);
		if (options.contact && utf8_valid(rows[i].jid, rows[i].jid_len))
			buf_add(&a->jids, rows[i].jid, rows[i].jid_len + 1);
	}
	if (use && !err) {
		a->stats.rows += count;
		a->now->cursor = next;
		a->page = true;
		a->last_page = next == 0;
	}
	pump(a);
}

static void flush(struct announcer *a)
{
	if (a->out.len)
		a->link->ops->send(a->link, a->out.data, a->out.len);
	buf_clear(&a->out);
}

static bool may_send(struct announcer *a)
{
	return a->sends && a->link->ops->room(a->link) && a->o.may_write(a->o.arg);
}

/* As much as may be sent of now's page; true: all of it. */
static bool send_page(struct announcer *a)
{
	struct buf from = {0};
	buf_printf(&from, "%s@%s", a->now->name, a->o.domain);
	while (a->jid < a->jids.len && may_send(a)) {
		const char *to = a->jids.data + a->jid;
		presence_render(&a->out, from.data, to,
				a->leaving ? NULL : &a->now->sweep->shown);
		a->jid += strlen(to) + 1;
		a->sends--;
		a->stats.presences++;
	}
	flush(a);
	buf_free(&from);
	return a->jid >= a->jids.len;
}

static void page_done(struct announcer *a)
{
	struct told *t = a->now;
	buf_clear(&a->jids);
	a->jid = 0;
	a->page = false;
	if (!a->last_page) {
		rotate(a);
		return;
	}
	if (a->leaving) {
		forget_now(a);
		return;
	}
	if (t->again) {
		t->again = false;
		t->cursor = 0;
		rotate(a);
		return;
	}
	look_free(t->told);
	t->told = t->sweep;
	t->sweep = NULL;
	t->swept_ms = clock_mono_ms();
	rest(a);
}

/* ---- All feeds ------------------------------------------------------------------- */

static void on_feeds(void *arg, enum belfry_err err, const struct store_feed *feeds,
		     size_t count, bool more)
{
	struct announcer *a = arg;
	bool use = answered(a);
	if (use && err)
		a->round_ms = clock_mono_ms() + RETRY_MS;
	for (size_t i = 0; use && !err && i < count; i++) {
		if (feeds[i].contacts == 0)
			continue;
		struct told *t = told_make(a, feeds[i].name);
		t->force = true;
		if (t->state == TOLD_REST)
			told_ready(a, t);
		else if (t->state == TOLD_DUE)
			t->due_ms = 0;
	}
	if (use && !err) {
		a->round = more && count;
		if (count)
			snprintf(a->after, sizeof(a->after), "%s", feeds[count - 1].name);
	}
	pump(a);
}

/* ---- The pump -------------------------------------------------------------------- */

static void ask(struct announcer *a)
{
	struct told *t = a->now;
	uint64_t now = clock_mono_ms();
	struct store *s = a->store;
	a->calling = true;
	a->calls--;
	if (!a->leaving && (!t->sweep || (t->woken && now >= t->looked_ms + LOOK_MS))) {
		t->woken = t->set = false;
		t->looked_ms = now;
		look_get(s, t->name, on_look, a);
		return;
	}
	s->ops->sub_list(s, t->name, t->cursor, ROWS_PAGE, on_rows, a);
}

static void ask_feeds(struct announcer *a)
{
	struct store *s = a->store;
	a->calling = true;
	a->calls = 0; /* it is the dearest of all questions */
	a->round_ticks = 0;
	s->ops->feed_list(s, a->after, FEEDS_PAGE, on_feeds, a);
}

/* Those that are ready may be at it for long: the round goes on beside them. */
static bool round_is_next(const struct announcer *a)
{
	size_t ready = a->set.count + a->ready.count;
	unsigned ticks = ready < ROUND_READY ? ROUND_TICKS : ROUND_LATE;
	return a->round && clock_mono_ms() >= a->round_ms &&
	       (!told_any(a) || a->round_ticks >= ticks);
}

/* One step; false: there is none to make now. */
static bool step(struct announcer *a)
{
	if (a->calling)
		return false;
	if (a->page) {
		if (!send_page(a))
			return false;
		page_done(a);
		return true;
	}
	if (a->calls == 0)
		return false;
	if (!a->now && round_is_next(a)) {
		ask_feeds(a);
		return false;
	}
	if (!a->now && told_any(a)) {
		a->now = told_next(a);
		a->now->state = TOLD_NOW;
	}
	if (a->now)
		ask(a);
	return false;
}

static void pump(struct announcer *a)
{
	if (!a->up)
		return;
	while (step(a))
		;
	if (a->leaving && !a->now && !told_any(a) && !a->calling)
		loop_timer_arm(a->deadline, 0);
	else if (!loop_timer_armed(a->tick))
		arm(a);
}

static void on_tick(void *arg)
{
	struct announcer *a = arg;
	if (!a->up)
		return;
	a->calls = CALLS_A_TICK;
	a->round_ticks++;
	a->sends = a->o.busy(a->o.arg) ? SENDS_BUSY : SENDS_A_TICK;
	if (a->leaving)
		a->sends = a->calls = SENDS_LEAVING;
	else
		told_take_due(a);
	pump(a);
}

/* ---- The outside ----------------------------------------------------------------- */

static void stop(struct announcer *a)
{
	loop_timer_disarm(a->tick);
	a->discard = a->calling;
	a->now = NULL;
	told_none(a);
	a->round = a->page = false;
	buf_clear(&a->jids);
	a->jid = 0;
}

static void on_deadline(void *arg)
{
	struct announcer *a = arg;
	if (!a->leaving)
		return;
	if (a->now || told_any(a))
		log_info("not every contact was told good-bye",
			 log_u("presences", a->stats.presences));
	a->leaving = false;
	announcer_down(a);
	a->o.gone(a->o.arg);
}

struct announcer *announcer_create(struct loop *loop, struct store *store,
				   const struct announcer_options *options)
{
	struct announcer *a = xcalloc(1, sizeof(*a));
	a->store = store;
	a->o = *options;
	a->tick = loop_timer_create(loop, on_tick, a);
	a->deadline = loop_timer_create(loop, on_deadline, a);
	told_none(a);
	return a;
}

void announcer_use(struct announcer *a, struct link *link)
{
	a->link = link;
}

void announcer_destroy(struct announcer *a)
{
	if (!a)
		return;
	told_forget_all(a);
	buf_free(&a->jids);
	buf_free(&a->out);
	loop_timer_destroy(a->tick);
	loop_timer_destroy(a->deadline);
	free(a);
}

void announcer_up(struct announcer *a)
{
	announcer_down(a);
	a->up = a->round = true;
	a->round_ms = 0;
	a->after[0] = '\0';
	arm(a);
}

void announcer_down(struct announcer *a)
{
	stop(a);
	told_forget_all(a);
	a->up = false;
	if (a->leaving)
		loop_timer_arm(a->deadline, 0);
}

void announcer_room(struct announcer *a)
{
	pump(a);
}

void announcer_wake(struct announcer *a, enum store_wake what, const char *feed)
{
	if (!a->up || a->leaving || what == WAKE_NOTICE || what == WAKE_DUE ||
	    what == WAKE_SCHEDULED)
		return;
	struct told *t = what == WAKE_ALL ? NULL : *told_place(a, feed);
	if (what == WAKE_ALL)
		told_each(a, told_wake);
	else if (t && what == WAKE_LOOK)
		told_wake_set(a, t);
	else if (t)
		told_wake(a, t);
	if (!loop_timer_armed(a->tick))
		arm(a);
}

void announcer_shown(struct announcer *a, const char *feed, struct look *look)
{
	if (!a->up || a->leaving) {
		look_free(look);
		return;
	}
	size_t before = a->count;
	struct told *t = told_make(a, feed);
	if (t->state == TOLD_NOW)
		t->woken = true; /* what was read of it may be from before */
	if (!t->told && !t->sweep)
		t->told = look;
	else
		look_free(look);
	/* Nobody heeded what has changed since LOOK was read. */
	if (a->count > before)
		announcer_wake(a, WAKE_EVENTS, feed);
}

static void begin_good_bye(struct announcer *a, struct told *t)
{
	t->cursor = 0;
	told_ready(a, t);
}

bool announcer_leave(struct announcer *a)
{
	if (!a->up || a->leaving || a->count == 0)
		return false;
	stop(a);
	a->leaving = true;
	told_each(a, begin_good_bye);
	loop_timer_arm(a->deadline, ANNOUNCE_LEAVE_MS);
	loop_timer_arm(a->tick, 0);
	return true;
}

void announcer_stats(const struct announcer *a, struct announcer_stats *out)
{
	*out = a->stats;
	out->feeds = a->count;
	out->round = a->round;
}
