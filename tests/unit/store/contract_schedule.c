#include "contract.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_schedule.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is scheduled, and how it comes into the log. */

#define LATER UINT64_C(3600000)

static struct sync_scheduled list;
static struct sync_times times;
static struct sync_events events;

static uint64_t released_now(struct store *s, const char *feed)
{
	uint64_t released, lost;
	OK(sync_release(s, feed, &released, &lost));
	assert_int_equal(lost, 0);
	return released;
}

static size_t in_the_log(const char *feed)
{
	OK(sync_events(A, feed, (struct pos){0, 0}, false, 1000, &events));
	return events.count;
}

static bool is_due(const char *feed)
{
	OK(sync_scheduled_due(B, 1000, &times));
	for (size_t i = 0; i < times.count; i++)
		if (!strcmp(times.feed[i], feed))
			return true;
	return false;
}

void test_schedule(void **state)
{
	const char *feed = "schedule", *doc = "{\"t\":\"a\n b\r\n]]>\"}";
	uint64_t far = clock_wall_ms() + LATER;
	struct store_commit c = {.feed = feed,
				 .id = "e4",
				 .item = " it em ",
				 .priority = PRIORITY_URGENT,
				 .at_ms = 5000,
				 .expires_ms = far + 7,
				 .due_ms = far,
				 .doc = doc,
				 .doc_len = strlen(doc)};
	uint64_t due;
	bool replayed;
	(void)state;
	IS(sync_schedule(A, "schedule-none", "e1", NULL, far), BELFRY_ENOFEED);
	IS(sync_scheduled_list(A, "schedule-none", 0, "", 9, &list), BELFRY_ENOFEED);
	IS(sync_scheduled_get(A, "schedule-none", "e1", &list), BELFRY_ENOFEED);
	IS(sync_release(A, "schedule-none", NULL, NULL), BELFRY_ENOFEED);
	contract_feed(feed);
	OK(sync_scheduled_list(A, feed, 0, "", 9, &list));
	assert_int_equal(list.count, 0);
	OK(sync_schedule_as(A, &c, NULL, &replayed, &due));
	assert_false(replayed);
	assert_true(due == far);
	assert_int_equal(in_the_log(feed), 0);
	IS(sync_event_get(B, feed, "e4", NULL, NULL, NULL), BELFRY_ENOENT);
	OK(sync_scheduled_get(B, feed, "e4", &list));
	assert_int_equal(list.count, 1);
	assert_true(list.e[0].due_ms == far);
	assert_true(list.e[0].expires_ms == far + 7);
	assert_int_equal(list.e[0].at_ms, 5000);
	assert_string_equal(list.e[0].item, c.item);
	assert_string_equal(list.e[0].doc, doc);
	assert_int_equal(list.e[0].priority, PRIORITY_URGENT);
	IS(sync_scheduled_get(B, feed, "e5", &list), BELFRY_ENOENT);
	assert_false(is_due(feed));
	assert_in_range(times.wait_ms, 1, LATER);
	assert_int_equal(released_now(A, feed), 0);
}

