#include "holding.h"

#include "work/hub.h"

#include <belfry/core/feed.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PHONE ANN "/phone"
#define PRESENCE(type)                                                                   \
	"<presence type='" type "' from='deploys@" DOMAIN "' to='" ANN "'/>"
#define BY_PRESENCE (SUB_SET_OFFLINE | SUB_SET_SHOWS | SUB_SET_URGENT | SUB_SET_GRANT)

/* ANN follows, having chosen O, and a worker has just begun. */
static void choose(struct world *w, struct worker *k, struct sub_options o)
{
	world_start(w);
	w->presences = true;
	world_feed(w, "deploys", "{}");
	world_join_one(w, "deploys", ANN, FORMAT_CHAT);
	world_join_one(w, "deploys", BOB, FORMAT_CHAT);
	set(w, ANN, BY_PRESENCE, o);
	worker_start(w, k, 0);
}

static const struct sub_options offline_granted = {.hold_offline = true,
						   .grant = GRANT_YES};

static void heard(struct worker *k, const char *jid, enum availability now)
{
	availability_heard(k->availability, "deploys", jid, now, 0);
}

struct read {
	bool done;
	struct sub_options options;
};

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct read *r = arg;
	(void)created;
	assert_int_equal(err, BELFRY_OK);
	sub_options_read(&row->sub, &r->options);
	r->done = true;
}

static struct sub_options options(struct world *w)
{
	struct read r = {0};
	w->app->ops->sub_get(w->app, "deploys", ANN, on_row, &r);
	world_until(w, &r.done);
	return r.options;
}

/* As long as it takes to give up waiting for an answer. */
static void silence(struct worker *k)
{
	for (unsigned i = 0; i < 12; i++)
		settle(k);
}

struct grant {
	enum belfry_err err;
	bool told, created;
};

static void on_granted(void *arg, enum belfry_err err, const struct sub *sub,
		       bool created)
{
	(void)sub;
	*(struct grant *)arg = (struct grant){err, true, created};
}

/* What ANN's server says for her; TELL: she is to be told. */
static void granted(struct world *w, struct worker *k, bool yes, enum belfry_err err,
		    bool tell)
{
	struct hub hub = {
		.store = k->store, .loop = w->loop, .availability = k->availability};
	struct xmpp_hub x = hub_for(&hub);
	struct grant got = {0};
	x.ops->granted(x.hub, "deploys", ANN, yes, on_granted, &got);
	world_turns(w, 20);
	assert_true(got.told);
	assert_int_equal(got.err, err);
	assert_int_equal(got.created, tell);
}

static void new_stream(struct worker *k)
{
	recorder_down(k->link, LINK_END_LOST, "");
	recorder_up(k->link);
}

/* ---- Offline -------------------------------------------------------------------- */

static void test_offline(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, offline_granted);
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 1);
	heard(&k, ANN, AVAIL_OFFLINE);
	post(&w, 3);
	worker_run(&k);
	assert_sent(&k, ANN, "");
	assert_sent(&k, BOB, "1 2 3");
	assert_int_equal(reason(&w, ANN), HOLD_OFFLINE);
	assert_int_equal(counters(&w, 2).held, 1);
	/* It is looked at now and then, and stays as it is. */
	pass(&k, 3 * HOUR_MS);
	assert_sent(&k, ANN, "");
	heard(&k, PHONE, AVAIL_DND);
	settle(&k);
	assert_sent(&k, ANN, "1 2 3");
	assert_true(contains(&k, sent_to(&k, ANN, 0), "<delay "));
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	assert_int_equal(counters(&w, 2).held, 0);
	assert_int_equal(counters(&w, 2).taken, 2);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3 4");
	assert_int_equal(recorder_told(k.link, "type='subscribe'"), 0);
	world_end(&w, &k);
}

/* What is not known keeps nobody waiting. */
static void test_unknown(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, offline_granted);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	/* Nor an error, whatever was known before. */
	settle(&k);
	heard(&k, ANN, AVAIL_OFFLINE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	availability_lost(k.availability, "deploys", ANN);
	settle(&k);
	assert_sent(&k, ANN, "1 2");
	world_end(&w, &k);
}

/* What came back is over: all of her is looked for, and not only who is heard. */
static void test_there_again(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, offline_granted);
	settle(&k);
	heard(&k, PHONE, AVAIL_ONLINE);
	heard(&k, ANN "/laptop", AVAIL_ONLINE);
	availability_lost(k.availability, "deploys", ANN);
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 1);
	heard(&k, ANN "/laptop", AVAIL_OFFLINE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 2);
	heard(&k, PHONE, AVAIL_ONLINE);
	heard(&k, PHONE, AVAIL_OFFLINE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	assert_int_equal(reason(&w, ANN), HOLD_OFFLINE);
	world_end(&w, &k);
}

