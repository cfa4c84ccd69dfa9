#include "world.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A server that ends the stream at each stanza with one of these words in it. */
struct server {
	struct worker *k;
	const char *words[3];
	size_t looked_at; /* messages */
	unsigned ended;
	size_t most; /* it ends at longer ones as well; 0: it does not */
	bool breaks; /* the connection, while more is unread: no stream error */
};

static bool poisonous(const struct server *s, size_t index)
{
	size_t len;
	const char *m = recorder_message(s->k->link, index, &len);
	if (s->most && len > s->most)
		return true;
	for (size_t i = 0; i < 3 && s->words[i]; i++)
		if (memmem(m, len, s->words[i], strlen(s->words[i])))
			return true;
	return false;
}

static void end_stream(struct server *s)
{
	struct engine_gauges g;
	engine_gauges(s->k->engine, &g);
	if (s->breaks && !g.one_by_one)
		recorder_down(s->k->link, LINK_END_LOST, "");
	else
		recorder_down(s->k->link, LINK_END_ERROR, "not-well-formed");
}

/* Takes what came; true if the stream was ended. */
static bool take(struct server *s)
{
	for (; s->looked_at < recorder_messages(s->k->link); s->looked_at++) {
		if (!poisonous(s, s->looked_at))
			continue;
		s->looked_at = recorder_messages(s->k->link);
		s->ended++;
		end_stream(s);
		recorder_up(s->k->link);
		return true;
	}
	recorder_serve(s->k->link);
	return false;
}

static void run(struct server *s, size_t behind_max)
{
	struct engine_gauges g;
	for (unsigned idle = 0; idle < 200;) {
		take(s);
		loop_turn(s->k->world->loop, false);
		engine_gauges(s->k->engine, &g);
		idle = g.feeds_behind <= behind_max ? idle + 1 : 0;
		assert_true(s->ended < 50);
	}
	assert_false(g.one_by_one);
}

static void one_row(bool breaks)
{
	struct world w;
	struct worker k;
	struct letters l = {0};
	bool settled = false;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_feed(&w, "other", "{}");
	world_join(&w, "deploys", "r", 300, FORMAT_CHAT);
	world_join(&w, "other", "o", 5, FORMAT_CHAT);
	world_change(&w, "deploys", "muted@example.org",
		     &(struct sub_change){.set = SUB_SET_MUTED,
					  .format = FORMAT_CHAT,
					  .options = {.muted_until_ms = UINT64_MAX}});
	world_commit(&w, "deploys", "{\"title\":\"one\"}");
	world_commit(&w, "deploys", "{\"title\":\"two\"}");
	worker_start(&w, &k, 0);
	struct server s = {.k = &k, .words = {"r00123@"}, .breaks = breaks};
	world_commit(&w, "other", "{\"title\":\"three\"}");
	run(&s, 0);
	letters_add(&l, k.link);
	letters_sort(&l);
	/* Two events to all, the poison among them as it was tried. */
	assert_int_equal(letters_distinct(&l), 2 * 300 + 5);
	for (unsigned i = 0; i < 2; i++) {
		struct store_counters c =
			world_counters(&w, "deploys", w.ids[i], &settled);
		assert_int_equal(c.taken, 299);
		assert_int_equal(c.skipped, 1);
		assert_int_equal(c.filtered, 1);
		assert_true(settled);
	}
	assert_int_equal(world_counters(&w, "other", w.ids[2], NULL).taken, 5);
	/* Twice in windows, then alone: once an event. */
	assert_in_range(s.ended, 4, 6);
	letters_free(&l);
	world_end(&w, &k);
}

static void test_one_row(void **state)
{
	(void)state;
	one_row(false);
}

/* The server closes with more unread: its stream error is lost. */
static void test_one_row_breaks_the_connection(void **state)
{
	(void)state;
	one_row(true);
}

/* The event itself is what the server does not take, in one of its formats. */
static void test_one_event(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_join(&w, "deploys", "c", 200, FORMAT_CHAT);
	world_join(&w, "deploys", "e", 200, FORMAT_EVENT);
	world_commit(&w, "deploys", "{\"title\":\"good\"}");
	world_commit(&w, "deploys", "{\"title\":\"bad\",\"url\":\"http://poison/\"}");
	world_commit(&w, "deploys", "{\"title\":\"fine\"}");
	worker_start(&w, &k, 0);
	struct server s = {.k = &k, .words = {"<body>bad"}};
	run(&s, 0);
	struct store_counters c = world_counters(&w, "deploys", w.ids[1], NULL);
	assert_int_equal(c.taken, 200);
	assert_int_equal(c.skipped, 200);
	assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).taken, 400);
	assert_int_equal(world_counters(&w, "deploys", w.ids[2], NULL).taken, 400);
	assert_int_equal(s.ended, 4); /* twice in windows, then for two rows */
	world_end(&w, &k);
}

/* What was confirmed alone is not sent again after the next end of the stream. */
static void test_confirmed_is_not_repeated(void **state)
{
	struct world w;
	struct worker k;
	struct letters l = {0};
	(void)state;
	world_begin(&w, &k, 60, 1);
	struct server s = {.k = &k, .words = {"r00020@", "r00040@"}};
	while (s.ended < 2) {
		take(&s);
		loop_turn(w.loop, false);
	}
	recorder_forget(k.link);
	s.looked_at = 0;
	run(&s, 0);
	letters_add(&l, k.link);
	letters_sort(&l);
	assert_int_equal(letters_repeats(&l), 0);
	/* The second culprit bans the event: whoever had not yet had it is skipped. */
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken + c.skipped, 60);
	assert_int_equal(c.taken + 2, l.count);
	letters_free(&l);
	world_end(&w, &k);
}