void test_schedule_is_released(void **state)
{
	const char *feed = "release";
	uint64_t before = clock_wall_ms(), far = before + LATER;
	struct store_counters counters;
	struct pos first, pos;
	struct store_feed f;
	(void)state;
	contract_feed(feed);
	OK(sync_post(A, feed, "e0", "it", &first));
	OK(sync_schedule(A, feed, "e1", NULL, far));
	OK(sync_schedule(B, feed, "e2", "it", 2000));
	OK(sync_schedule(A, feed, "e4", " two words", 1000));
	OK(sync_schedule(A, feed, "e3", NULL, 1000));
	assert_true(is_due(feed));
	assert_int_equal(released_now(B, feed), 3);
	assert_false(is_due(feed));
	assert_int_equal(released_now(A, feed), 0);
	assert_int_equal(in_the_log(feed), 4);
	assert_string_equal(events.e[1].id, "e3");
	assert_string_equal(events.e[2].id, "e4");
	assert_string_equal(events.e[2].item, " two words");
	assert_string_equal(events.e[3].id, "e2");
	assert_string_equal(events.e[3].item, "it");
	assert_string_equal(events.e[3].doc, "{\"a\":1}");
	/* It is of when it came, give or take what two clocks do. */
	assert_true(events.e[3].at_ms + 60000 > before);
	OK(sync_event_get(A, feed, "e2", &counters, NULL, &pos));
	assert_true(pos_cmp(pos, first) > 0);
	OK(sync_feed_get(A, feed, &f));
	assert_true(contract_pos_is(f.head, pos));
	assert_true(contract_pos_is(f.settled, pos)); /* nobody to deliver to */
	OK(sync_items(A, feed, (const char *const[]){"it"}, 1, 9, &events));
	assert_int_equal(events.count, 1);
	assert_string_equal(events.e[0].id, "e2");
	IS(sync_scheduled_get(A, feed, "e2", &list), BELFRY_ENOENT);
	OK(sync_scheduled_list(A, feed, 0, "", 9, &list));
	assert_int_equal(list.count, 1);
}

void test_schedule_pages(void **state)
{
	const char *feed = "schedule-pages";
	uint64_t far = clock_wall_ms() + LATER, after = 0;
	char id[40] = "";
	size_t seen = 0;
	(void)state;
	contract_feed(feed);
	for (int i = 29; i >= 0; i--) {
		char name[16];
		snprintf(name, sizeof name, "e%02d", i);
		/* Many are due at once. */
		OK(sync_schedule(A, feed, name, i % 3 ? NULL : "same",
				 far + (uint64_t)(i / 10)));
	}
	do {
		OK(sync_scheduled_list(B, feed, after, id, 4, &list));
		assert_in_range(list.count, 1, 4);
		for (size_t i = 0; i < list.count; i++) {
			char name[16];
			snprintf(name, sizeof name, "e%02zu", seen++);
			assert_string_equal(list.e[i].id, name);
		}
		after = list.e[list.count - 1].due_ms;
		snprintf(id, sizeof id, "%s", list.e[list.count - 1].id);
	} while (list.more);
	assert_int_equal(seen, 30);
	OK(sync_scheduled_list(B, feed, after, id, 4, &list));
	assert_int_equal(list.count, 0);
	OK(sync_scheduled_list(B, feed, far + 2, "", 100, &list));
	assert_int_equal(list.count, 10);
}

void test_schedule_idempotency(void **state)
{
	struct store_commit c = {.feed = "schedule-idem",
				 .id = "first",
				 .item = "i t",
				 .due_ms = 1000,
				 .doc = "{}",
				 .doc_len = 2,
				 .idem_key = "key",
				 .idem_digest = "d1",
				 .idem_ttl_s = 60};
	char id[40];
	bool replayed;
	uint64_t due;
	(void)state;
	contract_feed(c.feed);
	OK(sync_schedule_as(A, &c, id, &replayed, &due));
	assert_false(replayed);
	c.id = c.item = "second";
	c.due_ms = 2000;
	OK(sync_schedule_as(B, &c, id, &replayed, &due));
	assert_true(replayed);
	assert_string_equal(id, "first");
	assert_int_equal(due, 1000);
	c.idem_digest = "d2";
	IS(sync_schedule_as(B, &c, id, &replayed, &due), BELFRY_EREUSED);
	assert_int_equal(released_now(A, c.feed), 1);
	c.idem_digest = "d1";
	OK(sync_schedule_as(B, &c, id, &replayed, &due));
	assert_true(replayed);
	assert_string_equal(id, "first");
	assert_int_equal(due, 0); /* it is in the log */
	c.due_ms = 0;		  /* its time is over: it would be committed now */
	OK(sync_schedule_as(B, &c, id, &replayed, &due));
	assert_true(replayed);
	assert_int_equal(in_the_log(c.feed), 1);
	OK(sync_feed_delete(A, c.feed));
	contract_feed(c.feed);
	c.due_ms = 3000;
	OK(sync_schedule_as(B, &c, id, &replayed, &due));
	assert_false(replayed); /* the old answer went with the feed */
}