/* Who chooses often takes nobody's place. */
static void test_chooses_often(void **state)
{
	struct world w;
	struct worker k;
	struct prober_stats stats;
	(void)state;
	choose(&w, &k, offline_granted);
	settle(&k);
	for (unsigned i = 0; i < 1000; i++)
		prober_chosen(k.prober, "deploys", ANN);
	prober_stats(k.prober, &stats);
	assert_true(stats.waiting <= 2);
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 2);
	world_end(&w, &k);
}

/* She comes when it is written that she is held until she does. */
static void test_comes_meanwhile(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, offline_granted);
	settle(&k);
	heard(&k, ANN, AVAIL_OFFLINE);
	post(&w, 1);
	worker_until_sent(&k, 1, false);
	heard(&k, PHONE, AVAIL_ONLINE);
	world_skip(100);
	world_turns(&w, 20); /* there is no hold to be woken yet */
	settle(&k);
	assert_sent(&k, ANN, "1");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	world_end(&w, &k);
}

static void test_full_jid(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, (struct sub_options){0});
	world_change(&w, "deploys", PHONE,
		     &(struct sub_change){.set = BY_PRESENCE,
					  .format = FORMAT_EVENT,
					  .options = offline_granted});
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, PHONE, "1");
	settle(&k);
	heard(&k, ANN "/laptop", AVAIL_ONLINE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, PHONE, "1");
	heard(&k, PHONE, AVAIL_AWAY);
	settle(&k);
	assert_sent(&k, PHONE, "1 2");
	/* It is not kept waiting for what is not known any more. */
	heard(&k, PHONE, AVAIL_OFFLINE);
	settle(&k);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, PHONE, "1 2");
	availability_lost(k.availability, "deploys", ANN);
	settle(&k);
	assert_sent(&k, PHONE, "1 2 3");
	/* Its server speaks for the bare JID. */
	set(&w, PHONE, SUB_SET_GRANT, (struct sub_options){.grant = GRANT_ASKED});
	granted(&w, &k, true, BELFRY_OK, false);
	availability_forget(k.availability, "deploys", ANN);
	granted(&w, &k, true, BELFRY_ENOENT, false);
	prober_chosen(k.prober, "deploys", PHONE);
	/* On the next stream it is that which is looked for. */
	new_stream(&k);
	silence(&k);
	assert_int_equal(recorder_told(k.link, "type='unsubscribe'"), 0);
	world_end(&w, &k);
}

/* ---- What it shows -------------------------------------------------------------- */

static void test_shows(void **state)
{
	struct world w;
	struct worker k;
	const struct sub_options o = {.shows = shows_bit(AVAIL_ONLINE) |
					       shows_bit(AVAIL_CHAT),
				      .urgent_passes = true,
				      .grant = GRANT_YES};
	(void)state;
	choose(&w, &k, o);
	settle(&k);
	heard(&k, PHONE, AVAIL_DND);
	post(&w, 1);
	post_urgent(&w);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "2");
	assert_int_equal(reason(&w, ANN), HOLD_SHOW);
	heard(&k, PHONE, AVAIL_AWAY);
	settle(&k);
	assert_sent(&k, ANN, "2");
	heard(&k, PHONE, AVAIL_CHAT);
	settle(&k);
	assert_sent(&k, ANN, "2 1 3");
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	/* None of it is offline: nothing passes. */
	heard(&k, PHONE, AVAIL_OFFLINE);
	post_urgent(&w);
	worker_run(&k);
	assert_sent(&k, ANN, "2 1 3");
	assert_int_equal(reason(&w, ANN), HOLD_SHOW);
	set(&w, ANN, SUB_SET_SHOWS, (struct sub_options){0});
	settle(&k);
	assert_sent(&k, ANN, "2 1 3 4");
	world_end(&w, &k);
}

/* ---- A new stream, another worker ------------------------------------------------ */

/* K has just taken over from one that had held two events, as ANN was offline. */
static void begin_with_another(struct world *w, struct worker *k)
{
	struct worker first;
	choose(w, &first, offline_granted);
	settle(&first);
	heard(&first, ANN, AVAIL_OFFLINE);
	post(w, 2);
	worker_run(&first);
	worker_kill(&first);
	worker_start(w, k, 0);
}

