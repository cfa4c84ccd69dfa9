#include "world.h"

#include <belfry/core/id.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One stanza for many, by a multicast service (world.h: of the users of example.org). */

static size_t receivers(const struct link *l, size_t index)
{
	size_t n = 0;
	for (char *to; (to = recorder_receiver(l, index, n)) != NULL; n++)
		free(to);
	return n;
}

static bool is_group(const struct link *l, size_t index)
{
	char *to = recorder_attribute(l, index, "to");
	char *id = recorder_attribute(l, index, "id");
	bool group = strcmp(to, MULTICAST) == 0;
	assert_int_equal(group, strcmp(strrchr(id, '~'), "~" STANZA_ID_GROUP) == 0);
	free(to);
	free(id);
	return group;
}

static size_t groups(const struct link *l)
{
	size_t n = 0;
	for (size_t i = 0; i < recorder_messages(l); i++)
		n += is_group(l, i);
	return n;
}

static void begin(struct world *w, size_t group, size_t rows, unsigned events)
{
	world_start(w);
	w->group = group;
	world_feed(w, "deploys", "{}");
	world_join(w, "deploys", "r", rows, FORMAT_CHAT);
	for (unsigned i = 0; i < events; i++)
		world_commit(w, "deploys", "{\"title\":\"an event\"}");
}

static void test_twenty_a_stanza(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, 100, 45, 3);
	worker_start(&w, &k, 0);
	worker_run(&k);
	worker_check_once(&k, 3 * 45);
	assert_int_equal(recorder_messages(k.link), 3 * 3);
	for (size_t i = 0; i < 9; i++) {
		assert_true(is_group(k.link, i));
		assert_int_equal(receivers(k.link, i), i % 3 == 2 ? 5 : 20);
	}
	assert_int_equal(world_counters(&w, "deploys", w.ids[2], NULL).taken, 45);
	const struct engine_counters *c = engine_counters(k.engine);
	assert_int_equal(c->stanzas, 9);
	assert_int_equal(c->groups, 9);
	assert_int_equal(c->grouped, 3 * 45);
	assert_int_equal(c->taken, 3 * 45);
	world_end(&w, &k);
}

static void test_a_smaller_limit(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, 7, 20, 1);
	worker_start(&w, &k, 0);
	worker_run(&k);
	worker_check_once(&k, 20);
	assert_int_equal(recorder_messages(k.link), 3);
	world_end(&w, &k);
}

/* Formats do not mix, and one alone is a group, too: so that it keeps its way. */
static void test_formats(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, 20, 3, 1);
	world_join(&w, "deploys", "e", 1, FORMAT_EVENT);
	world_join(&w, "deploys", "h", 2, FORMAT_HEADLINE);
	world_commit(&w, "deploys", "{\"title\":\"to all\"}");
	worker_start(&w, &k, 0);
	worker_run(&k);
	worker_check_once(&k, 3 + 6);
	assert_int_equal(recorder_messages(k.link), 1 + 3);
	assert_int_equal(groups(k.link), 1 + 3);
	struct store_counters c = world_counters(&w, "deploys", w.ids[1], NULL);
	assert_int_equal(c.taken, 4);
	assert_int_equal(c.sent, 2);
	world_end(&w, &k);
}