void test_schedule_is_cancelled(void **state)
{
	const char *feed = "cancel";
	uint64_t far = clock_wall_ms() + LATER;
	(void)state;
	IS(sync_scheduled_cancel(A, feed, "e1", NULL), BELFRY_ENOFEED);
	contract_feed(feed);
	IS(sync_scheduled_cancel(A, feed, "e1", NULL), BELFRY_ENOENT);
	OK(sync_schedule(A, feed, "e1", NULL, 1000));
	OK(sync_schedule(A, feed, "e2", "it em", 1001));
	OK(sync_schedule(A, feed, "e3", "it em", far));
	OK(sync_schedule(A, feed, "e4", "it", 1002));
	OK(sync_scheduled_cancel(B, feed, "e1", NULL));
	IS(sync_scheduled_cancel(A, feed, "e1", NULL), BELFRY_ENOENT);
	IS(sync_scheduled_cancel(A, feed, "it em", NULL), BELFRY_ENOENT);
	OK(sync_scheduled_cancel(A, feed, NULL, "it em"));
	IS(sync_scheduled_cancel(A, feed, NULL, "it em"), BELFRY_ENOENT);
	assert_int_equal(released_now(A, feed), 1);
	assert_int_equal(in_the_log(feed), 1);
	assert_string_equal(events.e[0].id, "e4");
	/* An item's id may be its event's. */
	OK(sync_schedule(A, feed, "e5", NULL, 1000));
	OK(sync_scheduled_cancel(A, feed, NULL, "e5"));
	assert_false(is_due(feed));
	/* One with an item goes with all that it is found by. */
	OK(sync_schedule(A, feed, "e6", " x", 1000));
	OK(sync_scheduled_cancel(A, feed, "e6", NULL));
	assert_false(is_due(feed));
	assert_int_equal(released_now(A, feed), 0);
}

/* Its own id may be given to another event before it is due: then it is the newer one. */
void test_schedule_own_item(void **state)
{
	static const char *const id = "01a202d8-9c8a-7000-8000-000000000002";
	const char *feed = "schedule-own";
	struct pos p, pos;
	(void)state;
	contract_feed(feed);
	OK(sync_schedule(A, feed, id, NULL, 1000));
	OK(sync_post(A, feed, "e1", id, &p));
	assert_int_equal(released_now(A, feed), 1);
	OK(sync_event_get(A, feed, id, NULL, NULL, &pos));
	assert_int_equal(in_the_log(feed), 2);
	assert_true(contract_pos_is(events.e[0].superseded, pos));
	OK(sync_items(A, feed, NULL, 0, 9, &events));
	assert_int_equal(events.count, 1);
	assert_string_equal(events.e[0].id, id);
	OK(sync_retract(A, feed, id, "r", pos, &p));
	OK(sync_items(A, feed, &id, 1, 0, &events));
	assert_int_equal(events.count, 0);
}

void test_schedule_without_room(void **state)
{
	const char *feed = "schedule-full";
	(void)state;
	contract_feed(feed);
	OK(sync_schedule(A, feed, "e1", NULL, 1000));
	OK(sync_schedule(A, feed, "e2", "it", 1001));
	OK(sync_schedule(A, feed, "e3", NULL, clock_wall_ms() + LATER));
	contract.fill(true);
	IS(sync_schedule(A, feed, "e4", NULL, 1000), BELFRY_EFULL);
	assert_int_equal(released_now(A, feed), 2);
	OK(sync_scheduled_cancel(A, feed, "e3", NULL));
	contract_has_room();
	assert_int_equal(in_the_log(feed), 2);
}