/* Redis is not ours alone: what the log should never hold is skipped, the rest goes on.
 */
static void test_hostile_log(void **state)
{
	static const char *const docs[] = {
		"no json", "[1]", "{\"title\":\"\xff\"}", "{\"title\":1}", "",
	};
	struct world w;
	struct worker k;
	(void)state;
	world_begin(&w, NULL, 3, 0);
	for (size_t i = 0; i < 5; i++)
		world_commit(&w, "deploys", docs[i]);
	world_commit(&w, "deploys", "{\"title\":\"fine\"}");
	worker_start(&w, &k, 0);
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 3);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(world_counters(&w, "deploys", w.ids[i], NULL).skipped,
				 3);
	assert_int_equal(world_counters(&w, "deploys", w.ids[5], NULL).taken, 3);
	assert_int_equal(engine_counters(k.engine)->skipped, 15);
	world_end(&w, &k);
}

static void test_too_large(void **state)
{
	enum { MAX = 2000 };
	struct world w;
	struct worker k;
	struct buf doc = {0};
	(void)state;
	world_start(&w);
	world_feed(&w, "deploys", "{}");
	world_join(&w, "deploys", "c", 3, FORMAT_CHAT);
	world_join(&w, "deploys", "e", 4, FORMAT_EVENT);
	buf_adds(&doc, "{\"title\":\"short\",\"data\":\"");
	for (unsigned i = 0; i < MAX; i++)
		buf_addc(&doc, 'x');
	buf_adds(&doc, "\"}");
	world_commit(&w, "deploys", doc.data);
	worker_start(&w, &k, MAX);
	worker_run(&k);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 3);
	assert_int_equal(c.skipped, 4);
	buf_free(&doc);
	world_end(&w, &k);
}

/* Four events come together to five people when an hour has passed. */
static void begin_digests(struct world *w, struct worker *k, const char *const docs[4])
{
	world_start(w);
	world_feed(w, "deploys", "{}");
	for (char c = 'a'; c < 'f'; c++) {
		const char jid[] = {c, '@', 'b', '\0'};
		world_change(w, "deploys", jid,
			     &(struct sub_change){.set = SUB_SET_DIGEST,
						  .format = FORMAT_CHAT,
						  .options.digest.every_min = 60});
	}
	for (size_t i = 0; i < 4; i++)
		world_commit(w, "deploys", docs[i]);
	worker_start(w, k, 0);
	worker_run(k);
	assert_int_equal(recorder_messages(k->link), 0);
	world_pass(w, 3600 * 1000);
}

static size_t held(struct world *w)
{
	size_t n = 0;
	for (char c = 'a'; c < 'f'; c++) {
		const char jid[] = {c, '@', 'b', '\0'};
		n += world_hold(w, "deploys", jid).reason != HOLD_NONE;
	}
	return n;
}

static void run_holds(struct server *s, struct world *w)
{
	for (unsigned turns = 0; held(w); turns++) {
		world_skip(100);
		run(s, 0);
		assert_true(turns < 100);
	}
}

/* The one that the server does not take is found among those that it came with. */
static void test_event_in_digests(void **state)
{
	static const char *const docs[4] = {"{\"title\":\"one\"}", "{\"title\":\"two\"}",
					    "{\"title\":\"bad\"}",
					    "{\"title\":\"four\"}"};
	struct world w;
	struct worker k;
	(void)state;
	begin_digests(&w, &k, docs);
	struct server s = {.k = &k, .words = {"bad"}};
	run_holds(&s, &w);
	for (size_t i = 0; i < 4; i++) {
		struct store_counters c = world_counters(&w, "deploys", w.ids[i], NULL);
		assert_int_equal(c.held, 0);
		assert_int_equal(c.taken, i == 2 ? 0 : 5);
		assert_int_equal(c.skipped, i == 2 ? 5 : 0);
	}
	/* Twice in windows; then for two people, the digest and the event; others get
	 * theirs without it. */
	assert_int_equal(s.ended, 6);
	world_end(&w, &k);
}

/* Nor is anything lost if they are only too much at once. */
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"
static void test_long_digests(void **state)
{
	static const char *const docs[4] = {
		"{\"title\":\"1" LONG "\"}", "{\"title\":\"2" LONG "\"}",
		"{\"title\":\"3" LONG "\"}", "{\"title\":\"4" LONG "\"}"};
	struct world w;
	struct worker k;
	(void)state;
	begin_digests(&w, &k, docs);
	struct server s = {.k = &k, .most = 450};
	run_holds(&s, &w);
	for (size_t i = 0; i < 4; i++) {
		struct store_counters c = world_counters(&w, "deploys", w.ids[i], NULL);
		assert_int_equal(c.taken, 5);
		assert_int_equal(c.held + c.skipped, 0);
	}
	assert_int_equal(s.ended, 4);
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_row),
		cmocka_unit_test(test_one_row_breaks_the_connection),
		cmocka_unit_test(test_one_event),
		cmocka_unit_test(test_confirmed_is_not_repeated),
		cmocka_unit_test(test_hostile_log),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_event_in_digests),
		cmocka_unit_test(test_long_digests),
	};
	return cmocka_run_group_tests_name("work/poison", tests, NULL, NULL);
}