static void test_another_worker(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_with_another(&w, &k);
	pass(&k, 2 * HOUR_MS); /* no answer yet */
	assert_sent(&k, ANN, "");
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 1);
	heard(&k, ANN, AVAIL_OFFLINE);
	pass(&k, 2 * HOUR_MS);
	assert_sent(&k, ANN, "");
	/* A new stream: it is asked anew, and what was known counts no more. */
	new_stream(&k);
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 2);
	assert_sent(&k, ANN, "");
	heard(&k, PHONE, AVAIL_ONLINE);
	settle(&k);
	assert_sent(&k, ANN, "1 2");
	world_end(&w, &k);
}

/* Nobody waits for ever for one whose presence cannot be known. */
static void test_no_answer(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin_with_another(&w, &k);
	silence(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("probe")), 1);
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 1);
	assert_sent(&k, ANN, "1 2");
	assert_int_equal(options(&w).grant, GRANT_ASKED);
	assert_int_equal(reason(&w, ANN), HOLD_NONE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2 3");
	silence(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 1);
	world_end(&w, &k);
}

/* ---- Asking ---------------------------------------------------------------------- */

static void test_asked(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, (struct sub_options){.hold_offline = true});
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 1);
	assert_int_equal(options(&w).grant, GRANT_ASKED);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	granted(&w, &k, true, BELFRY_OK, false);
	assert_int_equal(options(&w).grant, GRANT_YES);
	/* Behind it comes who is there: nobody. */
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	heard(&k, PHONE, AVAIL_ONLINE);
	settle(&k);
	assert_sent(&k, ANN, "1 2");
	/* She takes it back. */
	heard(&k, ANN, AVAIL_OFFLINE);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1 2");
	granted(&w, &k, false, BELFRY_OK, false);
	settle(&k);
	assert_sent(&k, ANN, "1 2 3");
	assert_int_equal(options(&w).grant, GRANT_REFUSED);
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 1);
	world_end(&w, &k);
}

static void test_refused(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, (struct sub_options){.shows = 1});
	settle(&k);
	granted(&w, &k, false, BELFRY_OK, true);
	assert_int_equal(options(&w).grant, GRANT_REFUSED);
	granted(&w, &k, false, BELFRY_OK, false);
	post(&w, 1);
	new_stream(&k);
	silence(&k);
	assert_sent(&k, ANN, "1");
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 1);
	/* Who chooses anew is asked anew. */
	prober_chosen(k.prober, "deploys", ANN);
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 2);
	/* Who gives it up is not looked at any more. */
	granted(&w, &k, true, BELFRY_OK, false);
	set(&w, ANN, SUB_SET_SHOWS, (struct sub_options){0});
	prober_chosen(k.prober, "deploys", ANN);
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("unsubscribe")), 1);
	assert_int_equal(options(&w).grant, GRANT_NONE);
	assert_false(availability_expected(k.availability, "deploys", ANN));
	granted(&w, &k, true, BELFRY_ENOENT, false);
	world_end(&w, &k);
}

/* It may have been said while nobody was there to hear it. */
static void test_asked_before(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, (struct sub_options){.hold_offline = true, .grant = GRANT_ASKED});
	settle(&k);
	assert_int_equal(recorder_told(k.link, PRESENCE("subscribe")), 1);
	heard(&k, ANN, AVAIL_OFFLINE); /* as some servers say of everybody */
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	granted(&w, &k, true, BELFRY_OK, false);
	post(&w, 1);
	worker_run(&k);
	assert_sent(&k, ANN, "1");
	assert_int_equal(reason(&w, ANN), HOLD_OFFLINE);
	world_end(&w, &k);
}

/* Who is gone need not show anything. */
static void test_left(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	choose(&w, &k, offline_granted);
	settle(&k);
	heard(&k, PHONE, AVAIL_ONLINE);
	availability_expect(k.availability, "deploys", "carol@example.org");
	new_stream(&k);
	silence(&k);
	assert_false(
		availability_expected(k.availability, "deploys", "carol@example.org"));
	assert_int_equal(
		recorder_told(k.link, "<presence type='unsubscribe' from='deploys@" DOMAIN
				      "' to='carol@example.org'/>"),
		1);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_there_again),
		cmocka_unit_test(test_chooses_often),
		cmocka_unit_test(test_comes_meanwhile),
		cmocka_unit_test(test_full_jid),
		cmocka_unit_test(test_shows),
		cmocka_unit_test(test_another_worker),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_asked_before),
		cmocka_unit_test(test_left),
	};
	return cmocka_run_group_tests_name("work/absent", tests, NULL, NULL);
}