/* Who is not a plain user of the service's domain gets a stanza of his own. */
static void test_who_goes_there(void **state)
{
	static const struct {
		const char *jid;
		bool group;
	} people[] = {
		{"a@example.org", true},
		{"a.b-c_d+e=1!#$%*?^`{|}~@example.org", true},
		{"a@example.org/My phone <1>", true},
		{"a@example.net", false},
		{"a@sub.example.org", false},
		{"a@example.organic", false},
		{"a@example.or", false},
		{"a@xexample.org", false},
		{"example.org", false},
		{"a@" MULTICAST, false},
		{"\xc3\xa4@example.org", false},
		{"a@example.org/\xc3\xa4", false},
		/* Redis is not ours alone. */
		{"A@example.org", false},
		{"a b@example.org", false},
		{"@example.org", false},
		{"a@@example.org", false},
		{"a'b@example.org", false},
		{"a@example.org/", false},
		{"a@example.org/\x01", false},
		{"a@example.org@example.org", false},
		{"a/b@example.org", false},
		{"a\xff@example.org", false},
	};
	enum { COUNT = sizeof(people) / sizeof(people[0]) };
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, 20, 0, 0);
	for (size_t i = 0; i < COUNT; i++)
		world_join_one(&w, "deploys", people[i].jid, FORMAT_EVENT);
	world_commit(&w, "deploys", "{}");
	worker_start(&w, &k, 0);
	worker_run(&k);
	struct letters l = {0};
	letters_add(&l, k.link);
	for (size_t i = 0; i < 3; i++) {
		bool found = false;
		for (size_t n = 0; n < l.count; n++)
			found |= strstr(l.text[n], "~" STANZA_ID_GROUP) &&
				 strncmp(l.text[n], people[i].jid, 5) == 0;
		assert_true(found);
	}
	letters_free(&l);
	assert_int_equal(groups(k.link), 1);
	for (size_t i = 0; i < recorder_messages(k.link); i++)
		assert_int_equal(receivers(k.link, i), is_group(k.link, i) ? 3 : 1);
	/* One is not even UTF-8. */
	assert_int_equal(recorder_messages(k.link), 1 + COUNT - 3 - 1);
	world_end(&w, &k);
}

static void test_the_largest_stanza(void **state)
{
	enum { MAX = 800 };
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, 20, 30, 1);
	worker_start(&w, &k, MAX);
	worker_run(&k);
	worker_check_once(&k, 30);
	assert_in_range(recorder_messages(k.link), 3, 5);
	for (size_t i = 0; i < recorder_messages(k.link); i++) {
		size_t len;
		recorder_message(k.link, i, &len);
		assert_in_range(len, MAX / 2, MAX);
	}
	world_end(&w, &k);
	begin(&w, 20, 2, 1);
	worker_start(&w, &k, 300); /* not even one of a group fits */
	worker_run(&k);
	assert_int_equal(recorder_messages(k.link), 0);
	assert_int_equal(world_counters(&w, "deploys", w.ids[0], NULL).skipped, 2);
	world_end(&w, &k);
}

static void back(struct worker *k, const char *from, bool ends)
{
	char *id = recorder_attribute(k->link, 0, "id");
	assert_true(is_group(k->link, 0));
	recorder_bounce(k->link, id, from, ends ? BOUNCE_ENDS : BOUNCE_RETRIES, "");
	free(id);
}

/* What comes back bears the group's id: who sends it tells which row it is. */
static void bounces(bool late)
{
	struct world w;
	struct worker k;
	begin(&w, 20, 6, 0);
	world_join_one(&w, "deploys", "full@example.org/phone", FORMAT_CHAT);
	struct pos pos = world_commit(&w, "deploys", "{}");
	worker_start(&w, &k, 0);
	worker_until_sent(&k, 1, false);
	if (late)
		worker_run(&k);
	back(&k, "r00001@example.org", false);
	back(&k, "r00001@example.org", false);
	back(&k, "r00002@example.org/desk", false); /* the row is the bare JID's */
	back(&k, "r00003@example.org", true);
	back(&k, "full@example.org/phone", false);
	back(&k, "full@example.org", true);
	back(&k, "mallory@example.org", true);
	back(&k, "example.org", true);
	world_turns(&w, 50);
	worker_run(&k);
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 3);
	assert_int_equal(c.held, 3);
	assert_int_equal(c.bounced, 3);
	assert_int_equal(c.left, 1);
	assert_int_equal(world_sub(&w, "deploys", "r00003@example.org", NULL),
			 BELFRY_ENOENT);
	struct sub_hold h = world_hold(&w, "deploys", "r00002@example.org");
	assert_int_equal(h.reason, HOLD_BOUNCED);
	assert_int_equal(pos_cmp(h.pos, (struct pos){pos.epoch, pos.n - 1}), 0);
	world_end(&w, &k);
}

static void test_bounces_before_the_barrier(void **state)
{
	(void)state;
	bounces(false);
}

static void test_bounces_after_the_barrier(void **state)
{
	(void)state;
	bounces(true);
}