void test_schedule_goes_with_the_feed(void **state)
{
	const char *feed = "schedule-gone";
	(void)state;
	contract_feed(feed);
	OK(sync_schedule(A, feed, "e1", NULL, 1000));
	assert_true(is_due(feed));
	OK(sync_feed_delete(A, feed));
	assert_false(is_due(feed));
	IS(sync_release(A, feed, NULL, NULL), BELFRY_ENOFEED);
	contract_feed(feed);
	assert_int_equal(released_now(A, feed), 0);
	OK(sync_scheduled_list(A, feed, 0, "", 9, &list));
	assert_int_equal(list.count, 0);
	IS(sync_scheduled_get(A, feed, "e1", &list), BELFRY_ENOENT);
}

void test_schedule_outlives_a_restart(void **state)
{
	const char *feed = "schedule-restart";
	struct pos before, after;
	(void)state;
	contract_feed(feed);
	OK(sync_post(A, feed, "e1", NULL, &before));
	OK(sync_schedule(A, feed, "e2", NULL, 1000));
	OK(sync_schedule(A, feed, "e3", NULL, 1000));
	contract.restart();
	sync_until_up(A);
	sync_until_up(B);
	assert_true(is_due(feed));
	assert_int_equal(released_now(A, feed), 2);
	OK(sync_event_get(A, feed, "e3", NULL, NULL, &after));
	assert_true(after.epoch > before.epoch);
	assert_int_equal(after.n, 2);
	OK(sync_post(B, feed, "e4", NULL, &before));
	assert_true(before.epoch == after.epoch && before.n == 3);
}

/* Of those that are sent at once, none waited for. */
struct many {
	size_t left, refused;
	bool all;
	uint64_t released;
};

static void on_one(void *arg, enum belfry_err err, const struct store_committed *done)
{
	struct many *m = arg;
	(void)done;
	assert_true(err == BELFRY_OK || err == BELFRY_ELIMIT);
	m->refused += err == BELFRY_ELIMIT;
	m->all = !--m->left;
}

static void schedule_many(const char *feed, struct many *m, size_t count)
{
	m->left = count;
	m->all = false;
	for (size_t i = 0; i < count; i++) {
		char id[40];
		snprintf(id, sizeof id, "e%05zu", i);
		struct store_commit c = {.feed = feed,
					 .id = id,
					 .item = id,
					 .due_ms = 1000 + i / 100,
					 .doc = "{}",
					 .doc_len = 2};
		A->ops->commit(A, &c, on_one, m);
	}
	sync_until(&m->all, "all to be scheduled");
}

static void on_some(void *arg, enum belfry_err err, uint64_t released, uint64_t lost)
{
	struct many *m = arg;
	OK(err);
	assert_int_equal(lost, 0);
	m->released += released;
	m->all = !--m->left;
}

/* A burst comes bit by bit, and each of it once, whoever asks for it. */
void test_schedule_bursts(void **state)
{
	const char *feed = "schedule-burst";
	struct many m = {0};
	(void)state;
	contract_feed(feed);
	schedule_many(feed, &m, 500);
	assert_in_range(released_now(A, feed), 1, 100);
	m.released = in_the_log(feed);
	m.left = 20;
	m.all = false;
	for (int i = 0; i < 20; i++)
		(i % 2 ? A : B)->ops->release(i % 2 ? A : B, feed, on_some, &m);
	sync_until(&m.all, "all to be released");
	assert_int_equal(m.released, 500);
	assert_int_equal(in_the_log(feed), 500);
	for (size_t i = 0; i < 500; i++) {
		char id[40];
		snprintf(id, sizeof id, "e%05zu", i);
		assert_string_equal(events.e[i].id, id);
	}
}

void test_schedule_has_a_limit(void **state)
{
	const char *feed = "schedule-limit";
	struct many m = {0};
	(void)state;
	contract_feed(feed);
	schedule_many(feed, &m, STORE_SCHEDULED_MAX + 3);
	assert_int_equal(m.refused, 3);
	OK(sync_scheduled_cancel(A, feed, "e00007", NULL));
	OK(sync_schedule(A, feed, "more", NULL, 1000));
	IS(sync_schedule(A, feed, "still-more", NULL, 1000), BELFRY_ELIMIT);
	OK(sync_feed_delete(A, feed));
}