/* Nobody of the group was served: all get it, each a stanza of his own, like the rest. */
static void test_the_service_refuses(void **state)
{
	struct world w;
	struct worker k;
	struct letters l = {0};
	(void)state;
	begin(&w, 20, 50, 2);
	world_join(&w, "deploys", "late", 1, FORMAT_CHAT);
	worker_start(&w, &k, 0);
	worker_until_sent(&k, 6, false);
	back(&k, MULTICAST, true);
	back(&k, MULTICAST, true);
	recorder_forget(k.link);
	worker_run(&k);
	assert_int_equal(k.link->ops->group(k.link), 0);
	assert_int_equal(groups(k.link), 0);
	letters_add(&l, k.link);
	letters_sort(&l);
	assert_int_equal(l.count, 2 * 50);
	assert_int_equal(letters_repeats(&l), 0);
	letters_free(&l);
	for (size_t i = 0; i < 2; i++) {
		bool settled;
		struct store_counters c =
			world_counters(&w, "deploys", w.ids[i], &settled);
		assert_true(settled);
		assert_int_equal(c.taken, 50);
		assert_int_equal(c.left + c.bounced, 0);
	}
	assert_int_equal(world_feed_get(&w, "deploys").subscribers, 51);
	/* Another stream, another try. */
	recorder_down(k.link, LINK_END_LOST, "");
	recorder_set_group(k.link, 20);
	recorder_up(k.link);
	recorder_forget(k.link);
	world_commit(&w, "deploys", "{\"title\":\"three\"}");
	worker_run(&k);
	worker_check_once(&k, 51);
	assert_int_equal(groups(k.link), recorder_messages(k.link));
	world_end(&w, &k);
}

/* What it refuses of a feed is not sent again to those whose window it did serve. */
static void test_only_what_was_refused(void **state)
{
	struct world w;
	struct worker k;
	(void)state;
	begin(&w, 20, 10, 1);
	world_feed(&w, "other", "{}");
	world_join(&w, "other", "o", 10, FORMAT_CHAT);
	world_commit(&w, "other", "{}");
	worker_start(&w, &k, 0);
	worker_until_sent(&k, 2, false);
	recorder_bounce(k.link, "other~9-9~group", MULTICAST, BOUNCE_RETRIES,
			"forbidden");
	assert_int_equal(engine_counters(k.engine)->strange_bounces, 1);
	back(&k, MULTICAST, false);
	worker_run(&k);
	assert_int_equal(engine_counters(k.engine)->repeated, 10);
	assert_int_equal(recorder_messages(k.link), 2 + 10);
	world_end(&w, &k);
}

/* A server that ends the stream at a word: who gets it is found one by one. */
static void test_poison_in_a_group(void **state)
{
	struct world w;
	struct worker k;
	size_t looked = 0;
	unsigned ended = 0;
	bool settled = false;
	(void)state;
	begin(&w, 20, 60, 1);
	worker_start(&w, &k, 0);
	while (!settled) {
		for (; looked < recorder_messages(k.link); looked++) {
			size_t len;
			const char *m = recorder_message(k.link, looked, &len);
			if (!memmem(m, len, "r00033@", 7))
				continue;
			looked = recorder_messages(k.link);
			recorder_down(k.link, LINK_END_ERROR, "not-well-formed");
			recorder_set_group(k.link, 20);
			recorder_up(k.link);
			assert_true(++ended < 10);
			break;
		}
		recorder_serve(k.link);
		loop_turn(w.loop, false);
		world_counters(&w, "deploys", w.ids[0], &settled);
	}
	struct store_counters c = world_counters(&w, "deploys", w.ids[0], NULL);
	assert_int_equal(c.taken, 59);
	assert_int_equal(c.skipped, 1);
	assert_int_equal(ended, 3); /* twice in windows, once alone */
	world_end(&w, &k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twenty_a_stanza),
		cmocka_unit_test(test_a_smaller_limit),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_who_goes_there),
		cmocka_unit_test(test_the_largest_stanza),
		cmocka_unit_test(test_bounces_before_the_barrier),
		cmocka_unit_test(test_bounces_after_the_barrier),
		cmocka_unit_test(test_the_service_refuses),
		cmocka_unit_test(test_only_what_was_refused),
		cmocka_unit_test(test_poison_in_a_group),
	};
	return cmocka_run_group_tests_name("work/groups", tests, NULL, NULL);
}
